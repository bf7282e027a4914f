"""Everything that is measured of one landscape, at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Facts, Floats, Ints
from eomoo.checks import positive, whole
from eomoo.landscape.graph import components_among, degrees, nearest_target, subgraph
from eomoo.landscape.intervals import CONFIDENCE
from eomoo.landscape.landscape import Landscape, landscape_of
from eomoo.landscape.optima import Optima, ParetoOptima, Relations, local_optima, pareto_local_optima, relate
from eomoo.landscape.pls import PlsRun, pls_depth, summarise_pls
from eomoo.landscape.ruggedness import Autocorrelation, autocorrelation, exact_autocorrelation
from eomoo.landscape.values import (
    connectedness,
    correlations,
    describe,
    distance_profile,
    dominance_ranks,
    fitness_distance,
)
from eomoo.search.problem import CellProblem
from eomoo.search.walks import random_walks

# Seven times the longest correlation length of the shipped cards (4.3 steps, of parameters).
_MAX_LAG = 30


@dataclass(frozen=True, kw_only=True)
class LandscapeAnalysis:
    """What was measured of a landscape of n cells and m objectives.

    Attributes:
        landscape: The landscape.
        numbers: All of it in numbers, for JSON.
        ranks: (n,) dominance rank of each cell.
        distance: (n,) steps to the front, -1 where it cannot be reached.
        component: (k,) component of each of the front's cells, 0 for the largest.
        optima: Local optima of each objective.
        pareto: Pareto local optima.
        autocorrelation: Along random walks, for each objective.
        exact: (lags, m) autocorrelation of endless walks, or None where the graph has one-way steps.
        pls: Searches from random starts by neighbourhood.
    """

    landscape: Landscape
    numbers: Facts
    ranks: Ints
    distance: NDArray[np.int32]
    component: NDArray[np.int32]
    optima: list[Optima]
    pareto: ParetoOptima
    autocorrelation: list[Autocorrelation]
    exact: Floats | None
    pls: dict[str, list[PlsRun]]


def analyse_landscape(
    problem: CellProblem,
    *,
    neighborhood: str = "symmetric",
    n_walks: int = 500,
    walk_length: int = 500,
    n_searches: int = 20,
    seed: int = 1,
) -> LandscapeAnalysis:
    """Measure the landscape of a problem whose values are all known.

    Everything is exact, over all feasible cells, but two samples: autocorrelation along random walks
    (with its exact value beside it, where the graph is undirected) and Pareto local search from random
    starts, on the landscape's neighbourhood and on "hamming", the search's own default. Each measure
    is defined, with its source, by the function that takes it (see ``eomoo.landscape``).

    Args:
        problem: The problem.
        neighborhood: Of the graph; see ``landscape_of``.
        n_walks, walk_length: Random walks, and cells in each.
        n_searches: Pareto local searches, each from one random cell.
        seed: Of walks and searches.

    Raises:
        SettingError: (a ValueError) The values must be measured first, or a number is too small.
    """
    positive("n_walks", n_walks)
    positive("n_searches", n_searches)
    # A start and a step.
    whole("walk_length", walk_length, least=2)
    whole("seed", seed, least=0)
    landscape = landscape_of(problem, neighborhood=neighborhood)
    # NumPy lets go of the interpreter lock in all that takes long here: a second core helps.
    with ThreadPoolExecutor(max_workers=2) as pool:
        related = pool.submit(relate, landscape.F, landscape.graph)
        optima = [pool.submit(local_optima, f, landscape.graph) for f in landscape.F.T]
        pareto = pool.submit(pareto_local_optima, related.result(), landscape.graph)
        nearest = pool.submit(nearest_target, landscape.graph, landscape.front, undirected=landscape.undirected)
        joined = pool.submit(connectedness, landscape.graph, landscape.front, undirected=landscape.undirected)
        exact = pool.submit(_exact, landscape)
        ranks = pool.submit(dominance_ranks, landscape.F)
        walked = pool.submit(_walked, landscape, n_walks=n_walks, length=walk_length, seed=seed)
        pls = pool.submit(_searches, landscape, n_runs=n_searches, seed=seed)
        compared = pool.submit(_comparisons, landscape, related.result())
        correlated = pool.submit(correlations, landscape.F)
    front, component = joined.result()
    result = LandscapeAnalysis(
        landscape=landscape,
        numbers={},
        ranks=ranks.result(),
        distance=nearest.result()[0],
        component=component,
        optima=[o.result() for o in optima],
        pareto=pareto.result(),
        autocorrelation=walked.result(),
        exact=exact.result(),
        pls=pls.result(),
    )
    walks: Facts = {"walks": n_walks, "length": walk_length, "neighborhood": neighborhood, "seed": seed}
    return replace(result, numbers=_numbers(result, front, correlated.result(), compared.result(), walks))


def _numbers(result: LandscapeAnalysis, front: Facts, correlation: Facts, neighbours: Facts, walks: Facts) -> Facts:
    """All of it in numbers: what was measured, and what is told of front, objectives, neighbours and walks."""
    landscape, sizes = result.landscape, np.bincount(result.ranks)
    problem, steps = landscape.problem, result.distance[result.distance >= 0]
    return {
        "problem": problem.name(),
        "title": problem.card.title,
        "citation": problem.card.citation,
        "card_sha256": problem.card.digest,
        "predicted": problem.predicted,
        "neighborhood": landscape.neighborhood,
        "cells": len(landscape),
        "objectives": [_objective_numbers(result, k) for k in range(landscape.F.shape[1])],
        "correlation": correlation,
        "front": {**front, "cells": landscape.cells[landscape.front]},
        "dominance_ranks": {
            "number": len(sizes),
            "largest": int(sizes.max()),
            "median_rank": float(np.median(result.ranks)),
            "fitness_distance": fitness_distance(result.ranks, result.distance),
        },
        "pareto_local_optima": _pareto_numbers(result),
        "neighbours": neighbours,
        "distance_to_front": {
            "mean": float(steps.mean()),
            "max": int(steps.max()),
            "unreachable": len(landscape) - len(steps),
            "profile": distance_profile(landscape.values, result.distance),
        },
        "walks": walks,
        "pareto_local_search": {kind: summarise_pls(runs) for kind, runs in result.pls.items()},
    }


def _walked(landscape: Landscape, *, n_walks: int, length: int, seed: int) -> list[Autocorrelation]:
    domain = None if len(landscape) == len(landscape.problem.space) else landscape.domain
    kind = landscape.neighborhood
    walks = random_walks(n_walks, length, neighborhood=kind, domain=domain, seed=seed)
    by_index = np.full((len(landscape.problem.space) + 1, landscape.values.shape[1]), np.nan)
    by_index[landscape.cells] = landscape.values
    lag = min(_MAX_LAG, length - 1)
    return [autocorrelation(column[walks], max_lag=lag) for column in by_index.T]


def _exact(landscape: Landscape) -> Floats | None:
    graph = landscape.graph
    return exact_autocorrelation(landscape.values, graph, max_lag=_MAX_LAG) if landscape.undirected else None


def _searches(landscape: Landscape, *, n_runs: int, seed: int) -> dict[str, list[PlsRun]]:
    found = {}
    for kind in dict.fromkeys((landscape.neighborhood, "hamming")):
        own = kind == landscape.neighborhood
        space = landscape.problem.space
        graph = landscape.graph if own else subgraph(space.neighborhood(kind), landscape.cells)
        found[kind] = pls_depth(replace(landscape, neighborhood=kind, graph=graph), n_runs=n_runs, seed=seed)
    return found


def _comparisons(landscape: Landscape, relations: Relations) -> dict[str, object]:
    graph, names = landscape.graph, landscape.problem.objective_names
    counts = degrees(graph)
    return {
        "mean": float(counts.mean()),
        "min": int(counts.min()),
        "max": int(counts.max()),
        "dominance": relations.shares(graph),
        "by_objective": {name: relations.neutrality(graph, k) for k, name in enumerate(names)},
    }


def _objective_numbers(result: LandscapeAnalysis, k: int) -> dict[str, object]:
    landscape, optima, walked = result.landscape, result.optima[k], result.autocorrelation[k]
    objective = landscape.problem.card.objectives[k]
    best = optima.cells[landscape.F[optima.cells, k] == landscape.F[:, k].min()]
    in_best = int(optima.basin[np.isin(optima.cells, best)].sum())
    return {
        "name": objective.name,
        "title": landscape.problem.titles[k],
        "unit": objective.unit,
        "direction": objective.direction,
        "values": describe(landscape.values[:, k]),
        "local_optima": {
            "number": len(optima.cells),
            "share_of_cells": len(optima.cells) / len(landscape),
            "strict": int(optima.strict.sum()),
            "plateaus": len(np.unique(optima.plateau)),
            "global": len(best),
            "basin": describe(optima.basin.astype(float)),
            "share_of_cells_in_global_basins": in_best / len(landscape),
            "mean_descent_steps": float(optima.steps.mean()),
        },
        "fitness_distance": fitness_distance(landscape.F[:, k], result.distance),
        "autocorrelation": {
            "lag_1": walked.mean[1],
            "lag_1_band": [walked.low[1], walked.high[1]],
            "confidence": CONFIDENCE,
            "correlation_length": walked.length,
            "correlation_length_band": walked.length_band,
            "lag_1_exact": None if result.exact is None else result.exact[1, k],
        },
    }


def _pareto_numbers(result: LandscapeAnalysis) -> dict[str, object]:
    landscape, pareto = result.landscape, result.pareto
    on_front = np.isin(pareto.cells, landscape.front)
    components = components_among(landscape.graph, pareto.cells)
    return {
        "number": len(pareto.cells),
        "share_of_cells": len(pareto.cells) / len(landscape),
        "on_the_front": int(on_front.sum()),
        "components": int(components.max()) + 1,
        "basin": describe(pareto.basin),
        "share_of_descents_to_the_front": float(pareto.basin[on_front].sum() / len(landscape)),
        "mean_descent_steps": float(pareto.steps.mean()),
    }
