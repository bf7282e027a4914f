"""What a store holds of a run or a study: traces, fronts at any number of evaluated cells, the true front."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from eomoo.analysis.columns import Front, known_of, rows_of
from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import counted, known_name
from eomoo.errors import StoreError
from eomoo.fronts import INDICATORS, Box, Indicator, Objectives, non_dominated, sorted_front
from eomoo.study.plan import Study
from eomoo.study.record import recorded_study
from eomoo.study.rows import ProblemRow, RunRow, RunTrace
from eomoo.study.store import STORE_NAME, Store

TrueFront = tuple[Ints, Floats]
"""Cells (t,) and raw values (t, m)."""

AREA = "hypervolume_area"
"""The indicator of a whole search, see ``curves.hypervolume_area``."""


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run with all that the store knows of it.

    Attributes:
        problem, run, trace: As stored.
        front: (k,) positions in the trace of the non-dominated feasible cells, by first objective.
        true_front: Cells and raw values of the front of all cells, predicted where the problem's values are, or None.
        deviations: Standard deviations (k, m) of the front's values.
    """

    problem: ProblemRow
    run: RunRow
    trace: RunTrace
    front: Ints
    true_front: TrueFront | None
    deviations: Floats

    @property
    def front_cells(self) -> Ints:
        """(k,) indices of the front's cells."""
        return self.trace.cells[self.front]

    @property
    def front_values(self) -> Floats:
        """(k, m) raw values of the front's cells."""
        return self.trace.values[self.front]

    @cached_property
    def shown(self) -> Front:
        """The front with all that is known of it."""
        known = known_of([self.run])
        cells, values = self.front_cells, self.front_values
        return Front(problem=self.problem, cells=cells, values=values, deviations=self.deviations, **known)

    def __repr__(self) -> str:
        run, n = self.run, len(self.trace.cells)
        what = f"{self.problem.name}, {run.algorithm}, seed {run.seed}"
        return f"{type(self).__name__}({what}: {n:,} cells, {len(self.front)} on the front)"


def front_of(trace: RunTrace, objectives: Objectives) -> Ints:
    """Positions in a trace of its non-dominated feasible cells, sorted by the first objective."""
    feasible = np.flatnonzero(trace.feasible)
    return feasible[sorted_front(objectives.minimise(trace.values[feasible]))]


def load_run(store: Store, run: RunRow) -> StoredRun:
    """A run of the store, with its front."""
    problem = next(p for p in store.problems() if p.id == run.problem)
    trace = store.trace(run)
    front, deviations = front_of(trace, problem.objectives), store.front_deviations(problem.id, [run])
    return StoredRun(
        problem=problem,
        run=run,
        trace=trace,
        front=front,
        true_front=store.true_front(problem.id),
        deviations=rows_of(deviations, trace.cells[front], len(problem.objectives), missing=0.0),
    )


