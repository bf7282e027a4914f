"""Expected improvement of the hypervolume, beside draws of it."""

import numpy as np
import pytest

from eomoo.fronts.box import Box
from eomoo.fronts.indicators import hypervolume
from eomoo.search.acquisition import expected_improvement


def drawn(mean, std, front, box, n=4000):
    """The mean gain of hypervolume over draws of one candidate, and its standard error."""
    rng = np.random.default_rng(1)
    before = hypervolume(front, box)
    draws = mean + std * rng.standard_normal((n, len(mean)))
    gains = [hypervolume(np.vstack((front, draw)), box) - before for draw in draws]
    return np.mean(gains), np.std(gains) / np.sqrt(n)


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("known", [False, True])
def test_the_closed_form_is_the_mean_of_draws(m, known):
    rng = np.random.default_rng(m)
    front, box = rng.random((5, m)) * 8 + 1, Box(ideal=np.zeros(m), reference=np.linspace(8.0, 9.5, m))
    mean, std = rng.random((4, m)) * 7, rng.random((4, m)) + 0.3
    if known and m > 1:
        std[:, : m - 1] = 0.0
    told = expected_improvement(mean, std, front, box)
    for k in range(4):
        expected, error = drawn(mean[k], std[k], front, box)
        assert abs(told[k] - expected) < 4 * error + 1e-5  # draws may never see a small chance


@pytest.mark.parametrize("m", [1, 2, 3])
def test_what_is_known_gains_exactly_what_it_adds(m):
    rng = np.random.default_rng(m)
    box = Box(ideal=np.zeros(m), reference=np.ones(m))
    front, cells = rng.random((6, m)), rng.random((20, m)) * 1.2
    told = expected_improvement(cells, np.zeros((20, m)), front, box)
    gains = [hypervolume(np.vstack((front, cell)), box) - hypervolume(front, box) for cell in cells]
    np.testing.assert_allclose(told, gains, atol=1e-12)
    assert (told == 0).any()
    assert (told > 0).any()


def test_an_empty_front_leaves_the_whole_box():
    box = Box(ideal=np.zeros(2), reference=np.ones(2))
    told = expected_improvement(np.array([[0.25, 0.5]]), np.zeros((1, 2)), np.empty((0, 2)), box)
    np.testing.assert_allclose(told, [0.375])


def test_beyond_three_objectives_random_directions_rank_alike():
    rng = np.random.default_rng(0)
    box = Box(ideal=np.zeros(4), reference=np.ones(4))
    front, cells = rng.random((6, 4)) * 0.5 + 0.4, rng.random((60, 4))
    told = expected_improvement(cells, np.full((60, 4), 1e-3), front, box, rng)
    gains = [hypervolume(np.vstack((front, cell)), box) - hypervolume(front, box) for cell in cells]
    assert np.corrcoef(np.argsort(np.argsort(told)), np.argsort(np.argsort(gains)))[0, 1] > 0.9
