"""True values of cells that were measured with some error: those that look best had luck.

Who takes the best of many measurements takes what luck made best. So a true value is told by its own measurement and
by what those of all other cells make one expect there, each as far as it is sure (Efron, Tweedie's Formula and
Selection Bias, Journal of the American Statistical Association 106, 2011). What that is worth is measured by
``benchmarks/luck.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from eomoo.arrays import Bools, Floats, Ints, blocks
from eomoo.fronts import Quantity
from eomoo.models.gaussian_process import Solver, likeness
from eomoo.models.recipes import ACCURACY_KERNEL
from eomoo.models.scaling import scaling_of
from eomoo.space import load_space

# Cells whose measurements tell of others: an inverse of so many takes some milliseconds.
_MOST = 250
# Cells of which others tell at a time: 16 MB.
_BLOCK = 1 << 13
# Of fewer cells nothing is learnt of how much true values vary.
_LEAST = 4
# How much true values vary, in deviations of the measured ones; which share of the variance goes with features; and
# the variance of what is known of their mean beforehand. None of these is chosen: all are averaged over, by how
# probable the measurements make each (Rubin, Journal of Educational Statistics 6, 1981), but for what is less probable
# than the last.
_SPREADS, _SHARES, _MEAN, _LEAST_PROBABLE = np.geomspace(0.03, 3.0, 12), (0.0, 0.6, 0.9, 0.97), 10.0, 1e-3
# Values so many interquartile ranges worse than the median are drawn nearer: how bad a network is that learnt nothing
# says nothing of how much good ones vary. With 1 the surfaces of ``benchmarks/luck.py`` hold better, but draws
# of normal true values are too sure; with 2 and more the surfaces hold worse.
_FAR = 1.5
# What was measured so many deviations away from what was expected is left as it is (Efron, Morris, Journal of the
# American Statistical Association 67, 1972).
_STRANGE = 4.0
# Newton's steps to the true value of a measurement whose deviation goes with it: more change nothing that counts.
_LOOKS = 4
# In deviations: libraries of linear algebra differ in the last bits between processors.
_DIGITS = 6


class _Terms:
    """The terms in which a quantity is modelled: larger ones are worse.

    They are the logarithm of how far a value is from the best possible one, such as that of an error; where there is
    no such value, or what was measured is as good or better, the minimised value itself.
    """

    def __init__(self, quantity: Quantity, values: Floats) -> None:
        self._quantity = quantity
        self.log = math.isfinite(quantity.best) and bool((self._left(values) > 0).all())

    def are(self, values: Floats) -> Bools:
        """Which of the values (k,) have such terms."""
        return np.asarray(self._left(values) > 0) if self.log else np.isfinite(values)

    def of(self, values: Floats, deviations: Floats) -> tuple[Floats, Floats]:
        """Values (k,) and their deviations (k,) in these terms."""
        if not self.log:
            return self._quantity.minimise(values), deviations
        left = self._left(values)
        return np.log(left), deviations / left

    def back(self, terms: Floats) -> Floats:
        """Values from terms (...)."""
        if not self.log:
            return self._quantity.minimise(terms)
        return self._quantity.best + self._quantity.minimise(np.exp(terms))

    def moments(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Means and variances of values whose terms are normal with these (...)."""
        if not self.log:
            return self.back(mean), std**2
        variance = np.expm1(std**2) * np.exp(2.0 * mean + std**2)
        return self.back(mean + std**2 / 2.0), variance

    def _left(self, values: Floats) -> Floats:
        """How far values (k,) are from the best possible one; negative beyond it."""
        return self._quantity.minimise(values - self._quantity.best)


@dataclass(frozen=True, kw_only=True)
class _Level:
    """One way in which true values may vary, in deviations of the measured ones.

    Attributes:
        probability: Of it, given the measurements.
        smooth: Variance that goes with features.
        own: Variance of what is a cell's own.
        solver: Of the measured cells.
        weights: (n,) of their measurements.
    """

    probability: float
    smooth: float
    own: float
    solver: Solver
    weights: Floats


