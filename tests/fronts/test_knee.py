import numpy as np
import pytest

from eomoo.fronts import knee_distances, knee_point


def test_the_knee_of_a_convex_front_is_its_corner():
    F = np.array([[0.0, 10.0], [0.1, 4.0], [1.0, 1.0], [5.0, 0.5], [10.0, 0.0]])
    assert knee_point(F) == 2
    # Normalised (0.1, 0.1): the distance from the line x + y = 1.
    assert knee_distances(F)[2] == pytest.approx(0.8 / np.sqrt(2))


def test_extremes_of_two_objectives_lie_on_the_line():
    F = np.array([[0.0, 7.0], [2.0, 3.0], [9.0, 1.0]])
    assert knee_distances(F)[[0, 2]] == pytest.approx([0.0, 0.0])


def test_the_knee_does_not_depend_on_units():
    rng = np.random.default_rng(3)
    x = np.sort(rng.random(40))
    F = np.column_stack((x, (1 - np.sqrt(x)) ** 2))
    assert knee_point(F) == knee_point(F * [1e-4, 1e7] + [3.0, -5e6])


def test_three_objectives():
    F = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.2, 0.1, 0.1], [0.3, 0.3, 0.05]])
    assert knee_point(F) == 3


@pytest.mark.parametrize(
    "F",
    [
        [[1.0, 2.0]],
        [[0.0, 1.0], [1.0, 0.0]],
        [[0.0, 1.0], [0.8, 0.8], [1.0, 0.0]],
        [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]],
        [[1.0], [1.0], [1.0]],
        [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]],
    ],
    ids=["one", "two", "bulging away", "straight", "one objective", "equal"],
)
def test_fronts_without_a_knee(F):
    assert knee_point(np.array(F)) is None
