"""Neighbours compared; local optima of one objective and of Pareto dominance, and their basins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.stats import rankdata

from eomoo.arrays import Bools, Floats, Ints
from eomoo.landscape.graph import degrees, row_counts, row_min, sparse
from eomoo.space import Neighborhood


@dataclass(frozen=True, kw_only=True)
class Relations:
    """Every edge of a graph compared: what the neighbour is to the cell whose neighbour it is.

    Attributes:
        better: (m, n_edges) bool, the neighbour is better in the objective.
        worse: (m, n_edges) bool, the neighbour is worse in it.
    """

    better: Bools
    worse: Bools

    @property
    def dominates(self) -> Bools:
        """(n_edges,) the neighbour dominates the cell: nowhere worse, somewhere better."""
        return np.asarray(self.better.any(axis=0) & ~self.worse.any(axis=0))

    def shares(self, graph: Neighborhood) -> dict[str, float]:
        """Mean over cells with neighbours of the share of neighbours of each kind; they sum to 1.

        "dominating", "dominated", "equal" (in all objectives: neutral) and "incomparable". Known as
        #inf, #sup and #inc: Liefooghe, Daolio, Verel, Derbel, Aguirre, Tanaka, IEEE TEC 24(6), 2020.
        """
        better, worse = (np.asarray(flags.any(axis=0)) for flags in (self.better, self.worse))
        flags = {"dominating": better & ~worse, "dominated": worse & ~better}
        flags |= {"incomparable": better & worse, "equal": ~(better | worse)}
        return {name: _mean_share(graph, found) for name, found in flags.items()}

    def neutrality(self, graph: Neighborhood, objective: int) -> dict[str, float]:
        """Mean share of neighbours that are better, worse and equal (neutral) in one objective.

        The mean over cells with neighbours of the share of equal ones is the neutrality degree's
        mean, relative to the number of neighbours. Equal is exactly equal.

        Source: Reidys and Stadler, Neutrality in fitness landscapes, Applied Mathematics and
        Computation 117, 2001; Verel, Collard, Clergue, IEEE CEC 2004.
        """
        better, worse = self.better[objective], self.worse[objective]
        flags = {"better": better, "worse": worse, "equal": ~(better | worse)}
        return {name: _mean_share(graph, found) for name, found in flags.items()}


def dense_ranks(F: Floats) -> NDArray[np.int32]:
    """(m, n) the rank of each value (n, m) within its objective, 0 for the best; equal values share one.

    Comparisons of ranks are those of values, at half the memory and without rounding.
    """
    return (rankdata(F, method="dense", axis=0).T - 1).astype(np.int32)


def relate(F: Floats, graph: Neighborhood) -> Relations:
    """Compare every cell's values (n, m), minimised, with those of its neighbours."""
    counts = degrees(graph)
    shape = (F.shape[1], len(graph.indices))
    better, worse = np.empty(shape, dtype=bool), np.empty(shape, dtype=bool)
    for k, rank in enumerate(dense_ranks(F)):
        mine, theirs = np.repeat(rank, counts), rank[graph.indices]
        np.less(theirs, mine, out=better[k])
        np.greater(theirs, mine, out=worse[k])
    return Relations(better=better, worse=worse)


def _mean_share(graph: Neighborhood, flags: Bools) -> float:
    counts = degrees(graph)
    some = counts > 0
    return float((row_counts(graph, flags)[some] / counts[some]).mean()) if some.any() else 0.0


# 2^20 is more than the space's 423,624 cells: rank and cell fit in one sortable integer.
_INDEX_BITS = 20


@dataclass(frozen=True, kw_only=True)
class Optima:
    """Local optima of one objective.

    Attributes:
        cells: (k,) numbers of the local optima, sorted.
        strict: (k,) bool, all neighbours are worse.
        plateau: (k,) number of the plateau that each is on.
        basin: (k,) int64, cells whose steepest descent ends there, itself included; they sum to n.
        steps: (n,) int32, length of each cell's steepest descent.
        root: (n,) int64, the local optimum in which each cell's steepest descent ends.
    """

    cells: Ints
    strict: Bools
    plateau: NDArray[np.int32]
    basin: Ints
    steps: NDArray[np.int32]
    root: Ints


