"""Figures of a study: anytime curves, attainment surfaces, violins, critical differences, on given axes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.analysis.statistics import RankTest
from eomoo.analysis.studies import (
    ProblemResults,
    StudyResults,
    hypervolume_curves,
    indicator_frame,
    run_fronts,
)
from eomoo.errors import SettingError
from eomoo.files import atomic_path
from eomoo.fronts.attainment import attainment_difference, attainment_surfaces, staircase
from eomoo.fronts.objectives import Objectives
from eomoo.plots import COLORS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_anytime",
    "plot_attainment",
    "plot_attainment_difference",
    "plot_critical_difference",
    "plot_violins",
    "write_figures",
]

_DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_MOST_PAIRS = 6


def plot_anytime(
    ax: Axes,
    curves: Mapping[str, NDArray[np.float64]],
    at: Sequence[int],
    *,
    ylabel: str = "share of hypervolume",
) -> Axes:
    """Draw quality against distinct cells evaluated: the median over seeds, with a band of quartiles.

    Args:
        ax: Where to draw.
        curves: (seeds, c) by label, see ``hypervolume_curves``; NaN beyond a run's budget.
        at: (c,) numbers of cells.
        ylabel: What is drawn.
    """
    for k, (label, values) in enumerate(curves.items()):
        known = ~np.isnan(values).all(axis=0)
        x = np.asarray(at)[known]
        low, middle, high = np.quantile(values[:, known], [0.25, 0.5, 0.75], axis=0)
        color = COLORS[k % len(COLORS)]
        ax.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
        ax.plot(
            x,
            middle,
            _DASHES[k // len(COLORS) % len(_DASHES)],
            color=color,
            linewidth=1.6,
            marker=_MARKERS[k % len(_MARKERS)],
            markersize=4,
            # Markers tell curves apart in grey; at different places, so that they do not hide each other.
            markevery=(k % 4 * max(1, len(x) // 20), max(1, len(x) // 5)),
            label=f"{label} ({len(values)} seeds)",
        )
    ax.set_xlabel("distinct cells evaluated")
    ax.set_ylabel(ylabel)
    ax.legend(fontsize=8, frameon=False)
    return ax


def plot_attainment(
    ax: Axes,
    problem: ProblemResults,
    labels: Sequence[str],
    *,
    at: int | None = None,
    percentiles: Sequence[float] = (25, 50, 75),
) -> Axes:
    """Draw attainment surfaces: what the given shares of runs (in percent) attained.

    The middle percentile is a solid line, the others are dashed; between them lies a band.
    """
    fronts = [problem.reference]
    surfaces = {
        label: attainment_surfaces(_fronts(problem, label, at), percentiles=percentiles) for label in labels
    }
    fronts += [surface for found in surfaces.values() for surface in found.values()]
    low, high = _window(np.concatenate(fronts))
    raw = problem.objectives.raw
    middle = sorted(percentiles)[len(percentiles) // 2]
    for k, label in enumerate(labels):
        for percentile, corners in surfaces[label].items():
            line = raw(staircase(corners, high))
            is_middle = percentile == middle
            ax.plot(
                *line.T,
                "-" if is_middle else ("--" if percentile < middle else ":"),
                color=COLORS[k % len(COLORS)],
                linewidth=1.8 if is_middle else 1.0,
                label=f"{label}, {percentile:g} %",
            )
    name = "true front" if problem.reference_is_true else "best known front"
    ax.plot(*raw(problem.reference).T, ".", color="#000000", markersize=3, label=name)
    _label_axes(ax, problem, low, high)
    ax.legend(fontsize=7, frameon=False)
    return ax


def plot_attainment_difference(
    axes: Sequence[Axes], problem: ProblemResults, first: str, second: str, *, at: int | None = None
) -> Sequence[Axes]:
    """Draw where one algorithm attains more often than another.

    Args:
        axes: Two, for where the first is ahead, and where the second is.
        problem: Results on a problem of two objectives.
        first, second: Labels.
        at: Distinct cells evaluated; by default the budgets.
    """
    a, b = _fronts(problem, first, at), _fronts(problem, second, at)
    boxes = attainment_difference(a, b)
    low, high = _window(np.concatenate((*a, *b, problem.reference)))
    for ax, label, side in zip(axes, (first, second), (1.0, -1.0), strict=True):
        share = np.clip(side * boxes[:, 4], 0.0, 1.0)
        drawn = _draw_boxes(ax, boxes, share, low, high, problem.objectives)
        for fronts, dash in ((a, "-"), (b, "--")):
            median = attainment_surfaces(fronts, percentiles=[50])[50]
            name = first if dash == "-" else second
            ax.plot(
                *problem.objectives.raw(staircase(median, high)).T,
                dash,
                color="#000000",
                linewidth=1,
                label=name,
            )
        ax.set_title(f"{label} attains more often", fontsize=9)
        _label_axes(ax, problem, low, high)
    axes[0].legend(fontsize=7, frameon=False, title="median surface", title_fontsize=7)
    bar = axes[1].figure.colorbar(drawn, ax=list(axes))
    bar.set_label("share of runs, difference", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return axes


def plot_violins(
    ax: Axes,
    samples: Mapping[str, NDArray[np.float64]],
    *,
    ylabel: str,
    colors: Sequence[str] = COLORS,
) -> Axes:
    """Draw distributions over seeds: a violin, every value as a dot, the median and quartiles.

    Args:
        ax: Where to draw.
        samples: Finite values (n,) by label.
        ylabel: What they are.
        colors: One a sample, repeated when there are more samples.
    """
    rng = np.random.default_rng(0)
    for k, values in enumerate(samples.values(), 1):
        color = colors[(k - 1) % len(colors)]
        if len(np.unique(values)) > 1:
            body = ax.violinplot([values], positions=[k], widths=0.8, showextrema=False)
            for part in body["bodies"]:  # type: ignore[attr-defined]
                part.set(facecolor=color, alpha=0.35, edgecolor=color)
        ax.plot(k + rng.uniform(-0.08, 0.08, len(values)), values, ".", color=color, markersize=2.5)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        ax.plot([k, k], [low, high], color="#000000", linewidth=2.2, solid_capstyle="butt")
        ax.plot([k], [middle], "o", color="#FFFFFF", markeredgecolor="#000000", markersize=4, zorder=4)
    ax.set_xticks(range(1, len(samples) + 1), list(samples), rotation=35, ha="right", fontsize=8)
    ax.set_ylabel(ylabel)
    return ax


def plot_critical_difference(ax: Axes, ranks: RankTest) -> Axes:
    """Draw mean ranks on a line, best on the left; a bar joins those that do not differ significantly.

    Source: Demšar, Journal of Machine Learning Research 7, 2006.
    """
    k = len(ranks.names)
    left, rows = (k + 1) // 2, max((k + 1) // 2, k - (k + 1) // 2)
    depth = 1.0 + 0.45 * len(ranks.groups)
    ax.plot([1, k], [0, 0], color="#000000", linewidth=1.2)
    for tick in range(1, k + 1):
        ax.plot([tick, tick], [0, 0.18], color="#000000", linewidth=1)
        ax.text(tick, 0.28, str(tick), ha="center", va="bottom", fontsize=9)
    for place, (name, rank) in enumerate(zip(ranks.names, ranks.mean_ranks, strict=True)):
        on_left = place < left
        row = place if on_left else k - 1 - place
        y, end = -depth - 0.6 * row, (0.85 if on_left else k + 0.15)
        ax.plot([rank, rank, end], [0, y, y], color="#555555", linewidth=0.9)
        text = f"{name} ({rank:.2f})"
        ax.text(
            end - 0.05 if on_left else end + 0.05,
            y,
            text,
            ha="right" if on_left else "left",
            va="center",
            fontsize=9,
        )
    where = dict(zip(ranks.names, ranks.mean_ranks, strict=True))
    for row, group in enumerate(ranks.groups):
        ends = [where[group[0]] - 0.04, where[group[-1]] + 0.04]
        ax.plot(ends, [-0.4 - 0.4 * row] * 2, color=COLORS[1], linewidth=4, solid_capstyle="butt")
    ax.plot([1, 1 + ranks.critical_difference], [1.15, 1.15], color="#000000", linewidth=1.6)
    text = f"critical difference {ranks.critical_difference:.2f} ({ranks.n_problems} problems)"
    ax.text(1, 1.3, text, fontsize=8, va="bottom")
    widest = max(1 + ranks.critical_difference, k)
    ax.set_xlim(1 - 0.45 * k, widest + 0.45 * k)
    ax.set_ylim(-depth - 0.6 * rows, 2.0)
    ax.set_axis_off()
    return ax


def write_figures(results: StudyResults, folder: Path) -> list[Path]:
    """Draw a study: anytime curves of each problem, attainment surfaces of two objectives, ranks.

    Returns:
        The files: ``PROBLEM-anytime.png``, ``PROBLEM-attainment.png``,
        ``PROBLEM-difference-FIRST-SECOND.png`` for up to 6 pairs of equal budget, ``ranks-N.png``.
    """
    from eomoo.analysis.study_tables import rank_table

    written = []
    for problem in results.problems:
        stem = _file_name(problem.name)
        most = max(run.budget for run in problem.runs)
        at = sorted({max(1, round(most * k / 60)) for k in range(1, 61)} | {r.budget for r in problem.runs})
        figure, ax = new_figure()
        plot_anytime(ax, hypervolume_curves(problem, at), at)
        ax.set_title(problem.name, fontsize=10)
        written.append(_save(figure, folder / f"{stem}-anytime.png"))
        if len(problem.objectives) == 2:
            written += _draw_attainments(problem, folder, stem)
    for n, ranks in rank_table(indicator_frame(results), results).items():
        if ranks.n_problems > 1:
            figure, ax = new_figure(6.4, 2.4)
            plot_critical_difference(ax, ranks)
            written.append(_save(figure, folder / f"ranks-{n}.png"))
    return written


def _draw_attainments(problem: ProblemResults, folder: Path, stem: str) -> list[Path]:
    budgets = {label: problem.of(label)[0][0].budget for label in problem.labels}
    figure, ax = new_figure()
    plot_attainment(ax, problem, problem.labels[:4])
    ax.set_title(problem.name, fontsize=10)
    written = [_save(figure, folder / f"{stem}-attainment.png")]
    fair = [
        (a, b)
        for a, b in combinations(problem.labels, 2)
        if budgets[a] == budgets[b] and len(problem.of(a)) == len(problem.of(b))
    ]
    for a, b in fair[:_MOST_PAIRS]:
        figure, axes = new_figure(8.4, 3.8, ncols=2)
        plot_attainment_difference(axes, problem, a, b)
        figure.suptitle(problem.name, fontsize=10)
        name = f"{stem}-difference-{_file_name(a)}-{_file_name(b)}.png"
        written.append(_save(figure, folder / name))
    return written


def _fronts(problem: ProblemResults, label: str, at: int | None) -> list[NDArray[np.float64]]:
    """The fronts of an algorithm's runs, (k, 2) each, minimised."""
    if problem.objectives.n != 2:
        raise SettingError(
            f"attainment surfaces are drawn for two objectives; {problem.name} has {problem.objectives.n}"
        )
    found = run_fronts(problem, label, at=at)
    if not any(map(len, found)):
        raise SettingError(f"{label} has found nothing feasible on {problem.name}")
    return found


