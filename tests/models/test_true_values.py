"""True values of measured cells: what a cell's own measurement tells, and what those of others do."""

import numpy as np
import pytest

from eomoo.fronts import Quantity
from eomoo.models import TrueValues, some_of, true_values_of
from eomoo.models.noise import room
from eomoo.space import load_space

ERROR = Quantity(title="validation error", unit="%", direction="min")
ACCURACY = Quantity(title="validation accuracy", unit="fraction", direction="max")
SCORE = Quantity(title="score", unit="", direction="max")
CELLS = np.random.default_rng(5).choice(len(load_space()), 120, replace=False)


def measured(*, spread, seed=0, cells=CELLS, apart=1.0):
    """True errors that go with features in part, and what was measured of them."""
    rng = np.random.default_rng(seed)
    macs = np.log(load_space().macs(cells))
    truth = 8.0 + apart * (rng.standard_normal(len(cells)) - (macs - macs.mean()) / macs.std())
    return truth, np.maximum(truth + spread * rng.standard_normal(len(cells)), 0.5)


def in_terms_of(quantity, errors):
    return {"%": errors, "fraction": 1 - errors / 100, "": -errors}[quantity.unit]


@pytest.mark.parametrize("quantity", [ERROR, ACCURACY, SCORE])
def test_the_best_of_many_measurements_are_expected_to_be_worse_by_what_they_are(quantity):
    said, told, there = [], [], []
    for seed in range(8):
        truth, seen = measured(spread=1.0, seed=seed)
        unit = 0.01 if quantity is ACCURACY else 1.0
        values, spread = in_terms_of(quantity, seen), np.full(len(CELLS), unit)
        expected, _ = TrueValues(CELLS, values, spread, quantity).expected(CELLS, values, spread)
        best = np.argsort(seen)[:12]
        for found, part in ((said, values), (told, expected), (there, in_terms_of(quantity, truth))):
            found.append(part[best].mean() / unit)
    luck = np.mean(there) - np.mean(said)
    # More is better of an accuracy and a score.
    assert luck * (1 if quantity is ERROR else -1) > 0.5
    assert np.mean(there) - np.mean(told) == pytest.approx(0, abs=0.3 * abs(luck))


def test_draws_are_as_sure_as_they_say_where_measurements_are_not():
    inside, surer = [], []
    for seed in range(6):
        truth, seen = measured(spread=1.0, seed=seed)
        spread = np.ones(len(CELLS))
        drawn = TrueValues(CELLS, seen, spread, ERROR).draws(CELLS, seen, spread, 300, seed=[seed])
        low, high = np.percentile(drawn, [5, 95], axis=0)
        inside.append((low <= truth) & (truth <= high))
        surer.append(drawn.std(axis=0).mean())
    # Trends along a feature are no part of the process, so that draws are a tenth too sure.
    assert 0.8 < np.mean(inside) < 0.95
    assert np.mean(surer) < 0.8


def test_draws_have_the_mean_and_deviation_that_are_expected():
    _, seen = measured(spread=1.0)
    spread = np.linspace(0.2, 2.0, len(CELLS))
    told = TrueValues(CELLS, seen, spread, ERROR)
    mean, deviation = told.expected(CELLS, seen, spread)
    drawn = told.draws(CELLS, seen, spread, 4000, seed=[1])
    np.testing.assert_allclose((drawn.mean(axis=0) - mean) / deviation, 0, atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0) / deviation, 1, atol=0.15)


def test_what_is_exact_stays_and_a_sure_measurement_hardly_moves():
    _, seen = measured(spread=1.0)
    spread = np.ones(len(CELLS))
    spread[:3] = 0, 1e-3, np.nan
    seen[2] = np.nan
    told = true_values_of(CELLS, seen, spread, ERROR)
    mean, deviation = told.expected(CELLS[:3], seen[:3], spread[:3])
    drawn = told.draws(CELLS[:3], seen[:3], spread[:3], 50, seed=[1])
    assert (mean[0], deviation[0], np.ptp(drawn[:, 0])) == (seen[0], 0, 0)
    assert mean[1] == pytest.approx(seen[1], abs=1e-2)
    assert np.isnan(mean[2])
    assert np.isnan(drawn[:, 2]).all()


