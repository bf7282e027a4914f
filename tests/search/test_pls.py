"""Pareto Local Search: its contract with pymoo, and the search itself against a plain twin."""

import copy
import io
import pickle

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.constraints.eps import AdaptiveEpsilonConstraintHandling
from pymoo.core.callback import Callback
from pymoo.core.evaluator import Evaluator
from pymoo.core.population import Population
from pymoo.core.termination import TerminateIfAll, TerminateIfAny
from pymoo.optimize import minimize
from pymoo.problems import get_problem as pymoo_problem
from pymoo.termination import get_termination
from pymoo.termination.collection import TerminationCollection
from synthetic import PART, all_values, brute_front

import eomoo
from eomoo.errors import SettingError, UnknownNameError

FORMS = {
    "shared": {},
    "five at once": {"n_expand": 5},
    "per start": {"archive": "per-start", "n_starts": 6},
    "per start, three at once": {"archive": "per-start", "n_starts": 4, "n_expand": 3},
    "symmetric": {"neighborhood": "symmetric"},
    "published": {"neighborhood": "published"},
    "without restart": {"restart": "none"},
    "one start": {"n_starts": 1},
}


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


def form(name):
    return eomoo.PLS(**{"restart": "random", **FORMS[name]})


def search(problem, algorithm, n, seed=1, **options):
    return minimize(problem, algorithm, ("n_eval", n), seed=seed, **options)


def twin(problem, starts, n, *, kind="hamming"):
    """PLS with one archive, the oldest unexplored member first, in plain Python."""
    values, seen, archive, explored = {}, [], [], set()

    def dominated(a, b):
        return all(x <= y for x, y in zip(values[b], values[a], strict=True)) and values[a] != values[b]

    def evaluate(cells):
        cells = cells[: n - len(seen)]
        for cell in cells:
            values[cell] = tuple(problem.objectives_at([cell])[0])
            seen.append(cell)
        for cell in cells:
            if not any(dominated(cell, other) for other in [*cells, *archive]):
                archive[:] = [m for m in archive if not dominated(m, cell)] + [cell]

    evaluate(list(starts))
    while len(seen) < n:
        member = next((m for m in archive if m not in explored), None)
        if member is None:
            break
        evaluate([c for c in problem.space.neighbors(member, kind).tolist() if c not in values])
        explored.add(member)
    return seen, archive


@pytest.mark.parametrize("kind", ["hamming", "symmetric", "published"])
@pytest.mark.parametrize(("names", "seed"), [(("err", "lat"), 3), (("err", "lat", "size"), 4), (("err",), 5)])
def test_a_plain_twin_evaluates_the_same_cells_in_the_same_order(pose, space, kind, names, seed):
    problem = pose(*names)
    starts = np.random.default_rng(seed).choice(np.flatnonzero(space.n_vertices == 7), 8, replace=False)
    algorithm = eomoo.PLS(sampling=space.genotype(starts), neighborhood=kind, n_expand=1)
    search(problem, algorithm, 600, copy_algorithm=False)
    seen, archive = twin(problem, starts.tolist(), 600, kind=kind)
    assert algorithm.trace.index.tolist() == seen
    assert sorted(algorithm.opt.get("index").tolist()) == sorted(archive)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("n", [1, 19, 20, 21, 317])
def test_exactly_on_budget_and_no_cell_twice(problem, name, n):
    algorithm = form(name)
    search(problem, algorithm, n, copy_algorithm=False)
    if name != "without restart":
        assert algorithm.evaluator.n_eval == n
    assert len(algorithm.trace) == algorithm.evaluator.n_eval <= n
    assert len(set(algorithm.trace.index.tolist())) == len(algorithm.trace)


@pytest.mark.parametrize("name", FORMS)
def test_result_is_the_front_of_all_that_was_evaluated(problem, space, name):
    algorithm = form(name)
    res = search(problem, algorithm, 300, copy_algorithm=False)
    cells = algorithm.trace.index
    best = cells[brute_front(problem.objectives_at(cells))]
    assert sorted(res.opt.get("index").tolist()) == sorted(best.tolist())
    assert (problem.objectives_at(space.index(res.X)) == res.F).all()
    assert (problem.objectives_at(cells) == algorithm.trace.F).all()
    assert (res.CV == 0).all()


