"""The EO HW-NAS table as one DataFrame: six published files, checked against each other and the space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import eomoo.data.eo_files as eo_files
from eomoo.data.datasets import find
from eomoo.errors import CellError, DataError
from eomoo.fronts import Quantity
from eomoo.packages import pandas as pd
from eomoo.space import Cell, load_space

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


EO_QUANTITIES: dict[str, Quantity] = {
    **{
        f"{split}_{kind}": Quantity(title=f"{words} {kind} accuracy", unit="fraction", direction="max")
        for kind in ("micro", "macro")
        for split, words in (("train", "training"), ("val", "validation"), ("test", "test"))
    },
    "latency": Quantity(title="latency on A100", unit="ms/batch", direction="min"),
    "train_time": Quantity(title="training time", unit="s", direction="min"),
    "params": Quantity(title="parameters", unit="", direction="min"),
    "checkpoint_size": Quantity(title="checkpoint size", unit="KiB", direction="min"),
}
"""What the EO table tells of a cell, by its column."""

# As published: 30 random walks of 15 cells.
_N_WALKS, _WALK_LENGTH = 30, 15

# First half of the SHA-256 of each published column, as 64-bit numbers in row order. Unlike the checksums of
# the files they also hold for files that were saved anew.
_PUBLISHED = {
    "index": "e44b687cbb33e42be93be0252b643937",
    "train_micro": "c6b7c0fdd72fea3ea9a1e9239f22f9d6",
    "val_micro": "1d978f8d39398253cb4a0ae05b6384c2",
    "test_micro": "702680f18ad764f94c22a33d4363dabd",
    "train_macro": "32b726acd768f56f731c275f8fa031de",
    "val_macro": "b64e28a93c6aeb9ac67ebb9b9d1268a6",
    "test_macro": "d5823d20eb6731f7d5dac807b44d117f",
    "latency": "fc7599bacb1ad7f1cd9f7e363476e7a4",
    "latency_std": "1e2128459a61398f85d8fa43b537cf76",
    "train_time": "03fa3f15214ef47ae7bb8548f4938000",
    "params": "8e9425447ff975fbc2b2f5bd68d3ea61",
    "checkpoint_size": "b9af0faee6a408d343f2faf2efa00d97",
    "published_macs_field_params": "a510a1879112dbde4c06facfcd85b733",
}

# The largest possible value under the accuracy names of each pickle.
_DATABASES = {eo_files.MICRO_FILE: 1.0, eo_files.MACRO_FILE: 1.0, eo_files.LATENCY_FILE: 1e9, eo_files.MACS_FILE: 1e9}


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
        strict: Refuse values that differ from the published ones, even where they are possible, so that no damaged file
            gives a wrong table. With False, a table of other measurements of the same 450 cells can be read.

    Returns:
        450 rows, ordered by walk and step, with the columns of `EO_COLUMNS`; `attrs["units"]` gives
        the unit of each column that has one.

    Source: Demir, Traoré, Camero, ESANN 2024; github.com/emreds/tum-dlr-automl-for-eo.
    """
    place = find("eo-hwnas", folder)
    walks = eo_files.read_walks(place / eo_files.WALKS_FILE)
    _check_walks(walks, place / eo_files.WALKS_FILE)
    tests = _same_cells(
        eo_files.read_tests(place / eo_files.MEASURED_FILE), walks, "index", place / eo_files.MEASURED_FILE, "arch_"
    )
    runs = {
        name: _same_cells(eo_files.read_database(place / name, high=high), walks, "hash", place / name)
        for name, high in _DATABASES.items()
    }
    for name in runs:
        _check_database(place / name, runs, walks, tests)
    space, index = load_space(), walks["index"].to_numpy()
    columns: dict[str, object] = {
        **{name: walks[name] for name in ("index", "hash", "walk", "step")},
        **{name: tests[name] for name in EO_COLUMNS if name in tests and name != "index"},
        **{f"{part}_micro": runs[eo_files.MICRO_FILE][part] for part in ("train", "val")},
        **{f"{part}_macro": runs[eo_files.MACRO_FILE][part] for part in ("train", "val")},
        "train_time": runs[eo_files.MICRO_FILE]["train_time"],
        "n_vertices": space.n_vertices[index].astype(np.int64),
        "n_edges": space.n_edges[index].astype(np.int64),
    }
    table = pd.DataFrame({name: columns[name] for name in EO_COLUMNS})
    differing = [name for name, digest in _PUBLISHED.items() if _digest(table[name]) != digest]
    if strict and differing:
        raise DataError(
            f"the EO table in {place} differs from the published one in {', '.join(differing)}; get it again "
            "with `eomoo data get eo-hwnas`, or pass strict=False to use these values"
        )
    table.attrs["units"] = dict(EO_UNITS)
    return table


