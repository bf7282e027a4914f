"""CellProblem's contract with pymoo and with the card."""

import copy
import gc
import pickle

import numpy as np
import pandas as pd
import pytest
from pymoo.constraints.as_obj import ConstraintsAsObjective
from pymoo.constraints.as_penalty import ConstraintsAsPenalty
from pymoo.core.evaluator import Evaluator
from pymoo.core.individual import Individual
from pymoo.core.population import Population
from pymoo.decomposition.weighted_sum import WeightedSum
from pymoo.optimize import minimize
from pymoo.problems.util import decompose
from synthetic import ANALYTIC_CARD, PART, all_values, brute_front, card_text

import eomoo
from eomoo.errors import CardError, EomooError, SettingError
from eomoo.objectives.card import load_card
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.run import run_algorithm


def valid(space, n=50, seed=0):
    return np.random.default_rng(seed).choice(len(space), n, replace=False)


def test_shape_of_the_problem(pose):
    problem = pose("err", "acc", stem="mine")
    assert (problem.n_var, problem.n_obj, problem.n_ieq_constr, problem.n_eq_constr) == (26, 2, 1, 0)
    assert problem.xl.tolist() == [0] * 26
    assert problem.xu.tolist() == [1] * 21 + [2] * 5
    assert problem.name() == "mine"
    assert problem.objective_names == ["err", "acc"]
    assert problem.units == ["%", "fraction"]
    assert problem.titles == ["error", "accuracy"]
    assert problem.domain is None
    assert problem.enumerable


def test_values_are_raw_and_F_is_minimised(pose, space):
    problem, cells = pose("err", "acc", "lat"), valid(space)
    raw = np.stack([all_values()[name][cells] for name in ("err", "acc", "lat")], axis=1)
    assert (problem.values(cells) == raw).all()
    F, G = problem.evaluate(space.genotype(cells))
    assert (raw * [1, -1, 1] == F).all()
    assert (G == 0).all()
    assert (problem.objectives_at(cells) == F).all()
    assert (problem.raw(F) == raw).all()
    assert problem.values(int(cells[0])).tolist() == raw[0].tolist()
    assert problem.deviations(cells).shape == raw.shape
    walks = cells[:6].reshape(2, 3)
    assert (problem.values(walks) == raw[:6].reshape(2, 3, 3)).all()
    assert (problem.deviations(walks) == problem.deviations(cells[:6]).reshape(2, 3, 3)).all()


def test_a_card_may_turn_a_direction_round(pose, space):
    usual, turned = pose("lat"), pose("lat", directions={"lat": "max"})
    cells = valid(space)
    assert (usual.values(cells) == turned.values(cells)).all()
    assert (usual.objectives_at(cells) == -turned.objectives_at(cells)).all()
    assert turned.raw(turned.pareto_front())[0, 0] == all_values()["lat"].max()


def test_individuals_carry_index_and_raw_values(pose, space):
    problem, cells = pose("err", "acc"), valid(space)
    X = np.concatenate((space.genotype(cells), np.zeros((1, 26), dtype=int)))
    pop = Evaluator().eval(problem, Population.new(X=X))
    assert pop.get("index").tolist() == [*cells, -1]
    assert pop.get("index").dtype == np.int64
    assert pop.get("acc")[:-1].tolist() == all_values()["acc"][cells].tolist()
    assert np.isnan(pop.get("acc")[-1])
    assert pop.get("F")[:-1, 1].tolist() == (-all_values()["acc"][cells]).tolist()


def test_invalid_genotypes_are_infeasible_by_degrees(pose):
    problem = pose("err", "lat")
    full, nothing, beyond, nine = np.ones(26), np.zeros(26), np.zeros(26), np.zeros(26)
    beyond[21] = 7
    nine[5] = 1
    F, G = problem.evaluate(np.stack([full, nothing, beyond, nine]).astype(int))
    assert np.isinf(F[:3]).all()
    assert np.isfinite(F[3]).all()
    assert G[:, 0].tolist() == [13, 2, 23, 0]


