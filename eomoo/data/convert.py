"""Data files as safe tables: CSV or Parquet, beside a JSON file that says what each column means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eomoo.checks import choice
from eomoo.data.datasets import DATASETS, candidates, find
from eomoo.data.download import StartProgress
from eomoo.data.eo_files import read_database, read_tests, read_walks
from eomoo.data.eo_table import EO_COLUMNS, load_eo_table
from eomoo.data.nasbench_convert import NB101_COLUMNS, convert_nasbench101, looks_like_nasbench101
from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.files import atomic_path, read_head, write_json
from eomoo.packages import pandas as pd
from eomoo.packages import require
from eomoo.space import load_space
from eomoo.space.enumeration import N_CELLS


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file, or folder, that can be converted.

    Attributes:
        title: One line for people.
        dataset: Name of the data set that it belongs to, for citation and licence.
        recognises: Tells at a glance whether a path that exists is of this kind.
        read: Reads it; raises an EomooError that names file and record. None where it becomes a NumPy file.
        columns: Unit and meaning of each column that there can be.
        stem: Name of the table without its ending; by default that of the path.
    """

    title: str
    dataset: str
    recognises: Callable[[Path], bool]
    columns: Mapping[str, tuple[str, str]] = field(repr=False)
    read: Callable[[Path], pd.DataFrame] | None = None
    stem: str = ""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What a conversion wrote: the kind that was recognised, the number of rows, table and description."""

    kind: str
    rows: int
    table: Path
    description: Path


_EO_FILE_COLUMNS: dict[str, tuple[str, str]] = EO_COLUMNS | {
    "matrix": ("", "rows of the 0/1 adjacency matrix, as JSON"),
    "ops": ("", "operations in the order of the vertices, as JSON"),
    "train_accuracy": ("fraction", "training accuracy; the file does not say whether micro or macro"),
    "val_accuracy": ("fraction", "validation accuracy; the file does not say whether micro or macro"),
    "test_accuracy": ("fraction", "test accuracy; the file does not say whether micro or macro"),
}


def _is_eo_folder(path: Path) -> bool:
    """Whether a folder holds any of the six files; the reader says which ones are missing."""
    dataset = DATASETS["eo-hwnas"]
    places = candidates(dataset, path) if path.is_dir() else []
    return any((place / file.name).is_file() for place in places for file in dataset.files)


def _begins_with(path: Path, *beginnings: bytes) -> bool:
    """Whether a file begins so, white space apart."""
    return read_head(path, 64).lstrip().startswith(beginnings)


def _measured_table(path: Path) -> pd.DataFrame:
    """Test accuracies, latency, parameters and checkpoint size by cell, (n, 9)."""
    table = read_tests(path)
    table.insert(1, "hash", load_space().hash(table["index"].to_numpy()))
    return table


def _database_table(path: Path) -> pd.DataFrame:
    """A database pickle by hash; what stands under its accuracy names is recognised from the values.

    Three equal values in each record are no accuracies: they are the parameters (in millions or
    thousands) if they agree with the parameters beside them, else the latency.
    """
    table = read_database(path)
    train_time = table.pop("train_time")
    train, val, test = (table.pop(name) for name in ("train", "val", "test"))
    if ((train == val) & (val == test)).all():
        # Rounded to three decimals, as published.
        fields = [(test * unit).round() for unit in (1_000_000, 1_000)]
        in_millions = (fields[0] - table["params"]).abs() <= 1_000
        if (in_millions | ((fields[1] - table["params"]).abs() <= 1)).all():
            table["published_macs_field_params"] = fields[0].where(in_millions, fields[1]).astype("int64")
        else:
            table["latency"] = test
    elif max(train.max(), val.max(), test.max()) > 1:
        raise DataError(f"{path} holds values that are neither accuracies nor one measurement a record")
    else:
        kinds = [kind for kind in ("micro", "macro") if kind in path.name.lower()]
        kind = kinds[0] if len(kinds) == 1 else "accuracy"
        for name, values in (("train", train), ("val", val), ("test", test)):
            table[f"{name}_{kind}"] = values
    table["train_time"] = train_time
    return table


KINDS: dict[str, Kind] = {
    # Before the JSON kinds: the first byte of a TFRecord can be "[" or "{".
    "nasbench-101": Kind(
        title="nasbench_only108.tfrecord or nasbench_full.tfrecord: the table of all cells, as a NumPy file",
        dataset="nasbench-101",
        recognises=looks_like_nasbench101,
        columns=NB101_COLUMNS,
    ),
    "eo-table": Kind(
        title="a folder with the six files of the EO HW-NAS table: one table of 450 cells",
        dataset="eo-hwnas",
        recognises=_is_eo_folder,
        read=load_eo_table,
        columns=EO_COLUMNS,
        stem="eo-hwnas",
    ),
    "eo-walks": Kind(
        title="path_logs.json of the EO HW-NAS table: the cells of the random walks",
        dataset="eo-hwnas",
        recognises=lambda path: _begins_with(path, b"["),
        read=read_walks,
        columns=_EO_FILE_COLUMNS,
    ),
    "eo-tests": Kind(
        title="test_results_sampled_all_paths.json of the EO HW-NAS table: test results",
        dataset="eo-hwnas",
        recognises=lambda path: _begins_with(path, b"{"),
        read=_measured_table,
        columns=_EO_FILE_COLUMNS,
    ),
    "eo-database": Kind(
        title="a database pickle of the EO HW-NAS table: accuracies, latency or parameters by hash",
        dataset="eo-hwnas",
        # Protocols 2 to 5.
        recognises=lambda path: _begins_with(path, *(b"\x80" + bytes([k]) for k in range(2, 6))),
        read=_database_table,
        columns=_EO_FILE_COLUMNS,
    ),
}
"""Every kind that `convert` knows, by name, in the order in which they are tried."""


def kind_of(path: str | Path) -> str:
    """The kind of file, or folder, at a path, a key of `KINDS`; DataError where it is none of them."""
    path = _found(path)
    if not path.exists():
        raise DataNotFoundError(f"there is no file or folder {path}")
    for name, kind in KINDS.items():
        if kind.recognises(path):
            return name
    known = "; ".join(kind.title for kind in KINDS.values())
    raise DataError(f"{path} is of no kind that can be converted; these can: {known}")


def _found(path: str | Path) -> Path:
    """A path, or where the data set of that name lies."""
    place = Path(path)
    return find(str(path)) if str(path) in DATASETS and not place.exists() else place


def _convert_to_measured(path: str | Path, out: Path, cells: str | Path | None) -> Converted:
    from eomoo.data.measured_table import BENCHMARK_FILE, TABLE_FILE, write_measured
    from eomoo.data.published_tables import cells_named, eo_measured, open_table

    place = _found(path)
    if place.is_dir() and _is_eo_folder(place):
        table = eo_measured(place)
    else:
        table = open_table(path, cells=None if cells is None else cells_named(cells))
    write_measured(table, out)
    return Converted(
        kind="measured", rows=len(table.to_dataframe()), table=out / TABLE_FILE, description=out / BENCHMARK_FILE
    )


def convert(
    path: str | Path,
    out: str | Path,
    *,
    fmt: str = "csv",
    cells: str | Path | None = None,
    progress: StartProgress | None = None,
) -> Converted:
    """Write what a data file, or a folder of them, holds as a table with its description.

    The table has the columns that eomoo uses, and where it names cells it can be read again as a
    user's table. A file of the same name in `out` is replaced.

    Args:
        path: A file or folder of a kind in `KINDS`; the kind is recognised from its content. Or the name of a data
            set, which is looked for.
        out: The folder to write to; made if need be.
        fmt: "csv" or "parquet"; a kind that has a format of its own takes no other. "measured": the folder of a
            measured table, of the EO table, of a converted file of NAS-Bench-101, or of any table that names cells.
        cells: A table that names the cells that are wanted of NAS-Bench-101 in the form "measured".
        progress: Makes the progress callback of a file whose conversion takes seconds.

    Raises:
        SettingError: There is no such format, or not for this kind.
        MissingPackageError: Parquet is asked for and pyarrow is not installed.
    """
    choice("format", fmt, ("csv", "parquet", "measured"))
    if fmt == "measured":
        return _convert_to_measured(path, Path(out), cells)
    if cells is not None:
        raise SettingError("cells are chosen for the form measured alone; add --format measured")
    path, out = _found(path), Path(out)
    name = kind_of(path)
    kind = KINDS[name]
    stem = kind.stem or path.resolve().stem
    target, description = out / f"{stem}.{fmt if kind.read else 'npy'}", out / f"{stem}.columns.json"
    if kind.read is None:
        if fmt != "csv":
            raise SettingError(f"{path.name} is converted to a .npy file only; leave the format out")
        epochs = convert_nasbench101(path, target, progress=progress(path.name) if progress else None)
        names, rows = [name for name in NB101_COLUMNS if int(name.split("_")[-2]) in epochs], N_CELLS
    else:
        if fmt == "parquet":
            require("pyarrow", purpose="to write Parquet (CSV needs nothing)")
        table = kind.read(path)
        names, rows = [str(column) for column in table.columns], len(table)
        with atomic_path(target) as temporary:
            if fmt == "csv":
                table.to_csv(temporary, index=False, lineterminator="\n")
            else:
                table.to_parquet(temporary, index=False)
    dataset = DATASETS[kind.dataset]
    facts = {fact: getattr(dataset, fact) for fact in ("title", "citation", "licence", "homepage")}
    meanings = {k: {"unit": kind.columns[k][0] or None, "meaning": kind.columns[k][1]} for k in names}
    write_json(description, {"dataset": dataset.name, **facts, "rows": rows, "columns": meanings})
    return Converted(kind=name, rows=rows, table=target, description=description)