def problem_box(objectives: Objectives, true_front: TrueFront | None, F: Floats) -> Box:
    """The box for indicators, from the ideal point to the card's reference point.

    The ideal point is that of the front of all cells; where it is unknown, that of the points ``F`` (n, m). A card
    without a reference point gets the worst of these points and of that front. Where nothing is known,
    there is a box at 0 all the same.
    """
    points = F[np.isfinite(F).all(axis=1)]
    if not len(points) and true_front is None:
        points = np.zeros((1, len(objectives)))
    best = points if true_front is None else objectives.minimise(true_front[1])
    if objectives.reference is not None:
        # Live results may be better than anything that the card's author expected, or all worse.
        return Box.up_to(objectives.reference, best.min(axis=0))
    # Nothing evaluated is better than the front of all cells.
    return Box.of(np.concatenate((points, best)), margin=0.1)


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
        true_front: Where it is known; else the reference front is the best of all runs together.
        deviations: Standard deviations (m,) of the raw values, of cells of fronts.
    """

    name: str
    problem: ProblemRow
    labels: tuple[str, ...]
    runs: tuple[RunRow, ...]
    traces: tuple[RunTrace, ...]
    box: Box
    reference: Floats
    true_front: TrueFront | None
    deviations: dict[int, Floats]

    @property
    def reference_is_true(self) -> bool:
        """Whether the reference front is that of all cells."""
        return self.true_front is not None

    @property
    def reference_name(self) -> str:
        """What the reference front is; a true one has measured or exact values."""
        return self.problem.best_front if self.reference_is_true else "best front known"

    @property
    def feasible(self) -> bool:
        """Whether some run has found a feasible cell."""
        return any(trace.feasible.any() for trace in self.traces)

    @property
    def objectives(self) -> Objectives:
        """The m of them."""
        return self.problem.objectives

    @property
    def algorithms(self) -> dict[str, str]:
        """The algorithm behind each label, in the study's order."""
        known = {run.label: run.algorithm for run in self.runs}
        return {label: known.get(label, label) for label in self.labels}

    def places(self, label: str) -> list[int]:
        """Positions of an algorithm's runs, by budget and seed."""
        return [k for k, run in enumerate(self.runs) if run.label == label]

    def fronts(self, k: int, at: Sequence[int]) -> list[Ints]:
        """Positions in the k-th trace of the front after each number of cells (ascending); found once."""
        new = [n for n in at if (k, n) not in self._fronts]
        F, feasible = self.minimised(self.traces[k]), self.traces[k].feasible
        self._fronts.update({(k, n): front for n, front in zip(new, fronts_at(F, feasible, new), strict=True)})
        return [self._fronts[k, n] for n in at]

    @cached_property
    def _fronts(self) -> dict[tuple[int, int], Ints]:
        return {}

    def minimised(self, trace: RunTrace) -> Floats:
        """A trace's values (n, m), minimised."""
        return self.objectives.minimise(trace.values)


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """A study's title and its results, problem by problem; ``unfinished`` says which part is there of one under way."""

    title: str
    problems: tuple[ProblemResults, ...]
    unfinished: str = ""

    @property
    def runs(self) -> list[RunRow]:
        """All runs, problem by problem."""
        return [run for p in self.problems for run in p.runs]

    def __repr__(self) -> str:
        n = counted(len(self.problems), "problem"), counted(len(self.runs), "run")
        return f"{type(self).__name__}({self.title}: {', '.join(n)})"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Algorithms in the study's order."""
        return tuple(dict.fromkeys(label for p in self.problems for label in p.labels))

    @cached_property
    def columns(self) -> dict[str, Indicator]:
        """Every figure that ``indicator_frame`` may hold: what it is called, and its better direction."""
        found: dict[str, Indicator] = {}
        for name, indicator in INDICATORS.items():
            found[name] = indicator
            if name == "hypervolume_share":
                found[AREA] = Indicator(title="mean share of hypervolume during the search", larger_is_better=True)
        for o in (o for results in self.problems for o in results.objectives):
            found[f"best_{o.name}"] = Indicator(title=f"best {o.label}", larger_is_better=o.larger_is_better)
        probed = ((name, probe) for run in self.runs for probe, numbers in run.probed.items() for name in numbers)
        for name, probe in dict.fromkeys(probed):
            # What is named like an indicator is meant as that indicator.
            like = found.get(name, Indicator(title=name.replace("_", " "), larger_is_better=None))
            title = f"{like.title}, {probe.replace('_', ' ')}"
            found[f"{name}_{probe}"] = Indicator(title=title, larger_is_better=like.larger_is_better)
        return found

    def problem(self, name: str) -> ProblemResults:
        """The results on a problem, by its name."""
        known = {p.name: p for p in self.problems}
        return known[known_name("problem in the study called", name, known)]


def families(problems: Sequence[ProblemResults]) -> list[int]:
    """A number (k,) for each problem, the same for those that are no independent evidence.

    A problem whose objectives are all among another's is a copy of it: with noise, with limits, measured, or with
    an objective more.
    """
    names = [{o.name for o in problem.objectives} for problem in problems]
    found = list(range(len(problems)))
    for a, b in combinations(range(len(problems)), 2):
        if names[a] <= names[b] or names[b] <= names[a]:
            found = [found[a] if family == found[b] else family for family in found]
    return found


