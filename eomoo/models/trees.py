"""Boosted trees of XGBoost, in its own terms: the one place where eomoo fits and asks them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Booster, Floats


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Settings of gradient-boosted trees, by XGBoost's names."""

    rounds: int
    eta: float
    max_depth: int = 3
    min_child_weight: float = 5.0
    subsample: float = 0.6
    colsample_bytree: float = 0.3
    max_bin: int = 64


def boost(X: NDArray[np.float32], Y: Floats, trees: Trees, *, seed: int, weight: Floats | None = None) -> Booster:
    """One ensemble for all columns of Y, standardised; the same bits on every machine, by one thread.

    Args:
        X: (n, d) features.
        Y: (n, m) standardised targets.
        weight: (n,) of the rows; by default all count alike.
    """
    import xgboost

    settings = asdict(trees)
    rounds = settings.pop("rounds")
    settings.update(objective="reg:squarederror", tree_method="hist", base_score=0.0, seed=seed)
    matrix = xgboost.QuantileDMatrix(X, label=Y, weight=weight, nthread=1, max_bin=trees.max_bin)
    booster = xgboost.Booster({**settings, "nthread": 1}, [matrix])
    # ``xgboost.train`` would spend half its time on callbacks.
    for k in range(rounds):
        booster.update(matrix, k)
    return booster


def predict_trees(boosters: tuple[Booster, ...], X: NDArray[np.float32]) -> Floats:
    """Predictions (n, m) for features (n, d): the columns of all ensembles, side by side."""
    if not len(X):
        return np.empty((0, sum(booster.num_features() > 0 for booster in boosters)))
    return np.concatenate(
        [booster.inplace_predict(X).reshape(len(X), -1).astype(np.float64) for booster in boosters], axis=1
    )
