"""The front as a model-guided search sees it, and its candidates."""

import numpy as np
import pytest

from eomoo.fronts.dominance import FrontArchive
from eomoo.search.acquisition import improvement_probabilities
from eomoo.search.candidates import Candidates, SearchState, Units, box_around
from eomoo.search.trace import Trace


def state_of(F, violation, reference):
    cells = np.arange(len(F))
    trace, front = Trace(100, F.shape[1]), FrontArchive(F.shape[1])
    trace.append(cells, F, violation)
    front.offer(cells, F, violation)
    units = Units(zero=np.zeros(F.shape[1]), size=np.ones(F.shape[1]), limit_size=np.ones(0))
    return SearchState(trace, cells, front, reference, units, np.array([1.0, 0.0]), np.random.default_rng(1))


def test_a_reference_point_that_nothing_reaches_does_not_blind_the_search():
    F = np.random.default_rng(0).random((30, 2)) + 1.0
    unreached, none = (state_of(F, np.zeros(30), reference) for reference in (np.array([0.9, 0.9]), None))
    assert np.array_equal(unreached.box.reference, none.box.reference)
    assert unreached.best.min() > 0
    mean, std = np.array([[0.5, 0.5], [1.2, 1.2]]), np.full((2, 2), 0.1)
    probability, gain = improvement_probabilities(
        mean, std, unreached.directions, unreached.best, unreached.box, step=0.1
    )
    assert gain.min() > 0
    assert probability[0] @ gain > probability[1] @ gain

    reached = state_of(F, np.zeros(30), np.array([1.8, 1.7]))
    assert reached.box.reference.tolist() == [1.8, 1.7]


def test_what_is_feasible_is_nearest_and_the_rest_by_its_distance_from_the_front():
    F = np.array([[1.0, 3.0], [3.0, 1.0], [2.0, 3.5], [9.0, 9.0], [0.5, 0.5]])
    state = state_of(F, np.array([0.0, 0.0, 0.0, 0.0, 2.0]), np.array([10.0, 10.0]))
    assert set(state.nearest[:2].tolist()) == {0, 1}
    assert state.nearest[2:].tolist() == [2, 3, 4]
    assert (state.min_std > 0).all()


def test_the_training_set_is_half_the_nearest_and_keeps_to_its_size():
    F = np.random.default_rng(2).random((80, 2))
    state = state_of(F, np.zeros(80), None)
    rows = state.training_rows(20, np.random.default_rng(3))
    assert len(set(rows.tolist())) == 20
    assert set(state.nearest[:10].tolist()) <= set(rows.tolist())
    assert state.training_rows(200, np.random.default_rng(3)).tolist() == list(range(80))
    assert len(state.rows_to_keep(70, np.random.default_rng(3))) <= 70


def test_the_best_candidates():
    def candidates(cells, z_score):
        rows = len(cells)
        return Candidates(
            cells=np.array(cells),
            predicted=np.zeros((rows, 3)),
            model_std=np.ones((rows, 3)),
            mean=np.array(z_score)[:, None],
            std=np.ones((rows, 3)),
            z_score=np.array(z_score),
        )

    both = candidates([7, 3], [0.1, 2.0]).joined(candidates([5, 4], [-1.0, 1.0]))
    best = both.best(2)
    assert best.cells.tolist() == [3, 4]
    assert best.mean[:, 0] == pytest.approx([2.0, 1.0])
    assert both.best(9).cells.tolist() == [7, 3, 5, 4]


def test_a_box_is_never_empty():
    box = box_around(np.ones((1, 2)), np.ones((3, 2)), None)
    assert (box.reference > box.ideal).all()


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e12])
def test_a_box_is_the_same_in_any_unit(unit):
    rng = np.random.default_rng(4)
    first, front = rng.random((40, 2)), np.array([[0.3, 0.5], [0.5, 0.3]])
    box, scaled = box_around(front, first, None), box_around(unit * front, unit * first, None)
    assert scaled.reference / unit == pytest.approx(box.reference)
    assert scaled.ideal / unit == pytest.approx(box.ideal)
