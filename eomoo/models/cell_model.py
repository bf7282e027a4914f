"""A quick model of some thousand cells' values at most, to rank others before they are evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from eomoo.models.gaussian_process import Kernel, Predictor

__all__ = ["CellModel", "fit_cell_model"]

_Array = NDArray[np.float64]

_KERNEL = Kernel(length=1.0, linear=1.0, noise=0.01)
_NOISES = (0.01, 0.1, 0.5)
_SMOOTH = 500
_TRIED = 250
_TREES = {
    "objective": "reg:squarederror",
    "tree_method": "hist",
    "base_score": 0.0,
    "eta": 0.12,
    "min_child_weight": 2,
    "subsample": 0.8,
    "colsample_bytree": 0.4,
    "max_bin": 32,
    "nthread": 1,
}
# Depth and rounds of the trees.
_FEW = (3, 60)
_MANY = (4, 100)


@dataclass(frozen=True, kw_only=True)
class CellModel:
    """The mean of a Gaussian process and of boosted trees, for each column that was fitted."""

    _center: NDArray[np.float32]
    _scale: NDArray[np.float32]
    _mean: _Array
    _std: _Array
    _smooth: Predictor
    _trees: Any

    def predict(self, features: NDArray[Any]) -> _Array:
        """Predictions (k, m) for features (k, d)."""
        return self.predict_with_doubt(features)[0]

    def predict_with_doubt(self, features: NDArray[Any]) -> tuple[_Array, _Array]:
        """Predictions (k, m), and how far each cell is from what was fitted to (k,): 0.1 at it, 1 far off.

        The doubt is in proportion to the deviation of a Gaussian process that knows the nearest cell only.
        """
        X = np.ascontiguousarray(features, dtype=np.float32)
        smooth, nearest = self._smooth((X - self._center) / self._scale)
        rough = self._trees.inplace_predict(X).reshape(smooth.shape)
        predicted: _Array = self._mean + self._std * (smooth.astype(np.float64) + rough) / 2.0
        return predicted, np.sqrt(np.maximum(1.0 - nearest.astype(np.float64) ** 2, _KERNEL.noise))


def fit_cell_model(features: NDArray[Any], Y: _Array, *, seed: int) -> CellModel:
    """Fit a model to features (n, d) and values (n, m), in some hundredths of a second for n = 500.

    The trees see all cells, the Gaussian process 500 of them at most, at random; with how much noise is
    chosen for each column by how well cells are predicted from the others.

    Values far above the others, such as the error of a network that did not learn, are drawn nearer:
    how bad they are does not matter to a search, and would spoil the fit of the rest.

    Args:
        features: (n, d), finite.
        Y: (n, m), finite, minimised.
        seed: Of the random choices in the trees, and of the cells that the process sees.
    """
    X = np.ascontiguousarray(features, dtype=np.float32)
    center, scale = X.mean(axis=0), X.std(axis=0)
    scale[scale < 1e-6] = 1.0
    low, middle, high = np.percentile(Y, [25, 50, 75], axis=0)
    clipped = np.minimum(Y, middle + 5.0 * np.maximum(high - low, 1e-12))
    mean, std = clipped.mean(axis=0), clipped.std(axis=0)
    std[std == 0] = 1.0
    standard = (clipped - mean) / std
    rng = np.random.default_rng(seed)
    few = slice(None) if len(X) <= _SMOOTH else np.sort(rng.choice(len(X), _SMOOTH, replace=False))
    Z, y = ((X[few] - center) / scale).astype(np.float64), standard[few]
    covariance = _covariance(Z)
    weights = np.empty_like(y)
    tried = rng.permutation(len(Z))[:_TRIED]
    noise = _best_noise(covariance[np.ix_(tried, tried)], y[tried])
    for level in np.unique(noise):
        factor = cho_factor(covariance + level * np.eye(len(Z)))
        weights[:, noise == level] = cho_solve(factor, y[:, noise == level])
    return CellModel(
        _center=center,
        _scale=scale,
        _mean=mean,
        _std=std,
        _smooth=Predictor(Z, weights, _KERNEL),
        _trees=_boost(X, standard, seed),
    )


def _best_noise(covariance: _Array, y: _Array) -> _Array:
    """The noise (m,) with which each target (n, m) is best predicted from all its others.

    Source: Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, eq. 5.12.
    """
    errors = []
    for level in _NOISES:
        inverse = np.linalg.inv(covariance + level * np.eye(len(y)))
        errors.append(np.square(inverse @ y / np.diag(inverse)[:, None]).mean(axis=0))
    best: _Array = np.array(_NOISES)[np.argmin(errors, axis=0)]
    return best


def _covariance(Z: _Array) -> _Array:
    d = Z.shape[1]
    product = Z @ Z.T / d
    squares = np.diag(product)
    distance = np.maximum(squares[:, None] + squares - 2.0 * product, 0.0)
    covariance: _Array = 1.0 / (1.0 + distance / _KERNEL.length) + _KERNEL.linear * product
    return covariance


def _boost(X: NDArray[np.float32], Y: _Array, seed: int) -> Any:
    """Trees of all columns in one ensemble; ``xgboost.train`` would spend half its time on callbacks."""
    import xgboost

    matrix = xgboost.QuantileDMatrix(X, label=Y, nthread=1, max_bin=_TREES["max_bin"])
    depth, rounds = _FEW if len(X) <= _SMOOTH else _MANY
    booster = xgboost.Booster({**_TREES, "max_depth": depth, "seed": seed}, [matrix])
    for k in range(rounds):
        booster.update(matrix, k)
    return booster
