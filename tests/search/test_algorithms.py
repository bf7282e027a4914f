"""Every algorithm by name, under equal conditions."""

import importlib.util
import itertools
import json
from functools import cache

import numpy as np
import pytest
from synthetic import ball, brute_front

from eomoo.errors import DataNotFoundError, MissingPackageError, SettingError, UnknownNameError
from eomoo.fronts.box import reference_directions
from eomoo.objectives import load_card
from eomoo.search.algorithms import ALGORITHMS, AlgorithmSpec, default_name, make_algorithm, same_settings
from eomoo.search.run import run_algorithm

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs numba")
KINDS = ("two", "max", "three", "one", "limited", "failing", "table")
BASE = {
    "memetic": {"n_genetic": 50, "pop_size": 20, "neighborhood": "hamming"},
    "surrogate-pls": {"batch_size": 20},
    "cost-aware": {"batch_size": 15, "n_candidates": 100},
}
"""Settings that make an algorithm quicker, or come to its second part sooner."""
SLOW = ("age-moea", "surrogate-pls", "cost-aware")
DEAR = {name: BASE[name] for name in ("surrogate-pls", "cost-aware")}
"""Those whose decisions cost more than a test has, as they come."""
NAMES = [pytest.param(n, marks=needs_numba) if n == "age-moea" else n for n in ALGORITHMS]


def run(problem, name, budget, seed=3, **options):
    spec = AlgorithmSpec(label=name, algorithm=name, options=options)
    return run_algorithm(problem, spec, budget=budget, seed=seed)


@pytest.fixture(scope="module")
def problems(pose):
    return {
        "two": pose("err", "lat"),
        "max": pose("acc", "lat"),
        "three": pose("err", "lat", "size"),
        "one": pose("err"),
        "limited": pose("err", "lat", constraints=["lat<=20.5"]),
        "failing": pose("holes", "lat"),
        "table": pose("err", "lat", source="ball"),
        "scattered": pose("err", "lat", source="part"),
        "ladder": pose("err", "lat", source="ladder"),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_exactly_on_budget_with_the_right_values(problems, name, kind):
    problem = problems[kind]
    if (name, kind) == ("moead", "one"):
        with pytest.raises(SettingError, match="moead divides several objectives"):
            run(problem, name, 173)
        return
    if (name, kind) == ("nsga2-integer", "table"):
        pytest.skip("pymoo's integer operators know no domain, and would search for minutes")
    if name in SLOW and kind in ("max", "three", "one"):
        pytest.skip("the quicker algorithms tell enough")
    budget = 97 if name in DEAR else 173
    result = run(problem, name, budget, **DEAR.get(name, {}))
    assert len(result.cells) == len(set(result.cells.tolist())) == budget <= result.n_eval
    assert result.complete
    np.testing.assert_array_equal(result.values, problem.values(result.cells))
    F, G = problem.evaluate(problem.space.genotype(result.cells))
    assert result.feasible.tolist() == (G <= 0).all(axis=1).tolist()
    good = result.cells[result.feasible]
    expected = good[brute_front(F[result.feasible])]
    assert sorted(result.front.tolist()) == sorted(expected.tolist())
    assert result.front_deviations.shape == (len(result.front), problem.n_obj)
    if kind == "table":
        assert problem.domain[result.cells].all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["two", "failing"])
def test_same_seed_same_run_within_one_process(problems, name, kind):
    budget = 65 if name in DEAR else 250
    one, two, other = (run(problems[kind], name, budget, seed=seed, **BASE.get(name, {})) for seed in (3, 3, 4))
    assert one.cells.tolist() == two.cells.tolist() != other.cells.tolist()
    assert one.n_eval == two.n_eval


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [1, 2, 51])
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # pymoo's SPEA2, of one point
def test_tiny_budgets(problems, name, budget):
    assert len(run(problems["two"], name, budget, **DEAR.get(name, {})).cells) == budget


