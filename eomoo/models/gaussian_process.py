"""Gaussian process regression on some hundred cells, in arithmetic that gives the same bits everywhere.

The sums inside a library of linear algebra depend on the processor and on its number of threads, and a
difference in the last bit is enough to break a tie. So the library multiplies only numbers whose products and
sums are exact in double precision, whatever their order: features on a grid. All other sums are made element
by element, in a fixed order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Floats, blocks

# Standardised features of the space lie within 19, rare bits of 3,000 cells within 55. A squared distance of
# d features is then below 2^14 d, and its multiples of the squared grid fit into the 53 bits of a double.
_LIMIT = 64.0
_BITS = 53 - 14
# Covariances of a block with a few hundred cells stay in the processor's cache.
_BLOCK = 1 << 8
# Random frequencies of a prior: its covariances are wrong by at most 1 / sqrt(600), 4 %, its variances by nothing.
_N_FREQUENCIES = 600
# The odd polynomial of degree 5 that is nearest to sin(2 pi x) up to x = 1/4: within 7e-5 (Lawson's algorithm).
_SINE = (6.28128002, -41.09523779, 73.58543615)
# Random features of so many cells stay in the processor's cache.
_FEW = 128
# Digits of draws, in deviations. Libraries of linear algebra differ by 3e-12 of one, so that of the 30 million
# numbers drawn for a front about one is rounded otherwise on another processor.
_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Prior covariance of the standardised target at two cells: ``1 / (1 + d / length) + linear * <x, y>``.

    The first part is the rational quadratic kernel of shape 1 (Rasmussen, Williams, Gaussian Processes
    for Machine Learning, 2006, eq. 4.19). d is the mean squared difference of the standardised
    features and <x, y> the mean of their products.

    Attributes:
        length: Squared distance at which cells are half alike.
        linear: Weight of the linear part, which goes on growing outside of what was measured.
        noise: Variance of a measurement, in parts of the target's.
    """

    length: float
    linear: float
    noise: float