@pytest.mark.parametrize("name", FORMS)
def test_same_seed_same_search(problem, name):
    one, two, other = form(name), form(name), form(name)
    search(problem, one, 250, copy_algorithm=False)
    search(problem, two, 250, copy_algorithm=False)
    search(problem, other, 250, seed=2, copy_algorithm=False)
    assert one.trace.index.tolist() == two.trace.index.tolist() != other.trace.index.tolist()


def test_one_object_serves_for_several_runs(problem):
    algorithm = eomoo.PLS(restart="random")
    one, two = search(problem, algorithm, 200), search(problem, algorithm, 200)
    assert one.X.tolist() == two.X.tolist()
    assert algorithm.trace is None


@pytest.mark.parametrize("name", FORMS)
def test_ask_and_tell_gives_what_minimize_gives(problem, name):
    expected = form(name)
    search(problem, expected, 333, copy_algorithm=False)
    algorithm, evaluator = form(name), Evaluator()
    algorithm.setup(problem, termination=("n_eval", 333), seed=1)
    algorithm.evaluator = evaluator
    while algorithm.has_next():
        pop = algorithm.ask()
        evaluator.eval(problem, pop)
        algorithm.tell(infills=pop)
    assert algorithm.trace.index.tolist() == expected.trace.index.tolist()
    assert algorithm.result().X.tolist() == expected.result().X.tolist()


def test_values_told_from_outside_need_no_index(problem, space):
    algorithm = eomoo.PLS()
    algorithm.setup(problem, termination=("n_gen", 8), seed=1)
    while algorithm.has_next():
        pop = algorithm.ask()
        F, G = problem.evaluate(pop.get("X"))
        pop.set("F", F)
        pop.set("G", G)
        algorithm.tell(infills=pop)
    expected = eomoo.PLS()
    minimize(problem, expected, ("n_gen", 8), seed=1, copy_algorithm=False)
    assert algorithm.trace.index.tolist() == expected.trace.index.tolist()


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("after", [0, 1, 7])
def test_pickled_and_continued_bit_for_bit(problem, name, after):
    whole = form(name)
    search(problem, whole, 280, copy_algorithm=False)
    algorithm = form(name)
    algorithm.setup(problem, termination=("n_eval", 280), seed=1)
    for _ in range(after):
        algorithm.next()
    data = pickle.dumps(algorithm)
    # The smallest cells have thousands of symmetric neighbours, and these are planned.
    assert len(data) < (2_000_000 if name == "symmetric" else 120_000)
    algorithm = pickle.loads(data)
    while algorithm.has_next():
        algorithm.next()
    assert algorithm.trace.index.tolist() == whole.trace.index.tolist()
    assert algorithm.result().F.tolist() == whole.result().F.tolist()


def test_a_continued_search_may_get_a_larger_budget(problem):
    # A member at a time: of several, the cut batch's members may be dominated before its rest comes.
    whole, part = (eomoo.PLS(restart="random", n_expand=1) for _ in range(2))
    search(problem, whole, 400, copy_algorithm=False)
    search(problem, part, 150, copy_algorithm=False)
    part = pickle.loads(pickle.dumps(part))
    part.termination = get_termination("n_eval", 400)
    while part.has_next():
        part.next()
    # The last batch before the first budget was cut, so its rest comes in another batch, in order.
    assert part.trace.index.tolist() == whole.trace.index.tolist()


