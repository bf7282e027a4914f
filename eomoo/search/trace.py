"""The cells that a search has evaluated, in order, with their values."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Bools, Facts, Floats, Ints


class Trace:
    """Every evaluated cell of a run, once, in order; look-up by index is one gather.

    A deep copy is a snapshot that shares memory with the original, so that a history of a run costs little.
    """

    def __init__(self, n_cells: int, n_obj: int) -> None:
        self._length = 0
        self._rank = np.full(n_cells, -1, dtype=np.int32)
        # Memory is only taken for the pages that are written.
        self._index = np.empty(n_cells, dtype=np.int64)
        self._F = np.empty((n_cells, n_obj))
        self._violation = np.empty(n_cells)
        self._expanded = np.zeros(n_cells, dtype=np.int32)
        self._is_snapshot = False

    def __len__(self) -> int:
        return self._length

    @property
    def index(self) -> Ints:
        """Evaluated cells (n,) in order."""
        return self._index[: self._length]

    @property
    def F(self) -> Floats:
        """Objective values (n, m) in order, minimised."""
        return self._F[: self._length]

    @property
    def violation(self) -> Floats:
        """Constraint violations (n,) in order, 0 where feasible."""
        return self._violation[: self._length]

    def seen(self, indices: Ints) -> Bools:
        """Which of the cells (n,) have been evaluated."""
        rank = self._rank[indices]
        known: Bools = rank >= 0
        # A snapshot shares the table with its original, which may know more by now.
        return known & (rank < self._length) if self._is_snapshot else known

    def rank_of(self, indices: Ints) -> Ints:
        """Places (n,) of cells that have been evaluated."""
        return self._rank[indices].astype(np.int64)

    def values_of(self, indices: Ints) -> tuple[Floats, Floats]:
        """Values (n, m) and violations (n,) of cells that have been evaluated."""
        rank = self._rank[indices]
        return self._F[rank], self._violation[rank]

    def append(self, index: Ints, F: Floats, violation: Floats) -> None:
        """Add cells (n,), none of them evaluated before."""
        if self._is_snapshot:
            self.__setstate__(self.__getstate__())
        start, stop = self._length, self._length + len(index)
        self._index[start:stop] = index
        self._F[start:stop] = F
        self._violation[start:stop] = violation
        self._rank[index] = np.arange(start, stop)
        self._length = stop

    def expand(self, indices: Ints, generation: int) -> None:
        """Note that all neighbours of these evaluated cells were looked at, in a generation from 1 on."""
        self._expanded[self._rank[indices]] = generation

    def expanded_before(self, indices: Ints, generation: int) -> Bools:
        """Which of the evaluated cells (n,) were expanded in an earlier generation."""
        when = self._expanded[self._rank[indices]]
        return (when > 0) & (when < generation)

    def __deepcopy__(self, memo: dict[int, object]) -> Trace:
        snapshot = Trace.__new__(Trace)
        snapshot.__dict__.update(self.__dict__)
        snapshot._is_snapshot = True
        snapshot._expanded = self._expanded.copy()
        return snapshot

    def __getstate__(self) -> dict[str, object]:
        return {
            "n_cells": len(self._rank),
            "index": self.index.copy(),
            "F": self.F.copy(),
            "violation": self.violation.copy(),
            "expanded": self._expanded[: self._length].copy(),
        }

    def __setstate__(self, state: Facts) -> None:
        self.__init__(state["n_cells"], state["F"].shape[1])  # type: ignore[misc]
        self.append(state["index"], state["F"], state["violation"])
        self._expanded[: self._length] = state["expanded"]
