"""The space from scratch: every graph, every labelling, every class of isomorphic cells.

NAS-Bench-101 enumerates the vertices V = 2..7, for each V all edge masks (the bit of edge x -> y is x + y(y-1)/2), for
each mask all labellings in product order, and stores the first member of each isomorphism class. So the stored member
is its class's smallest (mask, labelling), and the classes can be numbered without hashing anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Floats
from eomoo.space.cell import MAX_EDGES, MAX_VERTICES, N_OP_GENES

N_CELLS = 423_624  # Ying et al., NAS-Bench-101, ICML 2019; the enumeration gives it too
N_INTERIOR = N_OP_GENES
N_EDGES = MAX_VERTICES * (MAX_VERTICES - 1) // 2
N_MASKS = 1 << N_EDGES
N_LABELLINGS = 3**N_INTERIOR
_FORBIDDEN = float(1 << 30)  # above every mask of 21 bits


def edge_bit(x: int, y: int) -> int:
    """Position of edge x -> y in a mask; the masks of fewer vertices are a prefix of those of more."""
    return x + y * (y - 1) // 2


@dataclass(frozen=True, kw_only=True)
class Enumeration:
    """All labelled graphs and classes.

    A *structure* is a pruned graph without labels: its vertices all lie on a path from input to
    output. Structures are sorted by (vertices, mask). A *labelled graph* is a structure with a
    labelling, numbered ``offset[structure] + labelling``; a labelling is a number in base 3 whose
    first digit is the first interior vertex. Classes are numbered in NAS-Bench-101's order.

    Attributes:
        mask: (n_structures,) int32, over the structure's own V vertices.
        vertices: (n_structures,) int8.
        offset: (n_structures,) int32.
        structure_of_mask: (2**21,) int16, a structure, or minus the number of edges that stand
            between the mask and a valid one (1 when input and output are not connected).
        survivors_of_mask: (2**21,) uint8, which of the 5 interior vertices survive pruning.
        class_of_labelled: (1_293_208,) int32.
        class_structure: (423_624,) int16.
        class_labelling: (423_624,) uint8.
    """

    mask: NDArray[np.int32]
    vertices: NDArray[np.int8]
    offset: NDArray[np.int32]
    structure_of_mask: NDArray[np.int16]
    survivors_of_mask: NDArray[np.uint8]
    class_of_labelled: NDArray[np.int32]
    class_structure: NDArray[np.int16]
    class_labelling: NDArray[np.uint8]


def enumerate_space() -> Enumeration:
    """Enumerate the whole space, in well under a second."""
    pruned, survivors, violation = _prune_all_masks()
    present = np.zeros(N_MASKS, dtype=bool)
    present[pruned[violation == 0]] = True
    mask = np.flatnonzero(present).astype(np.int32)
    number = np.cumsum(present, dtype=np.int16) - np.int16(1)
    structure_of_mask = np.where(violation == 0, number[pruned], -violation.astype(np.int16))
    # The output's column is never empty, so the highest bit tells the number of vertices.
    starts = [edge_bit(0, v - 1) for v in range(3, MAX_VERTICES + 1)]
    vertices = (2 + np.searchsorted(starts, np.log2(mask), side="right")).astype(np.int8)
    sizes = 3 ** (vertices.astype(np.int32) - 2)
    offset = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int32)
    canonical = _canonical_labelled(mask, vertices, offset, sizes)
    is_first = canonical == np.arange(len(canonical))
    class_number = np.cumsum(is_first, dtype=np.int32) - np.int32(1)
    first = np.flatnonzero(is_first)
    class_structure = (np.searchsorted(offset, first, side="right") - 1).astype(np.int16)
    return Enumeration(
        mask=mask,
        vertices=vertices,
        offset=offset,
        structure_of_mask=structure_of_mask.astype(np.int16),
        survivors_of_mask=survivors,
        class_of_labelled=class_number[canonical],
        class_structure=class_structure,
        class_labelling=(first - offset[class_structure]).astype(np.uint8),
    )


def _prune_all_masks() -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8]]:
    """Pruned mask, surviving interior vertices and violation of each of the 2**21 masks.

    One block of masks for each column of the output: the rest of the mask runs through all values.
    """
    output = MAX_VERTICES - 1
    low_bits = edge_bit(0, output)
    low = np.arange(1 << low_bits, dtype=np.int32)
    into = [((low >> edge_bit(0, y)) & ((1 << y) - 1)).astype(np.uint8) for y in range(output)]
    reached = np.ones_like(into[0])
    for y in range(1, output):
        reached |= ((into[y] & reached) != 0).astype(np.uint8) << np.uint8(y)
    parts = [(0, edge_bit(0, 5)), (edge_bit(0, 5), low_bits)]
    tables = [_squeeze_table(start, stop) for start, stop in parts]
    columns = [(low >> start & ((1 << (stop - start)) - 1)).astype(np.intp) for start, stop in parts]
    last = _squeeze_table(low_bits, N_EDGES)
    pruned = np.empty((1 << output, len(low)), dtype=np.int32)
    survivors = np.empty(pruned.shape, dtype=np.uint8)
    violation = np.empty(pruned.shape, dtype=np.uint8)
    for joined in range(1 << output):
        needed = np.full_like(reached, joined)
        for y in range(output - 1, 0, -1):
            needed |= into[y] * ((needed >> np.uint8(y)) & np.uint8(1))
        connected = (reached & joined) != 0
        kept = (((needed & reached) >> 1) * connected).astype(np.intp)
        packed = last[kept, joined]
        for table, column in zip(tables, columns, strict=True):
            packed += table[kept, column]
        edges = packed >> N_EDGES
        pruned[joined] = packed & (N_MASKS - 1)
        survivors[joined] = kept
        violation[joined] = np.where(connected, np.maximum(edges, MAX_EDGES) - MAX_EDGES, 1)
    return pruned.ravel(), survivors.ravel(), violation.ravel()


def _squeeze_table(start: int, stop: int) -> NDArray[np.int32]:
    """What pruning leaves of the edge bits start..stop-1, shape (32, 2**(stop - start)).

    By the set of surviving interior vertices and the value of the bits: the edges left, at their
    place in the smaller mask, and their number above bit 21.
    """
    ends = [(x, y) for y in range(1, MAX_VERTICES) for x in range(y)][start:stop]
    values = np.arange(1 << (stop - start), dtype=np.int32)
    table = np.zeros((1 << N_INTERIOR, len(values)), dtype=np.int32)
    for kept in range(1 << N_INTERIOR):
        vertices = [0, *(v for v in range(1, N_INTERIOR + 1) if kept >> (v - 1) & 1), MAX_VERTICES - 1]
        at = {v: k for k, v in enumerate(vertices)}
        for k, (x, y) in enumerate(ends):
            if x in at and y in at:
                table[kept] += (values >> k & 1) * ((1 << edge_bit(at[x], at[y])) + N_MASKS)
    return table


def _canonical_labelled(
    mask: NDArray[np.int32], vertices: NDArray[np.int8], offset: NDArray[np.int32], sizes: NDArray[np.int32]
) -> NDArray[np.int32]:
    """For each labelled graph, the smallest one that is isomorphic to it."""
    canonical = np.empty(int(sizes.sum()), dtype=np.int32)
    for n in range(2, MAX_VERTICES + 1):
        here = np.flatnonzero(vertices == n)
        orders = np.array(list(permutations(range(n - 2))), dtype=np.intp)
        images = _images_of_masks(mask[here], orders)
        smallest = images.min(axis=1)
        target = here[np.searchsorted(mask[here], smallest)]
        row, order = np.nonzero(images == smallest[:, None])
        codes = _images_of_labellings(orders)[order]
        starts = np.searchsorted(row, np.arange(len(here)))
        best = np.minimum.reduceat(codes, starts, axis=0)
        block = offset[target][:, None] + best
        # Structures of one V are contiguous, and so are their labelled graphs.
        first = int(offset[here[0]])
        canonical[first : first + block.size] = block.ravel()
    return canonical


def _images_of_masks(mask: NDArray[np.int32], orders: NDArray[np.intp]) -> Floats:
    """Masks (n,) under each reordering (m, V - 2) of the interior; huge where an edge turns back."""
    n = orders.shape[1] + 2
    bits = (mask[:, None] >> np.arange(n * (n - 1) // 2)) & 1
    weight = np.empty((bits.shape[1], len(orders)))
    for k, order in enumerate(orders):
        at = [0, *(order + 1), n - 1]
        for y in range(1, n):
            for x in range(y):
                weight[edge_bit(x, y), k] = 1 << edge_bit(at[x], at[y]) if at[x] < at[y] else _FORBIDDEN
    return bits.astype(np.float64) @ weight


def _images_of_labellings(orders: NDArray[np.intp]) -> NDArray[np.int32]:
    """Each labelling (columns) under each reordering (rows), shape (m, 3**(V - 2))."""
    n = orders.shape[1]
    power = 3 ** np.arange(n - 1, -1, -1)
    digits = (np.arange(3**n)[:, None] // power) % 3
    images: NDArray[np.int32] = (power[orders] @ digits.T).astype(np.int32)
    return images