def test_history_is_right_and_cheap(problem):
    algorithm = eomoo.PLS(restart="random", n_starts=5)
    res = search(problem, algorithm, 2_000, copy_algorithm=False, save_history=True)
    assert len(res.history) == algorithm.n_iter - 1
    sizes = []
    for snapshot in res.history[::9]:
        cells = snapshot.trace.index
        sizes.append(len(cells))
        assert cells.tolist() == algorithm.trace.index[: len(cells)].tolist()
        best = cells[brute_front(snapshot.trace.F)] if len(cells) < 300 else None
        if best is not None:
            assert sorted(snapshot.opt.get("index").tolist()) == sorted(best.tolist())
        assert snapshot.trace.seen(algorithm.trace.index).sum() == len(cells)
    assert sizes == sorted(set(sizes))
    # Every snapshot shares the large tables with the search.
    shared = sum(np.shares_memory(s.trace._rank, algorithm.trace._rank) for s in res.history)
    assert shared == len(res.history)
    assert all(s.problem._shared is problem._shared for s in res.history)


def test_a_snapshot_can_be_continued_apart_from_the_search(problem):
    algorithm = eomoo.PLS(restart="random")
    algorithm.setup(problem, termination=("n_eval", 500), seed=1)
    for _ in range(6):
        algorithm.next()
    snapshot = copy.deepcopy(algorithm)
    for one in (algorithm, snapshot):
        while one.has_next():
            one.next()
    assert snapshot.trace.index.tolist() == algorithm.trace.index.tolist()
    assert snapshot.evaluator.n_eval == 500


def test_equal_objective_vectors_of_different_cells_are_kept(pose):
    problem = pose("depth", "pools", directions={"depth": "max"})
    algorithm = eomoo.PLS(restart="random")
    search(problem, algorithm, 400, copy_algorithm=False)
    found = algorithm.opt.get("index")
    cells = algorithm.trace.index
    assert sorted(found.tolist()) == sorted(cells[brute_front(problem.objectives_at(cells))].tolist())
    assert len(np.unique(algorithm.opt.get("F"), axis=0)) < len(found) == len(set(found.tolist()))


@pytest.mark.parametrize("kind", ["hamming", "symmetric", "published"])
@pytest.mark.parametrize("n_expand", [1, 4])
def test_ends_by_itself_where_every_member_is_explored(pose, space, kind, n_expand):
    problem = pose("err", "size")
    algorithm = eomoo.PLS(neighborhood=kind, n_expand=n_expand, n_starts=5)
    res = minimize(problem, algorithm, ("n_eval", 60_000), seed=2, copy_algorithm=False)
    assert algorithm.evaluator.n_eval < 60_000
    seen = set(algorithm.trace.index.tolist())
    assert all(seen >= set(space.neighbors(int(i), kind).tolist()) for i in res.opt.get("index"))
    assert not algorithm.has_next()


def test_walkers_end_where_each_of_their_members_is_explored(pose, space):
    problem = pose("err", "size")
    algorithm = eomoo.PLS(archive="per-start", n_starts=3)
    minimize(problem, algorithm, ("n_eval", 60_000), seed=2, copy_algorithm=False)
    seen = set(algorithm.trace.index.tolist())
    assert len(algorithm._walkers) == 3
    for walker in algorithm._walkers:
        F = problem.objectives_at(walker.index)
        assert brute_front(F) == list(range(len(F)))
        assert all(seen >= set(space.neighbors(int(i)).tolist()) for i in walker.index)


def test_one_start_per_archive_is_the_search_from_that_start(pose, space):
    problem = pose("err", "lat")
    start = space.genotype([100434])
    one = eomoo.PLS(sampling=start, archive="per-start", n_expand=1)
    two = eomoo.PLS(sampling=start, archive="shared", n_expand=1)
    for algorithm in (one, two):
        search(problem, algorithm, 500, copy_algorithm=False)
    assert one.trace.index.tolist() == two.trace.index.tolist()


@pytest.mark.parametrize("n_starts", [1, 20, 1_000])
@pytest.mark.parametrize("archive", ["shared", "per-start"])
def test_a_small_domain_is_exhausted_without_hanging(pose, n_starts, archive):
    problem = pose("err", "lat", source="part")
    algorithm = eomoo.PLS(restart="random", n_starts=n_starts, archive=archive)
    res = minimize(problem, algorithm, ("n_eval", 10_000), seed=1, copy_algorithm=False)
    assert sorted(algorithm.trace.index.tolist()) == PART.tolist()
    assert sorted(res.opt.get("index").tolist()) == sorted(problem.pareto_indices().tolist())


