"""Starts in every form, the same for every search; what is none is named by row."""

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.evaluator import Evaluator
from pymoo.core.population import Population
from pymoo.core.result import Result
from pymoo.optimize import minimize
from pymoo.termination import get_termination
from synthetic import PART

import eomoo
from eomoo.errors import SettingError
from eomoo.search.cell_search import RandomSearch
from eomoo.search.starts import CellSampling, check_starts

CELLS = [100_434, 7, 100_434, 300_000]


def result_of(X):
    result = Result()
    result.X = X
    return result


FORMS = {
    "genotypes": lambda space: space.genotype(CELLS),
    "numbers with a point": lambda space: space.genotype(CELLS).astype(float),
    "a list of genotypes": lambda space: space.genotype(CELLS).tolist(),
    "indices": lambda space: CELLS,
    "an array of indices": lambda space: np.array(CELLS, dtype=np.int32),
    "cells": lambda space: space.cell(CELLS),
    "a population": lambda space: Population.new(X=space.genotype(CELLS)),
    "individuals": lambda space: list(Population.new(X=space.genotype(CELLS))),
    "a result": lambda space: result_of(space.genotype(CELLS)),
    "some of each": lambda space: [CELLS[0], space.cell(7), space.genotype(CELLS[0]), np.int64(CELLS[3])],
}
SEARCHES = {
    "pls": lambda sampling: eomoo.PLS(sampling=sampling),
    "surrogate-pls": lambda sampling: eomoo.SurrogatePLS(sampling=sampling),
    "memetic": lambda sampling: eomoo.MemeticSearch(sampling=sampling, pop_size=10),
    "random": lambda sampling: RandomSearch(sampling=sampling),
    "nsga2": lambda sampling: NSGA2(pop_size=10, **eomoo.cell_operators(sampling=sampling)),
}


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


def first_cells(problem, algorithm):
    algorithm.setup(problem, termination=("n_eval", 40), seed=1)
    return problem.space.index(algorithm.ask().get("X")).tolist()


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("form", FORMS)
def test_every_search_begins_from_starts_of_any_form(problem, space, name, form):
    assert first_cells(problem, SEARCHES[name](FORMS[form](space))) == [100_434, 7, 300_000]


@pytest.mark.parametrize("name", SEARCHES)
def test_one_start_alone(problem, space, name):
    for one in (
        7,
        space.cell(7),
        space.genotype(7),
        space.genotype(7).tolist(),
        Population.new(X=[space.genotype(7)])[0],
    ):
        assert first_cells(problem, SEARCHES[name](one)) == [7]


def changed(space, gene, value):
    X = space.genotype(CELLS).astype(float)
    X[1, gene] = value
    return X


BAD = {
    "nothing": (lambda space: [], "sampling holds no cell to start from"),
    "no solution": (lambda space: result_of(None), "sampling holds no cell"),
    "wrong length": (lambda space: [*space.genotype(CELLS[:2]), [1, 0, 1]], r"row 2 of sampling must have 26 genes"),
    "half a gene": (lambda space: changed(space, 3, 0.5), "row 1 of sampling is neither a genotype"),
    "no number": (lambda space: changed(space, 3, np.nan), "row 1 of sampling is neither a genotype"),
    "an edge of 2": (lambda space: changed(space, 20, 2), "row 1 of sampling: gene 20 must be from 0 to 1; got 2"),
    "an operation of -1": (lambda space: changed(space, 25, -1), "row 1 of sampling: gene 25 must be from 0 to 2"),
    "no cell": (lambda space: np.zeros((3, 26), dtype=int), "row 0 of sampling is no cell: input and output not"),
    "one that is no cell": (lambda space: np.zeros(26, dtype=int), "row 0 of sampling is no cell"),
    "no index": (lambda space: [5, 423_624], "row 1 of sampling must be an index from 0 to 423,623; got 423624"),
    "text": (lambda space: [5, "7"], "row 1 of sampling is neither a genotype of 26 whole numbers, an index nor"),
    "a text": (lambda space: "pls", "row 0 of sampling is neither"),
    "three dimensions": (lambda space: np.zeros((2, 3, 26)), "row 0 of sampling must have 26 genes"),
    "an object": (lambda space: object(), "row 0 of sampling is neither"),
}


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_start_is_named_by_its_row(problem, space, name, bad):
    make, text = BAD[bad]
    with pytest.raises(SettingError, match=text):
        first_cells(problem, SEARCHES[name](make(space)))


@pytest.mark.parametrize("name", SEARCHES)
def test_a_start_without_values_is_named(pose, name):
    table = pose("err", "lat", source="part")
    with pytest.raises(SettingError, match=f"row 1 of sampling, cell {PART[4] + 1}, has no values in this problem"):
        first_cells(table, SEARCHES[name]([PART[4], PART[4] + 1]))


def test_26_indices_are_told_from_a_genotype(space):
    cells = np.arange(26)
    assert space.index(check_starts(cells)).tolist() == cells.tolist()


def test_all_given_cells_are_sampled_whatever_is_asked_for(problem, space):
    for n_samples in (1, 30):
        assert space.index(CellSampling(CELLS)(problem, n_samples).get("X")).tolist() == [100_434, 7, 300_000]


def test_individuals_with_values_keep_them_in_a_local_search(problem, space):
    pop = Population.new(X=space.genotype([3, 9, 3]))
    minimize_once = eomoo.PLS(sampling=pop)
    minimize_once.setup(problem, termination=("n_eval", 10), seed=1)
    minimize_once.evaluator.eval(problem, pop)
    assert minimize_once.evaluator.n_eval == 3
    minimize_once.next()
    assert minimize_once.evaluator.n_eval == 3
    assert minimize_once.trace.index.tolist() == [3, 9]


@pytest.mark.parametrize("name", ["pls", "surrogate-pls", "memetic", "random"])
@pytest.mark.parametrize("other", [("err", "size"), ("err", "lat", "size")])
def test_values_of_another_problem_are_no_starts(problem, pose, space, name, other):
    pop = Evaluator().eval(pose(*other), Population.new(X=space.genotype([5, 7])))
    with pytest.raises(SettingError, match="row 0 of sampling has values of another problem"):
        minimize(problem, SEARCHES[name](pop), ("n_eval", 30), seed=1)


def test_what_is_told_was_evaluated(problem):
    algorithm = eomoo.PLS().setup(problem, termination=("n_eval", 30), seed=1)
    with pytest.raises(SettingError, match="has no values of this problem"):
        algorithm.tell(infills=algorithm.ask())


def test_a_random_search_with_starts_repeats_none_of_them(pose):
    table = pose("err", "lat", source="part")
    algorithm = RandomSearch(sampling=PART[:9], batch_size=50)
    minimize(table, algorithm, ("n_eval", 1_000), seed=1, copy_algorithm=False)
    assert algorithm.trace.index[:9].tolist() == PART[:9].tolist()
    assert sorted(algorithm.trace.index.tolist()) == PART.tolist()


def test_a_random_search_goes_on_where_a_smaller_budget_ended(problem):
    whole, part = RandomSearch(batch_size=30), RandomSearch(batch_size=30)
    minimize(problem, whole, ("n_eval", 100), seed=1, copy_algorithm=False)
    minimize(problem, part, ("n_eval", 50), seed=1, copy_algorithm=False)
    part.termination = get_termination("n_eval", 100)
    while part.has_next():
        part.next()
    assert part.trace.index.tolist() == whole.trace.index.tolist()
