"""What a model of held-out quality may be used for, in a sentence, and how sure figures of quality are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.models.cell_models import Quality

# A coin orders half of the pairs rightly; three in four is half of what there is to gain.
_RANKS, _RANKS_ROUGHLY = 0.75, 0.6
# Two deviations to either side, in parts of the measured range: within a quarter a front has four places, within a
# half its ends can be told apart.
_CHOOSES, _CHOOSES_ROUGHLY = 0.25, 0.5
# Of a normal distribution 95 % lie within two deviations.
_LEAST_COVERAGE = 0.9


def use_of(schemes: Mapping[str, Quality], measured: tuple[float, float]) -> str:
    """What the model of a target may be used for, by the first way of holding out.

    Args:
        measured: The least and the largest measured value.
    """
    q = next(iter(schemes.values()))
    ends = (q.spearman, *(q.spearman_interval or ()))
    low, middle, high = (100 * pairs_in_order(rho) for rho in (min(ends), q.spearman, max(ends)))
    ranks = _word(low / 100, _RANKS, _RANKS_ROUGHLY)
    width = measured[1] - measured[0]
    share = 4.0 * q.rmse / width if width > 0 else 1.0
    chooses = _word(-share, -_CHOOSES, -_CHOOSES_ROUGHLY)
    text = (
        f"ranks cells: {ranks}, of two cells it tells the better one in {middle:.0f} % of cases ({low:.0f} to "
        f"{high:.0f}); tells cells of a front apart: {chooses}, two deviations to either side are "
        f"{100 * share:.0f} % of the measured range"
    )
    if q.coverage_interval is not None and q.coverage_interval[1] < _LEAST_COVERAGE:
        text += "; its deviations are too small"
    off = error_of(schemes)
    return f"{text}; {off}" if off else text


def error_of(schemes: Mapping[str, Quality]) -> str:
    """How far off predictions of what a device takes are, in words; "" for other targets."""
    q = schemes.get("by_cell")
    if q is None or q.median_error is None:
        return ""
    return f"held-out cells were off by {100 * q.median_error:.2g} % (median)"


def pairs_in_order(spearman: float) -> float:
    """The share of pairs that are ordered rightly, of two normal variables with this rank correlation.

    Source: Kruskal, Ordinal Measures of Association, JASA 53, 1958: Kendall's and Spearman's by Pearson's.
    """
    pearson = 2.0 * math.sin(math.pi * spearman / 6.0)
    return 0.5 + math.asin(max(-1.0, min(pearson, 1.0))) / math.pi


def _word(value: float, yes: float, roughly: float) -> str:
    return "yes" if value >= yes else "roughly" if value >= roughly else "no"


# A quantile of so many resamples is known to a tenth of the interval; as many for each figure take no second.
_RESAMPLES, _ENDS = 400, (0.025, 0.975)


def resamples(group: Ints) -> Floats:
    """Weights (400, n) of cells, each row summing to 1, where the groups (n,) are drawn anew with replacement.

    Source: the cluster bootstrap, Davison, Hinkley, Bootstrap Methods and their Application, 1997, sec. 3.8.
    """
    names, place = np.unique(group, return_inverse=True)
    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=_RESAMPLES)
    weights = drawn[:, place.ravel()].astype(np.float64)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def correlations(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Correlations (k,) of two rows of numbers (n,), weighted by each row (k, n); 0 where one does not vary."""
    x, y = (v - (weights @ v)[:, None] for v in (a, b))
    xy, xx, yy = ((weights * u * v).sum(axis=1) for u, v in ((x, y), (x, x), (y, y)))
    scale = np.sqrt(xx * yy)
    return np.asarray(np.divide(xy, scale, out=np.zeros(len(weights)), where=scale > 0))


def share_interval(found: int, n: int) -> tuple[float, float]:
    """The ends of 95 % of a share of which ``found`` of n were seen.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    from scipy.stats import binomtest

    low, high = binomtest(found, n).proportion_ci(method="wilson")
    return float(low), float(high)


def interval(resampled: Sequence[Floats]) -> tuple[float, float]:
    """The ends of 95 % of a figure's means over repetitions, from its resamples (k,) of each."""
    low, high = np.quantile(np.mean(resampled, axis=0), _ENDS)
    return float(low), float(high)


def interval_of_share(resampled: Sequence[Floats], n: int) -> tuple[float, float]:
    """As ``interval``, of a share of n groups: where all are alike resamples say the same, and Wilson's says more."""
    low, high = interval(resampled)
    if not math.isclose(low, high, abs_tol=1e-9):
        return low, high
    return share_interval(round(low * n), n)
