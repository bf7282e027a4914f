"""The landscape of a problem: its cells, their values and the neighbourhood graph among them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import counted
from eomoo.errors import SettingError
from eomoo.fronts import sorted_front
from eomoo.landscape.graph import subgraph
from eomoo.search.problem import CellProblem, check_cells
from eomoo.space import Neighborhood
from eomoo.space.neighbors import check_kind


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """All feasible cells of a problem with their values, and the graph of steps among them.

    Cells are numbered 0 to n - 1 here; ``cells`` gives their indices in the space.

    Attributes:
        problem: The problem.
        neighborhood: Kind of its steps (see ``Catalogue.neighbors``).
        cells: (n,) indices of the cells, sorted.
        values: (n, m) raw values, in the card's units and directions.
        F: (n, m) values as minimised.
        graph: Neighbours among the cells, by number.
        front: (k,) numbers of the Pareto front's cells, by first objective.
    """

    problem: CellProblem
    neighborhood: str
    cells: Ints
    values: Floats
    F: Floats
    graph: Neighborhood
    front: Ints

    @property
    def undirected(self) -> bool:
        """Whether every step can be taken back."""
        return self.neighborhood == "symmetric"

    @property
    def domain(self) -> Bools:
        """(423624,) bool, which cells of the space are in the landscape."""
        mask = np.zeros(len(self.problem.space), dtype=bool)
        mask[self.cells] = True
        return mask

    def __len__(self) -> int:
        return len(self.cells)


def landscape_of(problem: CellProblem, *, neighborhood: str = "symmetric") -> Landscape:
    """The landscape of a problem whose values are all known.

    Args:
        problem: A problem with surrogate, analytic or table values. Cells without values, and those
            that break the card's limits, are no part of its landscape, nor are steps to them.
        neighborhood: "symmetric" (a step from any member of a class, or the reverse of one: does not
            depend on which member is stored, and random walks on it never end), "hamming" (what
            Pareto local search takes by default) or "published".

    Raises:
        SettingError: (a ValueError) It is no problem, the values must be measured first, are those of a sample, or no
            cell is feasible.
        UnknownNameError: (a KeyError) No such neighbourhood.
    """
    check_kind(neighborhood)
    check_cells("a landscape", problem)
    if not problem.enumerable:
        raise SettingError(
            f"the landscape of {problem.name()} is unknown: its values must be measured; choose a card with "
            "surrogate, analytic or table values (see `eomoo problems`)"
        )
    if is_sample(problem):
        raise SettingError(
            f"{problem.name()} has values of {counted(problem.n_cells, 'cell')}, a sample of {len(problem.space):,} "
            "that says nothing of neighbours and optima of the whole space; `eomoo landscape TABLE` tells what one can"
        )
    # NumPy and XGBoost let go of the interpreter lock, so the two longest tasks share two cores.
    with ThreadPoolExecutor(max_workers=1) as worker:
        preparing = worker.submit(problem.space.neighborhood, neighborhood)
        cells = problem.feasible_cells()
    if len(cells) == 0:
        raise SettingError(f"{problem.name()} has no landscape: no cell keeps its limits")
    F = problem.objectives_at(cells)
    return Landscape(
        problem=problem,
        neighborhood=neighborhood,
        cells=cells,
        values=problem.values(cells),
        F=F,
        graph=subgraph(preparing.result(), cells),
        front=sorted_front(F),
    )


def is_sample(problem: CellProblem) -> bool:
    """Whether only some cells have values, and not just all those of at most so many vertices and edges."""
    if problem.domain is None:
        return False
    vertices, edges = problem.space.n_vertices, problem.space.n_edges
    here = problem.domain
    within = (vertices <= vertices[here].max(initial=0)) & (edges <= edges[here].max(initial=0))
    return int(within.sum()) != problem.n_cells
