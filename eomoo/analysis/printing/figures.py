"""Figures with matplotlib: each function draws on given axes, or makes a figure tied to no display."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from eomoo.analysis.compared import comparison_of, study_tables
from eomoo.analysis.curves import anytime, attainment, differences
from eomoo.analysis.drawing import draw_cell
from eomoo.analysis.printing.comparisons import plot_critical_difference, plot_shifts
from eomoo.analysis.results import AREA, ProblemResults, StoredRun, StudyResults
from eomoo.analysis.tables import Curves, Differences
from eomoo.analysis.wording import shown_unit
from eomoo.arrays import Axes, Bools, Facts, Figure, Floats
from eomoo.checks import counted
from eomoo.errors import SettingError
from eomoo.files import save_figures
from eomoo.fronts import Objectives
from eomoo.plots import COLORS, axes_of, column_numbers, inches, line_style, look, new_figure, say_numbers, spread
from eomoo.space import load_space

_SURE = COLORS[0]
_SEEN, _TRUE, _FOUND = "#B0B0B0", "#000000", COLORS[1]
# What fits a page.
_MOST_SHIFTS = 24
_MOST_LETTERS = 24  # of a label beside a column's figure


def plot_front(
    ax: Axes,
    *,
    front: Floats,
    seen: Floats | None = None,
    true_front: Floats | None = None,
    reach: tuple[Floats, Floats] | None = None,
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
        reach: (k, 2) each, where bars of one standard deviation end, drawn where there are no bands.
        bands: Shares in per cent, and outlines (n, 2) in which the true front lies with that probability.
        takes: (g, 2) raw values of the front's cells that stand for all those that cannot be told from them.
        labels: Of the two axes.
        label, best: What the front, and that of all cells, are called.
    """
    if seen is not None and len(seen):
        ax.plot(*seen.T, ".", color=_SEEN, markersize=2.6, mew=0, label=f"evaluated ({len(seen):,})", zorder=1)
    for share, outline in bands:
        alpha = 0.18 if share > 50 else 0.4
        ax.fill(*outline.T, color=_SURE, alpha=alpha, linewidth=0, zorder=1.5, label=f"true front, {share} % band")
    ends = [front]
    if reach is not None and not bands:
        ends += reach
        # From rounding, a bar may be shorter than nothing.
        low, high = np.minimum(front, reach[0]).T, np.maximum(front, reach[1]).T
        bars: Facts = {"colors": _FOUND, "alpha": 0.25, "linewidth": 0.6, "zorder": 2}
        ax.hlines(front[:, 1], low[0], high[0], label="standard deviation", **bars)
        ax.vlines(front[:, 0], low[1], high[1], **bars)
    if true_front is not None and len(true_front):
        name = f"{best} ({len(true_front)})"
        ax.plot(*true_front.T, "o", color=_TRUE, markersize=4, mfc="none", mew=0.6, label=name, zorder=3)
        ends.append(true_front)
    found = front[np.argsort(front[:, 0])]
    edge: Facts = {"mec": "#000000", "mew": 0.3}
    ax.plot(*found.T, "o", color=_FOUND, markersize=3, **edge, label=f"{label} ({len(front)})", zorder=4)
    if takes is not None and len(takes):
        ax.plot(*takes.T, "D", color=_SURE, markersize=3, **edge, label=f"can be told apart ({len(takes)})", zorder=5)
    core, outer = np.concatenate(ends), [outline for _, outline in bands] + ([] if seen is None else [seen])
    return spread(_labelled(ax, labels[0], labels[1]), np.concatenate([core, *outer]), core)


def _labelled(ax: Axes, x: str, y: str, *, title: str | None = None) -> Axes:
    """Name the axes, whose titles are no formulas, and show the legend, under a title where it has one."""
    ax.set_xlabel(x, parse_math=False)
    ax.set_ylabel(y, parse_math=False)
    # Points shine through where it must stand over some.
    ax.legend(loc="best", title=title, frameon=True, framealpha=0.8, edgecolor="none")
    return ax


