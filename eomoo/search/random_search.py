"""Random search: the baseline that every search has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.core.population import Population

from eomoo.arrays import Ints
from eomoo.checks import positive
from eomoo.search.cell_search import CellSearch, renamed
from eomoo.search.problem import CellProblem
from eomoo.search.starts import Starts


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

    def _plan_first(self) -> None:
        self._plan_next()

    def _plan_next(self) -> None:
        # Of a batch that the budget cut, the rest is still to come.
        self._next += int(self._seen(self._batch).sum())
        self._batch = self._order[self._next : self._next + self.batch_size]
        if not len(self._batch):
            self.termination.force_termination = True
