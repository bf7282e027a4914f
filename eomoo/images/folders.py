"""Images in folders named by their class, as EuroSAT and many others come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.checks import first_line
from eomoo.errors import DataError
from eomoo.images.image_data import SPLITS, ImageData
from eomoo.images.rasters import RASTERS, check_claim, read_raster

_ENDINGS = (".npy", *RASTERS)


class FolderImages:
    """Image files as a split: GeoTIFF, PNG, JPEG, or NumPy arrays (bands, height, width).

    Args:
        files: Image files, one size and number of bands.
        labels: (n,).
        bands: Numbers, from 1, of the bands that are used; None for all.
    """

    def __init__(self, files: list[Path], labels: NDArray[np.int64], bands: tuple[int, ...] | None = None) -> None:
        self.files, self.labels, self.bands = files, labels, bands

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], int]:
        return read_image(self.files[index], self.bands), int(self.labels[index])

    def batch(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images (n, bands, height, width) and labels (n,)."""
        images = [read_image(self.files[k], self.bands) for k in indices]
        for k, image in zip(indices, images, strict=True):
            if image.shape != images[0].shape:
                raise DataError(f"{self.files[k]} has the shape {image.shape}; others have {images[0].shape}")
        return np.stack(images), self.labels[indices]


def read_image(path: Path, bands: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """One image file as (bands, height, width) float32; DataError where pixels have no data."""
    if path.suffix.lower() != ".npy":
        values, valid, _ = read_raster(path, bands=bands)
        if not valid.all():
            raise DataError(f"{path} has pixels without data; remove or fill it")
        return values.astype(np.float32)
    try:
        # Mapped, so that a header which claims more than the file holds is noticed before it is allocated.
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        raise DataError(f"{path} is no readable array: {first_line(error)}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or array.ndim != 3:
        raise DataError(f"{path} is no array of numbers (bands, height, width)")
    check_claim(path, 4 * array.size)
    if bands and max(bands) > len(array):
        raise DataError(f"{path} has {len(array)} bands; there is no band {max(bands)}")
    chosen = array[np.array(bands) - 1] if bands else array
    return np.array(chosen, dtype=np.float32)


def load_folder(
    folder: str | Path,
    *,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
    bands: tuple[int, ...] | None = None,
    seed: int = 0,
) -> ImageData:
    """Images in ``CLASS/*.tif`` (or .png, .jpg, .jp2, .npy) as a task.

    Folders ``train``, ``val`` and ``test``, each with one folder for every class, are taken as they
    are. Else the images of each class are drawn into three splits; neighbouring images may then come
    into different ones, which flatters the accuracy.

    Args:
        folder: Where the folders lie.
        shares: Of the splits, where they have to be drawn.
        bands: Numbers, from 1, of the bands that are used; None for all.
        seed: Of the draw.
    """
    base = Path(folder)
    if all((base / split).is_dir() for split in SPLITS):
        found = {split: _files_by_class(base / split) for split in SPLITS}
    else:
        found = _drawn(_files_by_class(base), shares, seed)
    names = sorted({name for files in found.values() for name in files})
    if len(names) < 2:
        raise DataError(f"{base} has images of {len(names)} classes (folders); at least two are needed")
    splits = {}
    for split in SPLITS:
        pairs = [(file, names.index(name)) for name, files in found[split].items() for file in files]
        files = [file for file, _ in pairs]
        splits[split] = FolderImages(files, np.array([label for _, label in pairs], dtype=np.int64), bands)
    return ImageData.from_datasets(
        **splits,
        class_names=names,
        band_names=None if bands is None else [f"band {k}" for k in bands],
        name=base.resolve().name,
    )


def _files_by_class(folder: Path) -> dict[str, list[Path]]:
    classes = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(f for f in place.iterdir() if f.suffix.lower() in _ENDINGS)
        if files:
            classes[place.name] = files
    return classes


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
