"""How much figures of quality would differ had other walks, or other cells, been measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eomoo.arrays import Floats, Ints

# A quantile of so many resamples is known to a tenth of the interval; as many for each figure take no second.
_RESAMPLES, _ENDS = 400, (0.025, 0.975)


def resamples(group: Ints) -> Floats:
    """Weights (400, n) of cells, each row summing to 1, where the groups (n,) are drawn anew with replacement.

    Source: the cluster bootstrap, Davison, Hinkley, Bootstrap Methods and their Application, 1997, sec. 3.8.
    """
    names, place = np.unique(group, return_inverse=True)
    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=_RESAMPLES)
    weights = drawn[:, place.ravel()].astype(np.float64)
    found: Floats = weights / weights.sum(axis=1, keepdims=True)
    return found


def correlations(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Correlations (k,) of two rows of numbers (n,), weighted by each row (k, n); 0 where one does not vary."""
    x, y = (v - (weights @ v)[:, None] for v in (a, b))
    xy, xx, yy = ((weights * u * v).sum(axis=1) for u, v in ((x, y), (x, x), (y, y)))
    scale = np.sqrt(xx * yy)
    found: Floats = np.divide(xy, scale, out=np.zeros(len(weights)), where=scale > 0)
    return found


def share_interval(found: int, n: int) -> tuple[float, float]:
    """The ends of 95 % of a share of which ``found`` of n were seen.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    z, p = 1.959964, found / n
    middle, room = p + z * z / (2 * n), z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    return (middle - room) / (1 + z * z / n), (middle + room) / (1 + z * z / n)


def interval(resampled: Sequence[Floats]) -> tuple[float, float]:
    """The ends of 95 % of a figure's means over repetitions, from its resamples (k,) of each."""
    low, high = np.quantile(np.mean(resampled, axis=0), _ENDS)
    return float(low), float(high)
