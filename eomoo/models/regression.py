"""One way to fit and to ask a model of any number of targets: features in, means and deviations out."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Booster, Floats, Ints, Numbers, blocks
from eomoo.errors import SettingError
from eomoo.jobs import one_thread
from eomoo.models.deviations import TRAITS, Clues, Law
from eomoo.models.gaussian_process import Paths, Predictor, Solver, covariance
from eomoo.models.noise import TRIED, best_noise, slow_runs, weights_of
from eomoo.models.recipes import Recipe
from eomoo.models.regressor import Regressor
from eomoo.models.scaling import Scaling, named, scaling_of, selected
from eomoo.models.trees import boost, predict_trees

_BLOCK = 1 << 13
LEAST_ROWS = 10
"""Fewer rows say nothing: a fifth of ten is held out, and eight are learnt from."""
# Values more than five interquartile ranges above the median are drawn nearer.
_FAR = 5.0


@dataclass(frozen=True, kw_only=True)
class Model(Regressor):
    """What is fitted to m targets by one recipe.

    The same features have the same predictions, on every machine and in whatever company; only where logarithms are
    modelled the last bit may differ. The variance is that of a Gaussian process that knows the nearest cell alone,
    which a whole space can afford, and that of the two parts around their mean (see ``deviations``).

    Attributes:
        boosters: The trees: one ensemble for all targets, or one each.
        mean, std: (m,) of the (log) targets; the parts predict in these terms.
        scaling, known, weights: Of the process: scaling of the features that it sees, standardised features
            (n, d) and weights (n, m) of its cells. None without a process.
        rows: (n,) which of the rows the process sees.
        noise: (m,) variance of a measurement, in parts of the target's.
        slow_share, slow_factor: (m,) share of slow runs and how much longer they take; 0 and 1 for none.
        law: What deviations are made of; by the process alone until it is fitted to errors.
        spread: (m,) factor by which held-out errors exceed the modelled deviation.
        spearman: (m,) rank correlation on held-out rows; NaN where unknown or where a column does not vary.
        n_train: Rows that it was fitted to.
        repeats: (n,) how many measurements each of the process's cells has; None for one each.
    """

    recipe: Recipe
    boosters: tuple[Booster, ...]
    mean: Floats
    std: Floats
    scaling: Scaling | None
    known: Floats
    weights: Floats
    rows: Ints
    noise: Floats
    slow_share: Floats
    slow_factor: Floats
    law: Law
    spread: Floats
    spearman: Floats
    n_train: int
    repeats: Floats | None = None

    def predict_and_place(self, features: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """See ``Regressor.predict_and_place``."""
        X = np.ascontiguousarray(features, dtype=np.float32)
        center, noise, unknown = (np.empty((len(X), len(self.mean))) for _ in range(3))
        unlike = np.zeros(len(X))
        with one_thread():
            for here in blocks(len(X), _BLOCK):
                center[here], clues = self._clues(X[here])
                noise[here], unknown[here] = self._variances(clues)
                unlike[here] = 0.0 if clues is None else 1.0 - clues.alike
        expected = self.mean + self.std * center
        if self.recipe.log:
            expected = np.exp(expected) * (1.0 + self.slow_share * (self.slow_factor - 1.0))
        expected = self._turned(expected)
        return expected, np.sqrt(noise + unknown) * self.unit(expected), unlike

    def clues(self, features: ArrayLike) -> Clues | None:
        """What tells how far predictions at features (k, d) may be off; None where there is no process."""
        X = np.ascontiguousarray(features, dtype=np.float32)
        with one_thread():
            return self._clues(X)[1]

    def errors(self, k: int, n: int, *, seed: int) -> Callable[[NDArray[np.float32]], Floats]:
        """See ``Regressor.errors``."""
        if self.recipe.kernel is None:
            # Nothing tells which errors of trees go together: each cell has its own, by what it is.
            return lambda X: np.array([_own_errors(row, n, seed=[seed, k]) for row in X]).reshape(-1, n).T
        rng = np.random.default_rng([seed, k])
        assert self.scaling is not None
        scaling, columns = self.scaling, self.recipe.columns
        with one_thread():
            kernel, repeats = replace(self.recipe.kernel, noise=float(self.noise[k])), self.repeats
            paths = Paths(self.known, kernel, n, rng, repeats=1.0 if repeats is None else repeats)

        def at(X: NDArray[np.float32]) -> Floats:
            with one_thread():
                return paths(scaling(selected(X, columns)))

        return at

    def around(self, k: int, mean: Floats, deviation: Floats, errors: Floats, *, noise: Floats | None = None) -> Floats:
        """See ``Regressor.around``."""
        unknown, middle = self.ignorance(k, mean, deviation), self._turned(mean)
        off = errors * unknown
        if noise is not None:
            off += noise * np.sqrt(deviation**2 - unknown**2)
        if not self.recipe.log:
            return self._turned(middle + off)
        return self._turned(middle * np.exp(off / middle))

    def ignorance(self, k: int, mean: Floats, deviation: Floats) -> Floats:
        """See ``Regressor.ignorance``."""
        if self.recipe.kernel is None or self.recipe.local:
            return deviation
        turned = self._turned(mean)
        slow = 1.0 + self.slow_share[k] * (self.slow_factor[k] - 1.0)
        center = ((np.log(turned / slow) if self.recipe.log else turned) - self.mean[k]) / self.std[k]
        variance = self.law.noise(np.repeat(center[:, None], len(self.mean), axis=1))[:, k]
        noise = self.spread[k] * self.std[k] * np.sqrt(variance) * (turned if self.recipe.log else 1.0)
        return np.asarray(np.sqrt(np.maximum(deviation**2 - noise**2, 0.0)))

    def unit(self, expected: Floats) -> Floats:
        """What a deviation of 1 is (k, m) in the targets' units, where these values (k, m) are expected."""
        return self.spread * self.std * (self._turned(expected) if self.recipe.log else np.ones_like(expected))

    def _variances(self, clues: Clues | None) -> tuple[Floats | float, Floats | float]:
        """Variances (k, m) of noise and of what is not known, in parts of the target's."""
        if clues is None:
            return 0.0, 1.0
        if self.recipe.local:
            assert self.recipe.kernel is not None
            return 0.0, np.maximum(1.0 - clues.alike[:, None], self.recipe.kernel.noise)
        return self.law.noise(clues.center), self.law.unknown(clues)

    def _clues(self, X: NDArray[np.float32]) -> tuple[Floats, Clues | None]:
        """Standardised predictions (k, m), and what tells how far they may be off."""
        trees = predict_trees(self.boosters, seen_by_trees(X, self.recipe))
        if self.recipe.kernel is None:
            return trees, None
        assert self.scaling is not None
        Z = self.scaling(selected(X, self.recipe.columns))
        smooth, nearest = self._process(Z)
        share = self.recipe.share
        # Half of each is their sum by two, to the last bit.
        center = (smooth + trees) / 2.0 if share == 0.5 else share * smooth + (1.0 - share) * trees
        traits = Z[:, named(TRAITS, self.recipe.columns)] if self.recipe.columns else Z[:, :0]
        return center, Clues(center=center, alike=nearest**2, gap=(smooth - trees) ** 2 / 4.0, traits=traits)

    @cached_property
    def _process(self) -> Predictor:
        assert self.recipe.kernel is not None
        return Predictor(self.known, self.weights, self.recipe.kernel)

    def _turned(self, values: Floats) -> Floats:
        """What is modelled as what is asked for, or back: an error as its accuracy."""
        return 1.0 - values if self.recipe.of_error else values


