"""A device's latency, or energy, of all cells from about twenty timed ones: physics, and a process on what is left.

Some non-negative numbers tell most of it: a constant, one by multiply-accumulates, one by what is read and written
(the roofline model: Williams, Waterman, Patterson, Communications of the ACM 52, 2009), and two by operations, 3x3
convolutions and others, which take a GPU about the same each when there are few images. Measured values in parts of
that base are a Gaussian process: linear in what a device may be better or worse at, and rational quadratic in the
structure. How large its parts and the noise are is not chosen but averaged over, by their marginal likelihood
(Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, eq. 2.30).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Floats, blocks, to_digits
from eomoo.errors import SettingError
from eomoo.jobs import one_thread
from eomoo.models.gaussian_process import Kernel, Prior, Solver, add_rows, likeness, on_grid, to_bits
from eomoo.models.recipes import COSTS, Recipe
from eomoo.models.regressor import Regressor
from eomoo.models.scaling import named, selected, space_scaling
from eomoo.space import SO2SAT, Skeleton

LEAST_TIMED = 5
"""Of fewer the base alone would have no error that could be told."""
MOST_TIMED = 500
"""With more, a prediction of the whole space takes longer than 8 s on two cores."""
# Squared distance of structures at which what is left is half alike. This, the grids and the columns are those that
# are best at 20 cells of the A100's latencies and of NAS-Bench-101's training times, 100 draws each.
_LENGTH = 2.0
# Deviations, in parts of the base: of the linear part, of the rational quadratic part, of a value by itself.
_GRID = tuple((a, b, c) for a in (0.1, 0.3) for b in (0.01, 0.05, 0.2) for c in (0.005, 0.02, 0.06))
# And of the constant: the base may be wrong as a whole by so much.
_CONSTANT = 0.1
# What a device may be better or worse at; and channels that do not divide by 8, see ``_columns``.
_PHYSICAL = (
    *("conv3x3", "conv1x1", "maxpool", "conv3x3_channels", "conv1x1_channels", "maxpool_channels", "conv3x3_macs"),
    *("conv1x1_macs", "projected_channels", "additions", "output_degree", "input>output"),
)
# What takes its time however small it is; a projection for each edge from the input. On an H100 at one image to tell
# the others apart too ranks no better from 20 cells (.965) and worse from 5 (.83 for .90); all alike ranks by .954
# (benchmarks/device.py --draws 60).
_OPERATIONS = (("conv3x3",), ("conv1x1", "maxpool", "input_degree"))
# Deviations grow by this part of how far a prediction lies beyond those of timed cells. Without all of the A100 cells
# below 8.3 or 9.2 ms, or above 17 or 19 ms, these have errors of 0.5 to 1.3 deviations; of 0.7 to 1.6 were it 0.
_BEYOND = 0.5
# Of the base a prediction is so much at least, however far beyond: no network takes no time.
_LEAST = 0.1
# Convolutions are computed in blocks of so many channels: tensor cores (NVIDIA, Deep Learning Performance
# documentation), AVX2, and the layouts of ONNX Runtime and oneDNN.
_CHANNELS_OF_A_BLOCK = 8
_BLOCK = 1 << 10
# Significant digits of numbers that come out of libraries of linear algebra, which differ in the last bits.
_DIGITS = 8
# And of deviations, as binary ones: 1e-6.
_STD_BITS = 20
# Length of a kernel by which no two cells are alike: what is each cell's own. Cells that differ in one count alone
# have a squared distance of 1e-3.
_OWN = Kernel(length=1e-5, linear=0.0, noise=0.0)
_SHARED = Kernel(length=_LENGTH, linear=0.0, noise=0.0)


@dataclass(frozen=True, kw_only=True)
class DeviceModel(Regressor):
    """A quantity of networks on one device, of all cells.

    Attributes:
        recipe: How; its ``device_of`` is the skeleton of the networks.
        features: (n, d) structural ones of the timed cells.
        base: (b,) a constant, by 1e9 multiply-accumulates of the So2Sat skeleton, by activations, by 3x3
            convolutions and by other operations; the last two where the recipe says so.
        odds: (g,) weight of each combination of deviations.
        weights: (g, n) of the timed cells, under each combination that has some.
    """

    recipe: Recipe
    features: NDArray[np.float32]
    base: Floats
    odds: Floats
    weights: Floats
    repeats: ClassVar[None] = None

    def predict_and_place(self, features: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Means and standard deviations (k, 1), and (k,) zeros: the intervals hold whatever the operations."""
        mean, std = self._told(np.ascontiguousarray(features, dtype=np.float32))
        least, most = self._ends
        beyond = np.maximum(np.maximum(least - mean, mean - most), 0.0)
        return mean[:, None], np.sqrt(std**2 + (_BEYOND * beyond) ** 2)[:, None], np.zeros(len(mean))

    def _told(self, X: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Means and standard deviations (k,), as if what holds between the timed values held beyond them."""
        mean, std = np.empty(len(X)), np.empty(len(X))
        weights, form = self._posterior
        with one_thread():
            for here in blocks(len(X), _BLOCK):
                rows, base = self._rows(X[here]), self._base_of(X[here])
                center = np.ones((1, rows.shape[1]))
                add_rows(center, rows, weights[:, None])
                variance = (rows * (form @ rows)).sum(axis=0)
                mean[here] = base * np.maximum(center[0], _LEAST)
                std[here] = base * np.sqrt(np.maximum(variance, 0.0)) * _widening(len(self.features))
        return mean, to_bits(std, _STD_BITS)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """The least and the largest prediction for a timed cell."""
        mean, _ = self._told(self.features)
        return float(mean.min()), float(mean.max())

    def errors(self, k: int, n: int, *, seed: int) -> Callable[[NDArray[np.float32]], Floats]:
        """See ``Regressor.errors``: functions over all cells, of the deviations' mean squares over the grid."""
        rng = np.random.default_rng([seed, k])
        linear, smooth, own = (math.sqrt(math.fsum(self.odds * s**2)) for s in np.array(_GRID).T)
        (Z, P), d = self._known, len(COSTS)
        columns = P.shape[1]
        slopes = linear / math.sqrt(columns) * rng.standard_normal((columns, n))
        offset = _CONSTANT * rng.standard_normal(n)
        shared, single = Prior(d, _SHARED, n, rng), Prior(d, _OWN, n, rng)

        def prior(Z: Floats, P: Floats) -> Floats:
            return np.asarray(smooth * shared(Z) + P @ slopes + offset)

        with one_thread():
            inverse = np.linalg.inv(_covariance(self._known, (linear, smooth)) + own**2 * np.eye(len(Z)))
            weights = inverse @ (prior(Z, P) + own * rng.standard_normal((len(Z), n)))

        def at(X: NDArray[np.float32]) -> Floats:
            found = np.empty((n, len(X)))
            with one_thread():
                for here in blocks(len(X), _BLOCK):
                    Z, P = self._columns(X[here])
                    across = _covariance(self._known, (linear, smooth), (Z, P))
                    before = smooth**2 + own**2 + _CONSTANT**2 + linear**2 * (P * P).mean(axis=1)
                    variance = np.maximum(before - (across * (inverse @ across)).sum(axis=0), 1e-12)
                    off = prior(Z, P) + own * single(Z) - across.T @ weights
                    found[:, here] = (off / np.sqrt(variance)[:, None]).T
            return np.round(found, 4)

        return at

    def around(self, k: int, mean: Floats, deviation: Floats, errors: Floats, *, noise: Floats | None = None) -> Floats:
        """See ``Regressor.around``; log-normal ones of that mean and deviation, since no network takes no time."""
        spread = np.sqrt(np.log1p((deviation / mean) ** 2))
        return np.asarray(mean * np.exp(spread * errors - 0.5 * spread**2))

    def ignorance(self, k: int, mean: Floats, deviation: Floats) -> Floats:
        """All of the deviation: what a cell has by itself is the cell's, timed as often as one likes."""
        return deviation

    @cached_property
    def _known(self) -> tuple[Floats, Floats]:
        return self._columns(self.features)

    def _columns(self, X: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Standardised structure (k, d), and what a device may be better or worse at (k, p), all on a grid."""
        Z = space_scaling().of(COSTS)(selected(X, COSTS))
        skeleton = self.recipe.device_of
        assert skeleton is not None
        shares = np.rint(1.0 / X[:, named(("channels",), None)].astype(np.float64))
        # In parts of the stacks; about as much as the other columns differ, whose deviation is 1.
        odd = 2.0 * (np.array(skeleton.widths) % (_CHANNELS_OF_A_BLOCK * shares) != 0).mean(axis=1)
        # Each number of the base may be wrong by itself: in parts of the base, its share of it.
        parts = self._parts_of_base(X)
        return Z, on_grid(np.column_stack((Z[:, named(_PHYSICAL, COSTS)], odd, parts / _total(parts)[:, None])))

    def _base_of(self, X: NDArray[np.float32]) -> Floats:
        return _total(self._parts_of_base(X))

    def _parts_of_base(self, X: NDArray[np.float32]) -> Floats:
        """The base's summands (k, b)."""
        return np.asarray(self.base * _work(X, self.recipe))

    def _rows(self, X: NDArray[np.float32]) -> Floats:
        """Likeness to the timed cells, the physical columns, and 1: (n + p + 1, k)."""
        Z, P = self._columns(X)
        return np.concatenate((likeness(self._known[0], Z, _LENGTH), P.T, np.ones((1, len(Z)))))

    @cached_property
    def _posterior(self) -> tuple[Floats, Floats]:
        """Mean and variance, in parts of the base, as linear and quadratic forms of ``_rows``."""
        known = self._known
        n, columns = known[1].shape
        weights, form = np.zeros(n + columns + 1), np.zeros((n + columns + 1,) * 2)
        for odds, alpha, (linear, smooth, own) in zip(self.odds, self.weights, _GRID, strict=True):
            if odds == 0:
                continue
            inverse = Solver(_covariance(known, (linear, smooth)), own**2, exact=self.recipe.exact).inverse
            slope = linear**2 / columns
            # Summed over the first axis: row after row, in order.
            along = (alpha[:, None] * known[1]).sum(axis=0)
            mine = np.concatenate((smooth**2 * alpha, slope * along, [_CONSTANT**2 * math.fsum(alpha)]))
            weights += odds * mine
            T = np.column_stack((smooth**2 * np.eye(n), slope * known[1], np.full(n, _CONSTANT**2)))
            prior = np.concatenate((np.zeros(n), np.full(columns, slope), [smooth**2 + own**2 + _CONSTANT**2]))
            form += odds * (np.diag(prior) + np.outer(mine, mine) - T.T @ inverse @ T)
        return weights, form - np.outer(weights, weights)


def fit_device(recipe: Recipe, features: ArrayLike, values: ArrayLike) -> DeviceModel:
    """Fit a device's model to timed cells.

    Args:
        recipe: Of ``device_recipe``.
        features: (n, d) structural ones.
        values: (n,) positive, in any unit.

    Raises:
        SettingError: (a ValueError) Fewer than 5 cells, or a value is not positive.
    """
    X, y = np.ascontiguousarray(features, dtype=np.float32), np.asarray(values, dtype=np.float64)
    if len(y) < LEAST_TIMED:
        raise SettingError(f"a device's model needs at least {LEAST_TIMED} timed cells; there are {len(y)}")
    if not (y > 0).all():
        raise SettingError(f"what a device takes is positive; got {y.min():g}")
    base = _fit_base(_work(X, recipe), y)
    trial = DeviceModel(recipe=recipe, features=X, base=base, odds=np.empty(0), weights=np.empty((0, 0)))
    known, left = trial._known, y / trial._base_of(X) - 1.0
    with one_thread():
        found = np.array([_log_likelihood(_covariance(known, (a, b)), c, left) for a, b, c in _GRID])
        odds = np.exp(found - found.max())
        # What is below a millionth of all is not worth its time, and no last bit of the rest matters.
        odds = np.round(odds / odds.sum(), 6)
        weights = np.zeros((len(_GRID), len(y)))
        for k in np.flatnonzero(odds):
            linear, smooth, own = _GRID[k]
            solver = Solver(_covariance(known, (linear, smooth)), own**2, exact=recipe.exact)
            weights[k] = solver.weights(left)
    return DeviceModel(recipe=recipe, features=X, base=base, odds=odds, weights=weights)


def _fit_base(work: Floats, values: Floats) -> Floats:
    """Numbers (b,), none negative, of the least squares of relative errors."""
    from scipy.optimize import nnls

    scale = work.max(axis=0)
    found, _ = nnls(work / scale / values[:, None], np.ones(len(values)))
    return to_digits(found / scale, _DIGITS)


def _work(X: NDArray[np.float32], recipe: Recipe) -> Floats:
    """What a base is of (k, b), from structural features (k, d): 1, multiply-accumulates, activations, operations.

    All up to a factor, which is that of the skeleton and which a fit takes up, and with all vertices of a cell as
    wide (see ``space.structural``).
    """
    assert recipe.device_of is not None
    own, other = _projection_share(recipe.device_of), _projection_share(SO2SAT)
    wanted = ("conv3x3_macs", "conv1x1_macs", "projection_macs", "activations")
    conv3x3, conv1x1, projected, activations = X[:, named(wanted, None)].astype(np.float64).T
    macs = conv3x3 + conv1x1 + own / other * projected
    kinds = _OPERATIONS if recipe.each_operation else ()
    each = [X[:, named(kind, None)].astype(np.float64).sum(axis=1) for kind in kinds]
    return np.column_stack((np.ones(len(X)), macs, activations, *each))


def _total(parts: Floats) -> Floats:
    """The base (k,) of its summands (k, b), one after the other, so that the last bit is the same on every machine."""
    return np.asarray(sum(parts.T[1:], parts[:, 0]))


def _projection_share(skeleton: Skeleton) -> float:
    """Multiply-accumulates of a projection as wide as the output, in parts of a 1x1 convolution's."""
    widths, pixels, copies = np.array(skeleton.widths), np.array(skeleton.pixels), skeleton.cells_per_stack
    before = np.array((skeleton.stem_channels, *skeleton.widths[:-1]))
    projected = (widths * (before + (copies - 1) * widths) * pixels).sum()
    return float(projected / (copies * widths**2 * pixels).sum())


def _covariance(
    known: tuple[Floats, Floats], deviations: tuple[float, float], others: tuple[Floats, Floats] | None = None
) -> Floats:
    """Covariances (n, k) of what is left at timed cells and at others, or at themselves, without their own."""
    (linear, smooth), (Z, P) = deviations, known if others is None else others
    found: Floats = smooth**2 * likeness(known[0], Z, _LENGTH)
    found += linear**2 / P.shape[1] * (known[1] @ P.T)
    found += _CONSTANT**2
    return found


def _log_likelihood(covariance: Floats, own: float, left: Floats) -> float:
    noisy = covariance + own**2 * np.eye(len(left))
    return float(-0.5 * left @ np.linalg.solve(noisy, left) - 0.5 * np.linalg.slogdet(noisy)[1])


def _widening(n: int) -> float:
    """By how much deviations grow since so few cells (n) tell of the base and of the deviations themselves.

    Student's t in place of the normal distribution at 90 %, and the base's three numbers: without, intervals of
    90 % hold 52 to 87 % at 5 cells.
    """
    from scipy.stats import t

    return round(float(t.ppf(0.95, n - 2)) / 1.645 * math.sqrt(1.0 + 3.0 / n), _DIGITS)
