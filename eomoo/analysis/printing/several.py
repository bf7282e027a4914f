"""Fronts of several algorithms, or of any table, on one pair of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from eomoo.analysis.styles import style_numbers
from eomoo.arrays import Axes, DataFrame, Floats
from eomoo.checks import known_name
from eomoo.data.user_table import numbers_of
from eomoo.errors import SettingError
from eomoo.fronts import Direction, Objective, Objectives, sorted_front
from eomoo.plots import line_style, look


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
    ax.legend()
    return ax


def plot_frame(ax: Axes, frame: DataFrame, objectives: Sequence[str] | Mapping[str, Direction] = ()) -> Axes:
    """Draw the front of a table's rows over all of them; one for each algorithm where it has a column ``label``.

    Args:
        ax: Where to draw.
        frame: A row for each cell, a column for each objective; what is infeasible or lacks one is left out.
        objectives: Two columns, minimised, or by column "min" or "max"; tables of a run know theirs.

    Raises:
        SettingError: (a ValueError) There are not two objectives, or a direction is none.
        UnknownNameError: (a KeyError) There is no such column.
        DataError: (a ValueError) A value is neither a number nor a failure's name.
    """
    known = {facts["name"]: Objective(**facts) for facts in frame.attrs.get("objectives", ())}
    ways = objectives if isinstance(objectives, Mapping) else {}
    chosen = [ways.get(name) or known.get(name) or "min" for name in objectives] or list(known.values())
    parts = [
        Objective(name=name, title=name.replace("_", " "), unit="", direction=way) if isinstance(way, str) else way
        for name, way in zip(objectives or known, chosen, strict=True)
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
