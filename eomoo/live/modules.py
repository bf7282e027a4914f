"""The network's torch modules. The one module that imports torch at its top: import it in functions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eomoo.space import Cell, Skeleton


class ConvBnRelu(nn.Sequential):
    """Convolution without bias, batch norm, ReLU; the image size stays."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class SearchCell(nn.Module):
    """One copy of a cell.

    Args:
        matrix: Adjacency matrix, V rows.
        op_codes: Operations of the V - 2 interior vertices: 0 conv3x3, 1 conv1x1, 2 maxpool.
        channels: Channels of the interior vertices, V - 2.
        in_channels: Channels of the cell's input.
        out_channels: Channels of its output.
    """

    def __init__(
        self,
        matrix: Sequence[Sequence[int]],
        op_codes: Sequence[int],
        channels: Sequence[int],
        in_channels: int,
        out_channels: int,
    ) -> None:
        super().__init__()
        last = len(matrix) - 1
        self.channels = (in_channels, *channels, out_channels)
        self.sources = [[x for x in range(1, last) if matrix[x][v]] for v in range(last + 1)]
        self.fed = [v for v in range(1, last + 1) if matrix[0][v]]
        self.projections = nn.ModuleDict({str(v): ConvBnRelu(in_channels, self.channels[v], 1) for v in self.fed})
        self.operations = nn.ModuleList(_operation(code, width) for code, width in zip(op_codes, channels, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """Output (n, out_channels, height, width) of an input (n, in_channels, height, width)."""
        last = len(self.channels) - 1
        tensors: list[Tensor] = [x]
        for v in range(1, last):
            # A source may have a channel more than v, where the output's width did not divide.
            width = self.channels[v]
            parts = [tensors[s] if self.channels[s] == width else tensors[s][:, :width] for s in self.sources[v]]
            tensors.append(self.operations[v - 1](self._with_input(v, x, parts)))
        joined = [tensors[s] for s in self.sources[last]]
        parts = [torch.cat(joined, dim=1) if len(joined) > 1 else joined[0]] if joined else []
        return self._with_input(last, x, parts)

    def _with_input(self, v: int, x: Tensor, parts: list[Tensor]) -> Tensor:
        if v in self.fed:
            parts = [*parts, self.projections[str(v)](x)]
        total = parts[0]
        for part in parts[1:]:
            # Never in place: the backward pass of a ReLU needs its result as it was.
            total = total + part
        return total


class CellNetwork(nn.Module):
    """Stem, stacks of cells, global average pooling, classifier (see ``build_network``)."""

    def __init__(self, cell: Cell, skeleton: Skeleton, channels: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.cell, self.skeleton = cell, skeleton
        matrix, width = cell.matrix.tolist(), skeleton.stem_channels
        self.stem = ConvBnRelu(skeleton.in_channels, width, 3)
        self.stacks = nn.ModuleList()
        for k, (stack_width, inner) in enumerate(zip(skeleton.widths, channels, strict=True)):
            layers: list[nn.Module] = [nn.MaxPool2d(2)] if k else []
            for _ in range(skeleton.cells_per_stack):
                layers.append(SearchCell(matrix, cell.op_codes, inner, width, stack_width))
                width = stack_width
            self.stacks.append(nn.Sequential(*layers))
        self.classifier = nn.Linear(width, skeleton.n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, n_classes) of images (n, in_channels, height, width)."""
        x = self.stem(x)
        for stack in self.stacks:
            x = stack(x)
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


class RawInput(nn.Module):
    """A trained network that takes images in the sensor's own values, computed in the precision of its weights.

    ``statistics`` are mean and deviation of each band; None leaves images as they are.
    """

    statistics: Tensor

    def __init__(self, network: nn.Module, statistics: tuple[Sequence[float], Sequence[float]] | None) -> None:
        super().__init__()
        self.network, self.normalised = network, statistics is not None
        given = torch.tensor(statistics or ([0], [1]), dtype=torch.float32)
        self.register_buffer("statistics", given[..., None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, n_classes) float32 of images (n, bands, height, width) float32."""
        if self.normalised:
            # Before anything is rounded to half precision: raw values may be beyond its range.
            x = (x - self.statistics[0]) / self.statistics[1]
        precision = next(self.network.parameters()).dtype
        logits: Tensor = self.network(x) if precision == x.dtype else self.network(x.to(precision)).float()
        return logits


def _operation(code: int, channels: int) -> nn.Module:
    if code == 2:
        return nn.MaxPool2d(3, stride=1, padding=1)
    return ConvBnRelu(channels, channels, 3 if code == 0 else 1)


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the images of all processes, for CPUs; torch's own does so on GPUs only."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images (n, channels, height, width)."""
        if not self.training:
            return super().forward(x)
        from torch.distributed.nn.functional import all_reduce

        sums = torch.stack((x.sum(dim=(0, 2, 3)), x.square().sum(dim=(0, 2, 3))))
        count = x.new_full((1, sums.shape[1]), x[:, 0].numel())
        total, squares, pixels = all_reduce(torch.cat((sums, count)))  # type: ignore[no-untyped-call]
        mean = total / pixels
        var = (squares / pixels - mean.square()).clamp_min(0)
        self._follow(mean.detach(), (var * pixels / (pixels - 1)).detach())
        scale = self.weight * torch.rsqrt(var + self.eps)
        result: Tensor = x * scale.view(1, -1, 1, 1) + (self.bias - mean * scale).view(1, -1, 1, 1)
        return result

    def _follow(self, mean: Tensor, var: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(var, self.momentum or 0.0)


def share_batch_norms(network: nn.Module, device: torch.device) -> nn.Module:
    """Let all batch norms of a network use the images of all processes."""
    if device.type == "cuda":
        shared: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return shared
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm
    return network
