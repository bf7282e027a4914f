"""The candidates that a search looks at, with their features: all there are, or some and what is near the best."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.models import scaling_of
from eomoo.search.problem import CellProblem
from eomoo.search.trace import Trace

# Neighbours that are taken in at once, at most.
_MOST_NEAR = 1000


class Pool:
    """Candidates (c,), some at random where there are more than ``most``.

    Args:
        eligible: (n,) cells that may be candidates, sorted.
        trace: What was evaluated, which is no candidate any more.
        most: Candidates at most, neighbours apart.
        neighborhood: Whose neighbours are taken in.

    Attributes:
        cells: (c,)
        Z: (c, d) standardised features on the grid of ``models``.
        whole: Whether all eligible cells are in.
    """

    def __init__(
        self, problem: CellProblem, eligible: Ints, trace: Trace, *, most: int, neighborhood: str,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._problem, self._eligible, self._trace = problem, eligible, trace
        self._most, self._neighborhood = most, neighborhood
        self._allowed: Bools = np.zeros(len(problem.space), dtype=bool)
        self._allowed[eligible] = True
        few = len(eligible) <= most
        self.cells = eligible if few else np.sort(rng.choice(eligible, most, replace=False))
        features = problem.space.features(self.cells)
        self._scaling = scaling_of(features)
        self.Z: Floats = self._scaling(features)
        self._base = self.cells, self.Z

    @property
    def whole(self) -> bool:
        """Whether all eligible cells are in."""
        return len(self.cells) >= len(self._eligible)

    def begin_anew(self, seen: Ints) -> None:
        """Drop neighbours, and take in cells (n,) that were trained or are under way."""
        self.cells, self.Z = self._base
        self._take(seen)

    def take_near(self, cells: Ints, rng: np.random.Generator) -> int:
        """Take in neighbours of cells (n,) that were not evaluated; how many."""
        near = self._problem.neighbor_lists(self._problem.space.distinct(cells), kind=self._neighborhood)[1]
        near = self._new(near)
        most = min(_MOST_NEAR, self._most)
        return self._take(np.sort(rng.choice(near, most, replace=False)) if len(near) > most else near)

    def take_unseen(self, rng: np.random.Generator) -> int:
        """Take in eligible cells that were not evaluated, some at random; how many."""
        left = self._new(self._eligible)
        return self._take(left if len(left) <= self._most else rng.choice(left, self._most, replace=False))

    def _new(self, cells: Ints) -> Ints:
        cells = self._problem.space.distinct(cells)
        return np.asarray(cells[self._allowed[cells] & ~self._trace.seen(cells) & ~np.isin(cells, self.cells)])

    def _take(self, cells: Ints) -> int:
        cells = self._problem.space.distinct(cells)
        cells = cells[~np.isin(cells, self.cells)]
        self.cells = np.concatenate((self.cells, cells))
        self.Z = np.concatenate((self.Z, self._scaling(self._problem.space.features(cells))))
        return len(cells)
