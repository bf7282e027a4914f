"""A study's store as tables: every indicator of every run, at any number of evaluated cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.analysis.runs import problem_box
from eomoo.errors import SettingError, StoreError, UnknownNameError
from eomoo.fronts.box import Box
from eomoo.fronts.dominance import non_dominated
from eomoo.fronts.indicators import INDICATORS, Indicator, front_indicators, hypervolume
from eomoo.fronts.objectives import Objectives
from eomoo.study.record import recorded_study
from eomoo.study.store import STORE_NAME, ProblemRow, RunRow, RunTrace, Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ProblemResults",
    "StudyResults",
    "fronts_at",
    "hypervolume_curves",
    "indicator_frame",
    "load_results",
    "run_fronts",
]

_KEYS = ["problem", "label", "seed", "budget", "evaluations"]


@dataclass(frozen=True, kw_only=True)
class ProblemResults:
    """All runs on one problem.

    Attributes:
        name: The card's name, with its noise and limits where it has some.
        problem: As stored.
        labels: Algorithms in the study's order.
        runs, traces: One each, by label, budget and seed.
        box: The box in which objectives are normalised.
        reference: (r, m) the reference front, minimised.
        reference_is_true: Whether it is the true front; else the best of all runs together.
    """

    name: str
    problem: ProblemRow
    labels: tuple[str, ...]
    runs: tuple[RunRow, ...]
    traces: tuple[RunTrace, ...]
    box: Box
    reference: NDArray[np.float64]
    reference_is_true: bool

    @property
    def objectives(self) -> Objectives:
        """The m of them."""
        return self.problem.objectives

    def of(self, label: str) -> list[tuple[RunRow, RunTrace]]:
        """The runs of an algorithm, by budget and seed."""
        pairs = zip(self.runs, self.traces, strict=True)
        return [(run, trace) for run, trace in pairs if run.label == label]

    def minimised(self, trace: RunTrace) -> NDArray[np.float64]:
        """A trace's values (n, m), minimised."""
        return self.objectives.minimise(trace.values)


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """A study's title and its results, problem by problem."""

    title: str
    problems: tuple[ProblemResults, ...]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Algorithms in the study's order."""
        return tuple(dict.fromkeys(label for p in self.problems for label in p.labels))

    @cached_property
    def columns(self) -> dict[str, Indicator]:
        """Every figure that ``indicator_frame`` may hold: what it is called, and its better direction."""
        found = dict(INDICATORS)
        for results in self.problems:
            for o in results.problem.objectives:
                best = Indicator(title=f"best {o.label}", larger_is_better=o.larger_is_better)
                found[f"best_{o.name}"] = best
        probed = {
            (name, probe): None
            for results in self.problems
            for run in results.runs
            for probe, numbers in run.probed.items()
            for name in numbers
        }
        for name, probe in probed:
            # What is named like an indicator is meant as that indicator.
            like = found.get(name, Indicator(title=name.replace("_", " "), larger_is_better=None))
            title = f"{like.title}, {probe.replace('_', ' ')}"
            found[f"{name}_{probe}"] = Indicator(title=title, larger_is_better=like.larger_is_better)
        return found

    def problem(self, name: str) -> ProblemResults:
        """The results on a problem, by its name."""
        for results in self.problems:
            if results.name == name:
                return results
        known = ", ".join(p.name for p in self.problems)
        raise UnknownNameError(f"the study has no problem {name!r}; it has {known}")


def load_results(folder: str | Path) -> StudyResults:
    """Read a study folder, or the folder of a single run.

    Raises:
        StoreError: There are no results in it, or they are damaged.
    """
    place = Path(folder)
    study = recorded_study(place)
    order = [spec.label for spec, _ in study.algorithms] if study is not None else []
    with Store(place / STORE_NAME) as store:
        runs = [run for run in store.runs() if run.complete]
        if not runs:
            raise StoreError(f"no run of the study in {place} has ended yet")
        found = []
        for problem in store.problems():
            mine = sorted((r for r in runs if r.problem == problem.id), key=lambda r: _place(r, order))
            if mine:
                found.append(_problem_results(store, problem, mine))
    return StudyResults(title=study.title if study is not None else place.name, problems=tuple(found))


def indicator_frame(results: StudyResults, *, at: Sequence[int] = ()) -> pd.DataFrame:
    """Every indicator of every run, a row each.

    Args:
        results: The study's results.
        at: Numbers of distinct cells evaluated at which to look; by default each run's budget. A run
            that ended before (all was explored) is looked at as it ended.

    Returns:
        Columns ``problem``, ``label``, ``seed``, ``budget``, ``evaluations`` (where it was looked at),
        ``distinct_cells`` (what was evaluated until then), and those of ``StudyResults.columns`` that
        apply: ``best_NAME`` in the card's unit; ``NAME_PROBE``, numbers of the study's probes, at the budget.
    """
    import pandas as pd

    if any(n < 1 for n in at):
        raise SettingError(f"indicators are computed at 1 evaluated cell or more; got {min(at)}")
    rows = []
    for problem in results.problems:
        for run, trace in zip(problem.runs, problem.traces, strict=True):
            wanted = sorted({n for n in at if n <= run.budget}) if at else [run.budget]
            fronts = fronts_at(problem.minimised(trace), trace.feasible, wanted)
            for n, front in zip(wanted, fronts, strict=True):
                rows.append(_row(problem, run, trace, n, front))
    if not rows:
        raise SettingError(f"no run has a budget of {min(at):,} cells or more; choose a smaller number")
    frame = pd.DataFrame(rows)
    ordered = [name for name in results.columns if name in frame]
    return frame[[*_KEYS, "distinct_cells", *ordered]]


