"""Values from a table of measured cells: the EO table, or any file of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.errors import SettingError
from eomoo.objectives.base import Quantity, check_quantities, with_errors
from eomoo.space import load_space

__all__ = ["EO_QUANTITIES", "TableBackend"]


def _accuracy(title: str) -> Quantity:
    return Quantity(title=title, unit="fraction", direction="max")


EO_QUANTITIES: dict[str, Quantity] = {
    "train_micro": _accuracy("training micro accuracy"),
    "val_micro": _accuracy("validation micro accuracy"),
    "test_micro": _accuracy("test micro accuracy"),
    "train_macro": _accuracy("training macro accuracy"),
    "val_macro": _accuracy("validation macro accuracy"),
    "test_macro": _accuracy("test macro accuracy"),
    "latency": Quantity(title="latency on A100", unit="ms/batch", direction="min"),
    "train_time": Quantity(title="training time", unit="s", direction="min"),
    "params": Quantity(title="parameters", unit="", direction="min"),
    "checkpoint_size": Quantity(title="checkpoint size", unit="KiB", direction="min"),
}
"""What the EO table tells of a cell, by its column."""


class TableBackend:
    """Measured values of some cells, or of all; a :class:`~eomoo.objectives.base.Backend`.

    Args:
        indices: (n,) indices of the cells, distinct, in any order.
        columns: Values (n,) by name, finite, in the order of ``indices``.
        quantities: Title, unit and direction of each column, by the same names. A column with unit
            "fraction" and the word "accuracy" in its title gives ``NAME_error`` in per cent as well.
        deviations: Standard deviations (n,) of the columns that have them; the others are exact.

    Attributes:
        quantities: What it offers, by name.
        known: Indices of its cells, sorted.
        total: Whether it has every cell of the space.

    Raises:
        SettingError: (a ValueError) Lengths differ, a cell is there twice, or a value is not finite.
    """

    def __init__(
        self,
        indices: ArrayLike,
        columns: Mapping[str, ArrayLike],
        quantities: Mapping[str, Quantity],
        *,
        deviations: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        cells = np.atleast_1d(load_space().check(indices))
        order = np.argsort(cells, kind="stable")
        self.known: NDArray[np.int64] = cells[order]
        self.total: bool = len(cells) == len(load_space())
        self._check_arguments(columns, quantities, deviations or {})
        fractions = {name: q for name, q in quantities.items() if q.unit == "fraction"}
        errors = {name: q for name, q in with_errors(fractions).items() if name not in quantities}
        self.quantities: Mapping[str, Quantity] = {**quantities, **errors}
        self._accuracy_of = {name: name.removesuffix("_error") for name in errors}
        # One row more than there are cells: it stands for all cells that are not in the table.
        self._row = np.full(len(load_space()), len(cells), dtype=np.int32)
        self._row[self.known] = np.arange(len(cells), dtype=np.int32)
        self._values = {name: self._column(columns[name], order, name) for name in quantities}
        self._deviations = {
            name: self._column(values, order, f"the deviation of {name}")
            for name, values in (deviations or {}).items()
        }

    @classmethod
    def from_eo(cls, folder: str | Path | None = None) -> TableBackend:
        """The EO table: 450 cells trained and timed on So2Sat LCZ42 (see ``load_eo_table``).

        Args:
            folder: Where its files lie; by default they are looked for.

        Raises:
            DataNotFoundError: The files are not on this machine; the text says how to get them.
            DataError: A file is damaged.
        """
        from eomoo.data.eo_table import load_eo_table

        table = load_eo_table(folder)
        return cls(
            table["index"].to_numpy(),
            {name: table[name].to_numpy(dtype=np.float64) for name in EO_QUANTITIES},
            EO_QUANTITIES,
            deviations={"latency": table["latency_std"].to_numpy(dtype=np.float64)},
        )

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        columns: Mapping[str, Quantity],
        *,
        deviations: Mapping[str, str] | None = None,
    ) -> TableBackend:
        """A CSV or Parquet file that names its cells by hash, by genotype, or by matrix and ops.

        Args:
            path: The file; see :func:`eomoo.data.user_table.read_user_table` for what it may hold.
            columns: Title, unit and direction of each column that is used, by its name in the file.
            deviations: Names of the columns that hold standard deviations, by the column they are of.

        Raises:
            DataNotFoundError: There is no such file.
            DataError: A column is missing, or a row is no valid cell, a cell for the second time, or
                holds no finite number; the text names file and row.
        """
        from eomoo.data.user_table import read_user_table

        of = dict(deviations or {})
        indices, values = read_user_table(path, [*columns, *of.values()])
        return cls(
            indices,
            {name: values[name] for name in columns},
            columns,
            deviations={name: values[column] for name, column in of.items()},
        )

    def values(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Values of the named quantities for cells (n,), shape (n, len(names)), in their own units.

        NaN for a cell that is not in the table.

        Raises:
            UnknownNameError: (a KeyError) The table has no such quantity.
            SettingError: (a ValueError) An index is out of range.
        """
        rows = self._rows(indices, names)
        out = np.empty((len(rows), len(names)))
        for k, name in enumerate(names):
            if name in self._values:
                out[:, k] = self._values[name][rows]
            else:
                out[:, k] = 100.0 * (1.0 - self._values[self._accuracy_of[name]][rows])
        return out

    def deviations(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Standard deviations of ``values``, same shape; 0 where a value is exact, NaN where none is."""
        rows = self._rows(indices, names)
        out = np.zeros((len(rows), len(names)))
        out[rows == len(self.known)] = np.nan
        for k, name in enumerate(names):
            source = self._accuracy_of.get(name, name)
            if source in self._deviations:
                out[:, k] = self._deviations[source][rows] * (1.0 if source == name else 100.0)
        return out

    def __repr__(self) -> str:
        return f"TableBackend({len(self.known):,} cells: {', '.join(self._values)})"

    def _rows(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.int32]:
        check_quantities(names, self.quantities, backend="table")
        rows: NDArray[np.int32] = self._row[np.atleast_1d(load_space().check(indices))]
        return rows

    def _check_arguments(
        self,
        columns: Mapping[str, ArrayLike],
        quantities: Mapping[str, Quantity],
        deviations: Mapping[str, ArrayLike],
    ) -> None:
        if not len(self.known):
            raise SettingError("a table needs at least one cell")
        if not quantities:
            raise SettingError("a table needs at least one quantity")
        twice = np.flatnonzero(np.diff(self.known) == 0)
        if len(twice):
            raise SettingError(f"the cell {self.known[twice[0]]} is in the table twice")
        for name in quantities:
            if name not in columns:
                raise SettingError(f"the quantity {name!r} has no column; there are {', '.join(columns)}")
        for name in deviations:
            if name not in quantities:
                raise SettingError(f"there is a deviation of {name!r}, which is no quantity of the table")

    def _column(self, values: ArrayLike, order: NDArray[np.intp], name: str) -> NDArray[np.float64]:
        column = np.asarray(values, dtype=np.float64)
        if column.shape != order.shape:
            raise SettingError(f"the column {name} has shape {column.shape}; there are {len(order)} cells")
        if not np.isfinite(column).all():
            bad = self.known[~np.isfinite(column[order])][0]
            raise SettingError(f"the column {name} has a value that is not finite, for cell {bad}")
        return np.append(column[order], np.nan)