def test_inputs_are_not_changed_and_one_genotype_is_enough(pose, space):
    problem = pose("err", "lat")
    X = space.genotype(valid(space))
    kept = X.copy()
    X.setflags(write=False)
    F, _ = problem.evaluate(X)
    assert (kept == X).all()
    single = problem.evaluate(X[3])
    assert single[0].tolist() == F[3].tolist()
    assert single[1].shape == (1,)
    assert problem.evaluate(X[3], return_as_dictionary=True)["index"] == space.index(X[3])
    assert problem.evaluate(X[:0])[0].shape == (0, 2)
    assert problem.evaluate(X.astype(float))[0].tolist() == F.tolist()
    F[:] = 0
    assert (problem.evaluate(X)[0] != 0).all()


def test_values_given_out_may_be_changed_without_harm(pose, space):
    problem, cells = pose("err", "acc"), valid(space)
    before = problem.values(cells).copy()
    problem.values(cells)[:] = -1
    problem.objectives_at(cells)[:] = -1
    problem.values(int(cells[0]))[:] = -1
    front = problem.pareto_indices()
    assert (problem.values(cells) == before).all()
    assert (problem.pareto_indices() == front).all()


def test_a_cell_is_computed_once(pose, space):
    problem, cells = pose("err", "lat"), valid(space)
    for _ in range(3):
        problem.values(np.concatenate((cells, cells)))
        problem.evaluate(space.genotype(cells))
        problem.values(int(cells[0]))
    assert problem.backends["synthetic"].n_asked == len(cells)


def test_copies_and_pickles_stay_small(pose, space):
    problem = pose("err", "acc", noise=3, constraints=["lat<=20"])
    problem.pareto_front()
    data = pickle.dumps(problem)
    assert len(data) < 10_000
    twin, cells = pickle.loads(data), valid(space)
    assert (twin.values(cells) == problem.values(cells)).all()
    assert (twin.evaluate(space.genotype(cells))[1] == problem.evaluate(space.genotype(cells))[1]).all()
    assert twin.name() == problem.name()
    free = pickle.loads(pickle.dumps(problem.unconstrained()))
    assert free.n_ieq_constr == 0


def settings_of(problem):
    plain = (int, str, tuple, list)
    return {name: value for name, value in vars(problem).items() if isinstance(value, plain)}


def test_a_copy_is_an_object_of_its_own_that_shares_tables(pose, space):
    problem, cells = pose("err", "lat", constraints=["lat<=21"]), valid(space)
    kept = settings_of(problem)
    values = problem.values(cells)
    for twin in (copy.deepcopy(problem), copy.copy(problem)):
        assert twin is not problem
        assert type(twin) is type(problem)
        assert twin.backends is problem.backends
        assert np.shares_memory(twin._shared.raw, problem._shared.raw)
        twin.n_ieq_constr, twin.constrained = 0, False
        twin.reference_point = np.zeros(2)
        assert settings_of(problem) == kept
        assert (twin.values(cells) == values).all()
    deep = copy.deepcopy(problem)
    deep.xl[:] = 9
    deep.data["mine"] = 1
    deep.objective_names.append("more")
    assert problem.xl.tolist() == [0] * 26
    assert "mine" not in problem.data
    assert problem.objective_names == ["err", "lat"]
    assert problem.backends["synthetic"].n_asked == len(cells)
    together = copy.deepcopy([problem, problem])
    assert together[0] is together[1]


