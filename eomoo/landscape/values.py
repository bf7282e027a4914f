"""How values are distributed: summaries, correlations, dominance ranks; over the cells about the front too."""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from eomoo.arrays import Facts, Floats, Ints, Numbers
from eomoo.landscape.graph import components_among, joining_steps
from eomoo.landscape.optima import dense_ranks
from eomoo.space import Neighborhood


def describe(values: Floats) -> dict[str, float]:
    """Count, distinct values, mean, standard deviation (n - 1), extremes and quartiles of values (n,)."""
    quantiles = np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0]).tolist()
    return {
        "n": len(values),
        "distinct": len(np.unique(values)),
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        **dict(zip(("min", "q25", "median", "q75", "max"), quantiles, strict=True)),
    }


def correlation(a: Floats, b: Floats) -> dict[str, float]:
    """ "pearson" (linear) and "spearman" (of ranks) correlation of two arrays (n,); NaN for a constant."""
    return {name: float(found[0, 1]) for name, found in correlations(np.column_stack((a, b))).items()}


def correlations(F: Floats) -> dict[str, Floats]:
    """Correlation (m, m) between the columns of F (n, m): "pearson" and "spearman"; NaN for a constant.

    Of minimised objectives over all cells, those in conflict have a negative one.

    Source: Verel, Liefooghe, Jourdan, Dhaenens, European Journal of Operational Research 227, 2013.
    """
    constant = np.ptp(F, axis=0) == 0.0
    found = {}
    for name, columns in (("pearson", F), ("spearman", rankdata(F, axis=0))):
        # A constant's deviations are rounding errors, and so would be its correlation.
        with np.errstate(invalid="ignore", divide="ignore"):
            found[name] = np.atleast_2d(np.corrcoef(columns, rowvar=False))
        found[name][constant] = found[name][:, constant] = np.nan
    return found


def dominance_ranks(F: Floats) -> Ints:
    """Rank (n,) of each point (n, m), minimised, by non-dominated sorting: 0 for the Pareto front.

    Rank r + 1 is the front of what is left without ranks 0 to r. Equal points share a rank.

    Source: Deb, Pratap, Agarwal, Meyarivan, IEEE TEC 6(2), 2002; computed by moocore, all cells by three objectives in
    eight seconds.
    """
    ranks = dense_ranks(F)
    # moocore takes two objectives and more.
    found = ranks[0] if F.shape[1] == 1 else moocore.pareto_rank(ranks.T.astype(float))
    return np.asarray(found, dtype=np.int64)


def connectedness(graph: Neighborhood, front: Ints, *, undirected: bool) -> tuple[Facts, NDArray[np.int32]]:
    """How far steps within the front connect its cells (k,).

    Returns:
        Numbers: "size", "components" (of the graph among the front's cells, directions ignored),
        "isolated" (components of one cell), "largest_component" (cells), "connected" and, for an
        undirected graph, "joining_steps": the least k at which the front is connected when cells at
        most k steps apart are joined (else None). And (k,) the number of each cell's component, 0 for the largest.

    Source: Ehrgott and Klamroth, European Journal of Operational Research 97, 1997; Paquete and
    Stützle, European Journal of Operational Research 169, 2006; Liefooghe et al., IEEE TEC 2020.
    """
    label = components_among(graph, front)
    size = np.bincount(label)
    numbers = {
        "size": len(front),
        "components": len(size),
        "isolated": int((size == 1).sum()),
        "largest_component": int(size.max()),
        "connected": len(size) == 1,
        "joining_steps": joining_steps(graph, front) if undirected else None,
    }
    return numbers, label


def fitness_distance(measure: Numbers, distance: NDArray[np.int32]) -> dict[str, float]:
    """Correlation over all cells between a measure (n,), smaller is better, and the steps to the front (n,).

    "pearson" is the fitness-distance correlation: near 1, values lead to the front; near 0, they tell nothing; below 0,
    they mislead. "spearman" is the same on ranks. Cells that cannot reach the front (distance -1) are left out.

    Source: Jones and Forrest, Fitness distance correlation, ICGA 1995; to the nearest Pareto optimal
    solution: Liefooghe et al., IEEE TEC 24(6), 2020.
    """
    reached = distance >= 0
    return correlation(measure[reached].astype(float), distance[reached].astype(float))


def distance_profile(values: Floats, distance: NDArray[np.int32]) -> list[Facts]:
    """For each number of steps to the front: cells, and quartiles of the values (n, m) of those cells."""
    rows = []
    for steps in range(int(distance.max()) + 1):
        here = values[distance == steps]
        low, middle, high = np.quantile(here, [0.25, 0.5, 0.75], axis=0)
        rows.append({"distance": steps, "cells": len(here), "q25": low, "median": middle, "q75": high})
    return rows
