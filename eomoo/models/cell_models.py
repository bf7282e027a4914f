"""Models of any named targets of measured cells, asked by cell index."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import LARGEST, whole
from eomoo.errors import SettingError
from eomoo.fronts import Quantity
from eomoo.models.applicability import Applicability
from eomoo.models.deviations import Noise
from eomoo.models.device import DeviceModel, fit_device
from eomoo.models.recipes import Recipe, is_accuracy, is_cost, is_rate, kind_of, recipe_for
from eomoo.models.regression import Model, fit, modelled
from eomoo.models.scaling import Scaling, space_scaling
from eomoo.space import Skeleton, load_space


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a target is: a few words, the unit of its values, which of them are better by nature, and its kind.

    The kind, one of ``KINDS``, is "" where unit and name tell it, or it is another cost.
    """

    title: str
    unit: str = ""
    direction: Literal["min", "max"] = "min"
    kind: str = ""

    @classmethod
    def named(cls, name: str, values: Floats, *, unit: str = "", kind: str = "") -> Target:
        """What a column (n,) of anybody's table is, as far as its name and values tell."""
        title = re.sub(r"\bacc\b", "accuracy", name.removesuffix(f"_{unit}").replace("_", " "))
        if (kind or kind_of(name, unit)) != "accuracy":
            return cls(title=title, unit=unit, direction="max" if is_rate(name) and not kind else "min", kind=kind)
        unit = unit or ("fraction" if np.nanmax(values) <= 1 else "%")
        if is_accuracy(name) and "accuracy" not in title:
            title = f"{title} accuracy"
        return cls(title=title, unit=unit, direction="max", kind=kind)

    @property
    def quantity(self) -> Quantity:
        """As backends offer it."""
        return Quantity(title=self.title, unit=self.unit, direction=self.direction)

    def told_kind(self, name: str) -> str:
        """The kind that was chosen, or that the unit, the name and the title tell."""
        return self.kind or kind_of(name, self.unit, self.title)

    def told_direction(self, name: str) -> bool:
        """Whether anything tells which values are better."""
        return self.quantity.larger_is_better or is_cost(name) or self.told_kind(name) != ""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How well deviations fit the errors in a group of held-out cells; means over repetitions.

    Attributes:
        group: What the cells have in common.
        n: Their number.
        coverage: Share whose measured value lies within two deviations.
        rms_z: Root mean square of the errors in deviations.
        lots: Number of walks, cells or combinations of operations that were held out together; 0 where it is unknown.
    """

    group: str
    n: int
    coverage: float
    rms_z: float
    lots: int = 0


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality on held-out cells; each figure is a mean over repetitions with other folds.

    Attributes:
        spearman: Rank correlation of predicted and measured values, over all folds together.
        spearman_std: Its standard deviation over the repetitions, 0 for a single one.
        spearman_interval: Its ends of 95 %, were other walks, or cells, measured; None where it is unknown.
        coverage: Share of the cells whose measured value lies within two standard deviations.
        coverage_interval: Its ends, likewise.
        rms_z: Root mean square of the errors in deviations.
        rmse: Root mean squared error, in the target's unit.
        median_error: Median of errors in parts of the measured value; None but for what one device takes.
        n: Number of cells.
        repeats: Number of repetitions.
        groups: Calibration of the predicted-best and worst tenth, by pools, 1x1 convolutions and vertices, where
            a group has at least 30 cells.
    """

    spearman: float
    spearman_std: float
    coverage: float
    rms_z: float
    rmse: float
    n: int
    repeats: int
    groups: tuple[Calibration, ...] = ()
    spearman_interval: tuple[float, float] | None = None
    coverage_interval: tuple[float, float] | None = None
    median_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Measured cells, as models are fitted to them.

    Attributes:
        indices: (n,) distinct cells.
        targets: Values (n,) by name, the mean where a cell was measured several times; NaN where it was not.
        recipes: How each target is modelled.
        walk: (n,) what cells belong together, such as the random walk that found each; None if unknown.
        repeats: (n,) how many measurements a value is the mean of, by name, where some are of several.
        noise: Of a measurement, by name, where some were repeated; in the units that the recipe models.
    """

    indices: Ints
    targets: Mapping[str, Floats]
    recipes: Mapping[str, Recipe]
    walk: Ints | None = None
    repeats: Mapping[str, Floats] = field(default_factory=dict)
    noise: Mapping[str, Noise] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        indices: ArrayLike,
        targets: Mapping[str, ArrayLike],
        *,
        walk: ArrayLike | None = None,
        recipes: Mapping[str, Recipe] | None = None,
    ) -> Measurements:
        """Measurements of cells, with the recipes that suit their targets where none are given.

        A cell may come several times, measured anew each time; of its walks the first counts. A cell whose walk is
        NaN belongs to none.

        Raises:
            SettingError: (a ValueError) Lengths differ, or a target has no values, or such as overflow when squared.
        """
        cells = np.asarray(indices, dtype=np.int64)
        values = {name: np.asarray(y, dtype=np.float64) for name, y in targets.items()}
        for name, y in values.items():
            if y.shape != cells.shape:
                raise SettingError(f"there are {len(cells)} cells and {len(y)} values of {name}")
            if not np.isfinite(y).any():
                raise SettingError(f"{name} has no measured value")
            with np.errstate(over="ignore"):
                if not np.isfinite(np.nansum(np.square(y))):
                    most = np.nanmax(np.abs(y))
                    raise SettingError(
                        f"{name} has values up to {most:.3g}, whose squares no number holds; give it in a larger unit"
                    )
        chosen = dict(recipes or {})
        for name in [name for name in values if name not in chosen]:
            chosen[name] = recipe_for(name, values[name][np.isfinite(values[name])])
        walks = None if walk is None else np.unique(_apart(np.asarray(walk)), return_inverse=True)[1]
        distinct, first, place = np.unique(cells, return_index=True, return_inverse=True)
        if len(distinct) == len(cells):
            return cls(indices=cells, targets=values, recipes=chosen, walk=walks)
        pooled = {name: _pooled(y, place.ravel(), chosen[name]) for name, y in values.items()}
        return cls(
            indices=distinct,
            targets={name: mean for name, (mean, _, _) in pooled.items()},
            recipes=chosen,
            walk=None if walks is None else walks[first],
            repeats={name: counts for name, (_, counts, _) in pooled.items() if counts.max() > 1},
            noise={name: noise for name, (_, _, noise) in pooled.items() if noise is not None},
        )

    def only(self, rows: Bools) -> Measurements:
        """Some of the cells."""
        return replace(
            self,
            indices=self.indices[rows],
            targets={name: y[rows] for name, y in self.targets.items()},
            walk=None if self.walk is None else self.walk[rows],
            repeats={name: counts[rows] for name, counts in self.repeats.items()},
        )

    def repeats_of(self, name: str) -> Floats:
        """How many measurements each value (n,) of a target is the mean of."""
        return self.repeats.get(name, np.ones(len(self.indices)))


def _apart(walk: NDArray[Any]) -> NDArray[Any]:
    """Walks (n,), each cell of none in one of its own."""
    none = np.isnan(walk) if walk.dtype.kind == "f" else np.zeros(len(walk), dtype=bool)
    return np.where(none, -1.0 - np.arange(len(walk)), walk) if none.any() else walk


def _pooled(y: Floats, place: NDArray[np.intp], recipe: Recipe) -> tuple[Floats, Floats, Noise | None]:
    """Means and numbers of measurements (k,) of cells from single ones (n,) of the cells in these places, and noise."""
    known, k = np.isfinite(y), int(place.max()) + 1
    counts = np.bincount(place[known], minlength=k)
    mean = np.bincount(place[known], y[known], k) / np.where(counts, counts, np.nan)
    terms = modelled(recipe, y[known])
    centers = np.bincount(place[known], terms, k) / np.maximum(counts, 1)
    freedom = int(np.maximum(counts - 1, 0).sum())
    squares = float(((terms - centers[place[known]]) ** 2).sum())
    noise = Noise(variance=squares / freedom, freedom=freedom) if freedom else None
    return mean, np.maximum(counts, 1).astype(np.float64), noise


@dataclass(frozen=True, kw_only=True)
class Part:
    """Targets that share a recipe and their cells: a model of them all, which makes the same work once.

    Attributes:
        names: (m,) of the targets.
        cells: (n,) that the model's process sees.
        reach: How unlike the nearest cell was where predictions were checked, but for one in a hundred.
        growth: (m,) factor of deviations where no measured cell has as many vertices and operations of each kind.
    """

    names: tuple[str, ...]
    cells: Ints
    model: Model | DeviceModel
    reach: float
    growth: Floats


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What models of named targets say of themselves.

    Attributes:
        targets: What they predict, by name.
        domain: What was measured.
        quality: Quality on held-out cells by target, then "by_walk" (cells of a walk held out together) where
            there are walks, "by_cell" and "by_operations" (those of as many vertices and operations of each kind).
        data: SHA-256 of the files that they were fitted to, by name.
        skeleton: The network around the cells; None where nobody said.
        failures: How many cells failed, of how many that were tried; None where none did.
    """

    targets: Mapping[str, Target]
    domain: Applicability
    quality: Mapping[str, Mapping[str, Quality]] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    skeleton: Skeleton | None = None
    failures: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class CellModels(ModelFacts):
    """Models of named targets; see ``ModelFacts`` for what they say of themselves.

    Attributes:
        cells: (n,) that were measured.
        scaling: Of the features, by the whole space.
        measured: Measured values (n,) of the cells by target, NaN where there is none; empty where they are not kept.
        title: What the table calls itself that they were fitted to; "" once they have been written.
    """

    cells: Ints
    parts: tuple[Part, ...]
    scaling: Scaling
    measured: Mapping[str, Floats] = field(default_factory=dict)
    title: str = ""

    def predict(self, cells: ArrayLike) -> tuple[Floats, Floats]:
        """Means and standard deviations (k, targets) each of cells (k,), in the targets' units.

        Raises:
            SettingError: (a ValueError) An index is out of range.
        """
        mean, std, _ = self.predict_and_place(cells)
        return mean, std

    def predict_and_place(self, cells: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """As ``predict``, and the distance (k,) of the nearest measured cell, above 1 farther than was checked."""
        known = load_space().check_row(cells)
        beyond = ~self.domain.has_operations(known)
        means, stds, distance = [], [], np.zeros(len(known))
        for part in self.parts:
            mean, std, unlike = part.model.predict_and_place(encoded(known, part.model.recipe))
            means.append(mean)
            stds.append(np.where(beyond[:, None], std * part.growth, std))
            np.maximum(distance, unlike / part.reach, out=distance)
        order = self._order()
        return np.concatenate(means, axis=1)[:, order], np.concatenate(stds, axis=1)[:, order], distance

    def draw(self, cells: ArrayLike, n: int, *, seed: int = 0, noise: bool = False) -> Floats:
        """Joint draws (n, k, targets) of the expected values of cells (k,), in the targets' units.

        Cells that are alike err alike; see ``Model.draw``.

        Raises:
            SettingError: (a ValueError) An index is out of range, or n or seed is no whole number of at least 0.
        """
        known, order = load_space().check_row(cells), self._order()
        whole("n", n, least=0)
        whole("seed", seed, least=0, most=LARGEST)
        stds = self.predict(known)[1][:, np.argsort(order)]
        seeds = np.random.SeedSequence(seed).generate_state(len(self.parts))
        drawn, done = [], 0
        for part, s in zip(self.parts, seeds, strict=True):
            X, std = encoded(known, part.model.recipe), stds[:, done : done + len(part.names)]
            drawn.append(part.model.draw(X, n, seed=int(s), noise=noise, deviations=std))
            done += len(part.names)
        return np.concatenate(drawn, axis=2)[:, :, order]

    def _order(self) -> list[int]:
        names = [name for part in self.parts for name in part.names]
        return [names.index(name) for name in self.targets]


def encoded(cells: Ints, recipe: Recipe) -> NDArray[np.float32]:
    """Features (k, d) of cells (k,) as a recipe's models see them."""
    return load_space().features(cells, recipe.encoding).astype(np.float32, copy=False)


def fit_parts(data: Measurements, *, seed: int = 0, exact: bool = True) -> tuple[Part, ...]:
    """Fit models of all targets; the same call gives the same bits on every machine, unless it is not to be exact.

    Raises:
        SettingError: (a ValueError) A target has fewer than 10 values.
    """
    groups: dict[tuple[Recipe, bytes, bytes], list[str]] = {}
    for name, y in data.targets.items():
        recipe = data.recipes[name] if exact else replace(data.recipes[name], exact=False)
        groups.setdefault((recipe, np.isfinite(y).tobytes(), data.repeats_of(name).tobytes()), []).append(name)
    parts: list[Part] = []
    for (recipe, known, _), names in groups.items():
        rows = np.frombuffer(known, dtype=np.bool_)
        if recipe.device_of is not None:
            cells = data.indices[rows]
            for name in names:
                device = fit_device(recipe, encoded(cells, recipe), data.targets[name][rows])
                parts.append(Part(names=(name,), cells=cells, model=device, reach=1.0, growth=np.ones(1)))
            continue
        Y = np.stack([data.targets[name][rows] for name in names], axis=1)
        model = fit(
            recipe,
            encoded(data.indices[rows], recipe),
            Y,
            seed=seed,
            # Only structural features have a scaling by the whole space.
            scaling=space_scaling() if recipe.kernel is not None else None,
            repeats=data.repeats_of(names[0])[rows],
            noise=np.array([data.noise[name].variance if name in data.noise else 0.0 for name in names]),
        )
        cells, growth = data.indices[rows][model.rows], np.ones(len(names))
        parts.append(Part(names=tuple(names), cells=cells, model=model, reach=1.0, growth=growth))
    return tuple(parts)
