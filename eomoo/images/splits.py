"""A split of images: what it has to be, how it is read, its labels and statistics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Floats, Ints, Numbers, Singles, blocks
from eomoo.errors import DataError

# Images read at once: 512 of 32x32 pixels and ten bands are 20 MB.
_CHUNK = 512


@runtime_checkable
class ImageSet(Protocol):
    """What a split has to be: any map-style ``torch.utils.data.Dataset`` of (image, label) is one.

    Samples may be dictionaries with "image" and "label" too, as torchgeo's are. An image is an array or tensor (bands,
    height, width) in the sensor's own values; a label is a class number from 0. A split may also offer ``labels``, (n,)
    int64, and ``batch(indices)``, which returns images (n, bands, height, width) float32 and labels (n,) int64 at once.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class OwnImages(ABC):
    """A split whose images eomoo reads itself, many at once, the same ones whenever they are asked for.

    Attributes:
        labels: (n,) int64.
    """

    labels: Ints

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Singles, int]:
        images, labels = self.batch(np.array([range(len(self))[index]]))
        return images[0], int(labels[0])

    @abstractmethod
    def batch(self, indices: Ints) -> tuple[Singles, Ints]:
        """Images (n, bands, height, width) and labels (n,)."""


FileState = tuple[int, int]


def file_state(path: Path) -> FileState:
    """Size in bytes and time of the last change in ns of a file, of what is no file zeros."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)


def check_unchanged(path: Path, first: FileState | None) -> None:
    """DataError where a file is another than when it was first read: what was learnt of it would be called of this."""
    if file_state(path) != first:
        raise DataError(f"{path} has changed since it was first read; begin again with the images as they are now")


@dataclass(frozen=True)
class ArrayImages(OwnImages):
    """A split in memory.

    Attributes:
        images: (n, bands, height, width).
        labels: (n,) int64.
    """

    images: Numbers
    labels: Ints

    def batch(self, indices: Ints) -> tuple[Singles, Ints]:
        """Images (n, bands, height, width) and labels (n,)."""
        return self.images[indices].astype(np.float32), self.labels[indices]


class Subset:
    """Some images of a split.

    Args:
        source: The split.
        indices: (n,) of the images that are kept, in their order.
    """

    def __init__(self, source: ImageSet, indices: Ints) -> None:
        self.source, self.indices = source, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return _pair(self.source, int(self.indices[index]))

    @property
    def labels(self) -> Ints:
        """Labels (n,)."""
        return labels_of(self.source)[self.indices]

    def batch(self, indices: Ints) -> tuple[Singles, Ints]:
        """Images (n, bands, height, width) and labels (n,)."""
        return read_batch(self.source, self.indices[indices])


def read_batch(images: ImageSet, indices: Ints) -> tuple[Singles, Ints]:
    """Images (n, bands, height, width) float32 and labels (n,) int64 of a split, by index (n,)."""
    at_once = getattr(images, "batch", None)
    if at_once is not None:
        batch, labels = at_once(indices)
        return np.asarray(batch, dtype=np.float32), np.asarray(labels, dtype=np.int64)
    pairs = [_pair(images, int(k)) for k in indices]
    arrays = [_array(image) for image, _ in pairs]
    for k, array in zip(indices, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise DataError(f"image {k} of a data set has the shape {array.shape}; others have {arrays[0].shape}")
    return np.stack(arrays), np.array([label for _, label in pairs], dtype=np.int64)


def labels_of(images: ImageSet) -> Ints:
    """All labels (n,) of a split, whole numbers; read from the images where it does not offer them."""
    known = getattr(images, "labels", None)
    if known is None:
        return np.array([_pair(images, k)[1] for k in range(len(images))], dtype=np.int64)
    labels = np.asarray(known)
    if labels.dtype.kind not in "iu":
        _refuse_fractions(labels)
    return labels.astype(np.int64)


def shape_of(images: ImageSet) -> tuple[int, ...]:
    """The shape of a split's first image."""
    return np.shape(_pair(images, 0)[0])


