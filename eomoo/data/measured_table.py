"""A measured table: rows of cells and repeats, learning curves, and everything that a number depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from eomoo import notebook
from eomoo.arrays import Facts, Ints
from eomoo.checks import choice, listed, short
from eomoo.data.user_table import MOST_BYTES, cells_of, numbers_of, read_frame
from eomoo.errors import DataError, DataNotFoundError, EomooError, SettingError
from eomoo.files import Place, atomic_path, read_toml, sha256_of, to_toml, write_text
from eomoo.fronts import Quantity
from eomoo.packages import pandas as pd
from eomoo.space import Skeleton, load_space
from eomoo.version import __version__

BENCHMARK_FILE, TABLE_FILE, CURVES_FILE, PARQUET_FILE = "benchmark.toml", "table.csv", "curves.csv", "table.parquet"
KEYS = ("index", "hash", "walk", "step", "repeat", "seed", "status", "reason")
"""Columns that say what a row is; all others hold values."""
KINDS = ("trained", "timed", "counted", "given", "mark")
"""Whence a column's values: a training, a timing, a count, somebody's file; or a mark (0 or 1) of other values."""
SETTINGS = ("data", "skeleton", "recipe", "training", "latency", "device", "versions")
"""What the measurements of a table have to agree on, as far as it is told."""
_OF_TIMINGS = ("latency", "device", "versions")
# A machine's, of the table and of the curves, though a training's.
_TIMES = ("train_time", "seconds")
# How often, on what else, and what the fingerprint of images stands for: the results are the same.
_NO_SETTINGS = ("seeds", "other_devices", "source", "options", "mean", "std", "reference_ms")
# In times of the reference cell, times what it took in a quiet round: another day's timings may be on another scale.
_BY_REFERENCE = ("latency", "latency_lower", "latency_upper", "latency_std")
_FORMAT = 1
# A list of all cells has 3 MB.
_MOST_FACTS = 1 << 24
_WHOLE = ("index", "walk", "step", "repeat", "seed", "epoch")
_ENDS = {"status": "incident", "reason": ""}
_CURVE_KEYS = ("index", "repeat", "seed", "epoch")


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredTable:
    """What was measured of some cells, in one setting.

    Attributes:
        rows: A row for each cell and repeat: ``index, hash, walk, step, repeat, seed, status, reason`` and values,
            NaN where nothing was measured or it failed. Walk, step and seed are missing where there is none.
        curve_rows: A row for each measured epoch: ``index, repeat, seed, epoch`` and values; it may be empty.
        facts: What ``benchmark.toml`` says: tables ``data, skeleton, recipe, training, latency, device, versions,
            cells`` as far as they apply, and ``columns``, a list of ``name, title, unit, direction, kind``.

    Raises:
        DataError: (a ValueError) Rows and facts do not fit together.
    """

    rows: pd.DataFrame
    curve_rows: pd.DataFrame
    facts: Facts

    def __post_init__(self) -> None:
        known = [*KEYS, *self.kinds]
        for name in [name for name in map(str, self.rows.columns) if name not in known]:
            raise DataError(f"the measured table has a column {short(name)} that its facts do not describe")
        keys = self.rows[["index", "repeat", "seed"]] if len(self.rows) else self.rows
        if keys.duplicated().any():
            raise DataError(f"the measured table has cell {keys['index'][keys.duplicated()].iloc[0]} twice in a repeat")

    def to_dataframe(self) -> pd.DataFrame:
        """The rows, a copy: index and repeat int64, walk and step float64, seed Int64, values float64."""
        return self.rows.copy()

    def curves(self) -> pd.DataFrame:
        """The learning curves, a copy, a row for each measured epoch; empty where there are none."""
        return self.curve_rows.copy()

    @cached_property
    def quantities(self) -> Mapping[str, Quantity]:
        """What can be told of a cell, by column, marks left out."""
        return {
            column["name"]: Quantity(title=column["title"], unit=column["unit"], direction=column["direction"])
            for column in self.facts["columns"]
            if column["kind"] != "mark"
        }

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """Whence the values of each column, one of ``KINDS``."""
        return {column["name"]: column["kind"] for column in self.facts["columns"]}

    @cached_property
    def skeleton(self) -> Skeleton | None:
        """The network around the cells; None where the table does not tell."""
        return Skeleton(**self.facts["skeleton"]) if "skeleton" in self.facts else None

    @cached_property
    def cells(self) -> Ints:
        """The cells (n,), each once, in the order of the rows."""
        return self.rows["index"].drop_duplicates().to_numpy(dtype=np.int64)

    @cached_property
    def walks(self) -> list[Ints]:
        """The cells of each walk in the order of its steps; repeats left out."""
        steps = self.rows[["walk", "step", "index"]].dropna().drop_duplicates().sort_values(["walk", "step"])
        return [walk["index"].to_numpy(dtype=np.int64) for _, walk in steps.groupby("walk")]

    def mean(self) -> pd.DataFrame:
        """A row a cell: index, hash, walk, step, how many repeats ended well, and the mean of each column's values."""
        groups = self.rows.groupby("index", sort=False)
        means = groups[list(self.kinds)].mean()
        for name in ("step", "walk", "hash"):
            means.insert(0, name, groups[name].first())
        means.insert(3, "repeats", (self.rows["status"] == "done").groupby(self.rows["index"], sort=False).sum())
        return means.reset_index()

    def __repr__(self) -> str:
        return f"MeasuredTable({self.facts['title']}: {len(self.cells)} cells, {len(self.rows)} rows)"

    def _repr_html_(self) -> str:
        marks = [name for name, kind in self.kinds.items() if kind == "mark"]
        shown = self.rows.drop(columns=["hash", "reason", *marks]).dropna(axis="columns", how="all")
        told = shown.astype(object).map(lambda value: f"{value:.4g}" if isinstance(value, float) else value)
        settings = (("images", "data", "source"), ("timed on", "device", "timing"))
        known = [f"{what}: {self.facts[k][name]}" for what, k, name in settings if name in self.facts.get(k, {})]
        return notebook.to_html(repr(self), *known, notebook.table(list(map(str, shown)), told.to_numpy().tolist()))


