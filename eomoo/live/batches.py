"""Batches of a split: in an order that the seed and the epoch decide, shared out among processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.images import ImageData, ImageSet, read_batch
from eomoo.live.devices import Group

if TYPE_CHECKING:
    import torch


def batch_order(n: int, batch_size: int, *, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The images of each step of an epoch, every image once; a last batch of one joins the one before."""
    order = np.random.default_rng([seed, epoch]).permutation(n)
    parts = [order[start : start + batch_size] for start in range(0, n, batch_size)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        # Batch norm needs two images at least.
        last = parts.pop()
        parts[-1] = np.concatenate((parts[-1], last))
    return parts


def batches(
    images: ImageSet, parts: Sequence[NDArray[np.int64]], *, group: Group, workers: int, seed: int = 0
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """This process's share of each part: images (n, bands, height, width) and labels (n,).

    Args:
        images: The split.
        parts: Indices of each batch.
        group: The processes that share each part.
        workers: Processes that read ahead; 0 reads in this one.
        seed: Of the workers' random states.
    """
    import torch

    own = [part[group.rank :: group.size] for part in parts]
    if workers == 0:
        for part in own:
            yield _tensors(read_batch(images, part))
        return
    source: Any = _Parts(images)
    loader: Any = torch.utils.data.DataLoader(
        source,
        sampler=own,
        batch_size=None,
        num_workers=workers,
        generator=torch.Generator().manual_seed(seed),
        pin_memory=torch.cuda.is_available(),
    )
    yield from loader


def prepare(x: torch.Tensor, data: ImageData, device: torch.device) -> torch.Tensor:
    """Images on the device, normalised with the training statistics, in channels-last layout."""
    import torch

    shape = (1, -1, 1, 1)
    mean = torch.tensor(data.mean, dtype=torch.float32, device=device).view(shape)
    std = torch.tensor(data.std, dtype=torch.float32, device=device).view(shape)
    x = x.to(device, non_blocking=True, memory_format=torch.channels_last)
    return (x - mean) / std


def turned(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Each image flipped and turned by a multiple of 90 degrees at random, one draw for every image."""
    import torch

    code = torch.from_numpy(generator.integers(8, size=len(x))).to(x.device).view(-1, 1, 1, 1)
    x = torch.where((code & 1).bool(), x.flip(2), x)
    x = torch.where((code & 2).bool(), x.flip(3), x)
    return torch.where((code & 4).bool(), x.transpose(2, 3), x)


class _Parts:
    """A split by lists of indices, as a loader's workers ask for it."""

    def __init__(self, images: ImageSet) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, part: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        return _tensors(read_batch(self.images, part))


def _tensors(pair: tuple[NDArray[Any], NDArray[np.int64]]) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    return torch.from_numpy(np.ascontiguousarray(pair[0])), torch.from_numpy(pair[1])
