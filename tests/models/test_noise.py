"""Variances of a few repeats, drawn towards each other."""

import numpy as np
import pytest

from eomoo.models.noise import moderated


def test_variances_are_drawn_towards_each_other_as_far_as_they_are_alike():
    rng = np.random.default_rng(0)
    prior, common, freedom = 8.0, 0.3, rng.integers(3, 6, 20_000)
    squares = prior * common / rng.chisquare(prior, len(freedom)) * rng.chisquare(freedom)
    # The mean of what a variance can be, by its prior and its own squares.
    expected = (prior * common + squares) / (prior + freedom - 2.0)
    np.testing.assert_allclose(moderated(squares, freedom), expected, rtol=0.05)
    alike = moderated(common * rng.chisquare(freedom), freedom)
    assert alike == pytest.approx(common, rel=0.2)
    few = slice(5)
    assert (moderated(squares[few], freedom[few]) == squares[few] / freedom[few]).all()
