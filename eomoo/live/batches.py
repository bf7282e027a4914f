"""Batches of a split on the device that they are trained on, in an order of seed and epoch; images that stay there."""

from __future__ import annotations

import math
import random
import signal
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Ints, blocks
from eomoo.images import ImageData, ImageSet, OwnImages, Subset, labels_of, read_batch
from eomoo.jobs import worked_ahead
from eomoo.live.devices import Group, free_memory
from eomoo.packages import torch

# Of the memory that is free. Training needs the rest: So2Sat's 352,366 patches are 14.4 GB, the published skeleton
# with 256 images at once takes 4.3 GB beside them (measured on an H100, bfloat16).
_SHARE = 0.5
# Images that are copied at once: 4096 of So2Sat's are 168 MB.
_BLOCK = 4096

_kept: dict[tuple[int, str], ResidentImages] = {}


@dataclass(frozen=True)
class ResidentImages:
    """A split on a device: images (n, height, width, bands) float32 and labels (n,) int64."""

    images: torch.Tensor
    labels: torch.Tensor

    def batch(self, index: torch.Tensor) -> _Pair:
        """Images (n, bands, height, width), channels last, and labels (n,), by an index on the device."""
        return self.images[index].permute(0, 3, 1, 2), self.labels[index]


def resident_images(images: ImageSet, device: torch.device) -> ResidentImages | None:
    """A split on a CUDA device, kept as long as the split itself; None where it does not fit.

    Data sets that are not eomoo's own are never kept: they may draw each image anew.
    """
    if not _fixed(images):
        return None
    key = (id(images), str(device))
    if key not in _kept:
        memory = free_memory(device)
        size = 4 * len(images) * math.prod(np.shape(images[0][0]))
        if memory is None or size > _SHARE * memory[0]:
            return None
        _kept[key] = _load(images, device)
        weakref.finalize(images, _kept.pop, key, None)
    return _kept[key]


def forget_residents() -> None:
    """Free what is kept on all devices."""
    _kept.clear()


def _fixed(images: ImageSet) -> bool:
    if isinstance(images, Subset):
        return _fixed(images.source)
    return isinstance(images, OwnImages)


def _load(images: ImageSet, device: torch.device) -> ResidentImages:
    bands, height, width = np.shape(images[0][0])
    kept = torch.empty((len(images), height, width, bands), dtype=torch.float32, device=device)
    for here in blocks(len(images), _BLOCK):
        block = torch.from_numpy(read_batch(images, np.arange(here.start, here.stop))[0])
        kept[here] = block.to(device).permute(0, 2, 3, 1)
    return ResidentImages(kept, torch.from_numpy(labels_of(images)).to(device))


# Batches that are read while the device computes: one in hand, one on its way.
_AHEAD = 2
_Pair: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"
# Indices of a batch, and the seed of what a data set draws for it.
_Asked: TypeAlias = tuple[Ints, tuple[int, int]]


