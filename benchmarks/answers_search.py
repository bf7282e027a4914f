"""What `answers.py` asks of the space, the problems and the searches: public names, and `eomoo run`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from answers_asking import Cases, asked, cells, floats, ints, own_card, run, text, tree

import eomoo

__all__ = ["library", "posed", "problems", "sample", "search", "space"]

EO_CARDS = (
    "eo-macro-latency", "eo-macro-latency-params", "eo-macro-params", "eo-macro-traintime",
    "eo-micro-latency", "eo-micro-macro-latency",
)  # fmt: skip
ALGORITHMS = (
    "pls", "surrogate-pls", "memetic", "random", "nsga2", "nsga3", "sms-emoa", "moead", "spea2", "age-moea",
    "nsga2-integer",
)  # fmt: skip
LIMITS = ("latency<=10", "params<=5e6")
KINDS = ("hamming", "symmetric", "published")
SMALL = eomoo.Skeleton(in_channels=3, n_classes=17, stem_channels=16, n_stacks=2, image_size=64)


def sample(n: int, seed: int = 0) -> np.ndarray:
    """Some cells, always the same."""
    return np.sort(np.random.default_rng(seed).choice(423_624, n, replace=False))


def genotypes(n: int) -> np.ndarray:
    """Random genotypes, most of them of no cell, and as many of cells."""
    rng = np.random.default_rng(1)
    drawn = np.concatenate([rng.integers(0, 2, (n, 21)), rng.integers(0, 3, (n, 5))], axis=1)
    return np.concatenate([drawn, eomoo.load_space().genotype(sample(n))])


def space() -> Cases:
    """The space's arrays, costs, encodings and neighbours, whole."""
    known = eomoo.load_space()
    every, some, X = np.arange(len(known)), sample(500), genotypes(50_000)

    def features(kind: str) -> dict[str, Any]:
        digest = hashlib.sha256()
        for block in np.array_split(every, 32):
            digest.update(np.ascontiguousarray(known.features(block, kind)).tobytes())
        few = known.features(some, kind)
        return {"whole": digest.hexdigest()[:12], "some": floats(few),
                "shape": list(few.shape), "type": str(few.dtype)}  # fmt: skip

    def neighbours(kind: str) -> dict[str, Any]:
        counts, flat = known.neighbor_lists(some, kind=kind)
        near = known.neighborhood(kind)
        single = np.concatenate([known.neighbors(int(i), kind) for i in some[:100]])
        return {"counts": ints(counts), "listed": cells(flat), "single": cells(single),
                "all": ints(near.indices), "ends": ints(near.indptr)}  # fmt: skip

    def shapes() -> dict[str, Any]:
        made = known.cell(some)
        matrices = np.concatenate([cell.matrix.ravel() for cell in made])
        return {"matrices": ints(matrices), "operations": text(",".join(cell.ops) for cell in made),
                "hashes": text(cell.hash for cell in made),
                "sizes": ints([(c.n_vertices, c.n_edges) for c in made]),
                "genotypes": ints([cell.genotype() for cell in made])}  # fmt: skip

    def walks() -> dict[str, Any]:
        return {kind: cells(eomoo.WalkSampling(length=9, neighborhood=kind).walks(45, seed=3)) for kind in KINDS}

    yield "sizes", lambda: {"n": len(known), "vertices": ints(known.n_vertices), "edges": ints(known.n_edges)}
    yield "genotypes", lambda: {"all": ints(known.genotype(every))}
    yield "hashes", lambda: {"all": text(known.hash(every)), "found": cells(known.find(known.hash(some)))}
    yield "look-up", lambda: {"index": ints(known.index(X)), "violation": ints(known.violation(X))}
    yield "cells", shapes
    for name, skeleton in (("so2sat", eomoo.SO2SAT), ("cifar10", eomoo.CIFAR10), ("small", SMALL)):
        yield f"cost, {name}", lambda s=skeleton: {"params": ints(known.params(every, s)),
                                                   "macs": ints(known.macs(every, s))}  # fmt: skip
    for kind in ("one-hot", "17x17", "structural"):
        yield f"features, {kind}", lambda kind=kind: features(kind)
    for kind in KINDS:
        yield f"neighbours, {kind}", lambda kind=kind: neighbours(kind)
    yield "walks", walks


