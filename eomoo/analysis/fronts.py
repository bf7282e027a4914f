"""The front of a run, or of all runs of a study, with all that a reader of it may ask of its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.analysis.columns import Front, FrontColumn, known_of, rows_of
from eomoo.analysis.results import ProblemResults, StoredRun, TrueFront
from eomoo.analysis.tables import Table
from eomoo.analysis.wording import shown_unit
from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.fronts import by_first, knee_point, non_dominated, sorted_front
from eomoo.packages import pandas as pd
from eomoo.space import Catalogue, load_space
from eomoo.study.rows import ProblemRow

MOST_CELLS = 1500
"""Cells of a front, and points of the true front, that a page holds; more are thinned evenly."""

# Cells off the front that a page holds: 80 bytes each, and as many dots as are drawn without a pause.
_MOST_SEEN = 2500


@dataclass(frozen=True, kw_only=True)
class FrontData(Front):
    """The front of one problem over all runs, by first objective.

    Attributes:
        found_by: (k,) in how many runs each cell is on the run's own front.
        n_runs: Runs that the front was joined from.
        n_front: Cells on the front; more than k where it was thinned.
        knee: Position of the knee, or None.
        others: The other cells evaluated, where they are too many those that limits may leave as the best or that
            were drawn, and an even sample; deviations NaN where they were not kept.
        n_seen: All cells evaluated.
        drawn: Joint draws of the true values, see ``drawn_facts``; empty where there are none, or several runs.
        commands, onnx: What can be done with a cell, see ``network.cell_commands``; where the ONNX file of
            each that has one lies, as a link.
        true_front: The true front's cells and raw values, thinned like the front, of n_true; None where unknown.
    """

    found_by: Ints
    n_runs: int
    n_front: int
    knee: int | None
    others: Front
    n_seen: int
    drawn: Facts
    true_front: TrueFront | None
    n_true: int
    commands: Sequence[tuple[str, str]] = ()
    onnx: Mapping[int, str] = field(default_factory=dict)

    @property
    def on_true_front(self) -> Bools | None:
        """(k,) whether a cell is as good as one of the true front; None where that is unknown."""
        if self.true_front is None or self.n_true > len(self.true_front[0]):
            return None
        known = {tuple(row) for row in self.true_front[1].tolist()}
        return np.array([tuple(row) in known for row in self.values.tolist()], dtype=bool)


def front_data(results: ProblemResults) -> FrontData:
    """The joint front of all runs on one problem: the cells that no other cell of any run beats."""
    problem, objectives = results.problem, results.objectives
    cells, values, found_by = _joined(results)
    knee = knee_point(objectives.minimise(values)) if len(cells) else None
    kept = _thinned(len(cells), MOST_CELLS, keep=knee)
    true = results.true_front
    if true is not None:
        shown = by_first(objectives.minimise(true[1]))[_thinned(len(true[0]), MOST_CELLS)]
        true = true[0][shown], true[1][shown]
    told = known_of(results.runs)
    told["limited"] = _of_cells(results, "limited", len(problem.limits)) | told["limited"]
    others, n_seen = _others(results, cells[kept], told["limited"])
    return FrontData(
        problem=problem,
        cells=cells[kept],
        values=values[kept],
        deviations=rows_of(results.deviations, cells[kept], len(objectives), missing=0.0),
        found_by=found_by[kept],
        n_runs=len(results.runs),
        n_front=len(cells),
        knee=None if knee is None else int(np.flatnonzero(kept == knee)[0]),
        others=others,
        n_seen=n_seen,
        **told,
        drawn=results.runs[0].drawn if len(results.runs) == 1 else {},
        true_front=true,
        n_true=0 if results.true_front is None else len(results.true_front[0]),
    )


def front_content(stored: StoredRun) -> Facts:
    """A run's front for other programs, by column, a value for each cell."""
    space, cells = load_space(), stored.front_cells
    columns: Facts = {"index": cells, "hash": space.hash(cells)}
    for column in stored.shown.columns:
        columns[column.name] = column.values
        if column.deviations is not None:
            columns[f"{column.name}_std"] = column.deviations
        if column.measured is not None:
            columns[f"{column.name}_measured"] = column.measured
    columns["genotype"] = ["".join(map(str, row)) for row in space.genotype(cells)]
    return columns