class TrueValues:
    """What measurements of a quantity, each with some error, tell of true values.

    A true value is expected by a Gaussian process on the features of other cells, from which it differs by something
    of its own; its own measurement tells the rest.

    Args:
        cells: (n,) distinct cells that were measured, at most some hundreds.
        values: (n,) what was measured, finite.
        deviations: (n,) standard deviations of that.
        quantity: What it is.
    """

    def __init__(self, cells: Ints, values: Floats, deviations: Floats, quantity: Quantity) -> None:
        self._cells, self._terms, self._levels = cells, _Terms(quantity, values), list[_Level]()
        if len(cells) < _LEAST or not (deviations > 0).any():
            return
        terms, spread = self._terms.of(values, deviations)
        low, middle, high = np.percentile(terms, [25, 50, 75])
        near = np.minimum(terms, middle + _FAR * (high - low))
        if _all_equal(near):
            return
        self._power = _power(terms, spread) if self._terms.log else 1.0
        self._middle, self._scale = float(near.mean()), float(near.std())
        features = load_space().features(cells)
        self._scaling = scaling_of(features)
        self._known = self._scaling(features)
        self._measured = (near - self._middle) / self._scale
        # At first as if none were better than the middle: what luck made good has no other deviation for it.
        expected = np.maximum(0.0, self._measured)
        for _ in range(1 if self._power == 1.0 else 2):
            self._seen, self._noise = self._seen_from(expected, self._measured, spread)
            self._levels = self._probable_levels()
            share, mean, _ = self._by_level(cells, self._known, self._measured, spread)
            expected = share @ mean

    @property
    def tell(self) -> bool:
        """Whether they tell anything of a cell but what was measured of it."""
        return bool(self._levels)

    def expected(self, cells: Ints, values: Floats, deviations: Floats) -> tuple[Floats, Floats]:
        """Means and standard deviations (k,) of the true values of cells that were measured so (k,)."""
        means, spreads = values.copy(), deviations.copy()
        modelled = self._modelled(values, deviations)
        for vague in (modelled[here] for here in blocks(len(modelled), _BLOCK)):
            share, mean, std = self._normals(cells[vague], values[vague], deviations[vague])
            by_level, variances = self._terms.moments(mean, std)
            means[vague] = share @ by_level
            spreads[vague] = np.sqrt(share @ (variances + (by_level - means[vague]) ** 2))
        return means, spreads

    def draws(self, cells: Ints, values: Floats, deviations: Floats, n: int, *, seed: Sequence[int]) -> Floats:
        """Draws (n, k) of the true values of cells that were measured so (k,); each has its own by seed and cell."""
        drawn, numbers = np.broadcast_to(values, (n, len(values))).copy(), np.zeros((n, len(values)))
        for row in np.flatnonzero(deviations > 0):
            numbers[:, row] = np.random.default_rng([*seed, int(cells[row])]).standard_normal(n)
            drawn[:, row] += deviations[row] * numbers[:, row]
        modelled = self._modelled(values, deviations)
        for vague in (modelled[here] for here in blocks(len(modelled), _BLOCK)):
            share, mean, std = self._normals(cells[vague], values[vague], deviations[vague])
            level = np.random.default_rng(seed).choice(len(share), n, p=share)
            drawn[:, vague] = self._terms.back(mean[level] + std[level] * numbers[:, vague])
        return drawn

    def _modelled(self, values: Floats, deviations: Floats) -> Ints:
        """Those of which others tell something: not what is exact, nor what is the best possible value already."""
        return np.flatnonzero((deviations > 0) & self._terms.are(values)) if self._levels else np.arange(0)

    def _seen_from(self, expected: Floats, measured: Floats, spread: Floats) -> tuple[Floats, Floats]:
        """Measurements (k,) and their variances, linear around true values as expected (k,).

        Deviations (k,) are at the measured. The logarithm of what an error brought near the best value would say more
        than was measured.
        """
        rest = 1.0 - self._power
        apart = self._scale * (measured - expected)
        seen = expected + np.expm1(rest * apart) / (rest * self._scale) if rest else measured
        return seen, np.asarray((spread / self._scale * np.exp(rest * apart)) ** 2)

    def _normals(self, cells: Ints, values: Floats, deviations: Floats) -> tuple[Floats, Floats, Floats]:
        """Probabilities (l,) of the levels, and by level means and deviations (l, k) of true values, in terms."""
        terms, spread = self._terms.of(values, deviations)
        measured = (terms - self._middle) / self._scale
        share, mean, variance = self._by_level(cells, self._scaling(load_space().features(cells)), measured, spread)
        return share, self._middle + self._scale * mean, self._scale * np.sqrt(variance)

    def _by_level(self, cells: Ints, Z: Floats, measured: Floats, spread: Floats) -> tuple[Floats, Floats, Floats]:
        """As ``_normals``, of standardised features (k, d), in deviations of the measured values; variances (l, k)."""
        found = np.empty((2, len(self._levels), len(cells)))
        for k, level in enumerate(self._levels):
            mean, variance = self._by_others(level, cells, Z)
            at = np.maximum(mean, measured)
            seen, noise = self._seen_from(at, measured, spread)
            # Nearer to the best value than its deviation nothing is strange.
            strange = np.abs(seen - mean) > _STRANGE * np.sqrt(variance + noise)
            if self._terms.log:
                strange &= spread < 1.0
            for _ in range(_LOOKS):
                seen, noise = self._seen_from(at, measured, spread)
                share = variance / (variance + noise)
                at = mean + share * (seen - mean)
            found[:, k] = np.where(strange, (measured, (spread / self._scale) ** 2), (at, share * noise))
        shares = np.array([level.probability for level in self._levels])
        return shares / shares.sum(), found[0], found[1]

    def _by_others(self, level: _Level, cells: Ints, Z: Floats) -> tuple[Floats, Floats]:
        """What the measurements of other cells make one expect of true values: means and variances (k,)."""
        inverse = level.solver.inverse
        known = level.smooth * likeness(self._known, Z, ACCURACY_KERNEL.length) + _MEAN
        mean = known.T @ level.weights
        variance = level.smooth + level.own + _MEAN - (known * (inverse @ known)).sum(axis=0)
        # Each measured one without its own measurement (Rasmussen, Williams 2006, eq. 5.12).
        here, own = np.nonzero(cells[:, None] == self._cells)
        left = np.diag(inverse)[own]
        mean[here] = self._seen[own] - level.weights[own] / left
        variance[here] = 1.0 / left - self._noise[own]
        return np.round(mean, _DIGITS), np.maximum(np.round(variance, _DIGITS), 10.0**-_DIGITS)

    def _probable_levels(self) -> list[_Level]:
        alike, found = likeness(self._known, self._known, ACCURACY_KERNEL.length), list[_Level]()
        for spread in _SPREADS:
            for share in _SHARES:
                smooth, own = share * spread**2, (1.0 - share) * spread**2
                covariance = smooth * alike + _MEAN
                covariance[np.diag_indices_from(covariance)] += own
                solver = Solver(covariance, self._noise, exact=False)
                weights = solver.weights(self._seen)
                _, volume = np.linalg.slogdet(solver.inverse)
                # All spreads are as probable beforehand, and these lie closer together the smaller they are.
                odds = float(volume - self._seen @ weights) / 2.0 + math.log(spread)
                found.append(_Level(probability=odds, smooth=smooth, own=own, solver=solver, weights=weights))
        logs = np.array([level.probability for level in found])
        shares = np.exp(logs - logs.max())
        probable = (shares / shares.sum()).tolist()
        return [replace(f, probability=p) for f, p in zip(found, probable, strict=True) if p >= _LEAST_PROBABLE]