def posed(problem: Any) -> dict[str, Any]:
    """What a problem says: values of all its cells, its front, and how pymoo sees genotypes."""
    domain = np.arange(len(problem.space)) if problem.domain is None else np.flatnonzero(problem.domain)
    some = domain[:: max(1, len(domain) // 2000)]
    out = problem.evaluate(genotypes(1000), return_as_dictionary=True)
    front = problem.pareto_front()
    return {
        "values": floats(problem.values(domain)),
        "deviations": floats(problem.deviations(some)),
        "extrapolates": ints(problem.extrapolates(some)),
        "objectives": floats(problem.objectives_at(some)),
        "violations": floats(problem.violations_at(some)),
        "front": cells(problem.pareto_indices()),
        "front values": None if front is None else floats(front),
        "F": floats(out["F"]),
        "G": floats(out["G"]),
        "index": ints(out["index"]),
        "names": [problem.objective_names, problem.units],
        "reference point": None if problem.reference_point is None else floats(problem.reference_point),
    }


def problems() -> Cases:
    """Every card that needs no file, with noise and limits, and cards of one's own."""
    for card in EO_CARDS:
        yield card, lambda card=card: posed(eomoo.get_problem(card))
    for card in ("eo-macro-latency", "eo-macro-latency-params"):
        yield f"{card}, noise", lambda card=card: posed(eomoo.get_problem(card, noise=3))
        yield f"{card}, limits", lambda card=card: posed(eomoo.get_problem(card, constraints=LIMITS))
    for card, write in OWN_CARDS.items():
        yield card, lambda write=write: posed(eomoo.get_problem(write()))
    yield "listed", lambda: tree({"cards": asked("problems")})
    for cell in ("100434", "5", "415862"):
        yield f"shown, {cell}", lambda cell=cell: tree(asked("show", cell))


def _maximised() -> Path:
    """Objectives of both directions, a limit, and a skeleton of its own."""
    return own_card(
        "own-maximised",
        [("val_macro", "fraction", "max", "surrogate"), ("macs", "", "max", "analytic"),
         ("latency", "ms/batch", "min", "surrogate")],
        '[backend.analytic.skeleton]\nin_channels = 3\nn_classes = 17\nimage_size = 64\n'
        '[[constraints]]\nquantity = "train_time"\nsource = "surrogate"\nmax = 9000.0\n',
        "reference_point = [0.3, 1.0e8, 20.0]\n",
    )  # fmt: skip


def _single() -> Path:
    return own_card("own-single", [("test_macro", "fraction", "max", "surrogate")])


def _many() -> Path:
    return own_card(
        "own-many",
        [("val_micro_error", "%", "min", "surrogate"), ("val_macro_error", "%", "min", "surrogate"),
         ("latency", "ms/batch", "min", "surrogate"), ("train_time", "s", "min", "surrogate"),
         ("params", "", "min", "analytic")],
    )  # fmt: skip


OWN_CARDS: dict[str, Callable[[], Path]] = {
    "own-maximised": _maximised, "own-single": _single, "own-many": _many,
}  # fmt: skip


def _options(**settings: Any) -> list[str]:
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


# By algorithm and budget: settings that each take another path through it.
VARIANTS: dict[tuple[str, int], list[dict[str, Any]]] = {
    ("pls", 700): [
        {}, {"neighborhood": "symmetric"}, {"neighborhood": "published"}, {"archive": "per-start"},
        {"archive": "per-start", "n_expand": 1}, {"n_expand": 3}, {"batch_size": 7}, {"n_starts": 3},
        {"selection": "random"}, {"selection": "least-crowded"}, {"selection": "hypervolume"},
        {"exploration": "first-dominating"}, {"exploration": "switch"}, {"restart": "none", "n_starts": 2},
        {"restart": "perturbation", "n_starts": 2}, {"restart": "recombination", "n_starts": 2},
        {"restart": "gap", "n_starts": 2}, {"init": "surrogate-pareto", "n_train": 200},
    ],
    ("surrogate-pls", 150): [
        {"acquisition": "sample"}, {"features": "one-hot"}, {"features": "17x17"}, {"n_train": 60},
        {"neighborhood": "hamming"}, {"batch_size": 4}, {"n_candidates": 200, "n_starts": 7},
        {"init": "surrogate-pareto", "n_train": 60},
    ],
    ("memetic", 500): [
        {"n_genetic": 100}, {"n_genetic": 60, "pop_size": 20, "restart": "perturbation", "n_starts": 5},
        {"n_genetic": 100, "neighborhood": "hamming", "selection": "hypervolume", "n_expand": 1},
        {"n_genetic": 150, "init": "surrogate-pareto", "n_train": 100},
    ],
    ("nsga2", 300): [{"pop_size": 20}, {"init": "surrogate-pareto", "n_train": 100}],
    ("moead", 200): [{"pop_size": 20}],
    ("random", 100): [{"batch": 7}],
}  # fmt: skip


def search() -> Cases:
    """Fronts and traces of every algorithm on every card that needs no file."""

    def case(card: str, algorithm: str, *more: Any, budget: int = 120, seed: int = 1) -> Any:
        name = " ".join([card, algorithm, *map(str, more), f"{budget}, seed {seed}"])
        found = OWN_CARDS.get(card, lambda: card)
        return name, lambda: run(found(), "-a", algorithm, "--budget", budget, "--seed", seed, *more)

    for card in EO_CARDS:
        for algorithm in ALGORITHMS:
            for seed in (1, 7):
                yield case(card, algorithm, seed=seed)
    for algorithm in ALGORITHMS:
        yield case("eo-macro-latency", algorithm, "-c", LIMITS[0], "-c", LIMITS[1])
        yield case("eo-macro-latency", algorithm, "--noise", 3)
        for card in OWN_CARDS:
            yield case(card, algorithm, seed=2)
    for (algorithm, budget), variants in VARIANTS.items():
        for card in ("eo-macro-latency", "eo-micro-macro-latency"):
            for settings in variants:
                yield case(card, algorithm, *_options(**settings), budget=budget, seed=4)
    for algorithm, budget in (("pls", 3000), ("surrogate-pls", 500), ("memetic", 1200), ("nsga2", 1000)):
        yield case("eo-macro-latency", algorithm, budget=budget, seed=5)
        yield case("eo-macro-latency", algorithm, "--noise", 1, "-c", "latency<=11", budget=budget // 2, seed=6)


def library() -> Cases:
    """Searches by pymoo's ``minimize`` with eomoo's public classes, as scripts use them."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    def solved(algorithm: Any, n_eval: int, card: str = "eo-macro-latency") -> dict[str, Any]:
        result = minimize(eomoo.get_problem(card), algorithm, ("n_eval", n_eval), seed=3)
        return {
            "front": cells(result.opt.get("index").astype(np.int64)),
            "F": floats(result.F),
            "X": ints(result.X),
            "population": cells(result.pop.get("index").astype(np.int64)),
            "evaluations": int(result.algorithm.evaluator.n_eval),
        }

    def sampled(sampling: Any, n: int) -> dict[str, Any]:
        problem = eomoo.get_problem("eo-macro-latency")
        found = sampling(problem, n, random_state=np.random.default_rng(5))
        return {"cells": cells(problem.space.index(np.asarray(found.get("X"), dtype=np.int64)))}

    def start(n_train: int) -> Any:
        return eomoo.SurrogateParetoSampling(n_train=n_train)

    made: dict[str, Callable[[], Any]] = {
        "default": eomoo.default_algorithm,
        "PLS": eomoo.PLS,
        "PLS, surrogate start": lambda: eomoo.PLS(sampling=start(100), n_starts=10, restart="random"),
        "PLS, walks": lambda: eomoo.PLS(sampling=eomoo.WalkSampling(length=5), n_starts=10),
        "SurrogatePLS": eomoo.SurrogatePLS,
        "MemeticSearch": lambda: eomoo.MemeticSearch(n_genetic=80, pop_size=20),
        "NSGA2": lambda: NSGA2(pop_size=30, **eomoo.cell_operators()),
        "NSGA2, operators": lambda: NSGA2(
            pop_size=30, sampling=eomoo.RandomCellSampling(), crossover=eomoo.CellCrossover(),
            mutation=eomoo.NeighborMutation(), eliminate_duplicates=eomoo.CellDuplicateElimination(),
        ),
    }  # fmt: skip
    for name, make in made.items():
        yield name, lambda make=make: solved(make(), 200)
        yield f"{name}, three objectives", lambda make=make: solved(make(), 160, "eo-micro-macro-latency")
    for name, sampling in (
        ("random cells", eomoo.RandomCellSampling), ("walks", eomoo.WalkSampling),
        ("surrogate", lambda: start(80)),
    ):  # fmt: skip
        yield f"sampling, {name}", lambda sampling=sampling: sampled(sampling(), 30)
