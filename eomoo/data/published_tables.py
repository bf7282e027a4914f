"""Published tables, and anybody's, as measured tables: EO HW-NAS, NAS-Bench-101, any file that names cells."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eomoo.arrays import Facts, Ints
from eomoo.checks import listed
from eomoo.data.column_names import called_columns
from eomoo.data.datasets import get_dataset
from eomoo.data.eo_table import EO_QUANTITIES, load_eo_table
from eomoo.data.measured_table import KEYS, MeasuredTable, is_measured, measured_table, read_measured
from eomoo.data.nasbench101 import NASBench101Table
from eomoo.data.user_table import numbers_of, read_frame, read_user_table
from eomoo.errors import DataError, DataNotFoundError
from eomoo.models import Target
from eomoo.packages import pandas as pd
from eomoo.space import CIFAR10, SO2SAT, load_space

PUBLISHED = ("eo-hwnas", "nasbench101")
"""Names that stand for a published table where the path of one may be given."""

# Columns of a table that say which cell a row is, or how it came about, beside a measured table's own.
_NO_VALUES = (*KEYS, "genotype", "matrix", "ops", "run", "id", "epochs", "vertices", "edges", "n_vertices", "n_edges")
_NB101 = {
    "train_micro": ("train_accuracy", "training accuracy, of 10,000 images", "fraction", "max"),
    "val_micro": ("validation_accuracy", "validation accuracy", "fraction", "max"),
    "test_micro": ("test_accuracy", "test accuracy", "fraction", "max"),
    "train_time": ("training_time", "training time", "s", "min"),
}


def open_table(source: str | Path, *, cells: ArrayLike | None = None) -> MeasuredTable:
    """A measured table: its folder, a CSV or Parquet file that names cells, or a published one by name.

    Args:
        source: A folder of ``eomoo measure``; a file as ``read_user_table`` takes it, with columns "walk" and "step"
            where cells were found along walks; a converted file of NAS-Bench-101 (.npy); "eo-hwnas" or
            "nasbench101", which are looked for.
        cells: Of NAS-Bench-101, which has all, these.
    """
    place = Path(source)
    if is_measured(place):
        return read_measured(place)
    if str(source) == "eo-hwnas":
        return eo_measured()
    if str(source) == "nasbench101":
        return nasbench101_measured(cells)
    if place.suffix == ".npy":
        return nasbench101_measured(cells, NASBench101Table(place))
    if place.is_file():
        return table_of_file(place)
    if place.is_dir():
        return read_measured(place)
    raise DataNotFoundError(
        f"there is no table {source}: a table is a folder of `eomoo measure`, a CSV or Parquet file that names cells, "
        f"or {' or '.join(PUBLISHED)}"
    )


def cells_named(source: str | Path) -> Ints:
    """The cells that a table names, each once; it needs no values."""
    place = Path(source)
    if place.is_file() and place.suffix != ".npy":
        return np.unique(read_user_table(place, []).indices)
    return open_table(source).cells


def eo_measured(folder: str | Path | None = None) -> MeasuredTable:
    """The EO HW-NAS table (see ``load_eo_table``), with exact parameters and MACs, as a measured table.

    What its authors do not say is left out: batch size of the timing, seeds. The published "MACs", which hold
    parameters, are left out too.
    """
    table = load_eo_table(folder)
    kinds = {"latency": "timed", "params": "counted", "macs": "counted", "checkpoint_size": "given"}
    columns = [{"name": k, **asdict(q), "kind": kinds.get(k, "trained")} for k, q in EO_QUANTITIES.items()]
    columns += [_column("latency_std", "standard deviation of the latency", "ms/batch", "min", "timed")]
    columns += [_column("macs", "MACs", "", "min", "counted")]
    rows = table.assign(macs=load_space().macs(table["index"].to_numpy(), SO2SAT))
    at = {107: ["train_micro", "train_macro"], 108: ["val_micro", "val_macro", "test_micro", "test_macro"]}
    curves = [table[["index", *names]].assign(epoch=epoch) for epoch, names in at.items()]
    curves[1]["seconds"] = table["train_time"]
    facts: Facts = {
        **get_dataset("eo-hwnas").about,
        "data": {"source": "So2Sat LCZ42, Sentinel-2 bands"},
        "skeleton": asdict(SO2SAT),
        "recipe": {"optimizer": "SGD", "learning_rate": 1e-4, "schedule": "constant"},
        "training": {"epochs": 108, "measured_at": [107, 108]},
        "latency": {"unit": "ms a batch, copy to the device included"},
        "device": {"trained_on": "4 NVIDIA A100", "timed_on": "NVIDIA A100"},
        "cells": {
            "chosen": "walks",
            "walks": 30,
            "length": 15,
            "step": "to the first neighbour, by id, not yet visited",
        },
        "columns": columns,
    }
    names = ["index", "hash", "walk", "step", *(column["name"] for column in columns)]
    return measured_table(rows[names], facts, pd.concat(curves).sort_values(["index", "epoch"]))


def nasbench101_measured(cells: ArrayLike | None, table: NASBench101Table | None = None) -> MeasuredTable:
    """NAS-Bench-101's results of some cells on CIFAR-10 as a measured table: three runs each.

    The longest training has the columns ``train_micro, val_micro, test_micro, train_time`` and its results after half
    of the epochs as a learning curve. Each shorter one, which has a learning rate schedule of its own, has columns
    that end in its epochs: ``val_micro_12``. An accuracy over all images is the micro accuracy.

    Args:
        cells: (n,) indices; needed, since all are more than a measured table can have.
        table: By default it is looked for.

    Source: Ying et al., NAS-Bench-101, ICML 2019, sections 2 and S3.
    """
    if cells is None:
        raise DataError(
            "NAS-Bench-101 has more cells than a measured table can have; name those that are wanted by a table: "
            "`eomoo data convert ... --format measured --cells TABLE`"
        )
    table = NASBench101Table() if table is None else table
    indices = np.unique(load_space().check_row(cells))
    longest = max(table.epochs)
    found = {epochs: table.to_dataframe(indices, epochs=epochs) for epochs in sorted(table.epochs, reverse=True)}
    rows, columns = found[longest][["index", "repeat"]].copy(), list[Facts]()
    for epochs, frame in found.items():
        end = "" if epochs == longest else f"_{epochs}"
        for name, (metric, title, unit, direction) in _NB101.items():
            rows[f"{name}{end}"] = frame[f"final_{metric}"]
            columns.append(_column(f"{name}{end}", f"{title}, {epochs} epochs", unit, direction, "trained"))
    rows["params"] = found[longest]["trainable_parameters"]
    columns.append(_column("params", "parameters", "", "min", "counted"))
    called = {"seconds" if name == "train_time" else name: metric for name, (metric, *_) in _NB101.items()}
    curves = pd.concat(
        found[longest][["index", "repeat"]].assign(
            epoch=epoch, **{name: found[longest][f"{stage}_{metric}"] for name, metric in called.items()}
        )
        for epoch, stage in ((longest // 2, "halfway"), (longest, "final"))
    ).sort_values(["index", "repeat", "epoch"])
    facts: Facts = {
        **get_dataset("nasbench-101").about,
        "data": {"source": "CIFAR-10", "images": {"train": 40_000, "val": 10_000, "test": 10_000}},
        "skeleton": asdict(CIFAR10),
        "recipe": {"optimizer": "RMSProp", "learning_rate": 0.2, "schedule": "cosine", "momentum": 0.9}
        | {"weight_decay": 1e-4, "batch_size": 256},
        "training": {"epochs": longest, "measured_at": [longest // 2, longest]},
        "device": {"trained_on": "TPU v2"},
        "cells": {"chosen": "named"},
        "columns": columns,
    }
    there = rows[list(_NB101)].notna().all(axis=1)
    if not there.any():
        raise DataError(f"{table.path} has no results of these cells")
    return measured_table(rows[there], facts, curves)


def table_of_file(path: str | Path) -> MeasuredTable:
    """A CSV or Parquet file as a measured table: every column of numbers, a cell's rows being its repeats.

    Titles, units and directions are what the columns' names tell. A row in which a measurement failed (see
    ``read_user_table``) has the status "failed".
    """
    path = Path(path)
    frame = read_frame(path)
    names = [str(name) for name in frame.columns if str(name).lower() not in _NO_VALUES and _has_numbers(frame[name])]
    if not names:
        raise DataError(f"{path} holds no measured numbers; its columns are {listed(frame.columns)}")
    read = read_user_table(path, names)
    rows = pd.DataFrame({"index": read.indices, **{name: read.columns[name] for name in names}})
    if {"walk", "step"} <= set(frame.columns):
        for name in ("walk", "step"):
            rows[name] = numbers_of(frame[name], name, path, none_is_fine=True)[0]
    failed = np.any([read.failed[name] for name in names], axis=0)
    rows["repeat"], rows["status"] = rows.groupby("index").cumcount(), np.where(failed, "failed", "done")
    columns, called = [], called_columns(frame.columns, path)
    for name in names:
        own, unit = called[name]
        target = Target.named(own, read.columns[name], unit=unit)
        columns.append(_column(name, target.title, target.unit, target.direction, "given"))
    return measured_table(rows, {"title": path.name, "columns": columns})


def _has_numbers(column: pd.Series[Any]) -> bool:
    """Whether a column is of numbers, if with a mistake somewhere, which its reader then tells of."""
    return bool(pd.to_numeric(column, errors="coerce").notna().any())


def _column(name: str, title: str, unit: str, direction: str, kind: str) -> Facts:
    return {"name": name, "title": title, "unit": unit, "direction": direction, "kind": kind}
