"""`eomoo data`: the data sets that eomoo can use, where they lie, how to get, check and convert them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from eomoo.arrays import Facts
from eomoo.checks import counted, listed
from eomoo.cli.common import Bars, print_json
from eomoo.cli.options import Json
from eomoo.data import DATASETS, check_files, fetch, find, get_dataset, left_out, merged, read_measured, write_measured
from eomoo.data import convert as convert_path
from eomoo.data.datasets import DataSet, how_to_get, look_for
from eomoo.data.download import StartProgress
from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.files import atomic_folder

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Data sets: what there is, where it lies, get, check, convert.\n\n"
        "Nothing here is needed for a first `eomoo run`. A data set is looked for in the folder that "
        "EOMOO_DATA names, then among those that `eomoo data get` fetched."
    ),
)

Name = Annotated[str, Argument(metavar="NAME", help="Name of a data set, as `eomoo data list` shows it.")]


@app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """List the data sets, and whether they are on this machine."""
    rows = [_describe(dataset) for dataset in DATASETS.values()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']}: {row['title']}")
        typer.echo(f"  {_size(row['size'])}, {row['licence']}")
        typer.echo(f"  {row['homepage']}")
        typer.echo(f"  cite: {row['citation']}")
        typer.echo(f"  in {row['path']}" if row["path"] else f"  not on this machine; {row['how_to_get']}")


@app.command()
def where(name: Name, as_json: Json = False) -> None:
    """Print the folder in which a data set lies."""
    folder = find(name)
    print_json({"name": name, "path": folder}) if as_json else typer.echo(str(folder))


@app.command()
def get(
    name: Name,
    source: Annotated[
        Path | None,
        Option("--from", metavar="FOLDER", help="Copy the files from this folder instead of downloading them."),
    ] = None,
    to: Annotated[
        Path | None, Option("--to", metavar="FOLDER", help="Put the files into this folder instead of eomoo's cache.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Get a data set, from its authors or from a folder.

    Every file is checked against its published checksum. A download that was interrupted goes on where it
    stopped when the command is run again.
    """
    dataset = get_dataset(name)
    try:
        with Bars(quiet=as_json, stay=True) as shown:
            folder = fetch(dataset, source=source, to=to, progress=started(shown))
    except KeyboardInterrupt:
        typer.echo(f"interrupted; `eomoo data get {name}` goes on from here", err=True)
        raise typer.Exit(130) from None
    if as_json:
        print_json({"name": name, "path": folder, "files": [file.name for file in dataset.files]})
        return
    typer.echo(f"{name} is in {folder} ({len(dataset.files)} files, {_size(dataset.size)}, checksums right)")
    typer.echo(f"licence: {dataset.licence}; please cite {dataset.citation}", err=True)


