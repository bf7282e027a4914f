"""One-step neighbourhoods of cells, as index arrays."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Ints, blocks
from eomoo.checks import known_name
from eomoo.errors import EomooError
from eomoo.files import atomic_path, cache_folder, read_array
from eomoo.space.cell import MAX_VERTICES
from eomoo.space.tables import EDGE_WEIGHTS, Tables

KINDS = ("hamming", "symmetric", "published")
# Cells at a time: 31 steps of each are 2 MB, and their numbers in a block fit 16 bits.
_BLOCK = 1 << 14
# CRC-32 of the pairs that ``_one_way_steps`` finds; the space never changes, so nor do they.
_ONE_WAY_CHECKSUM = 0x0A98AE06

_Lists = tuple[Ints, Ints]


@dataclass(frozen=True, kw_only=True)
class Neighborhood:
    """The neighbours of all cells, in compressed rows.

    Attributes:
        indptr: (n_cells + 1,) int64; cell i's neighbours are ``indices[indptr[i]:indptr[i + 1]]``.
        indices: int32, sorted and distinct within a row, never the cell itself.

    Examples:
        >>> space.neighbors(76119).size > 0
        True
    """

    indptr: Ints
    indices: NDArray[np.int32]

    def __getitem__(self, i: int) -> NDArray[np.int32]:
        return self.indices[self.indptr[i] : self.indptr[i + 1]]

    def rows(self, indices: Ints) -> tuple[Ints, Ints]:
        """How many neighbours each of the cells (n,) has, and all of them one after another."""
        first, counts = self.indptr[indices], self.indptr[indices + 1] - self.indptr[indices]
        skipped = np.repeat(first - (np.cumsum(counts) - counts), counts)
        return counts, self.indices[skipped + np.arange(len(skipped))].astype(np.int64)

    def __len__(self) -> int:
        return len(self.indptr) - 1


def check_kind(kind: str) -> None:
    """Raise UnknownNameError (a KeyError) unless ``kind`` names a neighbourhood."""
    known_name("neighbourhood", kind, KINDS)


def one_step(space: Tables, indices: Ints, *, kind: str) -> NDArray[np.int32]:
    """The cells one step from the stored members of the cells (n,): "hamming" or "published".

    A step flips one of the 21 edges or changes one of the 5 operations of the genotype.
    "published" keeps only steps between cells of 7 vertices, as the published search did.

    Returns:
        (n, 31) int32; each row sorted and distinct, with -1 in front of its neighbours.
    """
    mask = space.padded_mask[space.structure[indices]]
    near = space.one_step_from(mask, space.padded_code[indices].astype(np.int64))
    near[near == indices[:, None]] = -1
    if kind == "published":
        full = space.n_vertices == MAX_VERTICES
        near[~full[near] | ~full[indices][:, None]] = -1
    return _distinct(near)


def neighbor_lists(space: Tables, indices: Ints, kind: str) -> _Lists:
    """How many neighbours each of the cells (n,) has, and all of them one after another, sorted.

    "symmetric" is a step from the stored member or the reverse of one: b is a neighbour of a exactly when a
    is one of b. That is what a step from any member of the class reaches, or the reverse of such a step,
    whichever member is stored (``tests/space`` has the definition's slow twin).
    """
    near = one_step(space, indices, kind="published" if kind == "published" else "hamming")
    counts, flat = (near >= 0).sum(axis=1), near[near >= 0].astype(np.int64)
    if kind != "symmetric":
        return counts, flat
    more_counts, more = _one_way(space).rows(indices)
    # One number for a row and its neighbour, which are sorted together.
    rows = np.arange(len(indices)) * len(space)
    both = np.concatenate((np.repeat(rows, counts) + flat, np.repeat(rows, more_counts) + more))
    both.sort()
    counts = counts + more_counts
    return counts, both - np.repeat(rows, counts)


def only_those(wanted: Bools, counts: Ints, flat: Ints) -> _Lists:
    """Lists of neighbours, as ``neighbor_lists`` gives them, without those that are not wanted, (all of them,) bool."""
    owner = np.repeat(np.arange(len(counts)), counts)[wanted]
    return np.bincount(owner, minlength=len(counts)), flat[wanted]


def neighborhood(space: Tables, kind: str) -> Neighborhood:
    """The neighbours of every cell; a second of work, so keep the result (``Catalogue`` does)."""
    lists = (neighbor_lists(space, block, kind) for block in _all_cells(space))
    counts, flat = zip(*((counts, flat.astype(np.int32)) for counts, flat in lists), strict=True)
    return _compressed(np.concatenate(counts), np.concatenate(flat))


def _all_cells(space: Tables) -> Iterator[Ints]:
    """The indices of all cells, in blocks."""
    return (np.arange(here.start, here.stop) for here in blocks(len(space), _BLOCK))


def _compressed(counts: Ints, flat: NDArray[np.int32]) -> Neighborhood:
    return Neighborhood(indptr=np.concatenate(([0], np.cumsum(counts))), indices=flat)


def _distinct(near: NDArray[np.int32]) -> NDArray[np.int32]:
    near.sort(axis=1)
    again = near[:, 1:] == near[:, :-1]
    if again.any():
        near[:, 1:][again] = -1
        near.sort(axis=1)
    return near


@lru_cache(maxsize=1)
def _one_way(space: Tables) -> Neighborhood:
    """For every cell, those that lead to it by a step which has no way back, 1.5 million in all.

    Found once, in most of a second, then kept in the user's cache; a file there that is not this is not used.
    """
    path = cache_folder() / "space" / "one-way.npy"
    pairs = None
    with suppress(EomooError):
        pairs = read_array(path)
    if pairs is None or pairs.dtype != np.int32 or zlib.crc32(pairs.tobytes()) != _ONE_WAY_CHECKSUM:
        pairs = np.stack(_one_way_steps(space))
        # A cache that cannot be written is done without.
        with suppress(EomooError), atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, pairs)
    source, target = pairs
    return _compressed(np.bincount(target, minlength=len(space)), source)


def _one_way_steps(space: Tables) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The pairs (a cell, where a step without a way back leads from it), the second ascending, then the first.

    Only a removed edge can be such a step: vertices fall away with it, which one edge cannot bring back, or
    the order of the stored member's forbids to add it again. Another operation can always be changed back, an
    added edge be removed.
    """
    source, target = _without_an_edge(space)
    # Sources ascend, so a stable order of targets sorts the pairs; 16 bits are sorted by their digits.
    order = np.argsort((target & 0xFFFF).astype(np.uint16), kind="stable")
    order = order[np.argsort((target[order] >> 16).astype(np.uint16), kind="stable")]
    source, target = source[order], target[order]
    alone = np.ones(len(source), dtype=bool)
    doubtful = np.flatnonzero(space.n_vertices[source] == space.n_vertices[target])
    for weight in EDGE_WEIGHTS:
        mask = space.padded_mask[space.structure[target[doubtful]]]
        back = space.lookup(mask | weight, space.padded_code[target[doubtful]].astype(np.int64)) == source[doubtful]
        alone[doubtful[back]] = False
        doubtful = doubtful[~back]
    return source[alone], target[alone]


def _without_an_edge(space: Tables) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The pairs (a cell, what it becomes when one of its edges is removed), the first ascending."""
    pairs = []
    for block in _all_cells(space):
        mask = space.padded_mask[space.structure[block]][:, None]
        near = space.lookup(mask & ~EDGE_WEIGHTS, space.padded_code[block].astype(np.int64)[:, None])
        near[near == block[:, None]] = -1
        near = _distinct(near)
        row, column = np.nonzero(near >= 0)
        pairs.append((block[row].astype(np.int32), near[row, column]))
    source, target = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return source, target
