import numpy as np
import pytest

from eomoo.errors import SettingError
from eomoo.fronts import attainment_difference, attainment_surfaces, staircase

ONE, TWO = np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([[1.5, 1.5]])
NOTHING = np.empty((0, 2))


def attained_by(point, fronts):
    return sum(bool((front <= point).all(axis=1).any()) for front in fronts)


def random_fronts(seed, n):
    rng = np.random.default_rng(seed)
    return [np.round(rng.random((rng.integers(1, 5), 2)), 2) for _ in range(n)]


def test_corners_are_where_that_share_of_runs_begins():
    fronts = random_fronts(1, 8)
    for percentile, corners in attainment_surfaces(fronts, percentiles=(25, 50, 100)).items():
        wanted = percentile / 100 * len(fronts)
        assert len(corners)
        for corner in corners:
            assert attained_by(corner, fronts) >= wanted
            assert all(attained_by(corner - step, fronts) < wanted for step in ([1e-9, 0], [0, 1e-9]))


def test_a_run_that_found_nothing_counts_as_one_that_attains_nothing():
    found = attainment_surfaces([ONE, TWO, NOTHING], percentiles=(50, 100))
    assert found[50].tolist() == [[1.5, 2.0], [2.0, 1.5]]
    assert len(found[100]) == 0


def test_boxes_of_the_difference_hold_what_counting_tells():
    first, second = random_fronts(2, 4), [*random_fronts(3, 3), NOTHING]
    boxes = attainment_difference(first, second)
    for point in np.random.default_rng(4).random((300, 2)):
        inside = ((boxes[:, :2] <= point) & (point < boxes[:, 2:4])).all(axis=1)
        expected = (attained_by(point, first) - attained_by(point, second)) / 4
        assert boxes[inside, 4].sum() == expected


@pytest.mark.parametrize("runs", [[ONE], [ONE, TWO], [ONE, NOTHING], [NOTHING]])
def test_where_both_attain_the_same_there_is_no_box(runs):
    assert attainment_difference(runs, runs[::-1]).shape == (0, 5)


def test_the_staircase_bounds_what_is_dominated():
    line = staircase(np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([5.0, 6.0]))
    assert line.tolist() == [[1, 6], [1, 3], [2, 3], [2, 1], [5, 1]]
    assert len(staircase(NOTHING, np.ones(2))) == 0


def test_unequal_numbers_and_other_dimensions_are_refused():
    with pytest.raises(SettingError, match="equal numbers of runs; got 1 and 2"):
        attainment_difference([ONE], [ONE, TWO])
    with pytest.raises(SettingError, match=r"two objectives; got fronts of shape \(1, 3\)"):
        attainment_surfaces([np.ones((1, 3))])