def front_frame(stored: StoredRun) -> pd.DataFrame:
    """A run's front for other programs, a row for each cell."""
    return objectives_told(pd.DataFrame(front_content(stored)), stored)


def objectives_told(frame: pd.DataFrame, stored: StoredRun) -> pd.DataFrame:
    """The frame, which tells its objectives in its ``attrs``, for ``plot_frame``."""
    frame.attrs["objectives"] = stored.problem.objectives.to_dict()["objectives"]
    return frame


def front_table(front: FrontData) -> Table:
    """The front as a table, a row for each cell."""
    content: dict[str, list[Any]] = {"cell": front.cells.tolist()}
    for column in front.columns:
        if column.detail and column.name.endswith("_regret"):
            continue
        content[column.label] = column.values.tolist()
        if column.deviations is not None:
            content[f"{column.title}, standard deviation"] = column.deviations.tolist()
        if column.measured is not None:
            content[f"{column.title}, measured"] = column.measured.tolist()
    if front.n_runs > 1:
        content[f"on the front of (of {front.n_runs} runs)"] = front.found_by.tolist()
    content["hash"] = load_space().hash(front.cells)
    rows = list(zip(*content.values(), strict=True))
    return Table(title="The front", columns=list(content), rows=rows, key=f"front-{front.problem.id}")


def front_json(front: FrontData) -> dict[str, object]:
    """The front as the page's scripts read it: its n cells, then the others evaluated, of which less is said."""
    space = load_space()
    others = {column.name: column for column in front.others.columns}
    cells, n_others = np.concatenate((front.cells, front.others.cells)), len(front.others.cells)
    places = {cell: k for k, cell in enumerate(cells.tolist())}
    optimal, said = front.on_true_front, front.said
    shown = [c for c in front.columns if c.name in ("macs", "group") or not (c.detail or c.is_text)]
    return {
        "problem": front.problem.name,
        "columns": [_column_json(column, others.get(column.name), n_others) for column in shown],
        "basis": [[c.values[k] for c in front.columns if c.is_text] for k in range(len(front.cells))],
        "n": len(front.cells),
        "cells": cells.tolist(),
        "hashes": space.hash(front.cells),
        "genotypes": ["".join(map(str, row)) for row in space.genotype(front.cells).tolist()],
        "graphs": [_graph(space, int(cell)) for cell in cells],
        "neighbors": _neighbors(space, front.cells),
        "foundBy": front.found_by.tolist() if front.n_runs > 1 else None,
        "optimal": None if optimal is None else optimal.tolist(),
        "predicted": front.problem.predicted,
        "bestFront": front.problem.best_front,
        "takes": None if said is None else said.takes,
        "drawn": {**front.drawn, "cells": [places.get(cell, -1) for cell in front.drawn["cells"]]}
        if front.drawn
        else None,
        "posed": [
            [limit.objective or limit.name, _numbers(np.array([limit.least, limit.most]), digits=17)]
            for limit in front.problem.limits
        ],
        "band": [
            {"share": share, "outline": [_numbers(axis, digits=5) for axis in outline.T]}
            for share, outline in front.outlines
        ],
        "nRuns": front.n_runs,
        "nFront": front.n_front,
        "knee": front.knee,
        "nSeen": front.n_seen,
        "commands": front.commands,
        "onnx": front.onnx,
        "trueFront": None if front.true_front is None else _points(front.problem, *front.true_front, front.n_true),
    }


def _column_json(column: FrontColumn, other: FrontColumn | None, n_others: int) -> dict[str, object]:
    """A column as the page's scripts read it, its numbers of the front's cells and then of the others evaluated."""
    nothing = np.full(n_others, np.nan)

    def both(name: str, *, digits: int = 6) -> list[float | int | None]:
        its = getattr(other, name, None)
        return _numbers(getattr(column, name)) + _numbers(nothing if its is None else its, digits=digits)

    turned = not np.array_equal(column.minimised, column.values, equal_nan=True)
    return {
        "name": column.name,
        "title": column.title,
        "unit": shown_unit(column.unit),
        "least": column.least or None,
        "better": column.direction,
        "possible": _numbers(column.own.within([[-np.inf], [np.inf]], column.values[:, None])[:, 0]),
        "objective": column.objective,
        # As it is minimised, where that is not the value itself.
        "minimised": both("minimised") if turned else None,
        "values": both("values"),
        "sd": None if column.deviations is None else both("deviations", digits=4),
        "measured": None if column.measured is None else _numbers(column.measured),
        "detail": column.name == "group" or column.name.endswith("_slack"),
    }


