"""Models of any named targets of measured cells, asked by cell index."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.errors import SettingError
from eomoo.models.applicability import Applicability
from eomoo.models.recipes import Recipe, is_accuracy, recipe_for
from eomoo.models.regression import Model, fit
from eomoo.models.scaling import Scaling, space_scaling
from eomoo.space import load_space

_Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a target is: a few words, the unit of its values, and which of them are better by nature."""

    title: str
    unit: str = ""
    direction: Literal["min", "max"] = "min"

    @classmethod
    def named(cls, name: str, values: _Array) -> Target:
        """What a column (n,) of anybody's table is, as far as its name and values tell."""
        title = re.sub(r"\bacc\b", "accuracy", name.replace("_", " "))
        if not is_accuracy(name):
            return cls(title=title)
        return cls(title=title, unit="fraction" if np.nanmax(values) <= 1 else "%", direction="max")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How well deviations fit the errors in a group of held-out cells; means over repetitions.

    Attributes:
        group: What the cells have in common.
        n: Their number.
        coverage: Share whose measured value lies within two deviations.
        rms_z: Root mean square of the errors in deviations.
    """

    group: str
    n: int
    coverage: float
    rms_z: float


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality on held-out cells; each figure is a mean over repetitions with other folds.

    Attributes:
        spearman: Rank correlation of predicted and measured values, over all folds together.
        spearman_std: Its standard deviation over the repetitions, 0 for a single one.
        coverage: Share of the cells whose measured value lies within two standard deviations.
        rms_z: Root mean square of the errors in deviations.
        rmse: Root mean squared error, in the target's unit.
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


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Measured cells, as models are fitted to them.

    Attributes:
        indices: (n,) cells.
        targets: Values (n,) by name; NaN where a cell was not measured.
        recipes: How each target is modelled.
        walk: (n,) what cells belong together, such as the random walk that found each; None if unknown.
    """

    indices: NDArray[np.int64]
    targets: Mapping[str, _Array]
    recipes: Mapping[str, Recipe]
    walk: NDArray[np.int64] | None = None

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

        Raises:
            SettingError: (a ValueError) Lengths differ, or a target has no values.
        """
        cells = np.asarray(indices, dtype=np.int64)
        values = {name: np.asarray(y, dtype=np.float64) for name, y in targets.items()}
        for name, y in values.items():
            if y.shape != cells.shape:
                raise SettingError(f"there are {len(cells)} cells and {len(y)} values of {name}")
            if not np.isfinite(y).any():
                raise SettingError(f"{name} has no measured value")
        chosen = dict(recipes or {})
        for name, y in values.items():
            if name not in chosen:
                chosen[name] = recipe_for(name, y[np.isfinite(y)])
        return cls(
            indices=cells,
            targets=values,
            recipes=chosen,
            walk=None if walk is None else np.unique(np.asarray(walk), return_inverse=True)[1],
        )

    def only(self, rows: NDArray[np.bool_]) -> Measurements:
        """Some of the cells."""
        return replace(
            self,
            indices=self.indices[rows],
            targets={name: y[rows] for name, y in self.targets.items()},
            walk=None if self.walk is None else self.walk[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Part:
    """Targets that share a recipe and their cells: a model of them all, which makes the same work once.

    Attributes:
        names: (m,) of the targets.
        cells: (n,) that the model's process sees.
        model: The model.
        reach: How unlike the nearest cell was where predictions were checked, but for one in a hundred.
        growth: (m,) factor of deviations where no measured cell has as many vertices and operations of each kind.
    """

    names: tuple[str, ...]
    cells: NDArray[np.int64]
    model: Model
    reach: float
    growth: _Array


@dataclass(frozen=True, kw_only=True)
class CellModels:
    """Models of named targets.

    Attributes:
        targets: What they predict, by name.
        cells: (n,) that were measured.
        parts: The models.
        scaling: Of the features, by the whole space.
        quality: Quality on held-out cells by target, then "by_walk" (cells of a walk held out together) where
            there are walks, "by_cell" and "by_operations" (those of as many vertices and operations of each kind).
        domain: What was measured.
        data: SHA-256 of the files that they were fitted to, by name.
    """

    targets: Mapping[str, Target]
    cells: NDArray[np.int64]
    parts: tuple[Part, ...]
    scaling: Scaling
    domain: Applicability
    quality: Mapping[str, Mapping[str, Quality]] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)

    def predict(self, cells: ArrayLike) -> tuple[_Array, _Array]:
        """Means and standard deviations (k, targets) each of cells (k,), in the targets' units.

        Raises:
            SettingError: (a ValueError) An index is out of range.
        """
        mean, std, _ = self.predict_and_place(cells)
        return mean, std

    def predict_and_place(self, cells: ArrayLike) -> tuple[_Array, _Array, _Array]:
        """As ``predict``, and the distance (k,) of the nearest measured cell, above 1 farther than was checked."""
        known = _checked(cells)
        beyond = ~self.domain.has_operations(known)
        means, stds, distance = [], [], np.zeros(len(known))
        for part in self.parts:
            mean, std, unlike = part.model.predict_and_place(encoded(known, part.model.recipe))
            means.append(mean)
            stds.append(np.where(beyond[:, None], std * part.growth, std))
            np.maximum(distance, unlike / part.reach, out=distance)
        order = self._order()
        return np.concatenate(means, axis=1)[:, order], np.concatenate(stds, axis=1)[:, order], distance

    def draw(self, cells: ArrayLike, n: int, *, seed: int = 0, noise: bool = False) -> _Array:
        """Joint draws (n, k, targets) of the expected values of cells (k,), in the targets' units.

        Cells that are alike err alike; see ``Model.draw``.
        """
        known, order = _checked(cells), self._order()
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


def encoded(cells: NDArray[np.int64], recipe: Recipe) -> NDArray[np.float32]:
    """Features (k, d) of cells (k,) as a recipe's models see them."""
    return load_space().features(cells, recipe.encoding).astype(np.float32, copy=False)


def _checked(cells: ArrayLike) -> NDArray[np.int64]:
    space = load_space()
    indices = np.atleast_1d(np.asarray(cells))
    if indices.size and (indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= len(space)):
        raise SettingError(f"cells are whole numbers from 0 to {len(space) - 1:,}; got {indices}")
    return indices.astype(np.int64)


def fit_parts(data: Measurements, *, seed: int = 0, scaling: Scaling | None = None) -> tuple[Part, ...]:
    """Fit models of all targets; the same call gives the same bits on every machine.

    Raises:
        SettingError: (a ValueError) A target has fewer than 10 values.
    """
    scaling = scaling or space_scaling()
    groups: dict[tuple[Recipe, bytes], list[str]] = {}
    for name, y in data.targets.items():
        groups.setdefault((data.recipes[name], np.isfinite(y).tobytes()), []).append(name)
    parts = []
    for (recipe, known), names in groups.items():
        rows = np.frombuffer(known, dtype=np.bool_)
        Y = np.stack([data.targets[name][rows] for name in names], axis=1)
        # Only structural features have a scaling by the whole space.
        own = scaling if recipe.kernel is not None else None
        model = fit(recipe, encoded(data.indices[rows], recipe), Y, seed=seed, scaling=own)
        parts.append(
            Part(
                names=tuple(names),
                cells=data.indices[rows][model.rows],
                model=model,
                reach=1.0,
                growth=np.ones(len(names)),
            )
        )
    return tuple(parts)
