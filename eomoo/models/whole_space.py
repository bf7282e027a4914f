"""Predictions for every cell of the space, computed once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import DataError
from eomoo.files import atomic_path, cache_folder
from eomoo.models.model_files import Record, read_surrogates
from eomoo.space.enumeration import N_CELLS
from eomoo.version import __version__

__all__ = ["Predictions", "cache_path", "whole_space"]

# Counted up when predictions change between releases.
_FORMAT = 1
_BLOCK = 1 << 14


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions for all cells.

    Attributes:
        means, deviations: (423624,) float32 by target, in the target's unit.
    """

    means: dict[str, NDArray[np.float32]]
    deviations: dict[str, NDArray[np.float32]]


def whole_space(folder: Path, record: Record) -> Predictions:
    """Predictions of the surrogates in a folder for all cells: from memory, the cache, or the models.

    Args:
        folder: Where the models lie.
        record: What ``read_record`` says of them.

    A cache file that is missing, damaged or of other models is made again; one that cannot be written
    is warned about once and done without.

    Raises:
        DataNotFoundError: A model is missing.
        DataError: A model is damaged.
    """
    return _whole_space(folder, cache_path(record), tuple(record.values["targets"]))


def cache_path(record: Record) -> Path:
    """Where the predictions of these surrogates are kept."""
    # The record holds checksums of all model files; other code may predict otherwise.
    parts = (str(_FORMAT), __version__, version("xgboost"), record.text)
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
    return cache_folder() / "surrogates" / f"{key}.npz"


@lru_cache(maxsize=4)
def _whole_space(folder: Path, path: Path, names: tuple[str, ...]) -> Predictions:
    arrays = _read(path, len(names))
    if arrays is None:
        arrays = _compute(folder, len(names))
        _write(path, arrays)
    means, deviations = arrays
    return Predictions(
        means=dict(zip(names, means, strict=True)), deviations=dict(zip(names, deviations, strict=True))
    )


def _compute(folder: Path, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from eomoo.space import load_space

    space, surrogates = load_space(), read_surrogates(folder)
    means, deviations = (np.empty((n, N_CELLS), dtype=np.float32) for _ in range(2))
    for start in range(0, N_CELLS, _BLOCK):
        cells = np.arange(start, min(start + _BLOCK, N_CELLS))
        mean, deviation = surrogates.predict(space.features(cells))
        means[:, cells], deviations[:, cells] = mean.T, deviation.T
    return means, deviations


def _read(path: Path, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    try:
        # The archive's own checksums are verified on the way.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            found = archive["means"], archive["deviations"]
    except Exception:
        # Whatever is wrong with a cache, it is made again.
        return None
    usable = all(x.shape == (n, N_CELLS) and x.dtype == np.float32 and np.isfinite(x).all() for x in found)
    return found if usable else None


def _write(path: Path, arrays: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    try:
        with atomic_path(path) as temporary:
            np.savez(temporary, means=arrays[0], deviations=arrays[1])
    except DataError as error:
        warnings.warn(f"predictions will be computed anew by every command: {error}", stacklevel=2)
