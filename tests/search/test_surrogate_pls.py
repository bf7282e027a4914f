"""Model-guided local search and its parts; the memetic search; the default."""

import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pymoo.core.evaluator import Evaluator
from pymoo.optimize import minimize
from pymoo.termination import get_termination

import eomoo
from eomoo.errors import SettingError
from eomoo.fronts import Box, hypervolume
from eomoo.models import SEARCH, fit
from eomoo.search import surrogate_pls
from eomoo.search.acquisition import (
    Limits,
    improvement_probabilities,
    random_directions,
    scalarised_hypervolume,
    select_batch,
    z_score,
)
from eomoo.search.algorithms import DEFAULT_ALGORITHM, make_algorithm
from eomoo.search.candidates import SearchState, Units, box_around
from eomoo.search.cell_search import RandomSearch
from eomoo.search.problem import CellProblem
from eomoo.search.surrogate_pls import SurrogatePLS

MAKERS = {
    "sample": lambda: eomoo.SurrogatePLS(acquisition="sample"),
    "expected": lambda: eomoo.SurrogatePLS(acquisition="expected"),
    "batches of 3": lambda: eomoo.SurrogatePLS(batch_size=3, n_starts=50),
    "one at a time": lambda: eomoo.SurrogatePLS(batch_size=1, n_starts=72),
    "one-hot": lambda: eomoo.SurrogatePLS(features="one-hot"),
    "memetic": lambda: eomoo.MemeticSearch(n_genetic=40, pop_size=12, restart="recombination"),
}


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


def search(problem, make, n, seed=1):
    return minimize(problem, make(), ("n_eval", n), seed=seed)


@pytest.fixture(scope="module")
def searched(problem):
    """What searches of the makers found, with seed 1; each is made once, and left as it is by whoever asks."""
    return cache(lambda name, n: search(problem, MAKERS[name], n))


def front_of(F):
    return {k for k, f in enumerate(F) if not (np.all(f >= F, axis=1) & np.any(f > F, axis=1)).any()}


@pytest.mark.parametrize("name", MAKERS)
def test_exactly_on_budget_and_with_the_front_of_all_that_was_seen(problem, searched, name):
    res = searched(name, 83)
    cells = res.algorithm.trace.index
    assert res.algorithm.evaluator.n_eval == 83
    assert len(np.unique(cells)) == len(cells)
    assert len(cells) == 83 or name == "memetic"
    best = {int(cells[k]) for k in front_of(problem.objectives_at(cells))}
    assert set(res.opt.get("index").astype(int).tolist()) == best


@pytest.mark.parametrize("name", MAKERS)
def test_ask_and_tell_with_pickles_between_is_minimize(problem, searched, name):
    def asked(n, seed):
        algorithm = MAKERS[name]()
        algorithm.setup(problem, termination=("n_eval", n), seed=seed)
        while algorithm.has_next():
            pop = algorithm.ask()
            algorithm.evaluator.eval(problem, pop)
            algorithm.tell(infills=pop)
            algorithm = pickle.loads(pickle.dumps(algorithm))
        return algorithm.trace.index.tolist()

    expected = searched(name, 83).algorithm.trace.index.tolist()
    assert asked(83, seed=1) == expected
    other = asked(20, seed=2)
    assert other != expected[: len(other)]


def test_the_model_is_worth_its_while(problem):
    """With 100 evaluations, more of the hypervolume than PLS without a model, on each of three seeds."""
    box = Box(ideal=problem.ideal_point(), reference=np.array([21.0, 24.0]))
    rays = random_directions(500, 2, np.random.default_rng(1))

    def volume(make, seed):
        F = search(problem, make, 100, seed).opt.get("F")
        return np.mean(np.maximum(scalarised_hypervolume(F, rays, box).max(axis=0), 0) ** 2)

    for seed in (1, 2, 3):
        assert volume(MAKERS["expected"], seed) > volume(lambda: eomoo.PLS(restart="random"), seed)