def measured_table(rows: pd.DataFrame, facts: Facts, curves: pd.DataFrame | None = None) -> MeasuredTable:
    """A measured table of rows that lack what can be filled in.

    Args:
        rows: At least ``index`` and values; ``hash`` is looked up, ``repeat`` is 0, ``status`` is "done", and the rest
            is empty where the column is missing.
        facts: At least ``title`` and ``columns``.
        curves: At least ``index`` and ``epoch``.

    Raises:
        DataError: (a ValueError) A row is no cell, or a column is not described.
    """
    indices = load_space().check(rows["index"].to_numpy())
    filled = {"hash": load_space().hash(indices), "walk": None, "step": None, "repeat": 0, "seed": None}
    frame = rows.assign(**{k: v for k, v in {**filled, "status": "done", "reason": ""}.items() if k not in rows})
    values = [column["name"] for column in facts["columns"]]
    missing = {name: np.nan for name in values if name not in frame}
    frame = _typed(frame.assign(**missing), [*(k for k in map(str, frame) if k not in (*KEYS, *values)), *values])
    curve = pd.DataFrame(columns=[*_CURVE_KEYS]) if curves is None else curves
    curve = curve.assign(**{k: v for k, v in (("repeat", 0), ("seed", None)) if k not in curve})
    curve = _typed(curve, [k for k in map(str, curve) if k not in _CURVE_KEYS], keys=_CURVE_KEYS)
    return MeasuredTable(rows=frame, curve_rows=curve, facts={**_head(), **facts})


def _head() -> Facts:
    return {"format": _FORMAT, "title": "measured table", "created_by": f"eomoo {__version__}"}


def _typed(frame: pd.DataFrame, values: Sequence[str], *, keys: Sequence[str] = KEYS) -> pd.DataFrame:
    """The columns in order, each of its type."""
    types = {"index": "int64", "repeat": "int64", "epoch": "int64", "walk": "float64", "step": "float64"}
    types |= {"seed": "Int64", "hash": "object", "status": "object", "reason": "object"}
    ordered = frame[[*keys, *values]].reset_index(drop=True)
    return ordered.astype({name: types.get(str(name), "float64") for name in ordered.columns})