@pytest.mark.parametrize("name", ["pls", "random"])
def test_a_budget_beyond_the_domain_evaluates_it_whole(problems, name):
    assert sorted(run(problems["table"], name, 600).cells.tolist()) == ball().tolist()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_feasible(pose, name):
    problem = pose("err", "lat", constraints=["lat<=1", "size>=1e9"])
    result = run(problem, name, 80, **BASE.get(name, {}))
    assert len(result.cells) == 80
    assert not result.feasible.any()
    assert len(result.front) == 0
    best = result.values[:, 1].min()
    assert f"lat {best:.6g} (limit lat <= 1), size" in result.nearest
    assert f"the least violation is {problem.violations_at(result.cells).min():.3g} " in result.nearest


def test_why_a_run_ended_is_told(problems):
    assert run(problems["two"], "pls", 50).ended == ""
    assert run(problems["table"], "pls", 500).ended == "all 425 cells of the problem have been evaluated"
    assert "every cell on the front is explored" in run(problems["table"], "pls", 424, restart="none").ended
    assert "no further one" in run(problems["table"], "nsga2-integer", 100).ended


def test_algorithms_search(problems):
    """Each is better than chance on a smooth landscape."""
    from eomoo.fronts.box import Box
    from eomoo.fronts.indicators import hypervolume

    problem = problems["two"]
    box = Box(ideal=problem.ideal_point(), reference=np.array([21.0, 24.0]))

    def quality(name):
        return np.mean([hypervolume(problem.objectives_at(run(problem, name, 400, s).front), box) for s in (1, 2)])

    chance = quality("random")
    for name in ("pls", "nsga2", "nsga3", "sms-emoa", "spea2"):
        assert quality(name) > chance


OTHER = {
    **{"n_starts": 7, "batch_size": 9, "n_expand": 2, "neighborhood": "published", "archive": "per-start"},
    **{"selection": "random", "exploration": "switch", "restart": "gap", "acquisition": "sample"},
    **{"n_candidates": 300, "n_model_cells": 25, "features": "one-hot", "init": "surrogate-pareto"},
    **{"n_train": 40, "n_genetic": 90, "pop_size": 12, "rungs": [0.5], "n_gated": 2, "priors": ["eo-hwnas"]},
    "related": False,
}
"""For each option a value that is nobody's default."""


def told(problem, name, options):
    """What a run does: its cells, and how many came in each batch."""
    spec = AlgorithmSpec(label="x", algorithm=name, options=options)
    sizes = []
    result = run_algorithm(
        problem,
        spec,
        budget={"pls": 180, "memetic": 600, "cost-aware": 40}.get(name, 70),
        seed=3,
        on_progress=lambda progress: sizes.append(progress.n_distinct),
    )
    return result.cells.tolist(), sizes


@pytest.mark.parametrize("name", NAMES)
def test_every_option_changes_the_run_and_the_recorded_settings_rebuild_it(problems, name, monkeypatch):
    # As a live store does that has other trainings.
    earlier = dict(enumerate(problems["ladder"].values(np.arange(300))[:, 0].tolist()))
    for backend in problems["ladder"].backends.values():
        monkeypatch.setattr(backend, "related", lambda *_, **__: [("epochs 4", earlier)])
    by_default = cache(lambda kind, base: told(problems[kind], name, dict(base)))
    for key in AlgorithmSpec(label="x", algorithm=name)._entry.defaults:
        base = dict(BASE.get(name, {}))
        if key in ("init", "n_train"):
            base["n_train"] = 50
        if key == "n_train":
            base["init"] = "surrogate-pareto"
        options = {**base, key: OTHER[key]}
        if key == "init":
            del base["n_train"]
        # Only where all that is near is soon explored do restarts have their say; surrogates predict few cells sooner.
        kind = "scattered" if key in ("restart", "n_starts", "init", "n_train") else "two"
        if name == "cost-aware":
            kind = "ladder"
        found = told(problems[kind], name, options)
        assert found != by_default(kind, tuple(base.items())), key
        spec = AlgorithmSpec(label="x", algorithm=name, options=options)
        recorded = json.loads(json.dumps(spec.settings))
        # What is built depends on nothing else, as the last one shows.
        assert AlgorithmSpec(label="x", algorithm=name, options=recorded).settings == spec.settings, key
    assert told(problems[kind], name, recorded) == found


