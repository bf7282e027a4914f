"""Exact parameters and multiply-accumulates of the networks that a cell gives on a skeleton."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from eomoo.arrays import Bools, Ints
from eomoo.checks import short, whole
from eomoo.errors import SettingError
from eomoo.space.cell import MAX_VERTICES
from eomoo.space.enumeration import N_INTERIOR
from eomoo.space.tables import Tables

_OUT = MAX_VERTICES - 1


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """The network around the cells.

    A 3x3 convolution stem; ``n_stacks`` stacks of ``cells_per_stack`` cells, with 2x2 max-pooling
    and doubled width before every stack but the first; global average pooling; a linear classifier.

    Attributes:
        in_channels: Bands of the image.
        n_classes: Outputs of the classifier.
        stem_channels: Width of the stem and of the first stack; at least 5, so that every branch of
            a cell has a channel.
        n_stacks: Number of stacks.
        cells_per_stack: Copies of the cell in each stack.
        image_size: Height and width of the image in pixels.

    Raises:
        SettingError: (a ValueError) A value that gives no network.

    Source: Ying et al., NAS-Bench-101, ICML 2019.

    Examples:
        >>> small = replace(eomoo.SO2SAT, in_channels=4, stem_channels=16)
        >>> space.params(76119, small) < space.params(76119, eomoo.SO2SAT)
        True
    """

    in_channels: int
    n_classes: int
    stem_channels: int = 128
    n_stacks: int = 3
    cells_per_stack: int = 3
    image_size: int = 32

    def __post_init__(self) -> None:
        least = {"stem_channels": N_INTERIOR, "n_classes": 2}
        for field in fields(self):
            whole(f"skeleton: {field.name}", getattr(self, field.name), least=least.get(field.name, 1))
        if self.image_size >> (self.n_stacks - 1) < 1:
            raise SettingError(
                f"skeleton: {self.n_stacks} stacks halve an image of {self.image_size} pixels to nothing"
            )
        # Of a stack's cell less than 64 squares of its width (five 3x3 convolutions, their projections and
        # batch norms); width times image is the same in each stack. Counts are 64-bit integers.
        area = self.stem_channels * self.image_size
        inside = 64 * self.n_stacks * self.cells_per_stack * area**2
        around = 9 * self.in_channels * area * self.image_size + (area + 1) * self.n_classes
        if inside + around >= 1 << 63:
            raise SettingError(
                "skeleton: the network has more multiply-accumulates than can be counted; make it smaller"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stack."""
        return tuple(self.stem_channels << k for k in range(self.n_stacks))

    @property
    def pixels(self) -> tuple[int, ...]:
        """Pixels of a feature map in each stack."""
        return tuple((self.image_size >> k) ** 2 for k in range(self.n_stacks))


def check_skeleton(value: object) -> None:
    """Raise SettingError (a ValueError) unless the value is a ``Skeleton``."""
    if not isinstance(value, Skeleton):
        raise SettingError(f"skeleton must be a Skeleton, such as eomoo.SO2SAT; got {short(value)}")


# Ten bands of Sentinel-2 and 17 local climate zones, as published; three colours and ten classes.
SO2SAT = Skeleton(in_channels=10, n_classes=17)
CIFAR10 = Skeleton(in_channels=3, n_classes=10)


def vertex_channels(adjacency: Bools, width: int) -> Ints:
    """Channels of the 5 interior vertices of cells whose output has ``width`` channels.

    The vertices joined to the output share its width, one more for the first ones when it does not
    divide; every other vertex takes the largest width among its successors; unused vertices have 0.

    Args:
        adjacency: (n, 7, 7), padded by unused vertices in front of the output.
        width: Channels of the cell's output.

    Returns:
        (n, 5).
    """
    joined = adjacency[:, 1:_OUT, _OUT].astype(np.int64)
    share = np.maximum(joined.sum(axis=1, keepdims=True), 1)
    extra = np.cumsum(joined, axis=1) <= width % share
    channels: Ints = joined * (width // share + extra)
    for v in range(N_INTERIOR - 2, -1, -1):
        successors = adjacency[:, v + 1, 1:_OUT] * channels
        channels[:, v] = np.where(joined[:, v] == 1, channels[:, v], successors.max(axis=1))
    return channels


def count_params(space: Tables, indices: Ints, skeleton: Skeleton) -> Ints:
    """Trainable parameters of the networks of the cells (n,): weights, batch norms, classifier's bias."""
    check_skeleton(skeleton)
    stem = (9 * skeleton.in_channels + 2) * skeleton.stem_channels
    classifier = (skeleton.widths[-1] + 1) * skeleton.n_classes
    return stem + classifier + _inside(space, indices, skeleton, batch_norm=2, spatial=False)


def count_macs(space: Tables, indices: Ints, skeleton: Skeleton) -> Ints:
    """Multiply-accumulates per image of the convolutions and the classifier, for the cells (n,)."""
    check_skeleton(skeleton)
    stem = 9 * skeleton.in_channels * skeleton.stem_channels * skeleton.pixels[0]
    classifier = skeleton.widths[-1] * skeleton.n_classes
    return stem + classifier + _inside(space, indices, skeleton, batch_norm=0, spatial=True)


def _inside(space: Tables, indices: Ints, skeleton: Skeleton, *, batch_norm: int, spatial: bool) -> Ints:
    """What stem and classifier leave out: the cells' operations, and the projections of their inputs."""
    conv3x3, conv1x1, projection = _structure_costs(space, skeleton, batch_norm, spatial)
    structure, ops = space.structure[indices], space.padded_ops(indices)
    operations = np.where(ops == 0, conv3x3[structure], 0) + np.where(ops == 1, conv1x1[structure], 0)
    return np.asarray(operations.sum(axis=-1) + projection[structure])


@lru_cache(maxsize=32)
def _structure_costs(space: Tables, skeleton: Skeleton, batch_norm: int, spatial: bool) -> tuple[Ints, Ints, Ints]:
    """Cost of a conv3x3 and of a conv1x1 at each vertex (n, 5), and of all projections (n,)."""
    adjacency = space.structure_adjacency
    shape = (len(adjacency), N_INTERIOR)
    conv3x3, conv1x1 = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    projection = np.zeros(len(adjacency), dtype=np.int64)
    copies, previous = skeleton.cells_per_stack, skeleton.stem_channels
    for width, pixels in zip(skeleton.widths, skeleton.pixels, strict=True):
        scale = pixels if spatial else 1
        channels = vertex_channels(adjacency, width)
        conv3x3 += scale * copies * (9 * channels + batch_norm) * channels
        conv1x1 += scale * copies * (channels + batch_norm) * channels
        fed = (adjacency[:, 0, 1:_OUT] * channels).sum(axis=1) + adjacency[:, 0, _OUT] * width
        # Only the first cell of a stack is as wide at its input as the stack before.
        projection += scale * fed * (previous + (copies - 1) * width + copies * batch_norm)
        previous = width
    return conv3x3, conv1x1, projection
