"""The search that spends trainings sparingly, on made problems whose truth is known."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pymoo.optimize import minimize

import eomoo
from eomoo.errors import CardError, SettingError
from eomoo.fronts import Quantity
from eomoo.objectives import AnalyticBackend, TableBackend
from eomoo.search import AlgorithmSpec, CostAwareSearch, Costs, Prior, run_algorithm

N = 300
CARD = """
reference_point = [12.0, 1e8]
[[objectives]]
name = "error"
unit = "%"
direction = "min"
source = "table"
{cost}
[[objectives]]
name = "params"
unit = ""
direction = "min"
source = "table"
[backend.table]
file = "{file}"
effort = "seconds"
{rungs}
"""
RUNG = '[[backend.table.rungs]]\nshare = 0.1\ncolumns = {{ error = "{column}" }}\n'


@pytest.fixture(scope="module")
def pose_table(tmp_path_factory, space):
    """A problem of 300 cells: errors that fall with size, and a short training that tells or misleads."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(5)
    cells = np.sort(rng.choice(len(space), N, replace=False))
    params = space.params(cells).astype(float)
    error = 10.0 - 1.5 * np.log10(params / 1e6) + rng.standard_normal(N)
    table = pd.DataFrame({"index": cells, "params": params, "error": error, "seconds": params / 1e5})
    table["short"], table["misleading"] = 40.0 + 3.0 * error, 40.0 - 3.0 * error
    table.to_csv(folder / "cells.csv", index=False)

    def pose(column=None, cost="", constraints=()):
        path = folder / f"{column}{len(list(folder.iterdir()))}.toml"
        rungs = "" if column is None else RUNG.format(column=column)
        path.write_text(CARD.format(file="cells.csv", rungs=rungs, cost=cost))
        return eomoo.get_problem(path, constraints=constraints)

    return pose


def searched(problem, budget, seed=1, **options):
    algorithm = CostAwareSearch(**options)
    minimize(problem, algorithm, ("n_eval", budget), seed=seed, copy_algorithm=False)
    return algorithm


def share(problem, algorithm):
    from eomoo.fronts import Box, hypervolume

    box = Box(ideal=problem.ideal_point(), reference=problem.reference_point)
    return hypervolume(algorithm.trace.F, box) / hypervolume(problem.pareto_front(), box)


def mean_share(problem, **options):
    return np.mean([share(problem, searched(problem, 12, seed, **options)) for seed in range(3)])


def test_costs_are_told_by_backends_and_cards(pose_table):
    assert AnalyticBackend().cost("params") == "free"
    assert Costs(pose_table()).known.tolist() == [False, True]
    assert Costs(pose_table(cost='cost = "cheap"')).known.tolist() == [True, True]
    problem = pose_table("short")
    assert Costs(problem).rungs == (0.1, 1.0)
    for wrong in ((0.0, 1.0), (0.1, 0.5), ()):
        problem.backends["table"].rungs = wrong
        with pytest.raises(SettingError, match="rungs of backends are shares of a full training above 0, the last 1"):
            Costs(problem)
    assert Costs(eomoo.get_problem("eo-macro-latency")).known.tolist() == [False, True]
    with pytest.raises(CardError, match="cost must be one of free, cheap, dear"):
        pose_table(cost='cost = "gold"')


def test_as_many_are_trained_at_once_as_any_backend_can_and_trainings_go_on_where_all_can(pose, monkeypatch):
    both = [SimpleNamespace(rungs=(1.0,), enumerable=False, continues=n > 1, workers=n) for n in (3, 1)]
    monkeypatch.setattr(Costs, "_trainers", lambda self: both)
    costs = Costs(pose("err", "lat"))
    assert costs.workers == 3
    assert not costs.continues


def test_a_cheap_quantity_that_only_a_device_can_tell_is_modelled(pose):
    problem = pose("err", "lat")
    problem.backends["synthetic"].cost = lambda name: "cheap"
    problem.backends["synthetic"].enumerable = False
    assert not Costs(problem).known.any()
    assert len(searched(problem, 8, n_candidates=50).trace) == 8


def test_what_is_known_is_never_asked_with_what_is_dear(pose):
    problem = pose("err", "size")
    backend = problem.backends["synthetic"]
    backend.cost = lambda name: "free" if name == "size" else "dear"
    asked = []
    values = backend._values
    backend._values = lambda cells, names: asked.append((len(cells), tuple(names))) or values(cells, names)
    searched(problem, 6, n_candidates=100)
    assert sum(n for n, names in asked if "err" in names) == 6
    assert max(n for n, names in asked if names == ("size",)) == problem.n_cells


