"""Parameters, MACs and memory of a network, counted on the network itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eomoo.live.network import build_network
from eomoo.packages import require, torch
from eomoo.space import SO2SAT, Cell, Skeleton

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What three counters say of one network, per image.

    Attributes:
        params: Trainable parameters.
        macs: Multiply-accumulates of convolutions and the classifier, half of what torch's ``FlopCounterMode`` counts.
        thop_macs: thop's count, which adds four for each output element of a batch norm.
        batch_norm_elements: Output elements of all batch norms.
    """

    params: int
    macs: int
    thop_macs: int
    batch_norm_elements: int


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory of a network in evaluation, in bytes.

    Attributes:
        parameters: Weights, and the statistics of the batch norms.
        peak_activations: The largest sum of feature maps that are alive at once, float32.
    """

    parameters: int
    peak_activations: int


def profile_network(cell: Cell | int, skeleton: Skeleton = SO2SAT) -> Profile:
    """Count a cell's network on the meta device, in milliseconds, whatever its size.

    Args:
        cell: A cell or its index.
        skeleton: The network around it.

    Raises:
        MissingPackageError: (an ImportError) torch or thop is not installed.
    """
    require("torch", purpose="to count a network's operations")
    from torch.utils.flop_counter import FlopCounterMode

    network = build_network(cell, skeleton, device="meta").eval()
    params = sum(p.numel() for p in network.parameters())
    elements = _replace_batch_norms(network)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        # thop leaves buffers in what it profiles; this network is thrown away.
        thop_macs = _thop_macs(network, _meta_image(skeleton))
    return Profile(
        params=params, macs=counter.get_total_flops() // 2, thop_macs=thop_macs, batch_norm_elements=sum(elements)
    )


def measure_memory(cell: Cell | int, skeleton: Skeleton = SO2SAT, *, batch_size: int = 1) -> Memory:
    """Memory that a network needs in evaluation, found by following its tensors on the meta device.

    Args:
        cell: A cell or its index.
        skeleton: The network around it.
        batch_size: Images at once.
    """
    network = build_network(cell, skeleton, device="meta").eval()
    _replace_batch_norms(network)
    tracker = _live_bytes()
    with torch.no_grad(), tracker:
        network(_meta_image(skeleton, batch_size))
    state = network.state_dict().values()
    return Memory(parameters=sum(t.numel() * t.element_size() for t in state), peak_activations=tracker.peak)


def _meta_image(skeleton: Skeleton, batch_size: int = 1) -> Tensor:
    size = skeleton.image_size
    return torch.empty(batch_size, skeleton.in_channels, size, size, device="meta")


def _thop_macs(network: nn.Module, image: Tensor) -> int:
    with warnings.catch_warnings():
        # It compares versions by distutils.
        warnings.simplefilter("ignore", DeprecationWarning)
        thop = require("thop", purpose="to count multiply-accumulates as published")
    macs, _ = thop.profile(network, inputs=(image,), verbose=False)
    return int(macs)


def _replace_batch_norms(network: nn.Module) -> list[int]:
    """Let batch norms copy their input and note its elements: they are slow on the meta device."""
    from torch.nn import BatchNorm2d

    elements: list[int] = []

    def note(x: Tensor) -> Tensor:
        elements.append(x.numel())
        return x.clone()

    for module in network.modules():
        if isinstance(module, BatchNorm2d):
            module.forward = note  # type: ignore[method-assign, assignment]
    return elements


def _live_bytes() -> Any:
    """A context that follows the bytes of all tensors alive that were made inside of it."""
    import weakref

    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.now = self.peak = 0
            self.seen: set[int] = set()

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            for leaf in tree_leaves(out):
                if hasattr(leaf, "untyped_storage"):
                    self._add(leaf.untyped_storage())
            return out

        def _add(self, storage: Any) -> None:
            key = storage._cdata
            if key in self.seen:
                return
            self.seen.add(key)
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._remove, key, storage.nbytes())

        def _remove(self, key: int, size: int) -> None:
            self.seen.discard(key)
            self.now -= size

    return LiveBytes()
