"""Single files of the EO HW-NAS table as tables, their columns named by what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eomoo.data.datasets import candidates, get_dataset
from eomoo.data.eo_files import read_database, read_measured
from eomoo.data.eo_table import EO_COLUMNS
from eomoo.errors import DataError
from eomoo.files import read_head
from eomoo.space import load_space

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "begins_with", "database_table", "is_eo_folder", "measured_table"]

COLUMNS: dict[str, tuple[str, str]] = EO_COLUMNS | {
    "matrix": ("", "rows of the 0/1 adjacency matrix, as JSON"),
    "ops": ("", "operations in the order of the vertices, as JSON"),
    "train_accuracy": ("fraction", "training accuracy; the file does not say whether micro or macro"),
    "val_accuracy": ("fraction", "validation accuracy; the file does not say whether micro or macro"),
    "test_accuracy": ("fraction", "test accuracy; the file does not say whether micro or macro"),
}
"""Unit and meaning of each column that a table of a single file can have."""


def is_eo_folder(path: Path) -> bool:
    """Whether a folder holds any of the six files; the reader says which ones are missing."""
    dataset = get_dataset("eo-hwnas")
    places = candidates(dataset, path) if path.is_dir() else []
    return any((place / file.name).is_file() for place in places for file in dataset.files)


def begins_with(path: Path, *beginnings: bytes) -> bool:
    """Whether a file begins so, white space apart."""
    return read_head(path, 64).lstrip().startswith(beginnings)


def measured_table(path: Path) -> pd.DataFrame:
    """Test accuracies, latency, parameters and checkpoint size by cell, (n, 9)."""
    table = read_measured(path)
    table.insert(1, "hash", load_space().hash(table["index"].to_numpy()))
    return table


def database_table(path: Path) -> pd.DataFrame:
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
