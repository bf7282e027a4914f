"""The space as arrays, and look-up in them: genotype <-> index <-> hash."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Ints, blocks
from eomoo.checks import array, short
from eomoo.errors import DataError, EomooError, SettingError, UnknownNameError
from eomoo.files import read_array
from eomoo.space.cell import MAX_VERTICES, N_EDGE_GENES, N_GENES
from eomoo.space.enumeration import N_CELLS, N_EDGES, N_INTERIOR, N_LABELLINGS, edge_bit, enumerate_space

# CRC-32 of the shipped hashes, taken in 1.6 ms (SHA-256: 3.7 ms); it is to find accidents.
_CHECKSUM = 0x70B4B983

# Genotypes decoded at a time: their 0.8 MB of genes and codes stay within a core's cache.
_BLOCK = 1 << 12
_POWERS = 3 ** np.arange(N_INTERIOR - 1, -1, -1)
_DIGITS = (np.arange(N_LABELLINGS)[:, None] // _POWERS % 3).astype(np.int8)
_ROW_MAJOR = [(x, y) for x in range(MAX_VERTICES) for y in range(x + 1, MAX_VERTICES)]
EDGE_WEIGHTS = np.array([1 << edge_bit(x, y) for x, y in _ROW_MAJOR], dtype=np.int64)
HIGHEST_GENES = np.array([1] * N_EDGE_GENES + [2] * N_INTERIOR, dtype=np.int64)
_TOO_FAR = N_EDGES + 1
_HASH = re.compile(r"\s*[0-9a-fA-F]{32}\s*")


# For each labelling of 5 vertices, those with one operation raised by 1, then by 2: (243, 10).
_RAISED = [((_DIGITS + k) % 3 - _DIGITS.astype(np.int64)) * _POWERS for k in (1, 2)]
_OTHER_OPERATIONS = np.arange(N_LABELLINGS)[:, None] + np.concatenate(_RAISED, axis=1)


class Tables:
    """Every cell of the space in arrays, built from scratch by enumeration.

    Attributes:
        n_vertices, n_edges: (423624,) int8, by index.
        structure: (423624,) int16, number of each cell's unlabelled graph, by index.
        padded_code: (423624,) uint8, operations of the stored member as a number in base 3.
        padded_mask: (6472,) int64, edges of each structure as bits, padded to 7 vertices.
        structure_vertices: (6472,) int8.
        structure_adjacency: (6472, 7, 7) bool, padded by unused vertices in front of the output.
    """

    def __init__(self) -> None:
        space = enumerate_space()
        hashes = read_hashes(Path(__file__).with_name("hashes.npy"))
        keys = _hash_keys(hashes)
        class_of_index = np.argsort(keys)
        self._hashes, self._hash_keys = hashes[class_of_index], keys[class_of_index]
        index_of_class = np.empty(N_CELLS, dtype=np.int32)
        index_of_class[class_of_index] = np.arange(N_CELLS, dtype=np.int32)
        self._index_of_labelled = index_of_class[space.class_of_labelled]
        self._offset = space.offset
        self._structure_of_mask = space.structure_of_mask
        self._survivors_of_mask = space.survivors_of_mask
        self._labelling_of_survivors = _labelling_of_survivors()
        self.structure_vertices = space.vertices
        self.structure_adjacency = _padded_adjacency(space.mask, space.vertices)
        x, y = np.array(_ROW_MAJOR).T
        self._edge_genes = np.ascontiguousarray(self.structure_adjacency[:, x, y])
        self.padded_mask = self._edge_genes @ EDGE_WEIGHTS
        self.structure = space.class_structure[class_of_index]
        self.n_vertices = space.vertices[self.structure]
        self.n_edges = self.structure_adjacency.sum(axis=(1, 2), dtype=np.int8)[self.structure]
        padding = 3 ** (MAX_VERTICES - self.n_vertices.astype(np.int64))
        self.padded_code = (space.class_labelling[class_of_index] * padding).astype(np.uint8)

    def __len__(self) -> int:
        return N_CELLS

    def distinct(self, indices: Ints) -> Ints:
        """The distinct ones of indices of cells (n,), ascending: a mark for each cell is quicker than a sort."""
        marked = np.zeros(len(self), dtype=bool)
        marked[indices] = True
        return np.flatnonzero(marked)

    # -- genotype -> index ---------------------------------------------------------------------

    def violation(self, X: ArrayLike) -> Ints:
        """How far genotypes (n, 26) are from a valid one: a number of edges, 0 where valid.

        Edges over 9 after pruning are counted; 1 where input and output are not connected, since one
        edge joins them; 22 where a gene is out of its range.
        """
        return self.decode(X)[1]

    def decode(self, X: ArrayLike) -> tuple[Ints, Ints]:
        """``index`` and ``violation`` of genotypes (n, 26) in one pass."""
        genes = np.atleast_2d(_checked_genotypes(X))
        index = np.empty(len(genes), dtype=np.int64)
        violation = np.empty(len(genes), dtype=np.int64)
        for here in blocks(len(genes), _BLOCK):
            index[here], violation[here] = self._decode_block(genes[here])
        return index, violation

    def _decode_block(self, genes: Ints) -> tuple[Ints, Ints]:
        wrong: Bools | None = None
        # Negative genes have high bits set, so one bitwise "or" of all tells whether any is amiss.
        if np.bitwise_or.reduce(genes, axis=None) & ~3 or (genes > HIGHEST_GENES).any():
            wrong = np.asarray(((genes < 0) | (genes > HIGHEST_GENES)).any(axis=1))
            # No edges, no cell: such a row looks up as invalid.
            genes = np.where(wrong[:, None], 0, genes)
        mask = genes[:, :N_EDGE_GENES] @ EDGE_WEIGHTS
        index = self.lookup(mask, genes[:, N_EDGE_GENES:] @ _POWERS).astype(np.int64)
        violation = np.maximum(-self._structure_of_mask[mask].astype(np.int64), 0)
        if wrong is not None:
            violation[wrong] = _TOO_FAR
        return index, violation

    def lookup(self, mask: Ints, code: Ints) -> NDArray[np.int32]:
        """Indices of edge masks and operation codes over 7 vertices (broadcast together), or -1."""
        structure = self._structure_of_mask[mask]
        labelling = self._labelling_of_survivors[(self._survivors_of_mask[mask].astype(np.int64) << np.int64(8)) | code]
        found: NDArray[np.int32] = self._index_of_labelled[self._offset[structure] + labelling]
        invalid = structure < 0
        if invalid.any():
            found[np.broadcast_to(invalid, found.shape)] = -1
        return found

    def one_gene_changes(self, X: Ints) -> NDArray[np.int32]:
        """Cells of the genotypes that differ from genotypes (n, 26) in one gene: see ``one_step_from``."""
        return self.one_step_from(X[:, :N_EDGE_GENES] @ EDGE_WEIGHTS, X[:, N_EDGE_GENES:] @ _POWERS)

    def one_step_from(self, mask: Ints, code: Ints) -> NDArray[np.int32]:
        """Cells one gene from edge masks (n,) and operation codes (n,): (n, 31), -1 where invalid.

        Columns: the 21 edge genes flipped, then each of the 5 operations raised by one, then by two
        (modulo 3). A column may lead to the genotype's own cell.
        """
        near = np.empty((len(mask), N_EDGES + 2 * N_INTERIOR), dtype=np.int32)
        near[:, :N_EDGES] = self.lookup(mask[:, None] ^ EDGE_WEIGHTS, code[:, None])
        near[:, N_EDGES:] = self.lookup(mask[:, None], _OTHER_OPERATIONS[code])
        return near

    # -- index -> genotype, hash ---------------------------------------------------------------

    def genotype(self, i: ArrayLike) -> Ints:
        """Genotypes of the stored members: (n, 26) int64 for indices (n,), (26,) for one index."""
        indices = self.check(i)
        genes = np.empty((*indices.shape, N_GENES), dtype=np.int64)
        genes[..., :N_EDGE_GENES] = self._edge_genes[self.structure[indices]]
        genes[..., N_EDGE_GENES:] = self.padded_ops(indices)
        return genes

    def padded_ops(self, indices: Ints) -> NDArray[np.int8]:
        """Operations of the 5 interior vertices of cells (n,): (n, 5) int8, 0 where one is unused."""
        return _DIGITS[self.padded_code[indices]]

    @overload
    def hash(self, i: int) -> str: ...
    @overload
    def hash(self, i: Sequence[int] | Ints) -> list[str]: ...
    def hash(self, i: ArrayLike) -> str | list[str]:
        """NAS-Bench-101 hash, 32 hexadecimal digits; a list of them for an array of indices."""
        text = self._hashes[self.check_row(i)].tobytes().hex()
        return [text[k : k + 32] for k in range(0, len(text), 32)] if np.ndim(i) else text

    def find(self, hashes: Iterable[str]) -> Ints:
        """Indices (n,) of NAS-Bench-101 hashes.

        Raises:
            UnknownNameError: (a KeyError) A hash is none of this space; the text names it.
        """
        wanted = list(hashes) if isinstance(hashes, Iterable) and not isinstance(hashes, str) else [hashes]
        for text in wanted:
            if not isinstance(text, str) or not _HASH.fullmatch(text):
                raise UnknownNameError(f"no NAS-Bench-101 hash: {short(text)} (expected 32 hexadecimal digits)")
        digests = np.frombuffer(bytes.fromhex("".join(wanted)), dtype=np.uint8).reshape(-1, 16)
        at = np.minimum(np.searchsorted(self._hash_keys, _hash_keys(digests)), N_CELLS - 1)
        missing = np.flatnonzero((self._hashes[at] != digests).any(axis=1))
        if len(missing):
            named = ", ".join(wanted[k] for k in missing[:3])
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise UnknownNameError(f"no cell of the space has the hash {named}{more}")
        return at.astype(np.int64)

    def check(self, i: ArrayLike) -> Ints:
        """Indices as int64 of the same shape; SettingError (a ValueError) when one is out of range."""
        indices = array("indices", i)
        if indices.size == 0:
            return indices.astype(np.int64)
        if indices.dtype.kind not in "iu":
            raise SettingError(f"a cell's index is a whole number; got {indices.dtype} values")
        if indices.ndim == 2 and indices.shape[1] == N_GENES and (indices <= HIGHEST_GENES).all():
            raise SettingError("these are genotypes; their cells' indices are space.index(X)")
        if indices.min() < 0 or indices.max() >= N_CELLS:
            bad = indices[(indices < 0) | (indices >= N_CELLS)].flat[0]
            raise SettingError(f"no cell has the index {bad}; indices run from 0 to {N_CELLS - 1:,}")
        return indices.astype(np.int64)

    def check_row(self, i: ArrayLike) -> Ints:
        """Indices (n,) as int64, of one too; SettingError (a ValueError) for more dimensions, or one out of range."""
        indices = np.atleast_1d(self.check(i))
        if indices.ndim > 1:
            raise SettingError(f"indices have shape (n,); got {indices.shape}")
        return indices


def read_hashes(path: str | Path) -> NDArray[np.uint8]:
    """The hashes (423624, 16) that ``benchmarks/space_hashes.py`` writes; DataError where a file holds others."""
    try:
        hashes = read_array(path)
    except EomooError as error:
        raise DataError(f"{error}; if that stays so, install eomoo again") from None
    if hashes.shape != (N_CELLS, 16) or hashes.dtype != np.uint8 or zlib.crc32(hashes.data) != _CHECKSUM:
        raise DataError(f"{path} is not the file that eomoo ships; install eomoo again")
    return hashes


def _padded_adjacency(mask: NDArray[np.int32], vertices: NDArray[np.int8]) -> Bools:
    adjacency = np.zeros((len(mask), MAX_VERTICES, MAX_VERTICES), dtype=bool)
    rows = np.arange(len(mask))
    for x, y in _ROW_MAJOR:
        edge = (mask >> edge_bit(x, y) & 1).astype(bool)
        adjacency[rows, x, np.where(vertices == y + 1, MAX_VERTICES - 1, y)] |= edge
    return adjacency


def _labelling_of_survivors() -> NDArray[np.uint8]:
    """Labelling of the surviving vertices, (32 * 256,), by surviving bits << 8 | code of all five."""
    table = np.zeros((1 << N_INTERIOR, 256), dtype=np.uint8)
    for bits in range(1 << N_INTERIOR):
        for v in range(N_INTERIOR):
            if bits >> v & 1:
                table[bits, :N_LABELLINGS] = table[bits, :N_LABELLINGS] * 3 + _DIGITS[:, v]
    return table.ravel()


def _checked_genotypes(X: ArrayLike) -> Ints:
    genes = array("genotypes", X)
    if genes.ndim not in (1, 2) or genes.shape[-1] != N_GENES:
        raise SettingError(f"genotypes have shape (n, {N_GENES}) or ({N_GENES},); got {genes.shape}")
    if genes.dtype == np.int64:
        return genes
    if genes.dtype.kind in "biu":
        return genes.astype(np.int64)
    if genes.dtype.kind != "f":
        raise SettingError(f"genotypes hold whole numbers; got {genes.dtype} values")
    # A gene between two integers is out of range, like one beyond them.
    return np.where(np.isfinite(genes) & (genes == np.round(genes)), genes, -1).clip(-1, 3).astype(np.int64)


def _hash_keys(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first 8 bytes of each hash as a number; they are distinct among the cells."""
    return np.ascontiguousarray(hashes[:, :8]).view(">u8")[:, 0].astype(np.uint64)