def test_a_network_that_learnt_nothing_is_no_better_for_the_others():
    _, seen = measured(spread=0.3)
    seen[7] = 90.0
    spread = np.full(len(CELLS), 0.3)
    told = TrueValues(CELLS, seen, spread, ERROR)
    mean, deviation = told.expected(CELLS, seen, spread)
    assert mean[7] == pytest.approx(90.0, abs=0.1)
    assert deviation[7] == pytest.approx(0.3, rel=0.05)
    without, _ = TrueValues(np.delete(CELLS, 7), np.delete(seen, 7), np.delete(spread, 7), ERROR).expected(
        np.delete(CELLS, 7), np.delete(seen, 7), np.delete(spread, 7)
    )
    np.testing.assert_allclose(np.delete(mean, 7), without, atol=0.1)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_measurements_tell_of_themselves_alone(n):
    cells, seen, spread = CELLS[:n], np.arange(n) + 5.0, np.ones(n)
    told = TrueValues(cells, seen, spread, ERROR)
    assert not told.tell
    mean, deviation = told.expected(CELLS[:2], np.array([5.0, 6.0]), np.ones(2))
    assert (mean.tolist(), deviation.tolist()) == ([5, 6], [1, 1])
    drawn = told.draws(CELLS[:2], np.array([5.0, 6.0]), np.ones(2), 4000, seed=[1])
    np.testing.assert_allclose(drawn.mean(axis=0), [5, 6], atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), 1, atol=0.05)


def test_equal_measurements_and_perfect_ones_are_no_trouble():
    same, spread = np.full(len(CELLS), 3.0), np.ones(len(CELLS))
    assert TrueValues(CELLS, same, spread, ERROR).expected(CELLS, same, spread)[0] == pytest.approx(same)
    _, seen = measured(spread=1.0)
    seen[4] = 0.0
    told = TrueValues(CELLS, seen, spread, ERROR)
    assert np.isfinite(told.draws(CELLS, seen, spread, 20, seed=[1])).all()
    # Asked of one that was not among those at hand.
    fine = TrueValues(CELLS[5:], seen[5:], spread[5:], ERROR).draws(CELLS[:5], seen[:5], spread[:5], 500, seed=[1])
    assert fine[:, 4].mean() == pytest.approx(0.0, abs=0.15)


def test_the_better_a_measurement_the_better_what_is_expected_even_next_to_the_best_that_can_be():
    _, seen = measured(spread=1.0)
    spread, expected = np.ones(len(CELLS)), []
    for seen[5] in (4.0, 2.0, 1.0, 0.5, 0.1, 0.001, 1e-9):
        expected.append(TrueValues(CELLS, seen, spread, ERROR).expected(CELLS[5:6], seen[5:6], spread[5:6])[0][0])
    assert (np.diff(expected) < 0.01).all()
    assert expected[-1] < expected[0] - 0.5


@pytest.mark.parametrize("quantity", [ERROR, ACCURACY])
def test_values_beyond_the_best_that_can_be_stay_on_their_side(quantity):
    _, seen = measured(spread=1.0)
    spread = np.ones(len(CELLS))
    for values in (seen - 40.0, seen - 8.0, seen + 40.0):
        expected, _ = TrueValues(CELLS, values, spread, quantity).expected(CELLS, values, spread)
        assert np.abs(expected - values).max() < 4.0


def test_measurements_that_are_equal_but_for_a_few_worse_ones_or_for_their_last_bits_tell_nothing():
    few_worse, last_bits = np.full(len(CELLS), 10.0), np.full(len(CELLS), 10.0)
    few_worse[:3], last_bits[::2] = (11, 12, 13), np.nextafter(10.0, 11.0)
    for values in (few_worse, last_bits):
        spread = np.ones(len(CELLS))
        assert TrueValues(CELLS, values, spread, ERROR).expected(CELLS, values, spread)[0] == pytest.approx(values)


def test_a_cell_has_its_draws_in_whatever_company():
    _, seen = measured(spread=1.0)
    spread = np.ones(len(CELLS))
    told = TrueValues(CELLS, seen, spread, ERROR)
    whole = told.draws(CELLS, seen, spread, 9, seed=[3])
    np.testing.assert_allclose(told.draws(CELLS[40:50], seen[40:50], spread[40:50], 9, seed=[3]), whole[:, 40:50])
    assert not np.allclose(told.draws(CELLS, seen, spread, 9, seed=[4]), whole)
    twice = np.array([40, 40, 41])
    for found in told.expected(CELLS[twice], seen[twice], spread[twice]):
        assert found[0] == found[1] != found[2]


def test_of_many_cells_the_same_some_tell():
    many = np.arange(1000)
    assert some_of(many).tolist() == some_of(many).tolist()
    assert len(np.unique(some_of(many))) == 250
    assert some_of(many[:250]) is not None
    assert some_of(many[:250]).tolist() == many[:250].tolist()


def test_values_scatter_in_parts_of_their_room_where_they_are_on_one_side_of_the_best():
    values = np.array([0.02, 5.0, np.nan])
    for best, side in ((0.0, 1.0), (1.0, -1.0), (2.0, 1.0)):
        assert room(best + side * values, best)[:2] == pytest.approx([0.02, 5.0])
    for best, there in ((np.inf, values), (0.0, values - 0.02), (0.0, values - 1.0)):
        assert room(there, best).tolist() == [1, 1, 1]