def _window(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of what is drawn: all points with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.04 * np.maximum(high - low, 1e-12)
    return low - margin, high + margin


def _draw_boxes(
    ax: Axes,
    boxes: NDArray[np.float64],
    share: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    objectives: Objectives,
) -> Any:
    """Boxes (n, 5) of ``attainment_difference``, darker where the share (n,) is larger."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    start, stop = (objectives.raw(np.clip(part, low, high)) for part in (boxes[:, :2], boxes[:, 2:4]))
    shown = np.flatnonzero(share > 0)
    patches = [Rectangle((start[k, 0], start[k, 1]), *(stop[k] - start[k])) for k in shown]
    collection = PatchCollection(patches, cmap="Blues", edgecolor="face", linewidth=0.2)
    collection.set_array(share[shown])
    collection.set_clim(0.0, 1.0)
    return ax.add_collection(collection)


def _label_axes(
    ax: Axes, problem: ProblemResults, low: NDArray[np.float64], high: NDArray[np.float64]
) -> None:
    ends = np.sort(problem.objectives.raw(np.stack((low, high))), axis=0)
    ax.set_xlim(*ends[:, 0])
    ax.set_ylim(*ends[:, 1])
    ax.set_xlabel(problem.objectives[0].label, fontsize=9)
    ax.set_ylabel(problem.objectives[1].label, fontsize=9)


def _save(figure: Figure, path: Path) -> Path:
    with atomic_path(path) as temporary:
        figure.savefig(temporary)
    return path


def _file_name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-")