def test_failed_evaluations_are_learnt_from(pose):
    """A third of the cells fail; those proposed after a while fail less often, and the budget is met."""
    problem = pose("err", "lat")
    fails = problem.space.n_edges <= 6

    class Failing(Evaluator):
        def _eval(self, problem, pop, evaluate_values_of, **kwargs):
            super()._eval(problem, pop, evaluate_values_of, **kwargs)
            for individual in pop:
                if fails[int(individual.get("index"))]:
                    individual.F, individual.G = np.full(2, np.inf), np.ones(1)

    algorithm = eomoo.SurrogatePLS(n_starts=40)
    algorithm.setup(problem, termination=("n_eval", 200), seed=1, evaluator=Failing())
    while algorithm.has_next():
        algorithm.next()
    cells = algorithm.trace.index
    assert len(cells) == 200
    assert not fails[algorithm.opt.get("index").astype(int)].any()
    assert fails[cells[100:]].mean() < 0.25
    assert np.isfinite(algorithm.deviation).all()


def test_nothing_but_failures_still_meets_the_budget(problem):
    class Failing(Evaluator):
        def _eval(self, problem, pop, evaluate_values_of, **kwargs):
            super()._eval(problem, pop, evaluate_values_of, **kwargs)
            for individual in pop:
                individual.F, individual.G = np.full(2, np.inf), np.ones(1)

    algorithm = eomoo.SurrogatePLS()
    algorithm.setup(problem, termination=("n_eval", 60), seed=1, evaluator=Failing())
    with pytest.warns(UserWarning, match="none of 60 evaluations gave finite values"):
        algorithm.run()
    assert len(np.unique(algorithm.trace.index)) == 60


def test_limits_are_learnt(pose):
    """A limit that one cell in fifty keeps: it is kept by fifteen times as much of what is proposed."""
    limit = float(np.quantile(pose("err", "lat").values(np.arange(423_624))[:, 1], 0.02))
    problem = pose("err", "lat", constraints=[f"lat<={limit}"])
    kept = []
    for seed in (1, 2, 3):
        algorithm = search(problem, MAKERS["expected"], 110, seed).algorithm
        kept.append((problem.values(algorithm.trace.index[50:])[:, 1] <= limit).mean())
    assert np.mean(kept) > 0.3
    assert (problem.values(algorithm.opt.get("index").astype(int))[:, 1] <= limit).all()


def test_a_sample_is_drawn_and_an_expectation_is_not(problem):
    """A model that says the same of all cells leaves the choice to the draws."""

    class Same:
        def __init__(self, Y):
            self.row = Y.min(axis=0)

        def predict(self, features):
            mean = np.tile(self.row, (len(features), 1))
            return mean, np.ones_like(mean)

    def spread(acquisition):
        algorithm = eomoo.SurrogatePLS(acquisition=acquisition, model=lambda X, Y, *, seed: Same(Y))
        rated, pools = algorithm._rated, []
        algorithm._rated = lambda *given: pools.append(rated(*given)) or pools[-1]
        minimize(problem, algorithm, ("n_eval", 30), seed=1, copy_algorithm=False)
        return max(np.ptp(pool.mean[:, 0]) for pool in pools), max(pool.std.max() for pool in pools)

    drawn, narrow = spread("sample")
    same, wide = spread("expected")
    assert drawn > 0
    assert same == 0
    assert narrow < 0.01 * wide


def test_a_small_domain_is_searched_to_its_last_cell(pose):
    problem = pose("err", "lat", source="part")
    algorithm = search(problem, lambda: eomoo.SurrogatePLS(batch_size=20), 2_000).algorithm
    assert len(algorithm.trace) == problem.domain.sum()


def test_long_runs_are_repeatable_and_exact(problem, monkeypatch):
    """Beyond what the model's process sees, and where batches are other shares, which is sooner here."""
    for name, value in (("_SHARE", 3), ("_LATER", 500)):
        monkeypatch.setattr(surrogate_pls, name, value)
    res, again = (search(problem, MAKERS["expected"], 700) for _ in range(2))
    cells = res.algorithm.trace.index
    assert len(np.unique(cells)) == len(cells) == 700
    assert cells.tolist() == again.algorithm.trace.index.tolist()


