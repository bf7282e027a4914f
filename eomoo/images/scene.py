"""A scene with a label map: patches around pixels, split by region so that no pixel is shared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.images.base import SPLITS, ImageData, statistics_of
from eomoo.packages import require

__all__ = ["PatchImages", "Scene", "patches_of", "read_scene", "read_tiff", "split_regions"]

_TRIES = 256


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Bands and land cover of one grid.

    Attributes:
        bands: (bands, height, width) float32, 0 where there are no data.
        valid: (height, width) bool, where all bands have data.
        labels: (height, width) int16, class numbers from 0; -1 where there is none.
        class_names: By label.
        band_names: By band.
        name: For tables and figures.
    """

    bands: NDArray[np.float32]
    valid: NDArray[np.bool_]
    labels: NDArray[np.int16]
    class_names: tuple[str, ...]
    band_names: tuple[str, ...]
    name: str = "scene"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all pixels and names."""
        digest = hashlib.sha256(repr((self.class_names, self.band_names, self.bands.shape)).encode())
        for array in (self.bands.astype("<f4"), self.valid, self.labels.astype("<i2")):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


class PatchImages:
    """Square patches of a scene as a split, cut out when they are asked for.

    Args:
        bands: (bands, height, width).
        labels: (height, width).
        rows, columns: (n,) of the pixels that the patches are around; a patch of an even size reaches
            one pixel further up and to the left.
        size: Height and width of a patch; it has to lie inside of the scene.
    """

    def __init__(
        self,
        bands: NDArray[np.float32],
        labels: NDArray[np.int16],
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        size: int,
    ) -> None:
        self.bands, self.rows, self.columns, self.size = bands, rows, columns, size
        self.labels: NDArray[np.int64] = labels[rows, columns].astype(np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], int]:
        images, labels = self.batch(np.array([index % len(self)]))
        return images[0], int(labels[0])

    def batch(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images (n, bands, size, size) and labels (n,)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.bands, (self.size, self.size), axis=(1, 2))
        top, left = self.rows[indices] - self.size // 2, self.columns[indices] - self.size // 2
        return windows[:, top, left].transpose(1, 0, 2, 3).astype(np.float32), self.labels[indices]


def read_tiff(path: str | Path) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bands (bands, height, width) of a GeoTIFF and where they have data (height, width).

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such file.
        DataError: (a ValueError) It is no TIFF, is cut short, or is compressed in a way that needs
            the package imagecodecs.
        MissingPackageError: (an ImportError) tifffile is not installed.
    """
    tifffile = require("tifffile", purpose="to read a GeoTIFF")
    if not Path(path).is_file():
        raise DataNotFoundError(f"there is no file {path}")
    try:
        with tifffile.TiffFile(path) as file:
            values = file.asarray()
            tag = file.pages[0].tags.get("GDAL_NODATA")
            axes = file.series[0].axes
    except Exception as error:
        # tifffile raises struct.error, ValueError, IndexError and more for damaged files.
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise DataError(f"{path} is no readable GeoTIFF: {reason}") from error
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3:
        raise DataError(f"{path} has the shape {values.shape}; expected bands of one grid")
    if axes.endswith("S"):
        values = values.transpose(2, 0, 1)
    valid = np.isfinite(values)
    if tag is not None:
        valid &= values != _number(str(tag.value))
    return np.where(valid, values, 0).astype(np.float32), valid.all(axis=0)


def read_scene(
    bands: Sequence[str | Path],
    labels: str | Path,
    *,
    class_names: Mapping[int, str] | None = None,
    band_names: Sequence[str] | None = None,
    name: str = "scene",
) -> Scene:
    """Read a scene from GeoTIFF files of one grid.

    Args:
        bands: Files with one or several bands each, in order.
        labels: A file with one band of class numbers.
        class_names: Name of each number in the label map; other numbers count as unlabelled. By
            default every number found is a class.
        band_names: Of all bands.
        name: For tables and figures.

    Raises:
        DataNotFoundError: (a FileNotFoundError) A file is missing.
        DataError: (a ValueError) A file cannot be read, the grids differ, or there are fewer than
            two classes.
    """
    stacked, valid = zip(*(read_tiff(path) for path in bands), strict=True)
    numbers, labelled = read_tiff(labels)
    for path, grid in zip([*bands, labels], [*stacked, numbers], strict=True):
        if grid.shape[1:] != numbers.shape[1:]:
            raise DataError(
                f"the grids differ: {path} has {grid.shape[1]}x{grid.shape[2]} pixels, "
                f"{labels} has {numbers.shape[1]}x{numbers.shape[2]}"
            )
    if len(numbers) != 1:
        raise DataError(f"{labels} has {len(numbers)} bands; a label map has one")
    names = class_names or {int(k): f"class {int(k)}" for k in np.unique(numbers[0][labelled])}
    if len(names) < 2:
        raise DataError(f"{labels} has {len(names)} class; at least two are needed")
    codes = np.full(numbers.shape[1:], -1, dtype=np.int16)
    for k, number in enumerate(sorted(names)):
        codes[labelled & (numbers[0] == number)] = k
    image = np.concatenate(stacked)
    given = tuple(band_names or (f"band {k + 1}" for k in range(len(image))))
    if len(given) != len(image):
        raise DataError(f"{len(given)} band names for {len(image)} bands")
    return Scene(
        bands=image,
        valid=np.logical_and.reduce(valid),
        labels=codes,
        class_names=tuple(names[number] for number in sorted(names)),
        band_names=given,
        name=name,
    )


