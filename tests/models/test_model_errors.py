"""What is expected of a model's errors after those it has made."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.models.model_errors import ModelErrors


def test_before_anything_is_known_what_is_taken_for_granted_holds():
    errors = ModelErrors(np.array([2.0, 0.5]))
    errors.learn(np.full((5, 2), 9.0), np.zeros((5, 2)), np.ones((5, 2)))
    assert errors.overall(20).tolist() == [2.0, 0.5]
    assert errors.expected(np.array([[0.1, 0.1], [1.0, 1.0]]), 20).tolist() == [[0.2, 0.05], [2.0, 0.5]]


def test_noise_is_told_from_ignorance():
    """Errors of a constant size are expected anywhere; errors in proportion to the deviation where it is."""
    stds = np.linspace(0.1, 1.0, 200)[:, None] * np.ones(2)
    sign = np.where(np.arange(200) % 2, 1.0, -1.0)
    errors = ModelErrors(np.ones(2))
    errors.learn(np.column_stack((3.0 * sign, 2.0 * stds[:, 0] * sign)), np.zeros((200, 2)), stds)
    near, far = errors.expected(np.array([[0.1, 0.1], [1.0, 1.0]]), 200)
    assert near[0] / far[0] > 0.5
    assert near[1] / far[1] < 0.15
    assert errors.overall(200)[0] == pytest.approx(3.0)


def test_only_the_last_errors_count():
    errors = ModelErrors(np.ones(1))
    errors.learn(np.full((300, 1), 9.0), np.full((300, 1), 4.0), np.ones((300, 1)))
    errors.learn(np.full((20, 1), 3.0), np.full((20, 1), 4.0), np.full((20, 1), 0.1))
    assert len(errors) == 200
    assert errors.overall(20) == pytest.approx([1.0])
    assert errors.expected(np.full((1, 1), 0.1), 20) == pytest.approx(np.ones((1, 1)))


def test_each_target_has_a_law_of_its_own_and_one_that_is_known_none():
    """What varies for one target does not leak into another; a deviation of nothing stays nothing."""
    stds = np.column_stack((np.linspace(0.1, 1.0, 40), np.zeros(40)))
    errors = ModelErrors(np.ones(2))
    errors.learn(np.column_stack((2.0 * stds[:, 0], np.zeros(40))), np.zeros((40, 2)), stds)
    first, none = errors.expected(np.array([[0.5, 0.0]]), 40)[0]
    assert first == pytest.approx(1.0, rel=0.1)
    assert none == 0.0


def test_skill_is_the_rank_correlation_of_what_was_said_with_what_was_seen():
    rng = np.random.default_rng(1)
    seen = rng.random((60, 3))
    said = np.column_stack((np.exp(3.0 * seen[:, 0]), rng.random(60), np.ones(60)))
    errors = ModelErrors(np.ones(3))
    assert errors.skill(20).tolist() == [1.0, 1.0, 1.0]
    errors.learn(seen, said, np.ones((60, 3)))
    assert errors.skill(60)[0] == 1.0
    assert abs(errors.skill(60)[1]) < 0.3
    assert errors.skill(60)[2] == 0.0
    errors.learn(seen[:20], -said[:20], np.ones((20, 3)))
    assert errors.skill(20)[0] == -1.0


def test_correlations_of_errors():
    rng = np.random.default_rng(2)
    error = rng.standard_normal(50)
    errors = ModelErrors(np.ones(4))
    assert not errors.correlations(20).any()
    columns = (error, -2.0 * error, rng.standard_normal(50), np.zeros(50))
    errors.learn(np.column_stack(columns), np.zeros((50, 4)), np.ones((50, 4)))
    found = errors.correlations(50)
    assert found[0].tolist()[:2] == [1.0, -1.0]
    assert found[0, 2] == pytest.approx(np.corrcoef(error, columns[2])[0, 1], abs=0.006)
    assert not found[3].any()


def test_equal_predictions_are_ties_whatever_was_seen():
    rng = np.random.default_rng(2)
    # By errors of several sizes, what was said cannot be told again to the last bit.
    said = rng.choice([0.1, 0.7], size=(60, 1))
    seen = said * 10.0 ** rng.uniform(0.0, 3.0, (60, 1))
    errors = ModelErrors(np.ones(1))
    errors.learn(seen, said, np.ones((60, 1)))
    assert errors.skill(60)[0] == np.round(spearmanr(seen[:, 0], said[:, 0]).statistic, 2)
