"""Cells as text and as pictures."""

from itertools import combinations

import numpy as np
import pytest

import eomoo
from eomoo.analysis import OPERATION_COLORS, cell_text, draw_cell
from eomoo.plots import look, new_figure

C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"


def read(text):
    """Edges and operations that a reader finds in a drawing: each column is an edge, from ┐ to ┘."""
    rows = text.splitlines()[::2]
    names = [row[:12].strip() for row in rows]
    edges = set()
    columns = max(len(row) for row in rows) - 12
    for k in range(columns):
        start = None
        for v, row in enumerate(rows):
            mark = row[12 + k] if len(row) > 12 + k else " "
            if mark in "┐┬":
                assert start is None
                start = v
            elif mark in "┘┴":
                edges.add((start, v))
                start = None
        assert start is None
    return edges, names


def test_a_drawing_in_full():
    cell = eomoo.Cell([[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0] * 4], ["input", C3, MP, "output"])
    drawn = cell_text(cell)
    edges, names = read(drawn)
    assert edges == {(0, 1), (0, 3), (1, 2), (2, 3)}
    assert names == ["input", "1 conv 3x3", "2 max pool", "output"]
    assert cell_text(eomoo.Cell([[0, 1], [0, 0]], ["input", "output"])).splitlines() == [
        "input       ──┐",
        "              │",
        "output      ◄─┘",
    ]


def test_every_graph_can_be_read_back_from_its_drawing(space):
    # One drawing of each of the 6,472 graphs: the operations are only names beside it.
    for number in range(0, len(space.structure_vertices), 3):
        n = int(space.structure_vertices[number])
        at = [*range(n - 1), 6]
        matrix = space.structure_adjacency[number][np.ix_(at, at)].astype(int)
        edges, names = read(cell_text(eomoo.Cell(matrix, ["input", *[C1] * (n - 2), "output"])))
        assert edges == set(map(tuple, np.argwhere(matrix).tolist()))
        assert len(names) == n


def test_drawings_are_narrow(space):
    widths = [len(line) for i in range(0, len(space), 5_000) for line in cell_text(space.cell(i)).splitlines()]
    assert max(widths) <= 12 + 2 * 9 + 2


@pytest.mark.parametrize("n", range(2, 8))
def test_pictures_show_every_vertex_and_edge(space, n):
    cell = space.cell(int(np.flatnonzero(space.n_vertices == n)[-1]))
    _, ax = new_figure()
    draw_cell(cell, ax, title="mine")
    boxes, arrows = ax.texts, ax.patches
    assert len(boxes) == cell.n_vertices
    assert len(arrows) == cell.n_edges
    assert ax.get_title() == "mine"
    places = [text.get_position() for text in boxes]
    assert len(set(places)) == len(places)
    heights = [y for _, y in places]
    for x, y in np.argwhere(cell.matrix):
        assert heights[y] < heights[x]


def test_no_arrow_of_a_picture_is_hidden_by_a_box(space):
    for index in (392718, 285363, 68178, 401870, *range(0, len(space), 160_009)):
        with look():
            figure, axes = new_figure(3.46, 2.3, ncols=2)
            for ax in axes:
                draw_cell(space.cell(index), ax, title="a\nb\nc")
            figure.draw_without_rendering()
        boxes = [text.get_bbox_patch().get_window_extent() for text in axes[0].texts]
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        for arrow in axes[0].patches:
            way = axes[0].transData.transform(arrow.get_path().interpolated(8).vertices)
            # Within its ends: where it comes from and goes to it may touch.
            inside = way[(way[:, 1] < way[0, 1] - 3) & (way[:, 1] > way[-1, 1] + 3)]
            assert not any(box.count_contains(inside) for box in boxes)


def test_operations_have_colors_of_their_own():
    assert len({OPERATION_COLORS[op] for op in (C3, C1, MP, "input")}) == 4
