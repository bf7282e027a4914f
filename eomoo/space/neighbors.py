"""One-step neighbourhoods of cells, as index arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import UnknownNameError
from eomoo.space.cell import MAX_VERTICES
from eomoo.space.enumeration import N_EDGES, N_INTERIOR, N_LABELLINGS, edge_bit

if TYPE_CHECKING:
    from eomoo.space.catalogue import Catalogue

__all__ = ["KINDS", "Neighborhood", "check_kind", "neighborhood", "one_step"]

KINDS = ("hamming", "symmetric", "published")
_BLOCK = 1 << 14


@dataclass(frozen=True, kw_only=True)
class Neighborhood:
    """The neighbours of all cells, in compressed rows.

    Attributes:
        indptr: (n_cells + 1,) int64; cell i's neighbours are ``indices[indptr[i]:indptr[i + 1]]``.
        indices: int32, sorted and distinct within a row, never the cell itself.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]

    def __getitem__(self, i: int) -> NDArray[np.int32]:
        return self.indices[self.indptr[i] : self.indptr[i + 1]]

    def rows(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many neighbours each of the cells (n,) has, and all of them one after another."""
        first, counts = self.indptr[indices], self.indptr[indices + 1] - self.indptr[indices]
        skipped = np.repeat(first - (np.cumsum(counts) - counts), counts)
        return counts, self.indices[skipped + np.arange(len(skipped))].astype(np.int64)

    def __len__(self) -> int:
        return len(self.indptr) - 1


def check_kind(kind: str) -> None:
    """Raise UnknownNameError (a KeyError) unless ``kind`` names a neighbourhood."""
    if kind not in KINDS:
        raise UnknownNameError(f"unknown neighbourhood {kind!r}; known are {', '.join(KINDS)}")


def one_step(space: Catalogue, indices: NDArray[np.int64], *, kind: str) -> NDArray[np.int32]:
    """The cells one step from the stored members of the cells (n,): "hamming" or "published".

    A step flips one of the 21 edges or changes one of the 5 operations of the genotype.
    "published" keeps only steps between cells of 7 vertices, as the published search did.

    Returns:
        (n, 31) int32; each row sorted and distinct, with -1 in front of its neighbours.
    """
    mask = space.padded_mask[space.structure[indices]][:, None]
    code = space.padded_code[indices].astype(np.int64)[:, None]
    flips, others = 1 << np.arange(N_EDGES), other_operations()
    near = np.empty((len(indices), N_EDGES + others.shape[1]), dtype=np.int32)
    near[:, :N_EDGES] = space.lookup(mask ^ flips, code)
    near[:, N_EDGES:] = space.lookup(mask, others[code[:, 0]])
    near[near == indices[:, None]] = -1
    if kind == "published":
        full = space.n_vertices == MAX_VERTICES
        near[~full[near] | ~full[indices][:, None]] = -1
    return _distinct(near)


def neighborhood(space: Catalogue, kind: str) -> Neighborhood:
    """The neighbours of every cell; seconds of work, so keep the result (``Catalogue`` does).

    "symmetric" is a step from any member of a cell's class, or the reverse of one: b is a neighbour
    of a exactly when a is one of b. It does not depend on the member that happens to be stored.
    """
    check_kind(kind)
    if kind == "symmetric":
        return _symmetric(space)
    return _compress([one_step(space, block, kind=kind) for block in _blocks(space)])


def _blocks(space: Catalogue) -> list[NDArray[np.int64]]:
    everything = np.arange(len(space))
    return [everything[start : start + _BLOCK] for start in range(0, len(space), _BLOCK)]


def _compress(blocks: list[NDArray[np.int32]]) -> Neighborhood:
    counts = np.concatenate([(block >= 0).sum(axis=1) for block in blocks])
    return Neighborhood(
        indptr=np.concatenate(([0], np.cumsum(counts))),
        indices=np.concatenate([block[block >= 0] for block in blocks]),
    )


def _distinct(near: NDArray[np.int32]) -> NDArray[np.int32]:
    near.sort(axis=1)
    again = near[:, 1:] == near[:, :-1]
    if again.any():
        near[:, 1:][again] = -1
        near.sort(axis=1)
    return near


@lru_cache(maxsize=1)
def other_operations() -> NDArray[np.int64]:
    """For each labelling of 5 vertices, those with one operation raised by 1, then by 2: (243, 10)."""
    power = 3 ** np.arange(N_INTERIOR - 1, -1, -1)
    codes = np.arange(N_LABELLINGS)[:, None]
    digits = codes // power % 3
    return np.concatenate([codes + ((digits + k) % 3 - digits) * power for k in (1, 2)], axis=1)


def _symmetric(space: Catalogue) -> Neighborhood:
    n = np.int64(len(space))
    added = _added_against_order(space)
    keys = []
    for block in _blocks(space):
        near = np.concatenate((one_step(space, block, kind="hamming"), added(block)), axis=1)
        source, column = np.nonzero((near >= 0) & (near != block[:, None]))
        a, b = block[source], near[source, column].astype(np.int64)
        keys += [a * n + b, b * n + a]
    pairs = np.concatenate(keys)
    pairs.sort()
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))]
    source = pairs // n
    indptr = np.searchsorted(source, np.arange(n + 1))
    return Neighborhood(indptr=indptr, indices=(pairs - source * n).astype(np.int32))


class _added_against_order:  # noqa: N801 - a function with tables
    """Cells reached by an edge that the stored member's order of vertices forbids, not the class.

    Removed edges and changed operations reach the same cells from every member of a class. An edge
    x -> y can be added in some member as soon as no path leads from y to x.
    """

    def __init__(self, space: Catalogue) -> None:
        self.space = space
        self.orders = list(permutations(range(1, N_INTERIOR + 1)))
        numbers = {order: k for k, order in enumerate(self.orders)}
        self.relabelled = self._relabelled_codes()
        pairs = [(x, y) for y in range(1, N_INTERIOR) for x in range(y + 1, N_INTERIOR + 1)]
        shape = (len(space.padded_mask), len(pairs))
        # Mask 0 connects nothing, so an edge that cannot be added looks up as invalid.
        self.mask, self.order = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for s, (adjacency, v) in enumerate(
            zip(space.structure_adjacency, space.structure_vertices, strict=True)
        ):
            reach = _ancestors(adjacency)
            for k, (x, y) in enumerate(pairs):
                if x <= v - 2 and not reach[x][y]:
                    order = _moved_before(x, y, reach[x])
                    self.order[s, k] = numbers[order]
                    self.mask[s, k] = _mask_in_order(adjacency, order, (x, y))

    def _relabelled_codes(self) -> NDArray[np.int64]:
        power = 3 ** np.arange(N_INTERIOR - 1, -1, -1)
        digits = np.arange(N_LABELLINGS)[:, None] // power % 3
        return np.array([digits[:, [v - 1 for v in order]] @ power for order in self.orders])

    def __call__(self, indices: NDArray[np.int64]) -> NDArray[np.int32]:
        structure = self.space.structure[indices]
        code = self.space.padded_code[indices].astype(np.int64)[:, None]
        return self.space.lookup(self.mask[structure], self.relabelled[self.order[structure], code])


def _ancestors(adjacency: NDArray[np.bool_]) -> list[list[bool]]:
    """``result[x][y]``: x = y or a path leads from y to x."""
    edges = adjacency.tolist()
    reach = [[x == y for y in range(MAX_VERTICES)] for x in range(MAX_VERTICES)]
    for x in range(MAX_VERTICES):
        for p in range(x):
            if edges[p][x]:
                reach[x] = [a or b for a, b in zip(reach[x], reach[p], strict=True)]
    return reach


def _moved_before(x: int, y: int, ancestors: list[bool]) -> tuple[int, ...]:
    """An order of the interior in which x and what it needs stand before y, others as they were."""
    between = range(y, x + 1)
    return (
        *range(1, y),
        *(v for v in between if ancestors[v]),
        *(v for v in between if not ancestors[v]),
        *range(x + 1, N_INTERIOR + 1),
    )


def _mask_in_order(adjacency: NDArray[np.bool_], order: tuple[int, ...], edge: tuple[int, int]) -> int:
    at = {v: k for k, v in enumerate((0, *order, MAX_VERTICES - 1))}
    edges = [*np.argwhere(adjacency).tolist(), edge]
    return sum(1 << edge_bit(at[x], at[y]) for x, y in edges)
