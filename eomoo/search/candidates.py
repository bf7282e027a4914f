"""What a model-guided search looks at: models, the front as it stands, candidates and what is predicted of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eomoo.arrays import Bools, Floats, Ints, Numbers
from eomoo.errors import SettingError
from eomoo.fronts import Box, FrontArchive
from eomoo.search.acquisition import random_directions, scalarised_hypervolume
from eomoo.search.trace import Trace


class Model(Protocol):
    """One model a column, fitted together."""

    def predict(self, features: Numbers, /) -> Floats | tuple[Floats, Floats | None]:
        """Means (n, m) for features (n, d), alone or with standard deviations (n, m) or None."""
        ...


class Fit(Protocol):
    """How a model is fitted."""

    def __call__(self, features: Numbers, Y: Floats, /, *, seed: int) -> Model:
        """A model of values (n, m), minimised, of cells with features (n, d)."""
        ...


def predict(model: Model, features: Numbers, n_columns: int) -> tuple[Floats, Floats | None]:
    """Means (n, m) and standard deviations (n, m), None where the model tells none."""
    found = model.predict(features)
    given = found if isinstance(found, tuple) else (found, None)
    mean = np.asarray(given[0], dtype=np.float64)
    std = None if given[1] is None else np.asarray(given[1], dtype=np.float64)
    shape = (len(features), n_columns)
    for what, values in (("mean", mean), ("standard deviation", std)):
        if values is not None and (values.shape != shape or not np.isfinite(values).all()):
            raise SettingError(f"the model's {what} must be finite, of shape {shape}; got shape {values.shape}")
    if std is not None and (std < 0).any():
        raise SettingError("the model's standard deviations must not be negative")
    return mean, std


# Tuned on seeds below 1001 of the studies in benchmarks/suite.py: more of them gained nothing.
_N_DIRECTIONS = 64
_FEW_DIRECTIONS = 48
# Some times the default start: what tells the extent of the objectives before the search has narrowed it.
_FIRST = 50
# A tenth of the front's width, as is usual for reference points; one in ten first cells may be an outlier.
_BEYOND = 0.1
_MOST_OF_THE_FIRST = 0.9
# Of the box's width: far below any error of a model, far above rounding.
_MIN_STD = 1e-6
# Of values in a search's own units: below any difference that matters, above the last bits, which differ with the
# units that the values came in.
_DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class Units:
    """A search's own units: from the least value of what was measured to the largest.

    They make what it does independent of the units and the zeros that objectives came in.

    Attributes:
        zero, size: (m,) of the objectives.
        limit_size: (g,) of the limits' values, whose zero has a meaning.
    """

    zero: Floats
    size: Floats
    limit_size: Floats

    @classmethod
    def of(cls, F: Floats, G: Floats, before: Units | None) -> Units:
        """Those of measured values (n, m) and of the limits' values (n, g), but for what was seen to vary before."""
        found = cls(zero=F.min(axis=0), size=np.ptp(F, axis=0), limit_size=np.abs(G).max(axis=0))
        if before is None:
            return found
        known = before.size > 0
        return cls(
            zero=np.where(known, before.zero, found.zero),
            size=np.where(known, before.size, found.size),
            limit_size=np.where(before.limit_size > 0, before.limit_size, found.limit_size),
        )

    def objectives(self, F: Floats) -> Floats:
        """Objectives (n, m) in these units."""
        return np.round((F - self.zero) / _or_one(self.size), _DIGITS)

    def limits(self, G: Floats) -> Floats:
        """Limits' values (n, g) in these units."""
        return np.round(G / _or_one(self.limit_size), _DIGITS)


def _or_one(size: Floats) -> Floats:
    return np.where(size > 0, size, 1.0)