@pytest.mark.parametrize("seed", range(8))
def test_restarts_use_the_whole_budget_even_from_single_starts(pose, seed):
    # In a table whose cells are no neighbours every start is a dead end: a restart a cell.
    problem = pose("err", "lat", source="part")
    algorithm = eomoo.PLS(restart="random", n_starts=1)
    search(problem, algorithm, 200, seed=seed, copy_algorithm=False)
    assert algorithm.evaluator.n_eval == 200


def test_constraints_from_infeasible_starts(pose):
    problem = pose("err", "lat", constraints=["lat<=19.6"])
    algorithm = eomoo.PLS()
    res = search(problem, algorithm, 3_000, copy_algorithm=False)
    first = algorithm.trace.violation[:20]
    assert (first > 0).all()
    assert (problem.values(res.opt.get("index"))[:, 1] <= 19.6).all()
    feasible = algorithm.trace.violation <= 0
    cells = algorithm.trace.index[feasible]
    expected = cells[brute_front(algorithm.trace.F[feasible])]
    assert sorted(res.opt.get("index").tolist()) == sorted(expected.tolist())


def test_nothing_feasible_gives_no_result_and_the_whole_budget(pose):
    problem = pose("err", "lat", constraints=["lat<=0"])
    algorithm = eomoo.PLS(restart="random")
    res = search(problem, algorithm, 300, copy_algorithm=False)
    assert res.X is None
    assert algorithm.evaluator.n_eval == 300


def test_cells_whose_evaluation_failed_are_passed_over(pose):
    problem = pose("holes", "lat")
    algorithm = eomoo.PLS(restart="random")
    res = search(problem, algorithm, 600, copy_algorithm=False)
    assert (algorithm.trace.index % 5 == 0).any()
    assert (res.opt.get("index") % 5 != 0).all()
    assert np.isfinite(res.F).all()


def test_one_objective(pose):
    problem = pose("err")
    algorithm = eomoo.PLS(restart="random")
    res = search(problem, algorithm, 500, copy_algorithm=False)
    assert np.min(res.F) == algorithm.trace.F.min()
    assert algorithm.evaluator.n_eval == 500


def test_starts_are_evaluated_first_and_in_order(problem, space):
    X = space.genotype([9, 3, 9])
    for sampling in (X, X.astype(float), Population.new(X=X)):
        algorithm = eomoo.PLS(sampling=sampling)
        search(problem, algorithm, 40, copy_algorithm=False)
        assert algorithm.trace.index[:2].tolist() == [9, 3]
        assert algorithm.starts.tolist() == [9, 3]


def test_other_terminations(problem):
    algorithm = eomoo.PLS(restart="random")
    minimize(problem, algorithm, ("n_gen", 7), seed=1, copy_algorithm=False)
    assert algorithm.n_iter - 1 == 7
    both = TerminationCollection(get_termination("n_eval", 77), get_termination("n_gen", 1_000))
    algorithm = eomoo.PLS(restart="random")
    minimize(problem, algorithm, both, seed=1, copy_algorithm=False)
    assert algorithm.evaluator.n_eval == 77
    for kind, n in ((TerminateIfAny, 77), (TerminateIfAll, 133)):
        both = kind(get_termination("n_eval", 77), get_termination("n_eval", 133))
        algorithm = eomoo.PLS(restart="random")
        minimize(problem, algorithm, both, seed=1, copy_algorithm=False)
        assert algorithm.evaluator.n_eval == n
    res = minimize(problem, eomoo.PLS(), get_termination("time", 0.2), seed=1)
    assert len(res.F) > 0


def test_callbacks_displays_and_archives_of_pymoo(problem, capsys):
    class Count(Callback):
        def __init__(self):
            super().__init__()
            self.data["n"] = []

        def notify(self, algorithm):
            self.data["n"].append(len(algorithm.opt))

    algorithm = eomoo.PLS(callback=Count())
    res = search(problem, algorithm, 120, verbose=True, copy_algorithm=False)
    assert algorithm.callback.data["n"][-1] == len(res.opt)
    assert "n_eval" in capsys.readouterr().out


