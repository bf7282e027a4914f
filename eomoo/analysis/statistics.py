"""Which differences between algorithms are more than chance: tests, effect sizes, ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from eomoo.arrays import Floats
from eomoo.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class PairTest:
    """Two samples compared.

    Attributes:
        first, second: Their names.
        u: Mann and Whitney's U of the first sample.
        p: Two-sided p-value; ``p_holm`` is corrected for all comparisons made together.
        a12: Vargha and Delaney's effect size: the probability that a value of the first sample is the
            larger one, ties counted half.
        magnitude: The effect size in a word.
    """

    first: str
    second: str
    u: float
    p: float
    p_holm: float
    a12: float
    magnitude: str


@dataclass(frozen=True, kw_only=True)
class RankTest:
    """Algorithms ranked over problems.

    Attributes:
        names: (k,) algorithms, best mean rank first.
        mean_ranks: (k,) theirs; 1 is best.
        n_problems: Problems that they were ranked on.
        statistic, p: Friedman's chi-squared and its p-value; NaN below three algorithms or two problems.
        critical_difference: Nemenyi's, at ``alpha``: two mean ranks further apart differ significantly.
        alpha: The significance level.
        groups: Names that do not differ significantly, each group as large as can be.
    """

    names: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    n_problems: int
    statistic: float
    p: float
    critical_difference: float
    alpha: float
    groups: tuple[tuple[str, ...], ...]


def mann_whitney(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """Mann and Whitney's U of sample a (n,) against b (m,), and the two-sided p-value.

    Exact for at most 8 values without ties, else the normal approximation with ties corrected for.

    Source: Mann and Whitney, Annals of Mathematical Statistics 18(1), 1947; computed by SciPy.
    """
    from scipy.stats import mannwhitneyu

    first, second = _sample(a), _sample(b)
    if len(np.unique(np.concatenate((first, second)))) == 1:
        # All values are equal; the normal approximation would divide by a variance of zero.
        return len(first) * len(second) / 2.0, 1.0
    found = mannwhitneyu(first, second, alternative="two-sided", method="auto")
    return float(found.statistic), float(found.pvalue)


def least_p(n: int, m: int) -> float:
    """The least two-sided p-value that samples of n and m values can have: all of one beyond all of the other."""
    return min(1.0, 2.0 / comb(n + m, n))


def vargha_delaney(a: ArrayLike, b: ArrayLike) -> float:
    """The probability that a value of a (n,) exceeds one of b (m,), ties counted half.

    Source: Vargha and Delaney, Journal of Educational and Behavioral Statistics 25(2), 2000.
    """
    first, second = _sample(a), _sample(b)
    larger = (first[:, None] > second).mean()
    return float(larger + 0.5 * (first[:, None] == second).mean())


def magnitude(a12: float) -> str:
    """An effect size in a word, by Vargha and Delaney's limits 0.56, 0.64 and 0.71."""
    distance = abs(a12 - 0.5) + 0.5
    limits = ((0.71, "large"), (0.64, "medium"), (0.56, "small"))
    return next((word for limit, word in limits if distance >= limit - 1e-12), "negligible")


def holm(p: ArrayLike) -> Floats:
    """p-values (n,) corrected for having made n tests.

    Source: Holm, Scandinavian Journal of Statistics 6(2), 1979.
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return corrected


def pairwise_tests(samples: Mapping[str, ArrayLike], pairs: Sequence[tuple[str, str]] | None = None) -> list[PairTest]:
    """Pairs of the samples compared, by default every one, with Holm's correction over the pairs."""
    pairs = list(combinations(samples, 2)) if pairs is None else pairs
    found = [mann_whitney(samples[a], samples[b]) for a, b in pairs]
    corrected = holm([p for _, p in found])
    effects = [vargha_delaney(samples[a], samples[b]) for a, b in pairs]
    return [
        PairTest(first=a, second=b, u=u, p=p, p_holm=p_holm, a12=effect, magnitude=magnitude(effect))
        for (a, b), (u, p), p_holm, effect in zip(pairs, found, corrected.tolist(), effects, strict=True)
    ]


def mean_ranks(scores: ArrayLike) -> Floats:
    """Mean rank (k,) of k algorithms over problems, from scores (n_problems, k) of which less is better.

    Equal scores share the mean of their ranks.
    """
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.asarray(scores, dtype=np.float64), axis=1).mean(axis=0))


def critical_difference(n_algorithms: int, n_problems: int, *, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of mean ranks.

    Source: Demšar, Journal of Machine Learning Research 7, 2006.
    """
    from scipy.stats import studentized_range

    if n_algorithms < 2 or n_problems < 1:
        raise SettingError(f"a critical difference needs 2 algorithms and a problem; got {n_algorithms}, {n_problems}")
    q = studentized_range.ppf(1.0 - alpha, n_algorithms, np.inf) / np.sqrt(2.0)
    return float(q * np.sqrt(n_algorithms * (n_algorithms + 1) / (6.0 * n_problems)))


def rank_test(names: Sequence[str], scores: ArrayLike, *, alpha: float = 0.05) -> RankTest:
    """Friedman's test with Nemenyi's critical difference.

    Args:
        names: (k,) algorithms, at least two.
        scores: (n_problems, k), less is better.
        alpha: Significance level.

    Source: Demšar, Journal of Machine Learning Research 7, 2006.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise SettingError(f"scores must have shape (n_problems, {len(names)}); got {table.shape}")
    statistic, p = _friedman(table)
    ranks = mean_ranks(table)
    order = np.argsort(ranks, kind="stable")
    ordered, values = [names[k] for k in order], ranks[order]
    distance = critical_difference(len(names), len(table), alpha=alpha)
    return RankTest(
        names=tuple(ordered),
        mean_ranks=tuple(float(v) for v in values),
        n_problems=len(table),
        statistic=statistic,
        p=p,
        critical_difference=distance,
        alpha=alpha,
        groups=tuple(tuple(ordered[a:b]) for a, b in rank_groups(values, distance)),
    )


def rank_groups(ranks: ArrayLike, distance: float) -> list[tuple[int, int]]:
    """Maximal runs [a, b) of two or more sorted mean ranks (k,) that lie within the critical difference."""
    values = np.asarray(ranks, dtype=np.float64)
    groups: list[tuple[int, int]] = []
    for a in range(len(values)):
        b = int(np.searchsorted(values, values[a] + distance, side="right"))
        if b - a > 1 and (not groups or b > groups[-1][1]):
            groups.append((a, b))
    return groups


def _friedman(scores: Floats) -> tuple[float, float]:
    from scipy.stats import friedmanchisquare

    n, k = scores.shape
    if k < 3 or n < 2:
        return float("nan"), float("nan")
    if (scores == scores[:, :1]).all():
        # No algorithm differs from another anywhere; SciPy would divide by zero.
        return 0.0, 1.0
    found = friedmanchisquare(*scores.T)
    return float(found.statistic), float(found.pvalue)


def _sample(values: ArrayLike) -> Floats:
    sample = np.asarray(values, dtype=np.float64).ravel()
    if len(sample) == 0 or np.isnan(sample).any():
        raise SettingError("a sample to be tested needs at least one value, and no NaN")
    return sample
