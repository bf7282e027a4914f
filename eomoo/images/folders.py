"""Images in folders named by their class, as EuroSAT and many others come."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unicodedata import normalize

import numpy as np

from eomoo.arrays import Facts, Ints, Singles
from eomoo.checks import listed, number, truth
from eomoo.errors import DataError
from eomoo.files import read_array
from eomoo.images.image_data import SPLITS, ImageData
from eomoo.images.rasters import RASTERS, check_claim, chosen_bands, read_raster, same_value
from eomoo.images.splits import FileState, OwnImages, check_unchanged, file_state

_ENDINGS = (".npy", *RASTERS)
_LISTED = 5  # a choice: of files that cannot be used, so many are named
# As folders of splits are called by those who have other names for them, or only two.
_SPLIT_WORDS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"))


class FolderImages(OwnImages):
    """Image files as a split: GeoTIFF, PNG, JPEG, or NumPy arrays (bands, height, width).

    Args:
        files: Image files, one size and number of bands.
        labels: (n,).
        reading: How each is read.
    """

    def __init__(self, files: list[Path], labels: Ints, reading: Reading | None = None) -> None:
        self.files, self.labels, self.reading = files, labels, reading or Reading()
        self._states: dict[int, FileState] = {}

    def batch(self, indices: Ints) -> tuple[Singles, Ints]:
        """Images (n, bands, height, width) and labels (n,)."""
        images = [self._image(int(k)) for k in indices]
        for k, image in zip(indices, images, strict=True):
            if image.shape != images[0].shape:
                raise DataError(f"{self.files[k]} has the shape {image.shape}; others have {images[0].shape}")
        return np.stack(images), self.labels[indices]

    def __getstate__(self) -> Facts:
        # Another machine's copies may be of another time.
        return {**self.__dict__, "_states": {}}

    def _image(self, k: int) -> Singles:
        first = self._states.setdefault(k, file_state(self.files[k]))
        image = self.reading.image(self.files[k])
        check_unchanged(self.files[k], first)
        return image


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How an image file is read.

    Attributes:
        bands: Numbers, from 1, of the bands that are used; None for all.
        nodata: A value that stands for no data, beside what a file says.
        fill: Give pixels without data the mean of their band's others; else such an image cannot be used.
    """

    bands: tuple[int, ...] | None = None
    nodata: float | None = None
    fill: bool = False

    def image(self, path: Path) -> Singles:
        """One image file as (bands, height, width); DataError where it cannot be used."""
        if path.suffix.lower() == ".npy":
            values = self._array(path)
            valid = np.isfinite(values)
        else:
            found, valid, _ = read_raster(path, bands=self.bands)
            values = found.astype(np.float32)
        if self.nodata is not None:
            valid &= ~same_value(values, self.nodata)
        if valid.all():
            return values
        if not self.fill:
            raise DataError(f"{path} has pixels without data")
        counts = valid.sum(axis=(1, 2), keepdims=True)
        if not counts.all():
            raise DataError(f"{path} has no data at all in band {int(counts.argmin()) + 1}")
        means = np.where(valid, values, 0).sum(axis=(1, 2), keepdims=True, dtype=np.float64) / counts
        return np.where(valid, values, means).astype(np.float32)

    def _array(self, path: Path) -> Singles:
        array = read_array(path, mapped=True)
        if array.dtype.kind not in "biuf" or array.ndim != 3:
            raise DataError(f"{path} is no array of numbers (bands, height, width)")
        check_claim(path, 4 * array.size)
        chosen = [k - 1 for k in chosen_bands(self.bands, len(array), of=str(path), error=DataError)]
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and so no data
            return np.array(array[chosen], dtype=np.float32)


def load_folder(
    folder: str | Path,
    *,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
    bands: tuple[int, ...] | None = None,
    nodata: float | None = None,
    fill: bool = False,
    skip_broken: bool = False,
    seed: int = 0,
) -> ImageData:
    """Images in ``CLASS/*.tif`` (or .png, .jpg, .jp2, .npy), also deeper in each class's folder, as a task.

    Folders ``train``, ``val`` and ``test``, each with one folder for every class, are taken as they
    are. Else the images of each class are drawn into three splits; neighbouring images may then come
    into different ones, which flatters the accuracy. A folder that holds nothing but one folder stands for that.

    Args:
        folder: Where the folders lie.
        shares: Of the splits, where they have to be drawn.
        bands: Numbers, from 1, of the bands that are used; None for all.
        nodata: A value that stands for no data, beside what the files say.
        fill: Give pixels without data the mean of their band's others in the image.
        skip_broken: Leave out, with a warning, files that cannot be used: damaged, with pixels without data, or of
            another size or number of bands than most.
        seed: Of the draw.

    Raises:
        DataError: (a ValueError) Files cannot be used (they are listed), or there are fewer than two classes.
    """
    base = Path(folder)
    # Not into the only class.
    while len(inside := _shown(base, base.iterdir())) == 1 and any(p.is_dir() for p in inside[0].glob("*")):
        base = inside[0]
    _check_splits(base, {path.name for path in inside if path.is_dir()})
    reading = Reading(
        bands=bands, nodata=None if nodata is None else number("nodata", nodata), fill=truth("fill", fill)
    )
    task = partial(_task, base, Path(folder).resolve().name, reading, shares, seed)
    skip = truth("skip_broken", skip_broken)
    try:
        return task(set())
    except DataError:
        broken = _broken(base, reading)
        if not broken:
            raise
    reasons = "; ".join(list(broken.values())[:_LISTED]) + ("; ..." if len(broken) > _LISTED else "")
    count = f"{len(broken)} of the images in {base} cannot be used"
    if not skip:
        raise DataError(
            f"{count}: {reasons} (--set images.skip_broken=true leaves them out, images.fill=true fills pixels without "
            "data; train, evaluate and export take both as --images skip_broken=true)"
        )
    warnings.warn(f"{count} and are left out: {reasons}", stacklevel=2)
    return task(set(broken))


