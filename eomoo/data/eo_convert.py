"""Single files of the EO HW-NAS table as tables, their columns named by what they hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eomoo.data.datasets import candidates, get_dataset
from eomoo.data.eo_files import Spec, Trained, read_database, read_measured, read_walks
from eomoo.data.eo_table import EO_COLUMNS
from eomoo.errors import DataError
from eomoo.space import load_space

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "database_table",
    "is_eo_folder",
    "measured_table",
    "starts_like_measured",
    "starts_like_pickle",
    "starts_like_walks",
    "walks_table",
]

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


def starts_like_walks(path: Path) -> bool:
    """Whether a file begins as a JSON list."""
    return _head(path).lstrip().startswith(b"[")


def starts_like_measured(path: Path) -> bool:
    """Whether a file begins as a JSON object."""
    return _head(path).lstrip().startswith(b"{")


def starts_like_pickle(path: Path) -> bool:
    """Whether a file begins as a pickle of protocol 2 to 5."""
    return _head(path)[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def walks_table(path: Path) -> pd.DataFrame:
    """The cells of the random walks, (n, 6): index, hash, walk, step, matrix, ops."""
    import pandas as pd

    cells = read_walks(path)
    rows = [
        {"index": cell.index, "hash": cell.hash, "walk": cell.walk, "step": cell.step} | _graph(cell.spec)
        for cell in cells
    ]
    return pd.DataFrame(rows)


def measured_table(path: Path) -> pd.DataFrame:
    """Test accuracies, latency, parameters and checkpoint size by cell, (n, 9)."""
    import pandas as pd

    space = load_space()
    rows = [
        {
            "index": index,
            "hash": space.hash(index),
            "test_micro": result.test_micro,
            "test_macro": result.test_macro,
            "latency": result.latency,
            "latency_std": result.latency_std,
            "params": result.params,
            "checkpoint_size": result.checkpoint_size,
            "published_macs_field_params": result.macs_field,
        }
        for index, result in read_measured(path).items()
    ]
    if not rows:
        raise DataError(f"{path} holds no test results")
    return pd.DataFrame(rows)


def database_table(path: Path) -> pd.DataFrame:
    """A database pickle by hash; what stands under its accuracy names is recognised from the values.

    Three equal values in each record are no accuracies: they are the parameters (in millions or
    thousands) if they agree with the parameters beside them, else the latency.
    """
    import pandas as pd

    database = read_database(path)
    if not database:
        raise DataError(f"{path} holds no records")
    runs = list(database.values())
    table = pd.DataFrame(
        {
            "hash": list(database),
            "matrix": [_graph(run.spec)["matrix"] for run in runs],
            "ops": [_graph(run.spec)["ops"] for run in runs],
            "params": [run.params for run in runs],
        }
    )
    for name, values in _values(runs, path).items():
        table[name] = values
    table["train_time"] = [run.train_time for run in runs]
    return table


def _values(runs: Sequence[Trained], path: Path) -> dict[str, list[float] | list[int]]:
    if all(run.train == run.val == run.test for run in runs):
        fields = [_params_of_field(run) for run in runs]
        if all(value is not None for value in fields):
            return {"published_macs_field_params": [value for value in fields if value is not None]}
        return {"latency": [run.test for run in runs]}
    for run in runs:
        if max(run.train, run.val, run.test) > 1:
            raise DataError(f"{path} holds values that are neither accuracies nor one measurement a record")
    kinds = [kind for kind in ("micro", "macro") if kind in path.name.lower()]
    kind = kinds[0] if len(kinds) == 1 else "accuracy"
    return {
        f"train_{kind}": [run.train for run in runs],
        f"val_{kind}": [run.val for run in runs],
        f"test_{kind}": [run.test for run in runs],
    }


def _params_of_field(run: Trained) -> int | None:
    """The "MACs" of a record in single units, if they are its parameters in millions or thousands."""
    for unit in (1_000_000, 1_000):
        value = round(run.test * unit)
        if abs(value - run.params) <= unit // 1_000:
            return value
    return None


def _graph(spec: Spec) -> dict[str, Any]:
    return {"matrix": json.dumps(spec.matrix), "ops": json.dumps(spec.ops)}


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(64)
    except OSError as error:
        raise DataError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