def test_cells_that_break_a_known_limit_are_never_trained(pose_table):
    problem = pose_table("short", constraints=["params<=8e6"])
    algorithm = searched(problem, 15)
    short = np.array([cell for cell, _, _ in algorithm.dear.short])
    assert len(short) >= 16
    for cells in (algorithm.trace.index, short):
        assert (problem.limited_values(cells)[:, 0] <= 8e6).all()
    assert algorithm.n_skipped == (problem.limited_values(problem.cells)[:, 0] > 8e6).sum() > 0
    some = problem.cells[:50]
    costs = Costs(pose_table(constraints=[f"params<={problem.values(some)[10, 1]:.0f}"]))
    known = costs.known_values(some)
    assert costs.breaks_known_limits(known).tolist() == (known[:, 1] > known[10, 1]).tolist()
    with pytest.raises(SettingError, match="every cell breaks a limit"):
        searched(pose_table(constraints=["params<=1"]), 5)


def test_what_cannot_win_is_never_trained(pose_table, space):
    """Errors that fall with size exactly: the search ends when every cell left is certainly dominated."""
    problem = pose_table()
    backend = problem.backends["table"]
    cells = problem.cells
    # The smallest cell is the best of all, by far more than any other differs.
    error = np.where(problem.values(cells)[:, 1] == problem.values(cells)[:, 1].min(), 1.0, 11.0)
    error = error + 1e-3 * np.random.default_rng(0).standard_normal(len(cells))
    better = TableBackend(
        cells, {"error": error, "params": space.params(cells)}, {k: backend.quantities[k] for k in ("error", "params")}
    )
    problem._shared.backends = {"table": better}
    problem._shared.known[:] = False
    algorithm = searched(problem, 250, sampling=cells[np.argsort(problem.values(cells)[:, 1])[[0, 100, 200]]])
    assert len(algorithm.trace) < 250


def test_limits_that_need_a_training_are_learnt(pose):
    problem = pose("lat", constraints=["err<=15.5"])
    kept = [problem.violations_at(searched(problem, 24, s, n_candidates=100).trace.index[12:]) <= 0 for s in (1, 2)]
    chance = (problem.violations_at(problem.cells[::50]) <= 0).mean()
    assert chance < 0.4
    assert np.mean(kept) > 1.3 * chance


def test_short_trainings_are_paid_by_their_share(pose_table):
    problem = pose_table("short")
    for budget in (2, 9):
        algorithm = searched(problem, budget)
        spent = len(algorithm.trace) + 0.1 * len(algorithm.dear.short)
        assert budget - 1.1 < spent <= budget
        for cell, length, values in algorithm.dear.short:
            assert (length, values[0]) == (0.1, pytest.approx(40.0 + 3.0 * problem.values(cell)[0]))
    result = run_algorithm(problem, AlgorithmSpec(label="x", algorithm="cost-aware"), budget=9, seed=1)
    assert result.cells.tolist() == algorithm.trace.index.tolist()
    assert result.ended == ""


def test_short_trainings_and_priors_help_and_misleading_ones_cost_little(pose_table):
    plain = mean_share(pose_table())
    told = dict(zip(pose_table().cells.tolist(), pose_table().values(pose_table().cells)[:, 0], strict=True))
    prior = Prior(name="truth", tell=lambda cells: np.array([told.get(int(k), 0.0) for k in cells]))
    turned = Prior(name="turned", tell=lambda cells: -prior(cells))
    assert mean_share(pose_table("short")) > plain
    assert mean_share(pose_table("misleading")) > plain - 0.1
    assert mean_share(pose_table(), priors=[prior]) > plain + 0.01
    assert mean_share(pose_table(), priors=[turned]) > plain + 0.01
    worth = searched(pose_table(), 12, priors=[turned]).spending["worth"]
    assert worth[0]["prior"] == "turned"
    assert worth[0]["weight"] < 0
    assert worth[0]["spearman"] == pytest.approx(-1.0)


@pytest.fixture(scope="module")
def truth(pose_table):
    """A prior that knows all errors, and one that knows nothing."""
    problem = pose_table()
    told = dict(zip(problem.cells.tolist(), problem.values(problem.cells)[:, 0], strict=True))
    noise = dict(zip(told, np.random.default_rng(2).standard_normal(len(told)), strict=True))
    kinds = {"truth": told, "turned": {k: -v for k, v in told.items()}, "noise": noise}
    return {
        name: Prior(name=name, tell=lambda cells, of=of: np.array([of.get(int(k), 0.0) for k in cells]))
        for name, of in kinds.items()
    }


