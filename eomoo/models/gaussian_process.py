"""Gaussian process regression on a few hundred cells, in arithmetic that gives the same bits everywhere.

Fitting uses elementwise operations only, in a fixed order: the sums inside a linear algebra library
depend on the processor and on its number of threads, and models that are fitted again should be equal
bit for bit. Predictions, which nobody stores for long, use the library.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Kernel", "Predictor", "Solver", "kernel_of"]

_Array = NDArray[np.float64]
# Covariances of a block with a few hundred cells stay in the processor's cache.
_BLOCK = 1 << 10


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


def kernel_of(Z: _Array, kernel: Kernel) -> _Array:
    """Covariances (n, n) of cells with standardised features (n, d), without the noise."""
    distance, product = np.zeros((len(Z), len(Z))), np.zeros((len(Z), len(Z)))
    for column in Z.T:
        difference = column[:, None] - column
        distance += difference * difference
        product += column[:, None] * column
    d = Z.shape[1]
    covariance: _Array = 1.0 / (1.0 + distance / (d * kernel.length)) + kernel.linear * product / d
    return covariance


class Solver:
    """The inverse of a kernel matrix with its noise, for any number of targets.

    Args:
        covariance: (n, n), of the training cells.
        noise: Variance of a measurement; at least 1e-3, for the inverse to be accurate.
    """

    def __init__(self, covariance: _Array, noise: float) -> None:
        self._inverse = _inverse(covariance + noise * np.eye(len(covariance)))

    def weights(self, y: _Array) -> _Array:
        """Weights (n,) of the training cells for the standardised target y (n,)."""
        # Summed over the first axis: row after row, in order.
        result: _Array = (self._inverse * y[:, None]).sum(axis=0)
        return result

    def left_out_residuals(self, y: _Array) -> _Array:
        """Each target (n,) less its prediction from all others."""
        result: _Array = self.weights(y) / np.diag(self._inverse)
        return result


def _inverse(matrix: _Array) -> _Array:
    """Inverse of a symmetric positive definite matrix by Gauss and Jordan's elimination, in place."""
    A = matrix.copy()
    for k in range(len(A)):
        pivot = A[k, k]
        row, column = A[k] / pivot, A[:, k].copy()
        A -= column[:, None] * row
        A[k], A[:, k] = row, -column / pivot
        A[k, k] = 1.0 / pivot
    return A


class Predictor:
    """Predictions of one kernel for many cells, for several targets at once.

    Args:
        known: (n, d) standardised features of the training cells.
        weights: (n, m) weights of the training cells, by target.
        kernel: The kernel.
    """

    def __init__(self, known: _Array, weights: _Array, kernel: Kernel) -> None:
        n, d = known.shape
        self._scale = np.float32(1.0 / np.sqrt(d * kernel.length))
        scaled = known.astype(np.float32) * self._scale
        # Rows that turn one matrix product into one plus all squared distances.
        self._known = np.ascontiguousarray(
            np.column_stack((-2 * scaled, np.ones(n), (scaled * scaled).sum(axis=1))).T, dtype=np.float32
        )
        self._weights = weights.astype(np.float32)
        self._slope = (kernel.linear / d * known.T @ weights).astype(np.float32) if kernel.linear else None

    def __call__(self, Z: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Predictions (k, m) for standardised features (k, d), and the likeness (k,) of the nearest cell.

        The likeness, without the linear part, is 1 for a training cell and falls to 0 far from all.
        """
        predicted = np.empty((len(Z), self._weights.shape[1]), dtype=np.float32)
        nearest = np.empty(len(Z), dtype=np.float32)
        for start in range(0, len(Z), _BLOCK):
            here = slice(start, start + _BLOCK)
            predicted[here], nearest[here] = self._predict(Z[here])
        return predicted, nearest

    def _predict(self, Z: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scaled = Z * self._scale
        norm = (scaled * scaled).sum(axis=1)
        ratio = np.column_stack((scaled, 1 + norm, np.ones_like(norm))) @ self._known
        nearest = np.minimum(1 / ratio.min(axis=1), 1)
        np.reciprocal(ratio, out=ratio)
        predicted = ratio @ self._weights
        if self._slope is not None:
            predicted += Z @ self._slope
        return predicted, nearest