@app.command()
def verify(
    names: Annotated[
        list[str] | None, Argument(metavar="NAME", help="Data sets; by default all that are on this machine.")
    ] = None,
    source: Annotated[
        Path | None, Option("--from", metavar="FOLDER", help="Look in this folder instead of the usual places.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare files with the published checksums.

    Fails if one differs.
    """
    folders = _folders_to_verify(names, source)
    checks = [(name, check) for name, folder in folders.items() for check in check_files(name, folder)]
    if as_json:
        rows = [{"dataset": name, "file": c.name, "path": c.path, "state": c.state} for name, c in checks]
        print_json(rows)
    else:
        for _, check in checks:
            typer.echo(f"{check.state}: {check.path}")
    wrong = [(name, check) for name, check in checks if check.state != "ok"]
    if wrong:
        name, first = wrong[0]
        raise DataError(
            f"{len(wrong)} of {len(checks)} files differ from the published ones, the first is {first.path}; "
            f"get them again with `eomoo data get {name}`"
        )


@app.command()
def convert(
    path: Annotated[
        str, Argument(metavar="PATH", help="A file, a folder of files, or a data set by name; recognised.")
    ],
    out: Annotated[Path, Option("--out", metavar="FOLDER", help="The folder to write to.")],
    fmt: Annotated[
        str, Option("--format", help="csv, parquet, or measured: the folder that eomoo measure writes.")
    ] = "csv",
    cells: Annotated[
        str | None, Option(metavar="TABLE", help="Of NAS-Bench-101, measured: the cells that this table names.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Convert published data files to safe tables.

    A description of the columns is written beside the table. Recognised are the folder of the EO HW-NAS table (one
    table of 450 measured cells), whose pickles are read without running anything that is in them; and NAS-Bench-101's
    nasbench_only108.tfrecord and nasbench_full.tfrecord, all cells on CIFAR-10 (a .npy file). The EO table, cells of
    that .npy file, and any CSV or Parquet file that names cells become a measured table by --format measured.
    """
    with Bars(quiet=as_json, stay=True) as shown:
        done = convert_path(path, out, fmt=fmt, cells=cells, progress=started(shown))
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done.rows} rows in {done.table}")
    typer.echo(f"what the columns mean: {done.description}")


@app.command()
def merge(
    first: Annotated[Path, Argument(metavar="TABLE", help="The folder of a measured table.")],
    second: Annotated[Path, Argument(metavar="TABLE", help="Another, of the same settings.")],
    out: Annotated[Path, Option("--out", metavar="FOLDER", help="The folder for the table of both.")],
    as_json: Json = False,
) -> None:
    """Make one measured table of two of the same settings.

    Timings of one machine and trainings of another go together. Where both have a value, the first's is kept; where
    they were timed on two devices or in two ways, the second's timings are left out.
    """
    if out.exists():
        raise SettingError(f"{out} is there already; choose another folder")
    tables = read_measured(first), read_measured(second)
    table, missing = merged(*tables), left_out(*tables)
    # A part of it, as a kill leaves, would be in the way of the same command.
    with atomic_folder(out) as place:
        write_measured(table, place)
    rows = table.to_dataframe()
    if as_json:
        print_json({"cells": len(table.cells), "rows": len(rows), "left_out": missing, "folder": out})
        return
    typer.echo(f"{counted(len(table.cells), 'cell')} in {counted(len(rows), 'row')} in {out}")
    if missing:
        typer.echo(f"left out of {second}, as another machine's or timed in another way: {listed(missing)}")


@app.command()
def prune(
    store: Annotated[Path, Argument(metavar="STORE", help="The folder of a live card's results, or a measured table.")],
    keep: Annotated[
        list[Path] | None, Option(metavar="RUN", help="Keep the weights of this run's front. May be repeated.")
    ] = None,
    remove: Annotated[bool, Option("--remove", help="Remove what is listed.")] = False,
    as_json: Json = False,
) -> None:
    """List checkpoints and weights of trainings that no front needs, and with --remove remove them.

    Needed are the weights of networks that no other of the same setting beats in validation error, parameters
    and latency. Values stay in the store, and trainings that have not ended are left alone.
    """
    from eomoo.analysis.trained import front_cells
    from eomoo.live.prune import unneeded_files

    files = unneeded_files(store, keep=[cell for run in keep or () for cell in front_cells(run)])
    for file in files if remove else ():
        file.path.unlink(missing_ok=True)
    total = sum(file.size for file in files)
    if as_json:
        print_json({"removed": remove, "size": total, "files": [asdict(file) for file in files]})
        return
    for file in files:
        typer.echo(f"{file.path}: cell {file.cell}, {_size(file.size)}, {file.why}")
    done = "removed" if remove else "can go; --remove removes them" if files else "can go"
    typer.echo(f"{len(files):,} files of {_size(total)} {done}")


def started(shown: Bars) -> StartProgress:
    """What makes a bar for each file."""
    return lambda name: lambda here, total: shown.tell(name, here, total, f"{_size(here)} of {_size(total or here)}")


def _folders_to_verify(names: list[str] | None, source: Path | None) -> dict[str, Path]:
    if names:
        return {name: find(name, source) for name in names}
    places = {name: look_for(dataset, source) for name, dataset in DATASETS.items()}
    found = {name: place for name, place in places.items() if place is not None}
    if not found:
        raise DataNotFoundError(
            f"no data set that eomoo knows is in {source}"
            if source
            else "no data set is on this machine; `eomoo data list` shows how to get one"
        )
    return found


def _describe(dataset: DataSet) -> Facts:
    facts = ("name", "title", "size", "licence", "citation", "homepage")
    return {
        **{name: getattr(dataset, name) for name in facts},
        "path": look_for(dataset),
        "how_to_get": how_to_get(dataset),
    }


def _size(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1e3:.0f} kB"
