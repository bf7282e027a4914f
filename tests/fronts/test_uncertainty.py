"""What is said of a front by joint draws: by enumeration in small cases, and true on many synthetic truths."""

import numpy as np
import pytest
import synthetic

from eomoo.errors import EomooError
from eomoo.fronts import DrawnFronts, FrontUncertainty, Objective, Objectives

MIN_MAX = Objectives(
    (
        Objective(name="err", title="error", unit="%", direction="min"),
        Objective(name="speed", title="speed", unit="1/s", direction="max"),
    )
)


def objectives(n):
    return Objectives(tuple(Objective(name=f"f{k}", title=f"f{k}", unit="", direction="min") for k in range(n)))


def uncertainty(drawn, *, goals=None, asked=None, exact=None, cost=None, kept=None):
    """Of cells 0, 1, ... with these draws (n, k, m), minimised; ``asked`` (k,) tells of which."""
    n, k, m = drawn.shape
    some = np.arange(k) if asked is None else np.asarray(asked)
    kept = np.ones((n, k, 0), dtype=bool) if kept is None else kept
    return FrontUncertainty(
        objectives=goals or objectives(m),
        cells=some,
        drawn=drawn[:, some],
        kept=kept[:, some],
        limits=tuple(f"limit {c}" for c in range(kept.shape[2])),
        fronts=DrawnFronts.empty(n, m).joined(np.arange(k), drawn, kept.all(axis=2)),
        luck=np.zeros((len(some), m)),
        exact=np.zeros(m, dtype=bool) if exact is None else np.array(exact),
        cost=np.arange(k)[some].astype(float) if cost is None else np.asarray(cost, dtype=float)[some],
        n_candidates=k,
    )


@pytest.fixture(params=[1, 2, 3])
def drawn(request):
    return np.random.default_rng(request.param).integers(0, 7, (9, 12, request.param)).astype(float)


def test_probability_is_the_share_of_draws_in_which_nothing_beats_a_cell(drawn):
    kept = np.random.default_rng(5).random((9, 12, 2)) < 0.8
    found = uncertainty(drawn, asked=[7, 2, 3], kept=kept)
    expected = np.zeros(12)
    for F, keeps in zip(drawn, kept.all(axis=2), strict=True):
        usable = np.flatnonzero(keeps)
        expected[usable[synthetic.brute_front(F[usable])]] += 1 / 9
    np.testing.assert_allclose(found.probability, expected[[7, 2, 3]])
    np.testing.assert_allclose(found.limit_probability, kept.mean(axis=0)[[7, 2, 3]])


def test_regret_is_what_the_best_cell_that_is_no_worse_elsewhere_is_better_by(drawn):
    found = uncertainty(drawn, asked=[1, 8, 11])
    m = drawn.shape[2]
    for row, i in enumerate([1, 8, 11]):
        for j in range(m):
            others = [o for o in range(m) if o != j]
            shorts = [F[i, j] - F[(F[:, others] <= F[i, others]).all(axis=1), j].min() for F in drawn]
            assert found.regret[row, j] == pytest.approx(np.mean(shorts))


def test_regret_of_a_cell_that_is_surely_on_the_front_is_0():
    drawn = np.random.default_rng(0).normal(size=(30, 20, 2))
    drawn[:, 3] -= 50
    found = uncertainty(drawn)
    assert found.probability[3] == 1
    assert (found.regret[3] == 0).all()
    assert (found.regret[[0, 1, 2]] > 40).all()


def test_choosing_under_limits_by_enumeration():
    raw = np.random.default_rng(2).integers(0, 9, (40, 10, 2)).astype(float)
    kept = np.random.default_rng(3).random((40, 10, 1)) < 0.9
    found = uncertainty(MIN_MAX.minimise(raw), goals=MIN_MAX, kept=kept)
    holds, regret = found.under({"speed": 4.0}, "err")
    inside = (raw[:, :, 1] >= 4.0) & kept[:, :, 0]
    np.testing.assert_allclose(holds, inside.mean(axis=0))
    best = [F[ok, 0].min() if ok.any() else np.inf for F, ok in zip(raw, inside, strict=True)]
    expected = np.mean([np.maximum(F[:, 0] - b, 0) for F, b in zip(raw, best, strict=True)], axis=0)
    np.testing.assert_allclose(regret, expected)
    with pytest.raises(EomooError, match="no objective 'latency'"):
        found.under({"latency": 3.0}, "err")
    with pytest.raises(EomooError, match="the limit of speed must be a finite number"):
        found.under({"speed": float("nan")}, "err")


