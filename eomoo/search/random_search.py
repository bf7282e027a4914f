"""Random search: the baseline that every search has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.util.display.multi import MultiObjectiveOutput

from eomoo.fronts.dominance import FrontArchive
from eomoo.search.budget import remaining_evaluations
from eomoo.search.operators import check_positive

__all__ = ["RandomSearch"]


class RandomSearch(Algorithm):
    """Distinct cells in a uniformly random order, until the budget or the domain is used up.

    Args:
        batch: Cells evaluated together.
        kwargs: As for any pymoo ``Algorithm``.
    """

    def __init__(self, *, batch: int = 100, output: Any = None, **kwargs: Any) -> None:
        super().__init__(output=output or MultiObjectiveOutput(), **kwargs)
        self.batch = check_positive("batch", batch)

    def _setup(self, problem: Any, **kwargs: Any) -> None:
        self._order: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._next = 0
        self._front = FrontArchive(problem.n_obj)
        self._front_pop = Population.new()

    def _initialize_infill(self) -> Population:
        self._order = self.problem.random_cells(len(self.problem.space), self.random_state)
        return self._infill()

    def _infill(self) -> Population:
        left = remaining_evaluations(self)
        size = self.batch if left is None else min(self.batch, left)
        cells = self._order[self._next : self._next + size]
        self._next += len(cells)
        return Population.new("X", self.problem.space.genotype(cells)) if len(cells) else Population.new()

    def _initialize_advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        self._advance(infills)

    def _advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        if infills is not None and len(infills):
            index = np.array([individual.get("index") for individual in infills], dtype=np.int64)
            violation = np.array([np.maximum(individual.G, 0).sum() for individual in infills])
            keep = self._front.offer(index, infills.get("F"), violation)
            self._front_pop = Population.merge(self._front_pop, infills)[keep]
        if self._next >= len(self._order):
            self.termination.force_termination = True

    def _set_optimum(self) -> None:
        self.opt = self.pop = self._front_pop
