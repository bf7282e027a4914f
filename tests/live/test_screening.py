import numpy as np
import pytest

from eomoo.fronts.objectives import Objective, Objectives
from eomoo.live.screening import Screening, expected_gain, promising


def objectives(*directions):
    parts = [Objective(name=f"f{k}", title="", unit="", direction=d) for k, d in enumerate(directions)]
    return Objectives(tuple(parts))


def test_promising_is_what_nothing_equals_or_dominates():
    full = np.array([[1.0, 5.0], [3.0, 3.0]])
    hoped = np.array([[0.5, 9.0], [3.0, 3.0], [2.0, 4.0], [4.0, 4.0], [9.0, 1.0], [1.0, 6.0]])
    assert promising(hoped, full).tolist() == [True, False, True, False, True, False]
    assert promising(hoped, np.empty((0, 2))).all()


def test_promising_agrees_with_a_slow_twin():
    rng = np.random.default_rng(0)
    hoped, full = rng.integers(0, 5, (200, 3)).astype(float), rng.integers(0, 5, (6, 3)).astype(float)
    slow = [not any(all(b <= a for a, b in zip(h, f, strict=True)) for f in full) for h in hoped]
    assert promising(hoped, full).tolist() == slow


def test_gain_is_a_quantile_of_what_was_seen():
    short, full = np.array([[10.0], [10.0], [10.0], [np.nan]]), np.array([[9.0], [7.0], [8.0], [1.0]])
    assert expected_gain(short, full, quantile=0.5) == [2.0]
    assert expected_gain(short, full, quantile=1.0) == [3.0]
    assert np.isinf(expected_gain(short[:2], full[:2])).all()


def test_candidates_are_chosen_by_what_they_may_reach():
    screening = Screening(objectives("min", "max"), np.array([True, False]), quantile=1.0)
    first = np.array([[50.0, 1.0], [60.0, 2.0], [np.nan, 9.0], [55.0, 3.0]])
    assert screening.choose(first).tolist() == [True, True, False, True]
    screening.remember(first[[0, 1, 3]], np.array([[40.0, 1.0], [45.0, 2.0], [50.0, 3.0]]))
    # The gain is 15: the first may reach 39, the second 46, which the one with 45 and 2 beats.
    assert screening.choose(np.array([[54.0, 2.0], [61.0, 2.0], [61.0, 4.0]])).tolist() == [True, False, True]


def test_an_impossible_quantile_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1; got 2"):
        Screening(objectives("min"), np.ones(1, dtype=bool), quantile=2)
