"""Starts from the front that surrogates predict: cost, choice, fills, constraints, small problems."""

import pickle

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize
from scipy.stats import spearmanr

import eomoo
from eomoo.errors import SettingError
from eomoo.fronts.dominance import non_dominated
from eomoo.models import START, fit
from eomoo.search.algorithms import AlgorithmSpec, make_algorithm
from eomoo.search.candidates import predict
from eomoo.search.pls import PLS
from eomoo.search.run import run_algorithm
from eomoo.search.surrogate_start import SurrogateParetoSampling, fit_as_published, predicted_fronts

PUBLISHED_QUALITY = "surrogate-pareto-as-published"


class Oracle:
    """A model that knows the truth, or some other values of every cell."""

    def __init__(self, values, n_columns=2):
        self.values, self.n_columns, self.calls = values, n_columns, []
        self.spearman = [0.5, 0.25]

    def __call__(self, features, Y, *, seed):
        self.calls.append((features.shape, Y, seed))
        return self

    def predict(self, features):
        mean = self.values if len(features) == len(self.values) else self.values[: len(features)]
        return mean, np.zeros_like(mean)


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


@pytest.fixture(scope="module")
def few(pose):
    """The same of 425 cells, which are predicted in no time."""
    return pose("err", "lat", source="part")


@pytest.fixture(scope="module")
def truth(problem, space):
    return problem.objectives_at(np.arange(len(space)))


def spec(**options):
    chosen = {"init": "surrogate-pareto", "n_train": 60, "n_starts": 5, **options}
    return AlgorithmSpec(label="x", algorithm="pls", options=chosen)


def test_training_counts_in_the_budget(problem):
    result = run_algorithm(problem, spec(), budget=90, seed=1)
    assert len(result.cells) == 90
    assert result.n_eval == 90
    assert result.notes["n_train"] == 60
    # Whatever the search does, the training cells are the first 60 of the trace, and the starts follow.
    new = [cell for cell in result.starts.tolist() if cell not in result.cells[:60]]
    assert result.cells[60 : 60 + len(new)].tolist() == new


def test_pymoo_counts_the_training_as_well(problem):
    sampling = SurrogateParetoSampling(n_train=60)
    result = minimize(problem, PLS(sampling=sampling, n_starts=5), ("n_eval", 100), seed=1)
    assert result.algorithm.evaluator.n_eval == 100
    assert sampling.n_evaluated == 60


def test_nothing_left_for_the_search_gives_the_front_of_the_training_cells(problem):
    result = run_algorithm(problem, spec(), budget=60, seed=1)
    F = problem.objectives_at(result.cells)
    assert len(result.cells) == 60
    assert len(result.starts) == 5
    assert set(result.front.tolist()) == set(result.cells[non_dominated(F)].tolist())


def test_a_budget_below_the_training_is_refused(problem):
    with pytest.raises(SettingError, match="evaluates 60 training cells, but the budget leaves 59"):
        run_algorithm(problem, spec(), budget=59, seed=1)


def test_the_starts_lie_on_the_predicted_front(problem, truth):
    oracle = Oracle(truth)
    sampling = SurrogateParetoSampling(n_train=30, model=oracle)
    with pytest.warns(UserWarning, match="30 training cells were evaluated outside any budget"):
        starts = sampling(problem, 6, random_state=np.random.default_rng(3))
    true_front = set(problem.pareto_indices().tolist())
    chosen = problem.space.index(starts.get("X"))
    assert len(set(chosen.tolist())) == 6
    assert set(chosen.tolist()) <= true_front
    assert sampling.n_front == len(true_front)
    assert sampling.models is oracle
    assert sampling.spearman == [0.5, 0.25]
    ((shape, Y, _),) = oracle.calls
    assert shape == (30, problem.space.features([0], "structural").shape[1])
    assert Y.shape == (30, 2)


def test_the_models_learn_the_objectives_as_minimised(pose):
    problem = pose("acc", "lat")
    oracle = Oracle(problem.objectives_at(np.arange(len(problem.space))))
    with pytest.warns(UserWarning, match="outside any budget"):
        SurrogateParetoSampling(n_train=20, model=oracle)(problem, 2, random_state=np.random.default_rng(1))
    cells = problem.random_cells(20, np.random.default_rng(1))
    np.testing.assert_array_equal(oracle.calls[0][1], problem.values(cells) * [-1, 1])


@pytest.mark.parametrize(("fill", "n"), [("next-front", 8), ("random", 8), ("none", 3)])
def test_a_small_front_is_filled_as_told(problem, fill, n):
    # Cells 0 to 2 are the first predicted front, 3 to 5 the second, and so on.
    rank = np.arange(len(problem.space)) // 3
    step = np.arange(len(problem.space)) % 3
    oracle = Oracle(np.column_stack((10.0 * rank + step, 10.0 * rank + 3 - step)))
    sampling = SurrogateParetoSampling(n_train=20, model=oracle, fill=fill)
    with pytest.warns(UserWarning, match="outside any budget"):
        starts = sampling(problem, 8, random_state=np.random.default_rng(1))
    cells = problem.space.index(starts.get("X"))
    assert len(cells) == len(set(cells.tolist())) == n
    assert sampling.n_front == 3
    assert {0, 1, 2} <= set(cells.tolist())
    if fill == "next-front":
        assert {3, 4, 5} < set(cells.tolist()) < set(range(9))
    else:
        assert not {3, 4, 5} & set(cells.tolist())