def load_results(folder: str | Path) -> StudyResults:
    """Read a study folder, or the folder of a single run.

    Raises:
        StoreError: There are no results in it, or they are damaged.
    """
    place = Path(folder)
    study = recorded_study(place)
    order = [spec.label for spec, _ in study.algorithms] if study is not None else []
    with Store(place / STORE_NAME) as store:
        everything = store.runs()
        # A run alone that is under way, or was interrupted, is shown as far as it is.
        runs = [run for run in everything if run.complete] or everything
        if not runs:
            if study is None:
                raise StoreError(f"the run in {place} has no results yet; the same eomoo run command goes on with it")
            raise StoreError(f"no run of the study in {place} has ended yet")
        found = []
        for problem in store.problems():
            mine = sorted((r for r in runs if r.problem == problem.id), key=lambda r: _place(r, order))
            if mine:
                traces = tuple(trace for _, trace in store.traces(problem.id, mine))
                known = store.front_deviations(problem.id, mine)
                found.append(_problem_results(problem, mine, traces, store.true_front(problem.id), known))
    title, unfinished = (place.name, "") if study is None else (study.title, _unfinished(study, runs))
    return StudyResults(title=title, problems=tuple(found), unfinished=unfinished)


def _unfinished(study: Study, runs: Sequence[RunRow]) -> str:
    """Where not all runs of a study have ended, a sentence on how many have."""
    planned = {(spec.label, budget) for spec, budget in study.algorithms}
    n, whole = sum((run.label, run.budget) in planned for run in runs), len(study.tasks)
    if n >= whole:
        return ""
    return f"The study is not finished: {n:,} of its {whole:,} runs are there; the same command goes on with it."


def results_of(stored: StoredRun) -> StudyResults:
    """Results that hold one run alone."""
    known = dict(zip(stored.front_cells.tolist(), stored.deviations, strict=True))
    found = _problem_results(stored.problem, [stored.run], (stored.trace,), stored.true_front, known)
    return StudyResults(title=stored.problem.name, problems=(found,))


def fronts_at(F: Floats, feasible: Bools, at: Sequence[int]) -> Iterator[Ints]:
    """Positions of the non-dominated feasible points among the first n, for each n of ``at`` (ascending)."""
    front = np.empty(0, dtype=np.int64)
    for start, stop in pairwise([0, *at]):
        new = np.flatnonzero(feasible[start:stop]) + start
        candidates = np.concatenate((front, new))
        front = candidates[non_dominated(F[candidates])]
        yield front


def run_fronts(problem: ProblemResults, label: str, *, at: int | None = None) -> list[Floats]:
    """The front (k, m), minimised, of each run of an algorithm, at its budget or ``at`` so many cells."""
    found = []
    for k in problem.places(label):
        (front,) = problem.fronts(k, [problem.runs[k].budget if at is None else at])
        found.append(problem.minimised(problem.traces[k])[front])
    return found


def _problem_results(
    problem: ProblemRow,
    runs: list[RunRow],
    traces: tuple[RunTrace, ...],
    true_front: TrueFront | None,
    deviations: dict[int, Floats],
) -> ProblemResults:
    seen = [trace.values[trace.feasible] for trace in traces]
    F = problem.objectives.minimise(np.concatenate(seen))
    best = np.unique(F[non_dominated(F)], axis=0) if true_front is None else problem.objectives.minimise(true_front[1])
    return ProblemResults(
        name=_name(problem),
        problem=problem,
        labels=tuple(dict.fromkeys(run.label for run in runs)),
        runs=tuple(runs),
        traces=traces,
        # Where nothing is feasible, there is a box all the same.
        box=problem_box(problem.objectives, true_front, F if len(F) else problem.objectives.minimise(traces[0].values)),
        reference=best,
        true_front=true_front,
        deviations=deviations,
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
