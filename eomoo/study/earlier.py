"""What a folder holds already, which a larger budget goes on with; where it is something else, what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eomoo.arrays import Facts
from eomoo.errors import SettingError
from eomoo.search.algorithms import AlgorithmSpec, same_settings
from eomoo.study.rows import ProblemRow, RunRow, RunTrace
from eomoo.study.store import SPREAD, Store


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A run that is asked for: a problem by its number in the store, algorithm, seed, what it may spend, repeats."""

    problem: int
    spec: AlgorithmSpec
    seed: int
    budget: int
    hours: float | None = None
    repeats: int = 1

    def is_same(self, run: RunRow) -> bool:
        """Whether a run is this one, but for what it may spend."""
        mine = run.problem, run.label, run.seed
        return mine == (self.problem, self.spec.label, self.seed) and same_settings(run.settings, self.spec)

    def is_met_by(self, run: RunRow) -> bool:
        """Whether a run has spent just that."""
        enough = self.budget == run.budget or (self.hours is not None and "ended" in run.extra)
        enough &= self.budget >= run.budget and self.repeats <= run.n_repeats
        return run.complete and self.hours == run.hours and enough


def earlier_run(store: Store, asked: Asked) -> tuple[RunRow, RunTrace] | None:
    """The run of a store that is asked for, or the longest part of it; None where the store holds no run.

    Raises:
        SettingError: (a ValueError) It holds another run, or has spent more; the text names all that differs.
    """
    runs = store.runs()
    mine = [run for run in runs if asked.is_same(run)]
    for run in mine:
        if asked.is_met_by(run):
            return run, store.trace(run)
    if not runs:
        return None
    if len(mine) == len(runs):
        run, trace = max(((run, store.trace(run)) for run in mine), key=lambda found: len(found[1].cells))
        cells, hours = (run.budget, run.hours) if run.complete else (len(trace.cells), None)
        hours = run.seconds / 3600.0 if hours is None else hours
        over = {"budget": f"{asked.budget:,}"} if asked.budget < cells else {}
        over |= {"hours": f"{asked.hours:g}"} if asked.hours is not None and asked.hours < hours else {}
        if not over:
            return run, trace
        spent = {"budget": f"{cells:,}", "hours": f"{hours:.3g}"}
        raise another(store.path.parent, over, {name: spent[name] for name in over})
    problems = {problem.id: problem for problem in store.problems()}
    settings = {"algorithm": asked.spec.algorithm, **asked.spec.settings}
    wanted = _facts(problems[asked.problem], settings, asked.seed)
    found = [_facts(problems[run.problem], run.settings, run.seed) for run in runs if run not in mine]
    raise another(store.path.parent, wanted, min(found, key=lambda there: len(_differing(wanted, there))))


def another(folder: Path, asked: Facts, there: Facts) -> SettingError:
    """The error that a folder holds something else than what is asked for, with all that differs."""
    differing = _differing(asked, there)
    parts = [f"{_said(name, asked)} was asked, it holds {_said(name, there)}" for name in differing]
    parts += ["its images, tables or models are others, or have changed"] if "data" in differing else []
    what = "; ".join(parts) or "another version of eomoo wrote it"
    return SettingError(f"{folder} cannot go on with this: {what}; choose another folder")


def _differing(asked: Facts, there: Facts) -> list[str]:
    found = [name for name in asked | there if asked.get(name) != there.get(name)]
    # Another problem has another card and other data too, which says nothing more.
    return [name for name in found if name not in ("card", "data")] if "problem" in found else found


def _said(name: str, facts: Facts) -> str:
    value = facts.get(name)
    return f"no {name}" if value in (None, "") else f"{name} {value}"


def _facts(problem: ProblemRow, settings: Mapping[str, object], seed: int) -> Facts:
    """What a run depends on, in words."""
    # The card's and the algorithm's rungs, both seeds: each pair has one name, and may differ in either.
    options = {("trainings' seed" if name == "seed" else name): value for name, value in problem.options.items()}
    return {
        "problem": problem.name,
        **{name: value for name, value in settings.items() if name not in options},
        **{name: value for name, value in options.items() if name not in SPREAD},
        # Of the card itself; of tables, models or images behind it.
        "card": problem.digest[:8],
        "data": problem.fingerprint[:8],
        "limits": ", ".join(problem.constraints),
        "noise": problem.noise,
        "seed": seed,
    }
