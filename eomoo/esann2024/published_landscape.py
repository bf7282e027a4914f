"""The published landscape analysis of the EO HW-NAS table, right and as published: numbers, tables, a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eomoo.arrays import Bools, Floats
from eomoo.errors import DataError
from eomoo.fronts import non_dominated
from eomoo.landscape import (
    STYLES,
    Autocorrelation,
    autocorrelation,
    correlation,
    describe,
    finish,
    sheet_axes,
    stacked,
    walk_autocorrelation,
    write_rows,
    write_sheet,
)
from eomoo.objectives import EO_QUANTITIES, objectives_of
from eomoo.plots import COLORS
from eomoo.space import SO2SAT, load_space

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    columns = {name: table[name].to_numpy(dtype=float) for pair in pairs for name in pair}
    return {f"{a}, {b}": correlation(columns[a], columns[b]) for a, b in pairs}


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


_SPLITS = (("train", "training"), ("val", "validation"), ("test", "test"))
_BY_VERTICES = {5: ("s", COLORS[1]), 6: ("^", COLORS[2]), 7: ("o", COLORS[0])}
_SHOWN = {"val_macro": "macro", "val_micro": "micro", "latency": "latency"}


def plot_accuracies(ax: Axes, analysis: PublishedAnalysis, *, kind: str) -> Axes:
    """Histograms of training, validation and test accuracy, of kind "micro" or "macro"."""
    columns = {name: 100.0 * analysis.table[f"{split}_{kind}"].to_numpy() for split, name in _SPLITS}
    low, high = min(c.min() for c in columns.values()), max(c.max() for c in columns.values())
    bins = np.linspace(low, high, 50).tolist()
    for k, (name, values) in enumerate(columns.items()):
        ax.hist(values, bins=bins, histtype="stepfilled", alpha=0.25, color=STYLES[k]["color"])
        label = f"{name}, mean {values.mean():.1f}"
        ax.hist(values, bins=bins, histtype="step", linewidth=0.9, label=label, **STYLES[k])
    ax.margins(y=0.35)
    ax.legend(fontsize=6, frameon=False, loc="upper center", borderpad=0.1)
    return finish(ax, title=f"{kind} accuracy", x=f"{kind} accuracy (%)", y="cells")


def plot_micro_against_macro(ax: Axes, analysis: PublishedAnalysis) -> Axes:
    """Validation macro accuracy against validation micro accuracy, by number of vertices."""
    _scatter(ax, analysis, x=("val_micro", 100.0), y=("val_macro", 100.0))
    _legend(ax, analysis, "val_micro, val_macro", loc="upper left")
    return finish(ax, title="micro and macro", x="val. micro accuracy (%)", y="val. macro accuracy (%)")


def plot_accuracy_against_latency(ax: Axes, analysis: PublishedAnalysis, *, kind: str) -> Axes:
    """Validation accuracy, of kind "micro" or "macro", against latency, with the Pareto front."""
    table, name = analysis.table, f"val_{kind}"
    _scatter(ax, analysis, x=("latency", 1.0), y=(name, 100.0), faint=True)
    front = table[front_of(table, name, "latency")].sort_values("latency")
    ax.plot(front["latency"], 100.0 * front[name], color="black", linewidth=0.8, drawstyle="steps-post", zorder=3)
    label = f"Pareto front ({len(front)})"
    ax.plot(front["latency"], 100.0 * front[name], "D", color="black", markersize=3, label=label, zorder=4)
    ax.legend(fontsize=6, frameon=False, loc="lower right", handletextpad=0.3, borderpad=0.1)
    title, x = f"{kind} accuracy and latency", "latency on A100 (ms/batch)"
    return finish(ax, title=title, x=x, y=f"val. {kind} accuracy (%)")


def plot_latency_against_macs(ax: Axes, analysis: PublishedAnalysis) -> Axes:
    """Latency against exact multiply-accumulates of one image."""
    _scatter(ax, analysis, x=("macs", 1e-9), y=("latency", 1.0))
    _legend(ax, analysis, "latency, macs", loc="lower right")
    return finish(ax, title="latency and MACs", x="MACs of an image (10⁹)", y="latency on A100 (ms/batch)")


def plot_walk_autocorrelation(ax: Axes, analysis: PublishedAnalysis) -> Axes:
    """Autocorrelation by lag of all walks together, with 95 % bands."""
    for k, (column, name) in enumerate(_SHOWN.items()):
        curve, style = analysis.curves[column], STYLES[k]
        lags = np.arange(len(curve.mean))
        label = f"{name}, length {curve.length:.1f}"
        ax.plot(lags, curve.mean, linewidth=1.1, marker="os^"[k], markersize=2.5, label=label, **style)
        ax.fill_between(lags, curve.low, curve.high, color=style["color"], alpha=0.18, linewidth=0)
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.set_xlim(0, len(lags) - 1)
    ax.set_ylim(-0.6, 1.05)
    ax.legend(fontsize=6, frameon=False, loc="lower left", borderpad=0.1)
    return finish(ax, title="all walks together", x="lag (steps)", y="autocorrelation")


def plot_walk_ruggedness(ax: Axes, analysis: PublishedAnalysis) -> Axes:
    """Each walk's autocorrelation of lag 1, right and as published (first cell counted twice)."""
    thin = {"linewidth": 0.6}
    look: dict[str, Any] = {"widths": 0.3, "patch_artist": True, "whiskerprops": thin, "capprops": thin}
    look |= {"flierprops": {"markersize": 2}, "medianprops": {"color": "black", "linewidth": 0.9}}
    look |= {"showmeans": True, "meanprops": {"marker": "D", "markersize": 3, "mfc": "black", "mec": "black"}}
    right, published = analysis.by_walk, analysis.by_walk_as_published
    ways = (("right", right, COLORS[5], ""), ("as published", published, "#E8E8E8", "////"))
    for k, column in enumerate(_SHOWN):
        for j, (name, values, color, hatch) in enumerate(ways):
            box, label = {"facecolor": color, "hatch": hatch, **thin}, name if k == 0 else None
            ax.boxplot(values[column], positions=[k + 0.38 * (j - 0.5)], boxprops=box, label=label, **look)
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.set_xticks(range(len(_SHOWN)), list(_SHOWN.values()))
    ax.margins(y=0.22)
    ax.legend(fontsize=6, frameon=False, loc="upper left", borderpad=0.1)
    return finish(ax, title="each walk", y="autocorrelation, lag 1")


