"""What may be said of two algorithms: shifts, intervals, equivalence, corrections, words."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from eomoo.analysis.claims import ALPHA, WORDS, Comparison, _corrected, compare, judge, needed_seeds
from eomoo.errors import SettingError

ZERO = np.zeros(30)


def said(first, second=None, *, matters=1.0, larger=True, of=1):
    """The word on one comparison among ``of`` equal ones."""
    c = compare(first, np.zeros(len(first)) if second is None else second, matters=matters)
    return judge([c] * of, [larger] * of)[0].word


def test_the_shift_is_the_median_of_the_means_of_two():
    # Differences 1, 2, 6: their means of two are 1, 1.5, 2, 3.5, 4, 6.
    assert compare([11, 22, 36], [10, 20, 30], matters=1).shift == 2.75
    assert compare([10, 20, 30], [11, 22, 36], matters=1).shift == -2.75


def test_p_values_are_those_of_all_signs():
    d = np.array([0.3, -1.1, 2.2, 1.7, -0.4, 0.9, 3.1])
    ranks = np.abs(d).argsort().argsort() + 1
    sums = np.array([(ranks * signs).sum() for signs in product((0, 1), repeat=len(d))])
    seen = ranks[d > 0].sum()
    expected = 2 * min((sums >= seen).mean(), (sums <= seen).mean())
    assert compare(d, 0 * d, matters=1).p == pytest.approx(expected)


def test_equivalence_takes_the_worse_of_the_two_sides():
    d = np.linspace(-0.2, 0.7, 12)
    sides = [stats.wilcoxon(d + 0.5, alternative="greater").pvalue, stats.wilcoxon(d - 0.5, alternative="less").pvalue]
    assert sides[0] < sides[1]
    assert compare(d, 0 * d, matters=0.5).p_equivalent == sides[1]
    assert compare(0 * d, d, matters=0.5).p_equivalent == pytest.approx(sides[1])


@pytest.mark.parametrize("n", [6, 9, 20, 33])
def test_the_interval_holds_the_shifts_that_the_test_does_not_reject(n):
    d = np.random.default_rng(n).normal(0.4, 1.0, n)
    c = compare(d, 0 * d, matters=1)
    inside, outside = (c.low + 1e-9, c.high - 1e-9), (c.low - 1e-9, c.high + 1e-9)
    assert all(stats.wilcoxon(d - shift, method="exact").pvalue > ALPHA for shift in inside)
    assert all(stats.wilcoxon(d - shift, method="exact").pvalue <= ALPHA for shift in outside)


def test_five_pairs_have_no_interval():
    assert np.isnan(compare(range(5), [0] * 5, matters=1).low)
    c = compare(range(1, 7), [0] * 6, matters=1)
    assert (c.low, c.high) == (1, 6)


@pytest.mark.parametrize("draw", ["normal", "laplace", "uniform"])
def test_known_shifts_are_recovered_at_the_promised_rate(draw):
    rng, times = np.random.default_rng(7), 300
    inside = 0
    for _ in range(times):
        second = rng.normal(0.0, 3.0, 15)
        d = getattr(rng, draw)(size=15) + (-0.5 if draw == "uniform" else 0.0)
        c = compare(second + d + 0.7, second, matters=1)
        inside += c.low <= 0.7 <= c.high
    # Two thousandths of luck on either side of what is promised.
    assert stats.binom.cdf(inside, times, 0.95) > 0.002
    assert stats.binom.sf(inside, times, 0.97) > 0.002


@pytest.mark.parametrize("shift", [0.0, 1.0, -1.0])
def test_words_are_wrong_as_seldom_as_promised(shift):
    """No shift: neither ahead nor behind. A shift that just matters: not equivalent, nor on the wrong side."""
    rng, times, wrong = np.random.default_rng(3), 150, 0
    never = {0.0: {"ahead", "behind"}, 1.0: {"equivalent", "behind"}, -1.0: {"equivalent", "ahead"}}[shift]
    for _ in range(times):
        found = [compare(rng.normal(shift, 1.0, 12), ZERO[:12], matters=1.0) for _ in range(3)]
        wrong += any(c.word in never for c in judge(found, [True] * 3))
    assert stats.binom.sf(wrong - 1, times, ALPHA) > 0.002


def test_of_what_is_small_and_sure_it_is_said_that_it_does_not_matter():
    d = np.linspace(0.1, 0.3, 12)
    assert compare(d, ZERO[:12], matters=1).p < 0.001
    assert said(d, matters=1) == "equivalent"
    assert said(d, matters=0.05) == "ahead"
    assert said(d, matters=float("nan")) == "ahead"


@pytest.mark.parametrize(("larger", "word"), [(True, "ahead"), (False, "behind"), (None, "")])
def test_words_follow_the_direction(larger, word):
    d = np.linspace(2.0, 3.0, 12)
    assert said(d, larger=larger) == word
    assert said(-d, larger=None if larger is None else not larger) == word


def test_a_difference_of_just_what_matters_is_no_sign_of_equivalence():
    """Counts differ by exactly one in most pairs: dropped as zeros, the few equal pairs alone would speak."""
    d = np.repeat([-1.0, 0.0], [24, 6])
    for first in (d, -d):
        c = compare(first, ZERO, matters=1)
        assert abs(c.shift) == 1
        assert c.p_equivalent > ALPHA
    assert said(d, matters=1.01) == "equivalent"


def test_neither_shown_is_undecided():
    assert said(np.linspace(-4.0, 5.0, 12)) == "undecided"
    assert said(np.zeros(12), matters=float("nan")) == "undecided"
    assert said(np.zeros(12)) == "equivalent"


@pytest.mark.parametrize(("n", "of", "word"), [(5, 1, "too few seeds"), (6, 1, "ahead"), (6, 2, "too few seeds"),
                                               (7, 2, "ahead"), (8, 7, "too few seeds"), (9, 7, "ahead")])  # fmt: skip
def test_too_few_seeds_are_those_that_could_show_nothing(n, of, word):
    assert said(np.linspace(5.0, 6.0, n), of=of) == word
    assert (n < needed_seeds(of)) == (word == "too few seeds")
    assert (of * 2 ** (1 - n) >= ALPHA) == (word == "too few seeds")


@pytest.mark.parametrize("k", range(5))
def test_the_border_of_significance_is_alpha(k):
    # Of ten differences all but the k smallest are positive: p = .002, .004, .010, .020, .049.
    d = np.arange(1.0, 11.0) * np.where(np.arange(10) < k, -1, 1)
    c = compare(d, ZERO[:10], matters=0.001)
    assert said(d, matters=0.001) == ("undecided" if c.p >= ALPHA else "ahead")


def test_infinite_values_enter_no_test():
    c = compare([np.inf] * 12, range(12), matters=1)
    assert np.isnan([c.shift, c.low, c.high]).all()
    assert (c.p, c.p_equivalent) == (1, 1)
    assert said([np.inf, *[5.0] * 11]) == "undecided"


def test_what_is_shown_alone_may_not_be_so_among_others():
    # All but the smallest of 8 differences positive: p = 4 / 256.
    d = np.array([-1.0, 2, 3, 4, 5, 6, 7, 8])
    found = [compare(d, ZERO[:8], matters=0.5)] * 4
    assert found[0].p == pytest.approx(4 / 256)
    assert judge(found[:1], [True])[0].word == "ahead"
    assert [c.word for c in judge(found, [True] * 4)] == ["undecided"] * 4
    assert [c.p_holm for c in judge(found, [True] * 4)] == pytest.approx([16 / 256] * 4)


def test_a_comparison_counts_until_both_of_its_hypotheses_are_rejected():
    assert _corrected(np.array([[0.001, 0.002], [0.03, 0.04]])).tolist() == [[0.002, 0.004], [0.03, 0.04]]
    # Of what is not zero it is not known whether it matters, so it counts on.
    assert _corrected(np.array([[0.001, 0.5], [0.03, 0.6]])).tolist() == [[0.002, 1.0], [0.06, 1.0]]
    assert _corrected(np.array([[0.03, 0.6], [0.5, 0.02]])).tolist() == [[0.06, 1.0], [1.0, 0.04]]


def test_p_values_are_corrected_in_their_own_places():
    found = [
        Comparison(n=30, shift=1, low=0, high=2, matters=1, p=p, p_equivalent=q) for p, q in [(0.6, 0.01), (0.02, 0.7)]
    ]
    judged = judge(found, [True, True])
    assert [(c.p_holm, c.p_equivalent_holm) for c in judged] == [(1.0, 0.02), (0.04, 1.0)]
    assert [c.word for c in judged] == ["equivalent", "ahead"]
    assert {c.word for c in judged} < set(WORDS)


@pytest.mark.parametrize("pair", [([], []), ([1.0, np.nan], [1.0, 2.0]), ([1.0], [1.0, 2.0])])
def test_samples_that_are_no_pairs_are_refused(pair):
    with pytest.raises(SettingError, match="no NaN"):
        compare(*pair, matters=1)


@pytest.mark.parametrize("matters", [0.0, -1.0])
def test_a_difference_that_matters_is_positive(matters):
    with pytest.raises(SettingError, match="must be positive"):
        compare([1.0], [2.0], matters=matters)
