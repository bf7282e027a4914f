"""The front of a run, or of all runs of a study, with all that a reader of it may ask of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.analysis.report.model import Table
from eomoo.analysis.report.wording import shown_unit
from eomoo.analysis.runs import front_of
from eomoo.fronts.dominance import by_first, non_dominated
from eomoo.fronts.knee import knee_point
from eomoo.fronts.objectives import Objectives
from eomoo.space import Catalogue, load_space
from eomoo.study.store import ProblemRow, RunRow, RunTrace, Store

__all__ = ["MOST_CELLS", "FrontData", "front_data", "front_table"]

MOST_CELLS = 1500
"""Cells of a front, and points of the true front, that a page holds; more are thinned evenly."""

_MOST_SEEN = 2500


@dataclass(frozen=True, kw_only=True)
class FrontData:
    """A front of one problem.

    Attributes:
        problem: As stored.
        cells: (k,) indices, by first objective.
        values, deviations: (k, m) raw.
        found_by: (k,) in how many runs each cell is on the run's own front.
        n_runs: Runs that the front was joined from.
        n_front: Cells on the front; more than k where it was thinned.
        knee: Position of the knee, or None.
        seen: (s, m) raw values of cells evaluated, at most a few thousand, drawn evenly; of n_seen.
        true_cells, true_values: The true front, thinned like the front, of n_true; None where unknown.
    """

    problem: ProblemRow
    cells: NDArray[np.int64]
    values: NDArray[np.float64]
    deviations: NDArray[np.float64]
    found_by: NDArray[np.int64]
    n_runs: int
    n_front: int
    knee: int | None
    seen: NDArray[np.float64]
    n_seen: int
    true_cells: NDArray[np.int64] | None
    true_values: NDArray[np.float64] | None
    n_true: int

    @property
    def on_true_front(self) -> NDArray[np.bool_] | None:
        """(k,) whether a cell is as good as one of the true front; None where that is unknown."""
        if self.true_values is None or self.n_true > len(self.true_values):
            return None
        known = {tuple(row) for row in self.true_values.tolist()}
        return np.array([tuple(row) in known for row in self.values.tolist()], dtype=bool)


def front_data(store: Store, problem: ProblemRow, runs: Sequence[tuple[RunRow, RunTrace]]) -> FrontData:
    """The joint front of runs on one problem: the cells that no other cell of any run beats."""
    m, objectives = len(problem.objectives), problem.objectives
    cells, values, found_by = _joined(runs, objectives)
    order = by_first(objectives.minimise(values))
    cells, values, found_by = cells[order], values[order], found_by[order]
    knee = knee_point(objectives.minimise(values)) if len(cells) else None
    kept = _thinned(len(cells), MOST_CELLS, keep=knee)
    spread = store.front_deviations(problem.id)
    nothing = np.zeros(m)
    seen, n_seen = _seen(runs, m)
    true = store.true_front(problem.id)
    shown = (
        None if true is None else by_first(objectives.minimise(true[1]))[_thinned(len(true[0]), MOST_CELLS)]
    )
    return FrontData(
        problem=problem,
        cells=cells[kept],
        values=values[kept],
        deviations=np.array([spread.get(int(c), nothing) for c in cells[kept]]).reshape(len(kept), m),
        found_by=found_by[kept],
        n_runs=len(runs),
        n_front=len(cells),
        knee=None if knee is None else int(np.flatnonzero(kept == knee)[0]),
        seen=seen,
        n_seen=n_seen,
        true_cells=None if true is None else true[0][shown],
        true_values=None if true is None else true[1][shown],
        n_true=0 if true is None else len(true[0]),
    )


def front_table(front: FrontData) -> Table:
    """The front as a table, a row for each cell."""
    space, objectives = load_space(), front.problem.objectives
    columns = ["cell"]
    content: list[list[Any]] = [front.cells.tolist()]
    for k, objective in enumerate(objectives):
        columns.append(objective.label)
        content.append(front.values[:, k].tolist())
        if (front.deviations[:, k] > 0).any():
            columns.append(f"{objective.title}, standard deviation")
            content.append(front.deviations[:, k].tolist())
    columns += ["parameters", "MACs", "vertices"]
    content += [
        space.params(front.cells, front.problem.skeleton).tolist(),
        space.macs(front.cells, front.problem.skeleton).tolist(),
        space.n_vertices[front.cells].tolist(),
    ]
    if front.n_runs > 1:
        columns.append(f"on the front of (of {front.n_runs} runs)")
        content.append(front.found_by.tolist())
    columns.append("hash")
    content.append(space.hash(front.cells))
    return Table(
        title="The front",
        columns=columns,
        rows=list(zip(*content, strict=True)),
        key=f"front-{front.problem.id}",
    )


def front_json(front: FrontData) -> dict[str, Any]:
    """The front as the page's scripts read it."""
    space = load_space()
    skeleton = front.problem.skeleton
    params, macs = space.params(front.cells, skeleton), space.macs(front.cells, skeleton)
    columns = [
        {
            "name": objective.name,
            "title": objective.title,
            "unit": shown_unit(objective.unit),
            "better": objective.direction,
            "objective": True,
            "values": _numbers(front.values[:, k]),
            "sd": _numbers(front.deviations[:, k]) if (front.deviations[:, k] > 0).any() else None,
        }
        for k, objective in enumerate(front.problem.objectives)
    ]
    extra = [
        ("params", "parameters", params),
        ("macs", "MACs", macs),
        ("vertices", "vertices", space.n_vertices[front.cells]),
    ]
    columns += [
        {
            "name": name,
            "title": title,
            "unit": "",
            "better": "min",
            "objective": False,
            "values": np.asarray(values).tolist(),
            "sd": None,
        }
        for name, title, values in extra
        if name not in front.problem.objectives.names
    ]
    optimal = front.on_true_front
    return {
        "problem": front.problem.name,
        "columns": columns,
        "cells": front.cells.tolist(),
        "hashes": space.hash(front.cells),
        "genotypes": ["".join(map(str, row)) for row in space.genotype(front.cells).tolist()],
        "graphs": [_graph(space, int(cell)) for cell in front.cells],
        "neighbors": _neighbors(space, front.cells),
        "foundBy": front.found_by.tolist() if front.n_runs > 1 else None,
        "optimal": None if optimal is None else optimal.tolist(),
        "nRuns": front.n_runs,
        "nFront": front.n_front,
        "knee": front.knee,
        "seen": [_numbers(column, digits=4) for column in front.seen.T],
        "nSeen": front.n_seen,
        "trueFront": None
        if front.true_cells is None or front.true_values is None
        else {
            "cells": front.true_cells.tolist(),
            "values": [_numbers(column) for column in front.true_values.T],
            "n": front.n_true,
        },
    }


