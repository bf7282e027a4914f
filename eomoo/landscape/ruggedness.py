"""Ruggedness: autocorrelation of values along random walks, sampled and exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.errors import SettingError
from eomoo.landscape.graph import degrees, sparse
from eomoo.landscape.intervals import fisher, jackknife
from eomoo.packages import pandas as pd
from eomoo.space import Neighborhood


@dataclass(frozen=True, kw_only=True)
class Autocorrelation:
    """Autocorrelation of one quantity along random walks.

    Attributes:
        mean: (max_lag + 1,) estimate by lag, 1 at lag 0.
        low, high: (max_lag + 1,) pointwise confidence band.
        pairs: (max_lag + 1,) pairs of cells that each is from.
        length: Correlation length in steps, with its band (low, high).
    """

    mean: Floats
    low: Floats
    high: Floats
    pairs: Ints
    length: float
    length_band: tuple[float, float]

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each lag: columns "lag", "mean", "low", "high"."""
        columns = {"mean": self.mean, "low": self.low, "high": self.high, "pairs": self.pairs}
        return pd.DataFrame({"lag": np.arange(len(self.mean)), **columns})


def correlation_length(first: float) -> float:
    """-1 / ln(r) in steps, for the autocorrelation r of lag 1; 0 where r <= 0, infinite where r >= 1.

    NaN, of a constant quantity, stays NaN.

    Exact for an exponentially decaying autocorrelation.

    Source: Weinberger, Biological Cybernetics 63, 1990; Stadler, Landscapes and their correlation
    functions, Journal of Mathematical Chemistry 20, 1996.
    """
    if np.isnan(first):
        return float("nan")
    if first <= 0.0:
        return 0.0
    return float("inf") if first >= 1.0 else float(-1.0 / np.log(first))


def autocorrelation(values: Floats, *, max_lag: int) -> Autocorrelation:
    """Autocorrelation along many walks, with a band of ``CONFIDENCE``.

    All pairs of values ``lag`` steps apart, of all walks together, centred on and divided by the mean
    and variance of all values: unlike the mean of each walk's own autocorrelation, this is not drawn
    to below zero when walks are short. The band is from leaving out one whole walk at a time: walks
    are independent of each other where steps are not. A constant has no autocorrelation: all is NaN, as
    it is for lags that no walk has lived to see; of fewer than three walks the band is NaN.

    Args:
        values: (n_walks, length) values along the walks; NaN after a walk's end, and where there is none.
        max_lag: Largest lag, at most ``length - 1``.

    Raises:
        SettingError: (a ValueError) A lag that the walks do not have, or a share not in (0, 1).

    Source: Weinberger, Biological Cybernetics 63, 1990; the band: see ``jackknife``.
    """
    if not 0 < max_lag < values.shape[1]:
        raise SettingError(f"max_lag must be 1 to {values.shape[1] - 1}, the walks' steps; got {max_lag}")
    walked = np.flatnonzero(np.isfinite(values).any(axis=1))
    sums = _lagged_sums(values[walked], max_lag)
    found = jackknife(lambda kept: _curve(kept, *sums), walked, link=fisher, inverse=np.tanh)
    first, *ends = (correlation_length(float(part[1])) for part in found)
    return Autocorrelation(
        mean=found.value,
        low=found.low,
        high=found.high,
        pairs=sums[-1].sum(axis=0).astype(np.int64),
        length=first,
        length_band=(ends[0], ends[1]),
    )