def _points(problem: ProblemRow, cells: Ints, values: Floats, n: int) -> dict[str, object]:
    """Cells of the front of all cells, with values of what can be limited there, by name."""
    columns = Front(problem=problem, cells=cells, values=values, deviations=np.zeros_like(values)).columns
    minimised = [_numbers(c.minimised) for c in columns if c.objective]
    known = {c.name: _numbers(c.values) for c in columns}
    return {
        "cells": cells.tolist(),
        "values": [known[c.name] for c in columns if c.objective],
        "minimised": minimised,
        "costs": {c.name: known[c.name] for c in columns if not c.objective},
        "n": n,
    }


def _joined(results: ProblemResults) -> tuple[Ints, Floats, Ints]:
    """Cells of the joint front of all runs by first objective, their raw values, on how many runs' fronts each is."""
    fronts = [results.fronts(k, [run.budget])[0] for k, run in enumerate(results.runs)]
    own = list(zip(results.traces, fronts, strict=True))
    every = np.concatenate([trace.cells[best] for trace, best in own])
    cells, first, counts = np.unique(every, return_index=True, return_counts=True)
    values = np.concatenate([trace.values[best] for trace, best in own])[first]
    best = sorted_front(results.objectives.minimise(values))
    return cells[best], values[best], counts[best]


def _others(results: ProblemResults, shown: Ints, limited: Mapping[int, list[Any]]) -> tuple[Front, int]:
    """The cells evaluated that are not among those shown, with what is known of them, and how many there are."""
    cells = np.concatenate([trace.cells[trace.feasible] for trace in results.traces])
    values = np.concatenate([trace.values[trace.feasible] for trace in results.traces])
    cells, first = np.unique(cells, return_index=True)
    others = np.flatnonzero(~np.isin(cells, shown))
    if len(others) > _MOST_SEEN:
        F, space = results.objectives.minimise(values[first[others]]), load_space()
        costs = [f(cells[others], results.problem.skeleton) for f in (space.params, space.macs)]
        drawn = [cell for run in results.runs for cell in run.drawn.get("cells", ())]
        best = np.flatnonzero(non_dominated(np.column_stack((F, *costs))) | np.isin(cells[others], drawn))
        # The same file from the same store: the sample must not change from one report to the next.
        some = np.random.default_rng(0).permutation(np.setdiff1d(np.arange(len(others)), best))
        others = others[np.sort(np.concatenate((best, some))[:_MOST_SEEN])]
    mine, m = cells[others], len(results.objectives)
    known = rows_of(_of_cells(results, "deviations", m), mine, m)
    front = Front(problem=results.problem, cells=mine, values=values[first[others]], deviations=known, limited=limited)
    return front, len(cells)


def _of_cells(results: ProblemResults, name: str, n: int) -> dict[int, list[Any]]:
    """What the runs kept of their cells, by cell, n numbers each."""
    rows = [run.evaluated.get(name, []) for run in results.runs]
    return {
        cell: row
        for trace, mine in zip(results.traces, rows, strict=True)
        if mine
        for cell, row in zip(trace.cells.tolist(), mine, strict=True)
        if len(row) == n
    }


def _thinned(n: int, most: int, *, keep: int | None = None) -> Ints:
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


def _neighbors(space: Catalogue, cells: Ints) -> list[list[int]]:
    """For each cell, positions of the others that are one step away."""
    position = {int(cell): k for k, cell in enumerate(cells)}
    return [[position[int(other)] for other in np.intersect1d(space.neighbors(int(cell)), cells)] for cell in cells]


def _numbers(values: NDArray[np.generic], *, digits: int = 9) -> list[float | int | None]:
    """Values short enough to embed: whole ones exactly, others to some digits, what is not finite as None.

    Of so many more than the four to six that a page shows, what it shows is what a terminal does: rounded once.
    """
    known = [v if np.isfinite(v) else None for v in values.tolist()]
    return [None if v is None else int(v) if v == int(v) else float(f"{v:.{digits}g}") for v in known]