def test_wrappers_of_pymoo_leave_the_problem_alone(pose, space):
    problem, X = pose("err", constraints=["lat<=21"]), space.genotype(valid(space, 300))
    before = problem.evaluate(X, return_as_dictionary=True)
    kept = settings_of(problem)
    as_penalty = ConstraintsAsPenalty(problem, penalty=10.0)
    as_objective = ConstraintsAsObjective(problem)
    penalised = Evaluator().eval(as_penalty, Population.new(X=X)).get("F")
    assert Evaluator().eval(as_objective, Population.new(X=X)).get("F").shape == (300, 2)
    broken = before["G"][:, 1] > 0
    assert 0 < broken.sum() < 300
    assert (penalised[broken] > before["F"][broken]).all()
    assert settings_of(problem) == kept
    assert (problem.n_obj, problem.n_ieq_constr) == (1, 2)
    after = problem.evaluate(X, return_as_dictionary=True)
    assert (after["F"] == before["F"]).all()
    assert (after["G"] == before["G"]).all()
    assert as_penalty.n_ieq_constr == copy.deepcopy(as_penalty).n_ieq_constr == 0


def test_searches_take_the_objectives_that_a_wrapper_of_pymoo_makes_or_say_why_not():
    problem = eomoo.get_problem("eo-macro-params", constraints="params<=1e6")
    wrapped = ConstraintsAsObjective(problem)
    for algorithm in (eomoo.PLS(), eomoo.SurrogatePLS(), eomoo.MemeticSearch(n_genetic=20, pop_size=10)):
        found = minimize(wrapped, algorithm, ("n_eval", 60), seed=1)
        assert found.F.shape[1] == 3
        assert (found.algorithm.trace.F[:, 0] > 0).any()
    with pytest.raises(SettingError, match="not those that a wrapper makes of it"):
        minimize(wrapped, eomoo.CostAwareSearch(), ("n_eval", 60), seed=1)


def test_what_a_wrapper_of_pymoo_makes_other_objectives_of_tells_the_same_of_cells(pose, space):
    problem, cells = pose("err", "lat", source="part", constraints=["acc>=0.82"]), PART[:20]
    wrapped = ConstraintsAsObjective(problem)
    summed = decompose(problem, WeightedSum(), np.array([0.25, 0.75]))
    for other in (wrapped, summed):
        for tell in ("values", "deviations", "objectives_at", "violations_at", "limited_values", "marks", "basis"):
            assert np.array_equal(getattr(other, tell)(cells), getattr(problem, tell)(cells)), tell
        assert other.pareto_indices().tolist() == problem.pareto_indices().tolist()
    assert (wrapped.pareto_front()[:, 1:] == problem.pareto_front()).all()
    assert summed.pareto_front() is None
    F = summed.evaluate(space.genotype(cells), return_values_of=["F"])
    assert F[:, 0] == pytest.approx(problem.objectives_at(cells) @ [0.25, 0.75])


class Doubled(eomoo.CellProblem):
    """A class of a user's."""


def test_a_problem_of_ones_own_class_is_copied_and_pickled_as_such(card):
    problem = Doubled(load_card(card("err")))
    assert type(copy.deepcopy(problem)) is type(pickle.loads(pickle.dumps(problem))) is Doubled


def test_the_last_to_be_closed_closes_the_backends(pose):
    problem = pose("err", "lat")
    backend = problem.backends["synthetic"]
    view, deep = problem.unconstrained(), copy.deepcopy(problem)
    assert view.backends is deep.backends is problem.backends
    problem.close()
    problem.close()
    view.close()
    assert backend.n_closed == 0
    deep.close()
    assert backend.n_closed == 1
    problem.close()
    assert backend.n_closed == 1


def test_what_is_no_longer_used_closes_its_backends(pose):
    problem = pose("err", "lat")
    backend, twin = problem.backends["synthetic"], copy.deepcopy(problem.unconstrained())
    assert twin.backends is problem.backends
    del problem
    gc.collect()
    assert backend.n_closed == 0
    del twin
    gc.collect()
    assert backend.n_closed == 1


def test_a_run_without_constraints_leaves_no_backend_open(pose):
    problem = pose("err", "lat", constraints=["lat<=21"])
    spec = AlgorithmSpec(label="moead", algorithm="moead")
    run_algorithm(problem, spec, budget=30, seed=1)
    backend = problem.backends["synthetic"]
    assert backend.n_asked == 30, "the view has no backends of its own"
    assert backend.n_closed == 0
    problem.close()
    assert backend.n_closed == 1


