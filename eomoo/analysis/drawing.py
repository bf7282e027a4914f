"""Cells as text and as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eomoo.arrays import Facts
from eomoo.space import Cell
from eomoo.space.picture import OPERATION_COLORS, SHORT_NAMES, depths_of, places_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Inches of the widest, "max pool" in small letters.
_HALF_BOX = 0.27


def cell_text(cell: Cell) -> str:
    """A drawing in text: a line for each vertex, and where its output goes.

    The lines' left margin shows the edges: a column for each edge, from its first vertex to its last.
    """
    n = cell.n_vertices
    found = [(int(x), int(y)) for x, y in np.argwhere(cell.matrix)]
    edges = sorted(found, key=lambda e: (e[1] - e[0], e[0]))
    tracks: list[list[tuple[int, int]]] = []
    for edge in edges:
        for track in tracks:
            # Edges that meet at a vertex would look like one that passes it.
            if all(edge[1] < a or edge[0] > b for a, b in track):
                track.append(edge)
                break
        else:
            tracks.append([edge])
    lines = []
    for v, op in enumerate(cell.ops):
        label = SHORT_NAMES[op] if v in (0, n - 1) else f"{v} {SHORT_NAMES[op]}"
        lines.append(f"{label:<12}{_row(tracks, v)}")
        if v < n - 1:
            lines.append(f"{'':<12}{_gap(tracks, v)}")
    return "\n".join(line.rstrip() for line in lines)


def _row(tracks: list[list[tuple[int, int]]], v: int) -> str:
    """The part of the drawing beside a vertex: where edges begin, end or pass by."""
    text, last = "", 0
    marks = []
    for k, track in enumerate(tracks):
        starts = any(a == v for a, _ in track)
        ends = any(b == v for _, b in track)
        passes = any(a < v < b for a, b in track)
        marks.append("┐" if starts else "┘" if ends else "│" if passes else " ")
        last = k if starts or ends else last
    touched = any(mark in "┐┘" for mark in marks)
    for k, mark in enumerate(marks):
        joined = touched and k <= last
        text += ("─" if joined else " ") + ("┼" if joined and mark == "│" else mark)
        if joined and mark == " ":
            text = text[:-1] + "─"
        elif joined and k < last and mark in "┐┘":
            text = text[:-1] + ("┬" if mark == "┐" else "┴")
    arrow = "◄" if any(b == v for track in tracks for _, b in track) else "─"
    return arrow + text if touched else " " + text


def _gap(tracks: list[list[tuple[int, int]]], v: int) -> str:
    return " " + "".join(" │" if any(a <= v < b for a, b in track) else "  " for track in tracks)


def draw_cell(cell: Cell, ax: Axes, *, title: str = "") -> None:
    """Draw a cell on axes: vertices from top to bottom by their depth, coloured by operation."""
    depth = depths_of(cell.matrix)
    # In inches on paper vertices of a level are further apart than levels are.
    places = [(1.3 * x, -y) for x, y in places_of(depth)]
    n_bent = 0
    line = "#444444"
    arrow: Facts = {
        "arrowstyle": "-|>", "color": line, "linewidth": 0.9, "shrinkA": 5, "shrinkB": 7, "mutation_scale": 7
    }  # fmt: skip
    inches = ax.bbox.height / ax.figure.dpi / (max(depth) + 1)
    for x, y in np.argwhere(cell.matrix):
        gap, bend = depth[y] - depth[x], 0.0
        if gap > 1:
            # An edge that passes a level goes around it, by turns on the left and on the right: as wide as it takes
            # to miss half a box, more so for every level. An arc is half as wide as its bend times its length.
            bend = 2.0 * (_HALF_BOX + 0.04 * gap) / (gap * inches) * (-1.0) ** n_bent
            n_bent += 1
        style = {**arrow, "connectionstyle": f"arc3,rad={bend:.2f}"}
        ax.annotate("", xy=places[y], xytext=places[x], arrowprops=style)
    for v, op in enumerate(cell.ops):
        box = {"boxstyle": "round,pad=0.35", "facecolor": OPERATION_COLORS[op], "edgecolor": line}
        ax.text(*places[v], SHORT_NAMES[op], ha="center", va="center", fontsize="small", bbox=box)
    ax.set_xlim(-2.0, 2.0)
    ax.set_ylim(-max(depth) - 0.5, 0.5)
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize="small", parse_math=False)
