"""How a cell compares with its neighbours: better or worse by objective, dominance, neutrality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from eomoo.arrays import Bools, Floats
from eomoo.landscape.graph import degrees, row_counts
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
        return _anywhere(self.better) & ~_anywhere(self.worse)

    def shares(self, graph: Neighborhood) -> dict[str, float]:
        """Mean over cells with neighbours of the share of neighbours of each kind; they sum to 1.

        "dominating", "dominated", "equal" (in all objectives: neutral) and "incomparable". Known as
        #inf, #sup and #inc: Liefooghe, Daolio, Verel, Derbel, Aguirre, Tanaka, IEEE TEC 24(6), 2020.
        """
        better, worse = _anywhere(self.better), _anywhere(self.worse)
        return {
            "dominating": _mean_share(graph, better & ~worse),
            "dominated": _mean_share(graph, worse & ~better),
            "incomparable": _mean_share(graph, better & worse),
            "equal": _mean_share(graph, ~(better | worse)),
        }

    def neutrality(self, graph: Neighborhood, objective: int) -> dict[str, float]:
        """Mean share of neighbours that are better, worse and equal (neutral) in one objective.

        The mean over cells with neighbours of the share of equal ones is the neutrality degree's
        mean, relative to the number of neighbours. Equal is exactly equal.

        Source: Reidys and Stadler, Neutrality in fitness landscapes, Applied Mathematics and
        Computation 117, 2001; Verel, Collard, Clergue, IEEE CEC 2004.
        """
        better, worse = self.better[objective], self.worse[objective]
        return {
            "better": _mean_share(graph, better),
            "worse": _mean_share(graph, worse),
            "equal": _mean_share(graph, ~(better | worse)),
        }


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


def _anywhere(flags: Bools) -> Bools:
    """(n_edges,) whether one of the objectives' flags (m, n_edges) is set."""
    found: Bools = np.logical_or.reduce(flags, axis=0)
    return found


def _mean_share(graph: Neighborhood, flags: Bools) -> float:
    counts = degrees(graph)
    some = counts > 0
    return float((row_counts(graph, flags)[some] / counts[some]).mean()) if some.any() else 0.0
