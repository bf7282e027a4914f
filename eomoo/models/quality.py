"""How good models are on cells that they have not seen: cross-validation by walk, by cell and by operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from eomoo.arrays import Floats, Ints, to_digits
from eomoo.checks import positive
from eomoo.errors import SettingError
from eomoo.models.applicability import Applicability, operation_counts
from eomoo.models.cell_models import Calibration, Measurements, Part, Quality, Target, encoded, fit_parts
from eomoo.models.deviations import Clues, Law, Noise, fit_law, spread
from eomoo.models.model_files import Models
from eomoo.models.regression import LEAST_ROWS, Model, modelled
from eomoo.models.scaling import space_scaling
from eomoo.models.usefulness import correlations, interval, interval_of_share, resamples

N_FOLDS = 10
# A device's models of up to 100 cells are fitted in some milliseconds each: they are in up to 40 folds.
_MOST_LEFT_OUT, _FEW_TIMED = 40, 100
LEAST_CELLS = 12
"""Fewer measured cells say nothing: nine in ten of them are just enough for a regression."""
# Of fewer a share says little.
_LEAST_GROUP = 30
# Share of the held-out cells that are no farther from the nearest known one than a prediction may be.
_CHECKED = 0.99
# Operations that are held out have others around them that were measured, those that never were have fewer: their
# deviations grow by so much at least, but not beyond what holds this share of held-out values within two of them.
_GROWTH, _GROWN_COVERAGE = 1.15, 0.975

# Called with the number of fits that are done, and of all.
_Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Predictions of one target for cells that were held out.

    Attributes:
        cells: (n,).
        measured, mean, unit: (n,) each; a deviation of 1 is so much in the target's unit.
        clues: What deviations may be told from; None where the models tell nothing.
        fold: (n,) number of the fold that held each cell out.
        group: (n,) number of what each cell was held out with.
        repeats: (n,) how many measurements each value is the mean of.
        noise: Of a measurement, where it was measured, in parts of the target's variance.
        is_told: Whether the model tells its deviations by itself: they are then the unit.
    """

    cells: Ints
    measured: Floats
    mean: Floats
    unit: Floats
    clues: Clues | None
    fold: Ints
    group: Ints
    repeats: Floats | float = 1.0
    noise: Noise | None = None
    is_told: bool = False

    def law(self, *, without: int | None = None) -> Law:
        """The law of deviations by the errors of all folds, or of all but one."""
        assert self.clues is not None
        rows = self.fold != without
        repeats = np.broadcast_to(self.repeats, len(rows))[rows]
        return fit_law(self.clues.only(rows), self.errors()[rows], repeats=repeats, noise=self.noise)

    def spread(self, *, without: int | None = None) -> float:
        """By how much errors exceed deviations of 1, over all folds or all but one."""
        return 1.0 if self.is_told else spread(self.errors()[self.fold != without])

    def std(self) -> Floats:
        """Deviations (n,), each by a law fitted to the other folds, as it is for a new cell."""
        found = np.empty(len(self.mean))
        for k in np.unique(self.fold):
            here = self.fold == k
            if self.clues is None:
                found[here] = self.spread(without=k)
            else:
                found[here] = np.sqrt(self.variances(self.law(without=k))[here])
        return found * self.unit

    def variances(self, law: Law) -> Floats:
        """Variances (n,) by a law, in parts of the target's."""
        assert self.clues is not None
        return np.asarray(law.variances(self.clues, repeats=self.repeats)[:, 0])

    def errors(self) -> Floats:
        """Measured less predicted values (n,), in deviations of 1."""
        return (self.measured - self.mean) / self.unit


def random_folds(groups: Ints, *, seed: int, n_folds: int) -> Ints:
    """A fold (n,) for each of the groups (n,), all of a group in one, as even as numbers of groups allow."""
    names, group = np.unique(groups, return_inverse=True)
    fold_of_group = np.empty(len(names), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(names))
    for fold, chosen in enumerate(np.array_split(order, n_folds)):
        fold_of_group[chosen] = fold
    return fold_of_group[group]


def schemes(data: Measurements) -> tuple[str, ...]:
    """How cells of these measurements are held out; deviations are fitted to the errors of the first."""
    return tuple(scheme for scheme in SCHEMES if scheme == "by_cell" or _can_hold_out(data, scheme))


