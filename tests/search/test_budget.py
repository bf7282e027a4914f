"""Budgets of distinct cells: what counts, and what lies beyond."""

from itertools import starmap
from types import SimpleNamespace

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.population import Population
from pymoo.core.termination import TerminateIfAny
from pymoo.optimize import minimize
from pymoo.termination import get_termination
from synthetic import PART, ball

import eomoo
from eomoo.errors import SettingError
from eomoo.search.algorithms import make_algorithm
from eomoo.search.budget import BudgetedEvaluator, DistinctCells, remaining_evaluations
from eomoo.search.hours import Hours


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


def test_only_new_cells_of_the_problem_count(pose, space):
    table = pose("err", "lat", source="part")
    counted = []
    evaluator = BudgetedEvaluator(10, on_new=lambda pop: counted.extend(pop.get("index").tolist()))
    X = space.genotype([PART[0], PART[1], PART[0], 1, 2])
    X[4] = 0
    evaluator.eval(table, Population.new(X=X))
    evaluator.eval(table, Population.new(X=X))
    assert (evaluator.n_eval, evaluator.n_distinct) == (10, 2)
    assert counted == PART[:2].tolist()


@pytest.mark.parametrize("budget", [1, 2, 3, 4])
def test_what_lies_beyond_the_budget_is_not_evaluated(pose, space, budget):
    problem = pose("err", "lat")
    evaluator = BudgetedEvaluator(budget)
    cells = [5, 6, 5, 7, 8, 7, 8, 6]
    pop = Population.new(X=space.genotype(cells))
    evaluator.eval(problem, pop)
    paid = list(dict.fromkeys(cells))[:budget]
    assert problem.backends["synthetic"].n_asked == evaluator.n_distinct == budget
    assert pop.get("index").tolist() == [cell if cell in paid else -1 for cell in cells]
    assert np.isinf(pop.get("F")).all(axis=1).tolist() == [cell not in paid for cell in cells]
    assert pop.get("FEAS")[:, 0].tolist() == [cell in paid for cell in cells]


def test_repeated_cells_stay_free_when_the_budget_is_spent(problem, space):
    evaluator = BudgetedEvaluator(2)
    evaluator.eval(problem, Population.new(X=space.genotype([5, 6])))
    pop = evaluator.eval(problem, Population.new(X=space.genotype([6, 7, 5])))
    assert pop.get("index").tolist() == [6, -1, 5]
    assert np.isfinite(pop.get("F")[[0, 2]]).all()


def test_with_any_algorithm_of_pymoo(problem):
    evaluator = BudgetedEvaluator(333)
    res = minimize(
        problem, NSGA2(pop_size=30, **eomoo.cell_operators()), DistinctCells(333), seed=1, evaluator=evaluator
    )
    assert evaluator.n_distinct == 333
    assert np.isfinite(res.F).all()
    assert (res.opt.get("index") >= 0).all()


@pytest.mark.parametrize("make", [eomoo.PLS, lambda: NSGA2(pop_size=30, **eomoo.cell_operators())])
def test_distinct_cells_need_an_evaluator_that_counts_them(problem, make):
    with pytest.raises(SettingError, match="evaluator=BudgetedEvaluator"):
        minimize(problem, make(), DistinctCells(30), seed=1)


def test_a_stalled_search_ends(pose, space):
    problem = pose("err", "lat", source="ball")
    problem.domain = np.isin(np.arange(len(space)), ball()[:60])
    evaluator = BudgetedEvaluator(10_000)
    algorithm = NSGA2(pop_size=20, **eomoo.cell_operators())
    minimize(problem, algorithm, DistinctCells(10_000, stall_generations=5), seed=1, evaluator=evaluator)
    assert evaluator.n_distinct <= 60
    assert evaluator.n_eval - evaluator.n_eval_at_last_new <= 100 + 20


def test_a_search_that_has_seen_everything_ends(pose, space):
    problem = pose("err", "lat", source="ball")
    problem.domain = np.isin(np.arange(len(space)), ball()[:30])
    evaluator = BudgetedEvaluator(10_000)
    algorithm = NSGA2(pop_size=50, **eomoo.cell_operators())
    minimize(problem, algorithm, DistinctCells(10_000), seed=1, evaluator=evaluator)
    assert evaluator.n_distinct == evaluator.n_eval == 30


@pytest.mark.parametrize(
    ("termination", "left"),
    # pymoo's goes on below 22.5, so that to leave 2 would make a search go on for ever.
    [
        (("n_eval", 50), 30), (("n_gen", 50), None), (("n_eval", 10), 0), (("time", 60), None), (("n_eval", 22.5), 3),
        (Hours(1), None), (Hours(1, spent=2), 0), (TerminateIfAny(Hours(1), get_termination("n_eval", 50)), 30),
        (TerminateIfAny(Hours(1, spent=2), get_termination("n_eval", 50)), 0),
    ],
)  # fmt: skip
def test_remaining_evaluations(problem, monkeypatch, termination, left):
    monkeypatch.setattr("eomoo.search.hours.time", lambda: 5000.0)
    algorithm = eomoo.PLS()
    algorithm.setup(problem, termination=termination, seed=1)
    algorithm.evaluator.n_eval, algorithm.start_time = 20, 5000.0
    assert remaining_evaluations(algorithm) == left


def test_remaining_evaluations_of_pymoos_default(problem):
    algorithm = eomoo.PLS()
    algorithm.setup(problem, termination=get_termination("moo"), seed=1)
    assert remaining_evaluations(algorithm) == 100_000


@pytest.mark.parametrize("name", ["pls", "surrogate-pls", "cost-aware", "memetic", "random", "nsga2", "moead"])
def test_a_termination_before_anything_is_one_sentence(pose, name):
    problem = pose("err", "lat", source="ball")
    problem = problem.unconstrained() if name == "moead" else problem
    pairs = ("n_eval", 0), ("n_gen", -1), ("time", 0), ("n_evals", "5"), ("n_eval", np.nan)
    for termination in (*starmap(get_termination, pairs), TerminateIfAny(get_termination("n_eval", 0))):
        with pytest.raises(SettingError, match=r"a termination needs (evaluations|generations|seconds) above 0; got "):
            minimize(problem, make_algorithm(name, 2), termination, seed=1)


def test_shorter_trainings_bring_a_run_nearer_to_its_end(problem):
    evaluator = SimpleNamespace(n_distinct=4, paid=2.5)
    termination = DistinctCells(10)
    termination.update(SimpleNamespace(evaluator=evaluator, problem=problem))
    assert termination.perc == pytest.approx(0.65)


def test_no_cells_are_no_budget():
    with pytest.raises(SettingError, match="n must be a whole number of at least 1; got 0"):
        DistinctCells(0)
