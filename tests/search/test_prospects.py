"""The front as a model-guided search sees it, and its candidates."""

import numpy as np
import pytest

from eomoo.fronts.dominance import FrontArchive
from eomoo.search.acquisition import Frame, improvement_odds
from eomoo.search.prospects import Pool, View
from eomoo.search.trace import Trace


def view_of(F, violation, reference):
    cells = np.arange(len(F))
    trace, front = Trace(100, F.shape[1]), FrontArchive(F.shape[1])
    trace.append(cells, F, violation)
    front.offer(cells, F, violation)
    return View(trace, cells, front, reference, np.array([1.0, 0.0]), np.random.default_rng(1))


def test_a_reference_point_that_nothing_reaches_does_not_blind_the_search():
    F = np.random.default_rng(0).random((30, 2)) + 1.0
    unreached, none = (view_of(F, np.zeros(30), reference) for reference in (np.array([0.9, 0.9]), None))
    assert np.array_equal(unreached.frame.reference, none.frame.reference)
    assert unreached.best.min() > 0
    mean, deviation = np.array([[0.5, 0.5], [1.2, 1.2]]), np.full((2, 2), 0.1)
    odds, worth = improvement_odds(mean, deviation, unreached.rays, unreached.best, unreached.frame, step=0.1)
    assert worth.min() > 0
    assert odds[0] @ worth > odds[1] @ worth

    reached = view_of(F, np.zeros(30), np.array([1.8, 1.7]))
    assert reached.frame.reference.tolist() == [1.8, 1.7]


def test_what_is_feasible_is_nearest_and_the_rest_by_its_distance_from_the_front():
    F = np.array([[1.0, 3.0], [3.0, 1.0], [2.0, 3.5], [9.0, 9.0], [0.5, 0.5]])
    view = view_of(F, np.array([0.0, 0.0, 0.0, 0.0, 2.0]), np.array([10.0, 10.0]))
    assert set(view.nearest[:2].tolist()) == {0, 1}
    assert view.nearest[2:].tolist() == [2, 3, 4]
    assert (view.least > 0).all()


def test_a_lesson_is_half_the_nearest_and_keeps_to_its_size():
    F = np.random.default_rng(2).random((80, 2))
    view = view_of(F, np.zeros(80), None)
    rows = view.lesson(20, np.random.default_rng(3))
    assert len(set(rows.tolist())) == 20
    assert set(view.nearest[:10].tolist()) <= set(rows.tolist())
    assert view.lesson(200, np.random.default_rng(3)).tolist() == list(range(80))
    assert len(view.keep(70, np.random.default_rng(3))) <= 70


def test_the_best_of_a_pool():
    def pool(cells, margin):
        rows = len(cells)
        return Pool(
            cells=np.array(cells),
            predicted=np.zeros((rows, 3)),
            std=np.ones((rows, 3)),
            mean=np.array(margin)[:, None],
            deviation=np.ones((rows, 3)),
            margin=np.array(margin),
        )

    both = pool([7, 3], [0.1, 2.0]).joined(pool([5, 4], [-1.0, 1.0]))
    best = both.best(2)
    assert best.cells.tolist() == [3, 4]
    assert best.mean[:, 0] == pytest.approx([2.0, 1.0])
    assert both.best(9).cells.tolist() == [7, 3, 5, 4]


def test_a_frame_is_never_empty():
    frame = Frame.around(np.ones((1, 2)), np.ones((3, 2)), None)
    assert (frame.reference > frame.ideal).all()