def on_grid(Z: Floats) -> Floats:
    """Standardised features (n, d), rounded so that sums of their products are exact (see the module)."""
    step = 2.0 ** ((_BITS - math.ceil(math.log2(Z.shape[1]))) // 2)
    grid: Floats = np.clip(Z, -_LIMIT, _LIMIT)
    grid *= step
    np.rint(grid, out=grid)
    grid /= step
    return grid


def to_bits(values: Floats, bits: int) -> Floats:
    """Values, rounded to so many significant binary digits."""
    fraction, exponent = np.frexp(values)
    steps = 2.0**bits
    return np.asarray(np.ldexp(np.rint(fraction * steps) / steps, exponent))


def likeness(known: Floats, Z: Floats, length: float) -> Floats:
    """The kernel's first part (n, k) between cells (n, d) and others (k, d), all on the grid."""
    norms = (known * known).sum(axis=1)[:, None], (Z * Z).sum(axis=1)
    ratio = known @ Z.T
    ratio *= -2.0
    ratio += norms[0]
    ratio += norms[1]
    ratio /= Z.shape[1] * length
    ratio += 1.0
    return np.reciprocal(ratio, out=ratio)


def covariance(Z: Floats, kernel: Kernel) -> Floats:
    """Covariances (n, n) of cells with standardised features (n, d) on the grid, without the noise."""
    result: Floats = likeness(Z, Z, kernel.length)
    if kernel.linear:
        result += kernel.linear * (Z @ Z.T) / Z.shape[1]
    return result


class Solver:
    """The inverse of a kernel matrix with its noise, for any number of targets.

    Attributes:
        inverse: (n, n).

    Args:
        covariance: (n, n), of the training cells.
        noise: Variance of a measurement, or variances (n,); at least 1e-3, for the inverse to be accurate.
        exact: Whether the same bits are wanted on every machine, which takes 0.3 s for n = 450 and not 0.01.
    """

    def __init__(self, covariance: Floats, noise: float | Floats, *, exact: bool = True) -> None:
        noisy = covariance + noise * np.eye(len(covariance))
        self.inverse = _inverse(noisy) if exact else _inverse_by_cholesky(noisy)

    def weights(self, y: Floats) -> Floats:
        """Weights (n,) of the training cells for the standardised target y (n,)."""
        # Summed over the first axis: row after row, in order.
        return np.asarray((self.inverse * y[:, None]).sum(axis=0))

    def left_out_residuals(self, y: Floats) -> Floats:
        """Each target (n,) less its prediction from all others (Rasmussen, Williams 2006, eq. 5.12)."""
        return np.asarray(self.weights(y) / np.diag(self.inverse))


def _inverse(matrix: Floats) -> Floats:
    """Inverse of a symmetric positive definite matrix by Gauss and Jordan's elimination, in place."""
    A = matrix.copy()
    for k in range(len(A)):
        pivot = A[k, k]
        row, column = A[k] / pivot, A[:, k].copy()
        A -= column[:, None] * row
        A[k], A[:, k] = row, -column / pivot
        A[k, k] = 1.0 / pivot
    return A


def _inverse_by_cholesky(matrix: Floats) -> Floats:
    """The same in 0.4 of the time that a general inverse takes."""
    from scipy.linalg.lapack import dpotri

    upper, _ = dpotri(np.linalg.cholesky(matrix).T, overwrite_c=True)
    upper += np.triu(upper, 1).T
    return np.asarray(upper)


class Predictor:
    """Predictions of one kernel for many cells, for several targets at once.

    Args:
        known: (n, d) standardised features of the training cells, on the grid.
        weights: (n, m) weights of the training cells, by target.
    """

    def __init__(self, known: Floats, weights: Floats, kernel: Kernel) -> None:
        self._known, self._weights, self._kernel = known, weights, kernel
        self._slope = np.zeros((known.shape[1], weights.shape[1]))
        if kernel.linear:
            for x, w in zip(known, weights, strict=True):
                self._slope += np.multiply.outer(x, w)
            self._slope *= kernel.linear / known.shape[1]

    def __call__(self, Z: Floats) -> tuple[Floats, Floats]:
        """Predictions (k, m) for features (k, d) on the grid, and the likeness (k,) of the nearest cell.

        The likeness, without the linear part, is 1 for a training cell and falls to 0 far from all.
        """
        predicted, nearest = np.zeros((self._weights.shape[1], len(Z))), np.empty(len(Z))
        for here in blocks(len(Z), _BLOCK):
            block = Z[here]
            alike = likeness(self._known, block, self._kernel.length)
            nearest[here] = alike.max(axis=0)
            add_rows(predicted[:, here], alike, self._weights)
            if self._kernel.linear:
                add_rows(predicted[:, here], block.T, self._slope)
        return predicted.T, nearest


def add_rows(sums: Floats, rows: Floats, factors: Floats) -> None:
    """Add rows (n, k), each times its factors (n, m), to sums (m, k), one after the other."""
    products = np.empty((len(rows) + 1, rows.shape[1]))
    for k, total in enumerate(sums):
        products[0] = total
        np.multiply(rows, factors[:, k, None], out=products[1:])
        if rows.shape[1] == 1:
            # A single column is summed by halves otherwise.
            total[:] = np.add.accumulate(products, axis=0)[-1]
        else:
            # Over the first axis: row after row, in order.
            products.sum(axis=0, out=total)


class Prior:
    """Draws of a process that knows nothing: functions of a kernel's variances at any cell.

    Args:
        kernel: The kernel; its noise is left out.

    Source: a rational quadratic kernel of shape 1 is a mixture of Gaussian ones over an exponential variable, so its
    random features are Gaussian frequencies times the variable's root, in pairs of cosine and sine (Sutherland,
    Schneider, On the error of random Fourier features, UAI 2015).
    """

    def __init__(self, d: int, kernel: Kernel, n: int, rng: np.random.Generator) -> None:
        # An exponential variable, one number from each of as many equal parts of its distribution.
        exponential = -np.log1p(-(np.arange(_N_FREQUENCIES) + rng.random(_N_FREQUENCIES)) / _N_FREQUENCIES)
        scale = np.sqrt(2.0 * exponential / (d * kernel.length))
        # In turns, not radians.
        self._frequencies = scale * rng.standard_normal((d, _N_FREQUENCIES)) / (2.0 * np.pi)
        # A cosine and a sine of each, so that the prior's variance is right at every cell.
        self._theta = rng.standard_normal((2, _N_FREQUENCIES, n)) / np.sqrt(_N_FREQUENCIES)
        self._slopes = np.sqrt(kernel.linear / d) * rng.standard_normal((d, n))

    def __call__(self, Z: Floats) -> Floats:
        """Values (k, n) at cells with standardised features (k, d)."""
        prior: Floats = Z @ self._slopes
        for here in blocks(len(Z), _FEW):
            turns = Z[here] @ self._frequencies
            # A sine is a cosine a quarter of a turn later.
            prior[here] += _cosines(turns - 0.25) @ self._theta[1]
            prior[here] += _cosines(turns) @ self._theta[0]
        return prior


class Paths:
    """Draws of what a process does not know: functions that are near zero where it knows much.

    Each is one function over all cells, so that its values at cells that are alike are alike. Their variance
    is 1 at every cell; what it is to be is up to the caller.

    Args:
        known: (n, d) standardised features of the training cells, on the grid.
        kernel: The kernel, with the noise that the training cells have.
        repeats: (n,) how many measurements each training cell has, or one number.

    Source: Wilson, Borovitskiy, Terenin, Mostowsky, Deisenroth, Efficiently sampling functions from Gaussian
    process posteriors, ICML 2020.
    """

    def __init__(
        self, known: Floats, kernel: Kernel, n: int, rng: np.random.Generator, *, repeats: Floats | float = 1.0
    ) -> None:
        self._known, self._kernel = known, kernel
        self._prior = Prior(known.shape[1], kernel, n, rng)
        noise = np.broadcast_to(kernel.noise / repeats, len(known))
        noisy = covariance(known, kernel) + noise * np.eye(len(known))
        self._inverse = np.linalg.inv(noisy)
        seen = self._prior(known) + np.sqrt(noise)[:, None] * rng.standard_normal((len(known), n))
        self._weights = self._inverse @ seen

    def __call__(self, Z: Floats) -> Floats:
        """Values (n, k) at cells with standardised features (k, d) on the grid, rounded to four digits."""
        values = np.empty((self._weights.shape[1], len(Z)))
        for here in blocks(len(Z), _BLOCK):
            block = Z[here]
            K = likeness(self._known, block, self._kernel.length)
            K += self._kernel.linear / Z.shape[1] * (self._known @ block.T)
            own = 1.0 + self._kernel.linear * (block * block).mean(axis=1)
            # At a training cell at least the noise is left, shared by what is known of it.
            variance = np.maximum(own - (K * (self._inverse @ K)).sum(axis=0), 1e-9)
            values[:, here] = ((self._prior(block) - K.T @ self._weights) / np.sqrt(variance)[:, None]).T
        return np.round(values, _DIGITS, out=values)


def _cosines(turns: Floats) -> Floats:
    """Cosines of angles in turns, within 7e-5, which is enough for random features; overwrites its argument.

    Five times as quick as NumPy's, and the same bits on every processor.
    """
    turns -= np.rint(turns)
    np.abs(turns, out=turns)
    np.subtract(0.25, turns, out=turns)
    squares = turns * turns
    sines = squares * _SINE[2]
    sines += _SINE[1]
    sines *= squares
    sines += _SINE[0]
    sines *= turns
    return sines