def _own_errors(row: Numbers, n: int, *, seed: list[int]) -> Floats:
    """Standard normal numbers (n,) of a cell, told by its features."""
    return np.random.default_rng([*seed, zlib.crc32(row.tobytes())]).standard_normal(n)


def seen_by_trees(features: NDArray[np.float32], recipe: Recipe) -> NDArray[np.float32]:
    """The columns of an encoding's features that trees see: all, but of the structural ones the recipe's."""
    return selected(features, recipe.columns) if recipe.encoding == "structural" else features


def fit(
    recipe: Recipe,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    seed: int | np.random.Generator = 0,
    scaling: Scaling | None = None,
    repeats: Floats | None = None,
    noise: Floats | None = None,
) -> Model:
    """Fit a model of the columns of Y.

    Args:
        X: (n, d) features, finite; the structural ones where the recipe names columns.
        Y: (n, m) values; a row that holds NaN or an infinity is left out.
        seed: Of all random choices: rows and columns in the trees, cells that the process sees.
        scaling: How features are standardised; by default by X.
        repeats: (n,) how many measurements each row is the mean of, by which it weighs; by default one.
        noise: (m,) variances of a measurement that were measured, in (log) units; 0 where none was.

    Raises:
        SettingError: (a ValueError) Shapes do not fit, X is not finite, or fewer than 10 rows are left.
    """
    features, values, usable = _checked(X, Y)
    rng = np.random.default_rng(seed)
    spearman = np.full(values.shape[1], np.nan)
    spread = np.ones(values.shape[1])
    if recipe.held_out:
        order = rng.permutation(len(values))
        tested, learnt = np.split(order, [max(2, round(recipe.held_out * len(order)))])
        chosen = int(rng.integers(2**31))
        trial = _fit(recipe, features[learnt], values[learnt], chosen, rng, scaling, None, None)
        mean, deviation = trial.predict(features[tested])
        spearman = np.array([_spearman(a, b) for a, b in zip(mean.T, values[tested].T, strict=True)])
        spread = np.sqrt(np.square((values[tested] - mean) / deviation).mean(axis=0))
    else:
        chosen = int(seed) if not isinstance(seed, np.random.Generator) else int(rng.integers(2**31))
    several = None if repeats is None or (repeats == 1).all() else repeats[usable]
    with one_thread():
        model = _fit(recipe, features, values, chosen, rng, scaling, several, noise)
    return replace(model, spearman=spearman, spread=spread, rows=usable[model.rows])


