"""A cell as a picture: where its vertices stand, their colours, and an SVG of it for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from eomoo.notebook import element

SHORT_NAMES = {
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
# Pixels: between neighbours in a level, between levels, and half of a box.
_ACROSS, _DOWN, _HALF = 78, 50, (33, 12)


def depths_of(matrix: NDArray[np.int8]) -> list[int]:
    """Length of the longest path from the input to each vertex (V,) of a cell's graph (V, V)."""
    depth = [0] * len(matrix)
    for x, y in np.argwhere(matrix):
        # argwhere runs row by row, and every edge into x comes from a smaller row.
        depth[y] = max(depth[y], depth[x] + 1)
    return depth


def places_of(depth: list[int]) -> list[tuple[float, float]]:
    """Where vertices of these depths stand: how far right of the middle, in places, and how deep."""
    rows = {level: [v for v, d in enumerate(depth) if d == level] for level in depth}
    return [(rows[d].index(v) - (len(rows[d]) - 1) / 2, float(d)) for v, d in enumerate(depth)]


def edge_paths(
    matrix: NDArray[np.int8], across: float, down: float, half: tuple[float, float]
) -> tuple[list[list[tuple[float, float]]], float]:
    """Lines of the edges of a graph (V, V) from the foot of one box to the head of another, and how far out they reach.

    Neighbours in a level are ``across`` from each other, levels ``down``; boxes are ``half`` a size across and down. An
    edge has 2 points, or 8 where it passes a level: a cubic curve, a straight line, a cubic curve.
    """
    depth = depths_of(matrix)
    places = [(across * x, down * y) for x, y in places_of(depth)]
    out, lines = {1: 0.0, -1: 0.0}, []
    for x, y in sorted(np.argwhere(matrix).tolist(), key=lambda edge: depth[edge[1]] - depth[edge[0]]):
        (x0, y0), (x1, y1) = places[x], places[y]
        y0, y1 = y0 + half[1], y1 - half[1]
        if depth[y] - depth[x] == 1:
            lines.append([(x0, y0), (x1, y1)])
            continue
        # Around the boxes of the levels between, on the side with fewer such edges, each further out.
        side = 1 if out[1] <= out[-1] else -1
        reach = max(side * places[v][0] for v, d in enumerate(depth) if depth[x] < d < depth[y])
        out[side] = max(out[side], reach + half[0]) + 0.36 * half[0]
        x0, x1 = (middle + 0.48 * side * half[0] for middle in (x0, x1))
        far, bend = side * out[side], down - 2 * half[1]
        first = [(x0, y0), (x0, y0 + bend), (far, y0), (far, y0 + bend)]
        lines.append([*first, (far, y1 - bend), (far, y1), (x1, y1 - bend), (x1, y1)])
    return lines, max(*out.values(), *(abs(x) + half[0] for x, _ in places))


def cell_svg(matrix: NDArray[np.int8], ops: Sequence[str]) -> Element:
    """A cell's drawing, from its graph (V, V) and V operations: vertices from top to bottom by their depth.

    Lines have the colour of the text around it.
    """
    depth = depths_of(matrix)
    places = [(_ACROSS * x, _DOWN * y) for x, y in places_of(depth)]
    edges, reach = edge_paths(matrix, _ACROSS, _DOWN, _HALF)
    lines = []
    for (x0, y0), *between, (x1, y1) in edges:
        around = "C{} {} {} {} {} {}V{}C{} {} {} {} "
        numbers = [number for point in between for number in point]
        path = around.format(*numbers[:6], *numbers[7:]) if between else "L"
        lines.append(element("path", d=f"M{x0} {y0}{path}{x1} {y1 - 7}"))
        lines.append(element("path", d=f"M{x1} {y1}l-3.5 -8h7z", fill="currentColor", stroke="none"))
    boxes, size = [], {"width": str(2 * _HALF[0]), "height": str(2 * _HALF[1])}
    for (right, down), op in zip(places, ops, strict=True):
        at = {"x": str(right - _HALF[0]), "y": str(down - _HALF[1])}
        boxes.append(element("rect", at, size, rx="6", fill=OPERATION_COLORS[op]))
        name = {"x": str(right), "y": str(down + 4), "text-anchor": "middle", "fill": "#111111", "stroke": "none"}
        boxes.append(element("text", SHORT_NAMES[op], name))
    half = reach + 8
    height = _DOWN * max(depth) + 2 * _HALF[1] + 4
    view = {"width": f"{2 * half}", "height": f"{height}", "viewBox": f"{-half} {-_HALF[1] - 2} {2 * half} {height}"}
    font = {"font-family": "sans-serif", "font-size": "12", "stroke": "currentColor", "fill": "none"}
    return element("svg", *lines, *boxes, view, font, {"role": "img"})