@dataclass(frozen=True, kw_only=True)
class ParetoOptima:
    """Pareto local optima.

    Attributes:
        cells: (k,) numbers of the Pareto local optima, sorted.
        basin: (k,) expected number of cells whose dominance descent ends there; they sum to n.
        steps: (n,) expected length of each cell's dominance descent.
    """

    cells: Ints
    basin: Floats
    steps: Floats


def local_optima(f: Floats, graph: Neighborhood) -> Optima:
    """Local optima of one objective (n,), minimised, and their basins.

    A *local optimum* is a cell without a strictly better neighbour (a cell without neighbours is one).
    Local optima that are neighbours of equal value form a *plateau* (other cells of that value, with an
    exit, are not counted to it). *Steepest descent* goes to the best neighbour, of equal ones to that of
    least number, as long as it is strictly better; a *basin* is the set of cells from which it ends in
    one local optimum, so every cell is in exactly one basin.

    Source: Ochoa, Tomassini, Verel, Darabos, A study of NK landscapes' basins and local optima
    networks, GECCO 2008; Traoré, Camero, Zhu, Fitness landscape footprint, 2021.
    """
    rank = dense_ranks(f[:, None])[0]
    keys = rank[graph.indices].astype(np.int64) << _INDEX_BITS | graph.indices
    best = row_min(graph, keys, empty=np.iinfo(np.int64).max)
    moves = best >> _INDEX_BITS < rank
    here = np.arange(len(f))
    step_to = np.where(moves, best & ((1 << _INDEX_BITS) - 1), here)
    root, steps = _follow(step_to, moves)
    cells = np.flatnonzero(~moves)
    not_worse = row_counts(graph, rank[graph.indices] <= np.repeat(rank, degrees(graph)))
    return Optima(
        cells=cells,
        strict=not_worse[cells] == 0,
        plateau=_plateaus(graph, rank, ~moves)[cells],
        basin=np.bincount(root, minlength=len(f))[cells],
        steps=steps,
        root=root,
    )


def _follow(step_to: Ints, moves: Bools) -> tuple[Ints, NDArray[np.int32]]:
    """Where paths end and how long they are, by doubling the length of the jumps."""
    target, steps = step_to, moves.astype(np.int32)
    while True:
        further = target[target]
        if (further == target).all():
            return target, steps
        steps = steps + steps[target]
        target = further


def _plateaus(graph: Neighborhood, rank: NDArray[np.int32], optimum: Bools) -> NDArray[np.int32]:
    counts = degrees(graph)
    flags = np.repeat(optimum, counts) & optimum[graph.indices]
    # In a neighbourhood with one-way steps, neighbouring local optima may differ in value.
    flags &= np.repeat(rank, counts) == rank[graph.indices]
    return connected_components(sparse(graph, flags), directed=False)[1]


def pareto_local_optima(relations: Relations, graph: Neighborhood) -> ParetoOptima:
    """Pareto local optima and the basins of dominance descent.

    A *Pareto local optimum* is a cell that none of its neighbours dominates. *Dominance descent* (a
    Pareto hill climber) goes to a neighbour drawn uniformly among those that dominate the cell, until
    there is none. The *basin* of a Pareto local optimum is the sum over all cells of the probability
    that the descent from there ends in it: exact, by passing probabilities along all dominating
    edges, which have no cycle. No weighting of the objectives is involved.

    Source: Paquete, Schiavinotto, Stützle, On local optima in multiobjective combinatorial
    optimization problems, Annals of Operations Research 156, 2007; Liefooghe, Derbel, Verel,
    López-Ibáñez, Aguirre, Tanaka, On Pareto local optimal solutions networks, PPSN 2018; the descent:
    Daolio, Liefooghe, Verel, Aguirre, Tanaka, Evolutionary Computation 25(4), 2017.
    """
    dominates = relations.dominates
    exits = row_counts(graph, dominates)
    cells = np.flatnonzero(exits == 0)
    descent = sparse(graph, dominates)
    descent.data /= np.repeat(exits, exits)
    mass: Floats = np.ones(len(graph))
    going: Floats = (exits > 0).astype(np.float64)
    ended, length = np.zeros(len(graph)), np.zeros(len(graph))
    while True:
        ended[cells] += mass[cells]
        mass[cells] = 0.0
        if not mass.any():
            break
        length += going
        mass, going = descent.T @ mass, descent @ going
    return ParetoOptima(cells=cells, basin=ended[cells], steps=length)