def _fit(
    recipe: Recipe,
    features: NDArray[np.float32],
    values: Floats,
    seed: int,
    rng: np.random.Generator,
    scaling: Scaling | None,
    repeats: Floats | None,
    measured: Floats | None,
) -> Model:
    X, trees_see = selected(features, recipe.columns), seen_by_trees(features, recipe)
    n, m = values.shape
    Y = _drawn_nearer(modelled(recipe, values)) if recipe.robust else modelled(recipe, values)
    rows = np.arange(n) if n <= recipe.most else np.sort(rng.choice(n, recipe.most, replace=False))
    own, known, prior = None, np.empty((0, X.shape[1])), np.empty((0, 0))
    times = np.ones(n) if repeats is None else repeats
    share, shift, noise = np.zeros(m), np.zeros(m), np.zeros(m)

    @cache
    def solver(variance: float) -> Solver:
        return Solver(prior, variance / times[rows], exact=recipe.exact)

    if recipe.kernel is not None:
        own = scaling_of(X) if scaling is None else scaling.of(recipe.columns)
        known = own(X[rows])
        prior = covariance(known, recipe.kernel)
        noise[:] = recipe.kernel.noise
        if recipe.slow_runs:
            runs = [slow_runs(y, solver(recipe.kernel.noise)) for y in Y.T]
            slow, share, shift = (np.array(found) for found in zip(*runs, strict=True))
            Y = Y - shift * slow.T
    mean, std = _moments(Y)
    standard = (Y - mean) / std
    floor = np.zeros(m) if measured is None else measured / std**2
    if recipe.noises:
        tried = rng.permutation(len(rows))[:TRIED]
        noise = best_noise(recipe, known[tried], standard[rows][tried], times[rows][tried], floor)
    weights = np.zeros((len(known), m))
    if recipe.kernel is not None:
        for k in range(m):
            weights[:, k] = solver(float(noise[k])).weights(standard[rows, k])
    trees = recipe.many if recipe.many is not None and n > recipe.most else recipe.trees
    parts = [standard] if recipe.together else [standard[:, [k]] for k in range(m)]
    return Model(
        recipe=recipe,
        boosters=tuple(boost(trees_see, part, trees, seed=seed, weight=weights_of(repeats, floor)) for part in parts),
        mean=mean,
        std=std,
        scaling=own,
        known=known,
        weights=weights,
        rows=rows,
        noise=noise,
        slow_share=share,
        slow_factor=np.exp(shift),
        law=Law.of_process(noise),
        spread=np.ones(m),
        spearman=np.full(m, np.nan),
        n_train=n,
        repeats=None if repeats is None else repeats[rows],
    )


def _drawn_nearer(Y: Floats) -> Floats:
    """Values (n, m) of which none is far above the others of its column."""
    low, middle, high = np.percentile(Y, [25, 50, 75], axis=0)
    return np.asarray(np.minimum(Y, middle + _FAR * np.maximum(high - low, 1e-12)))


def _moments(Y: Floats) -> tuple[Floats, Floats]:
    """Means and standard deviations (m,) of the columns, exactly summed; 1 where a column does not vary."""
    mean = np.array([math.fsum(y) / len(Y) for y in Y.T])
    std = [math.sqrt(math.fsum((y - c) ** 2) / len(Y)) or 1.0 for y, c in zip(Y.T, mean, strict=True)]
    return mean, np.array(std)


def modelled(recipe: Recipe, values: Floats) -> Floats:
    """What a recipe models of values (...): errors of accuracies, logarithms, or they themselves.

    Raises:
        SettingError: (a ValueError) Logarithms are modelled, and a value is not positive.
    """
    values = 1.0 - values if recipe.of_error else values
    if not recipe.log:
        return values
    if not (values > 0).all():
        raise SettingError(f"a model of logarithms needs positive values; got {values.min():g}")
    # NumPy's own differ in the last bit between processors.
    return np.array([math.log(v) for v in values.flat]).reshape(values.shape)


def _checked(X: ArrayLike, Y: ArrayLike) -> tuple[NDArray[np.float32], Floats, Ints]:
    """Features and values of the rows that have all values, and which rows these are."""
    features, values = np.ascontiguousarray(X, dtype=np.float32), np.asarray(Y, dtype=np.float64)
    if features.ndim != 2 or values.ndim != 2 or len(features) != len(values) or values.shape[1] == 0:
        raise SettingError(f"expected X (n, d) and Y (n, m); got shapes {features.shape} and {values.shape}")
    if not np.isfinite(features).all():
        raise SettingError("X, the features to fit to, holds values that are not finite")
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(usable) < LEAST_ROWS:
        raise SettingError(
            f"a regression needs at least {LEAST_ROWS} rows with all values; "
            f"{len(usable)} of {len(values)} rows have them"
        )
    return features[usable], values[usable], usable


def _spearman(a: Floats, b: Floats) -> float:
    from scipy.stats import spearmanr

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(spearmanr(a, b).statistic)
