"""What searches on cells share: their starts, their trace of evaluated cells, their front; and one by chance alone."""

from __future__ import annotations

import warnings
from inspect import signature
from typing import Any

import numpy as np
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.util.display.multi import MultiObjectiveOutput
from pymoo.util.display.output import Output

from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import known_keys, positive
from eomoo.errors import SettingError
from eomoo.fronts import PENALTY, FrontArchive
from eomoo.search.budget import BudgetedEvaluator, remaining_evaluations
from eomoo.search.hours import check_termination
from eomoo.search.operators import RandomCellSampling
from eomoo.search.problem import CellProblem, check_cells, limits_of, mark_failed
from eomoo.search.starts import Starts, as_sampling, check_starts, first_places
from eomoo.search.trace import Trace
from eomoo.space.neighbors import check_kind


class CellSearch(Algorithm):
    """A search that begins from some cells, evaluates no cell twice and keeps all non-dominated ones.

    A subclass sets ``_batch``, the cells to be evaluated next, in ``_plan_first`` and ``_plan_next``.

    Args:
        sampling: Where the first cells come from: a Sampling, or cells as ``CellSampling`` takes them; of a
            Population, those that have values keep them. Random cells by default.
        n_starts: Number of first cells.
        neighborhood: "hamming", "symmetric" or "published" (see ``Catalogue.neighbors``).
        kwargs: As for any pymoo ``Algorithm``.

    Raises:
        SettingError: (a ValueError) A setting that cannot be, or that is not known.

    ``result().opt`` holds the non-dominated cells of the whole search, ``trace`` every evaluated cell in order,
    ``starts`` the cells (n,) that the search last began from, ``first_starts`` those before any restart.
    """

    def __init__(
        self,
        *,
        sampling: Starts | None = None,
        n_starts: int = 20,
        neighborhood: str = "hamming",
        output: Output | None = None,
        **kwargs: object,
    ) -> None:
        # pymoo ignores what it does not know.
        own = [name for kind in type(self).__mro__ for name in signature(kind).parameters]
        known_keys(type(self).__name__, kwargs, set(own) - {"args", "kwargs"})
        super().__init__(output=output or MultiObjectiveOutput(), **kwargs)
        given = RandomCellSampling() if sampling is None else sampling
        self.sampling = given if isinstance(given, Population) else as_sampling(given)
        self.n_starts = positive("n_starts", n_starts)
        check_kind(neighborhood)
        self.neighborhood = neighborhood
        # None until the setup, before which nothing looks at it.
        self.trace: Trace = None  # type: ignore[assignment]

    def _plan_first(self) -> None:
        """Plan what follows the first cells, which have been evaluated; by default as after any others."""
        self._plan_next()

    def _plan_next(self) -> None:
        """Plan what follows a batch, which has been evaluated."""

    def _note(self, F: Floats, G: Floats) -> None:
        """Take note of values (n, m) and constraint values (n, g) that have entered the trace."""

    # -- pymoo's hooks -------------------------------------------------------------------------

    def setup(self, problem: CellProblem, **kwargs: Any) -> Algorithm:
        """As pymoo's; SettingError (a ValueError) where a wrapper leaves out what a search does in it."""
        found = super().setup(problem, **kwargs)
        if self.trace is None:
            raise SettingError(
                f"{type(self).__name__} leaves out the setup of the search that it wraps; searches of eomoo keep "
                "limits by themselves: give this one as it is"
            )
        return found

    def _setup(self, problem: CellProblem, **kwargs: object) -> None:
        check_cells(type(self).__name__, problem)
        check_termination(self.termination)
        if isinstance(self.sampling, Population):
            _check_values(self.sampling, problem)
        self.space = problem.space
        self.trace = Trace(len(self.space), problem.n_obj)
        self._front = FrontArchive(problem.n_obj)
        self._front_pop = Population.new()
        self.starts: Ints = np.empty(0, dtype=np.int64)
        self.first_starts = self.starts
        self._batch = self.starts

    def _initialize_infill(self) -> Population:
        pop = self._sample()
        # Not what the individuals say, who may come from another run.
        index = self.space.index(np.stack([individual.X for individual in pop]))
        first = first_places(index)
        self.starts = self.first_starts = index[first]
        return pop[first[~self._seen(index[first])]][: remaining_evaluations(self)]

    def _initialize_advance(self, infills: Population | None = None, **kwargs: object) -> None:
        self.remember(infills)
        self._plan_first()

    def _infill(self) -> Population:
        batch = self._batch[: remaining_evaluations(self)]
        return Population.new("X", self.space.genotype(batch)) if len(batch) else Population.new()

    def _advance(self, infills: Population | None = None, **kwargs: object) -> None:
        self.remember(infills)
        self._plan_next()

    def _set_optimum(self) -> None:
        self.opt = self._front_pop
        self.pop = self._front_pop

    def _finalize(self) -> None:
        F = self.trace.F
        # A run tells it with its front.
        if len(F) and not isinstance(self.evaluator, BudgetedEvaluator) and not (np.abs(F) < PENALTY).all(axis=1).any():
            warnings.warn(f"none of {len(F):,} evaluations gave finite values, so that there is no front", stacklevel=2)

    # -- what has been evaluated ---------------------------------------------------------------

    def _sample(self) -> Population:
        pop = self.sampling
        if not isinstance(pop, Population):
            rng = self.random_state
            pop = self.sampling(self.problem, self.n_starts, random_state=rng, algorithm=self)
        check_starts(pop, domain=self.problem.domain)
        return pop

    def remember(self, evaluated: Population | None) -> None:
        """Take note of individuals that were evaluated, by whomever.

        They are never evaluated again and may be in the final front, but start no search.
        """
        if evaluated is None or len(evaluated) == 0:
            return
        index = self._indices(evaluated)
        new = np.flatnonzero((index >= 0) & ~self._seen(index))
        new = new[first_places(index[new])]
        if len(new) == 0:
            return
        infills, index = evaluated[new], index[new]
        F, G, H = (np.array([getattr(individual, name) for individual in infills]) for name in "FGH")
        if F.shape[1:] != (self.problem.n_obj,):
            raise SettingError("what is told has no values of this problem; algorithm.evaluator.eval gives them")
        failed = mark_failed(F, G, H)
        for k in np.flatnonzero(failed):
            infills[k].F, infills[k].G, infills[k].H, infills[k].CV = F[k], G[k], H[k], None
        limits = limits_of(G, H)
        violation = np.maximum(limits, 0.0).sum(axis=1)
        violation[failed] = np.maximum(violation[failed], 1.0)
        self.trace.append(index, F, violation)
        self._note(F, limits)
        keep = self._front.offer(index, F, violation)
        if keep[len(self._front_pop) :].any():
            self._front_pop = np.concatenate((self._front_pop, infills))[keep].view(Population)

    def _indices(self, infills: Population) -> Ints:
        found = [individual.get("index") for individual in infills]
        if any(index is None for index in found):
            # Evaluated by somebody else, who does not know the index.
            found = self.space.index(np.stack([individual.X for individual in infills]))
        return np.array(found, dtype=np.int64)

    def _unseen_cells(self, n: int) -> Ints:
        """Up to n random cells of the problem that were never evaluated."""
        total = self.problem.n_cells
        left = total - len(self.trace)
        draws = 4 * n if left > total // 2 else 4 * n * total // max(left, 1)
        if draws < total // 8:
            cells: Ints = self.problem.random_cells(draws, self.random_state)
            cells = cells[~self._seen(cells)][:n]
            if len(cells):
                return cells
        unseen = self.problem.cells
        unseen = unseen[~self._seen(unseen)]
        rng: np.random.Generator = self.random_state
        return rng.choice(unseen, size=min(n, len(unseen)), replace=False)

    def _seen(self, cells: Ints) -> Bools:
        return self.trace.seen(cells)


