"""One run: an algorithm on a problem, with a budget of distinct cells and a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.core.termination import TerminateIfAny, Termination

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import positive
from eomoo.fronts import FrontArchive
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.budget import BudgetedEvaluator, DistinctCells, paid_units
from eomoo.search.hours import Hours
from eomoo.search.problem import CellProblem, check_cells

_INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        n_eval, n_distinct: All evaluations, and distinct cells.
        total: The budget.
        front: (k, m) its front's ``F``.
        n_earlier: Of the distinct cells, those of an earlier part that is gone on with.
        so_far: Gives what was found until now, as of an interrupted run.
    """

    n_eval: int
    n_distinct: int
    front: Floats
    n_earlier: int
    so_far: Callable[[], RunResult] = field(repr=False)
    total: int
    what = "cells"

    @property
    def done(self) -> int:
        """The distinct cells."""
        return self.n_distinct


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A part of a run that was made before, which is gone through again: its distinct cells, and its seconds."""

    n_distinct: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run evaluated.

    Attributes:
        cells: (n,) int64, distinct cells in the order of their first evaluation.
        values: (n, m) raw values; NaN where an evaluation failed.
        feasible: (n,) bool.
        front: (k,) int64, the non-dominated cells.
        front_deviations: (k, m) standard deviations of their values.
        starts: (s,) int64, cells that a local search first began from; None for other algorithms.
        notes: What a surrogate start says of its surrogates: n_train, spearman, predicted_front; else empty.
        spending: What a search that trains sparingly says of itself, see ``CostAwareSearch.spending``; else empty.
        n_eval: All evaluations, repeated and invalid ones included.
        seconds: Wall time; of a run that went on, that of its parts.
        complete: False when the run was interrupted.
        ended: Why it evaluated fewer cells than its budget, in a sentence; "" where it did not.
        nearest: Where no cell is feasible, how near one came, in a sentence: the least violation, and the
            best value seen of each limited quantity; else "".
        front_limited: (k, c) the front's values of the quantities that the problem limits.
        front_basis: (k,) what the front's values rest on, see ``CellProblem.basis``.
        front_measured: (k, m) what was measured of the front's cells where their values are predicted, else NaN.
        repeats: Of how many trainings values are means, see ``with_repeats``; empty where nothing is trained.
    """

    cells: Ints
    values: Floats
    feasible: Bools
    front: Ints
    front_deviations: Floats
    starts: Ints | None
    notes: Mapping[str, object]
    n_eval: int
    seconds: float
    complete: bool
    ended: str = ""
    nearest: str = ""
    front_limited: Floats = field(default_factory=lambda: np.empty((0, 0)))
    front_basis: Sequence[str] = ()
    front_measured: Floats = field(default_factory=lambda: np.empty((0, 0)))
    spending: Mapping[str, object] = field(default_factory=dict)
    repeats: Facts = field(default_factory=dict)


class _Recorder:
    def __init__(self, problem: CellProblem) -> None:
        self.problem = problem
        self.names = problem.objective_names
        self.cells: list[Ints] = []
        self.values: list[Floats] = []
        self.feasible: list[Bools] = []
        self.front = FrontArchive(problem.n_obj)

    def __call__(self, pop: Population) -> None:
        index = np.array([individual.get("index") for individual in pop], dtype=np.int64)
        values = np.array([[individual.get(name) for name in self.names] for individual in pop], dtype=float)
        F = np.stack([individual.F for individual in pop])
        # Not from G alone, which an algorithm without constraints never sees; a problem of one's own has limits beside.
        known = np.fmax(self.problem.violations_at(index), np.isnan(values).any(axis=1))
        violation = np.fmax(known, np.concatenate([individual.CV for individual in pop]))
        self.cells.append(index)
        self.values.append(values)
        self.feasible.append(violation <= 0)
        self.front.offer(index, F, violation)

    def result(self, algorithm: Algorithm, *, n_eval: int, seconds: float, complete: bool, ended: str) -> RunResult:
        m = len(self.names)
        cells = np.concatenate([np.empty(0, dtype=np.int64), *self.cells])
        starts = getattr(algorithm, "first_starts", None)
        values = np.concatenate([np.empty((0, m)), *self.values])
        return RunResult(
            cells=cells,
            values=values,
            feasible=np.concatenate([np.empty(0, dtype=bool), *self.feasible]),
            starts=None if starts is None or len(starts) == 0 else starts,
            # Where the first cells came from; genetic algorithms keep it in their initialisation.
            notes=getattr(getattr(getattr(algorithm, "initialization", algorithm), "sampling", None), "notes", {}),
            # One that was interrupted before its beginning has nothing to say.
            spending=getattr(algorithm, "spending", {}),
            n_eval=n_eval,
            seconds=seconds,
            complete=complete,
            ended=ended,
            **said_of_front(self.problem, self.front.index[self.front.violation <= 0], cells, values),
        )