@pytest.mark.parametrize("name", NAMES)
def test_options_are_checked(name):
    with pytest.raises(SettingError, match=f"options of {name}: unknown key 'colour'; known are "):
        AlgorithmSpec(label="x", algorithm=name, options={"colour": 1})
    for key in AlgorithmSpec(label="x", algorithm=name).settings:
        with pytest.raises((SettingError, UnknownNameError, DataNotFoundError), match="blue"):
            make_algorithm(name, 2, **{key: "blue"})


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("pls", {"n_train": 500}, 'n_train has no say where init = "random"'),
        ("surrogate-pls", {"n_train": 500, "init": "random"}, "n_train has no say"),
        ("pls", {"n_train": 500, "init": "walks"}, 'n_train has no say where init = "walks"'),
        ("pls", {"n_expand": 3, "batch_size": 9}, "batch_size has no say where n_expand is given"),
        ("nsga2", {"init": "surrogate-pareto", "n_train": "blue"}, "n_train must be a whole number"),
        ("random", {"init": "surrogate-pareto"}, "unknown key 'init'"),
    ],
)
def test_options_without_a_say_are_refused(name, options, text):
    with pytest.raises(SettingError, match=text):
        make_algorithm(name, 2, **options)


def test_an_option_that_no_file_can_hold_is_refused_before_a_run():
    with pytest.raises(SettingError, match=r"options of pls are numbers, texts and lists.*; got \{'selection': <fun"):
        AlgorithmSpec(label="x", algorithm="pls", options={"selection": lambda F, unexplored, rng: unexplored})


def test_unknown_algorithms_are_named_with_those_known():
    with pytest.raises(KeyError, match=r"'nsga5'; known are pls, .*random, nsga2"):
        make_algorithm("nsga5", 2)


@pytest.mark.parametrize(("card", "algorithm"), [("eo-macro-latency", "surrogate-pls"), ("live-scene", "cost-aware")])
def test_where_networks_are_trained_trainings_are_what_is_saved_by_default(card, algorithm):
    assert default_name(load_card(card)) == algorithm


def test_settings_are_those_that_have_a_say():
    spec = AlgorithmSpec(label="mine", algorithm="nsga2", options={"pop_size": 7})
    assert spec.settings == {"pop_size": 7, "init": "random"}
    assert spec.build(2).pop_size == 7
    assert make_algorithm("pls", 2).n_starts == 20
    assert make_algorithm("surrogate-pls", 2).n_model_cells == 3000
    assert AlgorithmSpec(label="x", algorithm="pls").handles_constraints
    assert not AlgorithmSpec(label="x", algorithm="moead").handles_constraints
    started = AlgorithmSpec(label="x", algorithm="surrogate-pls", options={"init": "surrogate-pareto"})
    assert started.settings["n_train"] == started.build(2).sampling.n_train == 2000


def test_the_first_cells_may_be_those_of_random_walks(problems, space):
    spec = AlgorithmSpec(label="x", algorithm="nsga2", options={"init": "walks", "pop_size": 20})
    assert spec.settings == {"pop_size": 20, "init": "walks"}
    cells = run(problems["two"], "nsga2", 20, init="walks", pop_size=20).cells.tolist()
    steps = [b in space.neighbors(a) for a, b in itertools.pairwise(cells)]
    # A walk of 15 and the beginning of another.
    assert sum(steps) == 18
    assert not steps[14]


def test_settings_as_0_1_0_recorded_them_are_understood():
    pls = AlgorithmSpec(label="x", algorithm="pls")
    old = {**pls.settings, "n_train": 2000}
    assert AlgorithmSpec(label="x", algorithm="pls", options=old).settings == pls.settings
    one = AlgorithmSpec(label="x", algorithm="pls", options={"n_expand": 1})
    old = {**one.settings, "batch_size": 60, "n_train": 2000}
    assert AlgorithmSpec(label="x", algorithm="pls", options=old).settings == one.settings
    random = AlgorithmSpec(label="x", algorithm="random", options={"batch": 7})
    assert random.settings == {"batch_size": 7}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["two", "limited", "table"])
