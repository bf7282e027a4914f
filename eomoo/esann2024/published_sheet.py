"""The files of the published landscape analysis: numbers, tables, and a sheet of distributions and walks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eomoo.esann2024.published_landscape import RUGGED, PublishedAnalysis, front_of
from eomoo.landscape import STYLES, finish, sheet_axes, stacked, write_rows, write_sheet
from eomoo.plots import COLORS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_SPLITS = (("train", "training"), ("val", "validation"), ("test", "test"))
_MARKERS = {5: "s", 6: "^", 7: "o"}
_VERTEX_COLORS = {5: COLORS[1], 6: COLORS[2], 7: COLORS[0]}
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
    ax.plot(
        front["latency"],
        100.0 * front[name],
        "D",
        color="black",
        markersize=3,
        label=f"Pareto front ({len(front)})",
        zorder=4,
    )
    ax.legend(fontsize=6, frameon=False, loc="lower right", handletextpad=0.3, borderpad=0.1)
    return finish(
        ax, title=f"{kind} accuracy and latency", x="latency on A100 (ms/batch)", y=f"val. {kind} accuracy (%)"
    )


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
    for k, column in enumerate(_SHOWN):
        pair = (analysis.by_walk[column], analysis.by_walk_as_published[column])
        for j, values in enumerate(pair):
            ax.boxplot(
                values,
                positions=[k + 0.38 * (j - 0.5)],
                widths=0.3,
                patch_artist=True,
                showmeans=True,
                meanprops={"marker": "D", "markersize": 3, "markerfacecolor": "black", "markeredgecolor": "black"},
                medianprops={"color": "black", "linewidth": 0.9},
                boxprops={"facecolor": (COLORS[5], "#E8E8E8")[j], "linewidth": 0.6, "hatch": ("", "////")[j]},
                whiskerprops={"linewidth": 0.6},
                capprops={"linewidth": 0.6},
                flierprops={"markersize": 2},
                label=("right", "as published")[j] if k == 0 else None,
            )
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
        ax.plot(
            x[1] * part[x[0]],
            y[1] * part[y[0]],
            _MARKERS.get(vertices, "v"),
            color=_VERTEX_COLORS.get(vertices, COLORS[3]),
            markersize=2.4,
            markeredgewidth=0,
            alpha=0.55 if faint else 0.75,
            label=None if faint else f"{vertices} vertices",
        )


def _write_numbers(ax: Axes, analysis: PublishedAnalysis) -> None:
    numbers = analysis.numbers
    rows = [("cells", f"{numbers['cells']}", "")]
    rows.append(("vertices 5 / 6 / 7", "", " / ".join(str(n) for n in numbers["by_vertices"].values())))
    rows.append(("", "mean", "min to max"))
    for name, label in (
        ("val_macro", "val. macro (%)"),
        ("val_micro", "val. micro (%)"),
        ("test_macro", "test macro (%)"),
        ("test_micro", "test micro (%)"),
    ):
        d = numbers["distributions"][name]
        rows.append((label, f"{100 * d['mean']:.2f}", f"{100 * d['min']:.2f} to {100 * d['max']:.2f}"))
    d = numbers["distributions"]["latency"]
    rows.append(("latency (ms/batch)", f"{d['mean']:.2f}", f"{d['min']:.2f} to {d['max']:.2f}"))
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
