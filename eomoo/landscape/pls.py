"""How deep Pareto local search must go: runs from random starts until nothing is left to explore."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.fronts import Box, FrontArchive, hypervolume
from eomoo.landscape.landscape import Landscape


@dataclass(frozen=True, kw_only=True)
class PlsRun:
    """One search.

    Attributes:
        evaluations: Distinct cells evaluated until the search stopped.
        hypervolume_share: Of its final front, relative to the true front's.
        front_share: Share of the true front's cells that it evaluated.
        curve: (2, k) int64 and float: evaluations, and the share of hypervolume by then.
    """

    evaluations: int
    hypervolume_share: float
    front_share: float
    curve: Floats


def pls_depth(landscape: Landscape, *, n_runs: int = 20, seed: int = 1) -> list[PlsRun]:
    """Run Pareto local search, each time from a random cell, until it stops: every member of its archive explored.

    Args:
        landscape: Its neighbourhood is the search's.
        n_runs: Number of searches, with seeds ``seed``, ``seed + 1``, ...
        seed: The first seed.

    The search is ``PLS`` with a shared archive, on values that are known; it takes the same cells in the same order.

    Source: the search: Paquete, Chiarandini, Stützle, 2004; its run until a Pareto local optimum set
    as a feature: Daolio, Liefooghe, Verel, Aguirre, Tanaka, Evolutionary Computation 25(4), 2017.
    """
    # The card's reference point cannot serve: a random start may lie beyond it. The margin counts the worst.
    box = Box.of(landscape.F, margin=1e-6)
    best = hypervolume(landscape.F[landscape.front], box)
    runs = []
    for k in range(n_runs):
        rng = np.random.default_rng(seed + k)
        cells, fronts = search(landscape, rng.choice(len(landscape), size=1, replace=False))
        shares = [hypervolume(F, box) / best if best > 0 else 1.0 for _, F in fronts]
        runs.append(
            PlsRun(
                evaluations=len(cells),
                hypervolume_share=shares[-1],
                front_share=float(np.isin(landscape.front, cells).mean()),
                curve=np.array([[n for n, _ in fronts], shares]),
            )
        )
    return runs


def search(landscape: Landscape, starts: Ints) -> tuple[Ints, list[tuple[int, Floats]]]:
    """Pareto local search from cells (by number), until all is explored.

    Returns:
        Numbers of the evaluated cells in order; and (evaluations, the front's values by then) at the
        first, the last and about every quarter more evaluations.
    """
    F, graph = landscape.F, landscape.graph
    seen = np.zeros(len(landscape), dtype=bool)
    archive = FrontArchive(F.shape[1])
    evaluated: list[Ints] = []
    fronts: list[tuple[int, Floats]] = []
    new, spent, due = starts, 0, 0.0
    while True:
        seen[new] = True
        evaluated.append(new)
        spent += len(new)
        archive.offer(new, F[new], np.zeros(len(new)))
        left = np.flatnonzero(~archive.explored)
        if len(left) == 0:
            break
        if spent >= due:
            fronts.append((spent, archive.F))
            # Evenly on a logarithmic axis, as the sheet draws it.
            due = 1.25 * spent
        archive.explored[left[0]] = True
        near = graph[int(archive.index[left[0]])]
        new = near[~seen[near]].astype(np.int64)
    fronts.append((spent, archive.F))
    return np.concatenate(evaluated), fronts


def summarise_pls(runs: list[PlsRun]) -> dict[str, object]:
    """Medians and extremes over the runs."""
    spent, share = [run.evaluations for run in runs], [run.hypervolume_share for run in runs]
    return {
        "runs": len(runs),
        "evaluations": {"median": float(np.median(spent)), "min": min(spent), "max": max(spent)},
        "hypervolume_share": {"median": float(np.median(share)), "min": min(share), "max": max(share)},
        "front_share": {"median": float(np.median([run.front_share for run in runs]))},
    }
