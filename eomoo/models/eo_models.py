"""Surrogates of several targets: fitted to measured cells, predicting a mean and a deviation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.models.gaussian_process import Kernel, Predictor, Solver, kernel_of
from eomoo.models.recipes import RECIPES, Recipe
from eomoo.space.features import feature_names

__all__ = ["Scaling", "Surrogates", "TargetModel", "fit_surrogates", "space_scaling", "with_spreads"]

_Array = NDArray[np.float64]
_BLOCK = 1 << 14
_ALL = feature_names("structural")


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Mean and standard deviation of every structural feature over the whole space, (141,) each."""

    mean: _Array
    std: _Array

    def __call__(self, features: NDArray[Any], columns: tuple[str, ...]) -> _Array:
        """Standardised features (n, len(columns)) of all structural features (n, 141)."""
        at = _positions(columns)
        scaled: _Array = (features[:, at] - self.mean[at]) / self.std[at]
        return scaled

    def scale(self, selected: NDArray[np.float32], columns: tuple[str, ...]) -> NDArray[np.float32]:
        """Standardised features in single precision, of the columns (n, len(columns)) alone."""
        at = _positions(columns)
        scaled: NDArray[np.float32] = selected - self.mean[at].astype(np.float32)
        scaled /= self.std[at].astype(np.float32)
        return scaled


@dataclass(frozen=True, kw_only=True)
class TargetModel:
    """What is fitted for one target.

    Attributes:
        recipe: How it was fitted.
        mean, std: Of the (log) target over the training cells; the parts predict in these terms.
        weights: (n,), of the training cells in the Gaussian process.
        trees: XGBoost's Booster.
        slow_share, slow_factor: Share of slow runs and how much longer they take; 0 and 1 for none.
        spread: Factor by which held-out errors exceed the modelled deviation.
    """

    recipe: Recipe
    mean: float
    std: float
    weights: _Array
    trees: Any
    slow_share: float = 0.0
    slow_factor: float = 1.0
    spread: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Surrogates:
    """Models of all targets on the same training cells.

    Attributes:
        features: (n, 141) structural features of the training cells.
        scaling: How features are standardised.
        models: By target.
    """

    features: NDArray[np.float32]
    scaling: Scaling
    models: Mapping[str, TargetModel]

    def predict(self, features: NDArray[np.float32]) -> tuple[_Array, _Array]:
        """Means and standard deviations (m, n_targets) each, for structural features (m, 141)."""
        from threadpoolctl import threadpool_limits

        # Threads that wait for each other after every small product cost more than they save, ten
        # times as much on a busy machine.
        with threadpool_limits(1, user_api="blas"):
            return self._predict(features)

    def _predict(self, features: NDArray[np.float32]) -> tuple[_Array, _Array]:
        means = np.empty((len(features), len(self.models)))
        deviations = np.empty_like(means)
        order = list(self.models)
        for names, columns, predictor in self._predictors():
            for start in range(0, len(features), _BLOCK):
                here = slice(start, start + _BLOCK)
                block = np.ascontiguousarray(features[here, _positions(columns)])
                smooth, nearest = predictor(self.scaling.scale(block, columns))
                for k, name in enumerate(names):
                    model, at = self.models[name], (here, order.index(name))
                    trees = model.trees.inplace_predict(block)
                    means[at], deviations[at] = _combine(smooth[:, k], trees, nearest, model)
        return means, deviations

    def _predictors(self) -> list[tuple[list[str], tuple[str, ...], Predictor]]:
        """Targets that share columns and kernel, the columns, and what predicts them together."""
        groups: dict[tuple[tuple[str, ...], Kernel], list[str]] = {}
        for name, model in self.models.items():
            # The noise matters for fitting alone.
            kernel = replace(model.recipe.kernel, noise=0.0)
            groups.setdefault((model.recipe.columns, kernel), []).append(name)
        found = []
        for (columns, kernel), names in groups.items():
            known = self.scaling(self.features, columns)
            weights = np.stack([self.models[name].weights for name in names], axis=1)
            found.append((names, columns, Predictor(known, weights, kernel)))
        return found


def _combine(
    smooth: NDArray[np.float32],
    trees: NDArray[np.float32],
    nearest: NDArray[np.float32],
    model: TargetModel,
) -> tuple[_Array, _Array]:
    """Mean and deviation (m,) of the target from its two parts and the likeness of the nearest cell.

    The variance is that of a Gaussian process that knows the nearest cell alone, which a whole space
    can afford, and that of the two parts around their mean.
    """
    a, b = smooth.astype(np.float64), trees.astype(np.float64)
    noise = model.recipe.kernel.noise
    ignorance = 1.0 - nearest.astype(np.float64) ** 2 / (1.0 + noise)
    deviation = model.spread * model.std * np.sqrt(noise + ignorance + (a - b) ** 2 / 4.0)
    mean = model.mean + model.std * (a + b) / 2.0
    if not model.recipe.log:
        return mean, deviation
    expected = np.exp(mean) * (1.0 + model.slow_share * (model.slow_factor - 1.0))
    return expected, expected * deviation


