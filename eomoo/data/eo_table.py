"""The EO HW-NAS table as one DataFrame: six published files, checked against each other and the space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.data.datasets import find
from eomoo.data.eo_checks import check_record, check_same_cells, check_walks, differing_columns
from eomoo.data.eo_files import (
    LATENCY_FILE,
    MACRO_FILE,
    MACS_FILE,
    MEASURED_FILE,
    MICRO_FILE,
    WALKS_FILE,
    Trained,
    WalkCell,
    read_database,
    read_measured,
    read_walks,
)
from eomoo.errors import DataError
from eomoo.space import load_space

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EO_COLUMNS", "EO_UNITS", "load_eo_table"]

EO_COLUMNS: dict[str, tuple[str, str]] = {
    "index": ("", "number of the cell: the rank of its hash among all 423,624"),
    "hash": ("", "NAS-Bench-101 hash"),
    "walk": ("", "random walk that found the cell, 0 to 29"),
    "step": ("", "step of the walk, 0 (its start) to 14"),
    "train_micro": ("fraction", "training accuracy, one epoch before the last, over all samples"),
    "val_micro": ("fraction", "validation accuracy over all samples"),
    "test_micro": ("fraction", "test accuracy over all samples"),
    "train_macro": ("fraction", "training accuracy, mean over classes, itself a mean over batches"),
    "val_macro": ("fraction", "validation accuracy, mean over classes, itself a mean over batches"),
    "test_macro": ("fraction", "test accuracy, mean over classes, of the whole set"),
    "latency": ("ms a batch", "mean inference time on one A100, copy to the device included"),
    "latency_std": ("ms a batch", "standard deviation of the inference time"),
    "train_time": ("s", "training time of 108 epochs on 4 A100"),
    "params": ("", "number of trainable parameters"),
    "checkpoint_size": ("KiB", "size of the saved network"),
    "published_macs_field_params": ("", "published as MACs; holds the parameters, rounded"),
    "n_vertices": ("", "vertices of the cell, input and output included"),
    "n_edges": ("", "edges of the cell"),
}
"""Unit ("" for counts and names) and meaning of each column of the table."""

EO_UNITS: dict[str, str] = {name: unit for name, (unit, _) in EO_COLUMNS.items() if unit}
"""Unit of each column that has one."""


# The largest possible value under the accuracy names of each pickle.
_DATABASES = {MICRO_FILE: 1.0, MACRO_FILE: 1.0, LATENCY_FILE: 1e9, MACS_FILE: 1e9}


def load_eo_table(folder: str | Path | None = None, *, strict: bool = True) -> pd.DataFrame:
    """Read the six published files of the EO HW-NAS table into one DataFrame.

    Each record is checked: ids, hashes, adjacency and operations against the space, what stands in
    several files against each other, every value against its possible range. Nothing in the pickles
    is executed. Files that were saved anew are as good as the published ones if they say the same.

    Validation and training macro accuracy are means of per-batch values, test macro accuracy is one
    value over the whole set: different estimators, which should not be mixed. The published "MACs"
    hold the parameters, three of them in thousands ("777.624K") and the others in millions; here
    they are `published_macs_field_params`, all in single units, rounded as published.

    Args:
        folder: Where the files lie; by default `EOMOO_DATA`, then the cache (see `find`).
        strict: Refuse values that differ from the published ones, even where they are possible, so
            that no damaged file gives a wrong table. With False, a table of other measurements of
            the same 450 cells can be read.

    Returns:
        450 rows, ordered by walk and step, with the columns of `EO_COLUMNS`; `attrs["units"]` gives
        the unit of each column that has one.

    Raises:
        DataNotFoundError: The files are not on this machine; the text says how to get them.
        DataError: A file is damaged, of another kind, incomplete or contradicts another one or the
            space; the text names file and record.

    Source: Demir, Traoré, Camero, ESANN 2024; github.com/emreds/tum-dlr-automl-for-eo.
    """
    import pandas as pd

    place = find("eo-hwnas", folder)
    cells = read_walks(place / WALKS_FILE)
    check_walks(cells, place / WALKS_FILE)
    columns = _cell_columns(cells) | _measured_columns(cells, place)
    table = pd.DataFrame({name: columns[name] for name in EO_COLUMNS})
    differing = differing_columns(table) if strict else []
    if differing:
        raise DataError(
            f"the EO table in {place} differs from the published one in {', '.join(differing)}; get it again "
            "with `eomoo data get eo-hwnas`, or pass strict=False to use these values"
        )
    table.attrs["units"] = dict(EO_UNITS)
    return table


def _cell_columns(cells: list[WalkCell]) -> dict[str, Any]:
    space = load_space()
    index = np.array([cell.index for cell in cells], dtype=np.int64)
    return {
        "index": index,
        "hash": [cell.hash for cell in cells],
        "walk": np.array([cell.walk for cell in cells], dtype=np.int64),
        "step": np.array([cell.step for cell in cells], dtype=np.int64),
        "n_vertices": space.n_vertices[index].astype(np.int64),
        "n_edges": space.n_edges[index].astype(np.int64),
    }


def _measured_columns(cells: list[WalkCell], place: Path) -> dict[str, Any]:
    hashes = [cell.hash for cell in cells]
    measured = read_measured(place / MEASURED_FILE)
    check_same_cells(measured, [cell.index for cell in cells], place / MEASURED_FILE, "arch_")
    databases: dict[str, dict[str, Trained]] = {}
    for name, high in _DATABASES.items():
        databases[name] = read_database(place / name, high=high)
        check_same_cells(databases[name], hashes, place / name)
    for cell in cells:
        runs = {place / name: database[cell.hash] for name, database in databases.items()}
        check_record(cell, measured[cell.index], runs)
    tests = [measured[cell.index] for cell in cells]
    micro = [databases[MICRO_FILE][cell.hash] for cell in cells]
    macro = [databases[MACRO_FILE][cell.hash] for cell in cells]
    return {
        "train_micro": [run.train for run in micro],
        "val_micro": [run.val for run in micro],
        "test_micro": [test.test_micro for test in tests],
        "train_macro": [run.train for run in macro],
        "val_macro": [run.val for run in macro],
        "test_macro": [test.test_macro for test in tests],
        "latency": [test.latency for test in tests],
        "latency_std": [test.latency_std for test in tests],
        "train_time": [run.train_time for run in micro],
        "params": np.array([test.params for test in tests], dtype=np.int64),
        "checkpoint_size": [test.checkpoint_size for test in tests],
        "published_macs_field_params": np.array([test.macs_field for test in tests], dtype=np.int64),
    }
