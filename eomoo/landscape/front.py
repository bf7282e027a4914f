"""The Pareto front in the neighbourhood graph: connectedness, distances to it, how values guide there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Floats, Ints
from eomoo.landscape.graph import components_among, joining_steps
from eomoo.landscape.values import correlation
from eomoo.space import Neighborhood


def connectedness(graph: Neighborhood, front: Ints, *, undirected: bool) -> tuple[dict[str, Any], NDArray[np.int32]]:
    """How far steps within the front connect its cells (k,).

    Returns:
        Numbers: "size", "components" (of the graph among the front's cells, directions ignored),
        "isolated" (components of one cell), "largest_component" (cells), "connected" and, for an
        undirected graph, "joining_steps": the least k at which the front is connected when cells at
        most k steps apart are joined (else None). And (k,) the number of each cell's component, 0 for
        the largest.

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


def fitness_distance(measure: NDArray[Any], distance: NDArray[np.int32]) -> dict[str, float]:
    """Correlation over all cells between a measure (n,), smaller is better, and the steps to the front (n,).

    "pearson" is the fitness-distance correlation: near 1, values lead to the front; near 0, they tell
    nothing; below 0, they mislead. "spearman" is the same on ranks. Cells that cannot reach the front
    (distance -1) are left out.

    Source: Jones and Forrest, Fitness distance correlation, ICGA 1995; to the nearest Pareto optimal
    solution: Liefooghe et al., IEEE TEC 24(6), 2020.
    """
    reached = distance >= 0
    return correlation(measure[reached].astype(float), distance[reached].astype(float))


def distance_profile(values: Floats, distance: NDArray[np.int32]) -> list[dict[str, Any]]:
    """For each number of steps to the front: cells, and quartiles of the values (n, m) of those cells."""
    rows = []
    for steps in range(int(distance.max()) + 1):
        here = values[distance == steps]
        low, middle, high = np.quantile(here, [0.25, 0.5, 0.75], axis=0)
        rows.append({"distance": steps, "cells": len(here), "q25": low, "median": middle, "q75": high})
    return rows
