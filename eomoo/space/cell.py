"""One cell of the NAS-Bench-101 space: checked, pruned, hashed, drawn as text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Ints
from eomoo.checks import short
from eomoo.errors import CellError
from eomoo.notebook import to_html
from eomoo.space.picture import cell_svg

INPUT, OUTPUT = "input", "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
MAX_VERTICES, MAX_EDGES = 7, 9  # of the space (Ying et al., NAS-Bench-101, ICML 2019)
N_EDGE_GENES, N_OP_GENES = 21, 5
N_GENES = N_EDGE_GENES + N_OP_GENES

SHORT_OPERATIONS = ("conv3x3", "conv1x1", "maxpool")
_CODES = {name: code for names in (OPERATIONS, SHORT_OPERATIONS) for code, name in enumerate(names)}


class Cell:
    """A NAS-Bench-101 cell: a small directed acyclic graph of operations.

    The graph is pruned to the vertices that lie on a path from input to output. Two cells are
    equal when their NAS-Bench-101 hashes are, which on this space means that they are isomorphic.

    Args:
        matrix: Upper triangular 0/1 adjacency matrix, shape (V, V); ``matrix[x, y]`` is edge x -> y.
        ops: V operation names: "input", then any of "conv3x3-bn-relu", "conv1x1-bn-relu",
            "maxpool3x3" (or "conv3x3", "conv1x1", "maxpool"), then "output".

    Raises:
        CellError: (a ValueError) The text says what is wrong: not square, not upper triangular, unknown operation,
            lengths that differ, input and output not connected, more than 7 vertices or 9 edges after pruning.

    Source: Ying et al., NAS-Bench-101, ICML 2019.

    Examples:
        >>> cell = eomoo.Cell([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3", "output"])
        >>> cell.n_edges, cell == space.cell(int(space.find([cell.hash])[0]))
        (2, True)
    """

    __slots__ = ("_codes", "_hash", "_matrix")

    def __init__(self, matrix: ArrayLike, ops: Sequence[str]) -> None:
        full = _checked_matrix(matrix)
        codes = _checked_ops(ops, len(full))
        kept = _on_a_path(full)
        if not kept[-1]:
            raise CellError("this cell is impossible: no path leads from its input to its output")
        pruned = full[np.ix_(kept, kept)]
        n_vertices, n_edges = len(pruned), int(pruned.sum())
        if n_vertices > MAX_VERTICES:
            raise CellError(f"this cell has {n_vertices} vertices after pruning; the space allows {MAX_VERTICES}")
        if n_edges > MAX_EDGES:
            raise CellError(f"this cell has {n_edges} edges after pruning; the space allows {MAX_EDGES}")
        pruned.setflags(write=False)
        self._matrix = pruned
        self._codes = tuple(c for c, k in zip(codes, kept[1:-1], strict=True) if k)
        self._hash: str | None = None

    @property
    def matrix(self) -> NDArray[np.int8]:
        """Adjacency matrix after pruning, shape (V, V), read-only."""
        return self._matrix

    @property
    def ops(self) -> tuple[str, ...]:
        """NAS-Bench-101's operation names after pruning, V of them, with "input" and "output"."""
        return (INPUT, *(OPERATIONS[c] for c in self._codes), OUTPUT)

    @property
    def op_codes(self) -> tuple[int, ...]:
        """Operations of the V - 2 interior vertices: 0 conv3x3, 1 conv1x1, 2 maxpool."""
        return self._codes

    @property
    def n_vertices(self) -> int:
        """Number of vertices, input and output included (2 to 7)."""
        return len(self._matrix)

    @property
    def n_edges(self) -> int:
        """Number of edges (1 to 9)."""
        return int(self._matrix.sum())

    @property
    def hash(self) -> str:
        """NAS-Bench-101's hash of the cell: 32 hexadecimal digits, equal for isomorphic cells."""
        if self._hash is None:
            self._hash = _hash_graph(self._matrix.tolist(), (-1, *self._codes, -2))
        return self._hash

    def genotype(self) -> Ints:
        """The cell as it stands, as 26 integers: 21 edge bits row by row, then 5 operations.

        A cell with fewer than 7 vertices is padded by unused vertices in front of the output,
        with operation 0. For the stored member of the class use ``Catalogue.genotype``.
        """
        return pack_genotype(self._matrix, self._codes)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if isinstance(other, Cell) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        parts = []
        for v in range(self.n_vertices - 1):
            name = "input" if v == 0 else f"{v}:{SHORT_OPERATIONS[self._codes[v - 1]]}"
            targets = np.flatnonzero(self._matrix[v])
            shown = ",".join("output" if t == self.n_vertices - 1 else str(t) for t in targets)
            parts.append(f"{name}->{shown}")
        return f"Cell({' '.join(parts)})"

    def _repr_html_(self) -> str:
        return to_html(cell_svg(self._matrix, self.ops), repr(self))

    def __reduce__(self) -> tuple[object, ...]:
        return Cell, (self._matrix.tolist(), self.ops)


def pack_genotype(matrix: NDArray[np.int8], codes: Sequence[int]) -> Ints:
    """Genotype (26,) of a pruned adjacency matrix (V, V) and the V - 2 operation codes."""
    n = len(matrix)
    at = [*range(n - 1), MAX_VERTICES - 1]
    padded = np.zeros((MAX_VERTICES, MAX_VERTICES), dtype=np.int64)
    padded[np.ix_(at, at)] = matrix
    genes = np.zeros(N_GENES, dtype=np.int64)
    genes[:N_EDGE_GENES] = padded[np.triu_indices(MAX_VERTICES, 1)]
    genes[N_EDGE_GENES : N_EDGE_GENES + n - 2] = codes
    return genes


def _checked_matrix(matrix: ArrayLike) -> NDArray[np.int8]:
    try:
        values = np.asarray(matrix)
    except ValueError:
        raise CellError("the adjacency matrix is not square: its rows differ in length") from None
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise CellError(f"the adjacency matrix is not square: its shape is {values.shape}")
    if len(values) < 2:
        raise CellError(f"a cell needs at least an input and an output; got {len(values)} vertex")
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise CellError("the adjacency matrix may hold only 0 and 1")
    if np.tril(values).any():
        x, y = np.argwhere(np.tril(values))[0]
        raise CellError(f"the adjacency matrix is not upper triangular: it has an edge from vertex {x} to vertex {y}")
    return values.astype(np.int8)


def _checked_ops(ops: Sequence[str], n: int) -> list[int]:
    if isinstance(ops, str) or not isinstance(ops, Sequence | np.ndarray):
        raise CellError(f"operations are a list of {n} names; got {type(ops).__name__}")
    if len(ops) != n:
        raise CellError(f"lengths differ: {n} vertices in the matrix, {len(ops)} operations")
    if ops[0] != INPUT or ops[-1] != OUTPUT:
        raise CellError(
            f'operations must begin with "input" and end with "output"; got {short(ops[0])} and {short(ops[-1])}'
        )
    for op in ops[1:-1]:
        if not isinstance(op, str) or op not in _CODES:
            raise CellError(f"unknown operation {short(op)}; known are {', '.join(OPERATIONS)}")
    return [_CODES[op] for op in ops[1:-1]]


def _on_a_path(matrix: NDArray[np.int8]) -> Bools:
    n = len(matrix)
    forward, backward = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    forward[0] = backward[-1] = True
    for v in range(1, n):
        forward[v] = (matrix[:, v].astype(bool) & forward).any()
    for v in range(n - 2, -1, -1):
        backward[v] = (matrix[v].astype(bool) & backward).any()
    return forward & backward


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _hash_graph(matrix: Sequence[Sequence[int]], labels: Sequence[int]) -> str:
    """NAS-Bench-101's iterative graph hash (its ``graph_util.hash_module``), labels -1, 0..2, -2."""
    n = len(matrix)
    sources = [[w for w in range(n) if matrix[w][v]] for v in range(n)]
    targets = [[w for w in range(n) if matrix[v][w]] for v in range(n)]
    digests = [_md5(str((len(targets[v]), len(sources[v]), labels[v]))) for v in range(n)]

    def together(vertices: list[int]) -> str:
        return "".join(sorted(digests[w] for w in vertices))

    for _ in range(n):
        digests = [_md5(f"{together(sources[v])}|{together(targets[v])}|{digests[v]}") for v in range(n)]
    return _md5(str(sorted(digests)))