def hypervolume_curves(problem: ProblemResults, at: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """Share of the reference front's hypervolume against distinct cells evaluated.

    Args:
        problem: Results on a problem.
        at: (c,) ascending numbers of cells.

    Returns:
        (seeds, c) for each label; NaN beyond a run's budget.
    """
    whole = hypervolume(problem.reference, problem.box) or np.nan
    curves: dict[str, NDArray[np.float64]] = {}
    for label in problem.labels:
        pairs = problem.of(label)
        curve = np.full((len(pairs), len(at)), np.nan)
        for row, (run, trace) in enumerate(pairs):
            wanted = [n for n in at if n <= run.budget]
            F = problem.minimised(trace)
            fronts = fronts_at(F, trace.feasible, wanted)
            curve[row, : len(wanted)] = [hypervolume(F[f], problem.box) / whole for f in fronts]
        curves[label] = curve
    return curves


def fronts_at(
    F: NDArray[np.float64], feasible: NDArray[np.bool_], at: Sequence[int]
) -> Iterator[NDArray[np.int64]]:
    """Positions of the non-dominated feasible points among the first n, for each n of ``at`` (ascending)."""
    front = np.empty(0, dtype=np.int64)
    for start, stop in pairwise([0, *at]):
        new = np.flatnonzero(feasible[start:stop]) + start
        candidates = np.concatenate((front, new))
        front = candidates[non_dominated(F[candidates])]
        yield front


def run_fronts(problem: ProblemResults, label: str, *, at: int | None = None) -> list[NDArray[np.float64]]:
    """The front (k, m), minimised, of each run of an algorithm, at its budget or ``at`` so many cells."""
    found = []
    for run, trace in problem.of(label):
        F = problem.minimised(trace)
        found.append(F[next(fronts_at(F, trace.feasible, [run.budget if at is None else at]))])
    return found


def _row(
    problem: ProblemResults, run: RunRow, trace: RunTrace, n: int, front: NDArray[np.int64]
) -> dict[str, Any]:
    F = problem.minimised(trace)[front]
    best = problem.objectives.raw(F.min(axis=0, initial=np.inf))
    row: dict[str, Any] = {
        "problem": problem.name,
        "label": run.label,
        "seed": run.seed,
        "budget": run.budget,
        "evaluations": n,
        "distinct_cells": min(n, len(trace.cells)),
        **front_indicators(trace.cells[front], F, box=problem.box, reference=problem.reference),
        **{f"best_{name}": float(v) for name, v in zip(problem.objectives.names, best, strict=True)},
    }
    if n == run.budget:
        row |= {
            f"{name}_{probe}": value
            for probe, numbers in run.probed.items()
            for name, value in numbers.items()
        }
    return row


def _problem_results(store: Store, problem: ProblemRow, runs: list[RunRow]) -> ProblemResults:
    traces = tuple(trace for _, trace in store.traces(problem.id, runs))
    true_front = store.true_front(problem.id)
    seen = [trace.values[trace.feasible] for trace in traces]
    F = problem.objectives.minimise(np.concatenate(seen))
    if not len(F):
        raise StoreError(f"{store.path}: no run on {problem.name} has found a feasible cell")
    if true_front is not None:
        reference = problem.objectives.minimise(true_front[1])
    else:
        reference = np.unique(F[non_dominated(F)], axis=0)
    return ProblemResults(
        name=_name(problem),
        problem=problem,
        labels=tuple(dict.fromkeys(run.label for run in runs)),
        runs=tuple(runs),
        traces=traces,
        box=problem_box(problem.objectives, true_front, F),
        reference=reference,
        reference_is_true=true_front is not None,
    )


def _name(problem: ProblemRow) -> str:
    extras = [f"noise {problem.noise}"] if problem.noise is not None else []
    extras += problem.constraints
    return f"{problem.name} ({', '.join(extras)})" if extras else problem.name


def _place(run: RunRow, order: Sequence[str]) -> tuple[Any, ...]:
    """Sorts runs by the study's order of labels, those without a study naturally: "a 9" before "a 10"."""
    known = order.index(run.label) if run.label in order else len(order)
    parts = re.split(r"(\d+)", run.label)
    natural = [(int(part) if part.isdigit() else 0, part) for part in parts]
    return known, natural, run.budget, run.seed
