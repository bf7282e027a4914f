"""What to measure next: against conditioning written out, and better than chance."""

from types import SimpleNamespace

import numpy as np
import pytest

import eomoo
from eomoo.errors import SettingError
from eomoo.search import suggest, suggest_cells
from eomoo.search import uncertainty as module
from eomoo.search.suggest import _greedy

N = 40


@pytest.fixture
def covariances():
    """Of two objectives, with noises and weights."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(N, 2))
    distance = ((x[:, None] - x) ** 2).sum(axis=2)
    found = [np.exp(-distance / 0.1), 2.0 * np.exp(-distance / 0.02)]
    return found, [np.full(N, 0.3), rng.uniform(0, 1, N)], rng.uniform(0, 0.3, N)


def left_after(chosen, covariances, noises, weights):
    """Share of the weighted variance that is left when some cells have been measured, by conditioning at once."""
    after = 0.0
    for C, noise in zip(covariances, noises, strict=True):
        known = C[np.ix_(chosen, chosen)] + np.diag(noise[chosen])
        after += weights @ np.diag(C - C[:, chosen] @ np.linalg.solve(known, C[chosen]))
    return after / sum(weights @ np.diag(C) for C in covariances)


def test_what_is_left_is_what_conditioning_on_all_at_once_leaves(covariances):
    C, noises, weights = covariances
    taken = _greedy([c.copy() for c in C], noises, weights, 6)
    chosen = [k for k, _, _ in taken]
    assert len(set(chosen)) == 6
    for k in range(1, 7):
        assert taken[k - 1][2] == pytest.approx(left_after(chosen[:k], *covariances), abs=1e-5)


def test_each_cell_is_the_best_beside_those_before_and_a_batch_is_better_than_chance(covariances):
    C, noises, weights = covariances
    chosen = [k for k, _, _ in _greedy([c.copy() for c in C], noises, weights, 4)]
    for k in range(4):
        others = [left_after([*chosen[:k], other], *covariances) for other in range(N) if other not in chosen[:k]]
        assert left_after(chosen[: k + 1], *covariances) == pytest.approx(min(others))
    rng = np.random.default_rng(1)
    by_chance = [left_after(rng.choice(N, 4, replace=False), *covariances) for _ in range(200)]
    assert left_after(chosen, *covariances) <= min(by_chance)


def test_of_cells_that_tell_the_same_one_is_taken():
    block = np.full((3, 3), 0.95) + 0.05 * np.eye(3)
    C = np.block([[block, np.zeros((3, 2))], [np.zeros((2, 3)), np.eye(2)]])
    taken = _greedy([C.copy()], [np.full(5, 0.01)], np.full(5, 0.2), 3)
    assert taken[0][0] in (0, 1, 2)
    assert taken[0][1] == 2
    assert {k for k, _, _ in taken[1:]} == {3, 4}
    assert [tells for _, tells, _ in taken[1:]] == [0, 0]
    # Who cannot be on the front is none that is told of.
    assert _greedy([C], [np.full(5, 0.01)], np.array([0.3, 0.2, 0.0, 0.2, 0.2]), 1)[0][1] == 1


@pytest.fixture
def _few_cells(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_HOPE", 0.15)
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path))


@pytest.mark.usefixtures("_few_cells")
def test_suggestions_may_be_on_the_front_and_tell_of_others():
    problem = eomoo.get_problem("eo-macro-latency")
    found = suggest_cells(problem, 5)
    cells = [s.cell for s in found]
    assert len(set(cells)) == 5
    assert cells == [s.cell for s in suggest_cells(problem, 5)]
    assert cells[:3] == [s.cell for s in suggest_cells(problem, 3)]
    left = [s.left for s in found]
    assert 1 > left[0] > left[-1] > 0
    assert left == sorted(left, reverse=True)
    np.testing.assert_array_equal(found[0].values, problem.values(cells[0]))
    np.testing.assert_array_equal(found[0].unknown, problem.ignorance(cells[0])[0])
    assert found[0].tells_of > 5
    assert f"tells of {found[0].tells_of} other cells" in found[0].why
    probability = dict(zip(cells, (s.probability for s in found), strict=True))
    asked = eomoo.front_uncertainty(problem, cells)
    assert probability == dict(zip(cells, asked.probability, strict=True))


@pytest.mark.usefixtures("_few_cells")
def test_what_cannot_be_suggested_is_refused(card, monkeypatch):
    with pytest.raises(SettingError, match="no cell of eo-macro-latency may keep its limits"):
        suggest_cells(eomoo.get_problem("eo-macro-latency", constraints="latency<=0.1"))
    with pytest.raises(SettingError, match="are exact; there is nothing that measuring could tell"):
        suggest_cells(eomoo.get_problem(card("err", "lat", source="part")))
    with pytest.raises(SettingError, match="n must be at most"):
        suggest_cells(eomoo.get_problem("eo-macro-latency"), 100_000)
    with pytest.raises(SettingError, match="n must be a whole number"):
        suggest_cells(eomoo.get_problem("eo-macro-latency"), 0)
    nothing = SimpleNamespace(fronts=SimpleNamespace(cells=[]))
    monkeypatch.setattr(suggest, "front_uncertainty", lambda *args, **kwargs: nothing)
    with pytest.raises(SettingError, match="no cell of eo-macro-latency has values, so"):
        suggest_cells(eomoo.get_problem("eo-macro-latency"))


@pytest.mark.usefixtures("_few_cells")
def test_by_default_no_more_cells_are_suggested_than_may_be_on_the_front(monkeypatch):
    problem = eomoo.get_problem("eo-macro-latency")
    monkeypatch.setattr(suggest, "_pool", lambda *_: np.arange(3))
    assert sorted(s.cell for s in suggest_cells(problem)) == [0, 1, 2]
    with pytest.raises(SettingError, match="n must be at most 3"):
        suggest_cells(problem, 4)


def test_another_measurement_has_the_noise_of_one_not_of_a_mean(monkeypatch, tmp_path):
    rng, seen = np.random.default_rng(3), []
    cells = np.array([5, 77, 3, 1000, 20, 300, 4000, 60000])
    repeats = np.array([2, 9, 2, 3, 2, 4, 2, 2])
    rows = [f"{c},{8 - k + rng.standard_normal()},{k}" for k, c in enumerate(cells) for _ in range(repeats[k])]
    (tmp_path / "t.csv").write_text("index,err,cost\n" + "\n".join(rows))
    rest = 'direction = "min"\nsource = "table:t.csv"\n'
    objectives = [f'[[objectives]]\nname = "{n}"\nunit = "{u}"\n{rest}' for n, u in (("err", "%"), ("cost", ""))]
    (tmp_path / "t.toml").write_text('title = "t"\n' + "".join(objectives))
    problem = eomoo.get_problem(tmp_path / "t.toml")

    def look(_covariances, noises, _weights, _n):
        seen.extend(noises)
        return [(0, 0, 0.5)]

    monkeypatch.setattr("eomoo.search.suggest._greedy", look)
    suggest_cells(problem, cells=cells)
    pool = np.sort(cells)
    one = problem.deviations(pool)[:, 0] ** 2 * repeats[np.argsort(cells)]
    np.testing.assert_allclose(seen[0] / seen[0].mean(), one / one.mean())


def test_a_share_of_all_draws_is_no_certainty():
    facts = {"cell": 5, "n_draws": 200, "values": np.zeros(1), "unknown": np.zeros(1), "tells_of": 2, "left": 0.5}
    sure, likely = (suggest.Suggestion(probability=p, **facts) for p in (1.0, 0.25))
    assert "with probability > 0.995;" in sure.why
    assert (sure.chance, likely.chance) == ("> 0.995", "0.25")