def test_three_objectives_and_one(pose):
    for names in (("err", "lat", "size"), ("err",)):
        assert search(pose(*names), MAKERS["expected"], 45).algorithm.evaluator.n_eval == 45


def test_reach_measures_hypervolume():
    box = Box(ideal=np.zeros(3), reference=np.ones(3))
    rays = random_directions(40_000, 3, np.random.default_rng(1))
    points = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.2, 0.6, 0.5]])
    volume = np.mean(np.maximum(scalarised_hypervolume(points, rays, box), 0) ** 3, axis=1)
    assert volume / volume[0] == pytest.approx([1, 0.125, 0.16], rel=0.03)
    both = np.mean(scalarised_hypervolume(points[1:], rays, box).max(axis=0) ** 3 / volume[0])
    assert scalarised_hypervolume(np.array([[2.0, 0.0, 0.0]]), rays, box).max() < 0
    assert both == pytest.approx(0.125 + 0.16 - 0.5 * 0.4 * 0.5, rel=0.03)


def test_odds_add_up_to_the_expected_improvement():
    """Against four thousand draws, for three candidates before a front of two points."""
    rng = np.random.default_rng(4)
    box = Box(ideal=np.zeros(2), reference=np.ones(2))
    rays = random_directions(400, 2, rng)
    best = scalarised_hypervolume(np.array([[0.2, 0.7], [0.6, 0.3]]), rays, box).max(axis=0)
    mean = np.array([[0.3, 0.4], [0.5, 0.5], [0.1, 0.9]])
    deviation = np.array([[0.1, 0.05], [0.1, 0.1], [0.2, 0.02]])
    odds, worth = improvement_probabilities(mean, deviation, rays, best, box, 0.08)

    drawn = mean + deviation * rng.standard_normal((4_000, 3, 2))
    gain = np.array(
        [np.maximum(np.maximum(scalarised_hypervolume(d, rays, box), 0) ** 2 - best**2, 0).sum(axis=1) for d in drawn]
    ).mean(axis=0)
    assert (odds @ worth)[:2] == pytest.approx(gain[:2], rel=0.06)
    assert (odds @ worth).argsort().tolist() == gain.argsort().tolist()
    sure = improvement_probabilities(mean, np.full((3, 2), 1e-9), rays, best, box, 1e-9)
    assert sure[0][0] @ sure[1] == pytest.approx(
        (np.maximum(scalarised_hypervolume(mean[:1], rays, box)[0], best) ** 2 - best**2).sum(), rel=0.1
    )


def test_the_margin_counts_deviations_at_the_weakest_objective():
    box = Box(ideal=np.zeros(2), reference=np.ones(2))
    rays, best = np.array([[0.5**0.5, 0.5**0.5]]), np.array([0.5 * 2**0.5])
    mean, deviation = np.array([[0.3, 0.4], [0.6, 0.2]]), np.full((2, 2), 0.05)
    assert z_score(mean, deviation, rays, best, box) == pytest.approx([2.0, -2.0])


def test_a_batch_is_the_greedy_choice():
    rng = np.random.default_rng(3)
    odds, worth = rng.random((60, 40), dtype=np.float32), rng.random(40, dtype=np.float32)
    left, expected = worth.copy(), []
    for _ in range(12):
        gain = odds @ left
        gain[expected] = -1
        expected.append(int(gain.argmax()))
        left *= 1 - odds[expected[-1]]
    instead = rng.random(60)
    assert select_batch(odds, worth, 12, instead).tolist() == expected
    assert len(set(select_batch(odds, worth, 60, instead).tolist())) == 60
    assert select_batch(odds * 0, worth, 3, instead).tolist() == np.argsort(-instead)[:3].tolist()


def test_the_box_is_as_wide_as_the_reference_point():
    front, everything = np.array([[0.0, 1.0]]), np.array([[0.0, 1.0], [4.0, 5.0], [8.0, 9.0]])
    assert box_around(front, everything, np.array([3.0, 2.0])).reference.tolist() == [3.0, 2.0]
    assert box_around(front, everything, None).reference == pytest.approx([7.2, 8.2])
    assert (box_around(front, everything, np.array([-1.0, 0.0])).reference > [0.0, 1.0]).all()


