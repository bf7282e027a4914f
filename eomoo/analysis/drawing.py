"""Cells as text and as pictures."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Axes
from eomoo.space import Cell
from eomoo.space.picture import OPERATION_COLORS, SHORT_NAMES, depths_of, edge_paths, places_of

# Inches of half the widest box, "max pool" in letters of 7 points, and between the middles of neighbours; then of
# names in two lines.
_HALF_BOX, _ACROSS, _LETTERS = (0.28, 0.08), 0.6, 7.0
_HALF_NARROW, _NARROW = (0.2, 0.13), 0.43
# What a mark of ``cell_text`` becomes where a line crosses it.
_CROSSED = str.maketrans("│ ┐┘", "┼─┬┴")


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
    begins, ends = ([any(edge[end] == v for edge in track) for track in tracks] for end in (0, 1))
    passes = [any(a < v < b for a, b in track) for track in tracks]
    marks = "".join("┐" if a else "┘" if b else "│" if c else " " for a, b, c in zip(begins, ends, passes, strict=True))
    # Up to the last edge that begins or ends here a line leads across all columns.
    last = max(marks.rfind(mark) for mark in "┐┘")
    across = marks[:last].translate(_CROSSED) + marks[last]
    rest = "".join(f" {mark}" for mark in marks[last + 1 :])
    return ("◄" if any(ends) else "─") + "".join(f"─{mark}" for mark in across) + rest


def _gap(tracks: list[list[tuple[int, int]]], v: int) -> str:
    return " " + "".join(" │" if any(a <= v < b for a, b in track) else "  " for track in tracks)


def draw_cell(cell: Cell, ax: Axes, *, title: str = "") -> None:
    """Draw a cell on axes: vertices from top to bottom by their depth, coloured by operation."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    depth = depths_of(cell.matrix)
    width, height = (size / ax.figure.dpi for size in (ax.bbox.width, ax.bbox.height))
    spec = ax.get_subplotspec()
    if spec is not None:
        # The layout, which has yet to come, leaves no margins between subplots without axes.
        width = ax.figure.bbox.width / ax.figure.dpi / spec.get_gridspec().ncols - 0.05
    # Across in inches, down in levels; names in two lines, and smaller, where the axes are not as wide as the cell.
    levels, narrow = max(depth) + 1, 2 * edge_paths(cell.matrix, _ACROSS, 1.0, _HALF_BOX)[1] > width
    half_box, across = (_HALF_NARROW, _NARROW) if narrow else (_HALF_BOX, _ACROSS)
    edges, reach = edge_paths(cell.matrix, across, 1.0, (half_box[0], min(half_box[1] * levels / height, 0.4)))
    scale = min(1.0, 0.5 * width / (reach + 0.02))
    line, around = "#444444", [Path.CURVE4] * 3
    for points in edges:
        codes = [Path.MOVETO, *(around if len(points) > 2 else []), Path.LINETO, *(around if len(points) > 2 else [])]
        path = Path([(x, -y) for x, y in points], codes)
        ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=5, linewidth=0.8, color=line))
    for (x, y), op in zip(places_of(depth), cell.ops, strict=True):
        name = SHORT_NAMES[op].replace(" ", "\n") if narrow else SHORT_NAMES[op]
        box = {"boxstyle": "round,pad=0.25", "facecolor": OPERATION_COLORS[op], "edgecolor": line, "linewidth": 0.8}
        ax.text(across * x, -y, name, ha="center", va="center", fontsize=scale * _LETTERS, bbox=box, linespacing=1.0)
    half = max(reach + 0.02, 0.5 * width)
    ax.set_xlim(-half, half)
    ax.set_ylim(0.5 - levels, 0.5)
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize="small", parse_math=False)
