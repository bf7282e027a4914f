"""Features in terms of their own mean and deviation: by the rows at hand, or by the whole space."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Facts, Floats, Numbers, blocks, to_digits
from eomoo.checks import known_name
from eomoo.models.gaussian_process import on_grid
from eomoo.space import load_space
from eomoo.space.features import feature_names

NUMBERS_FILE = "models.json"
_BLOCK = 1 << 14


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Mean and standard deviation of every feature, (d,) each."""

    mean: Floats
    std: Floats

    def __call__(self, features: Numbers) -> Floats:
        """Standardised features (n, d), on the grid."""
        Z: Floats = features.astype(np.float64)
        Z -= self.mean
        Z /= self.std
        return on_grid(Z)

    def of(self, columns: tuple[str, ...] | None) -> Scaling:
        """The scaling of some of the structural features; of all of them for None."""
        at = _positions(columns)
        return Scaling(mean=self.mean[at], std=self.std[at])

    @classmethod
    def of_numbers(cls, numbers: Facts) -> Scaling:
        """That of the structural features, as the file of a folder of models has it."""
        return cls(mean=np.array(numbers["feature_means"]), std=np.array(numbers["feature_stds"]))


def selected(features: Numbers, columns: tuple[str, ...] | None) -> NDArray[np.float32]:
    """Named columns of structural features (n, 141), in single precision; whatever is given for None."""
    return np.ascontiguousarray(features[:, _positions(columns)], dtype=np.float32)


@lru_cache(maxsize=32)
def named(names: tuple[str, ...], columns: tuple[str, ...] | None) -> NDArray[np.intp]:
    """Where named features stand among columns; None: among all structural ones."""
    known = list(feature_names() if columns is None else columns)
    return np.array([known.index(name) for name in names], dtype=np.intp)


def _positions(columns: tuple[str, ...] | None) -> NDArray[np.intp] | slice:
    # The structural features stand first in every encoding that has them.
    return slice(None) if columns is None else named(columns, None)


def scaling_of(features: Numbers) -> Scaling:
    """The scaling by these features (n, d); one that does not vary is left as it is."""
    mean, std = (x.astype(np.float64) for x in (features.mean(axis=0), features.std(axis=0)))
    # Below the last digits of single precision.
    return Scaling(mean=mean, std=np.where(std < 1e-6, 1.0, std))


def shipped_folder(data: str = "eo-hwnas") -> Path:
    """The folder with the models that come with eomoo, by the data that they were fitted to.

    Raises:
        UnknownNameError: (a KeyError) None come that were fitted to such data.
    """
    known_name("shipped models", data, SHIPPED)
    return Path(__file__).parent / data.replace("-", "_")


SHIPPED = ("eo-hwnas", "nb101-sample")


@lru_cache(maxsize=1)
def space_scaling() -> Scaling:
    """The scaling of structural features by all cells, as the shipped models tell it.

    Where features have changed since these were made, it is computed, in some seconds.
    """
    path = shipped_folder() / NUMBERS_FILE
    if path.is_file():
        numbers = json.loads(path.read_text())
        if tuple(numbers["features"]) == feature_names():
            return Scaling.of_numbers(numbers)
    return measured_scaling()


def measured_scaling() -> Scaling:
    """The scaling of structural features by all cells, computed."""
    space = load_space()
    total, squares = np.zeros(len(feature_names())), np.zeros(len(feature_names()))
    for here in blocks(len(space), _BLOCK):
        rows = space.features(np.arange(here.start, here.stop)).astype(np.float64)
        total += rows.sum(axis=0)
        squares += (rows * rows).sum(axis=0)
    mean = total / len(space)
    std = np.sqrt(np.maximum(squares / len(space) - mean * mean, 0.0))
    # Rounded, so that the file is short and the last bits of the sums do not matter.
    return Scaling(mean=to_digits(mean, 8), std=to_digits(np.where(std > 0, std, 1.0), 8))
