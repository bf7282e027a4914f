"""The catalogue of all 423,624 cells: genotype <-> index <-> Cell <-> hash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.errors import DataError, SettingError, UnknownNameError
from eomoo.space.cell import MAX_VERTICES, N_EDGE_GENES, N_GENES, OPERATIONS, Cell
from eomoo.space.cost import SO2SAT, Skeleton, count_macs, count_params
from eomoo.space.enumeration import (
    N_CELLS,
    N_EDGES,
    N_INTERIOR,
    N_LABELLINGS,
    edge_bit,
    enumerate_space,
)
from eomoo.space.neighbors import KINDS, Neighborhood, check_kind, neighborhood, one_step, other_operations

__all__ = ["Catalogue", "load_space"]

_BLOCK = 1 << 12
# Asking for the neighbours of single cells this often costs as much as preparing those of all.
_RENT = 4_000
_POWERS = 3 ** np.arange(N_INTERIOR - 1, -1, -1)
_DIGITS = (np.arange(N_LABELLINGS)[:, None] // _POWERS % 3).astype(np.int8)
_ROW_MAJOR = [(x, y) for x in range(MAX_VERTICES) for y in range(x + 1, MAX_VERTICES)]
_EDGE_WEIGHTS = np.array([1 << edge_bit(x, y) for x, y in _ROW_MAJOR], dtype=np.int64)
_HIGHEST = np.array([1] * N_EDGE_GENES + [2] * N_INTERIOR, dtype=np.int64)
_TOO_FAR = N_EDGES + 1


class Catalogue:
    """Every cell of the NAS-Bench-101 space, built from scratch by enumeration.

    A cell's *index* is the rank of its NAS-Bench-101 hash among all hashes, 0 to 423,623; it is the
    number in the published ids ("arch_100434"). A *genotype* is 26 integers: 21 edge bits of the 7x7
    upper triangle in row-major order, then 5 operations (0 conv3x3, 1 conv1x1, 2 maxpool). The
    *stored member* of a class is NAS-Bench-101's: the smallest (edge mask, operations).

    Use :func:`load_space`, which builds it once a process.

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
        hashes = _shipped_hashes()
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
        self.padded_mask = self._edge_genes @ _EDGE_WEIGHTS
        self.structure = space.class_structure[class_of_index]
        self.n_vertices = space.vertices[self.structure]
        self.n_edges = self.structure_adjacency.sum(axis=(1, 2), dtype=np.int8)[self.structure]
        padding = 3 ** (MAX_VERTICES - self.n_vertices.astype(np.int64))
        self.padded_code = (space.class_labelling[class_of_index] * padding).astype(np.uint8)
        self._neighborhoods: dict[str, Neighborhood] = {}
        self._rented = dict.fromkeys(KINDS, 0)

    def __len__(self) -> int:
        return N_CELLS

    def __repr__(self) -> str:
        return f"Catalogue({N_CELLS:,} cells)"

    def __deepcopy__(self, memo: dict[int, Any]) -> Catalogue:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return load_space, ()

    # -- genotype -> index ---------------------------------------------------------------------

    def index(self, X: Any) -> Any:
        """Indices of genotypes, or of cells.

        Args:
            X: Genotypes (n, 26) or one of (26,); or a ``Cell``, or a sequence of them.

        Returns:
            (n,) int64, or an int for one; -1 where a genotype is invalid: input and output not
            connected, more than 9 edges after pruning, or a gene out of its range.

        Raises:
            SettingError: (a ValueError) X has another shape.
        """
        if isinstance(X, Cell):
            return int(self.find([X.hash])[0])
        if isinstance(X, list | tuple) and X and isinstance(X[0], Cell):
            return self.find([cell.hash for cell in X])
        genes = _checked_genotypes(X)
        if genes.ndim == 1:
            return int(self._decode(genes[None])[0][0])
        return self._decode(genes)[0]

    def violation(self, X: ArrayLike) -> NDArray[np.int64]:
        """How far genotypes (n, 26) are from a valid one: a number of edges, 0 where valid.

        Edges over 9 after pruning are counted; 1 where input and output are not connected, since one
        edge joins them; 22 where a gene is out of its range.
        """
        return self._decode(np.atleast_2d(_checked_genotypes(X)))[1]

    def decode(self, X: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """``index`` and ``violation`` of genotypes (n, 26) in one pass."""
        return self._decode(np.atleast_2d(_checked_genotypes(X)))

    def _decode(self, genes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        index = np.empty(len(genes), dtype=np.int64)
        violation = np.empty(len(genes), dtype=np.int64)
        for start in range(0, len(genes), _BLOCK):
            here = slice(start, start + _BLOCK)
            index[here], violation[here] = self._decode_block(genes[here])
        return index, violation

    def _decode_block(self, genes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        wrong: NDArray[np.bool_] | None = None
        # Negative genes have high bits set, so one bitwise "or" of all tells whether any is amiss.
        if np.bitwise_or.reduce(genes, axis=None) & ~3 or (genes > _HIGHEST).any():
            wrong = np.asarray(((genes < 0) | (genes > _HIGHEST)).any(axis=1))
            genes = np.where(wrong[:, None], 0, genes)
        mask = genes[:, :N_EDGE_GENES] @ _EDGE_WEIGHTS
        index = self.lookup(mask, genes[:, N_EDGE_GENES:] @ _POWERS).astype(np.int64)
        violation = np.maximum(-self._structure_of_mask[mask].astype(np.int64), 0)
        if wrong is not None:
            index[wrong], violation[wrong] = -1, _TOO_FAR
        return index, violation

    def lookup(self, mask: NDArray[np.int64], code: NDArray[np.int64]) -> NDArray[np.int32]:
        """Indices of edge masks and operation codes over 7 vertices (broadcast together), or -1."""
        structure = self._structure_of_mask[mask]
        labelling = self._labelling_of_survivors[
            (self._survivors_of_mask[mask].astype(np.int64) << np.int64(8)) | code
        ]
        found: NDArray[np.int32] = self._index_of_labelled[self._offset[structure] + labelling]
        invalid = structure < 0
        if invalid.any():
            found[np.broadcast_to(invalid, found.shape)] = -1
        return found

    def one_gene_changes(self, X: NDArray[np.int64]) -> NDArray[np.int32]:
        """Cells of the genotypes that differ from genotypes (n, 26) in one gene: (n, 31), -1 where invalid.

        Columns: the 21 edge genes flipped, then each of the 5 operations raised by one, then by two
        (modulo 3). A column may lead to the genotype's own cell.
        """
        mask = (X[:, :N_EDGE_GENES] @ _EDGE_WEIGHTS)[:, None]
        code = (X[:, N_EDGE_GENES:] @ _POWERS)[:, None]
        near = np.empty((len(X), N_EDGE_GENES + 2 * N_INTERIOR), dtype=np.int32)
        near[:, :N_EDGE_GENES] = self.lookup(mask ^ _EDGE_WEIGHTS, code)
        near[:, N_EDGE_GENES:] = self.lookup(mask, other_operations()[code[:, 0]])
        return near

    # -- index -> genotype, cell, hash ---------------------------------------------------------

    def genotype(self, i: ArrayLike) -> NDArray[np.int64]:
        """Genotypes of the stored members: (n, 26) int64 for indices (n,), (26,) for one index."""
        indices = self.check(i)
        genes = np.empty((*indices.shape, N_GENES), dtype=np.int64)
        genes[..., :N_EDGE_GENES] = self._edge_genes[self.structure[indices]]
        genes[..., N_EDGE_GENES:] = self.padded_ops(indices)
        return genes

    def padded_ops(self, indices: NDArray[np.int64]) -> NDArray[np.int8]:
        """Operations of the 5 interior vertices of cells (n,): (n, 5) int8, 0 where one is unused."""
        return _DIGITS[self.padded_code[indices]]

    @overload
    def cell(self, i: int) -> Cell: ...
    @overload
    def cell(self, i: Sequence[int] | NDArray[np.int64]) -> list[Cell]: ...
    def cell(self, i: Any) -> Cell | list[Cell]:
        """The stored member as a ``Cell``; a list of them for an array of indices."""
        indices = self.check(i)
        if indices.ndim:
            return [self.cell(int(k)) for k in indices]
        n = int(self.n_vertices[indices])
        at = [*range(n - 1), MAX_VERTICES - 1]
        matrix = self.structure_adjacency[self.structure[indices]][np.ix_(at, at)]
        names = [OPERATIONS[code] for code in self.padded_ops(indices)[: n - 2]]
        return Cell(matrix.astype(np.int8), ["input", *names, "output"])

    @overload
    def hash(self, i: int) -> str: ...
    @overload
    def hash(self, i: Sequence[int] | NDArray[np.int64]) -> list[str]: ...
    def hash(self, i: Any) -> str | list[str]:
        """NAS-Bench-101 hash, 32 hexadecimal digits; a list of them for an array of indices."""
        indices = self.check(i)
        text = self._hashes[indices].tobytes().hex()
        if indices.ndim == 0:
            return text
        return [text[k : k + 32] for k in range(0, len(text), 32)]

    def find(self, hashes: Iterable[str]) -> NDArray[np.int64]:
        """Indices (n,) of NAS-Bench-101 hashes.

        Raises:
            UnknownNameError: (a KeyError) A hash is none of this space; the text names it.
        """
        wanted = [hashes] if isinstance(hashes, str) else list(hashes)
        try:
            digests = np.frombuffer(b"".join(map(_digest, wanted)), dtype=np.uint8).reshape(-1, 16)
        except (ValueError, TypeError):
            bad = next(text for text in wanted if not _is_hash(text))
            raise UnknownNameError(
                f"no NAS-Bench-101 hash: {bad!r} (expected 32 hexadecimal digits)"
            ) from None
        at = np.minimum(np.searchsorted(self._hash_keys, _hash_keys(digests)), N_CELLS - 1)
        missing = np.flatnonzero((self._hashes[at] != digests).any(axis=1))
        if len(missing):
            named = ", ".join(wanted[k] for k in missing[:3])
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise UnknownNameError(f"no cell of the space has the hash {named}{more}")
        return at.astype(np.int64)

    # -- neighbours ----------------------------------------------------------------------------

    def neighbors(self, i: int, kind: str = "hamming") -> NDArray[np.int64]:
        """Indices of the cells one step from cell ``i``: sorted, distinct, without ``i`` itself.

        Args:
            i: Index of a cell.
            kind: "hamming": flip one edge or change one operation of the stored member padded to 7
                vertices. "symmetric": such a step from any member of the class, or the reverse of
                one, so that b is a neighbour of a exactly when a is one of b (the first call
                prepares the whole space, in seconds). "published": "hamming" between cells of 7
                vertices only, as in Demir, Traoré, Camero (ESANN 2024).
        """
        if np.ndim(i):
            raise SettingError(f"neighbors takes one index, got {np.size(i)}; see neighbor_lists for several")
        return self.neighbor_lists([i], kind=kind)[1]

    def neighbor_lists(
        self, i: ArrayLike, *, kind: str = "hamming"
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Neighbours of several cells: how many each has (n,), and all of them one after another."""
        check_kind(kind)
        indices = np.atleast_1d(self.check(i))
        if indices.ndim > 1:
            raise SettingError(f"indices have shape (n,); got {indices.shape}")
        self._rented[kind] += len(indices)
        if kind == "symmetric" or kind in self._neighborhoods or self._rented[kind] > _RENT:
            return self.neighborhood(kind).rows(indices)
        near = one_step(self, indices, kind=kind)
        return (near >= 0).sum(axis=1), near[near >= 0].astype(np.int64)

    def neighborhood(self, kind: str = "hamming") -> Neighborhood:
        """The neighbours of all cells at once; made at the first call, then kept."""
        if kind not in self._neighborhoods:
            self._neighborhoods[kind] = neighborhood(self, kind)
        return self._neighborhoods[kind]

    # -- costs ---------------------------------------------------------------------------------

    def params(self, i: ArrayLike, skeleton: Skeleton = SO2SAT) -> Any:
        """Trainable parameters of the network, exact: int64 (n,) for indices (n,), int for one."""
        return self._scalar(i, count_params(self, self.check(i), skeleton).total)

    def macs(self, i: ArrayLike, skeleton: Skeleton = SO2SAT) -> Any:
        """Multiply-accumulates of an image (convolutions and classifier), exact; shaped as ``params``."""
        return self._scalar(i, count_macs(self, self.check(i), skeleton).total)

    def features(self, i: ArrayLike, kind: str = "structural") -> NDArray[Any]:
        """Features for regression models: (n, k) for indices (n,), (k,) for one index.

        Args:
            i: Indices of cells.
            kind: "one-hot", "17x17" or "structural"; see ``eomoo.space.features.features``, and
                ``feature_names`` there for the columns.
        """
        from eomoo.space.features import features

        indices = self.check(i)
        rows = features(self, np.atleast_1d(indices), kind=kind)
        return rows if indices.ndim else rows[0]

    def _scalar(self, i: ArrayLike, values: NDArray[np.int64]) -> Any:
        return values if np.ndim(i) else int(values)

    def check(self, i: ArrayLike) -> NDArray[np.int64]:
        """Indices as int64 of the same shape; SettingError (a ValueError) when one is out of range."""
        indices = np.asarray(i)
        if indices.size == 0:
            return indices.astype(np.int64)
        if indices.dtype.kind not in "iu":
            raise SettingError(f"a cell's index is a whole number; got {indices.dtype} values")
        if indices.min() < 0 or indices.max() >= N_CELLS:
            bad = indices[(indices < 0) | (indices >= N_CELLS)].flat[0]
            raise SettingError(f"no cell has the index {bad}; indices run from 0 to {N_CELLS - 1:,}")
        return indices.astype(np.int64)


@lru_cache(maxsize=1)
def load_space() -> Catalogue:
    """The catalogue of all cells, built once a process in a fraction of a second."""
    return Catalogue()


def _shipped_hashes() -> NDArray[np.uint8]:
    with as_file(files("eomoo.space") / "hashes.npy") as path:
        try:
            hashes = np.load(path)
        except (OSError, ValueError, EOFError):
            raise DataError(f"{path} is missing or damaged; install eomoo again") from None
    if hashes.shape != (N_CELLS, 16) or hashes.dtype != np.uint8:
        raise DataError(f"{path} is not the file that eomoo ships; install eomoo again")
    return np.asarray(hashes)


def _padded_adjacency(mask: NDArray[np.int32], vertices: NDArray[np.int8]) -> NDArray[np.bool_]:
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


def _checked_genotypes(X: ArrayLike) -> NDArray[np.int64]:
    genes = np.asarray(X)
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


def _digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if len(digest) != 16:
        raise ValueError(text)
    return digest


def _is_hash(text: object) -> bool:
    try:
        return isinstance(text, str) and len(_digest(text)) == 16
    except ValueError:
        return False