def test_the_model_predicts_cells_that_it_was_not_fitted_to(problem):
    rng = np.random.default_rng(1)
    cells = rng.choice(423_624, 400, replace=False)
    X, Y = problem.space.features(cells), problem.objectives_at(cells)
    model = fit(SEARCH, X[:200], Y[:200], seed=1)
    predicted, _ = model.predict(X[200:])
    for k in range(2):
        assert np.corrcoef(predicted[:, k], Y[200:, k])[0, 1] > 0.8
    np.testing.assert_array_equal(fit(SEARCH, X[:200], Y[:200], seed=1).predict(X), model.predict(X))
    constant, _ = fit(SEARCH, X[:20], np.ones((20, 1)), seed=1).predict(X[:5])
    assert constant == pytest.approx(np.ones((5, 1)), abs=1e-6)


class Linear:
    """A least-squares model of one's own, which may tell how sure it is."""

    def __init__(self, X, Y, std):
        self.std, self.weights = std, np.linalg.lstsq(self.with_one(X), Y, rcond=None)[0]

    def with_one(self, X):
        return np.column_stack((np.asarray(X, dtype=float), np.ones(len(X))))

    def predict(self, X):
        mean = self.with_one(X) @ self.weights
        return mean if self.std is None else (mean, self.std(X) * np.ones((1, mean.shape[1])))


def test_what_a_model_says_of_its_errors_counts(problem):
    """One that is surer of cells with many edges chooses others than one that is equally sure of all."""

    def cells(std):
        algorithm = eomoo.SurrogatePLS(model=lambda X, Y, *, seed: Linear(X, Y, std), features="one-hot")
        return minimize(problem, algorithm, ("n_eval", 60), seed=1).algorithm.trace.index.tolist()

    silent, alike = cells(None), cells(lambda X: np.full((len(X), 1), 0.4))
    assert cells(lambda X: 4.0 / (1.0 + X[:, :21].sum(axis=1, keepdims=True))) not in (silent, alike)
    assert alike[:10] == silent[:10]


@pytest.mark.parametrize(
    ("predict", "text"),
    [
        (lambda X: np.zeros(len(X)), "the model's mean must be finite, of shape"),
        (lambda X: (np.zeros((len(X), 2)), np.full((len(X), 2), np.nan)), "the model's standard deviation must"),
        (lambda X: (np.zeros((len(X), 2)), np.full((len(X), 2), -1.0)), "must not be negative"),
    ],
)
def test_a_model_that_answers_otherwise_is_refused(problem, predict, text):
    model = type("Model", (), {"predict": staticmethod(predict)})()
    with pytest.raises(SettingError, match=text):
        minimize(problem, eomoo.SurrogatePLS(model=lambda X, Y, *, seed: model), ("n_eval", 40), seed=1)


def test_old_spellings_of_arguments_still_work():
    with pytest.warns(DeprecationWarning, match="n_train is now called n_model_cells"):
        assert eomoo.SurrogatePLS(n_train=700).n_model_cells == 700
    with pytest.warns(DeprecationWarning, match="batch is now called batch_size"):
        assert RandomSearch(batch=7).batch_size == 7


def test_a_model_of_ones_own(problem):
    class Mean:
        def __init__(self, Y):
            self.mean = Y.mean(axis=0)

        def predict(self, features):
            asked[-1].append([row.tobytes() for row in features])
            mean = np.tile(self.mean, (len(features), 1))
            return mean, np.ones_like(mean)

    def fit_mean(features, Y, *, seed):
        taught.append(len(Y))
        asked.append([])
        return Mean(Y)

    asked, taught = [], []
    minimize(problem, eomoo.SurrogatePLS(model=fit_mean, features="one-hot"), ("n_eval", 38), seed=1)
    assert taught == [10, 17, 24, 31]
    # Each time of the first candidates, up to three times of neighbours of those that promise most, and of others.
    for first, *hops, others in asked:
        assert len(first) > 1000
        assert 1 <= len(hops) <= 3
        assert len(others) == 2
        cells = [*first, *(cell for near in hops for cell in near)]
        assert len(set(cells)) == len(cells), "a cell was asked for twice"


