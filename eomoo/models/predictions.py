"""Predictions for every cell of the space: data that all machines share, shipped or kept in the user's cache.

They are rounded, so that a file of them is small, and so that the last bit of an exponential, in which
processors differ, changes no order.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import blocks
from eomoo.checks import explained
from eomoo.errors import DataError
from eomoo.files import atomic_path, cache_folder, sha256_of
from eomoo.jobs import one_thread, worked_ahead
from eomoo.models.gaussian_process import to_bits
from eomoo.models.model_files import MOST_BYTES, PREDICTIONS_FILE, load_models
from eomoo.models.record import RECORD_FILE, Record, add_file
from eomoo.progress import doing
from eomoo.space.enumeration import N_CELLS
from eomoo.version import __version__

# Counted up when predictions change between releases.
_FORMAT = 3
_BLOCK = 1 << 14
# Significant binary digits: of means those of single precision, 2e-5 of a deviation of the EO targets and
# hardly a tie that is none; of deviations, which are known to a few per cent at best, half of them.
# How far the nearest measured cell is need only be known to be above 1 or not, and about.
_MEAN_BITS, _STD_BITS, _DISTANCE_BITS = 24, 12, 5
# For a smaller file: a hundredth of a deviation of accuracies on CIFAR-10.
_COARSE_MEAN_BITS, _COARSE_STD_BITS = 16, 8
_DISTANCE = "distance"
# More threads than this gain little beside what Python itself does.
_MOST_THREADS = 4

_Single = NDArray[np.float32]
_Bytes = NDArray[np.uint8]


class Predictions:
    """Predictions for all cells, unpacked for those targets that are asked for.

    Args:
        read: The four bytes (4, 423624) of single-precision numbers, for ``NAME.mean``, ``NAME.std``, ``distance``.
    """

    def __init__(self, read: Callable[[str], _Bytes]) -> None:
        self._read = read
        self._unpacked: dict[str, _Single] = {}

    def mean(self, name: str) -> _Single:
        """Means of a target (423624,), in its unit."""
        return self._column(f"{name}.mean")

    def std(self, name: str) -> _Single:
        """Standard deviations of a target (423624,), in its unit."""
        return self._column(f"{name}.std")

    def distance(self) -> _Single:
        """How far the nearest measured cell is (423624,): above 1 farther than predictions were checked."""
        return self._column(_DISTANCE)

    def _column(self, key: str) -> _Single:
        if key not in self._unpacked:
            # Bytes of a kind lie together in the file, where most of the first ones are equal.
            self._unpacked[key] = np.ascontiguousarray(self._read(key).T).view("<f4").ravel()
        return self._unpacked[key]


def whole_space(folder: Path, record: Record) -> Predictions:
    """Predictions of the models in a folder for all cells: from memory, their file, the cache, or the models.

    A cache file that is missing, damaged or of other models is made again; one that cannot be written
    is warned about once and done without.

    Raises:
        DataNotFoundError: A model is missing.
        DataError: A model is damaged, or this xgboost reads it otherwise than it was written.
    """
    return _whole_space(folder, cache_path(record), tuple(record.targets), record.files.get(PREDICTIONS_FILE))


def is_at_hand(record: Record) -> bool:
    """Whether predictions of these models need not be computed, which takes some seconds."""
    return PREDICTIONS_FILE in record.files or cache_path(record).is_file()


def cache_path(record: Record) -> Path:
    """Where the predictions of these models are kept."""
    # The record holds checksums of all model files; other code may predict otherwise.
    parts = (str(_FORMAT), __version__, version("xgboost"), record.text)
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
    return cache_folder() / "surrogates" / f"{key}.npz"


@lru_cache(maxsize=4)
def _whole_space(folder: Path, cached: Path, names: tuple[str, ...], digest: str | None) -> Predictions:
    if digest is not None:
        path = folder / PREDICTIONS_FILE
        if sha256_of(path, max_size=MOST_BYTES) != digest:
            raise DataError(f"{path} is not the file that {RECORD_FILE} beside it describes; copy the folder again")
        return Predictions(lambda key: _read(path, [key])[key])
    try:
        found = _read(cached, [*(f"{name}.{part}" for name in names for part in ("mean", "std")), _DISTANCE])
    except DataError:
        # Whatever is wrong with a cache, it is made again.
        found = predict_space(folder)
        try:
            _write(cached, found)
        except DataError as error:
            warnings.warn(f"predictions will be computed anew by every command: {error}", stacklevel=2)
    return Predictions(found.__getitem__)


def predict_space(folder: str | Path, *, coarse: bool = False) -> dict[str, _Bytes]:
    """What the models in a folder predict of all cells, packed as ``Predictions`` takes it."""
    mean_bits, std_bits = (_COARSE_MEAN_BITS, _COARSE_STD_BITS) if coarse else (_MEAN_BITS, _STD_BITS)
    models = load_models(folder)
    names = list(models.targets)
    means, stds = (np.empty((len(names), N_CELLS), dtype="<f4") for _ in range(2))
    distances = np.empty(N_CELLS, dtype="<f4")
    threads, parts, done = min(_MOST_THREADS, os.cpu_count() or 1), [*blocks(N_CELLS, _BLOCK)], 0
    with doing(f"predicting {N_CELLS:,} cells", lambda: f"{done:,} predicted"), one_thread():
        cells = (np.arange(here.start, here.stop) for here in parts)
        found = worked_ahead(models.predict_and_place, cells, threads=threads, ahead=threads)
        for here, (mean, std, distance) in zip(parts, found, strict=True):
            distances[here] = to_bits(distance, _DISTANCE_BITS)
            means[:, here], stds[:, here] = to_bits(mean, mean_bits).T, to_bits(std, std_bits).T
            done = here.stop
    columns = {_DISTANCE: distances}
    for name, mean, std in zip(names, means, stds, strict=True):
        columns |= {f"{name}.mean": mean, f"{name}.std": std}
    return {key: np.ascontiguousarray(column.view(np.uint8).reshape(-1, 4).T) for key, column in columns.items()}


def write_predictions(folder: str | Path, *, coarse: bool = False) -> Path:
    """Predict the whole space and put the predictions beside the models, so that no machine has to again.

    Args:
        coarse: Whether with 16 binary digits instead of 24, which takes two thirds of the space.

    Returns:
        The file.
    """
    path = Path(folder) / PREDICTIONS_FILE
    _write(path, predict_space(folder, coarse=coarse))
    add_file(folder, path.name)
    return path


def _read(path: Path, keys: list[str]) -> dict[str, _Bytes]:
    # The archive's own checksums are verified on the way.
    with explained(path, "cannot be read"), open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        found = {key: archive[key] for key in keys}
    if not all(x.shape == (4, N_CELLS) and x.dtype == np.uint8 for x in found.values()):
        raise DataError(f"{path} holds other predictions than those of {N_CELLS:,} cells")
    return found


def _write(path: Path, packed: Mapping[str, _Bytes]) -> None:
    with atomic_path(path) as temporary:
        # NumPy's stubs know an option where any name may stand; NumPy 1.26 would store it as an array.
        np.savez_compressed(temporary, **packed)  # type: ignore[arg-type]
