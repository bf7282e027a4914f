"""Figures of a study: anytime curves, attainment surfaces, violins, critical differences, on given axes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import moocore
import numpy as np
from numpy.typing import NDArray

from eomoo.analysis.statistics import RankTest
from eomoo.analysis.studies import (
    ProblemResults,
    StudyResults,
    fronts_at,
    hypervolume_curves,
    indicator_frame,
)
from eomoo.errors import SettingError
from eomoo.files import atomic_path
from eomoo.plots import COLORS, axis_label, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "attainment_surfaces",
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


def attainment_surfaces(
    problem: ProblemResults,
    label: str,
    *,
    at: int | None = None,
    percentiles: Sequence[float] = (25, 50, 75),
) -> dict[float, NDArray[np.float64]]:
    """Empirical attainment surfaces of an algorithm on two objectives.

    Returns:
        For each percentile the corners (k, 2), minimised, of the region that this share of runs attained.

    Source: Grunert da Fonseca, Fonseca, Hall, EMO 2001; computed by moocore.
    """
    points = _points(problem, label, at)
    found = moocore.eaf(points[:, :2], points[:, 2], percentiles=list(percentiles))
    return {p: found[found[:, 2] == p][:, :2] for p in percentiles}


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
        label: attainment_surfaces(problem, label, at=at, percentiles=percentiles) for label in labels
    }
    fronts += [surface for found in surfaces.values() for surface in found.values()]
    low, high = _window(np.concatenate(fronts))
    signs = problem.problem.signs
    middle = sorted(percentiles)[len(percentiles) // 2]
    for k, label in enumerate(labels):
        for percentile, corners in surfaces[label].items():
            line = _staircase(corners, high) * signs
            is_middle = percentile == middle
            ax.plot(
                *line.T,
                "-" if is_middle else ("--" if percentile < middle else ":"),
                color=COLORS[k % len(COLORS)],
                linewidth=1.8 if is_middle else 1.0,
                label=f"{label}, {percentile:g} %",
            )
    name = "true front" if problem.reference_is_true else "best known front"
    ax.plot(*(problem.reference * signs).T, ".", color="#000000", markersize=3, label=name)
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

    Source: López-Ibáñez, Paquete, Stützle, Experimental Methods for the Analysis of Optimization
    Algorithms, 2010; computed by moocore.
    """
    a, b = _points(problem, first, at), _points(problem, second, at)
    rectangles = moocore.eafdiff(a, b, rectangles=True)
    counts = [len(np.unique(points[:, 2])) for points in (a, b)]
    if counts[0] != counts[1]:
        raise SettingError(
            f"attainment is compared over equal numbers of runs; got {counts[0]} of {first} and "
            f"{counts[1]} of {second}"
        )
    low, high = _window(np.concatenate((a[:, :2], b[:, :2], problem.reference)))
    signs = problem.problem.signs
    for ax, label, side in zip(axes, (first, second), (1.0, -1.0), strict=True):
        share = np.clip(side * rectangles[:, 4] / counts[0], 0.0, 1.0)
        drawn = _draw_rectangles(ax, rectangles[:, :4], share, low, high, signs)
        for points, dash in ((a, "-"), (b, "--")):
            median = moocore.eaf(points[:, :2], points[:, 2], percentiles=[50])[:, :2]
            name = first if dash == "-" else second
            ax.plot(*(_staircase(median, high) * signs).T, dash, color="#000000", linewidth=1, label=name)
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


def _points(problem: ProblemResults, label: str, at: int | None) -> NDArray[np.float64]:
    """The fronts (n, 3) of an algorithm's runs, minimised, with the run's number."""
    if len(problem.objectives) != 2:
        raise SettingError(
            f"attainment surfaces are drawn for two objectives; {problem.name} has {len(problem.objectives)}"
        )
    rows = [np.empty((0, 3))]
    for number, (run, trace) in enumerate(problem.of(label)):
        F = problem.minimised(trace)
        front = next(fronts_at(F, trace.feasible, [run.budget if at is None else at]))
        rows.append(np.column_stack((F[front], np.full(len(front), number))))
    points = np.concatenate(rows)
    if not len(points):
        raise SettingError(f"{label} has found nothing feasible on {problem.name}")
    return points


def _window(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of what is drawn: all points with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.04 * np.maximum(high - low, 1e-12)
    return low - margin, high + margin


def _staircase(corners: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """The boundary (n, 2) of the region that corners (k, 2) dominate, up to the corner ``high``."""
    ordered = corners[np.lexsort((-corners[:, 1], corners[:, 0]))]
    if not len(ordered):
        return ordered
    path = [[ordered[0, 0], high[1]]]
    for k, (x, y) in enumerate(ordered):
        path.append([x, y])
        following = ordered[k + 1, 0] if k + 1 < len(ordered) else high[0]
        path.append([following, y])
    return np.array(path)


def _draw_rectangles(
    ax: Axes,
    rectangles: NDArray[np.float64],
    share: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    signs: NDArray[np.float64],
) -> Any:
    """Rectangles (n, 4) from corner to corner, darker where the share (n,) is larger."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    start = np.clip(rectangles[:, :2], low, high) * signs
    stop = np.clip(rectangles[:, 2:], low, high) * signs
    shown = np.flatnonzero(share > 0)
    patches = [Rectangle((start[k, 0], start[k, 1]), *(stop[k] - start[k])) for k in shown]
    collection = PatchCollection(patches, cmap="Blues", edgecolor="face", linewidth=0.2)
    collection.set_array(share[shown])
    collection.set_clim(0.0, 1.0)
    return ax.add_collection(collection)


def _label_axes(
    ax: Axes, problem: ProblemResults, low: NDArray[np.float64], high: NDArray[np.float64]
) -> None:
    signs = problem.problem.signs
    ends = np.sort(np.stack((low * signs, high * signs)), axis=0)
    ax.set_xlim(*ends[:, 0])
    ax.set_ylim(*ends[:, 1])
    labels = [axis_label(o["title"], o["unit"]) for o in problem.problem.objectives]
    ax.set_xlabel(labels[0], fontsize=9)
    ax.set_ylabel(labels[1], fontsize=9)


def _save(figure: Figure, path: Path) -> Path:
    with atomic_path(path) as temporary:
        figure.savefig(temporary)
    return path


def _file_name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-")