def plot_best(ax: Axes, objectives: Objectives, *, values: Floats, feasible: Bools) -> Axes:
    """Draw the search for the best value of a single objective, cell by cell.

    Raw values (n, 1) are in the order of evaluation; which of the cells are feasible is (n,).
    """
    steps = 1 + np.flatnonzero(feasible)
    shown = values[feasible]
    ax.plot(steps, shown, ".", color=_SEEN, markersize=2.6, mew=0, label=f"evaluated ({len(shown):,})")
    ax.step(steps, objectives.best_so_far(shown), where="post", color=_FOUND, label="best so far")
    return _labelled(ax, "distinct cells evaluated", objectives[0].label)


def plot_front_matrix(
    figure: Figure,
    *,
    front: Floats,
    seen: Floats | None = None,
    true_front: Floats | None = None,
    labels: list[str],
    **names: Any,
) -> Figure:
    """Draw a front of three or more objectives on an empty figure: ``plot_front`` for each pair of them."""
    n = front.shape[1] - 1
    panels = figure.subplots(n, n, squeeze=False, sharex="col", sharey="row")
    for (row, column), ax in np.ndenumerate(panels):
        if column > row:
            ax.set_axis_off()
            continue
        say_numbers(ax)
        pair = [column, row + 1]
        also, true = (None if points is None else points[:, pair] for points in (seen, true_front))
        # A panel is seldom as long as a title with its unit.
        titles = labels[column].replace(" (", "\n("), labels[row + 1].replace(" (", "\n(")
        plot_front(ax, front=front[:, pair], seen=also, true_front=true, labels=titles, **names)
        ax.xaxis.label.set_visible(row == n - 1)
        ax.yaxis.label.set_visible(column == 0)
        ax.get_legend().remove()
    panels[0, -1].legend(*panels[0, 0].get_legend_handles_labels(), loc="center")
    return figure


@look()
def draw_front(stored: StoredRun, axes: Axes | None = None, *, width: str = "column") -> Figure:
    """The front over what was evaluated, on given axes or as wide as ``inches`` says; panels for three objectives.

    Raises:
        SettingError: (a ValueError) Axes are given, which have no room for panels; or there is no front.
    """
    if not len(stored.front):
        raise SettingError("no feasible cell was found, so that there is no front to draw")
    problem, trace, said = stored.problem, stored.trace, stored.run.uncertainty
    labels, front = [o.label for o in problem.objectives], stored.front_values
    known: Facts = {
        "front": front,
        "seen": trace.values[trace.feasible],
        "true_front": None if stored.true_front is None else stored.true_front[1],
        "label": "predicted front found" if problem.predicted else "front found",
        "best": problem.best_front,
    }
    n = len(labels) - 1
    if n > 1 and axes is not None:
        raise SettingError(f"{n + 1} objectives need panels, not one axes; plot two columns with eomoo.plot_front")
    wide = inches(width)
    figure, ax = axes_of(axes, wide, _height(wide)) if n < 2 else new_figure(wide, 0.85 * wide)
    if n == 0:
        plot_best(ax, problem.objectives, values=trace.values, feasible=trace.feasible)
    elif n == 1:
        spreads, within = stored.deviations, problem.objectives.within
        if (spreads > 0).any():
            known["reach"] = within(front - spreads, front), within(front + spreads, front)
        known["takes"] = None if said is None else front[np.isin(stored.front_cells, said.takes)]
        plot_front(ax, **known, bands=stored.shown.outlines, labels=(labels[0], labels[1]))
    else:
        ax.remove()
        plot_front_matrix(figure, **known, labels=labels)
    return figure


def _height(width: float) -> float:
    """Inches of a figure of one panel: three quarters, but on a whole page no more than half."""
    return 0.75 * width if width < 5 else 0.5 * width


# Cells beside each other, 44 mm each, in which their letters fit; with more rows a page would overflow.
_CELL_WIDTH, _CELL_HEIGHT, _MOST_ROWS = 1.75, 2.3, 4