def test_the_memetic_search_is_nsga2_and_then_local_search(problem):
    algorithm = eomoo.MemeticSearch(n_genetic=60, pop_size=20)
    algorithm.setup(problem, termination=("n_eval", 5_000), seed=1)
    while algorithm.has_next() and algorithm._genetic is not None:
        algorithm.next()
    assert 60 <= len(algorithm.trace) < 80
    while algorithm.has_next():
        algorithm.next()
    seen = set(algorithm.trace.index.tolist())
    for cell in algorithm.opt.get("index").astype(int):
        assert seen.issuperset(problem.space.neighbors(int(cell)).tolist())


def test_a_larger_budget_goes_on_where_the_smaller_ended(problem, searched):
    expected = searched("expected", 61).algorithm.trace.index
    algorithm = pickle.loads(pickle.dumps(search(problem, MAKERS["expected"], 38).algorithm))
    algorithm.termination = get_termination("n_eval", 61)
    while algorithm.has_next():
        algorithm.next()
    assert algorithm.trace.index.tolist() == expected.tolist()


class Rescaled(CellProblem):
    """The same problem with its objectives in other units, from another zero."""

    def __init__(self, problem, unit, zero):
        limits = [replace(c, most=c.most * unit + zero) for c in problem.constraints]
        self.unit, self.zero = unit, zero
        super().__init__(problem.card, constraints=limits)

    def _compute(self, indices):
        return super()._compute(indices) * self.unit + self.zero


@pytest.mark.parametrize(("unit", "zero", "limited"), [(1e-9, 2e-8, True), (1e9, -3e10, False), (1.0, 1e3, True)])
def test_units_and_zeros_of_objectives_change_nothing(pose, unit, zero, limited):
    problem = pose("err", "lat", constraints=["lat<=21"] if limited else [])
    other = Rescaled(problem, unit, zero)
    for make in (eomoo.SurrogatePLS, lambda: eomoo.PLS(restart="random")):
        here, there = (search(p, make, 45).algorithm for p in (problem, other))
        assert here.trace.index.tolist() == there.trace.index.tolist()
    assert (here.trace.violation > 0).any() == limited


def test_a_constant_objective_changes_nothing_until_it_varies(pose):
    """Units of what was the same everywhere are made again; those of the others stay."""
    first = Units.of(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[0.0], [0.0]]), None)
    then = Units.of(np.array([[1.0, 5.0], [9.0, 7.0]]), np.array([[0.0], [-2e-9]]), first)
    assert then.objectives(np.array([[2.0, 6.0]])).tolist() == [[0.5, 0.5]]
    assert then.limits(np.array([[-1e-9]])).tolist() == [[-0.5]]


def test_a_model_without_skill_leaves_the_batch_to_neighbours_of_the_front(problem, searched):
    class Guess:
        def __init__(self, seed, m):
            self.rng, self.m = np.random.default_rng(seed), m

        def predict(self, features):
            return self.rng.random((len(features), self.m))

    guessing = eomoo.SurrogatePLS(model=lambda X, Y, *, seed: Guess(seed, Y.shape[1]))
    guessing.setup(problem, termination=("n_eval", 150), seed=1)
    plain = []
    while guessing.has_next():
        front = guessing._front.index
        guessing.next()
        near = np.concatenate([problem.space.neighbors(int(c), "symmetric") for c in front]) if len(front) else []
        plain.append(np.isin(guessing.trace.index[-guessing._batch.size :], near).mean())
    shares = np.mean(plain[-4:])
    assert guessing._plain_share() > 0.7
    assert searched("expected", 150).algorithm._plain_share() < 0.2
    assert shares > 0.5