def spaced(n: int, most: int) -> Ints:
    """Up to so many of n images, by index, evenly spaced."""
    return np.unique(np.linspace(0, n - 1, most).astype(np.int64))


def batches_of(images: ImageSet, size: int = _CHUNK) -> Iterator[tuple[Singles, Ints]]:
    """All images and labels of a split, so many at a time; see ``read_batch``."""
    return (read_batch(images, np.arange(here.start, here.stop)) for here in blocks(len(images), size))


def in_memory(images: ImageSet, memory: float) -> ImageSet:
    """The split, read into memory where it takes no more than so many GiB as float32."""
    if 4 * len(images) * math.prod(shape_of(images)) > memory * 2**30:
        return images
    return ArrayImages(np.concatenate([batch for batch, _ in batches_of(images)]), labels_of(images))


def statistics_of(
    images: ImageSet, *, note: Callable[[Singles], None] = lambda batch: None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each band over a split, in one pass; DataError where a band is constant.

    Args:
        images: The split.
        note: Called with the images (n, bands, height, width), some at a time.
    """
    count, total, squares = 0, np.float64(0), np.float64(0)
    shift: Floats | None = None
    for batch in finite_batches(images, "training"):
        note(batch)
        values = batch.astype(np.float64)
        # Shifted by a value of the data, so that the difference of large squares stays exact.
        shift = values.mean(axis=(0, 2, 3)) if shift is None else shift
        values -= shift[:, None, None]
        count += values[:, 0].size
        total = total + values.sum(axis=(0, 2, 3))
        squares = squares + np.square(values).sum(axis=(0, 2, 3))
    assert shift is not None
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    # A band of one value gives rounding errors of about 1e-16 of it.
    constant = std <= 1e-12 * np.abs(shift)
    if constant.any():
        raise DataError(
            f"band {int(constant.argmax()) + 1} of the training images has one value only; leave it out "
            "(bands = [...] names those that are used)"
        )
    return tuple((mean + shift).tolist()), tuple(std.tolist())


def finite_batches(images: ImageSet, split: str) -> Iterator[Singles]:
    """All images of a split, some at a time; DataError (a ValueError) where one has a value that is not finite."""
    before = 0
    for batch, _ in batches_of(images):
        wrong = ~np.isfinite(batch).all(axis=(1, 2, 3))
        if wrong.any():
            where = before + int(wrong.argmax())
            raise DataError(f"image {where} of the {split} images holds values that are not finite")
        yield batch
        before += len(batch)


def _pair(images: ImageSet, index: int) -> tuple[Any, int]:
    item = images[index]
    if isinstance(item, Mapping) and {"image", "label"} <= set(item):
        item = item["image"], item["label"]
    if not isinstance(item, tuple | list) or len(item) != 2:
        has = f" with {', '.join(map(str, item))}" if isinstance(item, Mapping) else ""
        raise DataError(
            f"image {index} of a data set is a {type(item).__name__}{has}, not a pair of image and label, or a "
            'dictionary with "image" and "label"; wrap the data set so that it gives those'
        )
    label = np.asarray(item[1])
    if label.shape not in ((), (1,)):
        raise DataError(f"the label of image {index} has the shape {label.shape}; expected one class number")
    if label.dtype.kind not in "iub":
        _refuse_fractions(label)
    return item[0], int(label.item())


def _array(image: Any) -> Singles:
    if hasattr(image, "detach"):
        # Tensors of some types, and those on a device or with a gradient, are no arrays by themselves.
        image = image.detach().float().cpu()
    return np.asarray(image, dtype=np.float32)


def _refuse_fractions(labels: NDArray[np.generic]) -> None:
    if labels.dtype.kind != "f" or not (labels == np.rint(labels)).all():
        wrong = labels if labels.dtype.kind != "f" else labels[labels != np.rint(labels)]
        raise DataError(f"labels are class numbers from 0; got {str(wrong.ravel()[:1])[1:-1]}")
