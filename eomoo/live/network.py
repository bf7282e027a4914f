"""From a cell to a torch network, initialised by name and seed without touching torch's global state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.checks import generator, known_name, whole
from eomoo.live.devices import resolve_device
from eomoo.packages import require, torch
from eomoo.space import SO2SAT, Cell, Skeleton, load_space
from eomoo.space.cell import MAX_VERTICES, N_EDGE_GENES
from eomoo.space.cost import check_skeleton, vertex_channels

if TYPE_CHECKING:
    from eomoo.live.modules import CellNetwork


INITIALIZATIONS = {
    "he-fan-in": "normal with variance 2 / fan-in, cut at two standard deviations (NAS-Bench-101)",
    "he-fan-out": "normal with variance 2 / fan-out, classifier normal with standard deviation 0.01",
    "pytorch": "torch's own: uniform in +-1 / sqrt(fan-in)",
}
# Standard deviation of a standard normal distribution cut at +-2: (1 - 4 pdf(2) / (2 cdf(2) - 1)) ** 0.5.
_TRUNCATED = 0.87962566103423978


def build_network(
    cell: Cell | int | str,
    skeleton: Skeleton = SO2SAT,
    *,
    initialization: str = "he-fan-in",
    seed: int | np.random.Generator | None = None,
    device: str | torch.device = "cpu",
) -> CellNetwork:
    """Build the NAS-Bench-101 network of a cell, as a ``torch.nn.Module``.

    A 3x3 convolution stem; stacks of copies of the cell, with 2x2 max-pooling and doubled width
    before every stack but the first; global average pooling; a linear classifier. Every convolution
    is followed by batch norm (epsilon 1e-5, momentum 0.1) and ReLU. In a cell, a 1x1 projection
    brings the input to each vertex that it feeds; a vertex adds what reaches it; the output is the
    concatenation of the vertices joined to it, plus the projected input if that is joined to it too.

    Args:
        cell: A cell, taken with its vertices in the order given, or an index or NAS-Bench-101 hash, which
            stands for the stored member. Isomorphic cells can differ by single channels where a width is not
            divisible; the analytic counts are those of the stored member.
        skeleton: The network around the cells.
        initialization: A name of ``INITIALIZATIONS``; the same seed gives the same weights on every device.
        seed: Of the weights; None draws one.
        device: Where the network is put; on "meta" it has shapes only.

    Returns:
        A network from (n, in_channels, height, width) float32 to logits (n, n_classes).

    Raises:
        MissingPackageError: (an ImportError) torch is not installed.
        UnknownNameError: (a KeyError) No initialisation, or no cell of the space, has that name.
        SettingError: (a ValueError) An index beyond the space, no such device, no skeleton or seed.

    Source: Ying et al., NAS-Bench-101, ICML 2019.

    Examples:
        >>> network = eomoo.build_network(76119, seed=0, device="meta")
        >>> sum(p.numel() for p in network.parameters()) == space.params(76119)
        True
    """
    require("torch", purpose="to build a network")
    from eomoo.live.modules import CellNetwork

    cell = cell_of(cell)
    check_skeleton(skeleton)
    known_name("initialization", initialization, INITIALIZATIONS)
    # On the meta device nothing is drawn, so that torch's global random state stays as it is.
    with torch.device("meta"):
        network = CellNetwork(cell, skeleton, _channels(cell, skeleton))
    if not isinstance(device, torch.device):
        device = torch.device("meta") if device == "meta" else resolve_device(device)
    if device.type == "meta":
        return network
    network.to_empty(device="cpu")
    drawn: Any = torch.Generator().manual_seed(int(generator("seed", seed).integers(2**63 - 1)))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            _draw(module, initialization, drawn)
    return network.to(device)


def cell_of(cell: Cell | int | str) -> Cell:
    """A cell from itself, its index or its NAS-Bench-101 hash; errors as of ``build_network``."""
    if isinstance(cell, Cell):
        return cell
    space = load_space()
    if isinstance(cell, str):
        return space.cell(int(space.find([cell])[0]))
    return space.cell(whole("a cell's index", cell, least=0, most=len(space) - 1))


def _draw(module: torch.nn.Conv2d | torch.nn.Linear, name: str, generator: torch.Generator) -> None:
    """Draw the weights of a layer anew, by a name of ``INITIALIZATIONS``."""
    from torch.nn import init

    weight, bias = module.weight, module.bias
    fan_in = weight[0].numel()
    if name == "pytorch":
        bound = fan_in**-0.5
        init.uniform_(weight, -bound, bound, generator=generator)
        if bias is not None:
            init.uniform_(bias, -bound, bound, generator=generator)
        return
    if name == "he-fan-in":
        # A normal distribution cut at two deviations is narrower by this factor.
        std = (2 / fan_in) ** 0.5 / _TRUNCATED
        init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)
    elif weight.ndim == 4:
        init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu", generator=generator)
    else:
        init.normal_(weight, std=0.01, generator=generator)
    if bias is not None:
        init.zeros_(bias)


def _channels(cell: Cell, skeleton: Skeleton) -> list[list[int]]:
    """Channels of the interior vertices in each stack."""
    padded = np.zeros((1, MAX_VERTICES, MAX_VERTICES), dtype=bool)
    padded[0][np.triu_indices(MAX_VERTICES, 1)] = cell.genotype()[:N_EDGE_GENES]
    return [vertex_channels(padded, width)[0, : cell.n_vertices - 2].tolist() for width in skeleton.widths]
