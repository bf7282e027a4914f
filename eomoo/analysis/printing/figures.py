"""Figures with matplotlib: each function draws on given axes, or makes a figure tied to no display."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eomoo.analysis.columns import band_outlines
from eomoo.analysis.compared import comparison_of, study_tables
from eomoo.analysis.curves import anytime, attainment, differences
from eomoo.analysis.drawing import draw_cell
from eomoo.analysis.printing.comparisons import plot_critical_difference, plot_shifts
from eomoo.analysis.results import AREA, ProblemResults, StoredRun, StudyResults
from eomoo.analysis.tables import Curves, Differences
from eomoo.arrays import Bools, Floats
from eomoo.files import atomic_path
from eomoo.fronts import Objectives
from eomoo.plots import COLORS, new_figure
from eomoo.space import load_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_SURE = "#0072B2"
_SEEN, _TRUE, _FOUND = "#BBBBBB", "#000000", "#D55E00"
# What fits a page.
_MOST_SHIFTS = 40
_DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def plot_front(
    ax: Axes,
    *,
    front: Floats,
    seen: Floats | None = None,
    true_front: Floats | None = None,
    deviations: Floats | None = None,
    bands: Sequence[tuple[int, Floats]] = (),
    takes: Floats | None = None,
    labels: tuple[str, str],
    label: str = "front found",
    best: str = "true front",
) -> Axes:
    """Draw a front of two objectives over what was evaluated, with the true front.

    Args:
        ax: Where to draw.
        front: (k, 2) raw values of the front's cells.
        seen: (n, 2) raw values of all evaluated cells.
        true_front: (t, 2) raw values of the true Pareto front.
        deviations: (k, 2) standard deviations of ``front``, drawn as error bars where there are no bands.
        bands: Shares in per cent, and outlines (n, 2) in which the true front lies with that probability.
        takes: (g, 2) raw values of the front's cells that stand for all those that cannot be told from them.
        labels: Of the two axes.
        label, best: What the front, and that of all cells, are called.
    """
    if seen is not None and len(seen):
        ax.plot(*seen.T, ".", color=_SEEN, markersize=3, label=f"evaluated ({len(seen):,})", zorder=1)
    for share, outline in bands:
        alpha = 0.18 if share > 50 else 0.4
        ax.fill(*outline.T, color=_SURE, alpha=alpha, linewidth=0, zorder=1.5, label=f"the true front, {share} %")
    if deviations is not None and (deviations > 0).any() and not bands:
        (x, y), (dx, dy), name = front.T, deviations.T, "standard deviation"
        ax.errorbar(x, y, dy, dx, fmt="none", ecolor=_FOUND, alpha=0.25, linewidth=0.8, zorder=2, label=name)
    if true_front is not None and len(true_front):
        name = f"{best} ({len(true_front)})"
        ax.plot(*true_front.T, "o", color=_TRUE, markersize=6, mfc="none", mew=0.9, label=name, zorder=3)
    found = front[np.argsort(front[:, 0])]
    ax.plot(*found.T, "o", color=_FOUND, markersize=3.4, label=f"{label} ({len(front)})", zorder=4)
    if takes is not None and len(takes):
        ax.plot(*takes.T, "D", color=_SURE, markersize=4.5, label=f"can be told apart ({len(takes)})", zorder=5)
    return _labelled(ax, labels[0], labels[1])


def _labelled(ax: Axes, x: str, y: str, *, legend: int = 8) -> Axes:
    """Name the axes, whose titles are no formulas, and show the legend in points of ``legend``."""
    ax.set_xlabel(x, parse_math=False)
    ax.set_ylabel(y, parse_math=False)
    ax.legend(fontsize=legend, frameon=False)
    return ax


def plot_best(ax: Axes, objectives: Objectives, *, values: Floats, feasible: Bools) -> Axes:
    """Draw the search for the best value of a single objective, cell by cell.

    Args:
        ax: Where to draw.
        objectives: The one.
        values: (n, 1) raw values in the order of evaluation.
        feasible: (n,) which of the cells are feasible.
    """
    steps = 1 + np.flatnonzero(feasible)
    shown = values[feasible]
    ax.plot(steps, shown, ".", color=_SEEN, markersize=3, label=f"evaluated ({len(shown):,})")
    ax.step(steps, objectives.best_so_far(shown), where="post", color=_FOUND, label="best so far")
    return _labelled(ax, "distinct cells evaluated", objectives[0].label)


def plot_front_matrix(
    figure: Figure,
    *,
    front: Floats,
    seen: Floats | None = None,
    true_front: Floats | None = None,
    labels: list[str],
    label: str = "front found",
    best: str = "true front",
) -> Figure:
    """Draw a front of three or more objectives, a panel for each pair of them, on an empty figure."""
    n = front.shape[1] - 1
    for (row, column), ax in np.ndenumerate(figure.subplots(n, n, squeeze=False)):
        if column > row:
            ax.set_axis_off()
            continue
        pair = [column, row + 1]
        also, true = (None if points is None else points[:, pair] for points in (seen, true_front))
        names = labels[column], labels[row + 1]
        plot_front(ax, front=front[:, pair], seen=also, true_front=true, labels=names, label=label, best=best)
        ax.spines[["top", "right"]].set_visible(False)
        if (row, column) != (0, 0):
            ax.get_legend().remove()
    return figure


def draw_front(stored: StoredRun) -> Figure:
    """The front over what was evaluated; panels for three objectives and more."""
    problem, trace, said = stored.problem, stored.trace, stored.run.uncertainty
    labels, best = [o.label for o in problem.objectives], problem.best_front
    front, seen = stored.front_values, trace.values[trace.feasible]
    true = None if stored.true_front is None else stored.true_front[1]
    found = "predicted front found" if problem.predicted else "front found"
    n = len(labels) - 1
    figure, ax = new_figure() if n < 2 else new_figure(4.0 * n, 3.2 * n)
    if n == 0:
        plot_best(ax, problem.objectives, values=trace.values, feasible=trace.feasible)
    elif n == 1:
        plot_front(
            ax,
            front=front,
            seen=seen,
            true_front=true,
            deviations=stored.deviations,
            bands=band_outlines(problem, front, said),
            takes=None if said is None else front[np.isin(stored.front_cells, said.takes)],
            labels=(labels[0], labels[1]),
            label=found,
            best=best,
        )
        title = f"{stored.problem.name}, {stored.run.label}, seed {stored.run.seed}"
        ax.set_title(title, fontsize=10, parse_math=False)
    else:
        ax.remove()
        plot_front_matrix(figure, front=front, seen=seen, true_front=true, labels=labels, label=found, best=best)
    return figure


def draw_cells(stored: StoredRun, *, most: int = 24) -> Figure:
    """Drawings of the front's cells, evenly chosen when there are more than ``most``."""
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