def is_measured(place: str | Path) -> bool:
    """Whether a path is the folder of a measured table."""
    return (Path(place) / BENCHMARK_FILE).is_file()


def read_measured(folder: str | Path) -> MeasuredTable:
    """Read a measured table, its files checked by their digests.

    Raises:
        DataNotFoundError: (a FileNotFoundError) The folder holds no measured table.
        DataError: (a ValueError) A file is damaged or has changed since it was written.
    """
    folder = Path(folder)
    facts = read_facts(folder)
    digests = facts.pop("digests", {})
    if TABLE_FILE not in digests:
        raise DataError(f"{folder} has no table yet; run the same `eomoo measure` command again")
    for name, digest in digests.items():
        path = folder / Path(name).name
        if name == PARQUET_FILE and not path.exists():
            continue
        if sha256_of(path, max_size=MOST_BYTES) != digest:
            raise DataError(
                f"{path} is not as {BENCHMARK_FILE} says: it was changed, or eomoo was stopped while it wrote; run the "
                "same `eomoo measure` command again, or take the folder from a copy"
            )
    rows = _read_rows(folder / TABLE_FILE)
    curves = _read_rows(folder / CURVES_FILE) if CURVES_FILE in digests else None
    try:
        return measured_table(rows, facts, curves)
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, EomooError) else "it lacks a column, or one holds no numbers"
        raise DataError(f"{folder}: {reason}") from None


def read_facts(folder: str | Path) -> Facts:
    """What ``benchmark.toml`` of a folder says, its ``digests`` included; no other file is looked at."""
    path = Path(folder) / BENCHMARK_FILE
    if not path.exists():
        raise DataNotFoundError(f"{folder} holds no measured table: there is no {BENCHMARK_FILE} in it")
    facts = read_toml(path, max_size=_MOST_FACTS)
    top = Place(facts, path)
    if top["format"].value != _FORMAT:
        raise DataError(f"{path} has the format {short(facts['format'])}, which this version of eomoo cannot read")
    top["title"].text(r"(?s).*", "a text")
    for place in top["columns"].list("column"):
        for key in ("name", "title", "unit", "direction", "kind"):
            place[key].text(r"(?s).{0,1000}", "a short text")
        choice(f"{path}: a column's direction", place["direction"].value, ("min", "max"), error=DataError)
        choice(f"{path}: a column's kind", place["kind"].value, KINDS, error=DataError)
    names = [column["name"] for column in facts["columns"]]
    for name in [name for name in names if names.count(name) > 1]:
        top.fail(f"describes the column {short(name)} twice")
    for name in (*SETTINGS, "cells", "digests"):
        if name in facts and not isinstance(facts[name], dict):
            top[name].must_be("a table")
    if "reference_ms" in facts.get("latency", {}):
        top["latency"]["reference_ms"].number(0)
    if "skeleton" in facts:
        for field in fields(Skeleton):
            top["skeleton"][field.name].integer(1, 1 << 31)
        facts["skeleton"] = {field.name: facts["skeleton"][field.name] for field in fields(Skeleton)}
        try:
            Skeleton(**facts["skeleton"])
        except EomooError as error:
            top.fail(f"describes no network: {error}")
    return facts


def _read_rows(path: Path) -> pd.DataFrame:
    texts = read_frame(path)
    columns: Facts = {"index": cells_of(texts, path)}
    for name in map(str, texts.columns):
        if name in ("hash", "status", "reason"):
            columns[name] = texts[name].to_numpy(dtype=object)
        elif name == "seed":
            # Seeds are larger than what floats hold exactly.
            columns[name] = [int(text) if text.isdecimal() and len(text) < 20 else None for text in texts[name]]
        elif name != "index":
            columns[name] = numbers_of(texts[name], name, path, none_is_fine=True)[0]
    return texts.assign(**columns)


