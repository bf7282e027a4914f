"""The rows of anybody's table as models are fitted to them: values, failures, walks, the network around the cells."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import by_name, choice, known_name, listed, several, short, text
from eomoo.data.column_names import called_columns
from eomoo.data.measured_table import TABLE_FILE, MeasuredTable, is_measured, read_measured
from eomoo.data.user_table import (
    MOST_BYTES,
    TABLE_ENDINGS,
    cells_of,
    disturbed_in,
    ended_badly,
    numbers_of,
    read_frame,
    target_columns,
)
from eomoo.errors import DataError, SettingError
from eomoo.files import sha256_of
from eomoo.fronts import Quantity
from eomoo.models import KINDS, LEAST_CELLS, Measurements, Recipe, Target
from eomoo.objectives.analytic import SKELETONS, AnalyticBackend
from eomoo.objectives.latency_from import LATENCY
from eomoo.packages import pandas as pd
from eomoo.space import Skeleton, load_space


@dataclass(frozen=True, kw_only=True)
class MeasuredRows:
    """Rows of a table, one for each measurement of a cell.

    Attributes:
        title: What the table calls itself; "" where it does not.
        cells: (n,) indices.
        values: (n,) of each target, NaN where there is none.
        failed: (n,) bool, rows in which the measurement of a target failed because of the cell.
        disturbed: Number of values that were left out since something disturbed them.
        walk: (n,) number of the walk that found each cell, NaN for none; None where there are no walks.
        targets: What each target is.
        skeleton: The network around the cells; None where nothing tells.
        files: SHA-256 of the files that were read, by name.
        device: What was timed on; "" where nothing tells.
    """

    title: str
    cells: Ints
    values: dict[str, Floats]
    failed: Bools
    disturbed: int
    walk: Floats | None
    targets: dict[str, Target]
    skeleton: Skeleton | None
    files: dict[str, str]
    device: str = ""

    @property
    def tried(self) -> Bools:
        """(n,) rows in which something was measured, or its measurement failed."""
        return np.asarray(np.any([self.failed, *map(np.isfinite, self.values.values())], axis=0))

    def measurements(self, recipes: Mapping[str, Recipe]) -> Measurements:
        """As models of these recipes see them."""
        return Measurements.of(self.cells, self.values, walk=self.walk, recipes=recipes)


def rows_of(
    table: str | Path | pd.DataFrame | MeasuredTable,
    targets: str | Sequence[str] | None = None,
    *,
    units: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> MeasuredRows:
    """The rows of a file, a folder, a frame or a measured table; see ``fit_table`` for the arguments."""
    opened = _open(table)
    frame, where = opened.frame, opened.where
    names = opened.names([*map(str, several(targets))] or target_columns(frame, where=where))
    units, kinds = opened.told("units", units, names), opened.told("kinds", kinds, names)
    units = {**opened.units, **units}
    cells, ended = cells_of(frame, where, called=opened.called), ended_badly(frame)
    read = {name: numbers_of(frame[name], name, where, ended, unit=units.get(name, "")) for name in names}
    skeleton = opened.skeleton or _skeleton_of(frame, cells)
    counted = [name for name in names if name in AnalyticBackend.quantities]
    if counted and skeleton is not None:
        raise SettingError(f"{counted[0]} is counted exactly for every cell; it needs no model")
    disturbed = opened.disturbed({name: np.isfinite(values) for name, (values, _) in read.items()})
    spoilt = _spoilt(cells, {name: values for name, (values, _) in read.items()}, disturbed, asked=bool(targets))
    read = {name: found for name, found in read.items() if name not in spoilt}
    return MeasuredRows(
        title=opened.facts.get("title", ""),
        cells=cells,
        values={name: np.where(disturbed[name], np.nan, values) for name, (values, _) in read.items()},
        failed=np.any([failed for _, failed in read.values()], axis=0),
        disturbed=sum(int(disturbed[name].sum()) for name in read),
        walk=_walks(frame),
        targets={
            name: _target(name, values, opened.quantities.get(name), units.get(name), kinds.get(name))
            for name, (values, _) in read.items()
        },
        skeleton=skeleton,
        files=opened.files,
        device=str(opened.facts.get("device", {}).get("timing", "")),
    )


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """Anybody's table, its columns by the names that they have without their units.

    Attributes:
        where: Its file, for messages.
        frame: Its rows.
        called: A column's name in ``frame``, by what its file calls it.
        units: Those that its columns' names tell.
        facts, quantities, skeleton: What a measured table says of itself; empty or None of any other.
        files: SHA-256 by name.
    """

    where: Path
    frame: pd.DataFrame
    called: Mapping[str, str]
    units: Mapping[str, str]
    facts: Facts
    quantities: Mapping[str, Quantity]
    skeleton: Skeleton | None
    files: dict[str, str]

    def names(self, asked: Sequence[str]) -> list[str]:
        """The names in ``frame`` of columns, each of which may be called as in the file."""
        names = list(dict.fromkeys(self.called.get(name, name) for name in asked))
        for name in names:
            if name not in self.frame.columns:
                raise SettingError(f"{self.where} has no column {short(name)}; its columns are {listed(self.called)}")
        return names

    def told(self, what: str, given: Mapping[str, str] | None, names: Sequence[str]) -> dict[str, str]:
        """What is given of columns, such as units, by their names in ``frame``, all of which have to be ``names``."""
        found = {self.called.get(n, n): text(f"{what} of {n}", v) for n, v in by_name(what, given).items()}
        for name in found:
            known_name("target", name, names, error=SettingError)
        return found

    def disturbed(self, there: Mapping[str, Bools]) -> dict[str, Bools]:
        """Which values, of those that are there, something disturbed while they were timed."""
        timed = {column["name"] for column in self.facts.get("columns", ()) if column["kind"] == "timed"}
        # What is told of the same rounds, such as energy, was disturbed with the latency.
        marks = {name: f"{LATENCY if name in timed else name}_disturbed" for name in there}
        return {name: disturbed_in(self.frame, mark, self.where) & there[name] for name, mark in marks.items()}


def _open(table: str | Path | pd.DataFrame | MeasuredTable) -> _Opened:
    where, files = Path("the table"), dict[str, str]()
    if isinstance(table, str | Path):
        where = _file_in(Path(table))
        files = {where.name: sha256_of(where, max_size=MOST_BYTES)}
        table = read_measured(where.parent) if is_measured(where.parent) else read_frame(where)
    if not isinstance(table, pd.DataFrame | MeasuredTable):
        what = type(table).__name__
        raise SettingError(f"models are fitted to a file, a folder, a DataFrame or a MeasuredTable; got a {what}")
    measured = table if isinstance(table, MeasuredTable) else None
    frame = table.to_dataframe() if isinstance(table, MeasuredTable) else table.rename(columns=str)
    called = called_columns(frame.columns, where)
    names = {column: name for column, (name, _) in called.items()}
    frame = frame.rename(columns=names)
    _refuse_predictions(frame, where)
    return _Opened(
        where=where,
        frame=frame,
        called=names,
        units={name: unit for name, unit in called.values() if unit},
        facts={} if measured is None else measured.facts,
        quantities={} if measured is None else measured.quantities,
        skeleton=None if measured is None else measured.skeleton,
        files=files,
    )


def _refuse_predictions(frame: pd.DataFrame, where: Path) -> None:
    """Raise SettingError where a column ``basis``, as in the front.csv of a run, tells of values that are predicted."""
    if "basis" in frame.columns:
        said = frame["basis"].astype(str).str.partition(",")[0].to_numpy()
        for row in np.flatnonzero(np.isin(said, ("predicted", "extrapolated"))).tolist():
            raise SettingError(f"{where}, row {row + 1}: its values are {said[row]}; models need measured ones")


def _spoilt(cells: Ints, values: Mapping[str, Floats], disturbed: Mapping[str, Bools], *, asked: bool) -> list[str]:
    """Targets of which disturbed values leave too few cells: told in a warning, refused where they were asked for."""
    left = {name: len(np.unique(cells[np.isfinite(of) & ~disturbed[name]])) for name, of in values.items()}
    spoilt = [name for name, n in left.items() if disturbed[name].any() and n < LEAST_CELLS]
    if spoilt:
        why = f"something else used the device while {spoilt[0]} was timed, so that it is known of {left[spoilt[0]]} "
        if asked or len(spoilt) == len(values):
            raise SettingError(f"{why}cells only; give the command that timed them again while nothing else runs")
        warnings.warn(f"{why}cells only, and is left out", stacklevel=3)
    return spoilt


def _file_in(path: Path) -> Path:
    if is_measured(path):
        return path / TABLE_FILE
    if not path.is_dir():
        return path
    found = sorted(p for p in path.glob("[!.]*") if p.name.endswith(TABLE_ENDINGS))
    if not found:
        raise DataError(f"{path} holds no table: no file that ends in .csv, .csv.gz, .parquet or .pq")
    if len(found) > 1:
        raise DataError(
            f"{path} holds {len(found)} tables ({', '.join(p.name for p in found)}); name the one that is meant"
        )
    return found[0]


def _target(name: str, values: Floats, known: Quantity | None, unit: str | None, kind: str | None) -> Target:
    """What a target is: as it was told, as its table says, as its name tells."""
    if kind is not None:
        choice(f"the kind of {name}", kind, KINDS)
    if known is None or kind is not None:
        unit = unit if unit is not None or known is None else known.unit
        return Target.named(name, values, unit=unit or "", kind=kind or "")
    return Target(title=known.title, unit=known.unit if unit is None else unit, direction=known.direction)


def _walks(table: pd.DataFrame) -> Floats | None:
    if "walk" not in table.columns:
        return None
    texts = table["walk"].astype(object)
    numbers, _ = pd.factorize(texts.where(texts.notna() & (texts != ""), None))
    return np.where(numbers < 0, np.nan, numbers) if (numbers >= 0).any() else None


def _skeleton_of(table: pd.DataFrame, cells: Ints) -> Skeleton | None:
    """The known network whose parameters a column of that name counts."""
    if "params" not in table.columns:
        return None
    try:
        counts, _ = numbers_of(table["params"], "params", Path("the table"))
    except DataError:
        return None
    there = np.isfinite(counts)
    same = (s for s in SKELETONS.values() if np.array_equal(load_space().params(cells[there], s), counts[there]))
    return next(same, None)