def plot_curves(ax: Axes, curves: Curves) -> Axes:
    """Draw lines with their bands; of outlines, those of a group in one colour, the faint ones dashed."""
    draw = _plot_outlines if curves.outlines else _plot_lines
    draw(ax, curves)
    return _labelled(ax, curves.x_label, curves.y_label, legend=7 if curves.outlines else 8)


def _plot_lines(ax: Axes, curves: Curves) -> None:
    for k, line in enumerate(curves.series):
        color = COLORS[k % len(COLORS)]
        if line.low is not None and line.high is not None:
            ax.fill_between(line.x, line.low, line.high, color=color, alpha=0.18, linewidth=0)
        n = len(line.x)
        ax.plot(
            line.x,
            line.y,
            _DASHES[k // len(COLORS) % len(_DASHES)],
            color=color,
            linewidth=1.6,
            marker=_MARKERS[k % len(_MARKERS)],
            markersize=4,
            # Markers tell curves apart in grey; at different places, so that they do not hide each other.
            markevery=(k % 4 * max(1, n // 20), max(1, n // 5)),
            label=f"{line.name} ({line.runs} seeds)",
        )


def _plot_outlines(ax: Axes, curves: Curves) -> None:
    n_faint = [0] * (1 + max(line.group for line in curves.series))
    for line in curves.series:
        dash = ("--", ":")[n_faint[line.group] % 2] if line.faint else "-"
        n_faint[line.group] += line.faint
        color, width = COLORS[line.group % len(COLORS)], 1.0 if line.faint else 1.8
        ax.plot(line.x, line.y, dash, color=color, linewidth=width, label=line.name)


def plot_differences(axes: Sequence[Axes], found: Differences, surfaces: Curves) -> Sequence[Axes]:
    """Draw where one algorithm attains more often than another.

    Args:
        axes: Two, for where the first is ahead, and where the second is.
        found: The boxes.
        surfaces: Attainment surfaces, of which those of the two algorithms are drawn over the boxes.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    medians = {line.name: line for line in surfaces.series if not line.faint}
    for ax, label, side in zip(axes, (found.first, found.second), (1.0, -1.0), strict=True):
        shown = [box for box in found.boxes if side * box[4] > 0]
        patches = [Rectangle((x, y), to_x - x, to_y - y) for x, y, to_x, to_y, _ in shown]
        drawn = PatchCollection(patches, cmap="Blues", edgecolor="face", linewidth=0.2)
        drawn.set_array(np.array([side * box[4] for box in shown]))
        drawn.set_clim(0.0, 1.0)
        ax.add_collection(drawn)
        for name, dash in ((found.first, "-"), (found.second, "--")):
            if name in medians:
                line = medians[name]
                ax.plot(line.x, line.y, dash, color="#000000", linewidth=1, label=name)
        ax.autoscale_view()
        ax.set_title(f"{label} attains more often", fontsize=9)
        ax.set_xlabel(found.x_label, fontsize=9)
        ax.set_ylabel(found.y_label, fontsize=9)
    axes[0].legend(fontsize=7, frameon=False, title="median surface", title_fontsize=7)
    bar = axes[1].figure.colorbar(drawn, ax=list(axes))
    bar.set_label("share of runs, difference", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return axes


def write_figures(results: StudyResults, folder: str | Path) -> list[Path]:
    """Draw a study: anytime curves of each problem, attainment surfaces of two objectives, ranks.

    Returns:
        The files: ``PROBLEM-anytime.png``, ``PROBLEM-attainment.png``,
        ``PROBLEM-difference-FIRST-SECOND.png`` for up to 6 pairs of equal budget, ``shifts.png`` of up to 40
        pairs' whole searches, ``ranks-N.png``.
    """
    folder = Path(folder)
    figures: dict[str, Figure] = {}
    for problem in results.problems:
        stem = _file_name(problem.name)
        figure, ax = new_figure()
        plot_curves(ax, anytime(problem, stem))
        ax.set_title(problem.name, fontsize=10)
        figures[f"{stem}-anytime"] = figure
        surfaces = attainment(problem, stem)
        if surfaces is not None:
            figures |= _draw_attainment(problem, surfaces, stem)
    tables = study_tables(results)
    shifts = {
        f"{row['problem']}: {row['first']} - {row['second']}": comparison_of(row)
        for row in tables.tests[tables.tests["indicator"] == AREA].to_dict(orient="records")[:_MOST_SHIFTS]
    }
    if shifts:
        figure, ax = new_figure(8.4, 1.2 + 0.26 * len(shifts))
        plot_shifts(ax, shifts, xlabel="shift of the mean share of hypervolume, in hundredths, with 95 % interval")
        figures["shifts"] = figure
    for n, ranks in tables.ranks.items():
        if ranks.n_families > 1:
            figure, ax = new_figure(6.4, 2.4)
            plot_critical_difference(ax, ranks)
            figures[f"ranks-{n}"] = figure
    written = []
    for name, figure in figures.items():
        with atomic_path(folder / f"{name}.png") as path:
            figure.savefig(path)
        written.append(folder / f"{name}.png")
    return written


def _draw_attainment(problem: ProblemResults, surfaces: Curves, stem: str) -> dict[str, Figure]:
    figure, ax = new_figure()
    name = problem.reference_name
    reference = problem.objectives.raw(problem.reference)
    ax.plot(*reference.T, ".", color="#000000", markersize=3, label=name, zorder=3)
    plot_curves(ax, surfaces)
    ax.set_title(problem.name, fontsize=10)
    figures = {f"{stem}-attainment": figure}
    for pair in differences(problem, stem):
        figure, axes = new_figure(8.4, 3.8, ncols=2)
        plot_differences(axes, pair, surfaces)
        figure.suptitle(problem.name, fontsize=10)
        figures[f"{stem}-difference-{_file_name(pair.first)}-{_file_name(pair.second)}"] = figure
    return figures


def _file_name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-")