def write_measured(table: MeasuredTable, folder: str | Path) -> list[Path]:
    """Write a measured table, each file whole or not at all, ``benchmark.toml`` with the digests last; the files.

    Raises:
        DataError: (a ValueError) A file cannot be written.
    """
    folder = Path(folder)
    written = [folder / TABLE_FILE]
    rows = _for_people(table.rows)
    with atomic_path(written[0]) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")
    if find_spec("pyarrow") is not None:
        written.append(folder / PARQUET_FILE)
        with atomic_path(written[-1]) as temporary:
            rows.to_parquet(temporary, index=False)
    if len(table.curve_rows):
        written.append(folder / CURVES_FILE)
        with atomic_path(written[-1]) as temporary:
            _for_people(table.curve_rows).to_csv(temporary, index=False, lineterminator="\n")
    return [*written, write_facts({**table.facts, "digests": {path.name: sha256_of(path) for path in written}}, folder)]


def write_facts(facts: Facts, folder: str | Path) -> Path:
    """Write ``benchmark.toml`` of a folder, alone where its table is still to come; the file."""
    path = Path(folder) / BENCHMARK_FILE
    write_text(path, to_toml({**_head(), **facts}))
    return path


def _for_people(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of whole numbers as such; those without any value left out."""
    there = frame[[name for name in frame if name in (*KEYS, *_CURVE_KEYS) or frame[name].notna().any()]]
    numbers = there.select_dtypes("float64")
    whole = [name for name in numbers if (numbers[name].dropna() % 1 == 0).all() and numbers[name].abs().max() < 2**53]
    return there.astype(dict.fromkeys([name for name in there if name in whole or name in _WHOLE], "Int64"))


def merged(first: MeasuredTable, second: MeasuredTable) -> MeasuredTable:
    """One table of two of the same settings; where both have a value of a cell and seed, the first's is kept.

    A setting that only one of them tells is no difference, and neither is the machine: trainings of one and timings of
    another go together, without what ``left_out`` names. Repeats are counted anew. Walks of the second follow those of
    the first, but for the same ones; a walk of the second is cut where it comes to a cell of one of the first.

    Raises:
        SettingError: (a ValueError) The settings of images, networks or trainings differ, or the unit or direction of a
            column; the sentence says in what.
    """
    for name in SETTINGS:
        if name not in _OF_TIMINGS:
            check_same(name, first.facts, second.facts, but=("device",))
    second = _without(second, left_out(first, second), timings=_other_timings(first.facts, second.facts))
    for name in second.quantities:
        here, there = ({name: asdict(t.quantities[name])} if name in t.quantities else {} for t in (first, second))
        check_same(name, here, there, but=("title",))
    by = "repeat" if first.rows["seed"].isna().any() or second.rows["seed"].isna().any() else "seed"
    rows = _combined(first.rows, _on_its_scale(first, second, _with_walks_after(first, second)), ["index", by])
    curves = _combined(first.curve_rows, second.curve_rows, ["index", by, "epoch"])
    if by == "seed":
        rows["repeat"] = rows.groupby("index").cumcount()
        curves = curves.drop(columns="repeat").merge(
            rows[["index", "seed", "repeat"]], on=["index", "seed"], how="left"
        )
    # What a cell's place in a walk is, all of its repeats say.
    rows[["walk", "step"]] = rows.groupby("index")[["walk", "step"]].transform("first")
    known = [column["name"] for column in first.facts["columns"]]
    columns = first.facts["columns"] + [c for c in second.facts["columns"] if c["name"] not in known]
    facts = {**first.facts, **second.facts, **first.facts, "columns": columns, "cells": {"merged": True}}
    if "training" in second.facts and "training" not in first.facts:
        # A title says what was trained, or else on what device was timed.
        facts["title"] = second.facts["title"]
    if differing("training", first.facts, second.facts):
        here, there = first.facts["training"], second.facts["training"]
        devices = {there.get("device"), *there.get("other_devices", ()), *here.get("other_devices", ())}
        facts["training"] = {**here, "other_devices": sorted(devices - {here.get("device"), None})}
    return measured_table(rows, facts, curves)


def left_out(first: MeasuredTable, second: MeasuredTable) -> list[str]:
    """The columns of the second that do not go into one table of both, as they are a machine's and that is another.

    These are timings, where they were made on another device or in another way, and the time that training took,
    where that was on another device.
    """
    timed = {name for name, kind in second.kinds.items() if kind == "timed"}
    gone = timed if _other_timings(first.facts, second.facts) else set()
    gone |= set(_TIMES) if differing("training", first.facts, second.facts) else set()
    there = (name for frame in (second.rows, second.curve_rows) for name in frame if frame[name].notna().any())
    return [name for name in dict.fromkeys(map(str, there)) if name.removesuffix("_disturbed") in gone]


def _other_timings(first: Facts, second: Facts) -> bool:
    return any(differing(name, first, second) for name in _OF_TIMINGS)


def _without(table: MeasuredTable, columns: Sequence[str], *, timings: bool) -> MeasuredTable:
    """The table without columns, and without the settings of timings where these are among them."""
    settings = _OF_TIMINGS if timings else ()
    facts = {name: value for name, value in table.facts.items() if name not in settings}
    facts["columns"] = [column for column in table.facts["columns"] if column["name"] not in columns]
    rows, curves = (frame.drop(columns=list(columns), errors="ignore") for frame in (table.rows, table.curve_rows))
    return MeasuredTable(rows=rows, curve_rows=curves, facts=facts)


def _combined(first: pd.DataFrame, second: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The rows of both by their keys, the first's values where both have one; an incident gives way to a result."""
    parts = [part for part in (first, second) if len(part)]
    if len(parts) < 2:
        return parts[0].copy() if parts else first.copy()
    order = pd.concat([part[keys] for part in parts]).drop_duplicates()
    # The repeats of a cell stay together.
    order = order.iloc[np.argsort(pd.factorize(order["index"])[0], kind="stable")]
    if "status" in first:
        parts = [part.assign(**{k: part[k].mask(part["status"] == "incident") for k in _ENDS}) for part in parts]
    whole = parts[0].set_index(keys).combine_first(parts[1].set_index(keys))
    for name, word in _ENDS.items():
        if name in whole:
            whole[name] = whole[name].fillna(word)
    return order.merge(whole.reset_index(), on=keys, how="left")


def check_same(name: str, first: Facts, second: Facts, *, but: Sequence[str] = ()) -> None:
    """SettingError where two tables' facts under a name differ, with what differs; none where one has none."""
    keys = [key for key in differing(name, first, second) if key not in but]
    if keys:
        key = keys[0]
        raise SettingError(
            f"measured in other settings: {listed(f'{name}.{k}' for k in keys)}; "
            f"{name}.{key} is {short(first[name].get(key))} there and {short(second[name].get(key))} here"
        )


def differing(name: str, first: Facts, second: Facts) -> list[str]:
    """The keys of two tables' facts under a name that differ; none where one has none."""
    a, b = ({k: v for k, v in facts.get(name, {}).items() if k not in _NO_SETTINGS} for facts in (first, second))
    return sorted(key for key in {*a, *b} if a.get(key) != b.get(key)) if a and b else []


def _on_its_scale(first: MeasuredTable, second: MeasuredTable, rows: pd.DataFrame) -> pd.DataFrame:
    """The second's rows with latencies by the first's reference cell, where both tell what it took."""
    here, there = (table.facts.get("latency", {}).get("reference_ms") for table in (first, second))
    names = [name for name in _BY_REFERENCE if name in rows] if here and there else []
    return rows.assign(**{name: rows[name] * (here / there) for name in names})


def _with_walks_after(first: MeasuredTable, second: MeasuredTable) -> pd.DataFrame:
    """The second's rows, its walks numbered after the first's and cut where they meet those."""
    taken = {int(cell) for walk in first.walks for cell in walk}
    number = int(np.nan_to_num(first.rows["walk"].max(), nan=-1)) + 1 if len(first.rows) else 0
    places: dict[int, tuple[int, int]] = {}
    for walk in second.walks:
        free = np.array([int(cell) not in taken for cell in walk])
        pieces = [piece for piece in np.split(np.arange(len(walk)), np.flatnonzero(~free)) if free[piece].any()]
        for piece in pieces:
            kept = piece[free[piece]]
            places |= {int(walk[k]): (number, step) for step, k in enumerate(kept)}
            number += 1
    found = [places.get(int(cell), (np.nan, np.nan)) for cell in second.rows["index"]]
    return second.rows.assign(walk=[w for w, _ in found], step=[s for _, s in found])