def test_the_fingerprint_is_that_of_what_the_card_points_to(tmp_path):
    path = tmp_path / "card.toml"
    path.write_text(card_text("err", source="table") + '[backend.table]\nfile = "mine.csv"\n')

    def digest(err, **changes):
        pd.DataFrame({"index": [5, 77, 700], "err": err}).to_csv(tmp_path / "mine.csv", index=False)
        return eomoo.get_problem(path, **changes).fingerprint

    assert digest([1, 2, 3]) == digest([1.0, 2.0, 3.0]) == digest([1, 2, 3], noise=3, constraints="err<=2")
    assert digest([1, 2, 3]) != digest([1, 2, 4])


def test_noise_is_reproducible_and_independent_of_order(pose, space):
    cells = valid(space, 200)
    one, two, other, exact = (pose("err", "lat", noise=n) for n in (5, 5, 6, None))
    values = one.values(cells)
    parts = np.concatenate([two.values(cells[k : k + 7]) for k in range(0, 200, 7)][::-1])
    assert two.values(cells[::-1])[::-1].tolist() == values.tolist()
    assert parts.shape == values.shape
    assert (other.values(cells) != values).all()
    z = (values - exact.values(cells)) / exact.deviations(cells)
    assert abs(z.mean()) < 0.2
    assert 0.85 < z.std() < 1.15
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.25


def test_a_limit_on_an_objective_sees_the_same_noisy_values(pose, space):
    problem = pose("err", "lat", noise=5, constraints=["lat<=21.8"])
    cells = valid(space, 400)
    _, G = problem.evaluate(space.genotype(cells))
    assert ((G[:, 1] <= 0) == (problem.values(cells)[:, 1] <= 21.8)).all()


def test_a_single_constraint_and_a_seed_of_numpy(card, space):
    one = eomoo.get_problem(card("err"), constraints="lat<=22", noise=np.int64(3))
    two = eomoo.get_problem(card("err"), constraints=["lat<=22"], noise=3)
    X = space.genotype(valid(space))
    assert one.evaluate(X)[1].tolist() == two.evaluate(X)[1].tolist()
    assert one.evaluate(X)[0].tolist() == two.evaluate(X)[0].tolist()


@pytest.mark.parametrize("noise", [-1, 1.5, True, "3"])
def test_noise_is_a_seed(card, noise):
    with pytest.raises(SettingError, match="noise must be a whole number from 0 to"):
        eomoo.get_problem(card("err"), noise=noise)


def test_constraints_by_name_in_raw_units(pose, space):
    problem = pose("acc", "err", constraints=["acc>=0.82", "lat <= 22", "params<=5e6"])
    cells = valid(space, 500)
    F, G = problem.evaluate(space.genotype(cells))
    assert G.shape == (500, 4)
    columns = all_values()
    assert ((G[:, 1] <= 0) == (columns["acc"][cells] >= 0.82)).all()
    assert ((G[:, 2] <= 0) == (columns["lat"][cells] <= 22)).all()
    assert ((G[:, 3] <= 0) == (space.params(cells) <= 5e6)).all()
    assert 0 < (G <= 0).all(axis=1).sum() < 500
    assert np.isfinite(F).all()