def _task(
    base: Path, name: str, reading: Reading, shares: tuple[float, float, float], seed: int, skipped: set[Path]
) -> ImageData:
    if all((base / split).is_dir() for split in SPLITS):
        found = {split: _files_by_class(base / split, skipped) for split in SPLITS}
    else:
        found = _drawn(_files_by_class(base, skipped), shares, seed)
    folders = {name for classes in found.values() for name in classes}
    names = sorted(name for name in folders if any(classes.get(name) for classes in found.values()))
    if len(names) < 2:
        there = f"one class, {names[0]}" if names else "no class"
        raise DataError(
            f"{base} has images of {there}: there has to be a folder of images for each of at least two; "
            "a scene and its labels need a file scene.toml that names them"
        )
    bare = sorted(folders - {*names})
    if bare and not skipped:
        endings = ", ".join(_ENDINGS)
        warnings.warn(f"{name}: folders without images ({endings}) are no classes: {listed(bare)}", stacklevel=3)
    splits = {}
    for split in SPLITS:
        pairs = [(file, names.index(name)) for name, files in found[split].items() for file in files]
        files = [file for file, _ in pairs]
        splits[split] = FolderImages(files, np.array([label for _, label in pairs], dtype=np.int64), reading)
    band_names = None if reading.bands is None else [f"band {k}" for k in reading.bands]
    return ImageData.from_datasets(**splits, class_names=names, band_names=band_names, name=name)


def _check_splits(base: Path, folders: set[str]) -> None:
    """Raise DataError where splits by other names would be taken for classes."""
    others = [name for name in sorted(folders) if name.casefold() in _SPLIT_WORDS]
    if len(others) > 1 and not folders.issuperset(SPLITS):
        raise DataError(
            f"{base} has the folders {' and '.join(others)}, which seem to be splits and no classes; call them "
            f"{', '.join(SPLITS)}, all three, or put the images of each class into one folder, to be split here"
        )


def _broken(base: Path, reading: Reading) -> dict[Path, str]:
    """The files that cannot be used, and why."""
    broken: dict[Path, str] = {}
    shapes: dict[Path, tuple[int, ...]] = {}
    # What lies beside the folders of classes is not used, and so not in the way.
    for path in (path for path in _images_in(base) if path.parent != base):
        try:
            shapes[path] = reading.image(path).shape
        except DataError as error:
            broken[path] = str(error)
    usual = Counter(shapes.values()).most_common(1)
    odd = {path: shape for path, shape in shapes.items() if shape != usual[0][0]}
    return broken | {path: f"{path} has the shape {shape}; most have {usual[0][0]}" for path, shape in odd.items()}


def _shown(folder: Path, paths: Iterable[Path]) -> list[Path]:
    """What is not hidden in it, as a Mac's ``._1.png`` beside each ``1.png`` is, and all in ``.ipynb_checkpoints``."""
    return sorted(p for p in paths if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def _images_in(folder: Path) -> list[Path]:
    return [path for path in _shown(folder, folder.rglob("*")) if path.suffix.lower() in _ENDINGS and path.is_file()]


def _files_by_class(folder: Path, skipped: set[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for place in (path for path in _shown(folder, folder.iterdir()) if path.is_dir()):
        # An accent is one letter or two, by the machine that made the folder; the name is the same.
        files = found.setdefault(normalize("NFC", place.name), [])
        files += [file for file in _images_in(place) if file not in skipped]
    return found


def _drawn(
    everything: dict[str, list[Path]], shares: tuple[float, float, float], seed: int
) -> dict[str, dict[str, list[Path]]]:
    rng = np.random.default_rng(seed)
    found: dict[str, dict[str, list[Path]]] = {split: {} for split in SPLITS}
    bounds = np.cumsum((0, *shares)) / sum(shares)
    for name, files in everything.items():
        order = rng.permutation(len(files))
        at = np.round(bounds * len(files)).astype(int)
        for k, split in enumerate(SPLITS):
            found[split][name] = [files[j] for j in np.sort(order[at[k] : at[k + 1]])]
    return found