def test_batches_of_one_take_turns(problem):
    """Of the first thirty after the start, three in ten are random: far from where the model would look."""
    chosen, random = [], eomoo.SurrogatePLS(batch_size=1)
    take = random._unseen_cells
    random._unseen_cells = lambda n: chosen.append(n) or take(n)
    minimize(problem, random, ("n_eval", 50), seed=1, copy_algorithm=False)
    assert set(chosen) == {1}
    assert 8 <= len(chosen) <= 9


@pytest.mark.parametrize("seed", [1, 2])
def test_a_model_that_deceives_itself_is_left(pose, monkeypatch, seed):
    """Errors rise with every 3x3 convolution, and fall to their least with the fifth, which neighbours never show."""
    problem = pose("trap", "lat")
    assert search(problem, eomoo.SurrogatePLS, 150, seed).algorithm.trace.F[:, 0].min() < 1.0
    monkeypatch.setattr(surrogate_pls, "_PROMISED", np.inf)
    assert search(problem, eomoo.SurrogatePLS, 150, seed).algorithm.trace.F[:, 0].min() > 1.0


def test_half_of_a_batch_leaves_a_model_until_something_is_gained(problem, monkeypatch):
    """Promises of the last three quarters count until it is left; at 130 cells none is among them any more."""
    gains, batches, algorithm = iter([*[0.1] * 3, *[0.0] * 4, *[0.1] * 9]), [], eomoo.SurrogatePLS(batch_size=20)
    monkeypatch.setattr(SearchState, "gained", lambda self, before: next(gains))
    monkeypatch.setattr(SearchState, "promised", lambda self, probability, gain: 0.3 if len(self.F) < 40 else 0.0)
    monkeypatch.setattr(SurrogatePLS, "_is_early", lambda self: False)
    elsewhere = algorithm._elsewhere
    algorithm._elsewhere = lambda n: batches.append((len(algorithm.trace), n)) or elsewhere(n)
    minimize(problem, algorithm, ("n_eval", 170), seed=1, copy_algorithm=False)
    assert batches == [(70, 10), (90, 10), (110, 10), (130, 10)]


def test_promises_and_gains_are_told_of_the_front_s_hypervolume(pose):
    algorithm = minimize(pose("err", "lat"), eomoo.SurrogatePLS(), ("n_eval", 60), seed=1).algorithm
    trace, measured = algorithm.trace, np.arange(60)
    state = SearchState(trace, measured, algorithm._front, None, algorithm._units, np.ones(1), np.random.default_rng(0))
    assert state.gained(measured < 60) == 0.0
    assert state.gained(measured < 0) == 1.0
    shares = [state.gained(measured < n) for n in (5, 20, 40, 60)]
    assert shares == sorted(shares, reverse=True)
    F = algorithm._units.objectives(trace.F)
    was, now = (hypervolume(F[:n], state.box) for n in (20, 60))
    assert shares[1] == pytest.approx(1.0 - was / now, abs=0.05)
    # Two cells that are surely better than all: together they gain what the better one does.
    better = np.stack([F.min(axis=0) - 0.1 * state.box.extent, F.min(axis=0) - 0.05 * state.box.extent])
    said = improvement_probabilities(better, np.full((2, 2), 1e-6), state.directions, state.best, state.box, 1e-6)
    grown = hypervolume(np.concatenate((F, better)), state.box) / now - 1.0
    assert state.promised(*said) == pytest.approx(grown, rel=0.1)
    assert state.promised(0.5 * said[0][[0, 0]], said[1]) == pytest.approx(0.75 * state.promised(*said), rel=0.05)


def test_a_fifth_of_what_the_model_chooses_is_chosen_by_its_own_deviations(problem):
    """Small batches take turns; those deviations are not made smaller by errors near the front."""
    algorithm = eomoo.SurrogatePLS(batch_size=3)
    choose, seen = algorithm._most_expected, []

    def noted(cells, state, n):
        seen.append((len(algorithm.trace), n, bool((cells.std >= cells.model_std * state.scale).all())))
        return choose(cells, state, n)

    algorithm._most_expected = noted
    minimize(problem, algorithm, ("n_eval", 85), seed=1, copy_algorithm=False)
    late = [(n, own) for length, n, own in seen if length >= 40]
    assert sum(n for n, own in late if own) == 9
    assert sum(n for n, own in late if not own) == 36
    assert not any(own for length, _, own in seen if length < 40)


