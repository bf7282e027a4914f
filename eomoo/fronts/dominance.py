"""Pareto dominance of minimised objective vectors, the archive built on it, and the knee of a front."""

from __future__ import annotations

import moocore
import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.fronts.box import by_range

_LARGEST = np.finfo(np.float64).max

PENALTY = 1e30
"""Objective value of what is infeasible, for algorithms that know no constraints.

Finite, since decompositions multiply it by weights of zero, and its square is finite too.
"""


def non_dominated(F: Floats) -> Bools:
    """Which of the points (n, m) no other dominates, minimised; all of several equal points are kept."""
    if len(F) < 2:
        return np.ones(len(F), dtype=bool)
    if F.shape[1] == 1:
        return np.asarray(F[:, 0] == F[:, 0].min())
    # Given infinities in four and more objectives, moocore 0.3.2 is wrong, or ends the process.
    finite = np.clip(F, -_LARGEST, _LARGEST)
    return np.asarray(moocore.is_nondominated(finite, keep_weakly=True))


def by_first(F: Floats) -> Ints:
    """Positions (n,) that sort points (n, m) by the first objective, equal ones by the next."""
    return np.lexsort(F.T[::-1])


def sorted_front(F: Floats) -> Ints:
    """Positions (k,) of the non-dominated points among (n, m), minimised, by the first objective."""
    best = np.flatnonzero(non_dominated(F))
    return best[by_first(F[best])]


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
        self.index: Ints = np.empty(0, dtype=np.int64)
        self.F: Floats = np.empty((0, n_obj))
        self.violation: Floats = np.empty(0)
        self.explored: Bools = np.empty(0, dtype=bool)

    def __len__(self) -> int:
        return len(self.index)

    def offer(self, index: Ints, F: Floats, violation: Floats) -> Bools:
        """Offer distinct cells (n,) with their values (n, m) and violations (n,).

        Returns:
            (k + n,) bool: which of the members so far and the newcomers, in this order, are now in.
        """
        k = len(self.index)
        keep = np.ones(k + len(index), dtype=bool)
        least = min(violation.min(initial=np.inf), self.violation.min(initial=np.inf))
        if least > 0 or (k and self.violation[0] > 0):
            # No feasible member yet: only the least violation counts, feasible or not.
            keep[:k] = self.violation <= max(least, 0.0)
            self._keep_only(keep[:k])
        new = violation <= max(least, 0.0)
        if len(self):
            new &= ~(_dominates(self.F, F).any(axis=0) | (self.index[:, None] == index).any(axis=0))
        if new.any():
            rows = np.flatnonzero(new)
            new[rows] = non_dominated(F[rows])
            if len(self):
                stay = np.asarray(~_dominates(F[new], self.F).any(axis=0))
                if not stay.all():
                    keep[np.flatnonzero(keep[:k])[~stay]] = False
                    self._keep_only(stay)
            self.index = np.concatenate((self.index, index[new]))
            self.F = np.concatenate((self.F, F[new]))
            self.violation = np.concatenate((self.violation, violation[new]))
            self.explored = np.concatenate((self.explored, np.zeros(int(new.sum()), dtype=bool)))
        keep[k:] = new
        return keep

    def _keep_only(self, stay: Bools) -> None:
        if not stay.all():
            self.index, self.F = self.index[stay], self.F[stay]
            self.violation, self.explored = self.violation[stay], self.explored[stay]


def _dominates(A: Floats, B: Floats) -> Bools:
    """(a, b) whether point a of A (a, m) dominates point b of B (b, m)."""
    no_worse = A[:, 0, None] <= B[:, 0]
    better = A[:, 0, None] < B[:, 0]
    for k in range(1, A.shape[1]):
        no_worse &= A[:, k, None] <= B[:, k]
        better |= A[:, k, None] < B[:, k]
    return no_worse & better


# Far above the rounding of double precision (1e-16), far below a bend that is to be seen.
_DIGITS = 9


def knee_distances(F: Floats) -> Floats:
    """How far each point of a front bulges towards the ideal point.

    Objectives are normalised so that the front's ideal point is 0 and its nadir point 1; the distance is that from the
    hyperplane through the unit points, positive on the side of the ideal point. With two objectives this plane is the
    line through the two extreme points. An objective that is constant on the front counts as 0 everywhere.

    Args:
        F: (n, m) non-dominated points, minimised.

    Returns:
        (n,) signed distances.

    Source: Das, On characterizing the "knee" of the Pareto curve based on normal-boundary intersection,
    Structural Optimization 18, 1999; the normalisation by ideal and nadir point is NSGA-III's.
    """
    return np.asarray((1.0 - by_range(F).sum(axis=1)) / np.sqrt(F.shape[1]))


def knee_point(F: Floats) -> int | None:
    """Position of the knee among points (n, m), minimised: the largest of :func:`knee_distances`.

    Of several the first is taken. None where there is no knee: fewer than three distinct points, one
    objective, or a front that nowhere bulges towards the ideal point.
    """
    if F.ndim != 2 or F.shape[1] < 2 or len(np.unique(F, axis=0)) < 3:
        return None
    # Rounded, since distances are sums of a few numbers near 1: their last digits would choose among equals.
    distances = np.round(knee_distances(F), _DIGITS)
    best = int(np.argmax(distances))
    return best if distances[best] > 0 else None
