"""The catalogue of all 423,624 cells: the facade of everything that is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Ints
from eomoo.errors import SettingError
from eomoo.space.cell import MAX_VERTICES, OPERATIONS, Cell
from eomoo.space.cost import SO2SAT, Skeleton, count_macs, count_params
from eomoo.space.enumeration import N_CELLS
from eomoo.space.features import features
from eomoo.space.neighbors import Neighborhood, check_kind, neighbor_lists, neighborhood, only_those
from eomoo.space.tables import Tables

_Indices = Sequence[int] | NDArray[np.integer]


class Catalogue(Tables):
    """Every cell of the NAS-Bench-101 space, built from scratch by enumeration.

    A cell's *index* is the rank of its NAS-Bench-101 hash among all hashes, 0 to 423,623; it is the
    number in the published ids ("arch_100434"). A *genotype* is 26 integers: 21 edge bits of the 7x7
    upper triangle in row-major order, then 5 operations (0 conv3x3, 1 conv1x1, 2 maxpool). The
    *stored member* of a class is NAS-Bench-101's: the smallest (edge mask, operations).

    Use :func:`load_space`, which builds it once a process. Arrays and attributes: see
    :class:`~eomoo.space.tables.Tables`.

    Examples:
        >>> space.index(space.genotype(5)), space.params([5, 76119]).shape
        (5, (2,))
    """

    def __init__(self) -> None:
        super().__init__()
        self._neighborhoods: dict[str, Neighborhood] = {}

    def __repr__(self) -> str:
        return f"Catalogue({N_CELLS:,} cells)"

    def __deepcopy__(self, memo: dict[int, object]) -> Catalogue:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return load_space, ()

    @overload
    def index(self, X: Cell) -> int: ...
    @overload
    def index(self, X: Sequence[Cell] | NDArray[Any]) -> Ints: ...
    @overload
    def index(self, X: ArrayLike) -> Any: ...
    def index(self, X: Any) -> int | Ints:
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
        index = self.decode(X)[0]
        return int(index[0]) if np.ndim(X) == 1 else index

    @overload
    def cell(self, i: int) -> Cell: ...
    @overload
    def cell(self, i: _Indices) -> list[Cell]: ...
    def cell(self, i: int | _Indices) -> Cell | list[Cell]:
        """The stored member as a ``Cell``; a list of them for an array of indices."""
        indices = self.check(i)
        if indices.ndim:
            return [self.cell(k) for k in indices]
        n = int(self.n_vertices[indices])
        at = [*range(n - 1), MAX_VERTICES - 1]
        matrix = self.structure_adjacency[self.structure[indices]][np.ix_(at, at)]
        names = [OPERATIONS[code] for code in self.padded_ops(indices)[: n - 2]]
        return Cell(matrix.astype(np.int8), ["input", *names, "output"])

    # -- neighbours ----------------------------------------------------------------------------

    def neighbors(self, i: int, kind: str = "hamming") -> Ints:
        """Indices of the cells one step from cell ``i``: sorted, distinct, without ``i`` itself.

        Args:
            kind: "hamming": flip one edge or change one operation of the stored member padded to 7
                vertices. "symmetric": such a step, or the reverse of one, so that b is a neighbour of a
                exactly when a is one of b: what a step from *any* member of a class reaches, whichever is
                stored (the first call looks at the whole space, for a second). "published": "hamming"
                between cells of 7 vertices only, as in Demir, Traoré, Camero (ESANN 2024).
        """
        index = self.check(i)
        if index.ndim:
            raise SettingError(f"neighbors takes one index, got {index.size}; see neighbor_lists for several")
        return self.neighbor_lists(index, kind=kind)[1]

    def neighbor_lists(self, i: ArrayLike, *, kind: str = "hamming", domain: Bools | None = None) -> tuple[Ints, Ints]:
        """Neighbours of several cells: how many each has (n,), and all of them one after another.

        Only those within a domain, (423624,) bool, where one is given.
        """
        check_kind(kind)
        indices = self.check_row(i)
        known = self._neighborhoods.get(kind)
        counts, flat = neighbor_lists(self, indices, kind) if known is None else known.rows(indices)
        return (counts, flat) if domain is None else only_those(domain[flat], counts, flat)

    def neighborhood(self, kind: str = "hamming") -> Neighborhood:
        """The neighbours of all cells at once, about 40 MB; made at the first call, then kept."""
        check_kind(kind)
        if kind not in self._neighborhoods:
            self._neighborhoods[kind] = neighborhood(self, kind)
        return self._neighborhoods[kind]

    # -- costs and features --------------------------------------------------------------------

    @overload
    def params(self, i: int, skeleton: Skeleton = ...) -> int: ...
    @overload
    def params(self, i: _Indices, skeleton: Skeleton = ...) -> Ints: ...
    def params(self, i: int | _Indices, skeleton: Skeleton = SO2SAT) -> int | Ints:
        """Trainable parameters of the network, exact: int64 (n,) for indices (n,), int for one."""
        total = count_params(self, self.check(i), skeleton)
        return total if np.ndim(i) else int(total)

    @overload
    def macs(self, i: int, skeleton: Skeleton = ...) -> int: ...
    @overload
    def macs(self, i: _Indices, skeleton: Skeleton = ...) -> Ints: ...
    def macs(self, i: int | _Indices, skeleton: Skeleton = SO2SAT) -> int | Ints:
        """Multiply-accumulates of an image (convolutions and classifier), exact; shaped as ``params``."""
        total = count_macs(self, self.check(i), skeleton)
        return total if np.ndim(i) else int(total)

    @overload
    def features(self, i: ArrayLike, kind: Literal["structural"] = ...) -> NDArray[np.float32]: ...
    @overload
    def features(self, i: ArrayLike, kind: Literal["one-hot", "17x17"]) -> NDArray[np.uint8]: ...
    @overload
    def features(self, i: ArrayLike, kind: str) -> NDArray[np.number]: ...
    def features(self, i: ArrayLike, kind: str = "structural") -> NDArray[np.number]:
        """Features for regression models: (n, k) for indices (n,), (k,) for one index.

        Args:
            kind: "one-hot", "17x17" or "structural"; see ``eomoo.space.features.features``, and
                ``feature_names`` there for the columns.
        """
        indices = self.check(i)
        rows = features(self, indices.ravel(), kind=kind)
        return rows.reshape(*indices.shape, rows.shape[1])


@lru_cache(maxsize=1)
def load_space() -> Catalogue:
    """The catalogue of all cells, built once a process in a fraction of a second.

    Examples:
        >>> space = eomoo.load_space()
        >>> len(space), space.cell(76119).n_vertices
        (423624, 6)
    """
    return Catalogue()
