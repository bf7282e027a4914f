"""Encodings of cells as numbers, for regression models: one-hot, 17x17, structural."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Ints, blocks
from eomoo.checks import known_name
from eomoo.space.cell import MAX_VERTICES, N_EDGE_GENES, SHORT_OPERATIONS
from eomoo.space.enumeration import N_INTERIOR
from eomoo.space.structural import STRUCTURAL_NAMES, structural_features
from eomoo.space.tables import Tables

_OUT = MAX_VERTICES - 1
_BLOCK = 1 << 13  # cells at a time: 141 features of each are 5 MB
# Operations 0 conv3x3, 1 conv1x1, 2 maxpool; the published order of the slots is conv1x1 first.
_FIRST_SLOT = np.array([6, 1, 11])
_SLOT_NAMES = (
    "input",
    *(f"{name}_{k}" for name in ("conv1x1", "conv3x3", "maxpool") for k in range(1, N_INTERIOR + 1)),
    "output",
)
_SIZE_17 = len(_SLOT_NAMES)


def features(space: Tables, indices: Ints, *, kind: str = "structural") -> NDArray[np.number]:
    """Features of cells (n,).

    Args:
        kind: "one-hot": the 21 edge bits of the stored member and, for each of its 5 places, whether it holds a
            conv3x3, a conv1x1 or a maxpool (none of them: it is unused). "17x17": the adjacency matrix over input, five
            numbered slots for each operation (conv1x1, conv3x3, maxpool) and output, row by row, a cell's operations in
            the slots of their kind in vertex order (Demir, Traoré, Camero, ESANN 2024). "structural": counts, paths,
            degrees, widths and costs, the same for every member of a cell's class. "structural+one-hot": both, since
            which vertex comes first decides who gets the channels that a division leaves over.

    Returns:
        (n, 36) uint8, (n, 289) uint8, (n, 141) or (n, 177) float32; the columns' names: ``feature_names``.

    Raises:
        UnknownNameError: (a KeyError) There is no such kind.
    """
    known_name("kind of features", kind, _KINDS)
    encode, names, dtype = _KINDS[kind]
    result = np.empty((len(indices), len(names)), dtype=dtype)
    for here in blocks(len(indices), _BLOCK):
        result[here] = encode(space, indices[here])
    return result


def feature_names(kind: str = "structural") -> tuple[str, ...]:
    """Names of the columns of ``features`` of that kind."""
    known_name("kind of features", kind, _KINDS)
    return _KINDS[kind][1]


def matrix_17x17(space: Tables, indices: Ints) -> NDArray[np.uint8]:
    """The 17x17 adjacency matrices of cells (n,), shape (n, 17, 17)."""
    structure, ops = space.structure[indices], space.padded_ops(indices)
    adjacency = space.structure_adjacency[structure]
    slot = np.zeros((len(indices), MAX_VERTICES), dtype=np.int64)
    slot[:, _OUT] = _SIZE_17 - 1
    for v in range(N_INTERIOR):
        before = (ops[:, :v] == ops[:, v : v + 1]).sum(axis=1)
        slot[:, v + 1] = _FIRST_SLOT[ops[:, v]] + before
    cell, x, y = np.nonzero(adjacency)
    matrix = np.zeros((len(indices), _SIZE_17, _SIZE_17), dtype=np.uint8)
    matrix[cell, slot[cell, x], slot[cell, y]] = 1
    return matrix


def _one_hot(space: Tables, indices: Ints) -> NDArray[np.uint8]:
    genes = space.genotype(indices)
    used = np.arange(N_INTERIOR) < space.n_vertices[indices, None] - 2
    chosen = (genes[:, N_EDGE_GENES:, None] == np.arange(3)) & used[:, :, None]
    return np.concatenate([genes[:, :N_EDGE_GENES], chosen.reshape(len(genes), -1)], axis=1).astype(np.uint8)


def _structural(space: Tables, indices: Ints) -> NDArray[np.float32]:
    return structural_features(space.structure_adjacency[space.structure[indices]], space.padded_ops(indices))


def _both(space: Tables, indices: Ints) -> NDArray[np.float32]:
    parts = _structural(space, indices), _one_hot(space, indices)
    return np.concatenate(parts, axis=1, dtype=np.float32)


FEATURE_KINDS = ("one-hot", "17x17", "structural", "structural+one-hot")
_EDGE_NAMES = tuple(f"edge_{x}_{y}" for x in range(MAX_VERTICES) for y in range(x + 1, MAX_VERTICES))
_OP_NAMES = tuple(f"{name}_at_{v}" for v in range(1, N_INTERIOR + 1) for name in SHORT_OPERATIONS)
_Encode = Callable[[Tables, Ints], NDArray[np.number]]
_KINDS: dict[str, tuple[_Encode, tuple[str, ...], type[np.number]]] = {
    "one-hot": (_one_hot, (*_EDGE_NAMES, *_OP_NAMES), np.uint8),
    "17x17": (
        lambda space, indices: matrix_17x17(space, indices).reshape(len(indices), -1),
        tuple(f"{a}>{b}" for a in _SLOT_NAMES for b in _SLOT_NAMES),
        np.uint8,
    ),
    "structural": (_structural, STRUCTURAL_NAMES, np.float32),
    "structural+one-hot": (_both, (*STRUCTURAL_NAMES, *_EDGE_NAMES, *_OP_NAMES), np.float32),
}