def box_around(front: Floats, first: Floats, reference: Floats | None) -> Box:
    """The box of a front (k, m) up to a reference point (m,).

    Without one, or with one that nothing reaches yet, it reaches a little beyond the front, and at least to where nine
    in ten of the first evaluated points (n, m) lie: a box no wider than today's front would hide how far it could go.
    """
    ideal = front.min(axis=0)
    worst = reference
    if worst is None or not (front < worst).all(axis=1).any():
        beyond = front.max(axis=0) + _BEYOND * np.ptp(front, axis=0)
        worst = np.maximum(beyond, np.quantile(first, _MOST_OF_THE_FIRST, axis=0))
    # An objective that is the same everywhere gets some width.
    size = _or_one(np.ptp(np.concatenate((front, first)), axis=0))
    return Box(ideal=ideal, reference=np.maximum(worst, ideal + _MIN_STD * size))


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Candidates and what is predicted of them.

    Attributes:
        cells: (c,).
        predicted: (c, m + g) objectives and limits, as the model gives them.
        model_std: (c, m + g) the model's own, in parts of those of what it was fitted to.
        mean, std: (c, m + g) what they are taken to be, normal and independent.
        z_score: (c,) by how many standard deviations each is beyond the front and within the limits.
    """

    cells: Ints
    predicted: Floats
    model_std: Floats
    mean: Floats
    std: Floats
    z_score: Floats

    def take(self, places: Ints) -> Candidates:
        """The candidates at such places."""
        return Candidates(**{name: values[places] for name, values in vars(self).items()})

    def best(self, n: int) -> Candidates:
        """The n with the largest z-score, in the order in which they are."""
        if len(self.cells) <= n:
            return self
        return self.take(np.sort(np.argsort(-self.z_score, kind="stable")[:n]))

    def joined(self, other: Candidates) -> Candidates:
        """All candidates of both."""
        mine, its = vars(self), vars(other)
        return Candidates(**{name: np.concatenate((mine[name], its[name])) for name in mine})


class SearchState:
    """What was measured, seen from the front.

    Args:
        trace: All that was evaluated.
        measured: (n,) positions of what has values.
        front: The non-dominated cells.
        reference: (m,) the problem's reference point, minimised, or None.
        units: In which values are seen from here on.
        limits: (g,) standard deviation of the limits' values, in these units.

    Attributes:
        F: (n, m) values.
        box, directions, best: For ``scalarised_hypervolume``: the box, directions (r, m), the front's (r,).
        nearest: (n,) positions of what was measured, nearest the front first.
        scale: (m + g,) standard deviations of what was measured, and of the limits' values.
        min_std: (m + g,) standard deviations that are as good as none.
    """

    def __init__(
        self,
        trace: Trace,
        measured: Ints,
        front: FrontArchive,
        reference: Floats | None,
        units: Units,
        limits: Floats,
        rng: Generator,
    ) -> None:
        self.F = units.objectives(trace.F[measured])
        best = units.objectives(front.F)
        reference = None if reference is None else units.objectives(reference)
        self.directions = random_directions(_N_DIRECTIONS, self.F.shape[1], rng)
        if len(front) and front.violation[0] == 0:
            self.box = box_around(best, self.F[:_FIRST], reference)
            self.best = scalarised_hypervolume(best, self.directions, self.box).max(axis=0)
        else:
            self.box = box_around(self.F, self.F[:_FIRST], reference)
            self.best = np.zeros(_N_DIRECTIONS)
        self.scale = np.concatenate((self.F.std(axis=0), limits))
        # A limit whose values are all the same is predicted exactly, and needs no more than not to be 0.
        self.min_std = _MIN_STD * np.concatenate((self.box.extent, np.where(limits > 0, limits, 1.0)))
        few = slice(_FEW_DIRECTIONS)
        ahead = (scalarised_hypervolume(self.F, self.directions[few], self.box) - self.best[few]).max(axis=1)
        # What is feasible is nearer than what is not.
        self.nearest = measured[np.lexsort((-ahead, trace.violation[measured]))]

    def gained(self, before: Bools) -> float:
        """Share of the front's hypervolume that came after what was measured before (n,), feasible; 1 of nothing."""
        if not before.any():
            return 1.0
        then = scalarised_hypervolume(self.F[before], self.directions, self.box).max(axis=0)
        was, now = self._volume(then), self._volume(self.best)
        return 1.0 - was / now if now else 1.0

    def promised(self, probability: NDArray[np.float32], gain: NDArray[np.float32]) -> float:
        """What cells are together expected to gain, in parts of the front's hypervolume; 0 beside nothing.

        Args:
            probability, gain: Of the cells (b, s), as ``improvement_probabilities`` gives them.
        """
        now = self._volume(self.best)
        return float(((1.0 - (1.0 - probability).prod(axis=0)) * gain).sum()) / now if now else 0.0

    def _volume(self, lengths: Floats) -> float:
        """Of what dominates such lengths (r,) of the directions: hypervolume but for a constant factor."""
        return float((np.maximum(lengths, 0.0) ** self.F.shape[1]).sum())

    def rows_to_keep(self, n: int, rng: Generator) -> Ints:
        """Positions, in order, of at most n measured cells that are worth a look again.

        Half of them are the nearest, half any others, and the first few stay, which tell the extent.
        """
        if len(self.nearest) <= n:
            return np.sort(self.nearest)
        few = np.sort(self.nearest)[:_FIRST]
        return np.union1d(few, self.training_rows(n - _FIRST, rng))

    def training_rows(self, n: int, rng: Generator) -> Ints:
        """Positions of the training set, at most n measured cells: half the nearest, half any others."""
        if len(self.nearest) <= n:
            return np.sort(self.nearest)
        near, far = np.split(self.nearest, [n // 2])
        return np.sort(np.concatenate((near, rng.choice(far, n - n // 2, replace=False))))
