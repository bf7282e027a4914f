"""Autocorrelation along random walks: closed forms, exact values, bands."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import t as student

from eomoo.errors import SettingError
from eomoo.landscape.graph import degrees
from eomoo.landscape.landscape import landscape_of
from eomoo.landscape.ruggedness import autocorrelation, correlation_length, exact_autocorrelation, walk_autocorrelation
from eomoo.search.walks import random_walks
from eomoo.space import Neighborhood


def test_the_exact_one_is_that_of_the_transition_matrix(small_problem):
    landscape = landscape_of(small_problem)
    n, counts = len(landscape), degrees(landscape.graph)
    P = np.zeros((n, n))
    for i in range(n):
        P[i, landscape.graph[i]] = 1.0 / counts[i]
    weight = counts / counts.sum()
    np.testing.assert_allclose(weight @ P, weight, atol=1e-14)
    found = exact_autocorrelation(landscape.F, landscape.graph, max_lag=5)
    g = landscape.F - weight @ landscape.F
    ahead = g
    for lag in range(6):
        expected = (weight[:, None] * g * ahead).sum(axis=0) / (weight[:, None] * g * g).sum(axis=0)
        np.testing.assert_allclose(found[lag], expected, rtol=1e-10, atol=1e-12)
        ahead = P @ ahead


def test_a_hypercube_has_the_known_autocorrelation():
    # On the n-cube the sum of bits has (1 - 2/n)^lag: Weinberger, 1990.
    n = 6
    cells = np.arange(2**n)
    near = np.sort(cells[:, None] ^ (1 << np.arange(n)), axis=1)
    graph = Neighborhood(indptr=np.arange(0, n * 2**n + 1, n), indices=near.ravel().astype(np.int32))
    ones = np.array([cell.bit_count() for cell in cells.tolist()], dtype=float)
    found = exact_autocorrelation(ones[:, None], graph, max_lag=4)[:, 0]
    np.testing.assert_allclose(found, (1 - 2 / n) ** np.arange(5))


def test_walks_approach_the_exact_one_and_the_band_covers_it(small_problem):
    landscape = landscape_of(small_problem)
    exact = exact_autocorrelation(landscape.values, landscape.graph, max_lag=8)
    by_index = np.full((len(small_problem.space), 2), np.nan)
    by_index[landscape.cells] = landscape.values
    walks = random_walks(300, 300, neighborhood="symmetric", domain=small_problem.domain, seed=11)
    for k in range(2):
        found = autocorrelation(by_index[walks, k], max_lag=8)
        assert found.mean[0] == 1.0
        np.testing.assert_allclose(found.mean, exact[:, k], atol=0.02)
        assert ((found.low <= exact[:, k] + 1e-12) & (exact[:, k] - 1e-12 <= found.high)).mean() > 0.7
        assert found.length_band[0] < found.length < found.length_band[1]


def test_an_autoregressive_series_gives_its_coefficient_and_ended_walks_count_as_far_as_they_go():
    rng = np.random.default_rng(0)
    series = np.zeros((400, 200))
    series[:, 0] = rng.standard_normal(400)
    for t in range(1, 200):
        series[:, t] = 0.8 * series[:, t - 1] + 0.6 * rng.standard_normal(400)
    whole = autocorrelation(series, max_lag=3)
    np.testing.assert_allclose(whole.mean, 0.8 ** np.arange(4), atol=0.01)
    assert whole.length == pytest.approx(-1 / np.log(0.8), rel=0.05)
    ended = series + 50.0
    ended[::2, 60:] = np.nan
    found = autocorrelation(ended, max_lag=3)
    np.testing.assert_allclose(found.mean, 0.8 ** np.arange(4), atol=0.02)


def test_the_band_is_that_of_whole_walks_left_out_one_at_a_time():
    rng = np.random.default_rng(4)
    walks = rng.random((12, 9)).cumsum(axis=1) + 5.0 * rng.random((12, 1))
    found = autocorrelation(walks, max_lag=3)
    z = np.arctanh(np.clip(found.mean, None, 1 - 1e-6))
    without = [autocorrelation(np.delete(walks, k, axis=0), max_lag=3).mean for k in range(12)]
    pseudo = 12 * z - 11 * np.arctanh(np.clip(without, None, 1 - 1e-6))
    reach = student.ppf(0.975, 11) * pseudo.std(axis=0, ddof=1) / np.sqrt(12)
    expected = np.tanh([pseudo.mean(axis=0) - reach, pseudo.mean(axis=0) + reach])
    np.testing.assert_allclose([found.low, found.high], expected, rtol=1e-9)


def test_bands_hold_the_known_autocorrelation_of_short_walks():
    rng = np.random.default_rng(1)
    for n_walks, r in ((30, 0.5), (5, 0.5), (30, 0.0)):
        held = 0
        for _ in range(200):
            steps = rng.standard_normal((n_walks, 15))
            values = steps.copy()
            for k in range(1, 15):
                values[:, k] = r * values[:, k - 1] + np.sqrt(1 - r * r) * steps[:, k]
            found = autocorrelation(values, max_lag=1)
            held += found.low[1] <= r <= found.high[1]
        # 95 % of 200, less three standard errors; a percentile bootstrap over five walks holds 79 %.
        assert held >= 180


def test_values_that_are_missing_within_a_walk_cost_their_pairs_alone():
    rng = np.random.default_rng(5)
    values = rng.random((8, 12)).cumsum(axis=1)
    values[2, 4] = values[5, 7] = np.nan
    found = autocorrelation(values, max_lag=2)
    assert found.pairs.tolist() == [94, 8 * 11 - 4, 8 * 10 - 4]
    known = values[np.isfinite(values)]
    pairs = [(a, b) for walk in values for a, b in pairwise(walk) if np.isfinite(a) and np.isfinite(b)]
    expected = np.mean([(a - known.mean()) * (b - known.mean()) for a, b in pairs]) / known.var()
    assert found.mean[1] == pytest.approx(expected)


def test_fewer_than_three_walks_have_no_band():
    found = autocorrelation(np.random.default_rng(0).random((2, 9)), max_lag=2)
    assert np.isfinite(found.mean).all()
    assert np.isnan(found.low).all()
    assert np.isnan(found.length_band).all()


def test_correlation_lengths_of_all_cases():
    assert correlation_length(np.exp(-0.25)) == pytest.approx(4.0)
    assert correlation_length(0.0) == correlation_length(-0.3) == 0.0
    assert correlation_length(1.0) == np.inf


def test_each_walks_own_autocorrelation():
    found = walk_autocorrelation(np.array([[1.0, 2.0, 3.0, 4.0], [1.0, -1.0, 1.0, -1.0]]))
    np.testing.assert_allclose(found, [0.25, -0.75])
    gap = walk_autocorrelation(np.array([[1.0, 2.0, np.nan, 4.0], [0.1, 0.1, 0.1, 0.1], [1.0, np.nan, 3.0, np.nan]]))
    d = np.array([1.0, 2.0, 4.0]) - 7 / 3
    np.testing.assert_allclose(gap, [d[0] * d[1] / (d**2).sum(), np.nan, np.nan])


def test_impossible_lags_are_refused():
    values = np.random.default_rng(0).random((3, 5))
    with pytest.raises(SettingError, match="max_lag must be 1 to 4"):
        autocorrelation(values, max_lag=5)


def test_a_constant_has_no_autocorrelation_and_a_graph_without_steps_none_either(small_problem):
    found = autocorrelation(np.full((5, 9), 0.1), max_lag=2)
    assert np.isnan(found.mean).all()
    assert np.isnan(found.high).all()
    assert np.isnan(found.length)
    landscape = landscape_of(small_problem)
    both = np.column_stack((landscape.F[:, 0], np.full(len(landscape), 0.1)))
    exact = exact_autocorrelation(both, landscape.graph, max_lag=2)
    assert np.isnan(exact[:, 1]).all()
    assert exact[0, 0] == 1.0
    alone = Neighborhood(indptr=np.zeros(4, dtype=np.int64), indices=np.zeros(0, dtype=np.int32))
    assert np.isnan(exact_autocorrelation(np.arange(3.0)[:, None], alone, max_lag=1)).all()


def test_lags_that_no_walk_lives_to_see_are_nan():
    values = np.random.default_rng(0).random((6, 8))
    values[:, 4:] = np.nan
    found = autocorrelation(values, max_lag=6)
    assert np.isnan(found.mean[4:]).all()
    assert np.isfinite(found.low[:4]).all()
