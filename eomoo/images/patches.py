"""Patches around the pixels of a scene, split by region so that no pixel is shared."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Facts, Ints, Singles
from eomoo.checks import positive, whole
from eomoo.errors import DataError, SettingError
from eomoo.images.faults import classes_without, warned
from eomoo.images.image_data import SPLITS, ImageData
from eomoo.images.scene import Scene
from eomoo.images.splits import OwnImages, statistics_of

# Assignments of blocks to splits of which the most even one is taken: 256 take 80 ms.
_TRIES = 256
# Of the splits; a choice.
_SHARES = (0.6, 0.2, 0.2)


class PatchImages(OwnImages):
    """Square patches of a scene as a split, cut out when they are asked for.

    Args:
        bands: (bands, height, width).
        labels: (height, width).
        rows, columns: (n,) of the pixels that the patches are around; a patch of an even size reaches
            one pixel further up and to the left.
        size: Height and width of a patch; it has to lie inside of the scene.
    """

    def __init__(self, bands: Singles, labels: NDArray[np.int16], rows: Ints, columns: Ints, size: int) -> None:
        self.bands, self.rows, self.columns, self.size = bands, rows, columns, size
        self.labels: Ints = labels[rows, columns].astype(np.int64)

    def batch(self, indices: Ints) -> tuple[Singles, Ints]:
        """Images (n, bands, size, size) and labels (n,)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.bands, (self.size, self.size), axis=(1, 2))
        top, left = self.rows[indices] - self.size // 2, self.columns[indices] - self.size // 2
        return windows[:, top, left].transpose(1, 0, 2, 3).astype(np.float32), self.labels[indices]


def split_regions(labels: NDArray[np.int16], *, blocks: int = 10, seed: int = 0) -> NDArray[np.int8]:
    """Cut a label map (height, width) into rows and columns of blocks, each of a split: 0 train, 1 val, 2 test.

    Of 256 random assignments, the one whose splits have the most similar shares of the classes.
    """
    rng = np.random.default_rng(seed)
    height, width = labels.shape
    rows, columns = np.arange(height) * blocks // height, np.arange(width) * blocks // width
    block = rows[:, None] * blocks + columns
    n_blocks, n_classes = blocks**2, int(labels.max()) + 1
    counts = np.zeros((n_blocks, n_classes))
    np.add.at(counts, (block[labels >= 0], labels[labels >= 0]), 1)
    bounds = np.round(np.cumsum((0, *_SHARES)) / sum(_SHARES) * n_blocks).astype(int)
    if (np.diff(bounds) < 1).any():
        raise SettingError(f"{n_blocks} blocks are too few for the shares {_SHARES}")
    split = np.repeat(np.arange(3), np.diff(bounds))
    wanted = counts.sum(axis=0) * (np.diff(bounds) / n_blocks)[:, None]

    def unevenness(drawn: Ints) -> float:
        got = np.stack([counts[drawn == k].sum(axis=0) for k in range(3)])
        # Relative to the class, so that rare classes count as much as frequent ones.
        return float((np.abs(got - wanted) / np.maximum(wanted, 1)).sum())

    best = min((rng.permutation(split) for _ in range(_TRIES)), key=unevenness)
    return np.asarray(best[block], dtype=np.int8)


def patches_of(
    scene: Scene,
    *,
    patch_size: int = 9,
    gap: int = 2,
    blocks: int = 10,
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
        n_train, n_val, n_test: Patches drawn at random from all possible ones; None for all.
        seed: Of the regions and of the choice.

    DataError (a ValueError) where a split has fewer than 2 patches.
    """
    smallest = min(scene.labels.shape)
    patch_size = positive("patch_size", patch_size, most=smallest)
    gap = whole("gap", gap, least=0, most=smallest)
    seed, blocks = whole("seed", seed, least=0), positive("blocks", blocks, most=smallest)
    sizes = [
        None if size is None else whole(f"n_{split}", size, least=2)
        for split, size in zip(SPLITS, (n_train, n_val, n_test), strict=True)
    ]
    labelled = np.where(scene.valid, scene.labels, -1)
    if (labelled < 0).all():
        raise DataError(f"{scene.name}: no pixel has a label and data in all bands; where do bands and labels overlap?")
    layout = split_regions(labelled, blocks=blocks, seed=seed)
    possible = _inside_one_region(np.where(scene.valid, layout, -1), patch_size, gap)
    splits: Facts = {}
    for k, (split, size) in enumerate(zip(SPLITS, sizes, strict=True)):
        rows, columns = np.nonzero((possible == k) & (scene.labels >= 0))
        if len(rows) < 2:
            raise DataError(
                f"{scene.name}: the {split} region has room for {len(rows)} patches of {patch_size} pixels (the "
                "images' settings patch_size, gap and blocks say how large both are; smaller ones may help)"
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
        faults=warned(scene.name, classes_without({split: s.labels for split, s in splits.items()}, scene.class_names)),
    )


def _inside_one_region(layout: NDArray[np.int8], size: int, gap: int) -> NDArray[np.int8]:
    """Region of each pixel whose patch and gap lie in it, -1 elsewhere."""
    from scipy.ndimage import maximum_filter, minimum_filter

    reach = size + 2 * gap
    # For an even window, scipy's middle is the pixel at size // 2, as it is for the patches.
    low = minimum_filter(layout, size=reach, mode="constant", cval=-1)
    high = maximum_filter(layout, size=reach, mode="constant", cval=-1)
    return np.where(low == high, layout, -1).astype(np.int8)
