"""So2Sat LCZ42: patches of Sentinel-2 (and Sentinel-1) with local climate zones, from HDF5 files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Facts
from eomoo.checks import first_line, known_name, number
from eomoo.errors import DataError, DataNotFoundError, EomooError
from eomoo.images.image_data import ImageData, fingerprint_of
from eomoo.images.rasters import check_claim
from eomoo.images.splits import ArrayImages, ImageSet, Subset, statistics_of
from eomoo.packages import require

SO2SAT_FILES = {"train": "training.h5", "val": "validation.h5", "test": "testing.h5"}
SO2SAT_SIZES = {"2": {"train": 352_366, "val": 24_119, "test": 24_188}}
"""Patches of each split, by version of the data set."""

SEN2_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
SEN1_BANDS = (
    "VH real", "VH imaginary", "VV real", "VV imaginary",
    "VH intensity, filtered", "VV intensity, filtered",
    "covariance real, filtered", "covariance imaginary, filtered",
)  # fmt: skip
SO2SAT_CLASSES = (
    "compact high-rise", "compact mid-rise", "compact low-rise", "open high-rise", "open mid-rise",
    "open low-rise", "lightweight low-rise", "large low-rise", "sparsely built", "heavy industry",
    "dense trees", "scattered trees", "bush or scrub", "low plants", "bare rock or paved",
    "bare soil or sand", "water",
)  # fmt: skip
_PIXELS = 32  # Zhu et al., 2020, as sizes, bands and classes
# Of the training split, by band; rounded to five digits.
_VERSION_2_MEAN = (0.12374, 0.10925, 0.10105, 0.11420, 0.15921, 0.18141, 0.17451, 0.19495, 0.15421, 0.10900)
_VERSION_2_STD = (0.03956, 0.04775, 0.06633, 0.06357, 0.07746, 0.09104, 0.09218, 0.10168, 0.09987, 0.08777)
# Standard error of a band's mean by its deviation, if the pixels of a patch were all alike: 0.7 %.
_STATISTICS_SAMPLE = 20_000
# Patches that are looked at when a file is opened, and that mark it: hashing 51 GB would take minutes each time.
_PROBE = 64
# Reflectances are about 0 to 3; values of 10,000 a unit, the other convention, are far above this.
_LARGEST = 100


class So2SatFile:
    """One file as a split. It is opened once in each process that reads from it.

    Args:
        path: The HDF5 file.
        sentinel1: Give the 8 bands of Sentinel-1 after the 10 of Sentinel-2.
    """

    def __init__(self, path: str | Path, *, sentinel1: bool = False) -> None:
        self.path, self.sentinel1 = Path(path), sentinel1
        self._file: Any = None
        self._process = -1
        try:
            # Files that imitate the format say so; their sizes and statistics are their own.
            self.synthetic = bool(self._open().attrs.get("synthetic", False))
            self.labels = self._checked_labels()
        except EomooError:
            raise
        except Exception as error:
            # HDF5 raises KeyError, RuntimeError, TypeError and more for damaged files.
            raise DataError(f"{self.path} is damaged: {first_line(error)}; download it again") from error

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], int]:
        images, labels = self.batch(np.array([index % len(self)]))
        return images[0], int(labels[0])

    def __getstate__(self) -> Facts:
        # An open HDF5 file must not travel to another process.
        return {**self.__dict__, "_file": None, "_process": -1}

    def batch(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images (n, bands, 32, 32), reflectance, and labels (n,)."""
        rows, back = np.unique(indices, return_inverse=True)
        file = self._open()
        try:
            parts = [_rows(file["sen2"], rows)]
            if self.sentinel1:
                parts.append(_rows(file["sen1"], rows))
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise DataError(f"{self.path} is damaged: {first_line(error)}; download it again") from error
        wrong = ~np.isfinite(parts[0]).all(axis=(1, 2, 3))
        if wrong.any():
            raise DataError(f"{self.path}: 'sen2' of patch {rows[wrong.argmax()]} holds values that are not finite")
        images = np.concatenate(parts, axis=-1).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(images[back]), self.labels[indices]

    def _open(self) -> Any:
        if self._file is None or self._process != os.getpid():
            h5py = require("h5py", purpose="to read So2Sat")
            if not self.path.is_file():
                raise DataNotFoundError(f"there is no file {self.path}; it belongs to So2Sat LCZ42")
            try:
                self._file = h5py.File(self.path, "r")
            except OSError as error:
                reason = first_line(error)
                raise DataError(f"{self.path} is no HDF5 file or is cut short ({reason}); download it again") from error
            self._process = os.getpid()
        return self._file

    def _checked_labels(self) -> NDArray[np.int64]:
        file = self._open()
        bands = {"sen2": len(SEN2_BANDS)} | ({"sen1": len(SEN1_BANDS)} if self.sentinel1 else {})
        for name in ("label", *bands):
            if name not in file:
                raise DataError(f"{self.path} has no dataset {name!r}; it is no file of So2Sat LCZ42")
        n = len(file["label"])
        shapes = {"label": (n, len(SO2SAT_CLASSES))} | {
            name: (n, _PIXELS, _PIXELS, width) for name, width in bands.items()
        }
        for name, shape in shapes.items():
            if file[name].shape != shape:
                raise DataError(f"{self.path}: {name!r} has the shape {file[name].shape}; So2Sat LCZ42 has {shape}")
        if n == 0:
            raise DataError(f"{self.path} holds no patches")
        for name in shapes:
            if file[name].dtype.kind not in "fiu":
                raise DataError(f"{self.path}: {name!r} holds {file[name].dtype}, no numbers")
            check_claim(self.path, file[name].size * file[name].dtype.itemsize)
        one_hot = np.asarray(file["label"])
        wrong = np.flatnonzero((one_hot.sum(axis=1) != 1) | ~np.isin(one_hot, (0, 1)).all(axis=1))
        if len(wrong):
            raise DataError(f"{self.path}: the label of patch {wrong[0]} is not one of 17 classes")
        probe = _rows(file["sen2"], np.unique(np.linspace(0, n - 1, _PROBE).astype(np.int64)))
        if not np.isfinite(probe).all():
            raise DataError(f"{self.path}: 'sen2' holds values that are not finite")
        largest = float(np.abs(probe).max())
        if largest > _LARGEST:
            raise DataError(f"{self.path}: 'sen2' holds values up to {largest:g}; its reflectances are about 0 to 3")
        return np.asarray(one_hot.argmax(axis=1), dtype=np.int64)


