"""What a model-guided search looks at: the front as it stands, candidates and what is predicted of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eomoo.fronts.dominance import FrontArchive
from eomoo.search.acquisition import Frame, directions, reach
from eomoo.search.trace import Trace

__all__ = ["Pool", "View"]

_Array = NDArray[np.float64]

_N_RAYS = 64
_FEW_RAYS = 48
_FIRST = 50
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Candidates and what is predicted of them.

    Attributes:
        cells: (c,).
        predicted: (c, m + g) objectives and limits.
        std: (c, m + g) the model's standard deviations, in parts of those of what it was fitted to.
        mean, deviation: (c, m + g) what they are taken to be, normal and independent.
        margin: (c,) by how many deviations each is beyond the front and within the limits.
    """

    cells: NDArray[np.int64]
    predicted: _Array
    std: _Array
    mean: _Array
    deviation: _Array
    margin: _Array

    def take(self, places: NDArray[np.int64]) -> Pool:
        """The candidates at such places."""
        return Pool(**{name: values[places] for name, values in vars(self).items()})

    def best(self, n: int) -> Pool:
        """The n with the largest margin, in the order in which they are."""
        if len(self.cells) <= n:
            return self
        return self.take(np.sort(np.argpartition(-self.margin, n)[:n]))

    def joined(self, other: Pool) -> Pool:
        """All candidates of both."""
        mine, its = vars(self), vars(other)
        return Pool(**{name: np.concatenate((mine[name], its[name])) for name in mine})


class View:
    """What was measured, seen from the front.

    Args:
        trace: All that was evaluated.
        measured: (n,) positions of what has values.
        front: The non-dominated cells.
        reference: (m,) the problem's reference point, minimised, or None.
        limits: (g,) extent of the limits' values.
        rng: Source of randomness.

    Attributes:
        F: (n, m) values.
        frame, rays, best: For ``acquisition.reach``: the box, directions (r, m), reach of the front (r,).
        nearest: (n,) positions of what was measured, nearest the front first.
        least: (m + g,) deviations that are as good as none.
    """

    def __init__(
        self,
        trace: Trace,
        measured: NDArray[np.int64],
        front: FrontArchive,
        reference: _Array | None,
        limits: _Array,
        rng: np.random.Generator,
    ) -> None:
        self.F = trace.F[measured]
        self.rays = directions(_N_RAYS, self.F.shape[1], rng)
        if len(front) and front.violation[0] == 0:
            self.frame = Frame.around(front.F, self.F[:_FIRST], reference)
            self.best = reach(front.F, self.rays, self.frame).max(axis=0)
        else:
            self.frame = Frame.around(self.F, self.F[:_FIRST], reference)
            self.best = np.zeros(_N_RAYS)
        extent = np.concatenate((self.frame.reference - self.frame.ideal, np.maximum(limits, 1e-9)))
        self.least = _LEAST_DEVIATION * extent
        few = slice(_FEW_RAYS)
        ahead = (reach(self.F, self.rays[few], self.frame) - self.best[few]).max(axis=1)
        # What is feasible is nearer than what is not.
        self.nearest = measured[np.lexsort((-ahead, trace.violation[measured]))]

    def keep(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions, in order, of at most n measured cells that are worth a look again.

        Half of them are the nearest, half any others, and the first few stay, which tell the extent.
        """
        if len(self.nearest) <= n:
            return np.sort(self.nearest)
        few = np.sort(self.nearest)[:_FIRST]
        return np.union1d(few, self.lesson(n - _FIRST, rng))

    def lesson(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of at most n measured cells: half of them the nearest, half any others."""
        if len(self.nearest) <= n:
            return np.sort(self.nearest)
        near, far = np.split(self.nearest, [n // 2])
        return np.sort(np.concatenate((near, rng.choice(far, n - n // 2, replace=False))))
