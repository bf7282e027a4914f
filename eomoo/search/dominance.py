"""Pareto dominance of minimised objective vectors, and the archive built on it."""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import NDArray

__all__ = ["PENALTY", "FrontArchive", "non_dominated"]

PENALTY = 1e30
"""Objective value of what is infeasible, for algorithms that know no constraints.

Finite, since decompositions multiply it by weights of zero, and its square is finite too.
"""


def non_dominated(F: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the points (n, m) no other dominates, minimised; all of several equal points are kept."""
    if len(F) < 2:
        return np.ones(len(F), dtype=bool)
    if F.shape[1] == 1:
        best: NDArray[np.bool_] = F[:, 0] == F[:, 0].min()
        return best
    mask: NDArray[np.bool_] = moocore.is_nondominated(F, keep_weakly=True)
    return mask


class FrontArchive:
    """The non-dominated cells among those offered, in the order of their discovery.

    Different cells with equal objective vectors are all kept, a cell is kept once. Feasible cells
    displace infeasible ones; while there is none, those of least violation stay.

    Attributes:
        index: (k,) int64.
        F: (k, m) objective values, minimised.
        violation: (k,) constraint violation, 0 where feasible.
        explored: (k,) bool, for the search's own use; False for a newcomer.
    """

    def __init__(self, n_obj: int) -> None:
        self.index: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.F: NDArray[np.float64] = np.empty((0, n_obj))
        self.violation: NDArray[np.float64] = np.empty(0)
        self.explored: NDArray[np.bool_] = np.empty(0, dtype=bool)

    def __len__(self) -> int:
        return len(self.index)

    def offer(
        self, index: NDArray[np.int64], F: NDArray[np.float64], violation: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Offer distinct cells (n,) with their values (n, m) and violations (n,).

        Returns:
            (k + n,) bool: which of the members so far and the newcomers, in this order, are now in.
        """
        k = len(self.index)
        if k and not self.violation[0] and self._all_dominated(F, violation):
            same: NDArray[np.bool_] = np.arange(k + len(index)) < k
            return same
        indices = np.concatenate((self.index, index))
        points = np.concatenate((self.F, F))
        violations = np.concatenate((self.violation, violation))
        keep: NDArray[np.bool_] = violations <= max(0.0, violations.min(initial=np.inf))
        if k:
            keep[k:] &= ~(index[:, None] == self.index).any(axis=1)
        keep[keep] = non_dominated(points[keep])
        if not keep[k:].any():
            return keep
        self.index, self.F, self.violation = indices[keep], points[keep], violations[keep]
        self.explored = np.concatenate((self.explored, np.zeros(len(index), dtype=bool)))[keep]
        return keep

    def _all_dominated(self, F: NDArray[np.float64], violation: NDArray[np.float64]) -> bool:
        """Whether each newcomer is infeasible or dominated by a member: the common case, made cheap."""
        no_worse = np.ones((len(F), len(self.F)), dtype=bool)
        better = np.zeros_like(no_worse)
        for k in range(F.shape[1]):
            column, mine = F[:, k, None], self.F[:, k]
            no_worse &= mine <= column
            better |= mine < column
        return bool(((no_worse & better).any(axis=1) | (violation > 0)).all())