def test_limits_on_the_card(card, space):
    path = card(
        text=ANALYTIC_CARD
        + '[[constraints]]\nquantity = "params"\nsource = "analytic"\nmax = 4000000\nmin = 1000000.5\n'
    )
    problem = eomoo.get_problem(path, constraints=["macs<=1e9"])
    cells = problem.pareto_indices()
    everything = np.arange(len(space))
    params, macs = space.params(everything), space.macs(everything)
    allowed = (params <= 4e6) & (params > 1e6) & (macs <= 1e9)
    assert len(cells) > 0
    assert allowed[cells].all()
    assert macs[cells].max() == macs[allowed].max()
    assert [str(c) for c in problem.constraints] == ["params <= 4e+06 and params >= 1000000.5", "macs <= 1e+09"]


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("lat", "neither <= nor >="),
        ("lat<20", "neither <= nor >="),
        ("", "neither <= nor >="),
        ("lat==3", "neither <= nor >="),
        ("lat=<3", "neither <= nor >="),
        ("lat≤3", "neither <= nor >="),
        ("<=3", "no quantity before <="),
        ("lat<=", "no number alone after <="),
        ("lat<=abc", "no number alone after <="),
        ("lat<=nan", "no number alone after <="),
        ("lat<=inf", "no number alone after <="),
        ("lat<=1<=2", "no number alone after <="),
        ("lat<=8 ms", "no number alone after <="),
        ("err<=6%", "no number alone after <="),
        ("lat>=1,5", "no number alone after >="),
        ("3M>=params", "no number alone after >="),
    ],
)
def test_constraints_that_make_no_sense(card, text, has):
    with pytest.raises(CardError, match=f"a constraint reads like .*, in the quantity's own unit; .* has {has}"):
        eomoo.get_problem(card("err", "lat"), constraints=[text])


def test_constraints_are_none_one_or_several(card):
    def limits(given):
        return [*map(str, eomoo.get_problem(card("err", "lat"), constraints=given).constraints)]

    one = eomoo.get_problem(card("err", "lat"), constraints="lat<=3").constraints[0]
    assert limits(None) == limits(()) == []
    assert limits("lat<=3") == limits(["lat<=3"]) == limits(one) == [str(one)]
    with pytest.raises(CardError, match="a constraint reads like 'latency<=10'; got 3"):
        limits(3)
    with pytest.raises(CardError, match="a constraint reads like 'latency<=10'; got 3"):
        limits([3])


def test_a_constraint_on_an_unknown_quantity(card):
    with pytest.raises(EomooError, match=r"no quantity 'latenzy'.*err, lat"):
        eomoo.get_problem(card("err", "lat"), constraints=["latenzy<=3"])


def test_exact_front_on_a_table(pose, space):
    problem = pose("err", "lat", source="part")
    F = np.stack([all_values()[name][PART] for name in ("err", "lat")], axis=1)
    expected = PART[brute_front(F)]
    assert sorted(problem.pareto_indices().tolist()) == sorted(expected.tolist())
    front = problem.pareto_front()
    assert (np.diff(front[:, 0]) >= 0).all()
    assert front.tolist() == problem.objectives_at(problem.pareto_indices()).tolist()
    assert space.index(problem.pareto_set()).tolist() == problem.pareto_indices().tolist()
    assert problem.ideal_point().tolist() == F[brute_front(F)].min(axis=0).tolist()
    assert problem.nadir_point().tolist() == F[brute_front(F)].max(axis=0).tolist()


def test_exact_front_keeps_cells_with_equal_values(pose):
    problem = pose("depth", "pools")
    F = np.stack([all_values()[name] for name in ("depth", "pools")], axis=1)
    best = np.unique(F, axis=0)
    best = best[brute_front(best)]
    expected = np.flatnonzero((F[:, None] == best).all(axis=2).any(axis=1))
    assert sorted(problem.pareto_indices().tolist()) == expected.tolist()


def test_exact_front_with_three_objectives_and_with_one(pose):
    problem = pose("err", "acc", "lat", source="part", directions={"acc": "min"})
    F = problem.objectives_at(PART)
    assert sorted(problem.pareto_indices().tolist()) == sorted(PART[brute_front(F)].tolist())
    single = pose("err")
    assert single.pareto_indices().tolist() == [int(all_values()["err"].argmin())]
    assert single.ideal_point().tolist() == [all_values()["err"].min()]


def test_exact_front_leaves_out_what_is_infeasible_or_unknown(pose):
    problem = pose("holes", "lat", constraints=["lat>=19"])
    cells = problem.pareto_indices()
    assert (cells % 5 != 0).all()
    assert (problem.values(cells)[:, 1] >= 19).all()
    assert np.isfinite(problem.pareto_front()).all()
    _, G = problem.evaluate(problem.space.genotype([0, 5, 10]))
    assert (G[:, 0] > 0).all()
    assert (problem.evaluate(problem.space.genotype([0, 5]))[0] == np.inf).all()


