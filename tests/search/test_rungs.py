"""Models of several lengths of training, with terms whose weights are learnt."""

import numpy as np
import pytest

from eomoo.search.rungs import Observed, Process, predict_ladder


@pytest.fixture(scope="module")
def made():
    """200 cells with features, a quantity that they tell little of, and what else goes with it."""
    rng = np.random.default_rng(3)
    Z = np.round(rng.standard_normal((200, 6)) * 64) / 64
    rest = rng.standard_normal(200)
    return Z, 5.0 + 0.3 * Z[:, 0] + 2.0 * rest, rest, rng.standard_normal(200)


def told(made, n, priors, short=None, n_short=0):
    Z, y, _, _ = made
    rows = np.arange(n)
    observed = [Observed(rows=rows, values=y[rows])]
    if short is not None:
        observed.insert(0, Observed(rows=np.arange(n_short), values=short[:n_short]))
    return predict_ladder(Z, observed, priors)


def error(made, predicted, after):
    return np.sqrt(np.mean((predicted.mean - made[1])[after:] ** 2))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_prior_is_used_with_the_sign_that_it_has(made, sign):
    found = told(made, 12, 100.0 * sign * made[2][:, None])
    without = told(made, 12, np.empty((200, 0)))
    assert np.sign(found.slopes[0]) == sign
    assert error(made, found, 12) < 0.5 * error(made, without, 12)


def test_a_worthless_prior_costs_little(made):
    found, without = told(made, 12, made[3][:, None]), told(made, 12, np.empty((200, 0)))
    assert error(made, found, 12) < 1.2 * error(made, without, 12)


def test_short_trainings_tell_of_full_ones_before_many_of_these_are_known(made):
    short = 40.0 + 3.0 * made[1]
    found, without = told(made, 4, np.empty((200, 0)), short, 150), told(made, 4, np.empty((200, 0)))
    assert error(made, found, 150) < error(made, without, 150)
    # Of what was trained shortly more is known than of what was not.
    assert found.std[4:150].mean() < found.std[150:].mean()


def test_short_trainings_that_mislead_are_left_alone(made):
    short = 40.0 + 3.0 * made[3]
    found, without = told(made, 30, np.empty((200, 0)), short, 150), told(made, 30, np.empty((200, 0)))
    assert error(made, found, 150) < 1.2 * error(made, without, 150)


def test_deviations_are_those_of_the_errors(made):
    found = told(made, 60, made[2][:, None])
    z = (found.mean - made[1])[60:] / found.std[60:]
    assert 0.3 < z.std() < 2.0


def test_nothing_is_told_before_the_first_full_training(made):
    Z = made[0]
    none = Observed(rows=np.arange(0), values=np.empty(0))
    assert predict_ladder(Z, [Observed(rows=np.arange(5), values=np.arange(5.0)), none], np.empty((200, 0))) is None


def test_the_weights_of_a_process_are_those_of_a_regression():
    rng = np.random.default_rng(0)
    term = rng.standard_normal(60)
    process = Process(np.full((60, 60), 1e6) * (1 - np.eye(60)), term[:, None], 3.0 * term + 0.1 * rng.random(60))
    assert process.slopes[0] == pytest.approx(3.0, rel=0.1)


def test_what_leans_is_expected_to_be_of_one_sign_before_any_value_tells():
    one = np.zeros((1, 1)), np.array([[1.5]]), np.array([4.0])
    assert Process(*one, leaning=np.array([True])).slopes[0] > 0
    assert Process(*one).slopes[0] == 0
