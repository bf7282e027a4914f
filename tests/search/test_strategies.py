"""Strategies of Pareto Local Search: orders, explorations, restarts, batches."""

import pickle

import numpy as np
import pytest
from pymoo.optimize import minimize

import eomoo
from eomoo.errors import SettingError
from eomoo.fronts.dominance import FrontArchive
from eomoo.models.applicability import operation_counts
from eomoo.search.strategies import RESTARTS, SELECTIONS, least_evaluated, optimistic_improvement, recombined, walked

FORMS = [
    *({"selection": name} for name in SELECTIONS),
    {"exploration": "first-dominating"},
    {"exploration": "switch"},
    {"exploration": "switch", "archive": "per-start", "n_starts": 3},
    *({"restart": name} for name in RESTARTS),
    {"batch_size": 1},
    {"batch_size": 7, "archive": "per-start", "n_starts": 3},
    {"batch_size": 64, "selection": "random"},
    {"exploration": "switch", "n_expand": 5},
]


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


def search(problem, n, seed=1, **options):
    return minimize(problem, eomoo.PLS(**{"restart": "random", **options}), ("n_eval", n), seed=seed)


def brute_front(problem, cells):
    F = problem.objectives_at(cells)
    dominated = [((f >= F).all(1) & (f > F).any(1)).any() for f in F]
    return set(cells[~np.array(dominated)].tolist())


@pytest.mark.parametrize("options", FORMS, ids=str)
def test_exact_distinct_repeatable_and_with_the_front_of_all_that_was_seen(problem, options):
    res, again = search(problem, 333, **options), search(problem, 333, **options)
    cells = res.algorithm.trace.index
    assert len(np.unique(cells)) == len(cells) == res.algorithm.evaluator.n_eval
    assert len(cells) == 333 or options.get("restart") == "none"
    assert cells.tolist() == again.algorithm.trace.index.tolist()
    assert set(res.opt.get("index").astype(int).tolist()) == brute_front(problem, cells)


@pytest.mark.parametrize("options", FORMS, ids=str)
def test_ask_and_tell_with_pickles_between_is_minimize(problem, options):
    expected = search(problem, 200, **options).algorithm.trace.index
    algorithm = eomoo.PLS(**{"restart": "random", **options})
    algorithm.setup(problem, termination=("n_eval", 200), seed=1)
    while algorithm.has_next():
        pop = algorithm.ask()
        algorithm.evaluator.eval(problem, pop)
        algorithm.tell(infills=pop)
        algorithm = pickle.loads(pickle.dumps(algorithm))
    assert algorithm.trace.index.tolist() == expected.tolist()


@pytest.mark.parametrize("options", [{}, {"exploration": "switch"}, {"batch_size": 9}, {"selection": "random"}])
def test_without_restart_the_front_is_a_pareto_local_optimum_set(problem, options):
    algorithm = search(problem, 10_000, restart="none", **options).algorithm
    seen = set(algorithm.trace.index.tolist())
    for cell in algorithm.opt.get("index").astype(int):
        assert seen.issuperset(problem.space.neighbors(int(cell)).tolist())


def test_batches_are_of_the_size_asked_for_until_a_restart(problem):
    algorithm = eomoo.PLS(batch_size=16, restart="none")
    algorithm.setup(problem, termination=("n_eval", 3_000), seed=1)
    sizes = []
    while algorithm.has_next():
        algorithm.next()
        sizes.append(algorithm.evaluator.n_eval - sum(sizes))
    assert sizes[0] == 20
    assert set(sizes[1:-2]) == {16}


def test_first_dominating_leaves_a_member_as_soon_as_it_is_dominated(problem):
    space = problem.space
    start = 100_000
    algorithm = eomoo.PLS(sampling=space.genotype([start]), exploration="first-dominating")
    algorithm.setup(problem, termination=("n_eval", 500), seed=1)
    algorithm.next()
    here = problem.objectives_at([start])[0]
    better = []
    while not better:
        algorithm.next()
        F = problem.objectives_at(algorithm.trace.index[-1:])[0]
        better = [True] if (here >= F).all() and (here > F).any() else []
    near = set(space.neighbors(start).tolist())
    assert set(algorithm.trace.index[1:].tolist()) <= near
    tried = len(algorithm.trace)
    assert tried - 1 < len(near)
    algorithm.next()
    assert int(algorithm.trace.index[tried]) in space.neighbors(int(algorithm.trace.index[tried - 1]))