def _legend(ax: Axes, analysis: PublishedAnalysis, pair: str, *, loc: Literal["upper left", "lower right"]) -> None:
    rank = analysis.numbers["correlation"][pair]["spearman"]
    title = f"Spearman {rank:.2f}"
    ax.legend(fontsize=6, frameon=False, loc=loc, handletextpad=0.1, borderpad=0.1, title=title, title_fontsize=6)


def _scatter(
    ax: Axes, analysis: PublishedAnalysis, *, x: tuple[str, float], y: tuple[str, float], faint: bool = False
) -> None:
    table = analysis.table
    for vertices in sorted(table["n_vertices"].unique(), reverse=True):
        part = table[table["n_vertices"] == vertices]
        marker, color = _BY_VERTICES.get(vertices, ("v", COLORS[3]))
        alpha, label = (0.55, None) if faint else (0.75, f"{vertices} vertices")
        points = x[1] * part[x[0]], y[1] * part[y[0]]
        ax.plot(*points, marker, color=color, markersize=2.4, mew=0, alpha=alpha, label=label)


def _write_numbers(ax: Axes, analysis: PublishedAnalysis) -> None:
    numbers = analysis.numbers
    rows = [
        ("cells", f"{numbers['cells']}", ""),
        ("vertices 5 / 6 / 7", "", " / ".join(str(n) for n in numbers["by_vertices"].values())),
        ("", "mean", "min to max"),
    ]
    for name in ("val_macro", "val_micro", "test_macro", "test_micro", "latency"):
        label = "latency (ms/batch)" if name == "latency" else f"{name.replace('val', 'val.').replace('_', ' ')} (%)"
        mean, low, high = (numbers["distributions"][name][q] for q in ("mean", "min", "max"))
        factor = 1 if name == "latency" else 100
        rows.append((label, f"{factor * mean:.2f}", f"{factor * low:.2f} to {factor * high:.2f}"))
    rows.append(("autocorrelation", "right", "as published"))
    for column, name in _SHOWN.items():
        r = numbers["ruggedness"][column]
        rows.append((name, f"{r['autocorrelation']:.3f}", f"{r['autocorrelation_as_published']:.3f}"))
    write_rows(ax, rows)


def published_sheet(analysis: PublishedAnalysis) -> Figure:
    """One page: distributions, micro against macro, accuracy and MACs against latency, the walks, numbers."""
    title = "EO HW-NAS table (Demir, Traoré, Camero, ESANN 2024): 450 cells on 30 walks, So2Sat LCZ42"
    figure, axes = sheet_axes(9, title=title)
    plot_accuracies(axes[0], analysis, kind="micro")
    plot_accuracies(axes[1], analysis, kind="macro")
    plot_micro_against_macro(axes[2], analysis)
    plot_accuracy_against_latency(axes[3], analysis, kind="micro")
    plot_accuracy_against_latency(axes[4], analysis, kind="macro")
    plot_latency_against_macs(axes[5], analysis)
    plot_walk_autocorrelation(axes[6], analysis)
    plot_walk_ruggedness(axes[7], analysis)
    _write_numbers(axes[8], analysis)
    return figure


def write_published(analysis: PublishedAnalysis, numbers: dict[str, Any], folder: Path) -> list[Path]:
    """Write ``landscape.json`` with ``numbers``, the CSV of :func:`published_frames`, PDF and PNG."""
    return write_sheet(folder, numbers, published_frames(analysis), published_sheet(analysis))


def published_frames(analysis: PublishedAnalysis) -> dict[str, pd.DataFrame]:
    """The published analysis' tables: "cells" (with exact MACs), "walks" and "autocorrelation"."""
    import pandas as pd

    walks = pd.DataFrame({"walk": np.arange(len(analysis.by_walk[RUGGED[0]]))})
    for name in RUGGED:
        walks[f"{name}_autocorrelation"] = analysis.by_walk[name]
        walks[f"{name}_autocorrelation_as_published"] = analysis.by_walk_as_published[name]
    curves = stacked({name: curve.frame for name, curve in analysis.curves.items()}, "column")
    return {"cells": analysis.table, "walks": walks, "autocorrelation": curves}