def _joined(
    runs: Sequence[tuple[RunRow, RunTrace]], objectives: Objectives
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    found = [(trace, front_of(trace, objectives)) for _, trace in runs if trace.feasible.any()]
    if not found:
        return np.empty(0, np.int64), np.empty((0, objectives.n)), np.empty(0, np.int64)
    cells, first, counts = np.unique(
        np.concatenate([trace.cells[best] for trace, best in found]), return_index=True, return_counts=True
    )
    values = np.concatenate([trace.values[best] for trace, best in found])[first]
    best = non_dominated(objectives.minimise(values))
    return cells[best], values[best], counts[best]


def _seen(runs: Sequence[tuple[RunRow, RunTrace]], m: int) -> tuple[NDArray[np.float64], int]:
    cells = [trace.cells[trace.feasible] for _, trace in runs]
    values = [trace.values[trace.feasible] for _, trace in runs if len(trace.cells)]
    if not values:
        return np.empty((0, m)), 0
    _, first = np.unique(np.concatenate(cells), return_index=True)
    n = len(first)
    if n > _MOST_SEEN:
        # The same file from the same store: the sample must not change from one report to the next.
        first = np.random.default_rng(0).choice(first, _MOST_SEEN, replace=False)
    return np.concatenate(values)[first], n


def _thinned(n: int, most: int, *, keep: int | None = None) -> NDArray[np.int64]:
    if n <= most:
        return np.arange(n)
    chosen = np.linspace(0, n - 1, most).round().astype(np.int64)
    return np.union1d(chosen, [] if keep is None else [keep]).astype(np.int64)


def _graph(space: Catalogue, index: int) -> str:
    """A cell as the page draws it: operations of the inner vertices, then rows of the upper triangle."""
    cell = space.cell(index)
    n = cell.n_vertices
    upper = "".join(str(int(bit)) for bit in cell.matrix[np.triu_indices(n, 1)])
    return "".join(map(str, cell.op_codes)) + ":" + upper


def _neighbors(space: Catalogue, cells: NDArray[np.int64]) -> list[list[int]]:
    """For each cell, positions of the others that are one step away."""
    position = {int(cell): k for k, cell in enumerate(cells)}
    return [
        [position[int(other)] for other in np.intersect1d(space.neighbors(int(cell)), cells)]
        for cell in cells
    ]


def _numbers(values: NDArray[np.float64], *, digits: int = 7) -> list[float | int | None]:
    """Values short enough to embed: whole ones exactly, others to some digits, what is not finite as None."""
    return [
        None if not np.isfinite(v) else int(v) if v == int(v) else float(f"{v:.{digits}g}")
        for v in values.tolist()
    ]
