"""Ruggedness: autocorrelation of values along random walks, sampled and exact."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eomoo.arrays import Floats
from eomoo.errors import SettingError
from eomoo.landscape.graph import degrees, sparse
from eomoo.space import Neighborhood

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Autocorrelation:
    """Autocorrelation of one quantity along random walks.

    Attributes:
        mean: (max_lag + 1,) estimate by lag, 1 at lag 0.
        low, high: (max_lag + 1,) pointwise confidence band.
        length: Correlation length in steps, with its band (low, high).
        confidence: Of the bands, such as 0.95.
    """

    mean: Floats
    low: Floats
    high: Floats
    length: float
    length_band: tuple[float, float]
    confidence: float

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each lag: columns "lag", "mean", "low", "high"."""
        import pandas as pd

        return pd.DataFrame({"lag": np.arange(len(self.mean)), "mean": self.mean, "low": self.low, "high": self.high})


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


def autocorrelation(
    values: Floats,
    *,
    max_lag: int,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int | np.random.Generator | None = 0,
) -> Autocorrelation:
    """Autocorrelation along many walks, with a confidence band.

    All pairs of values ``lag`` steps apart, of all walks together, centred on and divided by the mean
    and variance of all values: unlike the mean of each walk's own autocorrelation, this is not drawn
    to below zero when walks are short. The band is a percentile bootstrap over whole walks, which
    are independent of each other where steps are not. A constant has no autocorrelation: all is NaN, as
    it is for lags that no walk has lived to see.

    Args:
        values: (n_walks, length) values along the walks; NaN after a walk's end.
        max_lag: Largest lag, at most ``length - 1``.
        confidence: Share of the band.
        n_resamples: Number of bootstrap samples.
        seed: Of the bootstrap.

    Raises:
        SettingError: (a ValueError) A lag that the walks do not have, or a share not in (0, 1).

    Source: Weinberger, Biological Cybernetics 63, 1990; Efron, Annals of Statistics 7, 1979.
    """
    if not 0 < max_lag < values.shape[1]:
        raise SettingError(f"max_lag must be 1 to {values.shape[1] - 1}, the walks' steps; got {max_lag}")
    if not 0.0 < confidence < 1.0:
        raise SettingError(f"confidence must be between 0 and 1; got {confidence}")
    n_walks, rng = len(values), np.random.default_rng(seed)
    # One column of weights for the sample itself, then as many for each resample as walks drawn.
    drawn = rng.multinomial(n_walks, np.full(n_walks, 1.0 / n_walks), size=n_resamples)
    weights = np.concatenate((np.ones((1, n_walks)), drawn.astype(np.float64)))
    curves = _curves(weights, *_lagged_sums(values, max_lag))
    lengths = [correlation_length(r) for r in curves[:, 1]]
    tails = [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]
    low, high = _quantiles(curves[1:], tails)
    band = _quantiles(np.array(lengths[1:])[:, None], tails)[:, 0]
    ends = float(band[0]), float(band[1])
    return Autocorrelation(
        mean=curves[0], low=low, high=high, length=lengths[0], length_band=ends, confidence=confidence
    )


def _quantiles(samples: Floats, shares: list[float]) -> Floats:
    """Quantiles (k, m) of each column of samples (n, m) without its NaN; NaN where there is nothing else."""
    # "nearest" keeps infinite lengths apart from NaN, which interpolation would make of them.
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        return np.asarray(np.nanquantile(samples, shares, axis=0, method="nearest"))


def _lagged_sums(values: Floats, max_lag: int) -> tuple[Floats, ...]:
    """By walk and lag (n_walks, max_lag + 1): products, first members, second members, pairs; then totals."""
    there = ~np.isnan(values)
    centred = np.where(there, values - values[there].mean(), 0.0)
    if np.ptp(values[there]) == 0.0:
        centred[:] = 0.0
    shape = (len(values), max_lag + 1)
    products, heads, tails, pairs = (np.empty(shape) for _ in range(4))
    for lag in range(max_lag + 1):
        stop = values.shape[1] - lag
        a, b = centred[:, :stop], centred[:, lag:]
        both = there[:, lag:]
        products[:, lag] = np.einsum("ij,ij->i", a, b)
        heads[:, lag] = np.einsum("ij,ij->i", a, both)
        tails[:, lag] = b.sum(axis=1)
        pairs[:, lag] = both.sum(axis=1)
    return products, heads, tails, pairs


def _curves(weights: Floats, products: Floats, heads: Floats, tails: Floats, pairs: Floats) -> Floats:
    """Autocorrelations (n_samples, max_lag + 1) for weights (n_samples, n_walks) of the walks."""
    n = weights @ pairs
    mean = (weights @ heads)[:, :1] / n[:, :1]
    joint = weights @ products - mean * (weights @ heads) - mean * (weights @ tails)
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = joint / n + mean**2
        return np.asarray(covariance / covariance[:, :1])


def exact_autocorrelation(f: Floats, graph: Neighborhood, *, max_lag: int) -> Floats:
    """Autocorrelation (max_lag + 1,) of an endless random walk, from all cells (n,) at once.

    With transition matrix P and stationary distribution pi, sum(pi * g * (P^lag g)) / sum(pi * g^2)
    for the values g centred on their mean under pi. In an undirected graph pi is proportional to the
    number of neighbours. Cells without any take no part. NaN for a constant.

    Args:
        f: Values (n,), or of several quantities (n, m).
        graph: Undirected: the neighbourhood "symmetric", or a part of it.
        max_lag: Largest lag.

    Returns:
        (max_lag + 1,), or (max_lag + 1, m).

    Source: Stadler, Journal of Mathematical Chemistry 20, 1996.
    """
    values = np.atleast_2d(f.T).T
    counts = degrees(graph)
    result = np.full((max_lag + 1, values.shape[1]), np.nan)
    if counts.sum() == 0:
        return result if f.ndim == 2 else result[:, 0]
    weight = (counts / counts.sum())[:, None]
    g = values - (weight * values).sum(axis=0)
    step = sparse(graph)
    step.data /= np.repeat(counts, counts)
    for k in np.flatnonzero(np.ptp(values, axis=0) > 0):
        behind = ahead = g[:, k]
        # P is self-adjoint under pi, so lags a + b come from P^a g and P^b g: half as many products.
        for lag in range(max_lag + 1):
            result[lag, k] = (weight[:, 0] * behind * ahead).sum()
            if lag % 2 == 0:
                ahead = step @ ahead
            else:
                behind = ahead
    result /= result[0].copy()
    return result if f.ndim == 2 else result[:, 0]


def walk_autocorrelation(values: Floats, *, lag: int = 1) -> Floats:
    """Each walk's own autocorrelation (n_walks,) at a lag, from values (n_walks, length).

    With a walk's deviations d from its own mean: sum(d[t] * d[t + lag]) / sum(d^2), the usual
    estimator of a single series; the published ruggedness is 1 / its mean at lag 1. For short walks it
    is biased towards below zero, by about 1 / length.

    Source: Box and Jenkins, Time series analysis, 1970; Traoré, Camero, Zhu, 2021.
    """
    d = values - values.mean(axis=1, keepdims=True)
    stop = values.shape[1] - lag
    return np.asarray((d[:, :stop] * d[:, lag:]).sum(axis=1) / (d * d).sum(axis=1))
