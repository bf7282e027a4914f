"""Intervals for what is computed of a sample, from leaving out one group of it at a time, such as a walk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.landscape.values import correlations

CONFIDENCE = 0.95
# With two groups an interval is as good as everything that there can be.
_LEAST_GROUPS = 3
# So many leave as good an interval as all cells one by one (t of 29 and of 400 degrees: 2.05 and 1.97).
_MOST_GROUPS = 30
# Of fewer cells a rank correlation says nothing.
_LEAST_CELLS = 3
# What keeps Fisher's transformation of a correlation of 1 finite, and near to that of one that is almost 1.
_ALMOST_ONE = 1.0 - 1e-6


class Estimates(NamedTuple):
    """Values (k,) of a sample, and the ends (k,) of their intervals; NaN where they are not known."""

    value: Floats
    low: Floats
    high: Floats

    def rows(self, pairs: Iterable[tuple[str, str]]) -> list[Facts]:
        """Correlations as plain data, a row for each pair of names."""
        each = zip(pairs, self.value.tolist(), self.low.tolist(), self.high.tolist(), strict=True)
        return [{"a": a, "b": b, "spearman": value, "band": [low, high]} for (a, b), value, low, high in each]


def jackknife(
    statistic: Callable[[Bools], Floats],
    groups: Ints,
    *,
    link: Callable[[Floats], Floats] = lambda value: value,
    inverse: Callable[[Floats], Floats] = lambda value: value,
) -> Estimates:
    """A statistic (k,) of rows that fall into independent groups (n,), with Student's intervals of ``CONFIDENCE``.

    Args:
        statistic: Of the rows that are kept, (n,) bool.
        groups: Rows of one group depend on each other, as the cells of a walk do.
        link, inverse: To a scale on which the statistic is near to normal, and back.

    With thirty walks of 15 cells, and with three, 92 to 95 % of intervals of 95 % hold the true autocorrelation; of
    percentile bootstraps over walks 87 to 92 %, and 51 to 76 %.

    Source: Busing, Meijer, van der Leeden, Delete-m jackknife for unequal m, Statistics and Computing 9, 1999.
    """
    names, group = np.unique(groups, return_inverse=True)
    whole = statistic(np.ones(len(groups), dtype=bool))
    n = len(names)
    if n < _LEAST_GROUPS:
        return Estimates(whole, np.full_like(whole, np.nan), np.full_like(whole, np.nan))
    h = (len(groups) / np.bincount(group))[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        value, without = link(whole), np.stack([link(statistic(group != k)) for k in range(n)])
        centre = n * value - ((1.0 - 1.0 / h) * without).sum(axis=0)
        variance = ((h * value - (h - 1.0) * without - centre) ** 2 / (h - 1.0)).mean(axis=0)
        reach = student.ppf((1.0 + CONFIDENCE) / 2.0, n - 1) * np.sqrt(variance)
        return Estimates(whole, inverse(centre - reach), inverse(centre + reach))


def fisher(correlation: Floats) -> Floats:
    """Correlations on the scale on which they are near to normal (Fisher, 1915); ``numpy.tanh`` leads back."""
    return np.arctanh(np.clip(correlation, -_ALMOST_ONE, _ALMOST_ONE))


def blocks(n: int) -> Ints:
    """Groups (n,) of independent rows, drawn by one seed: each alone, or about thirty of one size."""
    return np.random.default_rng(0).permutation(n) % min(n, _MOST_GROUPS) if n else np.zeros(0, np.int64)


def rank_correlations(values: Floats, groups: Ints) -> Estimates:
    """Spearman's correlation (m, m) of columns (n, m), each pair over the rows that have both.

    NaN for a constant, and for pairs with fewer than three common rows.
    """
    m = values.shape[1]
    masks, which = np.unique(np.isfinite(values), axis=1, return_inverse=True)
    found = np.full((3, m, m), np.nan)
    kinds = range(masks.shape[1])
    # Columns of one mask are ranked together; what a pair of masks does to pairs within one is mended at the end.
    for a, b in (*combinations(kinds, 2), *zip(kinds, kinds, strict=True)):
        columns, both = np.flatnonzero((which == a) | (which == b)), masks[:, a] & masks[:, b]
        if both.sum() >= _LEAST_CELLS:
            ranked = partial(_ranked, values[both][:, columns])
            estimates = jackknife(ranked, groups[both], link=fisher, inverse=np.tanh)
            found[:, columns[:, None], columns] = np.reshape(estimates, (3, len(columns), -1))
    return Estimates(*found)


def _ranked(columns: Floats, kept: Bools) -> Floats:
    return correlations(columns[kept])["spearman"].ravel()
