"""Quick regression of any problem's values on the features of cells, for use inside a search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.errors import SettingError

__all__ = ["FittedRegressors", "fit_regressors"]

_LEAST_ROWS = 10
_HELD_OUT = 0.2
_ROUNDS = 200
_SETTINGS = {
    "objective": "reg:squarederror",
    "tree_method": "hist",
    "base_score": 0.0,
    "eta": 0.1,
    "max_depth": 3,
    "min_child_weight": 3,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "max_bin": 64,
}


@dataclass(frozen=True, kw_only=True)
class FittedRegressors:
    """One boosted ensemble of trees a column of Y.

    Attributes:
        spearman: (m,) rank correlation on a fifth of the rows, held out from models fitted for this
            purpose alone; NaN where a column does not vary.
        n_train: Rows that were usable.
    """

    spearman: NDArray[np.float64]
    n_train: int
    _boosters: tuple[Any, ...]
    _means: NDArray[np.float64]
    _stds: NDArray[np.float64]

    def predict(self, features: ArrayLike) -> NDArray[np.float64]:
        """Predictions (n, m) for features (n, d), of the d columns that were fitted."""
        X = np.ascontiguousarray(features, dtype=np.float32)
        columns = [booster.inplace_predict(X).astype(np.float64) for booster in self._boosters]
        predicted: NDArray[np.float64] = self._means + self._stds * np.stack(columns, axis=1)
        return predicted


def fit_regressors(
    X: ArrayLike, Y: ArrayLike, *, seed: int | np.random.Generator, n_threads: int = 1
) -> FittedRegressors:
    """Fit one XGBoost model a column of Y.

    The settings suit 500 to 2,000 cells with structural features. 2,000 cells, two objectives and the
    prediction of the whole space take about two seconds of one core, features of the space included.

    Args:
        X: (n, d) features, finite.
        Y: (n, m) values; a row that holds NaN or an infinity is left out.
        seed: Of the rows that are held out and of the random choices in the trees.
        n_threads: Threads of XGBoost.

    Raises:
        SettingError: (a ValueError) Shapes do not fit, X is not finite, or fewer than 10 rows are left.
    """
    features, values = np.ascontiguousarray(X, dtype=np.float32), np.asarray(Y, dtype=np.float64)
    if features.ndim != 2 or values.ndim != 2 or len(features) != len(values) or values.shape[1] == 0:
        raise SettingError(f"expected X (n, d) and Y (n, m); got shapes {features.shape} and {values.shape}")
    if not np.isfinite(features).all():
        raise SettingError("X, the features to fit to, holds values that are not finite")
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    features, values = features[usable], values[usable]
    if len(values) < _LEAST_ROWS:
        raise SettingError(
            f"a regression needs at least {_LEAST_ROWS} rows with all values; "
            f"{len(values)} of {len(usable)} rows have them"
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))
    held_out, learnt = np.split(order, [max(2, round(_HELD_OUT * len(order)))])
    settings = {**_SETTINGS, "nthread": n_threads, "seed": int(rng.integers(2**31))}
    trial = _fit(features[learnt], values[learnt], settings)
    predicted = trial.predict(features[held_out])
    rhos = [_spearman(p, v) for p, v in zip(predicted.T, values[held_out].T, strict=True)]
    return _fit(features, values, settings, spearman=np.array(rhos))


def _fit(
    X: NDArray[np.float32],
    Y: NDArray[np.float64],
    settings: dict[str, Any],
    spearman: NDArray[np.float64] | None = None,
) -> FittedRegressors:
    import xgboost

    means, stds = Y.mean(axis=0), Y.std(axis=0)
    standard = (Y - means) / np.where(stds > 0, stds, 1.0)
    threads = settings["nthread"]
    matrices = [xgboost.DMatrix(X, label=y, nthread=threads) for y in standard.T]
    return FittedRegressors(
        spearman=np.full(Y.shape[1], np.nan) if spearman is None else spearman,
        n_train=len(Y),
        _boosters=tuple(xgboost.train(settings, matrix, num_boost_round=_ROUNDS) for matrix in matrices),
        _means=means,
        _stds=stds,
    )


def _spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    from scipy.stats import spearmanr

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(spearmanr(a, b).statistic)
