"""How good the surrogates are on cells that they have not seen: cross-validation by walk and by cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eomoo.models.eo_models import Scaling, fit_surrogates, space_scaling

__all__ = ["SCHEMES", "HeldOut", "Measurements", "Quality", "cross_validate", "measure", "random_folds"]

SCHEMES = ("by_walk", "by_cell")
N_FOLDS = 10

_Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Measured cells, as the surrogates are fitted to them.

    Attributes:
        indices: (n,) cells.
        walk: (n,) the random walk that found each.
        features: (n, 141) structural features.
        targets: Values (n,) by name.
    """

    indices: NDArray[np.int64]
    walk: NDArray[np.int64]
    features: NDArray[np.float32]
    targets: Mapping[str, _Array]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Predictions of one target for cells that were held out.

    Attributes:
        measured, mean, deviation: (n,) each; the deviation is not yet scaled by a spread.
        fold: (n,) number of the fold that held each cell out.
    """

    measured: _Array
    mean: _Array
    deviation: _Array
    fold: NDArray[np.int64]

    def spread(self, *, without: int | None = None) -> float:
        """Root mean square of the errors in deviations, over all folds or all but one."""
        ratio = (self.measured - self.mean) / self.deviation
        return float(np.sqrt(np.mean(ratio[self.fold != without] ** 2)))


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality on held-out cells; each figure is a mean over repetitions with other folds.

    Attributes:
        spearman: Rank correlation of predicted and measured values, over all folds together.
        spearman_std: Its standard deviation over the repetitions, 0 for a single one.
        coverage: Share of the cells whose measured value lies within two standard deviations.
        rmse: Root mean squared error, in the target's unit.
        n: Number of cells.
        repeats: Number of repetitions.
    """

    spearman: float
    spearman_std: float
    coverage: float
    rmse: float
    n: int
    repeats: int


def random_folds(groups: NDArray[np.int64], *, seed: int, n_folds: int) -> NDArray[np.int64]:
    """A fold (n,) for each of the groups (n,), all of a group in one, as even as numbers of groups allow."""
    names, group = np.unique(groups, return_inverse=True)
    fold_of_group = np.empty(len(names), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(names))
    for fold, chosen in enumerate(np.array_split(order, n_folds)):
        fold_of_group[chosen] = fold
    return fold_of_group[group]


def cross_validate(
    data: Measurements,
    scheme: str,
    *,
    seed: int,
    scaling: Scaling | None = None,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, HeldOut]:
    """Predict every cell by models fitted to the other nine of ten folds.

    Args:
        data: The measured cells.
        scheme: "by_walk": all cells of a walk are held out together. "by_cell": cells by themselves,
            so that the neighbours of a held-out cell are mostly among those that are learnt from.
        seed: Of the folds.
        scaling: See ``fit_surrogates``.
        advance: Called after each fold, for a progress bar.

    Returns:
        Held-out predictions by target.
    """
    fold = random_folds(data.walk if scheme == "by_walk" else data.indices, seed=seed, n_folds=N_FOLDS)
    scaling = scaling or space_scaling()
    shape = (len(fold), len(data.targets))
    means, deviations = np.empty(shape), np.empty(shape)
    for k in range(N_FOLDS):
        learnt, held_out = fold != k, fold == k
        fitted = fit_surrogates(
            data.features[learnt], {name: y[learnt] for name, y in data.targets.items()}, scaling=scaling
        )
        means[held_out], deviations[held_out] = fitted.predict(data.features[held_out])
        advance()
    return {
        name: HeldOut(measured=y, mean=means[:, j], deviation=deviations[:, j], fold=fold)
        for j, (name, y) in enumerate(data.targets.items())
    }


def measure(held_out: list[HeldOut]) -> Quality:
    """Quality of one target from repeated cross-validations.

    The spread that scales a cell's deviation is taken from the other folds, as it is for a new cell.
    """
    from scipy.stats import spearmanr

    rhos, covered, errors = [], [], []
    for h in held_out:
        spread = np.array([h.spread(without=k) for k in range(int(h.fold.max()) + 1)])[h.fold]
        error = np.abs(h.measured - h.mean)
        rhos.append(float(spearmanr(h.measured, h.mean).statistic))
        covered.append(float(np.mean(error <= 2 * spread * h.deviation)))
        errors.append(float(np.sqrt(np.mean(error**2))))
    return Quality(
        spearman=float(np.mean(rhos)),
        spearman_std=float(np.std(rhos)),
        coverage=float(np.mean(covered)),
        rmse=float(np.mean(errors)),
        n=len(held_out[0].mean),
        repeats=len(held_out),
    )