def test_individuals_of_the_result_carry_names_and_generation(problem):
    res = search(problem, eomoo.PLS(), 200)
    assert (problem.values(res.opt.get("index"))[:, 0] == res.opt.get("err")).all()
    assert (res.opt.get("n_gen") >= 1).all()
    assert all_values()["lat"][res.opt.get("index")].tolist() == res.opt.get("lat").tolist()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_starts": 0}, "n_starts must be a whole number of at least 1; got 0"),
        ({"n_starts": 2.0}, "n_starts must be a whole number"),
        ({"n_expand": -1}, "n_expand must be"),
        ({"n_expand": True}, "n_expand must be"),
        ({"archive": "own"}, "archive must be one of shared, per-start; got 'own'"),
        ({"restart": None}, "restart must be one of none, random, .*; got None"),
        ({"n_start": 5}, "PLS: unknown key 'n_start'; known are .*n_starts.*, seed"),
    ],
)
def test_settings_that_cannot_be(options, text):
    with pytest.raises(SettingError, match=text):
        eomoo.PLS(**options)


def test_an_unknown_neighborhood():
    with pytest.raises(UnknownNameError, match="hamming, symmetric, published"):
        eomoo.PLS(neighborhood="far")


@pytest.mark.parametrize("chosen", [[], np.empty(0, dtype=int), [-1], [0, 10**6], [0.0], None, 0])
def test_a_selection_of_no_unexplored_member_is_refused(problem, chosen):
    algorithm = eomoo.PLS(selection=lambda F, unexplored, rng: chosen, batch_size=50)
    with pytest.raises(SettingError, match="selection must give positions of unexplored members"):
        minimize(problem, algorithm, ("n_eval", 200), seed=1)


def test_what_a_restart_of_ones_own_gives_may_be_a_list_and_is_checked(pose):
    problem = pose("err", "lat", source="ball")
    for given in ([], problem.cells.tolist()):
        found = minimize(problem, eomoo.PLS(n_starts=1, restart=lambda *_, given=given: given), ("n_eval", 300), seed=1)
        assert found.algorithm.evaluator.n_eval == 300
    with pytest.raises(SettingError, match="no cell has the index 10000000"):
        minimize(problem, eomoo.PLS(n_starts=1, restart=lambda *_: [10**7]), ("n_eval", 300), seed=1)


def test_a_problem_of_another_kind_is_refused_by_a_sentence():
    other, start = pymoo_problem("zdt1", n_var=26), eomoo.SurrogateParetoSampling(n_train=30)
    with pytest.raises(SettingError, match="PLS takes a CellProblem"):
        minimize(other, eomoo.PLS(), ("n_eval", 100))
    with pytest.raises(SettingError, match="SurrogateParetoSampling takes a CellProblem"):
        minimize(other, NSGA2(**eomoo.cell_operators(sampling=start)), ("n_eval", 100))
    with pytest.raises(SettingError, match="front_uncertainty takes a CellProblem"):
        eomoo.front_uncertainty(other, [5])


@pytest.mark.parametrize("search", [eomoo.PLS, eomoo.MemeticSearch])
def test_a_wrapper_that_leaves_out_the_setup_is_refused_by_a_sentence(problem, search):
    with pytest.raises(SettingError, match="AdaptiveEpsilonConstraintHandling leaves out the setup of the search"):
        minimize(problem, AdaptiveEpsilonConstraintHandling(search()), ("n_gen", 3))


def test_pickles_by_protocol_of_old(problem):
    algorithm = eomoo.PLS()
    algorithm.setup(problem, termination=("n_eval", 100), seed=1)
    algorithm.next()
    file = io.BytesIO()
    pickle.Pickler(file, protocol=2).dump(algorithm)
    assert pickle.loads(file.getvalue()).evaluator.n_eval == 20
