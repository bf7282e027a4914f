"""Images that stay on a CUDA device: read once, for all epochs and all candidates of a process."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass

import numpy as np

from eomoo.images import ArrayImages, FolderImages, ImageSet, PatchImages, So2SatFile, Subset, labels_of, read_batch
from eomoo.live.devices import free_memory
from eomoo.packages import torch

# Of the memory that is free. Training needs the rest: So2Sat's 352,366 patches are 14.4 GB, the published skeleton
# with 256 images at once takes 4.3 GB beside them (measured on an H100, bfloat16).
_SHARE = 0.5
# Images that are copied at once: 4096 of So2Sat's are 168 MB.
_BLOCK = 4096

_kept: dict[tuple[int, str], ResidentImages] = {}


@dataclass(frozen=True)
class ResidentImages:
    """A split on a device.

    Attributes:
        images: (n, height, width, bands) float32.
        labels: (n,) int64.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def batch(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
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
    return isinstance(images, ArrayImages | FolderImages | PatchImages | So2SatFile)


def _load(images: ImageSet, device: torch.device) -> ResidentImages:
    bands, height, width = np.shape(images[0][0])
    kept = torch.empty((len(images), height, width, bands), dtype=torch.float32, device=device)
    for start in range(0, len(images), _BLOCK):
        stop = min(start + _BLOCK, len(images))
        block = torch.from_numpy(read_batch(images, np.arange(start, stop))[0])
        kept[start:stop] = block.to(device).permute(0, 2, 3, 1)
    return ResidentImages(kept, torch.from_numpy(labels_of(images)).to(device))