def _power(terms: Floats, spread: Floats) -> float:
    """The power of what is left to the best value with which deviations (n,) go, by both in terms: 0 for equal ones.

    1 for those that are shares of it.
    """
    terms, spread = terms[spread > 0], spread[spread > 0]
    if _all_equal(terms):
        return 1.0
    apart = terms - terms.mean()
    slope = 1.0 + (apart * np.log(spread)).sum() / (apart**2).sum()
    return float(np.clip(np.round(slope, _DIGITS), 0.0, 1.0))


def _all_equal(terms: Floats) -> bool:
    """Whether terms (n,) differ in their last bits at most, as means of equal measurements do."""
    return bool(np.ptp(terms) <= 1e-9 * np.abs(terms).max())


def some_of(cells: Ints) -> Ints:
    """As many of the measured cells (n,) as tell of the others, always the same."""
    if len(cells) <= _MOST:
        return cells
    return np.sort(np.random.default_rng(0).choice(cells, _MOST, replace=False))


def true_values_of(cells: Ints, values: Floats, deviations: Floats, quantity: Quantity) -> TrueValues:
    """What measurements tell, as ``TrueValues``; those without a value are left out. It is kept for who asks again."""
    there = np.isfinite(values) & np.isfinite(deviations)
    return _kept(*(part[there].tobytes() for part in (cells, values, deviations)), quantity)


# Of a problem two to five quantities, each with 5 MB.
@lru_cache(maxsize=8)
def _kept(cells: bytes, values: bytes, deviations: bytes, quantity: Quantity) -> TrueValues:
    parts = (np.frombuffer(values), np.frombuffer(deviations))
    return TrueValues(np.frombuffer(cells, dtype=np.int64), *parts, quantity)
