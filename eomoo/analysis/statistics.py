"""Ranks over problems, effect sizes and tests of two samples."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eomoo.arrays import Floats
from eomoo.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class RankTest:
    """Algorithms ranked over problems.

    Attributes:
        names: (k,) algorithms, best mean rank first.
        mean_ranks: (k,) theirs; 1 is best.
        n_problems: Problems that they were ranked on.
        n_families: Families of them, which are the test's blocks.
        statistic, p: Friedman's chi-squared and its p-value; NaN below three algorithms or two families.
        critical_difference: Nemenyi's, at ``alpha``: two mean ranks further apart differ significantly.
        alpha: The significance level.
        groups: Names that do not differ significantly, each group as large as can be.
    """

    names: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    n_problems: int
    n_families: int
    statistic: float
    p: float
    critical_difference: float
    alpha: float
    groups: tuple[tuple[str, ...], ...]


def vargha_delaney(a: ArrayLike, b: ArrayLike) -> float:
    """The probability that a value of a (n,) exceeds one of b (m,), ties counted half.

    Source: Vargha and Delaney, Journal of Educational and Behavioral Statistics 25(2), 2000.
    """
    first, second = (np.asarray(values, dtype=np.float64).ravel() for values in (a, b))
    if any(len(sample) == 0 or np.isnan(sample).any() for sample in (first, second)):
        raise SettingError("a sample to be tested needs at least one value, and no NaN")
    larger = (first[:, None] > second).mean()
    return float(larger + 0.5 * (first[:, None] == second).mean())


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


def rank_test(
    names: Sequence[str], scores: ArrayLike, *, families: Sequence[Hashable] | None = None, alpha: float = 0.05
) -> RankTest:
    """Friedman's test with Nemenyi's critical difference.

    Args:
        names: (k,) algorithms, at least two.
        scores: (n_problems, k), less is better.
        families: (n_problems,) what each problem belongs to; copies of one problem say the same again, so a family
            counts once, by the order of its mean ranks. By default each problem is one of its own.
        alpha: Significance level.

    Source: Demšar, Journal of Machine Learning Research 7, 2006.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise SettingError(f"scores must have shape (n_problems, {len(names)}); got {table.shape}")
    blocks = _blocks(table, range(len(table)) if families is None else families)
    statistic, p = _friedman(blocks)
    ranks = mean_ranks(blocks)
    order = np.argsort(ranks, kind="stable")
    ordered, values = [names[k] for k in order], ranks[order]
    distance = critical_difference(len(names), len(blocks), alpha=alpha)
    return RankTest(
        names=tuple(ordered),
        mean_ranks=tuple(float(v) for v in values),
        n_problems=len(table),
        n_families=len(blocks),
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


def _blocks(scores: Floats, families: Sequence[Hashable]) -> Floats:
    """Mean ranks (n_families, k) of each family of problems."""
    if len(families) != len(scores):
        raise SettingError(f"families must name one of each problem: {len(scores)}; got {len(families)}")
    members: dict[Hashable, list[int]] = {}
    for k, family in enumerate(families):
        members.setdefault(family, []).append(k)
    return np.stack([mean_ranks(scores[mine]) for mine in members.values()])


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