def _lagged_sums(values: Floats, max_lag: int) -> tuple[Floats, ...]:
    """By walk and lag (n_walks, max_lag + 1): products, first members, second members, pairs; then totals."""
    there = ~np.isnan(values)
    centred = np.where(there, values - np.mean(values[there]) if there.any() else 0.0, 0.0)
    if there.any() and np.ptp(values[there]) == 0.0:
        centred[:] = 0.0
    shape = (len(values), max_lag + 1)
    products, heads, tails, pairs = (np.empty(shape) for _ in range(4))
    for lag in range(max_lag + 1):
        stop = values.shape[1] - lag
        a, b = centred[:, :stop], centred[:, lag:]
        both = there[:, :stop] & there[:, lag:]
        products[:, lag] = np.einsum("ij,ij->i", a, b)
        heads[:, lag] = np.einsum("ij,ij->i", a, both)
        tails[:, lag] = np.einsum("ij,ij->i", b, both)
        pairs[:, lag] = both.sum(axis=1)
    return products, heads, tails, pairs


def _curve(kept: Bools, products: Floats, heads: Floats, tails: Floats, pairs: Floats) -> Floats:
    """Autocorrelations (max_lag + 1,) of the walks that are kept (n_walks,)."""
    n, first, second = (part[kept].sum(axis=0) for part in (pairs, heads, tails))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = first[0] / n[0]
        covariance = (products[kept].sum(axis=0) - mean * (first + second)) / n + mean**2
        return np.asarray(covariance / covariance[0])


def exact_autocorrelation(f: Floats, graph: Neighborhood, *, max_lag: int) -> Floats:
    """Autocorrelation of an endless random walk, from all cells at once.

    With transition matrix P and stationary distribution pi, sum(pi * g * (P^lag g)) / sum(pi * g^2)
    for the values g centred on their mean under pi. In an undirected graph pi is proportional to the
    number of neighbours. Cells without any take no part. NaN for a constant.

    Args:
        f: Values (n, m) of the quantities.
        graph: Undirected: the neighbourhood "symmetric", or a part of it.
        max_lag: Largest lag.

    Returns:
        (max_lag + 1, m).

    Source: Stadler, Journal of Mathematical Chemistry 20, 1996.
    """
    counts = degrees(graph)
    result = np.full((max_lag + 1, f.shape[1]), np.nan)
    if counts.sum() == 0:
        return result
    weight = (counts / counts.sum())[:, None]
    g = f - (weight * f).sum(axis=0)
    step = sparse(graph)
    step.data /= np.repeat(counts, counts)
    for k in np.flatnonzero(np.ptp(f, axis=0) > 0):
        behind = ahead = g[:, k]
        # P is self-adjoint under pi, so lags a + b come from P^a g and P^b g: half as many products.
        for lag in range(max_lag + 1):
            result[lag, k] = (weight[:, 0] * behind * ahead).sum()
            if lag % 2 == 0:
                ahead = step @ ahead
            else:
                behind = ahead
    return np.asarray(result / result[0])


def walk_autocorrelation(values: Floats) -> Floats:
    """Each walk's own autocorrelation (n_walks,) of lag 1, from values (n_walks, length), NaN where there is none.

    With a walk's deviations d from its own mean: sum(d[t] * d[t + 1]) / sum(d^2), the usual
    estimator of a single series; the published ruggedness is 1 / its mean. For short walks it
    is biased towards below zero, by about 1 / length. NaN for a walk without pairs, or of equal values.

    Source: Box and Jenkins, Time series analysis, 1970; Traoré, Camero, Zhu, 2021.
    """
    there = np.isfinite(values)
    n = np.maximum(there.sum(axis=1, keepdims=True), 1)
    d = np.where(there, values - np.where(there, values, 0.0).sum(axis=1, keepdims=True) / n, 0.0)
    # Deviations of equal values are rounding errors.
    level = np.where(there, np.abs(values), 0.0).max(axis=1)
    spread = (d * d).sum(axis=1)
    known = (there[:, :-1] & there[:, 1:]).any(axis=1) & (spread > n[:, 0] * (1e-12 * level) ** 2)
    products = (d[:, :-1] * d[:, 1:]).sum(axis=1)
    return np.asarray(np.divide(products, spread, out=np.full(len(values), np.nan), where=known))