def test_cells_are_grouped_around_the_cheapest_from_which_nothing_tells_them():
    """0 and 1 differ by less than is known, 2 by more; 3 equals 0 exactly."""
    rng = np.random.default_rng(1)
    middle = np.array([5.0, 5.2, 9.0, 5.0])
    first = middle + rng.normal(size=(400, 4))
    first[:, 3] = first[:, 0]
    drawn = np.stack([first, -middle + rng.normal(size=(400, 4))], axis=2)
    found = uncertainty(drawn, cost=[3.0, 1.0, 9.0, 2.0])
    assert [group.representative for group in found.groups] == [1, 2]
    assert [sorted(group.cells.tolist()) for group in found.groups] == [[0, 1, 3], [2]]
    assert found.group.tolist() == [0, 0, 1, 0]
    medians = np.median(drawn[:, [1]] - drawn[:, [0, 3]], axis=0).max(axis=0)
    np.testing.assert_allclose(found.groups[0].gain, np.maximum(medians, 0))
    assert found.groups[0].gain[0] > 0.1


def test_a_cell_that_keeps_the_limits_stands_for_cheaper_ones_that_may_break_them():
    drawn = np.random.default_rng(1).normal(size=(100, 3, 2))
    kept = np.ones((100, 3, 2), dtype=bool)
    kept[:10, 0, 0] = kept[90:, 1, 1] = False
    kept[:4, 2] = False
    assert [group.representative for group in uncertainty(drawn, kept=kept, cost=[1.0, 2.0, 3.0]).groups] == [2]
    assert [group.representative for group in uncertainty(drawn, cost=[1.0, 2.0, 3.0]).groups] == [0]


def test_what_is_known_exactly_chooses_and_does_not_tell_apart():
    rng = np.random.default_rng(1)
    drawn = np.stack([5.0 + rng.normal(size=(50, 3)), np.broadcast_to([30.0, 20.0, 40.0], (50, 3))], axis=2)
    found = uncertainty(drawn, exact=[False, True], cost=[1.0, 3.0, 2.0])
    assert [group.cells.tolist() for group in found.groups] == [[1, 0, 2]]
    assert found.groups[0].gain[1] == 0


def test_a_cell_that_another_surely_beats_in_an_exact_objective_says_so():
    vague = 5.0 + np.random.default_rng(1).normal(size=(50, 3, 1))
    exact = np.broadcast_to([[10.0, 7.0], [30.0, 4.0], [12.0, 9.0]], (50, 3, 2))
    drawn = np.concatenate([vague, exact], axis=2)
    found = uncertainty(drawn, exact=[False, True, True])
    assert [group.cells.tolist() for group in found.groups] == [[0, 1, 2]]
    assert found.groups[0].gain[1:].tolist() == [0, 3]


def test_cells_that_err_as_one_and_are_equal_are_not_told_apart():
    vague = np.random.default_rng(1).normal(size=(50, 1, 2)) + np.zeros((50, 3, 2))
    vague[:, 2] += 0.1
    assert [group.cells.tolist() for group in uncertainty(vague).groups] == [[0, 1], [2]]


def test_a_cheaper_cell_that_is_surely_worse_stands_for_itself_alone():
    rng = np.random.default_rng(1)
    vague = np.array([9.0, 5.0, 5.1]) + rng.normal(size=(80, 3))
    drawn = np.stack([vague, np.broadcast_to([10.0, 20.0, 30.0], (80, 3))], axis=2)
    found = uncertainty(drawn, exact=[False, True])
    assert [group.cells.tolist() for group in found.groups] == [[0], [1, 2]]


def test_a_trade_off_that_is_sure_in_one_objective_alone_tells_cells_apart():
    rng = np.random.default_rng(1)
    drawn = np.stack([5.0 + rng.normal(size=(50, 2)), np.array([1.0, 9.0]) + 0.1 * rng.normal(size=(50, 2))], axis=2)
    assert [group.cells.tolist() for group in uncertainty(drawn).groups] == [[0], [1]]