def test_trained_cells_that_are_not_dominated_join(problem, truth):
    kept = SurrogateParetoSampling(n_train=50, model=Oracle(truth), keep_trained=True)
    result = minimize(problem, PLS(sampling=kept, n_starts=4), ("n_eval", 60), seed=2)
    trained = result.algorithm.trace.index[:50]
    best = trained[non_dominated(problem.objectives_at(trained))]
    starts = result.algorithm.first_starts
    assert set(best.tolist()) <= set(starts.tolist())
    assert len(starts) == 4 + len(set(best.tolist()) - set(starts[:4].tolist()))
    assert result.algorithm.evaluator.n_eval == 60


@pytest.mark.parametrize("n_starts", [3, 40])
def test_genetic_algorithms_start_from_it(problem, n_starts):
    sampling = SurrogateParetoSampling(n_train=60)
    operators = {**eomoo.cell_operators(), "sampling": sampling}
    result = minimize(problem, NSGA2(pop_size=n_starts, **operators), ("n_eval", 200), seed=1)
    # pymoo ends with the generation that reaches the number.
    assert 200 <= result.algorithm.evaluator.n_eval < 200 + n_starts
    assert sampling.n_evaluated == 60
    by_name = AlgorithmSpec(
        label="x", algorithm="nsga2", options={"init": "surrogate-pareto", "n_train": 60, "pop_size": 20}
    )
    found = run_algorithm(problem, by_name, budget=120, seed=1)
    assert len(found.cells) == 120
    assert found.notes["n_train"] == 60


def test_predicted_infeasible_cells_are_not_drawn(pose):
    problem = pose("err", "lat", constraints=("params<=1e6",))
    sampling = SurrogateParetoSampling(n_train=400)
    with pytest.warns(UserWarning, match="outside any budget"):
        starts = sampling(problem, 20, random_state=np.random.default_rng(5))
    params = problem.space.params(problem.space.index(starts.get("X")))
    # The unconstrained front has hardly any such cell; predictions may err by a little.
    everything = problem.space.params(
        eomoo.get_problem(problem.card.folder / f"{problem.name()}.toml").pareto_indices()
    )
    assert (everything > 1e6).mean() > 0.5
    assert (params <= 1.2e6).mean() > 0.9


def test_without_a_feasible_prediction_the_least_violating_are_drawn(pose):
    problem = pose("err", "lat", constraints=("params<=1",))
    violation = np.full(len(problem.space), 5.0)
    violation[[7, 70, 700]] = 2.0
    oracle = Oracle(np.column_stack((np.zeros((len(violation), 2)), violation)))
    with pytest.warns(UserWarning, match="outside any budget"):
        starts = SurrogateParetoSampling(n_train=20, model=oracle)(problem, 3, random_state=np.random.default_rng(1))
    assert set(problem.space.index(starts.get("X")).tolist()) == {7, 70, 700}


def test_a_measured_problem_is_learnt_from_all_its_cells(pose):
    problem = pose("err", "lat", source="part")
    n = int(problem.domain.sum())
    result = run_algorithm(problem, spec(n_train=5000), budget=2000, seed=1)
    assert sorted(result.cells.tolist()) == np.flatnonzero(problem.domain).tolist()
    assert result.notes["n_train"] == n
    assert problem.domain[result.starts].all()


def test_cells_without_values_teach_nothing(pose):
    problem = pose("holes", "lat")
    oracle = Oracle(np.random.default_rng(0).random((len(problem.space), 2)))
    with pytest.warns(UserWarning, match="outside any budget"):
        SurrogateParetoSampling(n_train=200, model=oracle)(problem, 5, random_state=np.random.default_rng(1))
    Y = oracle.calls[0][1]
    assert 140 < len(Y) < 180
    assert np.isfinite(Y).all()


def test_too_few_values_are_refused(problem):
    with (
        pytest.warns(UserWarning, match="outside any budget"),
        pytest.raises(SettingError, match="at least 10 training cells with values; 9 of 9"),
    ):
        SurrogateParetoSampling(n_train=9)(problem, 3)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(SettingError, match="fill must be one of next-front, random, none"):
        SurrogateParetoSampling(fill="some")
    with pytest.raises(SettingError, match="n_train"):
        SurrogateParetoSampling(n_train=0)


