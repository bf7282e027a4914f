"""The Pareto fronts of joint draws: one front for each draw of all values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.fronts.dominance import non_dominated

# Points of a front that are compared with all newcomers first: five exclude nine of ten.
_PIVOTS = 5


@dataclass(frozen=True, kw_only=True)
class DrawnFronts:
    """The non-dominated cells of each of n draws, by draw.

    Attributes:
        cells, draw: (t,) cells, and the draw in which each is non-dominated, ascending.
        points: (t, m) their values in that draw, minimised.
    """

    n: int
    cells: Ints
    draw: Ints
    points: Floats

    @classmethod
    def empty(cls, n: int, n_obj: int) -> Self:
        """Fronts of n draws before any cell is known."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(n=n, cells=nothing, draw=nothing, points=np.empty((0, n_obj)))

    def each(self) -> Iterator[Floats]:
        """The points (t, m) of each draw's front."""
        ends = np.searchsorted(self.draw, np.arange(self.n + 1))
        for start, stop in pairwise(ends):
            yield self.points[start:stop]

    def only(self, rows: Bools) -> Self:
        """Some of the points (t,)."""
        return type(self)(n=self.n, cells=self.cells[rows], draw=self.draw[rows], points=self.points[rows])

    def joined(self, cells: Ints, drawn: Floats, keeps: Bools | None = None) -> Self:
        """The fronts with more cells.

        Args:
            cells: (k,) distinct; what was known of them is replaced.
            drawn: (n, k, m) their values, minimised; NaN where there is none.
            keeps: (n, k) in which draws they keep all limits; by default in all.
        """
        rest = self.only(~np.isin(self.cells, cells))
        ends = np.searchsorted(rest.draw, np.arange(self.n + 1))
        found = []
        for d in range(self.n):
            old = slice(ends[d], ends[d + 1])
            new = np.logical_and.reduce([*np.isfinite(drawn[d].T)])
            if keeps is not None:
                new &= keeps[d]
            new &= _promising(drawn[d], rest.points[old])
            both_cells = np.concatenate((rest.cells[old], cells[new]))
            both_points = np.concatenate((rest.points[old], drawn[d, new]))
            best = non_dominated(both_points)
            found.append((both_cells[best], both_points[best]))
        sizes = [len(best) for best, _ in found]
        return type(self)(
            n=self.n,
            cells=np.concatenate([best for best, _ in found]),
            draw=np.repeat(np.arange(self.n), sizes),
            points=np.concatenate([points for _, points in found]),
        )

    def counts(self, cells: Ints) -> Ints:
        """In how many draws each of the cells (k,) is on the front."""
        return np.bincount(self.cells, minlength=int(cells.max(initial=-1)) + 1)[cells]


def _promising(F: Floats, front: Floats) -> Bools:
    """Points (k, m) that none of a few of a front's points beats in every objective."""
    left = np.ones(len(F), dtype=bool)
    if len(front):
        order = np.argsort(front[:, 0], kind="stable")
        for pivot in front[order[np.unique(np.linspace(0, len(front) - 1, _PIVOTS).round().astype(int))]]:
            worse = F[:, 0] > pivot[0]
            for k in range(1, F.shape[1]):
                worse &= F[:, k] > pivot[k]
            left &= ~worse
    return left