def batch_order(n: int, batch_size: int, *, seed: int, epoch: int) -> list[Ints]:
    """The images of each step of an epoch, every image once; a last batch of one joins the one before."""
    order = np.random.default_rng([seed, epoch]).permutation(n)
    parts = [order[start : start + batch_size] for start in range(0, n, batch_size)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        # Batch norm needs two images at least.
        last = parts.pop()
        parts[-1] = np.concatenate((parts[-1], last))
    return parts


def share(part: Ints, group: Group) -> Ints:
    """What of a step one of several processes takes; all of one with fewer images than processes.

    Each then computes the same gradient. Without images it could not take part in what all have to do together.
    """
    return part if len(part) < group.size else part[group.rank :: group.size]


class Batches:
    """A split, batch by batch on a device: kept there whole where that is asked for and it fits, else read ahead.

    Args:
        images, device: The split, and where batches are wanted.
        workers: Processes that read ahead, and go on from one pass to the next; 0 reads in this one.
        keep: Keep images on a CUDA device (see ``resident_images``).
    """

    def __init__(self, images: ImageSet, device: torch.device, *, workers: int = 0, keep: bool = False) -> None:
        self.images, self.device, self.workers = images, device, workers
        self._kept = resident_images(images, device) if keep and device.type == "cuda" else None
        self._loader: Any = None
        # What the loader's processes are to read next: they outlive one pass.
        self._asked: list[_Asked] = []

    def of(self, parts: Sequence[Ints], *, seed: int = 0) -> Iterator[_Pair]:
        """Images (n, bands, height, width), channels last, and labels (n,) of each part that is not empty.

        Args:
            parts: Indices of each batch; of several processes this one's own (see ``share``).
            seed: Of what a data set draws in a reading process.
        """
        own = [part for part in parts if len(part)]
        if self._kept is not None:
            # Indices go to the device at once: copying each batch's would wait for the step before.
            yield from map(self._kept.batch, on_device(own, self.device))
            return
        for x, y in self._read(own, seed):
            x = x.to(self.device, non_blocking=True, memory_format=torch.channels_last)
            yield x, y.to(self.device, non_blocking=True)

    def _read(self, parts: list[Ints], seed: int) -> Iterable[_Pair]:
        if self.workers == 0:
            return map(self._one, parts) if self.device.type != "cuda" else self._ahead(parts)
        if self._loader is None:
            self._loader = _loader(self.images, self._asked, self.workers, pinned=self.device.type == "cuda")
        self._asked[:] = [(part, (seed, k)) for k, part in enumerate(parts)]
        return self._loader  # type: ignore[no-any-return]

    def _one(self, part: Ints) -> _Pair:
        return _tensors(read_batch(self.images, part))

    def _ahead(self, parts: list[Ints]) -> Iterator[_Pair]:
        """Read and pinned by a thread while the device computes."""
        return worked_ahead(self._pinned, parts, threads=1, ahead=_AHEAD)

    def _pinned(self, part: Ints) -> _Pair:
        x, y = self._one(part)
        return x.pin_memory(), y.pin_memory()


def on_device(parts: Sequence[NDArray[Any]], device: torch.device) -> Sequence[torch.Tensor]:
    """Arrays as tensors on a device, copied at once."""
    if not parts:
        return []
    whole: Any = torch.from_numpy(np.concatenate(parts)).to(device)
    return list(whole.split([len(part) for part in parts]))


def prepare(x: torch.Tensor, data: ImageData, device: torch.device) -> torch.Tensor:
    """Images on the device, normalised with the training statistics, in channels-last layout."""
    mean, std = statistics_on(data.mean, data.std, device)
    x = x.to(device, non_blocking=True, memory_format=torch.channels_last)
    return (x - mean) / std


@lru_cache(maxsize=8)
def statistics_on(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> _Pair:
    """Means and deviations of the bands on a device; kept, since copying them there waits for it."""
    with torch.inference_mode(False):
        both = torch.tensor([mean, std], dtype=torch.float32, device=device).view(2, 1, -1, 1, 1)
    return both[0], both[1]


def turns(n: int, seed: Sequence[int]) -> Ints:
    """Of each of n images, how it is flipped and turned (see ``turned``), at random."""
    return np.random.default_rng(seed).integers(8, size=n)


def turned(x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
    """Each image flipped and turned by a multiple of 90 degrees, as the three bits of its code (n,) say."""
    code = code.view(-1, 1, 1, 1)
    x = torch.where((code & 1).bool(), x.flip(2), x)
    x = torch.where((code & 2).bool(), x.flip(3), x)
    return torch.where((code & 4).bool(), x.transpose(2, 3), x)


class _Parts:
    """A split by lists of indices, as a loader's workers ask for it."""

    def __init__(self, images: ImageSet) -> None:
        self.images = images

    def __getitem__(self, asked: _Asked) -> _Pair:
        part, seed = asked
        # What a data set draws depends on the step alone, not on what this process has read before.
        drawn = int(np.random.SeedSequence(seed).generate_state(1)[0])
        random.seed(drawn)
        np.random.seed(drawn)  # noqa: NPY002 - data sets may draw from any of the three
        torch.random.manual_seed(drawn)
        return _tensors(read_batch(self.images, part))


def _loader(images: ImageSet, asked: list[_Asked], workers: int, *, pinned: bool) -> Any:
    source: Any = _Parts(images)
    how: Any = {"num_workers": workers, "persistent_workers": True, "pin_memory": pinned}
    return torch.utils.data.DataLoader(source, sampler=asked, batch_size=None, worker_init_fn=_outlive, **how)


def _outlive(reader: int) -> None:
    """Let a reader outlive the first SIGTERM: one to all processes, as a scheduler's, is for the command to answer."""
    signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def _tensors(pair: tuple[NDArray[Any], Ints]) -> _Pair:
    return torch.from_numpy(np.ascontiguousarray(pair[0])), torch.from_numpy(pair[1])
