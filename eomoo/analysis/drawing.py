"""Cells as text and as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eomoo.arrays import Facts
from eomoo.space import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_SHORT = {
    "input": "input",
    "output": "output",
    "conv3x3-bn-relu": "conv 3x3",
    "conv1x1-bn-relu": "conv 1x1",
    "maxpool3x3": "max pool",
}
# Okabe and Ito's colours, told apart by colour-blind readers.
OPERATION_COLORS = {
    "input": "#D9D9D9",
    "output": "#D9D9D9",
    "conv3x3-bn-relu": "#E69F00",
    "conv1x1-bn-relu": "#56B4E9",
    "maxpool3x3": "#2FB58B",
}

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
        label = _SHORT[op] if v in (0, n - 1) else f"{v} {_SHORT[op]}"
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
    depth = _depths(cell)
    places = _places(cell, depth)
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
        ax.text(*places[v], _SHORT[op], ha="center", va="center", fontsize="small", bbox=box)
    ax.set_xlim(-2.0, 2.0)
    ax.set_ylim(-max(depth) - 0.5, 0.5)
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize="small", parse_math=False)


def _depths(cell: Cell) -> list[int]:
    """Length of the longest path from the input to each vertex."""
    depth = [0] * cell.n_vertices
    for x, y in np.argwhere(cell.matrix):
        # argwhere runs row by row, and every edge into x comes from a smaller row.
        depth[y] = max(depth[y], depth[x] + 1)
    return depth


def _places(cell: Cell, depth: list[int]) -> list[tuple[float, float]]:
    places = [(0.0, 0.0)] * cell.n_vertices
    for level in set(depth):
        row = [v for v in range(cell.n_vertices) if depth[v] == level]
        for k, v in enumerate(row):
            places[v] = (1.3 * (k - (len(row) - 1) / 2), -float(level))
    return places
