"""The published landscape analysis of the EO HW-NAS table, from the table, right and as published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.arrays import Bools, Floats
from eomoo.errors import DataError
from eomoo.fronts import non_dominated
from eomoo.landscape import Autocorrelation, autocorrelation, correlation, describe, walk_autocorrelation
from eomoo.objectives import EO_QUANTITIES, objectives_of
from eomoo.space import SO2SAT, load_space

if TYPE_CHECKING:
    import pandas as pd


ACCURACIES = tuple(f"{split}_{kind}" for kind in ("micro", "macro") for split in ("train", "val", "test"))
"""Columns of accuracy: three splits, micro and macro."""

RUGGED = ("val_macro", "val_micro", "test_macro", "test_micro", "latency")
"""Columns whose ruggedness along the walks is measured."""

# Half of a walk of 15 cells: of longer lags too few pairs are left.
_MAX_LAG = 8
_COSTS = ("latency", "params", "train_time")


@dataclass(frozen=True, kw_only=True)
class PublishedAnalysis:
    """The analysis of Demir, Traoré, Camero (ESANN 2024), recomputed.

    Attributes:
        table: The EO table with the exact "macs" of each cell, ordered by walk and step.
        numbers: All of it in numbers, for JSON.
        by_walk: For each column of ``RUGGED``, each walk's autocorrelation of lag 1 (n_walks,).
        by_walk_as_published: The same with each walk's first cell counted twice.
        curves: For each column of ``RUGGED``, autocorrelation of all walks together.
    """

    table: pd.DataFrame
    numbers: dict[str, Any]
    by_walk: dict[str, Floats]
    by_walk_as_published: dict[str, Floats]
    curves: dict[str, Autocorrelation]


def analyse_published(table: pd.DataFrame) -> PublishedAnalysis:
    """Distributions, trade-offs, latency against MACs, and ruggedness along the walks.

    Args:
        table: As ``load_eo_table`` gives it.

    Ruggedness is 1 / the mean over walks of each walk's autocorrelation of lag 1 (see
    ``walk_autocorrelation``). The published code counted each walk's first cell twice, which raises
    the autocorrelation; ``..._as_published`` does the same. MACs are exact; the column published under
    that name holds parameters and is not used.

    Raises:
        DataError: (a ValueError) The walks are not all of one length.

    Source: Demir, Traoré, Camero, ESANN 2024; the measures: Traoré, Camero, Zhu, Fitness landscape
    footprint, 2021.
    """
    cells = table["index"].to_numpy(dtype=np.int64)
    ordered = table.assign(macs=load_space().macs(cells, SO2SAT)).sort_values(["walk", "step"])
    walks = {name: along_walks(ordered, name) for name in RUGGED}
    right = {name: walk_autocorrelation(v) for name, v in walks.items()}
    doubled = {name: walk_autocorrelation(np.hstack((v[:, :1], v))) for name, v in walks.items()}
    curves = {name: autocorrelation(v, max_lag=_MAX_LAG) for name, v in walks.items()}
    return PublishedAnalysis(
        table=ordered,
        numbers={
            "cells": len(ordered),
            "by_vertices": _counts(ordered, "n_vertices"),
            "by_edges": _counts(ordered, "n_edges"),
            "distributions": {
                name: describe(ordered[name].to_numpy(dtype=np.float64)) for name in (*ACCURACIES, *_COSTS, "macs")
            },
            "non_dominated": {
                f"{accuracy}, {cost}": int(front_of(ordered, accuracy, cost).sum())
                for accuracy in ("val_micro", "val_macro")
                for cost in _COSTS
            },
            "correlation": _pairs(ordered),
            "ruggedness": {name: _ruggedness(right[name], doubled[name], curves[name]) for name in RUGGED},
        },
        by_walk=right,
        by_walk_as_published=doubled,
        curves=curves,
    )


def along_walks(table: pd.DataFrame, column: str) -> Floats:
    """(n_walks, length) values of a column along the walks of a table ordered by walk and step."""
    length = table.groupby("walk", sort=True).size()
    if length.nunique() != 1:
        raise DataError(f"the table's walks have different lengths, {length.min()} to {length.max()} cells")
    return table[column].to_numpy(dtype=np.float64).reshape(len(length), -1)


def front_of(table: pd.DataFrame, accuracy: str, cost: str) -> Bools:
    """(n,) which cells are not dominated: larger accuracy and smaller cost are better."""
    values = table[[accuracy, cost]].to_numpy(dtype=np.float64)
    return non_dominated(objectives_of(EO_QUANTITIES, [accuracy, cost]).minimise(values))


def _counts(table: pd.DataFrame, column: str) -> dict[str, int]:
    return {str(value): int(n) for value, n in table[column].value_counts().sort_index().items()}


def _pairs(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    pairs = [
        ("val_micro", "val_macro"),
        ("val_micro", "test_micro"),
        ("val_macro", "test_macro"),
        ("latency", "val_micro"),
        ("latency", "val_macro"),
        ("latency", "macs"),
        ("latency", "params"),
    ]
    return {f"{a}, {b}": correlation(table[a].to_numpy(dtype=float), table[b].to_numpy(dtype=float)) for a, b in pairs}


def _ruggedness(right: Floats, doubled: Floats, curve: Autocorrelation) -> dict[str, Any]:
    return {
        "autocorrelation": float(right.mean()),
        "autocorrelation_std": float(right.std(ddof=1)),
        "ruggedness": float(1.0 / right.mean()),
        "autocorrelation_as_published": float(doubled.mean()),
        "ruggedness_as_published": float(1.0 / doubled.mean()),
        "pooled_autocorrelation": curve.mean[1],
        "pooled_autocorrelation_band": [curve.low[1], curve.high[1]],
        "correlation_length": curve.length,
        "correlation_length_band": curve.length_band,
    }