def load_so2sat(
    folder: str | Path | None = None, *, version: str = "2", sentinel1: bool = False, memory: float = 2.0
) -> ImageData:
    """So2Sat LCZ42 as a task: 17 local climate zones from 32x32 patches.

    Args:
        folder: Holds training.h5, validation.h5 and testing.h5; by default it is looked for in
            ``EOMOO_DATA``.
        version: Of the data set: "2", or "other" to take files of any size.
        sentinel1: Use the bands of Sentinel-1 too.
        memory: Splits up to this size (GiB, as float32) are read into memory once; larger ones are
            read from the files during training.

    Source: Zhu et al., So2Sat LCZ42, IEEE GRSM 2020, doi:10.14459/2018mp1483140; CC-BY-4.0.
    """
    # The command line makes a number of it.
    version = known_name("version of So2Sat", str(version), (*SO2SAT_SIZES, "other"))
    memory = number("memory", memory, least=0)
    place = find_so2sat(folder)
    files = {s: So2SatFile(place / name, sentinel1=sentinel1) for s, name in SO2SAT_FILES.items()}
    synthetic = all(file.synthetic for file in files.values())
    if not synthetic:
        _check_sizes(files, version)
    mean, std = _statistics(files["train"], published=version == "2" and not synthetic)
    bands = SEN2_BANDS + (SEN1_BANDS if sentinel1 else ())
    splits = {split: _in_memory(file, memory) for split, file in files.items()}
    label = "synthetic" if synthetic else f"version {version}"
    return ImageData(
        name=f"So2Sat LCZ42 ({label})",
        **splits,
        class_names=SO2SAT_CLASSES,
        band_names=bands,
        mean=mean,
        std=std,
        image_size=_PIXELS,
        fingerprint=fingerprint_of(files, label, bands, sample=_PROBE),
    )


def find_so2sat(folder: str | Path | None = None) -> Path:
    """The folder that holds the files: the given one, or one in ``EOMOO_DATA``."""
    base = Path(folder) if folder is not None else Path(os.environ.get("EOMOO_DATA", "."))
    places = [base.expanduser(), base.expanduser() / "so2sat"]
    for place in places:
        if any((place / name).is_file() for name in SO2SAT_FILES.values()):
            return place
    raise DataNotFoundError(
        f"So2Sat LCZ42 is not in {base}; it needs {', '.join(SO2SAT_FILES.values())}, published at "
        "https://mediatum.ub.tum.de/1613658 (51 GB, CC-BY-4.0)"
    )


def _rows(dataset: Any, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    # Neighbouring rows are read in one piece, which HDF5 does many times faster than a list of rows.
    if len(rows) and rows[-1] - rows[0] < 2 * len(rows):
        block = dataset[int(rows[0]) : int(rows[-1]) + 1].astype(np.float32)
        return np.asarray(block[rows - rows[0]])
    return np.asarray(dataset[rows], dtype=np.float32)


def _in_memory(file: So2SatFile, memory: float) -> ImageSet:
    size = len(file) * (len(SEN2_BANDS) + len(SEN1_BANDS) * file.sentinel1) * _PIXELS**2 * 4
    if size > memory * 2**30:
        return file
    blocks = [file.batch(np.arange(k, min(k + 512, len(file))))[0] for k in range(0, len(file), 512)]
    return ArrayImages(np.concatenate(blocks), file.labels)


def _check_sizes(files: dict[str, So2SatFile], version: str) -> None:
    for split, expected in SO2SAT_SIZES.get(version, {}).items():
        if len(files[split]) != expected:
            raise DataError(
                f"{files[split].path} holds {len(files[split]):,} patches; version {version} has "
                f"{expected:,} there: it is short, or of another version (name it with version)"
            )


def _statistics(file: So2SatFile, *, published: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if published and not file.sentinel1:
        return _VERSION_2_MEAN, _VERSION_2_STD
    chosen = np.unique(np.linspace(0, len(file) - 1, _STATISTICS_SAMPLE).astype(np.int64))
    mean, std = statistics_of(Subset(file, chosen))
    if published:
        sen2 = len(SEN2_BANDS)
        return _VERSION_2_MEAN + mean[sen2:], _VERSION_2_STD + std[sen2:]
    return mean, std