def test_the_first_cells_are_the_same_whatever_the_budget(problems, name, kind):
    if (name, kind) == ("nsga2-integer", "table"):
        return
    runs = [(problems[kind], BASE.get(name, {}))]
    if kind == "two" and "init" in AlgorithmSpec(label="x", algorithm=name).settings:
        runs.append((problems["scattered"], {**BASE.get(name, {}), "init": "surrogate-pareto", "n_train": 20}))
    for problem, chosen in runs:
        small, middle, large = (run(problem, name, n, **chosen).cells.tolist() for n in (40, 63, 90))
        assert small == large[:40]
        assert middle == large[:63]


@pytest.mark.skipif(importlib.util.find_spec("numba") is not None, reason="numba is here")
def test_a_missing_package_is_named_with_the_command():
    with pytest.raises(MissingPackageError, match="pip install numba"):
        make_algorithm("age-moea", 2)


@pytest.mark.parametrize(
    ("n_obj", "pop_size", "n"), [(1, 50, 1), (2, 50, 50), (2, 1, 2), (3, 50, 45), (3, 1, 3), (4, 50, 35)]
)
def test_reference_directions_are_the_largest_design_that_fits(n_obj, pop_size, n):
    found = reference_directions(n_obj, pop_size)
    assert found.shape == (n, n_obj)
    assert np.allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("budget", [0, -1, 2.5, True, None])
def test_budgets_that_cannot_be(problems, budget):
    with pytest.raises(SettingError, match="budget must be a whole number of at least 1"):
        run(problems["two"], "pls", budget)


def test_progress_is_told_and_an_interrupt_keeps_what_was_found(problems):
    told = []

    def stop(progress):
        told.append(progress)
        if progress.n_distinct >= 100:
            raise KeyboardInterrupt

    problem = problems["two"]
    spec = AlgorithmSpec(label="x", algorithm="pls")
    result = run_algorithm(problem, spec, budget=500, seed=1, on_progress=stop)
    assert not result.complete
    assert 100 <= len(result.cells) < 500
    whole = run_algorithm(problem, spec, budget=500, seed=1)
    assert whole.cells[: len(result.cells)].tolist() == result.cells.tolist()
    assert [p.n_distinct for p in told] == sorted(p.n_distinct for p in told)
    last = problem.objectives_at(result.front)
    assert sorted(map(tuple, told[-1].front)) == sorted(map(tuple, last))


def test_an_interrupt_before_anything_was_evaluated(problems):
    class Interrupted(type(problems["two"])):
        def _evaluate(self, *args, **kwargs):
            raise KeyboardInterrupt

    problem = Interrupted(problems["two"].card)
    result = run_algorithm(problem, AlgorithmSpec(label="x", algorithm="pls"), budget=50, seed=1)
    assert not result.complete
    assert (len(result.cells), result.values.shape, len(result.front)) == (0, (0, 2), 0)


def test_settings_of_0_1_0_are_compared_by_what_they_say():
    spec = AlgorithmSpec(label="pls", algorithm="pls")
    stored = {"algorithm": "pls", **spec.settings}
    assert same_settings(stored, spec)
    assert same_settings({**stored, "n_train": 123}, spec)
    assert not same_settings({**stored, "n_starts": 21}, spec)
    assert not same_settings({**stored, "init": "surrogate-pareto", "n_train": 123}, spec)
    assert not same_settings({**stored, "algorithm": "random"}, spec)
    random = AlgorithmSpec(label="r", algorithm="random", options={"batch_size": 9})
    assert same_settings({"algorithm": "random", "batch": 9}, random)
    assert not same_settings({"algorithm": "random", "batch": 8}, random)
