"""Figures of algorithms compared: distributions over seeds, shifts with their intervals, ranks, fronts of any table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from eomoo.analysis.claims import Comparison
from eomoo.analysis.statistics import RankTest
from eomoo.analysis.styles import style_numbers
from eomoo.arrays import Axes, Floats
from eomoo.checks import known_name, several, text
from eomoo.data.user_table import numbers_of
from eomoo.errors import SettingError
from eomoo.fronts import Direction, Objective, Objectives, sorted_front
from eomoo.packages import pandas as pd
from eomoo.plots import COLORS, line_style, look

_BAND = "#E9E9E9"
_TICKS = (0, 1, 2, 5, 20, 100, 1000)
# Beside the colours, so that words are told apart in grey.
_WORD_MARKERS = {"ahead": ">", "behind": "<", "equivalent": "s", "undecided": "o"}


def plot_violins(ax: Axes, samples: Mapping[str, Floats], *, ylabel: str, colors: Sequence[str] = COLORS) -> Axes:
    """Draw distributions over seeds: a violin, every value as a dot, the median and quartiles.

    Samples are finite values (n,) by label; colours are repeated when there are more samples.
    """
    rng = np.random.default_rng(0)
    for k, values in enumerate(samples.values(), 1):
        color = colors[(k - 1) % len(colors)]
        if len(np.unique(values)) > 1:
            body = ax.violinplot([values], positions=[k], widths=0.8, showextrema=False)
            for part in body["bodies"]:  # type: ignore[attr-defined]
                part.set(facecolor=color, alpha=0.35, edgecolor=color)
        ax.plot(k + rng.uniform(-0.08, 0.08, len(values)), values, ".", color=color, markersize=2.5)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        ax.plot([k, k], [low, high], color="#000000", linewidth=1.6, solid_capstyle="butt")
        ax.plot([k], [middle], "o", color="#FFFFFF", markeredgecolor="#000000", markersize=3, zorder=4)
    ax.set_xticks(range(1, len(samples) + 1), list(samples), rotation=35, ha="right", parse_math=False)
    ax.set_ylabel(ylabel)
    return ax


def plot_shifts(ax: Axes, found: Mapping[str, Comparison], *, xlabel: str) -> Axes:
    """Draw shifts with their intervals over the band of what does not matter, each with its word.

    They are by what was compared, and drawn in units of what matters.
    """
    ax.axvspan(-1.0, 1.0, color=_BAND, linewidth=0)
    # Above the axes, where no line crosses it.
    ax.annotate(
        "does not matter", (0.0, 1.005), xycoords=("data", "axes fraction"), ha="center", va="bottom", color="#555555"
    )
    ax.axvline(0.0, color="#000000", linewidth=0.8)
    for row, c in enumerate(found.values()):
        color = COLORS[("ahead", "behind").index(c.word)] if c.word in ("ahead", "behind") else "#555555"
        ax.plot([c.low / c.matters, c.high / c.matters], [row, row], color=color, linewidth=1.6)
        ax.plot([c.shift / c.matters], [row], _WORD_MARKERS.get(c.word, "o"), color=color, markersize=4, clip_on=False)
        ax.annotate(c.word, (1.01, row), xycoords=("axes fraction", "data"), va="center", color=color)
    ax.set_yticks(range(len(found)), list(found), parse_math=False)
    ax.set_ylim(len(found) - 0.5, -0.5)
    # A shift of many times what matters says no more where it is drawn to scale.
    ax.set_xscale("symlog", linthresh=2.0, linscale=2.0)
    ends = np.abs([(c.low / c.matters, c.high / c.matters, c.shift / c.matters) for c in found.values()])
    # With room for the furthest mark beside its word.
    widest = 1.5 * float(np.nanmax(ends, initial=1.5))
    steps = [step for step in _TICKS if step < widest]
    # Far steps stand close to each other: every other will do, the furthest among them.
    ticks = sorted({k * step for k in (1, -1) for step in (*steps[:2], *steps[:1:-2])})
    ax.set_xticks(ticks, [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(-widest, widest)
    ax.set_xlabel(xlabel)
    return ax


def plot_critical_difference(ax: Axes, ranks: RankTest) -> Axes:
    """Draw mean ranks on a line, best on the left; a bar joins those that do not differ significantly.

    Source: Demšar, Journal of Machine Learning Research 7, 2006.
    """
    k = len(ranks.names)
    left, rows = (k + 1) // 2, max((k + 1) // 2, k - (k + 1) // 2)
    depth = 1.0 + 0.45 * len(ranks.groups)
    ax.plot([1, k], [0, 0], color="#000000", linewidth=1.2)
    for tick in range(1, k + 1):
        ax.plot([tick, tick], [0, 0.18], color="#000000", linewidth=1)
        ax.text(tick, 0.28, str(tick), ha="center", va="bottom")
    for place, (name, rank) in enumerate(zip(ranks.names, ranks.mean_ranks, strict=True)):
        on_left = place < left
        row = place if on_left else k - 1 - place
        y, end = -depth - 0.6 * row, (0.85 if on_left else k + 0.15)
        ax.plot([rank, rank, end], [0, y, y], color="#555555", linewidth=0.9)
        text = f"{name} ({rank:.2f})"
        x, side = (end - 0.05, "right") if on_left else (end + 0.05, "left")
        ax.text(x, y, text, ha=side, va="center", parse_math=False)
    where = dict(zip(ranks.names, ranks.mean_ranks, strict=True))
    for row, group in enumerate(ranks.groups):
        ends = [where[group[0]] - 0.04, where[group[-1]] + 0.04]
        ax.plot(ends, [-0.4 - 0.4 * row] * 2, color=COLORS[1], linewidth=3, solid_capstyle="butt")
    ax.plot([1, 1 + ranks.critical_difference], [1.15, 1.15], color="#000000", linewidth=1.6)
    of = f"{ranks.n_families} families of " if ranks.n_families < ranks.n_problems else ""
    text = f"critical difference {ranks.critical_difference:.2f} ({of}{ranks.n_problems} problems)"
    ax.text(1, 1.3, text, va="bottom")
    widest = max(1 + ranks.critical_difference, k)
    ax.set_xlim(1 - 0.45 * k, widest + 0.45 * k)
    ax.set_ylim(-depth - 0.6 * rows, 2.0)
    ax.set_axis_off()
    return ax


@look()
def plot_fronts(
    ax: Axes,
    fronts: Mapping[str, Floats],
    objectives: Objectives,
    *,
    seen: Floats | None = None,
    algorithms: Mapping[str, str] = MappingProxyType({}),
) -> Axes:
    """Draw fronts (k, 2), raw, by label, over all points (n, 2), in the colours of algorithms by label."""
    if seen is not None:
        ax.plot(*seen.T, ".", color="#BBBBBB", markersize=2, label=f"all ({len(seen):,})", zorder=1)
    numbers = style_numbers({label: algorithms.get(label, label) for label in fronts})
    for label, points in fronts.items():
        style = {**line_style(numbers[label]), "linestyle": "none", "markersize": 3}
        ax.plot(*points.T, **style, label=f"{label} ({len(points):,})")
    ax.set_xlabel(objectives[0].label, parse_math=False)
    ax.set_ylabel(objectives[1].label, parse_math=False)
    ax.legend(loc="best")
    return ax


def plot_frame(ax: Axes, frame: pd.DataFrame, objectives: Sequence[str] | Mapping[str, Direction] = ()) -> Axes:
    """Draw the front of a table's rows over all of them; one for each algorithm where it has a column ``label``.

    Args:
        ax: Where to draw.
        frame: A row for each cell, a column for each objective; what is infeasible or lacks one is left out.
        objectives: Two columns, minimised, or by column "min" or "max"; tables of a run know theirs.

    Raises:
        SettingError: (a ValueError) It is no table, there are not two objectives, or a direction is none.
        UnknownNameError: (a KeyError) There is no such column.
        DataError: (a ValueError) A value is neither a number nor a failure's name.
    """
    if not isinstance(frame, pd.DataFrame):
        raise SettingError(f"a front is drawn of a run, a study or a DataFrame; got {type(frame).__name__}")
    known = {facts["name"]: Objective(**facts) for facts in frame.attrs.get("objectives", ())}
    ways = objectives if isinstance(objectives, Mapping) else {}
    names = [text("a column in objectives", name) for name in several(objectives)]
    chosen = [ways.get(name) or known.get(name) or "min" for name in names] or list(known.values())
    parts = [
        way if isinstance(way, Objective) else Objective(name=k, title=k.replace("_", " "), unit="", direction=way)
        for k, way in zip(names or known, chosen, strict=True)
    ]
    if len(parts) != 2:
        raise SettingError(f'say which two columns are drawn: objectives={{"a": "max", "b": "min"}}; got {len(parts)}')
    for part in parts:
        known_name("column called", part.name, [str(name) for name in frame])
    found = Objectives(tuple(parts))
    rows = frame[frame["feasible"].astype(bool)] if "feasible" in frame else frame
    seen = np.stack([numbers_of(rows[name], name, Path("the table"))[0] for name in found.names], axis=1)
    labels = rows["label"].to_numpy(str) if "label" in rows else np.full(len(rows), "front")
    # Of a cell that failed, or was measured in one respect alone, there is no point.
    seen, labels = (part[np.isfinite(seen).all(axis=1)] for part in (seen, labels))
    each = ((label, seen[labels == label]) for label in dict.fromkeys(labels.tolist()))
    fronts = {label: points[sorted_front(found.minimise(points))] for label, points in each}
    return plot_fronts(ax, fronts, found, seen=seen)
