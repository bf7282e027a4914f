"""What a model of held-out quality may be used for, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping

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
        schemes: Its quality by scheme.
        measured: The least and the largest measured value.
    """
    q = next(iter(schemes.values()))
    low, middle, high = (100 * pairs_in_order(rho) for rho in _ends(q))
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


def _ends(q: Quality) -> tuple[float, float, float]:
    low, high = q.spearman_interval or (q.spearman, q.spearman)
    return min(low, q.spearman), q.spearman, max(high, q.spearman)


def _word(value: float, yes: float, roughly: float) -> str:
    return "yes" if value >= yes else "roughly" if value >= roughly else "no"