def test_the_same_seed_gives_the_same_starts_whatever_was_asked_before(few):
    first = run_algorithm(few, spec(), budget=80, seed=4)
    run_algorithm(few, spec(), budget=80, seed=5)
    run_algorithm(few, spec(), budget=80, seed=6)
    again = run_algorithm(few, spec(), budget=80, seed=4)
    assert first.cells.tolist() == again.cells.tolist()
    assert first.starts.tolist() == again.starts.tolist()
    assert first.notes == again.notes


def test_models_are_good_on_a_smooth_problem_and_inspectable(problem, truth):
    sampling = SurrogateParetoSampling(n_train=500)
    minimize(problem, PLS(sampling=sampling, n_starts=5), ("n_eval", 510), seed=1)
    assert len(sampling.spearman) == 2
    assert min(sampling.spearman) > 0.9
    cells = np.arange(0, len(problem.space), 1000)
    predicted, _ = sampling.models.predict(problem.space.features(cells, "structural"))
    for k in range(2):
        assert np.corrcoef(predicted[:, k], truth[cells, k])[0, 1] > 0.9


def test_an_algorithm_with_it_can_be_pickled(few):
    algorithm = PLS(sampling=SurrogateParetoSampling(n_train=60), n_starts=5)
    algorithm.setup(few, termination=("n_eval", 100), seed=1)
    algorithm.next()
    other = pickle.loads(pickle.dumps(algorithm))
    while algorithm.has_next():
        algorithm.next()
        other.next()
    assert algorithm.trace.index.tolist() == other.trace.index.tolist()


def test_predicted_fronts_are_successive():
    F = np.array([[1.0, 1], [2, 2], [0, 3], [2, 2], [3, 3]])
    assert [front.tolist() for front in predicted_fronts(F)] == [[0, 2], [1, 3], [4]]


def test_other_values_of_the_same_cells_give_other_starts(card):
    """What was learnt is kept by all that it was learnt from: nothing of another problem answers."""
    path = card("err", "lat")
    first, second = (run_algorithm(eomoo.get_problem(path, noise=noise), spec(), budget=70, seed=4) for noise in (1, 2))
    again = run_algorithm(eomoo.get_problem(path, noise=1), spec(), budget=70, seed=4)
    assert first.cells[:60].tolist() == second.cells[:60].tolist()
    assert first.starts.tolist() == again.starts.tolist() != second.starts.tolist()


def test_a_model_may_tell_its_deviations_or_not(problem, truth):
    def starts(model):
        sampling = SurrogateParetoSampling(n_train=20, model=model)
        with pytest.warns(UserWarning, match="outside any budget"):
            return sampling(problem, 4, random_state=np.random.default_rng(1)).get("X").tolist()

    silent = Oracle(truth)
    silent.predict = lambda features: truth
    assert starts(silent) == starts(Oracle(truth))


def test_surrogates_of_the_published_quality_are_worse_and_say_how_much(problem, space):
    cells = np.random.default_rng(4).choice(len(space), 900, replace=False)
    features, Y = space.features(cells, "17x17"), problem.objectives_at(cells)
    kept = Y.copy()
    model, again = (fit_as_published(features, Y, seed=3) for _ in range(2))
    assert (kept == Y).all()
    mean, other = predict(model, features, 2)[0], predict(again, features, 2)[0]
    assert (mean == other).all()
    # As well as published, within what 180 held-out cells can tell; without noise both are known better.
    assert model.spearman == pytest.approx([0.739, 0.834], abs=0.08)
    assert (fit(START, features, Y, seed=3).spearman > model.spearman + 0.05).all()
    # So are the predictions that a search starts from, of other cells; learnt without noise, the first at .98.
    others = np.random.default_rng(5).choice(len(space), 1000, replace=False)
    mean, values = predict(model, space.features(others, "17x17"), 2)[0], problem.objectives_at(others)
    told = [spearmanr(mean[:, k], values[:, k]).statistic for k in range(2)]
    assert told == pytest.approx(model.spearman, abs=0.12)


def test_surrogates_of_the_published_quality_always_learn_the_same_four_fifths(space, monkeypatch):
    features, learnt = space.features(np.arange(100), "17x17"), []

    def noted(recipe, features, Y, *, seed):
        learnt.append(features)
        return fit(recipe, features, Y, seed=seed)

    monkeypatch.setattr("eomoo.search.surrogate_start.fit", noted)
    fit_as_published(features, np.random.default_rng(0).random((100, 1)), seed=1)
    # To tell how good they are, and to be used.
    assert [len(some) for some in learnt] == [80, 80]
    assert (learnt[0] == learnt[1]).all()


def test_an_init_is_told_by_its_name():
    made = [make_algorithm("nsga2", 2, init=init, n_train=60) for init in ("surrogate-pareto", PUBLISHED_QUALITY)]
    own, published = (algorithm.initialization.sampling for algorithm in made)
    assert (own.features, own.n_train) == ("structural", 60)
    assert (published.features, published.n_train, published.model) == ("17x17", 60, fit_as_published)
    with pytest.raises(SettingError, match="features must be one of one-hot"):
        SurrogateParetoSampling(features="nothing")