def test_exact_values_leave_nothing_to_chance():
    drawn = np.array([[[1.0, 4.0], [2.0, 3.0], [3.0, 3.5]]])
    found = uncertainty(drawn, exact=[True, True])
    assert found.known
    assert found.probability.tolist() == [1, 1, 0]
    assert [group.cells.tolist() for group in found.groups] == [[0], [1], [2]]
    assert found.regret.tolist() == [[0, 0], [0, 0], [1, 0.5]]


def test_bands_of_two_objectives_hold_their_share_of_the_fronts():
    rng = np.random.default_rng(6)
    drawn = rng.normal(size=(100, 30, 2))
    found = uncertainty(MIN_MAX.minimise(drawn), goals=MIN_MAX)
    fronts = list(found.fronts.each())
    for percentile, surface in found.band().items():
        corners = MIN_MAX.minimise(surface)
        assert len(corners)
        for corner in corners:
            attained = sum((front <= corner).all(axis=1).any() for front in fronts)
            assert attained >= percentile


@pytest.mark.parametrize("m", [1, 3, 4])
def test_bands_of_other_numbers_of_objectives_hold_their_share_of_the_fronts(m):
    rng = np.random.default_rng(6)
    found = uncertainty(rng.normal(size=(100, 30, m)))
    fronts = list(found.fronts.each())
    for percentile, surface in found.band().items():
        assert surface.shape[1] == m
        for point in surface:
            attained = sum((front <= point + 1e-9).all(axis=1).any() for front in fronts)
            short = sum((front <= point - 1e-6).all(axis=1).any() for front in fronts)
            assert short < percentile <= attained


def test_columns_are_told_for_each_cell():
    rng = np.random.default_rng(1)
    drawn = np.stack([5.0 + rng.normal(size=(50, 3)), np.broadcast_to([30.0, 20.0, 40.0], (50, 3))], axis=2)
    found = uncertainty(drawn, exact=[False, True], kept=np.ones((50, 3, 1), dtype=bool))
    frame = found.to_dataframe()
    assert list(frame.columns) == [
        *("index", "front_probability", "probability limit 0", "f0_regret", "group", "representative")
    ]
    assert frame["representative"].tolist() == [False, True, False]
    assert frame["group"].tolist() == [1, 1, 1]


def test_among_cells_given_a_probability_that_share_is_on_the_front():
    """Truths and draws from the same correlated process, 150 times: what is said comes true as often as said."""
    rng = np.random.default_rng(0)
    said, true = [], []
    for _ in range(150):
        x = rng.uniform(size=(40, 3))
        distance = ((x[:, None] - x) ** 2).sum(axis=2)
        root = np.linalg.cholesky(np.exp(-distance / 0.3) + 1e-6 * np.eye(40))
        mean = rng.normal(size=(40, 2))
        values = mean + 0.5 * np.einsum("ij,njm->nim", root, rng.normal(size=(101, 40, 2)))
        found = uncertainty(values[1:])
        on_front = np.zeros(40, dtype=bool)
        on_front[synthetic.brute_front(values[0])] = True
        said.append(found.probability)
        true.append(on_front)
    said, true = np.concatenate(said), np.concatenate(true)
    edges = np.array([0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1.01])
    bins = np.digitize(said, edges)
    for b in range(1, len(edges)):
        mine = bins == b
        assert mine.sum() > 100
        # Cells of one truth go together, so a few standard errors of independent ones; 100 draws blur p by .05.
        p = said[mine].mean()
        assert true[mine].mean() == pytest.approx(p, abs=0.015 + 4 * np.sqrt(p * (1 - p) / mine.sum())), b


def test_errors_that_go_together_leave_fewer_cells_in_doubt():
    rng = np.random.default_rng(0)
    together = rng.normal(size=(400, 1, 2)) + 0.3 * rng.normal(size=(400, 20, 2))
    apart = np.stack([rng.permutation(together[:, k]) for k in range(20)], axis=1)
    mean = np.random.default_rng(1).normal(size=(20, 2))
    joint, single = (uncertainty(mean + 0.5 * errors).probability for errors in (together, apart))
    in_doubt = [((p > 0) & (p < 1)).sum() for p in (joint, single)]
    assert 2 * in_doubt[0] < in_doubt[1]


def test_what_is_unknown_is_told_as_deviations_in_the_objectives_units():
    drawn = 5.0 * np.random.default_rng(3).standard_normal((4000, 2, 2))
    found = uncertainty(drawn, exact=[False, True])
    np.testing.assert_allclose(found.unknown, [[5.0, 0.0]] * 2, rtol=0.05)
