"""Fronts of joint draws, against the definition of dominance."""

import numpy as np
import pytest
import synthetic

from eomoo.fronts import DrawnFronts

CELLS = np.array([30, 10, 20, 50, 40, 70, 60, 80])


def drawn_values(n_obj, seed=0):
    """Values of eight cells in six draws, with ties, and some that are missing."""
    drawn = np.random.default_rng(seed).integers(0, 6, (6, len(CELLS), n_obj)).astype(float)
    drawn[2, 3] = np.nan
    drawn[[0, 3, 5], [1, 5, 2], -1] = np.nan
    return drawn


def by_definition(drawn, keeps):
    """The cells on the front of each draw."""
    found = []
    for F, keep in zip(drawn, keeps, strict=True):
        usable = np.flatnonzero(keep & np.isfinite(F).all(axis=1))
        found.append({int(CELLS[usable[k]]) for k in synthetic.brute_front(F[usable])})
    return found


def as_sets(fronts):
    return [set(fronts.cells[fronts.draw == d].tolist()) for d in range(fronts.n)]


@pytest.mark.parametrize("n_obj", [1, 2, 3, 5])
def test_the_front_of_each_draw_is_what_the_definition_says(n_obj):
    drawn = drawn_values(n_obj)
    keeps = np.random.default_rng(9).random((6, len(CELLS))) < 0.7
    keeps[4] = False
    fronts = DrawnFronts.empty(6, n_obj).joined(CELLS, drawn, keeps)
    expected = by_definition(drawn, keeps)
    assert as_sets(fronts) == expected
    assert [len(points) for points in fronts.each()] == [len(cells) for cells in expected]
    for cell, d, point in zip(fronts.cells, fronts.draw, fronts.points, strict=True):
        np.testing.assert_array_equal(point, drawn[d, CELLS.tolist().index(cell)])
    times = [sum(cell in cells for cells in expected) for cell in [*CELLS, 99]]
    assert fronts.counts(np.array([*CELLS, 99])).tolist() == times


@pytest.mark.parametrize("n_obj", [1, 2, 3])
def test_in_however_many_parts_cells_come_the_fronts_are_the_same(n_obj):
    rng = np.random.default_rng(3)
    # With ties, of single objectives too.
    cells, drawn = np.arange(400), np.round(rng.normal(size=(5, 400, n_obj)), 1)
    whole = DrawnFronts.empty(5, n_obj).joined(cells, drawn)
    fronts = DrawnFronts.empty(5, n_obj)
    for part in np.array_split(rng.permutation(400), 7):
        fronts = fronts.joined(part, drawn[:, part])
    assert as_sets(fronts) == as_sets(whole)


def test_what_was_known_of_a_cell_is_replaced():
    fronts = DrawnFronts.empty(1, 2).joined(np.array([1, 2]), np.array([[[0.0, 0.0], [1.0, -1.0]]]))
    assert as_sets(fronts) == [{1, 2}]
    again = fronts.joined(np.array([1, 3]), np.array([[[5.0, 5.0], [2.0, -1.0]]]))
    assert as_sets(again) == [{2}]


def test_fronts_without_a_cell_are_empty():
    fronts = DrawnFronts.empty(3, 2)
    assert [len(points) for points in fronts.each()] == [0, 0, 0]
    assert fronts.counts(CELLS).tolist() == [0] * len(CELLS)
    nothing = fronts.joined(CELLS, np.full((3, len(CELLS), 2), np.inf))
    assert len(nothing.cells) == 0
