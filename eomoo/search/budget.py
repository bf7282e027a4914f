"""Budgets: what a run may spend, and how much of it is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil

import numpy as np
from pymoo.core.algorithm import Algorithm
from pymoo.core.evaluator import Evaluator
from pymoo.core.population import Population
from pymoo.core.termination import Termination

from eomoo.arrays import Bools, Ints
from eomoo.checks import positive
from eomoo.errors import SettingError
from eomoo.fronts import PENALTY
from eomoo.search.hours import Hours, told_by
from eomoo.search.problem import CellProblem
from eomoo.search.starts import first_places
from eomoo.space import load_space


def remaining_evaluations(algorithm: Algorithm) -> int | None:
    """Evaluations that an algorithm's termination leaves it; None where it names no number.

    Understands pymoo's ("n_eval", n), collections of criteria with one, :class:`DistinctCells`, and :class:`Hours`,
    which leave none once they are over.
    """
    left = remaining_units(algorithm)
    return None if left is None else int(left)


def remaining_units(algorithm: Algorithm) -> float | None:
    """As ``remaining_evaluations``, with what shorter trainings have left of the next; to six digits."""
    limits = told_by(algorithm.termination, partial(_left, algorithm))
    return max(0.0, round(min(limits) - paid_units(algorithm.evaluator), 6)) if limits else None


def paid_units(evaluator: Evaluator) -> float:
    """What has been paid for shorter trainings, in full ones."""
    return float(getattr(evaluator, "paid", 0.0))


def pay(algorithm: Algorithm, units: float) -> None:
    """Take what shorter trainings cost, in full ones, off an algorithm's budget."""
    algorithm.evaluator.paid = paid_units(algorithm.evaluator) + units


def _left(algorithm: Algorithm, termination: Termination) -> int | None:
    """Evaluations that a termination leaves by itself; None where it names no number."""
    if isinstance(termination, DistinctCells):
        return termination.n - _n_distinct(algorithm)
    if isinstance(termination, Hours):
        return 0 if termination.over(algorithm) else None
    limit = getattr(termination, "n_max_evals", None)
    return None if limit is None or not np.isfinite(limit) else ceil(limit) - int(algorithm.evaluator.n_eval)


def _n_distinct(algorithm: Algorithm) -> int:
    if not hasattr(algorithm.evaluator, "n_distinct"):
        raise SettingError("DistinctCells needs an evaluator that counts them: evaluator=BudgetedEvaluator(n)")
    return int(algorithm.evaluator.n_distinct)


class DistinctCells(Termination):
    """Ends a run after a number of distinct cells; needs a :class:`BudgetedEvaluator`.

    It also ends a run that finds nothing more: when every cell of the problem is evaluated, or after a
    stall, since a genetic algorithm on a small domain may never find its last cells.

    Args:
        n: Distinct cells that may be evaluated.
        stall_generations: Generations without a new cell after which the run ends all the same.
    """

    def __init__(self, n: int, *, stall_generations: int = 100) -> None:
        super().__init__()
        self.n, self.stall_generations = positive("n", n), stall_generations
        self._n_before = self._n_idle = 0

    def _update(self, algorithm: Algorithm) -> float:
        n = _n_distinct(algorithm)
        self._n_idle = self._n_idle + 1 if n == self._n_before else 0
        self._n_before = n
        if n >= algorithm.problem.n_cells or self._n_idle >= self.stall_generations:
            return 1.0
        return float((n + paid_units(algorithm.evaluator)) / self.n)


class BudgetedEvaluator(Evaluator):
    """An evaluator that counts distinct cells and stops exactly at a budget.

    What counts is a cell of the problem's domain that is evaluated for the first time. Individuals beyond the budget
    are not evaluated: they get F = inf and are infeasible, and the run ends with their generation.

    Args:
        budget: Distinct cells that may be evaluated.
        on_new: Called with the individuals of each batch that count.

    Attributes:
        n_eval: All evaluations, repeated and invalid ones included.
        n_distinct: Distinct cells evaluated.
    """

    def __init__(self, budget: int, *, on_new: Callable[[Population], None] | None = None) -> None:
        super().__init__()
        self.budget = budget
        self.on_new = on_new
        self.n_distinct = 0
        self.n_eval_at_last_new = 0
        self._seen = np.zeros(len(load_space()), dtype=bool)

    def seen(self, cells: Ints) -> Bools:
        """Which of the cells (n,) have been evaluated."""
        return self._seen[cells]

    def _eval(self, problem: CellProblem, pop: Population, evaluate_values_of: list[str], **kwargs: object) -> None:
        if self.n_distinct + len(pop) > self.budget:
            index = load_space().index(np.stack([individual.X for individual in pop]))
            new = self._counting(problem, index)
            allowed = new & (np.cumsum(new) <= self.budget - self.n_distinct)
            beyond = np.isin(index, index[new & ~allowed])
            _set_unpaid(problem, pop[beyond])
            pop = pop[~beyond]
        if len(pop) == 0:
            return
        super()._eval(problem, pop, evaluate_values_of, **kwargs)
        index = np.array([individual.get("index") for individual in pop])
        new = self._counting(problem, index)
        self._seen[index[new]] = True
        self.n_distinct += int(new.sum())
        if new.any():
            self.n_eval_at_last_new = self.n_eval + len(pop)
            if self.on_new is not None:
                self.on_new(pop[new])

    def _counting(self, problem: CellProblem, index: Ints) -> Bools:
        """Which individuals are the first of a cell that was never evaluated."""
        new = (index >= 0) & ~self._seen[index]
        if problem.domain is not None:
            new &= problem.domain[index]
        first = np.zeros(len(new), dtype=bool)
        rows = np.flatnonzero(new)
        first[rows[first_places(index[rows])]] = True
        return first


def _set_unpaid(problem: CellProblem, pop: Population) -> None:
    for individual in pop:
        # Where constraints cannot tell, F must, and stay finite for decompositions.
        individual.F = np.full(problem.n_obj, np.inf if problem.n_ieq_constr else PENALTY)
        individual.G = np.full(problem.n_ieq_constr, np.inf)
        individual.H = np.full(problem.n_eq_constr, np.inf)
        individual.evaluated.update(("F", "G", "H"))
        individual.set("index", -1)