def run_algorithm(
    problem: CellProblem,
    spec: AlgorithmSpec,
    *,
    budget: int,
    seed: int,
    hours: float | None = None,
    earlier: Earlier = Earlier(),
    on_progress: Callable[[Progress], None] | None = None,
) -> RunResult:
    """Run an algorithm until it has evaluated ``budget`` distinct cells, or has nothing left to do.

    An interrupt (Ctrl-C) ends the run early; what was found until then is returned.

    Args:
        problem, spec, seed: What is searched, how.
        budget: Distinct cells, those of an earlier part included.
        hours: Wall hours after which nothing more is begun, those of an earlier part included.
        earlier: The same run with a smaller budget, which this one goes on with: no decision of a search reads its
            budget, so that it is gone through again, from values that are kept.
        on_progress: Called after each batch.
    """
    check_cells("run_algorithm", problem)
    positive("budget", budget)
    posed = problem if spec.handles_constraints else problem.unconstrained()
    recorder = _Recorder(problem)
    evaluator = BudgetedEvaluator(budget, on_new=recorder)
    algorithm = spec.build(problem.n_obj)
    # Where few cells have values, an algorithm that does not know them would breed for minutes.
    stall = {} if problem.domain is None else {"stall_generations": 30}
    clock = None if hours is None else Hours(hours, spent=earlier.seconds / 3600.0, replayed=earlier.n_distinct)
    ends: Termination = DistinctCells(budget, **stall)
    ends = ends if clock is None else TerminateIfAny(ends, clock)
    began = perf_counter()

    def found(ended: str = _INTERRUPTED) -> RunResult:
        seconds, whole = earlier.seconds + perf_counter() - began, ended != _INTERRUPTED
        return recorder.result(algorithm, n_eval=evaluator.n_eval, seconds=seconds, complete=whole, ended=ended)

    try:
        algorithm.setup(posed, termination=ends, seed=seed, evaluator=evaluator)
        while algorithm.has_next():
            if 0 < earlier.n_distinct >= evaluator.n_distinct:
                began = perf_counter()
            algorithm.next()
            if on_progress is not None:
                progress = Progress(
                    n_eval=evaluator.n_eval,
                    n_distinct=evaluator.n_distinct,
                    front=recorder.front.F[recorder.front.violation <= 0],
                    total=budget,
                    n_earlier=earlier.n_distinct,
                    so_far=found,
                )
                on_progress(progress)
    except KeyboardInterrupt:
        return found()
    finally:
        if posed is not problem:
            posed.close()
    over = clock is not None and clock.over(algorithm)
    return found(_why_it_ended(problem, spec, evaluator, f"its {hours:g} hours are over" if over else ""))


def _why_it_ended(problem: CellProblem, spec: AlgorithmSpec, evaluator: BudgetedEvaluator, over: str) -> str:
    """Why fewer cells were evaluated than the budget allows; "" where they were not."""
    done, total = evaluator.n_distinct, problem.n_cells
    # What shorter trainings leave may be less than the next training costs.
    if done + paid_units(evaluator) > evaluator.budget - 1:
        return ""
    if over:
        return over
    if done >= total:
        return f"all {total:,} cells of the problem have been evaluated" if total > 1 else "there is no other cell"
    if spec.settings.get("restart") == "none":
        return "every cell on the front is explored, and restart is none"
    idle = evaluator.n_eval - evaluator.n_eval_at_last_new
    return (
        f"{spec.algorithm} found {done:,} of the problem's {total:,} cells, and no further one in its last {idle:,} "
        "evaluations: most genotypes that it makes are no cell with values"
    )


def said_of_front(problem: CellProblem, front: Ints, cells: Ints, values: Floats) -> Facts:
    """What a ``RunResult`` says of a front (k,) of cells (n,) with raw values (n, m), or of why there is none."""
    none = len(front) == 0 and len(cells) > 0
    return {
        "front": front,
        "front_limited": problem.limited_values(front),
        "front_basis": problem.basis(front),
        "front_measured": problem.measured_values(front),
        "front_deviations": problem.deviations(front) if len(front) else np.empty((0, problem.n_obj)),
        "nearest": _nearest_to_feasible(problem, cells[~np.isnan(values).any(axis=1)]) if none else "",
    }


def _nearest_to_feasible(problem: CellProblem, cells: Ints) -> str:
    """How near to the limits evaluated cells (n,) came, none of which keeps all of them; a sentence."""
    measured = problem.limited_values(cells)
    known = ~np.isnan(measured).any(axis=1)
    if not known.any():
        return "no evaluation gave values"
    parts = []
    for limit, values in zip(problem.constraints, measured[known].T, strict=True):
        excess = limit.excess(values).max(axis=1)
        parts.append(f"{limit.quantity} {values[excess.argmin()]:.6g} (limit {limit})")
    least = problem.violations_at(cells[known]).min()
    return (
        f"no evaluated cell keeps every limit; the least violation is {least:.3g} in units of the limits, "
        f"the best value seen of each limited quantity: {', '.join(parts)}"
    )
