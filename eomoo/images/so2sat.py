"""So2Sat LCZ42: patches of Sentinel-2 (and Sentinel-1) with local climate zones, from HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eomoo.arrays import Bools, Facts, Ints, Singles
from eomoo.checks import choice, explained, known_name, number, truth
from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.files import expanded
from eomoo.images.image_data import SPLITS, ImageData, fingerprint_of
from eomoo.images.rasters import check_claim, chosen_bands
from eomoo.images.splits import (
    FileState,
    ImageSet,
    OwnImages,
    Subset,
    check_unchanged,
    file_state,
    in_memory,
    spaced,
    statistics_of,
)
from eomoo.packages import require

SO2SAT_FILES = {"train": "training.h5", "val": "validation.h5", "test": "testing.h5"}
_SIZES_2 = {"train": 352_366, "val": 24_119, "test": 24_188}
# Version 4 has the files of version 2, and beside them where on Earth each patch is.
SO2SAT_SIZES = {"2": _SIZES_2, "3.1": {}, "4": _SIZES_2}
"""Patches of each split, by version of the data set, as far as they are known."""
SO2SAT_SPLITS = {"random": "random", "block": "block", "culture-10": "culture_10"}
"""The three ways in which version 3.1 is split, and the folders of their training.h5 and testing.h5."""

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
# A choice, where validation images have to be taken from those for training: a tenth, in about so many places.
_VAL_SHARE = 0.1
_STRETCHES = 200
# Metres, a choice: patches of one such square on the ground come into one split; cities are a few of them wide.
_SQUARE = 5_000.0
# Standard error of a band's mean by its deviation, if the pixels of a patch were all alike: 0.7 %.
_STATISTICS_SAMPLE = 20_000
# Patches that are looked at when a file is opened, and that mark it: hashing 51 GB would take minutes each time.
_PROBE = 64
_AGAIN = "; download it again"
# Reflectances are about 0 to 3; values of 10,000 a unit, the other convention, are far above this.
_LARGEST = 100


class So2SatFile(OwnImages):
    """One file as a split. It is opened once in each process that reads from it.

    Args:
        path: The HDF5 file.
        bands: Numbers, from 1, of those that are given, in this order: 1 to 10 of Sentinel-2, 11 to 18 of Sentinel-1.
    """

    def __init__(self, path: str | Path, *, bands: Sequence[int] = range(1, len(SEN2_BANDS) + 1)) -> None:
        self.path, self.bands = Path(path), np.array(bands) - 1
        self.sentinel1 = bool((self.bands >= len(SEN2_BANDS)).any())
        self._state: FileState | None = None
        self._file: Any = None
        self._process = -1
        with explained(self.path, "is damaged", _AGAIN):
            # Files that imitate the format say so; their sizes and statistics are their own.
            self.synthetic = bool(self._open().attrs.get("synthetic", False))
            self.labels = self._checked_labels()

    def __getstate__(self) -> Facts:
        # An open HDF5 file must not travel to another process, and another machine's copy may be of another time.
        return {**self.__dict__, "_file": None, "_process": -1, "_state": None}

    def batch(self, indices: Ints) -> tuple[Singles, Ints]:
        """Images (n, bands, 32, 32), reflectance, and labels (n,)."""
        rows, back = np.unique(indices, return_inverse=True)
        file = self._open()
        with explained(self.path, "is damaged", _AGAIN):
            parts = [_rows(file[name], rows) for name in ("sen2", *(["sen1"] if self.sentinel1 else []))]
        check_unchanged(self.path, self._state)
        wrong = ~np.isfinite(parts[0]).all(axis=(1, 2, 3))
        if wrong.any():
            raise DataError(f"{self.path}: 'sen2' of patch {rows[wrong.argmax()]} holds values that are not finite")
        images = np.concatenate(parts, axis=-1).transpose(0, 3, 1, 2)[:, self.bands]
        return np.ascontiguousarray(images[back]), self.labels[indices]

    def _open(self) -> Any:
        if self._file is None or self._process != os.getpid():
            h5py = require("h5py", purpose="to read So2Sat")
            if not self.path.is_file():
                raise DataNotFoundError(f"there is no file {self.path}; it belongs to So2Sat LCZ42")
            with explained(self.path, "is no HDF5 file or is cut short", _AGAIN):
                self._file = h5py.File(self.path, "r")
            self._process, self._state = os.getpid(), self._state or file_state(self.path)
        return self._file

    def _checked_labels(self) -> Ints:
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
        probe = _rows(file["sen2"], spaced(n, _PROBE))
        if not np.isfinite(probe).all():
            raise DataError(f"{self.path}: 'sen2' holds values that are not finite")
        largest = float(np.abs(probe).max())
        if largest > _LARGEST:
            raise DataError(f"{self.path}: 'sen2' holds values up to {largest:g}; its reflectances are about 0 to 3")
        return np.asarray(one_hot.argmax(axis=1), dtype=np.int64)


def load_so2sat(
    folder: str | Path | None = None,
    *,
    version: str = "2",
    splits: str | None = None,
    bands: Sequence[int] | None = None,
    sentinel1: bool = False,
    memory: float = 2.0,
    seed: int = 0,
) -> ImageData:
    """So2Sat LCZ42 as a task: 17 local climate zones from 32x32 patches.

    Where there is no validation.h5, as in version 3.1, a tenth of the training patches becomes the validation split:
    whole cities, or squares of 5 km, where training_geo.h5 beside them tells either (version 4's format); else
    stretches of patches that follow each other in the file, and single ones where version 3.1 was split at random.

    Args:
        folder: Holds training.h5, validation.h5 and testing.h5, or the folders of version 3.1; by default it is
            looked for in ``EOMOO_DATA``.
        version: Of the data set: "2", "3.1", "4", or "other" to take files of any size.
        splits: Of version 3.1, which: one of ``SO2SAT_SPLITS``; by default as the folder is called, else "random".
        bands: Numbers, from 1, of those that are used: 1 to 10 of Sentinel-2, 11 to 18 of Sentinel-1.
        sentinel1: Use all bands of Sentinel-1 too.
        memory: Splits up to this size (GiB, as float32) are read into memory once; larger ones are
            read from the files during training.
        seed: Of a validation split that has to be drawn.

    Source: Zhu et al., So2Sat LCZ42, IEEE GRSM 2020, doi:10.14459/2018mp1483140; CC-BY-4.0.
    """
    # The command line makes a number of it.
    version = known_name("version of So2Sat", str(version), (*SO2SAT_SIZES, "other"))
    memory = number("memory", memory, least=0)
    known, chosen = SEN2_BANDS + SEN1_BANDS, so2sat_bands(bands, sentinel1=sentinel1)
    place = find_so2sat(folder)
    if version == "3.1":
        splits, place = _split_folder(place, splits)
    elif not (place / SO2SAT_FILES["train"]).is_file() and any((place / s).is_dir() for s in SO2SAT_SPLITS.values()):
        raise DataNotFoundError(f"{place} holds the folders of version 3.1; say so, as in version=3.1")
    whole = version in ("2", "4")
    names = {s: n for s, n in SO2SAT_FILES.items() if s != "val" or whole or (place / n).is_file()}
    files = {s: So2SatFile(place / name, bands=chosen) for s, name in names.items()}
    synthetic = all(file.synthetic for file in files.values())
    if not synthetic:
        _check_sizes(files, version)
    parts: dict[str, ImageSet] = {**files}
    if "val" not in files:
        alone = version == "3.1" and splits == "random"
        held = _held_out(_places_of(files["train"], alone=alone), seed)
        parts |= {
            "train": Subset(files["train"], np.flatnonzero(~held)),
            "val": Subset(files["train"], np.flatnonzero(held)),
        }
    mean, std = _statistics(parts["train"], np.array(chosen) - 1, published=whole and not synthetic)
    label = "synthetic" if synthetic else f"version {version}" + (f" {splits}" if version == "3.1" else "")
    band_names = tuple(known[k - 1] for k in chosen)
    train, val, test = (in_memory(parts[split], memory) for split in SPLITS)
    return ImageData(
        name=f"So2Sat LCZ42 ({label})",
        train=train,
        val=val,
        test=test,
        class_names=SO2SAT_CLASSES,
        band_names=band_names,
        mean=mean,
        std=std,
        image_size=_PIXELS,
        fingerprint=fingerprint_of({split: parts[split] for split in SPLITS}, label, band_names, sample=_PROBE),
    )


def so2sat_bands(bands: Sequence[int] | None = None, *, sentinel1: bool = False) -> list[int]:
    """Numbers, from 1, of the bands that are used; see ``load_so2sat``."""
    known = SEN2_BANDS + SEN1_BANDS
    usual = range(1, len(known if truth("sentinel1", sentinel1) else SEN2_BANDS) + 1)
    return chosen_bands(bands or usual, len(known), of="So2Sat")


def find_so2sat(folder: str | Path | None = None) -> Path:
    """The folder that holds the files: the given one, or one in ``EOMOO_DATA``."""
    base = expanded(folder if folder is not None else os.environ.get("EOMOO_DATA", "."))
    for place in (base, base / "so2sat"):
        if holds_so2sat(place):
            return place
    raise DataNotFoundError(
        f"So2Sat LCZ42 is not in {base}; it needs {', '.join(SO2SAT_FILES.values())}, published at "
        "https://mediatum.ub.tum.de/1613658 (51 GB, CC-BY-4.0)"
    )


def holds_so2sat(folder: Path) -> bool:
    """Whether files of the data set lie in a folder, or in the folders of version 3.1 in it."""
    return any(
        (folder / part / name).is_file() for part in ("", *SO2SAT_SPLITS.values()) for name in SO2SAT_FILES.values()
    )


def _split_folder(place: Path, splits: str | None) -> tuple[str, Path]:
    """Which splits of version 3.1, and their folder: the given one itself, or one in it."""
    own = {folder: name for name, folder in SO2SAT_SPLITS.items()}.get(place.name)
    chosen = choice("splits", splits or own or "random", SO2SAT_SPLITS)
    if own is not None and own != chosen:
        raise SettingError(f"{place} holds the splits {own}, not {chosen}; name the folder that it lies in")
    inside = place / SO2SAT_SPLITS[chosen]
    return chosen, inside if own is None and inside.is_dir() else place


def _places_of(file: So2SatFile, *, alone: bool) -> Ints:
    """Which patches (n,) of a file belong together, by number: those of a city, a square on the ground, a stretch."""
    n = len(file)
    if alone:
        return np.arange(n)
    path = file.path.with_name(f"{file.path.stem}_geo.h5")
    if not path.is_file():
        return np.arange(n) * _STRETCHES // n
    with explained(path, "is damaged", f"{_AGAIN}, or remove it"):
        with require("h5py", purpose="to read So2Sat").File(path, "r") as geo:
            names = ("city",) if "city" in geo else ("epsg", "coord")
            # Of the six columns of coordinates the first two are east and north.
            columns = [np.asarray(geo[name]).reshape(len(geo[name]), -1)[:, :2] for name in names]
        if names != ("city",):
            columns[1] = columns[1] // _SQUARE
        places: Ints = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)[1].ravel()
    if len(places) != n:
        raise DataError(f"{path} tells of {len(places):,} patches; {file.path} has {n:,}")
    return places


def _held_out(places: Ints, seed: int) -> Bools:
    """Which patches (n,) become validation images: whole places, drawn at random, of about a tenth of all patches."""
    counts = np.bincount(places)
    if len(counts) < 2:
        raise DataError("So2Sat's training patches are of one place: there is none to hold out for validation")
    order = np.random.default_rng([seed, 1]).permutation(len(counts))
    before = np.cumsum(counts[order]) - counts[order]
    drawn = order[: max(1, int((before < _VAL_SHARE * len(places)).sum()))]
    # One place is left to train on, however large the others are.
    return np.isin(places, drawn[: len(counts) - 1])


def _rows(dataset: Any, rows: Ints) -> Singles:
    # Neighbouring rows are read in one piece, which HDF5 does many times faster than a list of rows.
    if len(rows) and rows[-1] - rows[0] < 2 * len(rows):
        block = dataset[int(rows[0]) : int(rows[-1]) + 1].astype(np.float32)
        return np.asarray(block[rows - rows[0]])
    return np.asarray(dataset[rows], dtype=np.float32)


def _check_sizes(files: dict[str, So2SatFile], version: str) -> None:
    for split, expected in SO2SAT_SIZES.get(version, {}).items():
        if len(files[split]) != expected:
            raise DataError(
                f"{files[split].path} holds {len(files[split]):,} patches; version {version} has "
                f"{expected:,} there: it is short, or of another version (name it with version)"
            )


def _statistics(images: ImageSet, bands: Ints, *, published: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    optical = bands < len(SEN2_BANDS)
    if published and optical.all():
        return tuple(_VERSION_2_MEAN[k] for k in bands), tuple(_VERSION_2_STD[k] for k in bands)
    mean, std = statistics_of(Subset(images, spaced(len(images), _STATISTICS_SAMPLE)))
    if not published:
        return mean, std
    known = np.minimum(bands, len(SEN2_BANDS) - 1)
    own = ((mean, _VERSION_2_MEAN), (std, _VERSION_2_STD))
    mixed = [np.where(optical, np.array(table)[known], found).tolist() for found, table in own]
    return tuple(mixed[0]), tuple(mixed[1])