@look()
def draw_cells(stored: StoredRun, *, width: str = "column") -> Figure:
    """Drawings of the front's cells, evenly chosen when there are more than fit a page."""
    across = round(inches(width) / _CELL_WIDTH)
    most = min(_MOST_ROWS * across, len(stored.front))
    chosen = np.unique(np.linspace(0, len(stored.front) - 1, most).astype(int))
    rows = -(-len(chosen) // across)
    figure, axes = new_figure(inches(width), _CELL_HEIGHT * rows, nrows=rows, ncols=across, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    told = list(zip(stored.problem.objectives, map(column_numbers, stored.front_values.T), strict=True))
    for ax, k in zip(axes.flat, chosen, strict=False):
        cell = int(stored.front_cells[k])
        lines = [f"cell {cell}", *(f"{o.title} {texts[k]} {shown_unit(o.unit)}".strip() for o, texts in told)]
        draw_cell(load_space().cell(cell), ax, title="\n".join(lines))
    if len(chosen) < len(stored.front):
        figure.suptitle(f"{len(chosen)} of the front's {len(stored.front)} cells")
    return figure


def plot_curves(ax: Axes, curves: Curves) -> Axes:
    """Draw lines with their bands; of outlines, those of a group in one colour, the faint ones dashed."""
    if not curves.outlines:
        _plot_lines(ax, curves)
        return _labelled(ax, curves.x_label, curves.y_label)
    _plot_outlines(ax, curves)
    _labelled(ax, curves.x_label, curves.y_label, title="thin: reached by 25 and 75 % of runs")
    points = np.concatenate([np.column_stack((line.x, line.y)) for line in curves.series])
    return spread(ax, points, points)


def _plot_lines(ax: Axes, curves: Curves) -> None:
    for k, line in enumerate(curves.series):
        style = line_style(line.group)
        if line.low is not None and line.high is not None:
            ax.fill_between(line.x, line.low, line.high, color=style["color"], alpha=0.18, linewidth=0)
        n = len(line.x)
        # Markers at different places, so that they do not hide each other.
        places = (k % 4 * max(1, n // 20), max(1, n // 5))
        label = f"{line.name} ({counted(line.runs, 'seed')})"
        ax.plot(line.x, line.y, **style, markersize=3.5, markevery=places, label=label)


def _plot_outlines(ax: Axes, curves: Curves) -> None:
    for line in curves.series:
        style = line_style(line.group)
        if line.faint:
            ax.plot(line.x, line.y, color=style["color"], linewidth=0.5, linestyle=style["linestyle"])
        else:
            ax.plot(line.x, line.y, **style, markersize=3, markevery=max(1, len(line.x) // 4), label=line.name)


def plot_differences(axes: Sequence[Axes], found: Differences, surfaces: Curves) -> Sequence[Axes]:
    """Draw where one algorithm attains more often than another, over both's attainment surfaces.

    The first of two axes is for where the first is ahead, the second for where the second is.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    medians = {line.name: line for line in surfaces.series if not line.faint}
    looks = [{k: style[k] for k in ("color", "linestyle")} for style in map(line_style, found.groups)]
    both = list(zip((found.first, found.second), looks, strict=True))
    for ax, (label, look_of), side in zip(axes, both, (1.0, -1.0), strict=True):
        shown = [box for box in found.boxes if side * box[4] > 0]
        patches = [Rectangle((x, y), to_x - x, to_y - y) for x, y, to_x, to_y, _ in shown]
        drawn = PatchCollection(patches, edgecolor="face", linewidth=0.2)
        drawn.set_cmap(LinearSegmentedColormap.from_list(label, ["#ffffff", look_of["color"]]))
        drawn.set_array(np.array([side * box[4] for box in shown]))
        drawn.set_clim(0.0, 1.0)
        ax.add_collection(drawn)
        for name, style in both:
            if name in medians:
                line = medians[name]
                # In white below, so that a line is seen on its own colour.
                ax.plot(line.x, line.y, color="#ffffff", linewidth=2.4)
                ax.plot(line.x, line.y, **style, label=name)
        corners = np.array([box[:4] for box in found.boxes]).reshape(-1, 2)
        points = np.concatenate([corners, *(np.column_stack((line.x, line.y)) for line in medians.values())])
        spread(ax, points, points)
        ax.set_title(f"{label} attains more often", parse_math=False)
        ax.set_xlabel(found.x_label, parse_math=False)
        ax.set_ylabel(found.y_label, parse_math=False)
        ax.label_outer()
        ax.figure.colorbar(drawn, ax=ax).set_label("share of runs, difference")
    axes[0].legend(loc="best", title="median surface")
    return axes


@look()
def write_figures(
    results: StudyResults,
    folder: str | Path,
    forms: Sequence[str] = ("png",),
    *,
    width: str = "column",
    own: bool = False,
) -> list[Path]:
    """Draw a study: anytime curves of each problem, attainment surfaces of two objectives, ranks.

    With ``own`` the folder is this study's alone: its figures of another form, or of before it grew, are removed.

    Returns:
        The files, in each of ``forms`` (png, pdf, svg): ``PROBLEM-anytime.png``, ``PROBLEM-attainment.png``,
        ``PROBLEM-difference-FIRST-SECOND.png`` for up to 6 pairs of equal budget that differ, ``shifts.png`` of up to
        24 pairs' whole searches, ``ranks-N.png``.
    """
    figures: dict[str, Figure] = {}
    wide = inches(width)
    for problem in (problem for problem in results.problems if problem.feasible):
        stem = _file_name(problem.name)
        figures[f"{stem}-anytime"], ax = new_figure(wide, _height(wide))
        plot_curves(ax, anytime(problem, stem))
        surfaces = attainment(problem, stem)
        if surfaces is not None:
            figures |= _draw_attainment(problem, surfaces, stem, wide)
    tables = study_tables(results)
    rows = tables.tests[tables.tests["indicator"] == AREA].to_dict(orient="records")[:_MOST_SHIFTS]
    pairs = (fill(f"{row['first']} \N{MINUS SIGN} {row['second']}", _MOST_LETTERS) for row in rows)
    shifts = {f"{pair}\n{row['problem']}": comparison_of(row) for pair, row in zip(pairs, rows, strict=True)}
    if shifts:
        lines = sum(1 + label.count("\n") for label in shifts)
        figures["shifts"], ax = new_figure(wide, 0.7 + 0.15 * lines)
        plot_shifts(ax, shifts, xlabel="shift of the mean share of hypervolume,\nin hundredths, with 95 % interval")
    for n, ranks in tables.ranks.items():
        if ranks.n_families > 1:
            figures[f"ranks-{n}"], ax = new_figure(wide, 1.1 + 0.09 * len(ranks.names))
            plot_critical_difference(ax, ranks)
    return save_figures(figures, folder, forms, all_of="a study" if own else "")


def _draw_attainment(problem: ProblemResults, surfaces: Curves, stem: str, wide: float) -> dict[str, Figure]:
    figure, ax = new_figure(wide, _height(wide))
    reference = problem.objectives.raw(problem.reference)
    ax.plot(*reference.T, ".", color="#000000", markersize=3, mew=0, label=problem.reference_name, zorder=3)
    plot_curves(ax, surfaces)
    figures = {f"{stem}-attainment": figure}
    for pair in differences(problem, stem):
        # Side by side on a page, one below the other in a column.
        shape: Facts = {"ncols": 2} if wide > 5 else {"nrows": 2}
        figure, axes = new_figure(wide, 2.6 if wide > 5 else 4.4, sharex=True, sharey=True, **shape)
        plot_differences(axes, pair, surfaces)
        figures[f"{stem}-difference-{_file_name(pair.first)}-{_file_name(pair.second)}"] = figure
    return figures


def _file_name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-")
