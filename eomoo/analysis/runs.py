"""A stored run as tables and files: its front, its trace, its figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.files import atomic_path, write_json
from eomoo.fronts.box import Box
from eomoo.fronts.dominance import sorted_front
from eomoo.fronts.indicators import deduplicated, hypervolume
from eomoo.fronts.objectives import Objectives
from eomoo.space import load_space
from eomoo.study.store import ProblemRow, RunRow, RunTrace, Store

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = [
    "StoredRun",
    "draw_front",
    "front_frame",
    "front_of",
    "load_run",
    "problem_box",
    "summary",
    "trace_frame",
    "write_run",
]


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run with all that the store knows of it.

    Attributes:
        problem, run, trace: As stored.
        front: (k,) positions in the trace of the non-dominated feasible cells, by first objective.
        true_front: Cells and raw values of the true front, or None.
        deviations: Standard deviations (k, m) of the front's values.
    """

    problem: ProblemRow
    run: RunRow
    trace: RunTrace
    front: NDArray[np.int64]
    true_front: tuple[NDArray[np.int64], NDArray[np.float64]] | None
    deviations: NDArray[np.float64]

    @property
    def front_cells(self) -> NDArray[np.int64]:
        """(k,) indices of the front's cells."""
        return self.trace.cells[self.front]

    @property
    def front_values(self) -> NDArray[np.float64]:
        """(k, m) raw values of the front's cells."""
        return self.trace.values[self.front]


def front_of(trace: RunTrace, objectives: Objectives) -> NDArray[np.int64]:
    """Positions in a trace of its non-dominated feasible cells, sorted by the first objective."""
    feasible = np.flatnonzero(trace.feasible)
    return feasible[sorted_front(objectives.minimise(trace.values[feasible]))]


def load_run(store: Store, run: RunRow) -> StoredRun:
    """A run of the store, with its front."""
    problem = next(p for p in store.problems() if p.id == run.problem)
    trace = store.trace(run)
    front = front_of(trace, problem.objectives)
    known = store.front_deviations(problem.id)
    nothing = np.zeros(len(problem.objectives))
    spread = [known.get(int(cell), nothing) for cell in trace.cells[front]]
    return StoredRun(
        problem=problem,
        run=run,
        trace=trace,
        front=front,
        true_front=store.true_front(problem.id),
        deviations=np.array(spread).reshape(len(front), len(nothing)),
    )


def problem_box(
    objectives: Objectives,
    true_front: tuple[NDArray[np.int64], NDArray[np.float64]] | None,
    F: NDArray[np.float64],
) -> Box:
    """The box for indicators, from the ideal point to the card's reference point.

    The ideal point is the true front's; where that is unknown, that of the points ``F`` (n, m). A card
    without a reference point gets the worst of these points and of the true front.
    """
    points = F[np.isfinite(F).all(axis=1)]
    best = points if true_front is None else objectives.minimise(true_front[1])
    if objectives.reference is not None:
        # Live results may be better than anything that the card's author expected, or all worse.
        return Box.up_to(objectives.reference, best.min(axis=0))
    # Nothing evaluated is better than the true front.
    return Box.of(np.concatenate((points, best)), margin=0.1)


def summary(stored: StoredRun) -> dict[str, Any]:
    """What a run did, in numbers."""
    objectives = stored.problem.objectives
    F = objectives.minimise(stored.trace.values[stored.trace.feasible])
    result: dict[str, Any] = {
        "problem": stored.problem.name,
        "algorithm": stored.run.algorithm,
        "seed": stored.run.seed,
        "budget": stored.run.budget,
        "distinct_cells": len(stored.trace.cells),
        "evaluations": stored.run.n_eval,
        "front_size": len(stored.front),
        "seconds": round(stored.run.seconds, 3),
        "complete": stored.run.complete,
    }
    if len(F):
        box = problem_box(objectives, stored.true_front, F)
        result["hypervolume"] = hypervolume(deduplicated(F), box)
        if stored.true_front is not None:
            best = hypervolume(objectives.minimise(stored.true_front[1]), box)
            result["share_of_true_hypervolume"] = result["hypervolume"] / best if best else None
    return result


