"""The map that a network predicts for a whole scene, row by row, however large it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Floats, Ints, Singles
from eomoo.checks import positive
from eomoo.errors import DataError
from eomoo.images import Scene
from eomoo.live.classifier import Classifier

Rows = Callable[[tuple[int, int]], tuple[Singles, Bools]]
"""From the first row and the one after the last to values (bands, rows, width) and where all bands have data."""
Report = Callable[[int, int], None]

# Of values, probabilities and flags at once: 64 MiB, so that a scene's width decides how many rows that is.
_MOST_BYTES = 2**26
# Of one feature map of the widest network of the space, 128 channels, in single precision: 128 MiB.
_MOST_VALUES = 2**25 // 128
# A choice: places and seasons are less apart in every band; bytes, counts and reflectances are more.
_OTHER_UNITS = 10.0


@dataclass(frozen=True, kw_only=True)
class MapRows:
    """Some rows of a map.

    Attributes:
        first: Number of the first one.
        classes: (rows, width), class numbers from 0; -1 where the map has no data.
        probabilities: (classes, rows, width) float32; NaN there.
    """

    first: int
    classes: NDArray[np.int16]
    probabilities: Singles


def map_rows(
    classifier: Classifier, read: Rows, shape: tuple[int, int], *, stride: int, report: Report | None = None
) -> Iterator[MapRows]:
    """Rows of the map of a scene, from the top.

    A pixel of the map covers ``stride`` x ``stride`` of the scene's; its class is that of the patch in whose middle
    these lie. At the scene's edges patches are mirrored. Where less than half of the covered pixels has data, the
    map has none; a missing pixel elsewhere in a patch is taken for the training images' mean. Nor has it any where
    values are too large for the network, as those that stand for no data where nothing says so. A warning tells where
    values seem to be in other units than those of the training.

    Args:
        classifier: The network.
        read: Gives rows of the scene.
        shape: Height and width of the scene.
        stride: Between the middles of patches, in pixels.
        report: Called with rows of the map that are done and rows in all.

    Raises:
        DataError: (a ValueError) The scene is smaller than a patch.
        SettingError: (a ValueError) The stride is no whole number from 1 to the scene's smaller side.
    """
    size = int(classifier.described["image_size"])
    n_classes, bands = (len(classifier.described[key]) for key in ("class_names", "band_names"))
    if min(shape) < size:
        raise DataError("the scene has {}x{} pixels; the network takes patches of {}x{}".format(*shape, size, size))
    stride = positive("stride", stride, most=min(shape))
    means = np.array(classifier.described.get("mean", [0.0] * bands), dtype=np.float32)[:, None]
    height, width = (-(-length // stride) for length in shape)
    # Patches of an even size reach one pixel further up and to the left, as in training.
    offset, covered = (stride - size) // 2, min(size, stride)
    middle = slice((size - covered + 1) // 2, (size - covered + 1) // 2 + covered)
    columns = _mirrored(np.arange(offset, offset + (width - 1) * stride + size), shape[1])
    each = 4 * (bands * stride * shape[1] + n_classes * width)
    step = max(1, _MOST_BYTES // each)
    batch_size = max(1, _MOST_VALUES // size**2)
    squares, n_valid = np.zeros(bands), 0
    for first in range(0, height, step):
        count = min(step, height - first)
        top = first * stride + offset
        rows = _mirrored(np.arange(top, top + (count - 1) * stride + size), shape[0])
        values, valid = read((int(rows.min()), int(rows.max()) + 1))
        squares += np.square(values[:, valid], dtype=np.float64).sum(axis=1)
        n_valid += int(valid.sum())
        values[:, ~valid] = means
        inside = rows - rows.min()
        windows = _windows(values[:, inside][:, :, columns], size, stride)
        known = _windows(valid[inside][:, columns], size, stride)[:, :, middle, middle].mean(axis=(2, 3)) >= 0.5
        probabilities = np.full((n_classes, count, width), np.nan, dtype=np.float32)
        at = np.argwhere(known)
        for start in range(0, len(at), batch_size):
            i, j = at[start : start + batch_size].T
            patches = np.ascontiguousarray(windows[:, i, j].transpose(1, 0, 2, 3))
            told = np.exp(classifier.log_probabilities(patches))
            probabilities[:, i, j] = np.where(np.isfinite(told).all(axis=1, keepdims=True), told, np.nan).T
        known = np.isfinite(probabilities[0])
        classes = np.where(known, np.where(known, probabilities, 0).argmax(axis=0), -1).astype(np.int16)
        yield MapRows(first=first, classes=classes, probabilities=probabilities)
        if report is not None:
            report(first + count, height)
    if n_valid and "std" in classifier.described:
        _compare_units(np.sqrt(squares / n_valid), classifier.described)


def _compare_units(size: Floats, described: Mapping[str, Any]) -> None:
    """Warn where a scene's values, of the root mean square (bands,), are in other units than those of the training."""
    ratios = size / np.hypot(described["mean"], described["std"])
    if (ratios > _OTHER_UNITS).all() or (ratios < 1 / _OTHER_UNITS).all():
        warnings.warn(
            f"in every band the scene's values are about {np.median(ratios):.2g} times those of the training: are they "
            "in other units, or do some stand for no data?",
            stacklevel=3,
        )


def predict_scene(
    classifier: Classifier, scene: Scene, *, stride: int = 1, report: Report | None = None
) -> tuple[NDArray[np.int16], Singles]:
    """The map of a scene in memory: classes (height, width) and their probabilities, as ``MapRows``; see ``map_rows``.

    Args:
        classifier: The network.
        scene: With the bands that the network was trained on, in that order.
        stride: Between the middles of patches, in pixels; by default every pixel is classified.
        report: Called with rows that are done and rows in all.
    """
    parts = list(map_rows(classifier, scene.read, scene.valid.shape, stride=stride, report=report))
    return np.concatenate([p.classes for p in parts]), np.concatenate([p.probabilities for p in parts], axis=1)


def _mirrored(at: Ints, length: int) -> Ints:
    """Positions along an axis, those beyond its ends mirrored at the first and the last one."""
    last = length - 1
    mirrored: Ints = last - np.abs(last - np.abs(at))
    return mirrored


def _windows(values: NDArray[Any], size: int, stride: int) -> NDArray[Any]:
    """Views (..., rows, columns, size, size) of an array (..., height, width)."""
    views: NDArray[Any] = np.lib.stride_tricks.sliding_window_view(values, (size, size), axis=(-2, -1))
    return views[..., ::stride, ::stride, :, :]