@lru_cache(maxsize=1)
def space_scaling() -> Scaling:
    """Scaling by the whole space, in about a second."""
    from eomoo.space import load_space

    space = load_space()
    total, squares = np.zeros(len(_ALL)), np.zeros(len(_ALL))
    for start in range(0, len(space), _BLOCK):
        rows = space.features(np.arange(start, min(start + _BLOCK, len(space)))).astype(np.float64)
        total += rows.sum(axis=0)
        squares += (rows * rows).sum(axis=0)
    mean = total / len(space)
    std = np.sqrt(np.maximum(squares / len(space) - mean * mean, 0.0))
    # Rounded, so that the file is short and the last bits of the sums do not matter.
    return Scaling(mean=_round(mean), std=_round(np.where(std > 0, std, 1.0)))


def fit_surrogates(
    features: NDArray[np.float32],
    targets: Mapping[str, _Array],
    *,
    scaling: Scaling | None = None,
    seed: int = 0,
) -> Surrogates:
    """Fit the models of some targets.

    The same call gives the same bits, whatever the number of threads: XGBoost is given one, and the
    Gaussian process is fitted without a linear algebra library.

    Args:
        features: (n, 141) structural features of the measured cells.
        targets: Measured values (n,), by the names of ``RECIPES``.
        scaling: How features are standardised; by default by the whole space.
        seed: Of the random choices of rows and columns in the trees.
    """
    scaling = scaling or space_scaling()
    solvers: dict[tuple[tuple[str, ...], Kernel], Solver] = {}
    models = {}
    for name, y in targets.items():
        recipe = RECIPES[name]
        key = (recipe.columns, recipe.kernel)
        if key not in solvers:
            Z = scaling(features, recipe.columns)
            solvers[key] = Solver(kernel_of(Z, recipe.kernel), recipe.kernel.noise)
        columns = np.ascontiguousarray(features[:, _positions(recipe.columns)])
        models[name] = _fit_target(columns, y, recipe, solvers[key], seed)
    return Surrogates(features=features, scaling=scaling, models=models)


def _fit_target(
    columns: NDArray[np.float32], values: _Array, recipe: Recipe, solver: Solver, seed: int
) -> TargetModel:
    y = np.array([math.log(v) for v in values]) if recipe.log else values
    share, shift = 0.0, 0.0
    if recipe.slow_runs:
        slow, share, shift = _slow_runs(y, solver)
        y = y - shift * slow
    mean = math.fsum(y) / len(y)
    std = math.sqrt(math.fsum((y - mean) ** 2) / len(y)) or 1.0
    standard = (y - mean) / std
    return TargetModel(
        recipe=recipe,
        mean=mean,
        std=std,
        weights=solver.weights(standard),
        trees=_boost(columns, standard, recipe, seed),
        slow_share=share,
        slow_factor=math.exp(shift),
    )


def _boost(columns: NDArray[np.float32], y: _Array, recipe: Recipe, seed: int) -> Any:
    import xgboost

    t = recipe.trees
    settings = {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "base_score": 0.0,
        "eta": t.eta,
        "max_depth": t.max_depth,
        "min_child_weight": t.min_child_weight,
        "subsample": t.subsample,
        "colsample_bytree": t.colsample_bytree,
        "max_bin": t.max_bin,
        "seed": seed,
        "nthread": 1,
    }
    return xgboost.train(settings, xgboost.DMatrix(columns, label=y, nthread=1), num_boost_round=t.rounds)


def _slow_runs(y: _Array, solver: Solver) -> tuple[_Array, float, float]:
    """How surely each run was slow (n,), the share of slow runs, and by how much their y is larger.

    Expectation and maximisation on the residuals that a Gaussian process leaves when each run in turn
    is left out; the process is fitted again to the corrected values.
    """
    slow, share, shift = np.zeros(len(y)), 0.0, 0.0
    for _ in range(5):
        corrected = y - shift * slow
        mean = math.fsum(corrected) / len(y)
        residual = y - corrected + solver.left_out_residuals(corrected - mean)
        slow, share, shift = _two_normals(residual)
    return slow, share, shift


def _two_normals(x: _Array) -> tuple[_Array, float, float]:
    """Membership (n,) in the upper of two normal distributions of one width, its share, the distance."""
    low, high = float(np.percentile(x, 25)), float(np.percentile(x, 90))
    width, share = (high - low) / 3.0 or 1.0, 0.25
    upper = np.zeros(len(x))
    for _ in range(50):
        gain = ((x - low) ** 2 - (x - high) ** 2) / (2.0 * width * width)
        # Rounded against the last bits in which exponentials differ between processors.
        upper = np.round(1.0 / (1.0 + (1.0 - share) / share * np.exp(-np.clip(gain, -50, 50))), 9)
        share = min(max(math.fsum(upper) / len(x), 1e-3), 0.5)
        low = math.fsum((1 - upper) * x) / max(math.fsum(1 - upper), 1e-9)
        high = math.fsum(upper * x) / max(math.fsum(upper), 1e-9)
        width = math.sqrt(math.fsum((1 - upper) * (x - low) ** 2 + upper * (x - high) ** 2) / len(x)) or 1.0
    return upper, share, high - low


def with_spreads(surrogates: Surrogates, spreads: Mapping[str, float]) -> Surrogates:
    """The same models with deviations scaled by these factors."""
    models = {name: replace(model, spread=spreads[name]) for name, model in surrogates.models.items()}
    return replace(surrogates, models=models)


@lru_cache(maxsize=16)
def _positions(columns: tuple[str, ...]) -> NDArray[np.intp]:
    at = {name: k for k, name in enumerate(_ALL)}
    return np.array([at[name] for name in columns], dtype=np.intp)


def _round(values: _Array) -> _Array:
    return np.array([float(f"{v:.8g}") for v in values])
