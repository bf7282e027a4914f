"""Evaluations of a problem of one's own that give no number are cells without values, for every search."""

import warnings

import numpy as np
import pytest
from pymoo.optimize import minimize

from eomoo.errors import SettingError
from eomoo.objectives import load_card
from eomoo.search import AlgorithmSpec, CellProblem, make_algorithm, run_algorithm


class Failing(CellProblem):
    """Gives no number for some cells."""

    value, every = np.nan, 3

    def _evaluate(self, X, out, *args, **kwargs):
        super()._evaluate(X, out, *args, **kwargs)
        out["F"][out["index"] % self.every == 0, 0] = self.value


def failing(card, value, every=3):
    problem = Failing(load_card(card("err", "lat", source="ball")))
    problem.value, problem.every = value, every
    return problem


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["pls", "surrogate-pls", "cost-aware", "memetic", "random", "nsga2"])
def test_a_search_goes_on_and_its_front_has_numbers(name, value, card):
    found = minimize(failing(card, value), make_algorithm(name, 2), ("n_eval", 24), seed=1)
    assert len(found.F)
    assert np.isfinite(found.F).all()
    assert (found.opt.get("index") % 3 != 0).all()


class Bare(CellProblem):
    """Forgets what cells, limits and values are."""

    def _evaluate(self, X, out, *args, **kwargs):
        out["F"] = np.ones((len(X), 2))


@pytest.mark.parametrize("name", ["pls", "nsga2"])
def test_an_evaluation_that_tells_no_cells_is_refused_instead_of_no_front(name, card):
    problem = Bare(load_card(card("err", "lat", source="ball")))
    with pytest.raises(SettingError, match=r"Bare\._evaluate tells no cells: begin it with super\(\)\._evaluate"):
        minimize(problem, make_algorithm(name, 2), ("n_eval", 24), seed=1)


class Tied(CellProblem):
    """Asks for nine edges; of some cells it does not know how many they have."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.n_eq_constr = 1

    def _evaluate(self, X, out, *args, **kwargs):
        super()._evaluate(X, out, *args, **kwargs)
        out["H"] = np.where(out["index"] % 3 == 0, np.nan, self.space.n_edges[out["index"]] - 9.0)[:, None]


@pytest.mark.parametrize("name", ["pls", "surrogate-pls", "cost-aware", "memetic", "random", "nsga2"])
def test_an_equality_of_a_problem_of_ones_own_is_kept(name, card):
    problem = Tied(load_card(card("err", "lat", source="ball")))
    found = minimize(problem, make_algorithm(name, 2), ("n_eval", 100), seed=1)
    cells = found.opt.get("index")
    assert (problem.space.n_edges[cells] == 9).all()
    assert (cells % 3 != 0).all()
    assert np.isfinite(found.CV).all()
    run = run_algorithm(problem, AlgorithmSpec(label="x", algorithm=name), budget=100, seed=1)
    np.testing.assert_array_equal(run.feasible, (problem.space.n_edges[run.cells] == 9) & (run.cells % 3 != 0))
    assert run.feasible[np.isin(run.cells, run.front)].all()


@pytest.mark.parametrize("name", ["random", "moead"])
def test_a_run_keeps_them_as_cells_without_values(name, card):
    found = run_algorithm(failing(card, np.inf), AlgorithmSpec(label="x", algorithm=name), budget=40, seed=1)
    lost = found.cells % 3 == 0
    assert 0 < lost.sum() < 40
    np.testing.assert_array_equal(np.isnan(found.values).any(axis=1), lost)
    np.testing.assert_array_equal(found.feasible, ~lost)
    assert (found.front % 3 != 0).all()


def test_values_that_are_told_by_somebody_else_may_be_no_numbers(card):
    algorithm = make_algorithm("surrogate-pls", 2)
    problem = failing(card, np.nan)
    algorithm.setup(problem, termination=("n_eval", 24), seed=1)
    for _ in range(2):
        batch = algorithm.ask()
        index = problem.space.index(batch.get("X"))
        batch.set(
            "F", np.where(index[:, None] % 3 == 0, np.nan, problem.objectives_at(index)), "G", np.zeros((len(batch), 1))
        )
        algorithm.tell(infills=batch)
    assert np.isfinite(algorithm.opt.get("F")).all()


@pytest.mark.parametrize("name", ["pls", "surrogate-pls", "cost-aware"])
def test_where_all_fail_one_sentence_says_so(name, card):
    problem = failing(card, np.nan, every=1)
    with pytest.warns(UserWarning, match="none of 24 evaluations gave finite values"):
        assert minimize(problem, make_algorithm(name, 2), ("n_eval", 24), seed=1).F is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run_algorithm(problem, AlgorithmSpec(label="x", algorithm=name), budget=24, seed=1)
    assert (len(found.front), found.nearest) == (0, "no evaluation gave values")
