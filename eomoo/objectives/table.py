"""Values from a table of measured cells: the EO table, or any file of the user's."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import choice, number, whole
from eomoo.data.eo_table import EO_QUANTITIES, load_eo_table
from eomoo.data.measured_table import is_measured, read_facts
from eomoo.data.shares import check_values
from eomoo.data.user_table import MOST, read_user_table
from eomoo.errors import SettingError
from eomoo.fronts import Quantity
from eomoo.models.noise import moderated, room
from eomoo.objectives.base import Backend, cost_by_name, drawn, errors_of, with_errors
from eomoo.space import Skeleton, load_space


class TableBackend(Backend):
    """Measured values of some cells, or of all; a :class:`~eomoo.objectives.base.Backend`.

    A cell that was measured several times has the mean of its measurements and the standard error of
    that mean, or one of them, drawn for each cell by a seed, and their standard deviation (n - 1). Where ten
    cells and more were repeated, deviations of few measurements are drawn towards a common one, as far as
    they are alike. A cell measured once in a column where others were repeated takes their pooled deviation. Deviations
    are alike, and pooled, in parts of how far a value is from the best that can be, where its unit has one.

    Args:
        indices: (n,) indices of the cells, in any order; a cell may come several times.
        columns: Values (n,) by name, in the order of ``indices``; NaN where nothing was measured.
        quantities: Title, unit and direction of each column, by the same names. A column with unit
            "fraction" and the word "accuracy" in its title gives ``NAME_error`` in per cent as well.
        deviations: Standard deviations (n,) of single measurements, of the columns that have them.
        failed: (n,) bool by name, where a measurement failed: such a cell exists and has no value.
        disturbed: (n,) bool by name, where something disturbed a measurement: its cell is marked.
        rungs: Of shorter trainings, by their share of a full one: the column of each quantity, by its name.
        effort: The column that says what a full training of a cell costs, in any unit; by default all cost the same.
        repeat: "mean" or "random".
        seed: For "random". A cell keeps its measurement within a seed, in whatever order and however
            often it is asked for.

    Attributes:
        quantities: What it offers, by name.
        cells: (k,) its distinct cells, sorted.

    Raises:
        SettingError: (a ValueError) Lengths differ, or a value is infinite.
        DataError: (a ValueError) A value cannot be, such as an accuracy above the whole or a time below 0.
    """

    name = "table"
    cost = staticmethod(cost_by_name)
    _skeleton: Skeleton | None = None

    def __init__(
        self,
        indices: ArrayLike,
        columns: Mapping[str, ArrayLike],
        quantities: Mapping[str, Quantity],
        *,
        deviations: Mapping[str, ArrayLike] | None = None,
        failed: Mapping[str, Bools] | None = None,
        disturbed: Mapping[str, Bools] | None = None,
        rungs: Mapping[float, Mapping[str, str]] | None = None,
        effort: str | None = None,
        repeat: Literal["mean", "random"] = "mean",
        seed: int = 0,
    ) -> None:
        given = load_space().check_row(indices)
        if not len(given) or not quantities:
            raise SettingError(f"a table needs at least one {'quantity' if len(given) else 'cell'}")
        for name in quantities:
            if name not in columns:
                raise SettingError(f"the quantity {name!r} has no column; there are {', '.join(columns)}")
        for name in deviations or {}:
            if name not in quantities:
                raise SettingError(f"there is a deviation of {name!r}, which is no quantity of the table")
        self.quantities: Mapping[str, Quantity] = with_errors(quantities)
        self._accuracy_of = errors_of(quantities)
        self._mean = choice("repeat", repeat, ("mean", "random")) == "mean"
        self._seed = whole("seed", seed, least=0)
        self.cells: Ints = np.unique(given)
        # One row more than there are cells: it stands for all cells that are not in the table.
        self._row = np.full(len(load_space()), len(self.cells), dtype=np.int32)
        self._row[self.cells] = np.arange(len(self.cells), dtype=np.int32)
        spreads = {name: _as_column(values, given, name) for name, values in (deviations or {}).items()}
        for name, spread in spreads.items():
            if (spread < 0).any():
                raise SettingError(f"a deviation of {name} is below 0, for cell {given[spread < 0][0]}")

        def made(column: str, what: Quantity | None = None, **how: Any) -> _Column:
            values = _as_column(columns[column], given, column)
            if what is not None:
                # What may be on another scale is asked of files, as they are read.
                with warnings.catch_warnings(action="ignore"):
                    check_values(values, column, "the table", unit=what.unit, title=what.title)
            return _Column.of(self._row[given], values, n=len(self.cells), **how)

        self._columns = {
            name: made(
                name, what, best=what.best, spread=spreads.get(name), failed=(failed or {}).get(name),
                disturbed=(disturbed or {}).get(name),
            )
            for name, what in quantities.items()
        }  # fmt: skip
        self._shorter = {
            number("share of a rung", share, least=0, most=1): {
                name: made(column, quantities.get(name)) for name, column in of.items()
            }
            for share, of in (rungs or {}).items()
        }
        self.rungs = _checked_rungs(self._shorter, quantities)
        self._effort = None if effort is None else _by_mean(made(effort))

    @classmethod
    def from_eo(cls, folder: str | Path | None = None) -> TableBackend:
        """The EO table: 450 cells trained and timed on So2Sat LCZ42 (see ``load_eo_table``)."""
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
        status: str | None = None,
        rungs: Mapping[float, Mapping[str, str]] | None = None,
        effort: str | None = None,
        repeat: Literal["mean", "random"] = "mean",
        seed: int = 0,
    ) -> TableBackend:
        """A CSV or Parquet file that names its cells by index, hash, genotype, or matrix and ops.

        Args:
            path: The file; see :func:`eomoo.data.user_table.read_user_table` for what it may hold.
            columns: Title, unit and direction of each column that is used, by its name in the file.
            deviations: Names of the columns that hold standard deviations, by the column they are of.
            status: Name of the column that says how a row's measurement ended.
            rungs, effort: As above, of the file's columns.
            repeat, seed: What becomes of a cell that was measured several times.
        """
        of = dict(deviations or {})
        shorter = [column for short in (rungs or {}).values() for column in short.values()]
        wanted = dict.fromkeys([*columns, *of.values(), *shorter, *([effort] if effort else [])])
        table = read_user_table(path, list(wanted), status=status, quantities=columns)
        found = cls(
            table.indices,
            {name: table.columns[name] for name in wanted},
            columns,
            deviations={name: table.columns[column] for name, column in of.items()},
            failed=table.failed,
            disturbed=table.disturbed,
            rungs=rungs,
            effort=effort,
            repeat=repeat,
            seed=seed,
        )
        # Beside a measured table it is written of which network its values are.
        told = read_facts(Path(path).parent) if is_measured(Path(path).parent) else {}
        found._skeleton = Skeleton(**told["skeleton"]) if "skeleton" in told else None
        return found

    @property
    def skeleton(self) -> Skeleton | None:
        """The network that a measured table is of; None where nothing is known of one."""
        return self._skeleton

    def known(self, names: Sequence[str]) -> Ints | None:
        """The cells with a measurement of all these quantities, failed ones among them; None: every cell."""
        _, stored = self._checked((), names)
        rows = np.ones(len(self.cells), dtype=bool)
        for name in stored:
            rows &= self._columns[name].known
        return None if rows.sum() == len(load_space()) else self.cells[rows]

    def marks(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.str_]:
        """Means of measurements of which something disturbed one."""
        cells, stored = self._checked(indices, names)
        found = [np.where(self._columns[name].disturbed[self._row[cells]], "contended", "") for name in stored]
        return np.array(found, dtype=np.str_).reshape(len(stored), len(cells)).T

    def effort(self, indices: ArrayLike) -> Floats:
        """What a full training of cells (n,) costs, by the mean of the table's."""
        cells, _ = self._checked(indices, ())
        return np.ones(len(cells)) if self._effort is None else self._effort[self._row[cells]]

    def n_trainings(self, indices: ArrayLike) -> Ints:
        """Of how many measurements the values of cells (n,) are means, at most."""
        rows = self._row[self._checked(indices, ())[0]]
        counts = np.max([column.count[rows] for column in self._columns.values()], axis=0)
        return np.maximum(counts, 1) if self._mean else np.ones(len(rows), dtype=np.int64)

    def draw(self, indices: ArrayLike, names: Sequence[str], seed: int, *, share: float = 1.0) -> Floats | None:
        """One of a cell's measurements, whatever ``repeat`` is; None where no cell has several."""
        _, stored = self._checked((), names)
        if not any(self._after(share)[name].repeated for name in stored):
            return None
        return self._told(partial(self._drawn, seed=seed, share=share), indices, names)

    def fingerprint(self) -> str:
        """A digest of cells and columns, and how repeated measurements are taken."""
        digest = hashlib.sha256(f"{self._mean} {self._seed}".encode())
        digest.update(self.cells.tobytes())
        for name in sorted(self._columns):
            digest.update(name.encode())
            self._columns[name].enter(digest)
        for share, columns in sorted(self._shorter.items()):
            for name in sorted(columns):
                digest.update(f"{share} {name}".encode())
                columns[name].enter(digest)
        if self._effort is not None:
            digest.update(self._effort.tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        return f"TableBackend({len(self.cells):,} cells: {', '.join(self._columns)})"

    def __deepcopy__(self, memo: dict[int, object]) -> TableBackend:
        return self

    def _values(self, cells: Ints, names: Sequence[str]) -> Floats:
        return self._at_rung(cells, names, share=1.0)

    def _at_rung(self, cells: Ints, names: Sequence[str], *, share: float) -> Floats:
        if not self._mean:
            return self._drawn(cells, names, seed=self._seed, share=share)
        rows, columns = self._row[cells], self._after(share)
        return np.stack([columns[name].mean[rows] for name in names], axis=1)

    def _after(self, share: float) -> Mapping[str, _Column]:
        return self._columns if share == 1.0 else self._shorter[share]

    def _drawn(self, cells: Ints, names: Sequence[str], *, seed: int, share: float = 1.0) -> Floats:
        rows, columns = self._row[cells], self._after(share)
        return np.stack([columns[name].draw(rows, cells, seed) for name in names], axis=1)

    def _at_hand(self, name: str) -> tuple[Ints, Floats, Floats]:
        column = self._columns[name]
        return self._looked_up(self.cells[(column.count[:-1] > 0) & (column.deviation > 0).any()], name)

    def _deviations(self, cells: Ints, names: Sequence[str]) -> Floats:
        rows = self._row[cells]
        found = [self._columns[name] for name in names]
        return np.stack([(c.standard_error if self._mean else c.deviation)[rows] for c in found], axis=1)


@dataclass(frozen=True, kw_only=True)
class _Column:
    """The measurements of one quantity, by the row of their cell; row k stands for cells not in the table.

    Attributes:
        single: (s,) the measurements, those of a row together.
        first, count: (k + 1,) where a row's measurements begin, and how many there are.
        failed: (k + 1,) bool, rows without a measurement where one failed.
        disturbed: (k + 1,) bool, rows of which something disturbed a measurement.
        mean, standard_error, deviation: (k + 1,) NaN where there is no measurement.
    """

    single: Floats
    first: Ints
    count: Ints
    failed: Bools
    disturbed: Bools
    mean: Floats
    standard_error: Floats
    deviation: Floats

    @classmethod
    def of(
        cls,
        at: NDArray[np.int32],
        values: Floats,
        *,
        n: int,
        best: float = math.inf,
        spread: Floats | None = None,
        failed: Bools | None = None,
        disturbed: Bools | None = None,
    ) -> _Column:
        """The column of n cells from values in rows ``at``, NaN where unmeasured, and the best value that can be."""
        order = np.argsort(at, kind="stable")
        order = order[np.isfinite(values[order])]
        rows, single = at[order], values[order]
        count = np.bincount(rows, minlength=n + 1)
        some = np.maximum(count, 1)
        mean = np.where(count > 0, np.bincount(rows, single, n + 1) / some, np.nan)
        if spread is None:
            scale = room(mean, best)
            apart = (single - mean[rows]) / scale[rows]
            # The last bits of a mean of equal ones.
            apart[np.abs(single - mean[rows]) <= 1e-12 * np.abs(single)] = 0.0
            deviation = scale * _deviation(count, np.bincount(rows, apart**2, n + 1).astype(float))
        else:
            # Of several measurements, each with a deviation of its own, the root of the mean square.
            deviation = np.sqrt(np.bincount(rows, spread[order] ** 2, n + 1) / some)
        deviation[count == 0] = np.nan
        lost, spoilt = np.zeros((2, n + 1), dtype=bool)
        for rows_with, those in ((lost, failed), (spoilt, disturbed)):
            if those is not None:
                rows_with[at[those]] = True
        return cls(
            single=single,
            first=np.cumsum(count) - count,
            count=count,
            failed=lost & (count == 0),
            disturbed=spoilt & (count > 0),
            mean=mean,
            standard_error=deviation / np.sqrt(some),
            deviation=deviation,
        )

    @property
    def known(self) -> Bools:
        """(k,) which of the cells were measured, successfully or not."""
        return ((self.count > 0) | self.failed)[:-1]

    @property
    def repeated(self) -> bool:
        """Whether a cell was measured several times."""
        return bool((self.count > 1).any())

    def draw(self, rows: NDArray[np.int32], cells: Ints, seed: int) -> Floats:
        """One of the measurements of each of the cells (n,) in these rows."""
        # Cells with equally many measurements of all quantities get those of one measurement.
        count = self.count[rows]
        place = self.first[rows] + drawn(cells, seed, np.maximum(count, 1))
        return np.where(count > 0, np.append(self.single, np.nan)[np.where(count > 0, place, -1)], np.nan)

    def enter(self, digest: hashlib._Hash) -> None:
        """Add what it holds to a digest."""
        for part in (self.single, self.count, self.failed, self.deviation):
            digest.update(part.tobytes())


def _checked_rungs(
    shorter: Mapping[float, Mapping[str, _Column]], quantities: Mapping[str, Quantity]
) -> tuple[float, ...]:
    """The lengths of training, the full one last."""
    dear = {name for name in quantities if cost_by_name(name) == "dear"}
    for share, columns in shorter.items():
        if not 0 < share < 1 or set(columns) != dear:
            raise SettingError(
                f"a rung is a share of a training above 0 and below 1, with a column for each of "
                f"{', '.join(sorted(dear)) or 'no quantity'}; got {share:g} with {', '.join(columns) or 'none'}"
            )
    return (*sorted(shorter), 1.0)


def _by_mean(costs: _Column) -> Floats:
    """(k + 1,) what each row's training costs, by the mean; 1 where it is not told."""
    if not (costs.single > 0).all():
        raise SettingError("what a training costs must be positive")
    return np.nan_to_num(costs.mean / np.nanmean(costs.mean), nan=1.0)


def _deviation(count: Ints, squares: Floats) -> Floats:
    """Of single measurements, see ``moderated``, pooled for cells measured once; 0 where nothing was repeated.

    All of them in parts of what ``room`` there is.
    """
    freedom = count - 1
    several = freedom > 0
    pooled = np.sqrt(squares[several].sum() / freedom[several].sum()) if several.any() else 0.0
    found: Floats = np.full(len(count), pooled)
    found[several] = np.sqrt(moderated(squares[several], freedom[several]))
    return found


def _as_column(values: ArrayLike, cells: Ints, name: str) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != cells.shape:
        raise SettingError(f"the column {name} has shape {column.shape}; there are {len(cells)} cells")
    if np.isinf(column).any():
        raise SettingError(f"the column {name} has an infinite value, for cell {cells[np.isinf(column)][0]}")
    largest = float(np.abs(column[~np.isnan(column)]).max(initial=0.0))
    if largest >= MOST or 0 < largest < 1 / MOST:
        raise SettingError(f"the column {name} reaches {largest:g}, whose square no number holds; choose another unit")
    return column
