"""Published data as safe tables: CSV, Parquet or NumPy's, beside a JSON file that says what each column means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eomoo.checks import choice
from eomoo.data.datasets import DATASETS, candidates, find
from eomoo.data.download import StartProgress
from eomoo.data.eo_table import EO_COLUMNS, load_eo_table
from eomoo.data.measured_table import BENCHMARK_FILE, TABLE_FILE, write_measured
from eomoo.data.nasbench_convert import NB101_COLUMNS, convert_nasbench101, looks_like_nasbench101
from eomoo.data.published_tables import cells_named, eo_measured, open_table
from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.files import atomic_path, write_json
from eomoo.packages import require
from eomoo.space.enumeration import N_CELLS

_KNOWN = (
    "nasbench_only108.tfrecord or nasbench_full.tfrecord: the table of all cells, as a NumPy file",
    "a folder with the six files of the EO HW-NAS table: one table of 450 cells",
)


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What a conversion wrote: the kind that was recognised, the number of rows, table and description."""

    kind: str
    rows: int
    table: Path
    description: Path


def convert(
    path: str | Path,
    out: str | Path,
    *,
    fmt: str = "csv",
    cells: str | Path | None = None,
    progress: StartProgress | None = None,
) -> Converted:
    """Write what published data hold as a table with its description; a file of the same name in `out` is replaced.

    Args:
        path: The folder of the EO table, which becomes a table that can be read again as a user's; or a file of
            NAS-Bench-101. Both are recognised from their content. Or the name of a data set, which is looked for.
        out: The folder to write to; made if need be.
        fmt: "csv" or "parquet"; a file of NAS-Bench-101 becomes a NumPy file. "measured": the folder of a
            measured table, of the EO table, of a converted file of NAS-Bench-101, or of any table that names cells.
        cells: A table that names the cells that are wanted of NAS-Bench-101 in the form "measured".
        progress: Makes the progress callback of a file whose conversion takes seconds.

    Raises:
        SettingError: There is no such format, or not of these data.
        DataError: They are of no kind that can be converted.
        MissingPackageError: Parquet is asked for and pyarrow is not installed.
    """
    choice("format", fmt, ("csv", "parquet", "measured"))
    place = find(str(path)) if str(path) in DATASETS and not Path(path).exists() else Path(path)
    if fmt == "measured":
        return _to_measured(path, place, Path(out), cells)
    if cells is not None:
        raise SettingError("cells are chosen for the form measured alone; add --format measured")
    if not place.exists():
        raise DataNotFoundError(f"there is no file or folder {place}")
    if looks_like_nasbench101(place):
        if fmt != "csv":
            raise SettingError(f"{place.name} is converted to a .npy file only; leave the format out")
        target = Path(out) / f"{place.resolve().stem}.npy"
        epochs = convert_nasbench101(place, target, progress=progress(place.name) if progress else None)
        names = [name for name in NB101_COLUMNS if int(name.split("_")[-2]) in epochs]
        return _described("nasbench-101", target, "nasbench-101", {k: NB101_COLUMNS[k] for k in names}, N_CELLS)
    if not _is_eo_folder(place):
        raise DataError(f"{place} is of no kind that can be converted; these can: {'; '.join(_KNOWN)}")
    if fmt == "parquet":
        require("pyarrow", purpose="to write Parquet (CSV needs nothing)")
    table, target = load_eo_table(place), Path(out) / f"eo-hwnas.{fmt}"
    with atomic_path(target) as temporary:
        if fmt == "csv":
            table.to_csv(temporary, index=False, lineterminator="\n")
        else:
            table.to_parquet(temporary, index=False)
    return _described("eo-table", target, "eo-hwnas", EO_COLUMNS, len(table))


def _is_eo_folder(path: Path) -> bool:
    """Whether a folder holds any of the six files; the reader says which ones are missing."""
    dataset = DATASETS["eo-hwnas"]
    places = candidates(dataset, path) if path.is_dir() else []
    return any((place / file.name).is_file() for place in places for file in dataset.files)


def _to_measured(source: str | Path, place: Path, out: Path, cells: str | Path | None) -> Converted:
    if _is_eo_folder(place):
        table = eo_measured(place)
    else:
        table = open_table(source, cells=None if cells is None else cells_named(cells))
    write_measured(table, out)
    rows = len(table.to_dataframe())
    return Converted(kind="measured", rows=rows, table=out / TABLE_FILE, description=out / BENCHMARK_FILE)


def _described(kind: str, table: Path, name: str, columns: Mapping[str, Sequence[str]], rows: int) -> Converted:
    """What was written, with unit and meaning of its columns and what its data set is in a file beside it."""
    dataset, description = DATASETS[name], table.with_name(f"{table.stem}.columns.json")
    meanings = {k: {"unit": unit or None, "meaning": meaning} for k, (unit, meaning) in columns.items()}
    write_json(description, {"dataset": name, **dataset.about, "rows": rows, "columns": meanings})
    return Converted(kind=kind, rows=rows, table=table, description=description)