@pytest.mark.parametrize(("name", "n"), [("truth", 6), ("turned", 6), ("noise", 16)])
def test_starts_are_few_where_a_prior_ranks_them(pose_table, truth, name, n):
    problem = pose_table("short")
    algorithm = CostAwareSearch(priors=[truth[name]])
    algorithm.setup(problem, termination=("n_eval", 12), seed=1)
    algorithm.next()
    begun = [cell for cell, _, _ in algorithm.dear.short]
    assert len(begun) == n
    errors = problem.values(np.array(begun))[:, 0]
    # Few or many, they are of all costs.
    order = problem.cells[np.argsort(problem.values(problem.cells)[:, 1], kind="stable")]
    assert {int(np.flatnonzero(order == cell)[0] // (N / 4)) for cell in begun} == {0, 1, 2, 3}
    if n == 6:
        assert algorithm.trace.index.tolist() == [begun[int(errors.argmin())]]
    algorithm.next()
    assert len(algorithm.first_starts) == (1 if n == 6 else 2)


def test_starts_are_as_many_as_without_where_one_of_two_errors_is_told_by_none(pose_table, truth):
    algorithm = searched(pose_table("short"), 3, priors=[truth["truth"]])
    dear = algorithm.dear
    assert dear.priors_rank() == (len(dear.short) % 2 == 0)
    dear.columns = np.array([0, 1])
    dear.measured = lambda k, rung: (np.arange(6), np.arange(6.0)) if k else type(dear).measured(dear, k, rung)
    assert not dear.priors_rank()


def test_the_gate_ends_and_a_candidate_climbs_one_rung_at_a_time(pose_table):
    problem = pose_table("short")
    algorithm = searched(problem, 25, n_gated=5)
    short = [cell for cell, _, _ in algorithm.dear.short]
    assert len(short) == len(set(short))
    after = algorithm.trace.index[5 + 1 :]
    assert not np.isin(after, short).all()
    assert np.isin(algorithm.trace.index[:5], short).all()
    assert not searched(problem, 8, rungs=()).dear.short
    for rungs in ((0.7,), (0.1, 0.7)):
        with pytest.raises(SettingError, match=r"no training of 0\.7 of a full one; its rungs are 0\.1, 1"):
            searched(problem, 8, rungs=rungs)


def test_starts_are_one_in_each_stratum_of_the_known_costs(pose_table):
    problem = pose_table()
    order = problem.cells[np.argsort(problem.values(problem.cells)[:, 1], kind="stable")]
    starts = searched(problem, 4).trace.index
    assert [int(np.flatnonzero(order == cell)[0] // (N / 4)) for cell in starts] == [0, 1, 2, 3]


def test_batches_believe_what_was_decided_before_them(pose_table):
    problem = pose_table("short")
    algorithm = searched(problem, 12)
    state = algorithm.random_state.bit_generator.state
    batch = algorithm.plan(4)
    assert len({cell for cell, _ in batch}) == 4
    algorithm.random_state.bit_generator.state = state
    first = algorithm.plan(2)
    assert batch[:2] == first
    # Whoever waits for others decides what a batch would have held.
    assert algorithm.plan(2, pending=first) == batch[2:]


def test_what_is_believed_is_gained_once(pose_table):
    algorithm = searched(pose_table(), 8)
    before = algorithm._score([], again=False)
    best = int(np.argmax(before))
    after = algorithm._score([(int(algorithm._pool.cells[best]), 0)], again=True)
    assert 0 < after[best] < 0.3 * before[best]


def test_a_pickled_search_goes_on_as_if_it_had_not_been_stopped(pose_table):
    problem = pose_table("short")
    whole = searched(problem, 10)
    algorithm = CostAwareSearch()
    algorithm.setup(problem, termination=("n_eval", 10), seed=1)
    for _ in range(4):
        algorithm.next()
    algorithm = pickle.loads(pickle.dumps(algorithm))
    while algorithm.has_next():
        algorithm.next()
    assert algorithm.trace.index.tolist() == whole.trace.index.tolist()


def test_shorter_trainings_of_a_table_are_checked(space):
    cells, q = np.arange(3), {"error": Quantity(title="error", unit="%", direction="min")}
    columns = {"error": [1.0, 2.0, 3.0], "short": [4.0, 5.0, 6.0], "cost": [1.0, 2.0, 3.0]}
    table = TableBackend(cells, columns, q, rungs={0.1: {"error": "short"}}, effort="cost")
    assert table.at_rung([2, 0], ["error"], 0.1).ravel().tolist() == [6.0, 4.0]
    assert table.at_rung([1], ["error"], 1.0).ravel().tolist() == [2.0]
    assert table.effort([0, 2]).tolist() == [0.5, 1.5]
    assert table.fingerprint() != TableBackend(cells, columns, q).fingerprint()
    gap = {**columns, "cost": [1.0, np.nan, 3.0]}
    untold = TableBackend(cells, gap, q, rungs={0.1: {"error": "short"}}, effort="cost")
    # A cell whose cost is not told costs what a mean one does; what is told elsewhere is another table.
    assert untold.effort([0, 1]).tolist() == [0.5, 1.0]
    other = TableBackend(cells, {**gap, "cost": [2.0, np.nan, 3.0]}, q, rungs={0.1: {"error": "short"}}, effort="cost")
    assert untold.fingerprint() != other.fingerprint()
    with pytest.raises(SettingError, match=r"no training of 0\.2 of the full one"):
        table.at_rung([1], ["error"], 0.2)
    for rungs in ({1.0: {"error": "short"}}, {0.1: {}}, {0.1: {"other": "short"}}):
        with pytest.raises(SettingError, match="a rung is a share"):
            TableBackend(cells, columns, q, rungs=rungs)