def test_orders():
    F = np.array([[0.0, 10.0], [1.0, 9.0], [5.0, 8.0], [6.0, 1.0], [10.0, 0.0]])
    rng = np.random.default_rng(0)
    unexplored = np.array([1, 2, 3])
    assert SELECTIONS["oldest"](F, unexplored, rng).tolist() == [1, 2, 3]
    assert sorted(SELECTIONS["random"](F, unexplored, rng)) == [1, 2, 3]
    # Crowding distances: .5 + .2, .5 + .8, .5 + .8.
    assert SELECTIONS["least-crowded"](F, unexplored, rng).tolist() == [2, 3, 1]
    # Rectangles between the points: .01, .04, .07, .04.
    assert optimistic_improvement(F) == pytest.approx([0.02, 0.05, 0.11, 0.11, 0.08])
    assert SELECTIONS["hypervolume"](F[::-1], np.array([1, 3]), rng).tolist() == [1, 3]


def test_optimistic_improvement_of_three_objectives_is_the_box_to_the_better_values():
    F = np.array([[0.0, 4.0, 4.0], [4.0, 0.0, 2.0], [3.0, 3.0, 0.0]])
    boxes = np.array([[3, 1, 2], [1, 3, 2], [3, 3, 2]]) / 4
    assert optimistic_improvement(F) == pytest.approx(boxes.prod(axis=1))
    assert optimistic_improvement(F[:1]) == pytest.approx([1.0])


def test_walks_take_single_steps(problem):
    rng = np.random.default_rng(1)
    cells = np.arange(0, 400_000, 4_001)
    one = walked(problem, cells, 1, "symmetric", rng)
    near = [problem.space.neighbors(int(c), "symmetric") for c in cells]
    assert all(b in around for b, around in zip(one, near, strict=True))
    assert len({int(np.searchsorted(around, b)) for b, around in zip(one, near, strict=True)}) > 5


def test_children_keep_what_their_parents_share(problem):
    rng = np.random.default_rng(1)
    a, b = np.array([1_000, 2_000]), np.array([300_000, 310_000])
    children = recombined(problem, np.repeat(a, 20), np.repeat(b, 20), rng)
    assert len(children) > 20
    same = recombined(problem, a, a, rng)
    assert set(same.tolist()) <= set(a.tolist())


def test_operations_are_filled_up_evenly(problem, small_problem):
    """Each next cell is of a combination of which fewest were evaluated; which, and which cell, chance says."""
    kinds = {tuple(row) for row in operation_counts(problem.cells).tolist()}
    none = np.zeros(len(problem.space), dtype=bool)

    def drawn(n, seen, seed=1, problem=problem):
        return least_evaluated(problem, lambda cells: seen[cells], n, np.random.default_rng(seed))

    cells = drawn(len(kinds) - 6, none)
    assert len(np.unique(operation_counts(cells), axis=0)) == len(cells) == len(kinds) - 6
    assert drawn(5, none).tolist() == drawn(5, none).tolist() != drawn(5, none, seed=2).tolist()
    assert len({tuple(operation_counts(drawn(1, none, seed))[0]) for seed in range(9)}) > 4
    seen = none.copy()
    seen[cells] = True
    counts = np.unique(operation_counts(np.concatenate((cells, drawn(60, seen)))), axis=0, return_counts=True)[1]
    # A few combinations have fewer cells than that.
    assert len(counts) == len(kinds)
    assert counts.max() == 2
    seen[small_problem.cells[3:]] = True
    assert sorted(drawn(9, seen, problem=small_problem).tolist()) == small_problem.cells[:3].tolist()


@pytest.mark.parametrize("name", ["perturbation", "recombination", "gap"])
def test_restarts_propose_cells_near_the_front_and_in_the_domain(pose, name):
    for problem in (pose("err", "lat"), pose("err", "lat", source="part")):
        rng = np.random.default_rng(1)
        cells = problem.random_cells(300, rng)
        archive = FrontArchive(2)
        archive.offer(cells, problem.objectives_at(cells), np.zeros(len(cells)))
        proposed = RESTARTS[name](problem, archive, 40, "hamming", rng)
        if problem.domain is not None:
            assert problem.domain[proposed].all()
        else:
            assert len(set(proposed.tolist())) > 10


@pytest.mark.parametrize("what", ["selection", "restart"])
def test_unknown_names_are_told_those_known(what):
    with pytest.raises(SettingError, match=f"{what} must be one of .*, or an object; got 'blue'"):
        eomoo.PLS(**{what: "blue"})
    with pytest.raises(SettingError, match="exploration must be one of all, first-dominating, switch"):
        eomoo.PLS(exploration="blue")
    with pytest.raises(SettingError, match="batch_size must be"):
        eomoo.PLS(batch_size=0)