SCHEMES = ("by_walk", "by_cell", "by_operations")


def _can_hold_out(data: Measurements, scheme: str) -> bool:
    """Whether there are groups to hold out, and enough cells are left whichever of them share a fold."""
    if scheme == "by_walk" and (data.walk is None or len(np.unique(data.walk)) == len(data.walk)):
        return False
    groups = _groups(data, scheme)
    for y in data.targets.values():
        sizes = np.sort(np.unique(groups[np.isfinite(y)], return_counts=True)[1])[::-1]
        most = -(-len(np.unique(groups)) // n_folds(data, scheme))
        if len(sizes) < 2 or sizes.sum() - sizes[:most].sum() < LEAST_ROWS:
            return False
    return True


def n_folds(data: Measurements, scheme: str) -> int:
    """Number of folds: ten, where there are as many groups of cells; of a device's few, up to forty."""
    groups = len(np.unique(_groups(data, scheme)))
    of_device = all(data.recipes[name].device_of is not None for name in data.targets)
    return min(_MOST_LEFT_OUT if of_device and len(data.indices) <= _FEW_TIMED else N_FOLDS, groups)


def _groups(data: Measurements, scheme: str) -> Ints:
    if scheme == "by_operations":
        return np.unique(operation_counts(data.indices), axis=0, return_inverse=True)[1].ravel()
    return data.walk if scheme == "by_walk" and data.walk is not None else data.indices


def cross_validate(
    data: Measurements, scheme: str, *, seed: int, advance: Callable[[], None] = lambda: None
) -> dict[str, HeldOut]:
    """Predict every cell by models fitted to the other nine of ten folds.

    Args:
        scheme: "by_walk": all cells of a walk are held out together. "by_cell": cells by themselves,
            so that the neighbours of a held-out cell are mostly among those that are learnt from.
            "by_operations": all cells with as many vertices and operations of each kind.

    Returns:
        Held-out predictions by target.
    """
    group = _groups(data, scheme)
    fold = random_folds(group, seed=seed, n_folds=n_folds(data, scheme))
    found: dict[str, list[tuple[Ints, Floats, Floats, Clues | None]]] = {name: [] for name in data.targets}
    for k in range(n_folds(data, scheme)):
        tested = np.flatnonzero(fold == k)
        # Deviations are rounded, figures are for people: the last bits of these fits come to nothing.
        for part in fit_parts(data.only(fold != k), exact=False):
            features = encoded(data.indices[tested], part.model.recipe)
            mean, unit = part.model.predict(features)
            clues = None
            if isinstance(part.model, Model):
                unit, clues = part.model.unit(mean), part.model.clues(features)
            for j, name in enumerate(part.names):
                found[name].append((tested, mean[:, j], unit[:, j], None if clues is None else clues.of(j)))
        advance()
    return {name: _joined(data, name, fold, group, parts) for name, parts in found.items()}


def _joined(
    data: Measurements, name: str, fold: Ints, group: Ints, parts: list[tuple[Ints, Floats, Floats, Clues | None]]
) -> HeldOut:
    """One target's held-out predictions, in the order of the measurements, where there is a value."""
    y, noise = data.targets[name], data.noise.get(name)
    if noise is not None:
        variance = float(np.var(modelled(data.recipes[name], y[np.isfinite(y)])))
        noise = replace(noise, variance=noise.variance / (variance or 1.0))
    rows = np.concatenate([tested for tested, *_ in parts])
    order = np.argsort(rows)[np.isfinite(y)]
    known, clues = rows[order], [c for *_, c in parts if c is not None]
    return HeldOut(
        cells=data.indices[known],
        measured=y[known],
        mean=np.concatenate([mean for _, mean, _, _ in parts])[order],
        unit=np.concatenate([unit for _, _, unit, _ in parts])[order],
        clues=Clues.joined(clues).only(order) if clues else None,
        fold=fold[known],
        group=group[known],
        repeats=data.repeats_of(name)[known],
        noise=noise,
        is_told=data.recipes[name].device_of is not None,
    )


def measure(held_out: list[HeldOut], *, growth: float = 1.0) -> Quality:
    """Quality of one target from repeated cross-validations.

    The law that tells a cell's deviation is fitted to the other folds, as it is for a new cell; deviations are
    larger by a factor for growth.
    """
    from scipy.stats import rankdata, spearmanr

    rhos, errors, inside, squares = [], [], [], []
    relative = [np.median(np.abs(h.mean / h.measured - 1.0)) for h in held_out if h.is_told]
    weights, resampled = resamples(held_out[0].group), []
    groups: dict[str, list[tuple[int, float, float, int]]] = {}
    for h in held_out:
        error = h.measured - h.mean
        z = np.abs(error) / (growth * h.std())
        varied = np.ptp(h.measured) and np.ptp(h.mean)
        rhos.append(float(spearmanr(h.measured, h.mean).statistic) if varied else 0.0)
        errors.append(float(np.sqrt(np.mean(error**2))))
        inside.append(float(np.mean(z <= 2)))
        squares.append(float(np.mean(z**2)))
        resampled.append((correlations(rankdata(h.measured), rankdata(h.mean), weights), weights @ (z <= 2)))
        for name, rows in groups_of(h).items():
            lots = len(np.unique(h.group[rows]))
            figures = (len(rows), float(np.mean(z[rows] <= 2)), float(np.mean(z[rows] ** 2)), lots)
            groups.setdefault(name, []).append(figures)
    return Quality(
        spearman=float(np.mean(rhos)),
        spearman_std=float(np.std(rhos)),
        coverage=float(np.mean(inside)),
        rms_z=float(np.sqrt(np.mean(squares))),
        rmse=float(np.mean(errors)),
        n=len(held_out[0].mean),
        repeats=len(held_out),
        groups=tuple(_calibration(name, figures) for name, figures in groups.items()),
        spearman_interval=interval([rho for rho, _ in resampled]),
        coverage_interval=interval_of_share([share for _, share in resampled], len(np.unique(held_out[0].group))),
        median_error=float(np.mean(relative)) if relative else None,
    )


def _calibration(group: str, figures: list[tuple[int, float, float, int]]) -> Calibration:
    n, inside, squares, lots = zip(*figures, strict=True)
    rms_z = float(np.sqrt(np.mean(squares)))
    return Calibration(group=group, n=n[0], coverage=float(np.mean(inside)), rms_z=rms_z, lots=min(lots))


def groups_of(held: HeldOut) -> dict[str, Ints]:
    """Groups of at least 30 held-out cells by name, as rows: extremes of what is predicted, and kinds of cells."""
    order, tenth = np.argsort(held.mean, kind="stable"), len(held.mean) // 10
    groups = {"least predicted tenth": order[:tenth], "largest predicted tenth": order[len(order) - tenth :]}
    vertices, _, conv1x1, pools = operation_counts(held.cells).T
    for what, counts in (("max pools", pools), ("1x1 convolutions", conv1x1), ("vertices", vertices)):
        groups |= {f"{value} {what}": np.flatnonzero(counts == value) for value in np.unique(counts)}
    return {name: rows for name, rows in groups.items() if len(rows) >= _LEAST_GROUP}


_HeldOut = Mapping[str, HeldOut]
"""Held-out predictions of a target, by scheme."""


def measure_quality(
    data: Measurements, *, repeats: int, advance: _Progress = lambda done, total: None
) -> tuple[dict[str, dict[str, Quality]], dict[str, _HeldOut]]:
    """Cross-validate all targets, by walk where there are walks, by cell and by operations.

    Args:
        repeats: Repetitions, with the folds of seeds 0, 1, ...
        advance: Called with the number of fits that are done, and of all.

    Returns:
        Quality by target, then scheme, and the held-out predictions of the first repetition likewise.
    """
    positive("repeats", repeats)
    lots = _lots(data)
    done, total = count(1), sum(repeats * n_folds(lot, scheme) for lot in lots for scheme in schemes(lot))

    def step() -> None:
        advance(next(done), total)

    quality: dict[str, dict[str, Quality]] = {}
    held_out: dict[str, _HeldOut] = {}
    for lot in lots:
        runs = {
            scheme: [cross_validate(lot, scheme, seed=seed, advance=step) for seed in range(repeats)]
            for scheme in schemes(lot)
        }
        for name in lot.targets:
            held_out[name] = {scheme: found[0][name] for scheme, found in runs.items()}
            growth = {"by_operations": _growth(held_out[name])}
            quality[name] = {
                scheme: measure([run[name] for run in found], growth=growth.get(scheme, 1.0))
                for scheme, found in runs.items()
            }
    return {name: quality[name] for name in data.targets}, held_out


def _lots(data: Measurements) -> list[Measurements]:
    """The measurements of each lot of targets that are known of the same cells, so that folds are of these."""
    known = {name: np.isfinite(y) for name, y in data.targets.items()}
    lots: dict[bytes, list[str]] = {}
    for name, rows in known.items():
        lots.setdefault(rows.tobytes(), []).append(name)
    return [
        replace(data, targets={name: data.targets[name] for name in names}).only(known[names[0]])
        for names in lots.values()
    ]


def fit_models(
    data: Measurements,
    *,
    targets: Mapping[str, Target] | None = None,
    seed: int = 0,
    repeats: int = 3,
    files: Mapping[str, str] | None = None,
    keep: bool = True,
    advance: _Progress = lambda done, total: None,
) -> Models:
    """Fit models of measured cells; their deviations are scaled to the errors on cells that were held out.

    Args:
        data: The measured cells (see ``Measurements.of``).
        targets: Titles, units and directions; by default what the targets' names tell.
        seed: Of the random choices in the trees.
        repeats: Repetitions of the cross-validation; the models do not depend on it.
        files: SHA-256 of the files that the measurements come from, by name.
        keep: Whether the models know the measured values, to be shown beside predictions.
        advance: Called with the number of fits that are done, and of all.

    Raises:
        SettingError: (a ValueError) A target has fewer than 12 values.
    """
    for name, y in data.targets.items():
        n = int(np.isfinite(y).sum())
        if n < LEAST_CELLS:
            raise SettingError(f"a model needs at least {LEAST_CELLS} measured cells; {name} has {n}")
    quality, held_out = measure_quality(data, repeats=repeats, advance=advance)
    parts = tuple(_calibrated(part, held_out) for part in fit_parts(data, seed=seed))
    known, of_device = targets or {}, [name for name in data.targets if data.recipes[name].device_of is not None]
    return Models(
        targets={name: known.get(name) or Target.named(name, y) for name, y in data.targets.items()},
        cells=data.indices,
        parts=parts,
        scaling=space_scaling(),
        domain=Applicability.of(data.indices, data.targets, anywhere=of_device),
        quality=quality,
        data=dict(files or {}),
        measured=data.targets if keep else {},
    )


def _calibrated(part: Part, held_out: Mapping[str, _HeldOut]) -> Part:
    """A part whose deviations fit the errors on held-out cells, and that knows how far these were checked."""
    if not isinstance(part.model, Model):
        return part
    held = [next(iter(held_out[name].values())) for name in part.names]
    if any(h.clues is None for h in held):
        # Rounded, since the last bits of a prediction may depend on the processor.
        spreads = to_digits(np.array([h.spread() for h in held]), 3)
        return replace(part, model=replace(part.model, spread=spreads))
    laws = [h.law() for h in held]
    law = Law(level=np.concatenate([x.level for x in laws]), slopes=np.concatenate([x.slopes for x in laws]))
    part = replace(part, model=replace(part.model, law=law))
    by_operations = [held_out[name]["by_operations"] for name in part.names if "by_operations" in held_out[name]]
    if not by_operations:
        return part
    unlike = np.concatenate([1.0 - h.clues.alike for h in by_operations if h.clues])
    growth = to_digits(np.array([_growth(held_out[name]) for name in part.names]), 3)
    return replace(part, reach=float(f"{np.quantile(unlike, _CHECKED):.3g}"), growth=growth)


def _growth(held_out: _HeldOut) -> float:
    """By how much deviations are to be larger where no measured cell has the operations; 1 where nothing tells."""
    if "by_operations" not in held_out or held_out["by_cell"].clues is None:
        return 1.0
    law = next(iter(held_out.values())).law()
    inside, outside = (h.errors() / np.sqrt(h.variances(law)) for h in (held_out["by_cell"], held_out["by_operations"]))
    enough = float(np.quantile(np.abs(outside), _GROWN_COVERAGE)) / 2.0
    return max(min(max(spread(outside) / spread(inside), _GROWTH), enough), 1.0)