def front_frame(stored: StoredRun) -> pd.DataFrame:
    """The front as a table, a row for each cell."""
    import pandas as pd

    space, cells = load_space(), stored.front_cells
    columns: dict[str, Any] = {"index": cells, "hash": space.hash(cells)}
    for k, objective in enumerate(stored.problem.objectives):
        columns[objective.name] = stored.front_values[:, k]
        if stored.deviations[:, k].any():
            columns[f"{objective.name}_std"] = stored.deviations[:, k]
    columns.setdefault("params", space.params(cells, stored.problem.skeleton))
    columns.setdefault("macs", space.macs(cells, stored.problem.skeleton))
    columns["vertices"] = space.n_vertices[cells]
    columns["genotype"] = ["".join(map(str, row)) for row in space.genotype(cells)]
    return pd.DataFrame(columns)


def trace_frame(stored: StoredRun) -> pd.DataFrame:
    """Every evaluation as a table, a row each, in order."""
    import pandas as pd

    frame = pd.DataFrame(stored.trace.values, columns=stored.problem.objectives.names)
    frame.insert(0, "index", stored.trace.cells)
    frame.insert(0, "step", np.arange(len(frame)))
    frame["feasible"] = stored.trace.feasible
    return frame


def write_run(stored: StoredRun, folder: Path) -> list[Path]:
    """Write ``front.csv``, ``trace.csv``, ``settings.json``, ``front.png`` and ``cells.png``."""
    written = []
    for name, frame in (("front.csv", front_frame(stored)), ("trace.csv", trace_frame(stored))):
        with atomic_path(folder / name) as path:
            frame.to_csv(path, index=False)
        written.append(folder / name)
    settings = {
        **summary(stored),
        "settings": stored.run.settings,
        "constraints": list(stored.problem.constraints),
        "noise": stored.problem.noise,
        "objectives": stored.problem.objectives.to_dict()["objectives"],
        "card_sha256": stored.problem.digest,
        "versions": stored.run.versions,
        "citation": stored.problem.citation,
    }
    write_json(folder / "settings.json", settings)
    written.append(folder / "settings.json")
    if len(stored.front):
        figures = {"front.png": draw_front(stored), "cells.png": _draw_cells(stored)}
        for name, figure in figures.items():
            with atomic_path(folder / name) as path:
                figure.savefig(path)
        written += [folder / name for name in figures]
    return written


def draw_front(stored: StoredRun) -> Figure:
    """The front over what was evaluated; panels for three objectives and more."""
    from eomoo.analysis.figures import plot_best, plot_front, plot_front_matrix
    from eomoo.plots import new_figure

    labels = [o.label for o in stored.problem.objectives]
    seen = stored.trace.values[stored.trace.feasible]
    true_front = None if stored.true_front is None else stored.true_front[1]
    if len(labels) == 1:
        figure, ax = new_figure()
        plot_best(ax, stored.problem.objectives, values=stored.trace.values, feasible=stored.trace.feasible)
    elif len(labels) == 2:
        figure, ax = new_figure()
        plot_front(
            ax,
            front=stored.front_values,
            seen=seen,
            true_front=true_front,
            deviations=stored.deviations,
            labels=(labels[0], labels[1]),
        )
        title = f"{stored.problem.name}, {stored.run.label}, seed {stored.run.seed}"
        ax.set_title(title, fontsize=10, parse_math=False)
    else:
        figure, ax = new_figure(4.0 * max(1, len(labels) - 1), 3.2 * max(1, len(labels) - 1))
        ax.remove()
        plot_front_matrix(figure, front=stored.front_values, seen=seen, true_front=true_front, labels=labels)
    return figure


def _draw_cells(stored: StoredRun, *, most: int = 24) -> Figure:
    """Drawings of the front's cells, evenly chosen when there are more than ``most``."""
    from eomoo.analysis.drawing import draw_cell
    from eomoo.plots import new_figure

    chosen = np.unique(np.linspace(0, len(stored.front) - 1, min(most, len(stored.front))).astype(int))
    columns = min(6, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, axes = new_figure(2.3 * columns, 2.9 * rows, nrows=rows, ncols=columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, k in zip(axes.flat, chosen, strict=False):
        cell = int(stored.front_cells[k])
        lines = [
            f"{o.name} {value:,.4g} {o.unit}".strip()
            for o, value in zip(stored.problem.objectives, stored.front_values[k], strict=True)
        ]
        draw_cell(load_space().cell(cell), ax, title="\n".join([f"cell {cell}", *lines]))
    if len(chosen) < len(stored.front):
        figure.suptitle(f"{len(chosen)} of the front's {len(stored.front)} cells", fontsize=11)
    return figure
