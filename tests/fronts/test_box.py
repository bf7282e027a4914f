import numpy as np
import pytest

from eomoo.errors import SettingError
from eomoo.fronts import Box

POINTS = np.array([[10.0, -5.0], [20.0, -1.0], [12.0, -9.0]])


def test_ideal_is_zero_and_reference_is_one():
    box = Box(ideal=np.array([10.0, -5.0]), reference=np.array([20.0, -1.0]))
    assert box.normalise(np.array([[10, -5], [20, -1], [15, -9]])).tolist() == [[0, 0], [1, 1], [0.5, -1]]
    assert box.extent.tolist() == [10, 4]
    assert box.contains(np.array([[5, -9], [19.9, -1.1], [20, -5], [12, 0]])).tolist() == [1, 1, 0, 0]


def test_a_box_of_points_goes_beyond_their_worst():
    box = Box.of(POINTS, margin=0.1)
    assert box.ideal.tolist() == [10.0, -9.0]
    assert box.reference == pytest.approx([21.0, -0.2])


@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e15])
@pytest.mark.parametrize("value", [-3.0, 0.0, 7.0])
def test_a_constant_objective_gets_some_width_in_any_unit(value, unit):
    points = np.array([[0.0, value], [1.0, value]]) * unit
    box = Box.of(points, margin=1e-6)
    assert (box.reference > points.max(axis=0)).all()
    assert box.extent[0] == pytest.approx(unit, rel=1e-5)
    assert box.extent[1] <= 1e-8 * max(abs(value) * unit, 1.0 if value == 0 else 0.0)


def test_a_reference_point_that_nothing_reaches_still_bounds_a_box():
    box = Box.up_to(np.array([5.0, 5.0]), np.array([7.0, 1.0]))
    assert box.reference.tolist() == [5.0, 5.0]
    assert box.ideal[1] == 1.0
    assert box.ideal[0] == pytest.approx(5.0)
    assert box.ideal[0] < 5.0


def test_a_reference_point_that_is_as_good_as_the_ideal_point_is_refused():
    with pytest.raises(SettingError, match="must be worse than the ideal point"):
        Box(ideal=np.zeros(2), reference=np.array([1.0, 0.0]))