def _check_values(starts: Population, problem: CellProblem) -> None:
    """Raise SettingError where first cells would not be evaluated, but have values of another problem."""
    for k, start in enumerate(starts):
        shapes = [np.shape(values) for values in (start.F, start.G, start.H)]
        known = start.get("index") is None or all(start.get(name) is not None for name in problem.objective_names)
        fits = known and shapes == [(problem.n_obj,), (problem.n_ieq_constr,), (problem.n_eq_constr,)]
        if start.evaluated >= {"F", "G", "H"} and not fits:
            raise SettingError(
                f'row {k} of sampling has values of another problem; its genotypes alone are sampling=pop.get("X")'
            )


def renamed(old: str, new: str, kwargs: dict[str, object], value: object) -> object:
    """The value of an argument that keywords may give by its old name, which is taken out of them."""
    if old not in kwargs:
        return value
    warnings.warn(f"{old} is now called {new}", DeprecationWarning, stacklevel=3)
    return kwargs.pop(old)


class RandomSearch(CellSearch):
    """Distinct cells in a uniformly random order, until the budget or the domain is used up.

    Args:
        sampling: Cells to begin with, if any (see :class:`~eomoo.search.cell_search.CellSearch`).
        batch_size: Cells evaluated together. In 0.1.0 it was called ``batch``.
        kwargs: As for any pymoo ``Algorithm``.
    """

    def __init__(self, *, sampling: Starts | None = None, batch_size: int = 100, **kwargs: Any) -> None:
        self.batch_size = positive("batch_size", renamed("batch", "batch_size", kwargs, batch_size))
        super().__init__(sampling=sampling, n_starts=self.batch_size, **kwargs)
        self._has_starts = sampling is not None

    def _setup(self, problem: CellProblem, **kwargs: object) -> None:
        super()._setup(problem, **kwargs)
        self._order: Ints = np.empty(0, dtype=np.int64)
        self._next = 0

    def _initialize_infill(self) -> Population:
        starts = super()._initialize_infill() if self._has_starts else None
        order = self.problem.random_cells(len(self.space), self.random_state)
        self._order = order[~np.isin(order, self.starts)]
        self._batch = self._order[: self.batch_size]
        return super()._infill() if starts is None else starts

    def _plan_next(self) -> None:
        # Of a batch that the budget cut, the rest is still to come.
        self._next += int(self._seen(self._batch).sum())
        self._batch = self._order[self._next : self._next + self.batch_size]
        if not len(self._batch):
            self.termination.force_termination = True