def split_regions(
    labels: NDArray[np.int16],
    *,
    n_rows: int = 10,
    n_columns: int = 10,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
    seed: int = 0,
) -> NDArray[np.int8]:
    """Cut a label map (height, width) into blocks and give each to a split: 0 train, 1 val, 2 test.

    Of 256 random assignments, the one whose splits have the most similar shares of the classes.
    """
    rng = np.random.default_rng(seed)
    height, width = labels.shape
    rows, columns = np.arange(height) * n_rows // height, np.arange(width) * n_columns // width
    block = rows[:, None] * n_columns + columns
    n_blocks, n_classes = n_rows * n_columns, int(labels.max()) + 1
    counts = np.zeros((n_blocks, n_classes))
    np.add.at(counts, (block[labels >= 0], labels[labels >= 0]), 1)
    bounds = np.round(np.cumsum((0, *shares)) / sum(shares) * n_blocks).astype(int)
    if (np.diff(bounds) < 1).any():
        raise SettingError(f"{n_blocks} blocks are too few for the shares {shares}")
    split = np.repeat(np.arange(3), np.diff(bounds))
    wanted = counts.sum(axis=0) * (np.diff(bounds) / n_blocks)[:, None]
    best, least = split, np.inf
    for _ in range(_TRIES):
        drawn = rng.permutation(split)
        got = np.stack([counts[drawn == k].sum(axis=0) for k in range(3)])
        # Relative to the class, so that rare classes count as much as frequent ones.
        distance = float((np.abs(got - wanted) / np.maximum(wanted, 1)).sum())
        if distance < least:
            best, least = drawn, distance
    regions: NDArray[np.int8] = best[block].astype(np.int8)
    return regions


def patches_of(
    scene: Scene,
    *,
    patch_size: int = 9,
    gap: int = 2,
    blocks: int = 10,
    regions: NDArray[np.int8] | None = None,
    n_train: int | None = 4000,
    n_val: int | None = 2000,
    n_test: int | None = 4000,
    seed: int = 0,
) -> ImageData:
    """Patches of a scene as a task: the class of the pixel in the middle.

    A patch is used when it, and ``gap`` pixels around it, lie in one split's region and have data
    everywhere, so that patches of different splits are at least ``2 * gap`` pixels apart.

    Args:
        scene: Bands and labels.
        patch_size: Height and width in pixels.
        gap: Pixels around a patch that belong to its split too.
        blocks: Rows and columns of the blocks that become regions.
        regions: (height, width): 0 train, 1 val, 2 test, -1 none; by default ``split_regions``
            decides.
        n_train, n_val, n_test: Patches drawn at random from all possible ones; None for all.
        seed: Of the regions and of the choice.

    Raises:
        DataError: (a ValueError) A split has fewer than 2 patches.
        SettingError: (a ValueError) The patch is larger than the scene.
    """
    if patch_size < 1 or patch_size > min(scene.labels.shape):
        raise SettingError(f"patch_size must be 1 to {min(scene.labels.shape)}; got {patch_size}")
    labelled = np.where(scene.valid, scene.labels, -1)
    layout = (
        split_regions(labelled, n_rows=blocks, n_columns=blocks, seed=seed) if regions is None else regions
    )
    possible = _inside_one_region(np.where(scene.valid, layout, -1), patch_size, gap)
    splits: dict[str, Any] = {}
    for k, (split, size) in enumerate(zip(SPLITS, (n_train, n_val, n_test), strict=True)):
        rows, columns = np.nonzero((possible == k) & (scene.labels >= 0))
        if len(rows) < 2:
            raise DataError(
                f"{scene.name}: the {split} region has room for {len(rows)} patches of {patch_size} pixels"
            )
        if size is not None and size < len(rows):
            drawn = np.sort(np.random.default_rng([seed, k]).choice(len(rows), size, replace=False))
            rows, columns = rows[drawn], columns[drawn]
        splits[split] = PatchImages(scene.bands, scene.labels, rows, columns, patch_size)
    mean, std = statistics_of(splits["train"])
    places = [np.stack((p.rows, p.columns)).astype("<i8").tobytes() for p in splits.values()]
    mark = hashlib.sha256(scene.fingerprint.encode() + str(patch_size).encode() + b"".join(places))
    return ImageData(
        name=scene.name,
        **splits,
        class_names=scene.class_names,
        band_names=scene.band_names,
        mean=mean,
        std=std,
        image_size=patch_size,
        fingerprint=mark.hexdigest(),
    )


def _inside_one_region(layout: NDArray[np.int8], size: int, gap: int) -> NDArray[np.int8]:
    """Region of each pixel whose patch and gap lie in it, -1 elsewhere."""
    from scipy.ndimage import maximum_filter, minimum_filter

    reach = size + 2 * gap
    # For an even window, scipy's middle is the pixel at size // 2, as it is for the patches.
    low = minimum_filter(layout, size=reach, mode="constant", cval=-1)
    high = maximum_filter(layout, size=reach, mode="constant", cval=-1)
    inside: NDArray[np.int8] = np.where(low == high, layout, -1).astype(np.int8)
    return inside


def _number(text: str) -> float:
    try:
        return float(text.strip("\x00 "))
    except ValueError:
        return float("nan")
