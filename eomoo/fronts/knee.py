"""The knee of a front: the cell where the trade-off bends most."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Floats

# Far above the rounding of double precision (1e-16), far below a bend that is to be seen.
_DIGITS = 9


def knee_distances(F: Floats) -> Floats:
    """How far each point of a front bulges towards the ideal point.

    Objectives are normalised so that the front's ideal point is 0 and its nadir point 1; the distance
    is that from the hyperplane through the unit points, positive on the side of the ideal point. With
    two objectives this plane is the line through the two extreme points. An objective that is constant
    on the front counts as 0 everywhere.

    Args:
        F: (n, m) non-dominated points, minimised.

    Returns:
        (n,) signed distances.

    Source: Das, On characterizing the "knee" of the Pareto curve based on normal-boundary intersection,
    Structural Optimization 18, 1999; the normalisation by ideal and nadir point is NSGA-III's.
    """
    low, high = F.min(axis=0), F.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    distances: Floats = (1.0 - ((F - low) / width).sum(axis=1)) / np.sqrt(F.shape[1])
    return distances


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