def _check_walks(walks: pd.DataFrame, path: Path) -> None:
    """Check that there are 30 walks of 15 cells, each of them the cell of the space with that id."""
    lengths = np.bincount(walks["walk"])
    if len(lengths) != _N_WALKS:
        raise DataError(f"{path} holds {len(lengths)} walks; the published table has {_N_WALKS}")
    for walk in np.flatnonzero(lengths != _WALK_LENGTH):
        raise DataError(f"{path}: walk {walk} has {lengths[walk]} cells; each published walk has {_WALK_LENGTH}")
    space = load_space()
    for row in walks.to_dict("records"):
        where = f"{path}: walk {row['walk']}, step {row['step']}"
        index, official, ops = row["index"], space.hash(row["index"]), json.loads(row["ops"])
        if official != row["hash"]:
            raise DataError(f"{where} has the id {index}, whose hash is {official}, not {row['hash']}")
        try:
            drawn = Cell(json.loads(row["matrix"]), ops)
        except CellError as error:
            raise DataError(f"{where} is no cell of the space: {error}") from error
        if space.index(drawn) != index or drawn.n_vertices != len(ops):
            raise DataError(f"{where} has adjacency and operations of another cell than {index}")


def _same_cells(found: pd.DataFrame, walks: pd.DataFrame, key: str, path: Path, prefix: str = "") -> pd.DataFrame:
    """A file's records in the walks' order; DataError unless there is one for each cell, and no other."""
    for name in walks[key][~walks[key].isin(found[key])]:
        raise DataError(f"{path} lacks the record {prefix}{name}")
    for name in found[key][~found[key].isin(walks[key])]:
        raise DataError(f"{path} holds the record {prefix}{name}, which is in none of the walks")
    return found.set_index(key).loc[walks[key]].reset_index()


def _check_database(path: Path, runs: Mapping[str, pd.DataFrame], walks: pd.DataFrame, tests: pd.DataFrame) -> None:
    """Check that what a pickle says is what the other files say."""
    run = runs[path.name]
    graph = ["matrix", "ops"]
    unlike = (run["train"] != run["test"]) | (run["val"] != run["test"])
    # All three values of these two pickles are the same measurement.
    alone = path.name in (eo_files.LATENCY_FILE, eo_files.MACS_FILE)
    claims = (
        ((run[graph] != walks[graph]).any(axis=1), "adjacency and operations", "the walks"),
        (run["params"] != tests["params"], "the number of parameters", "the test results"),
        (run["train_time"] != runs[eo_files.MICRO_FILE]["train_time"], "the training time", eo_files.MICRO_FILE),
        (run["test"] != _tested(path.name, tests), "final_test_accuracy", "the test results"),
        (unlike & alone, "final_train_accuracy and final_validation_accuracy", "final_test_accuracy"),
    )
    for wrong, what, other in claims:
        if wrong.any():
            raise DataError(f"{path}: record {walks['hash'][wrong.argmax()]} contradicts {other} in {what}")


def _tested(name: str, tests: pd.DataFrame) -> pd.Series:
    """What a pickle stores as the test accuracy, by the pickle's name."""
    columns = {eo_files.MICRO_FILE: "test_micro", eo_files.MACRO_FILE: "test_macro", eo_files.LATENCY_FILE: "latency"}
    if name in columns:
        return tests[columns[name]]
    # The letter that says millions or thousands was lost in the pickle.
    field = tests["published_macs_field_params"]
    return field / np.where(field >= 1_000_000, 1_000_000, 1_000)


def _digest(column: pd.Series) -> str:
    values = column.to_numpy()
    wide = values.astype("<f8" if values.dtype.kind == "f" else "<i8")
    return hashlib.sha256(wide.tobytes()).hexdigest()[:32]
