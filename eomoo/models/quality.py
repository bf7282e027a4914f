"""How good models are on cells that they have not seen: cross-validation by walk and by cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import SettingError
from eomoo.models.cell_models import CellModels, Measurements, Quality, Target, fit_parts
from eomoo.models.models import Models
from eomoo.models.scaling import space_scaling

N_FOLDS = 10
# Nine in ten of them are enough for a regression.
_LEAST_CELLS = 20

_Array = NDArray[np.float64]
# Called with the number of fits that are done, and of all.
_Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """No progress."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Predictions of one target for cells that were held out.

    Attributes:
        measured, mean, std: (n,) each; the deviation is not yet scaled by a spread.
        fold: (n,) number of the fold that held each cell out.
    """

    measured: _Array
    mean: _Array
    std: _Array
    fold: NDArray[np.int64]

    def spread(self, *, without: int | None = None) -> float:
        """Root mean square of the errors in deviations, over all folds or all but one."""
        ratio = (self.measured - self.mean) / self.std
        return float(np.sqrt(np.mean(ratio[self.fold != without] ** 2)))


def random_folds(groups: NDArray[np.int64], *, seed: int, n_folds: int) -> NDArray[np.int64]:
    """A fold (n,) for each of the groups (n,), all of a group in one, as even as numbers of groups allow."""
    names, group = np.unique(groups, return_inverse=True)
    fold_of_group = np.empty(len(names), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(names))
    for fold, chosen in enumerate(np.array_split(order, n_folds)):
        fold_of_group[chosen] = fold
    return fold_of_group[group]


def schemes(data: Measurements) -> tuple[str, ...]:
    """How cells of these measurements are held out."""
    walks = data.walk is not None and len(np.unique(data.walk)) > 1
    return ("by_walk", "by_cell") if walks else ("by_cell",)


def n_folds(data: Measurements, scheme: str) -> int:
    """Number of folds: ten, where there are as many walks or cells."""
    return min(N_FOLDS, len(np.unique(_groups(data, scheme))))


def _groups(data: Measurements, scheme: str) -> NDArray[np.int64]:
    return data.walk if scheme == "by_walk" and data.walk is not None else data.indices


def cross_validate(
    data: Measurements, scheme: str, *, seed: int, advance: Callable[[], None] = lambda: None
) -> dict[str, HeldOut]:
    """Predict every cell by models fitted to the other nine of ten folds.

    Args:
        data: The measured cells.
        scheme: "by_walk": all cells of a walk are held out together. "by_cell": cells by themselves,
            so that the neighbours of a held-out cell are mostly among those that are learnt from.
        seed: Of the folds.
        advance: Called after each fold, for a progress bar.

    Returns:
        Held-out predictions by target.
    """
    fold = random_folds(_groups(data, scheme), seed=seed, n_folds=n_folds(data, scheme))
    shape = (len(fold), len(data.targets))
    means, stds = np.empty(shape), np.empty(shape)
    targets = {name: Target(title=name) for name in data.targets}
    for k in range(n_folds(data, scheme)):
        learnt, tested = fold != k, fold == k
        parts = fit_parts(data.only(learnt))
        models = CellModels(targets=targets, cells=data.indices[learnt], parts=parts, scaling=space_scaling())
        means[tested], stds[tested] = models.predict_features(data.features[tested])
        advance()
    held = {}
    for j, (name, y) in enumerate(data.targets.items()):
        known = np.isfinite(y)
        held[name] = HeldOut(measured=y[known], mean=means[known, j], std=stds[known, j], fold=fold[known])
    return held


def measure(held_out: list[HeldOut]) -> Quality:
    """Quality of one target from repeated cross-validations.

    The spread that scales a cell's deviation is taken from the other folds, as it is for a new cell.
    """
    from scipy.stats import spearmanr

    rhos, covered, errors = [], [], []
    for h in held_out:
        spread = np.array([h.spread(without=k) for k in range(int(h.fold.max()) + 1)])[h.fold]
        error = np.abs(h.measured - h.mean)
        rhos.append(float(spearmanr(h.measured, h.mean).statistic) if np.ptp(h.measured) else 0.0)
        covered.append(float(np.mean(error <= 2 * spread * h.std)))
        errors.append(float(np.sqrt(np.mean(error**2))))
    return Quality(
        spearman=float(np.mean(rhos)),
        spearman_std=float(np.std(rhos)),
        coverage=float(np.mean(covered)),
        rmse=float(np.mean(errors)),
        n=len(held_out[0].mean),
        repeats=len(held_out),
    )


def measure_quality(
    data: Measurements, *, repeats: int, advance: _Progress = _silent
) -> tuple[dict[str, dict[str, Quality]], dict[str, HeldOut]]:
    """Cross-validate all targets, by walk where there are walks and by cell.

    Args:
        data: The measured cells.
        repeats: Repetitions, with the folds of seeds 0, 1, ...
        advance: Called with the number of fits that are done, and of all.

    Returns:
        Quality by target, then scheme, and the held-out predictions of the first repetition: by walk, if any.
    """
    done, total = count(1), sum(repeats * n_folds(data, scheme) for scheme in schemes(data))

    def step() -> None:
        advance(next(done), total)

    runs = {
        scheme: [cross_validate(data, scheme, seed=seed, advance=step) for seed in range(repeats)]
        for scheme in schemes(data)
    }
    quality = {
        name: {scheme: measure([run[name] for run in found]) for scheme, found in runs.items()} for name in data.targets
    }
    return quality, runs[schemes(data)[0]][0]


def fit_models(
    data: Measurements,
    *,
    targets: Mapping[str, Target] | None = None,
    seed: int = 0,
    repeats: int = 3,
    files: Mapping[str, str] | None = None,
    advance: _Progress = _silent,
) -> Models:
    """Fit models of measured cells; their deviations are scaled to the errors on cells that were held out.

    Args:
        data: The measured cells (see ``Measurements.of``).
        targets: Titles, units and directions; by default what the targets' names tell.
        seed: Of the random choices in the trees.
        repeats: Repetitions of the cross-validation; the models do not depend on it.
        files: SHA-256 of the files that the measurements come from, by name.
        advance: Called with the number of fits that are done, and of all.

    Raises:
        SettingError: (a ValueError) A target has fewer than 20 values.
    """
    for name, y in data.targets.items():
        n = int(np.isfinite(y).sum())
        if n < _LEAST_CELLS:
            raise SettingError(f"a model needs at least {_LEAST_CELLS} measured cells; {name} has {n}")
    quality, held_out = measure_quality(data, repeats=repeats, advance=advance)
    # Rounded, since the last bits of a prediction may depend on the processor.
    spreads = {name: float(f"{h.spread():.3g}") for name, h in held_out.items()}
    parts = tuple(
        replace(part, model=part.model.calibrated(np.array([spreads[name] for name in part.names])))
        for part in fit_parts(data, seed=seed)
    )
    known = targets or {}
    return Models(
        targets={name: known.get(name) or Target.named(name, y) for name, y in data.targets.items()},
        cells=data.indices,
        parts=parts,
        scaling=space_scaling(),
        quality=quality,
        data=dict(files or {}),
    )