def test_a_table_has_a_domain_and_the_rest_is_infeasible(pose, space):
    problem = pose("err", "lat", source="part")
    assert np.flatnonzero(problem.domain).tolist() == PART.tolist()
    F, G = problem.evaluate(space.genotype([PART[3], PART[3] + 1]))
    assert np.isfinite(F[0]).all()
    assert np.isinf(F[1]).all()
    assert G[:, 0].tolist() == [0, 1]
    counts, flat = problem.neighbor_lists(PART[:50])
    assert problem.domain[flat].all()
    assert counts.sum() == len(flat)
    expected = [i for p in PART[:50] for i in space.neighbors(int(p)) if i in set(PART.tolist())]
    assert flat.tolist() == expected
    drawn = problem.random_cells(10_000, np.random.default_rng(0))
    assert sorted(drawn.tolist()) == PART.tolist()


@pytest.mark.parametrize("known", [[1, 10**7], [1, -1], [1.5], "all", {1, 2}])
def test_a_backend_that_knows_what_are_no_cells(pose, monkeypatch, known):
    monkeypatch.setattr("synthetic.SyntheticBackend.known", lambda backend, names: known)
    with pytest.raises(SettingError, match=r"no cell has the index|a cell's index is a whole number"):
        pose("err", "lat")


def test_nothing_that_satisfies_the_constraints(pose):
    problem = pose("err", "lat", constraints=["lat<=0"])
    assert len(problem.pareto_indices()) == 0
    for known in (problem.pareto_front, problem.pareto_set, problem.ideal_point, problem.nadir_point):
        assert known() is None


def test_unconstrained_form_for_algorithms_without_constraints(pose, space):
    problem = pose("err", "lat", constraints=["lat<=21"])
    free = problem.unconstrained()
    cells = valid(space, 300)
    X = np.concatenate((space.genotype(cells), np.zeros((1, 26), dtype=int)))
    F = free.evaluate(X)
    strict, G = problem.evaluate(X)
    feasible = (G <= 0).all(axis=1)
    assert 0 < feasible.sum() < 300
    assert (F[feasible] == strict[feasible]).all()
    assert np.isfinite(F).all()
    assert F[~feasible].min() >= 1e30
    excess = np.maximum(G, 0).sum(axis=1)
    worse = np.argsort(excess[~feasible], kind="stable")
    assert (np.diff(F[~feasible][worse, 0]) >= 0).all()
    assert len(np.unique(F[~feasible][:, 0])) == len(np.unique(excess[~feasible])) > 100
    assert (free.pareto_indices() == problem.pareto_indices()).all()


def test_wrong_indices_are_refused(pose):
    problem = pose("err", "lat")
    for ask in (problem.values, problem.deviations, problem.objectives_at, problem.extrapolates):
        with pytest.raises(SettingError, match="no cell has the index"):
            ask([3, -1])
        with pytest.raises(SettingError, match="these are genotypes"):
            ask(problem.space.genotype([5, 7]))


def test_objectives_do_not_take_names_of_pymoo_individuals(card):
    taken = [name for name in dir(Individual()) if not name.startswith("_")]
    for name in [*taken, "index", "n_gen", "n_iter", "rank", "crowding", "hash", "genotype", "step"]:
        with pytest.raises(CardError, match="name"):
            eomoo.get_problem(card(text=ANALYTIC_CARD.replace('"params"', f'"{name}"\nquantity = "params"', 1)))


def test_names_of_shipped_cards_and_paths(card):
    with pytest.raises(KeyError, match=r"'eo-macro-latenzy'.*shipped are .*eo-macro-latency"):
        eomoo.get_problem("eo-macro-latenzy")
    problem = eomoo.get_problem(str(card("err", "lat", stem="by-path")))
    assert problem.name() == "by-path"
