"""With the same seed the same answer as ever: digests of what chance decides, at both ends of the versions promised.

Where an answer is to change, the test prints the new one. Of pymoo's own algorithms only eomoo's operators are
held, which change the genetic algorithms and the first part of ``memetic``: what pymoo itself draws changes from
release to release, and NumPy orders the ties that it sorts by the processor.
"""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
from pymoo.core.population import Population

import eomoo
from eomoo.measuring.cells import spread_cells
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.operators import CellMating
from eomoo.search.run import run_algorithm
from eomoo.search.walks import distinct_walks, random_walks


def digest(*parts):
    flat = [np.append(np.ravel(part), -1).astype("<i8") for part in parts]
    return hashlib.sha256(np.concatenate(flat).tobytes()).hexdigest()[:10]


@pytest.fixture(scope="module")
def problem():
    return eomoo.get_problem("eo-macro-latency")


@pytest.fixture(scope="module")
def limited():
    return eomoo.get_problem("eo-macro-latency", constraints=["latency<=10"])


# Settings by which all parts of a search come to their turn within a small budget.
SEARCHES = {
    "pls": (150, {}, "704b57fd79", "9bff61726d"),
    "surrogate-pls": (60, {"batch_size": 20}, "871624b8be", "d5332c1c61"),
    "cost-aware": (30, {"batch_size": 15, "n_candidates": 100}, "fd46e595aa", "fbe73fc2e6"),
    "random": (150, {}, "a41f9c9482", "d0f78c4db4"),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_find_the_same_cells_in_the_same_order(problem, limited, name):
    budget, options, *expected = SEARCHES[name]
    spec = AlgorithmSpec(label=name, algorithm=name, options=options)
    found = [run_algorithm(one, spec, budget=budget, seed=4) for one in (problem, limited)]
    assert [digest(one.cells, one.front) for one in found] == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"selection": "least-crowded", "exploration": "switch", "restart": "gap"}, "02174008b8"),
        ({"selection": "hypervolume", "exploration": "first-dominating", "restart": "perturbation"}, "b91596dfc3"),
        (
            {"selection": "random", "archive": "per-start", "neighborhood": "published", "restart": "recombination"},
            "07d14373ba",
        ),
        ({"init": "surrogate-pareto", "n_train": 60}, "3472cff7f9"),
    ],
    ids=["gap", "perturbation", "recombination", "surrogate"],
)
def test_every_way_of_a_local_search_is_the_same(problem, options, expected):
    spec = AlgorithmSpec(label="pls", algorithm="pls", options={"n_starts": 2, **options})
    assert digest(run_algorithm(problem, spec, budget=400, seed=4).cells) == expected


def parents(n):
    return eomoo.load_space().genotype(np.random.default_rng(2).choice(423_624, n, replace=False))


def crossed(problem, rng):
    pairs = np.stack((parents(300), parents(600)[300:]))
    return eomoo.CellCrossover()._do(problem, pairs, random_state=rng)


def mated(problem, rng):
    """A mating that has 3 children where 12 are wanted: the rest are cells never seen."""
    pop, few = Population.new(X=parents(20)), Population.new(X=parents(23)[20:])
    owner = SimpleNamespace(n_offsprings=12, evaluator=None)
    mating = CellMating(SimpleNamespace(do=lambda *_, **__: few), owner)
    return mating.do(problem, pop, 12, random_state=rng).get("X")


def sampled(sampling, n):
    return lambda problem, rng: sampling(problem, n, random_state=rng).get("X")


def mutated(kind):
    return lambda problem, rng: eomoo.NeighborMutation(kind)._do(problem, parents(600), random_state=rng)


def walked(kind):
    return lambda problem, rng: random_walks(20, 8, neighborhood=kind, self_avoiding=kind == "hamming", seed=rng)


def uncertain(problem, rng):
    cells = problem.pareto_indices()[::9]
    return eomoo.front_uncertainty(problem, cells).fronts.counts(cells)


DRAWS = {
    "crossover": (crossed, "3d9dfdda0c"),
    "mutation": (mutated("hamming"), "33be0d8702"),
    "mutation to another member": (mutated("symmetric"), "fcb6cca9d9"),
    "mating": (mated, "381f653cb1"),
    "random cells": (sampled(eomoo.RandomCellSampling(), 40), "6846656bea"),
    "walks as a start": (sampled(eomoo.WalkSampling(length=6), 40), "5df59504f4"),
    "hamming walks": (walked("hamming"), "05d4abb9ba"),
    "published walks": (walked("published"), "7648a7e93c"),
    "distinct walks": (lambda problem, rng: np.concatenate(distinct_walks(6, 9, seed=rng)), "f0f47c2f61"),
    "spread cells": (lambda problem, rng: spread_cells(90, seed=4), "24a060330b"),
    "joint draws": (
        lambda problem, rng: np.rint(1e4 * problem.joint_draws(np.arange(0, 423_624, 9_001), 4, seed=4)),
        "7e59e42e51",
    ),
    "a front's uncertainty": (uncertain, "ec316abe91"),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_is_drawn(problem, name):
    draw, expected = DRAWS[name]
    assert digest(draw(problem, np.random.default_rng(4))) == expected
