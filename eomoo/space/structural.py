"""Structural features of cells: counts, degrees, paths and costs, equal for isomorphic cells.

Everything is a sum, a maximum or a minimum over vertices, edges or paths, so the order of the vertices
does not enter. Nor does the remainder of a division of channels, which the real networks give to the
vertices that come first: here all vertices of a cell share its output's width evenly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools
from eomoo.space.cell import MAX_VERTICES
from eomoo.space.cost import SO2SAT

_OUT = MAX_VERTICES - 1
_INNER = slice(1, _OUT)
_KINDS = ("input", "conv3x3", "conv1x1", "maxpool", "output")
_CONV3, _CONV1, _POOL = 1, 2, 3
_SENDERS, _OPS, _RECEIVERS = range(4), (_CONV3, _CONV1, _POOL), range(1, 5)
_FAR = np.float32(1e6)  # above any sum along a path, and exact in single precision beside one

_Array = NDArray[np.float32]
_Columns = dict[str, _Array]


def structural_features(adjacency: Bools, ops: NDArray[np.int8]) -> _Array:
    """Structural features of cells as labelled graphs.

    Paths lead from input to output. Costs are those on the So2Sat skeleton, batch norm left out:
    "macs" in 1e9 an image, "params" in 1e6, "channels" in parts of the output's.

    Args:
        adjacency: (n, 7, 7), upper triangular and pruned, unused vertices in front of the output.
        ops: (n, 5), operations of the interior vertices: 0 conv3x3, 1 conv1x1, 2 maxpool; those of
            unused vertices are not looked at.

    Returns:
        (n, len(STRUCTURAL_NAMES)) float32.
    """
    # Columns are put together as they lie, and turned round at once, which is half the work.
    return np.ascontiguousarray(np.stack(list(_columns(adjacency, ops).values())).T)


def _columns(adjacency: Bools, ops: NDArray[np.int8]) -> _Columns:
    # Vertices first and cells last, so that each step below runs over contiguous memory.
    edges = np.ascontiguousarray(adjacency.transpose(1, 2, 0), dtype=np.float32)
    used = np.ones(edges.shape[1:], dtype=np.float32)
    used[1:_OUT] = edges[:, 1:_OUT].any(axis=0)
    kinds = np.zeros((len(_KINDS), *used.shape), dtype=np.float32)
    kinds[0, 0] = kinds[-1, _OUT] = 1
    for k in _OPS:
        kinds[k, 1:_OUT] = np.equal(ops.T, k - 1) * used[1:_OUT]
    halves = _partial_paths(edges)
    return {
        **_counts(edges, used, kinds),
        **_degrees(edges, kinds),
        **_extreme_paths(edges, kinds),
        **_path_counts(edges, kinds, *halves),
        **_costs(edges, kinds),
        **_edges_by_kind(edges, kinds, *halves),
        **_chains(edges, kinds),
    }


def _counts(edges: _Array, used: _Array, kinds: _Array) -> _Columns:
    numbers = {_KINDS[k]: kinds[k].sum(axis=0) for k in _OPS}
    return {
        "vertices": used.sum(axis=0),
        "edges": edges.sum(axis=(0, 1)),
        **numbers,
        "convs": numbers["conv3x3"] + numbers["conv1x1"],
    }


def _degrees(edges: _Array, kinds: _Array) -> _Columns:
    into, out_of = edges.sum(axis=0), edges.sum(axis=1)
    return {
        "input_degree": out_of[0],
        "output_degree": into[_OUT],
        "max_in_degree": into[_INNER].max(axis=0),
        "max_out_degree": out_of[_INNER].max(axis=0),
        "sum_in_degree_squared": (into**2).sum(axis=0),
        "sum_out_degree_squared": (out_of**2).sum(axis=0),
        "joins": (into[_INNER] > 1).sum(axis=0, dtype=np.float32),
        "additions": np.maximum(into[_INNER] - 1, 0).sum(axis=0),
        "conv3x3_in_degree": (into * kinds[_CONV3]).sum(axis=0),
        "conv1x1_in_degree": (into * kinds[_CONV1]).sum(axis=0),
        "maxpool_in_degree": (into * kinds[_POOL]).sum(axis=0),
    }


def _extreme_paths(edges: _Array, kinds: _Array) -> _Columns:
    """The most and the fewest operations of some kinds that a path holds."""
    conv3, conv1, pool = kinds[_CONV3], kinds[_CONV1], kinds[_POOL]
    weights = {
        "ops": conv3 + conv1 + pool,
        "convs": conv3 + conv1,
        "conv3x3": conv3,
        "conv1x1": conv1,
        "maxpool": pool,
        "spatial": conv3 + pool,
    }
    most = _heaviest(edges, [signed for weight in weights.values() for signed in (weight, -weight)])
    columns = {}
    for k, name in enumerate(weights):
        columns[f"max_{name}_on_path"] = most[2 * k]
        columns[f"min_{name}_on_path"] = 0 - most[2 * k + 1]
    return columns


def _heaviest(edges: _Array, weights: list[_Array]) -> _Array:
    """Largest sum of each of k vertex weights (7, n) along a path, (k, n)."""
    weight, blocked = np.stack(weights, axis=1), (edges - 1) * _FAR
    best = np.full(weight.shape, -_FAR, dtype=np.float32)
    best[0] = 0
    for v in range(1, MAX_VERTICES):
        for u in range(v):
            np.maximum(best[v], best[u] + blocked[u, v], out=best[v])
        best[v] += weight[v]
    heaviest: _Array = best[_OUT]
    return heaviest


def _path_counts(edges: _Array, kinds: _Array, to_vertex: _Array, from_vertex: _Array) -> _Columns:
    """Numbers of paths by what lies on them, and what a path holds on average."""
    convs = kinds[_CONV3] + kinds[_CONV1]
    by_convs, by_conv3 = _paths_by_number(edges, convs), _paths_by_number(edges, kinds[_CONV3])
    total = to_vertex[_OUT]
    through = to_vertex * from_vertex / total
    means = {k: (through * kinds[k]).sum(axis=0) for k in _OPS}
    number = np.arange(len(by_convs), dtype=np.float32)[:, None]
    mean_convs = means[_CONV3] + means[_CONV1]
    return {
        "paths": total,
        **{f"paths_with_{k}_convs": by_convs[k] for k in range(4)},
        **{f"paths_with_{k}_conv3x3": by_conv3[k] for k in range(4)},
        **{f"mean_{_KINDS[k]}_on_path": means[k] for k in _OPS},
        "mean_ops_on_path": mean_convs + means[_POOL],
        "variance_of_convs_on_path": (by_convs * (number - mean_convs) ** 2).sum(axis=0) / total,
        "busiest_conv3x3": (through * kinds[_CONV3]).max(axis=0),
        "busiest_conv": (through * convs).max(axis=0),
        "busiest_maxpool": (through * kinds[_POOL]).max(axis=0),
    }


def _paths_by_number(edges: _Array, marked: _Array) -> _Array:
    """How many paths hold k of the marked vertices (7, n), shape (6, n)."""
    counts = np.zeros((MAX_VERTICES, MAX_VERTICES - 1, edges.shape[2]), dtype=np.float32)
    counts[0, 0] = 1
    for v in range(1, MAX_VERTICES):
        arriving = (edges[:v, v, None] * counts[:v]).sum(axis=0)
        counts[v] = arriving * (1 - marked[v])
        counts[v, 1:] += arriving[:-1] * marked[v]
    at_output: _Array = counts[_OUT]
    return at_output


def _partial_paths(edges: _Array) -> tuple[_Array, _Array]:
    """Numbers of paths from the input to each vertex and from each vertex to the output, (7, n) each."""
    to_vertex, from_vertex = (np.zeros(edges.shape[1:], dtype=np.float32) for _ in range(2))
    to_vertex[0] = from_vertex[_OUT] = 1
    for v in range(1, MAX_VERTICES):
        to_vertex[v] = (edges[:v, v] * to_vertex[:v]).sum(axis=0)
    for u in range(_OUT - 1, -1, -1):
        from_vertex[u] = (edges[u, u + 1 :] * from_vertex[u + 1 :]).sum(axis=0)
    return to_vertex, from_vertex


def _costs(edges: _Array, kinds: _Array) -> _Columns:
    # A vertex inside takes the width of its successors, so all have that of those joined to the output.
    width = 1 / np.maximum(edges[1:_OUT, _OUT].sum(axis=0), 1)
    fed = edges[0, 1:_OUT].sum(axis=0) * width + edges[0, _OUT]
    conv3, conv1 = (kinds[k] * width**2 for k in (_CONV3, _CONV1))
    macs, projected_macs, params, projected_params, other_params = _scales()
    work = 9 * conv3 + conv1
    most_convs, most_work, least_work = _heaviest(edges, [kinds[_CONV3] + kinds[_CONV1], work, -work])
    numbers = {k: kinds[k].sum(axis=0) for k in _OPS}
    return {
        "channels": width,
        **{f"{_KINDS[k]}_channels": numbers[k] * width for k in _OPS},
        "projected_channels": fed,
        "added_channels": edges[1:_OUT, 1:_OUT].sum(axis=(0, 1)) * width,
        "max_convs_channels_on_path": most_convs * width,
        "conv3x3_macs": 9 * macs * conv3.sum(axis=0),
        "conv1x1_macs": macs * conv1.sum(axis=0),
        "projection_macs": projected_macs * fed,
        "macs": macs * work.sum(axis=0) + projected_macs * fed,
        "params": params * work.sum(axis=0) + projected_params * fed + other_params,
        "max_macs_on_path": macs * most_work,
        "min_macs_on_path": 0 - macs * least_work,
        # Twice for a convolution, before and after its batch norm.
        "activations": (2 * numbers[_CONV3] + 2 * numbers[_CONV1] + numbers[_POOL]) * width + 2 * fed,
    }


def _scales() -> tuple[np.float32, ...]:
    """MACs (1e9) and parameters (1e6) of a 1x1 convolution and a projection at full width; the rest."""
    widths, pixels, copies = SO2SAT.widths, SO2SAT.pixels, SO2SAT.cells_per_stack
    before = (SO2SAT.stem_channels, *widths[:-1])
    conv = [copies * w * w for w in widths]
    projection = [w * (b + (copies - 1) * w) for w, b in zip(widths, before, strict=True)]
    other = 9 * SO2SAT.in_channels * SO2SAT.stem_channels + widths[-1] * SO2SAT.n_classes
    values = (
        sum(n * p for n, p in zip(conv, pixels, strict=True)) / 1e9,
        sum(n * p for n, p in zip(projection, pixels, strict=True)) / 1e9,
        sum(conv) / 1e6,
        sum(projection) / 1e6,
        other / 1e6,
    )
    return tuple(np.float32(value) for value in values)


def _edges_by_kind(edges: _Array, kinds: _Array, to_vertex: _Array, from_vertex: _Array) -> _Columns:
    """Edges by the kinds at their ends: their number, and how many of them a path holds on average."""
    carried = edges * to_vertex[:, None] * from_vertex / to_vertex[_OUT]
    columns = {}
    for prefix, weights in (("", edges), ("mean_", carried)):
        for a in _SENDERS:
            received = _received(weights, kinds, a)
            for b in _RECEIVERS:
                columns[f"{prefix}{_KINDS[a]}>{_KINDS[b]}"] = _at_kind(received, kinds, b)
    return columns


def _received(weights: _Array, kinds: _Array, a: int) -> _Array:
    """The weights of edges (7, 7, n) from vertices of kind a, summed by where they lead, (7, n)."""
    # The input is vertex 0 and nothing else; operations are inside.
    received: _Array = weights[0] if _KINDS[a] == "input" else (kinds[a, _INNER, None] * weights[_INNER]).sum(axis=0)
    return received


def _at_kind(values: _Array, kinds: _Array, b: int) -> _Array:
    """The sum (n,) of values of vertices (7, n) over those of kind b."""
    total: _Array = values[_OUT] if _KINDS[b] == "output" else (values[_INNER] * kinds[b, _INNER]).sum(axis=0)
    return total


def _chains(edges: _Array, kinds: _Array) -> _Columns:
    """Numbers of two edges in sequence, by the three kinds."""
    received = {a: _received(edges, kinds, a) for a in _SENDERS}
    sent = {c: _at_kind(edges.swapaxes(0, 1), kinds[:, :, None], c) for c in _RECEIVERS}
    columns = {}
    for b in _OPS:
        for a in _SENDERS:
            first = received[a] * kinds[b]
            for c in _RECEIVERS:
                columns[f"{_KINDS[a]}>{_KINDS[b]}>{_KINDS[c]}"] = (first[_INNER] * sent[c][_INNER]).sum(axis=0)
    return columns


def _names() -> tuple[str, ...]:
    smallest = np.zeros((1, MAX_VERTICES, MAX_VERTICES), dtype=bool)
    smallest[0, 0, _OUT] = True
    return tuple(_columns(smallest, np.zeros((1, MAX_VERTICES - 2), dtype=np.int8)))


STRUCTURAL_NAMES = _names()
