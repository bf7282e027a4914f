"""Tests and effect sizes against closed forms, published tables and SciPy."""

import numpy as np
import pytest
from scipy import stats

from eomoo.analysis.statistics import critical_difference, mean_ranks, rank_groups, rank_test, vargha_delaney
from eomoo.errors import SettingError


def test_equal_samples_do_not_differ():
    assert vargha_delaney([2.0] * 5, [2.0] * 7) == 0.5


def test_infinite_values_are_the_largest():
    assert vargha_delaney([np.inf, 1.0], [np.inf, 1.0]) == 0.5


def test_effect_size_is_u_by_the_number_of_pairs():
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 9, 23), rng.integers(2, 12, 31)
    assert vargha_delaney(a, b) == pytest.approx(stats.mannwhitneyu(a, b).statistic / (23 * 31))
    assert vargha_delaney(a, b) + vargha_delaney(b, a) == pytest.approx(1)
    assert vargha_delaney([3, 4], [1, 2]) == 1


@pytest.mark.parametrize("bad", [[], [1.0, np.nan]])
def test_samples_without_values_are_refused(bad):
    with pytest.raises(SettingError, match="at least one value"):
        vargha_delaney(bad, [1.0])


def test_mean_ranks_share_ties():
    assert mean_ranks([[1, 2, 2], [3, 1, 2]]) == pytest.approx([2, 1.75, 2.25])


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (7, 2.949), (10, 3.164)])
def test_critical_differences_of_the_published_table(k, q):
    # Demšar 2006, table 5a: q at 0.05.
    assert critical_difference(k, 6) == pytest.approx(q * np.sqrt(k * (k + 1) / 36), abs=2e-3)


def test_friedman_on_the_closed_form_without_ties():
    rng = np.random.default_rng(4)
    scores = rng.random((7, 4))
    found = rank_test("wxyz", scores)
    R = mean_ranks(scores)
    assert found.statistic == pytest.approx(12 * 7 / (4 * 5) * ((R**2).sum() - 4 * 25 / 4))
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, 3))
    assert list(found.mean_ranks) == sorted(R)


def test_ranks_of_a_clear_winner():
    scores = np.tile([3.0, 1.0, 2.0], (40, 1))
    found = rank_test(["c", "a", "b"], scores)
    assert found.names == ("a", "b", "c")
    assert found.mean_ranks == (1, 2, 3)
    assert found.groups == ()
    assert found.p < 1e-6


def test_ranks_where_nothing_differs_or_nothing_can_be_tested():
    same = rank_test("abc", np.ones((4, 3)))
    assert (same.statistic, same.p, same.groups) == (0, 1, (("a", "b", "c"),))
    assert np.isnan([rank_test("ab", [[1, 2], [2, 1]]).p, rank_test("abc", [[1, 2, 3]]).p]).all()


def test_a_family_counts_once_by_the_order_of_its_mean_ranks():
    # Ranks 1 2 3, 1 2 3 and 3 1 2 of one family: means 5/3, 5/3, 8/3; 2 1 3 alone.
    scores = [[1, 2, 3], [10, 20, 30], [2, 1, 3], [9, 1, 5]]
    found = rank_test("abc", scores, families=["x", "x", "y", "x"])
    assert dict(zip(found.names, found.mean_ranks, strict=True)) == {"a": 1.75, "b": 1.25, "c": 3.0}
    assert (found.n_problems, found.n_families) == (4, 2)
    assert found.critical_difference == critical_difference(3, 2)
    assert found.statistic == pytest.approx(stats.friedmanchisquare([1.5, 2], [1.5, 1], [3, 3]).statistic)


def test_copies_add_no_evidence():
    scores = np.random.default_rng(5).random((6, 4))
    once, twice = (
        rank_test("wxyz", scores),
        rank_test("wxyz", np.repeat(scores, 2, axis=0), families=list("aabbccddeeff")),
    )
    assert (once.p, once.mean_ranks, once.groups) == (twice.p, twice.mean_ranks, twice.groups)
    with pytest.raises(SettingError, match="one of each problem"):
        rank_test("wxyz", scores, families="ab")


def test_groups_are_maximal():
    assert rank_groups([1, 1.5, 2.2, 4.0], 1.0) == [(0, 2), (1, 3)]
    assert rank_groups([1, 1.5, 1.9], 1.0) == [(0, 3)]
    assert rank_groups([1, 2], 1.0) == [(0, 2)]
    assert rank_groups([1, 3], 1.0) == []


def test_scores_of_another_shape_are_refused():
    with pytest.raises(SettingError, match="shape"):
        rank_test("abc", [[1, 2]])