@pytest.mark.parametrize(("options", "budget"), [({}, 24), ({"batch_size": 1}, 20), ({"sampling": np.arange(60)}, 72)])
def test_the_smallest_cells_are_looked_at_whatever_the_model_says_of_them(problem, options, budget):
    result = minimize(problem, eomoo.SurrogatePLS(**options), ("n_eval", budget), seed=1)
    seen = result.algorithm.trace.index
    for size in (problem.space.n_vertices, problem.space.params(np.arange(len(problem.space)), problem.skeleton)):
        assert size[seen].min() == size[problem.cells].min()
    assert len(np.unique(seen)) == budget


def test_the_first_cells_are_the_same_whatever_the_budget(problem, searched):
    small, large = (searched("expected", n).algorithm.trace.index.tolist() for n in (61, 150))
    assert large[:61] == small


def test_a_limit_on_an_objective_goes_with_it():
    """Better than the front and not beyond the limit: exact for a limit from below, from above, and elsewhere."""
    rng = np.random.default_rng(1)
    box = Box(ideal=np.zeros(1), reference=np.ones(1))
    mean, std = np.array([[0.2], [0.5]]), np.array([[0.1], [0.2]])
    best, rays = np.array([0.4]), np.ones((1, 1))
    drawn = mean + std * rng.standard_normal((40_000, 2, 1))
    for sign, correlation in ((-1.0, -1.0), (1.0, 1.0), (1.0, 0.0)):
        limits = Limits.of(sign * (mean - 0.3), std, np.array([[correlation]]))
        odds, _ = improvement_probabilities(mean, std, rays, best, box, 0.1, limits)
        alone, _ = improvement_probabilities(mean, std, rays, best, box, 0.1)
        furthest = max(0.8 - 0.4, 0.0) + 0.2
        ends = 0.4 + np.array([0.0, 0.1, 0.25, 0.5, 1.0]) * furthest
        goals = 1.0 - (ends[1:] + ends[:-1]) / 2.0
        better, kept = drawn <= goals, sign * (drawn - 0.3) <= 0
        expected = (better & kept).mean(axis=0) if correlation else better.mean(axis=0) * kept.mean(axis=0)
        assert odds == pytest.approx(expected, abs=0.01)
        assert (odds <= alone + 1e-6).all()


def test_the_default_is_the_one_by_name():
    assert type(eomoo.default_algorithm()) is type(make_algorithm(DEFAULT_ALGORITHM, 3))
    assert eomoo.default_algorithm() is not eomoo.default_algorithm()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"acquisition": "blue"}, "acquisition must be one of sample, expected; got 'blue'"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"n_candidates": 0}, "n_candidates must be"),
        ({"n_model_cells": 1.5}, "n_model_cells must be"),
        ({"features": "blue"}, "features"),
    ],
)
def test_settings_that_cannot_be(options, text):
    with pytest.raises((SettingError, KeyError), match=text):
        eomoo.SurrogatePLS(**options)


def test_a_batch_does_not_depend_on_the_order_of_sums():
    """Equal candidates have equal gains wherever they stand; the first is taken, and of its equals none."""
    rng = np.random.default_rng(0)
    probability = rng.random((40, 200)).astype(np.float32)
    probability[[7, 21, 38]] = 1.0
    gain = rng.random(200).astype(np.float32)
    batch = select_batch(probability, gain, 3, -np.arange(40.0))
    assert batch.tolist() == [7, 0, 1]
    order = rng.permutation(200)
    for rows in (order, order[::-1]):
        again = select_batch(np.ascontiguousarray(probability[7:, rows]), gain[rows], 12, np.arange(33.0))
        first = select_batch(np.ascontiguousarray(probability[7:]), gain, 12, np.arange(33.0))
        assert again.tolist() == first.tolist()
    small = select_batch(probability[:20] * np.float32(1e-20), gain * np.float32(1e-12), 5, np.arange(20.0))
    assert small.tolist() != [19, 18, 17, 16, 15]
