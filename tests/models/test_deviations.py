"""What deviations are made of: fitted to errors on held-out cells, and what they grow with."""

import numpy as np
import pytest

from eomoo.models.deviations import Clues, Law, fit_law, spread


def clues(n, seed=0):
    rng = np.random.default_rng(seed)
    return Clues(
        center=rng.standard_normal((n, 1)),
        alike=rng.uniform(0.2, 1.0, n),
        gap=rng.exponential(0.1, (n, 1)),
        traits=rng.standard_normal((n, 4)),
    )


def errors_by(law, given, seed=1):
    deviation = np.sqrt(law.variances(given)[:, 0])
    return deviation * np.random.default_rng(seed).standard_normal(len(given.alike))


TRUE = Law(level=np.array([[0.1, 0.6, 1.0]]), slopes=np.array([[-0.5, 0.1, 0.3, 0.0, -0.2, 0.0]]))


def test_the_law_of_many_errors_is_found_again():
    given = clues(20_000)
    found = fit_law(given, errors_by(TRUE, given))
    np.testing.assert_allclose(found.level, TRUE.level, rtol=0.25)
    np.testing.assert_allclose(found.slopes, TRUE.slopes, atol=0.06)


def test_deviations_grow_with_distance_and_with_the_parts_disagreement():
    given, near = clues(50), np.linspace(1.0, 0.0, 50)
    same = Clues(center=np.zeros((50, 1)), alike=near, gap=np.zeros((50, 1)), traits=np.zeros((50, 4)))
    assert (np.diff(TRUE.unknown(same)[:, 0]) > 0).all()
    # At a known cell as much is left as one noisy measurement leaves; far from all, all that there is.
    level = TRUE.unknown(same)[[0, -1], 0] / np.exp(-TRUE.slopes[0, 1])
    np.testing.assert_allclose(level, [0.6 * 0.1 / 0.7, 0.6])
    apart = Clues(center=given.center, alike=given.alike, gap=given.gap + 1.0, traits=given.traits)
    assert (TRUE.unknown(apart) > TRUE.unknown(given)).all()


def test_noise_follows_the_prediction_alone():
    low, high = TRUE.noise(np.array([[-1.0], [1.0]]))[:, 0]
    assert (low, high) == pytest.approx((0.1 * np.exp(0.5), 0.1 * np.exp(-0.5)))
    given = clues(40)
    np.testing.assert_allclose(TRUE.variances(given), TRUE.noise(given.center) + TRUE.unknown(given))
    # Farther out than was learnt from it stays what it is.
    assert TRUE.noise(np.array([[2.5]])) == TRUE.noise(np.array([[9.0]]))


def test_few_errors_hardly_move_the_slopes():
    given = clues(12)
    found = fit_law(given, errors_by(TRUE, given))
    assert np.abs(found.slopes).max() < 0.5


def test_the_scale_leaves_one_in_twenty_outside_whatever_the_tails():
    z = np.random.default_rng(0).standard_t(3, 100_000)
    assert np.mean(np.abs(z / spread(z)) <= 2.0) == pytest.approx(0.9545, abs=1e-3)
    wild = np.append(z, [1e6] * 50)
    assert spread(wild) == pytest.approx(spread(z), rel=0.02)
    assert spread(np.random.default_rng(0).standard_normal(100_000)) == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(spread(3.0 * z), 3.0 * spread(z))


def test_a_process_says_of_itself_what_it_did_without_a_law():
    given = clues(30)
    law = Law.of_process(np.array([0.2]))
    expected = 1.0 - given.alike / 1.2 + given.gap[:, 0]
    np.testing.assert_allclose(law.unknown(given)[:, 0], expected)
    np.testing.assert_array_equal(law.noise(given.center), 0.2)


def test_clues_of_some_cells_and_targets_are_theirs():
    one, two = clues(10, seed=1), clues(7, seed=2)
    joined = Clues.joined([one, two])
    np.testing.assert_array_equal(joined.only(np.arange(10, 17)).traits, two.traits)
    both = Clues(
        center=np.hstack([one.center, -one.center]),
        alike=one.alike,
        gap=np.hstack([one.gap, 2 * one.gap]),
        traits=one.traits,
    )
    np.testing.assert_array_equal(both.of(1).center, -one.center)
    np.testing.assert_array_equal(both.of(1).gap, 2 * one.gap)


def test_the_law_of_means_of_several_measurements_is_that_of_one():
    """Their noise is less by as many as they are, and what is not known is not."""
    given, repeats = clues(20_000), np.random.default_rng(5).integers(1, 9, 20_000).astype(float)
    deviation = np.sqrt(TRUE.variances(given, repeats=repeats)[:, 0])
    found = fit_law(given, deviation * np.random.default_rng(1).standard_normal(20_000), repeats=repeats)
    np.testing.assert_allclose(found.level[0], TRUE.level[0], rtol=0.25)
