"""Figures for papers and reports: each function draws on given axes and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eomoo.fronts.objectives import Objectives

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_best", "plot_front", "plot_front_matrix"]

_SEEN, _TRUE, _FOUND = "#BBBBBB", "#000000", "#D55E00"


def plot_front(
    ax: Axes,
    *,
    front: NDArray[np.float64],
    seen: NDArray[np.float64] | None = None,
    true_front: NDArray[np.float64] | None = None,
    deviations: NDArray[np.float64] | None = None,
    labels: tuple[str, str],
    label: str = "front found",
) -> Axes:
    """Draw a front of two objectives over what was evaluated, with the true front.

    Args:
        ax: Where to draw.
        front: (k, 2) raw values of the front's cells.
        seen: (n, 2) raw values of all evaluated cells.
        true_front: (t, 2) raw values of the true Pareto front.
        deviations: (k, 2) standard deviations of ``front``, drawn as error bars.
        labels: Of the two axes.
        label: Of the front, in the legend.
    """
    if seen is not None and len(seen):
        ax.plot(*seen.T, ".", color=_SEEN, markersize=3, label=f"evaluated ({len(seen):,})", zorder=1)
    if deviations is not None and (deviations > 0).any():
        ax.errorbar(
            front[:, 0],
            front[:, 1],
            xerr=deviations[:, 0],
            yerr=deviations[:, 1],
            fmt="none",
            ecolor=_FOUND,
            alpha=0.25,
            linewidth=0.8,
            zorder=2,
            label="standard deviation",
        )
    if true_front is not None and len(true_front):
        ordered = true_front[np.argsort(true_front[:, 0])]
        ax.plot(
            *ordered.T,
            "o",
            color=_TRUE,
            markersize=6,
            markerfacecolor="none",
            markeredgewidth=0.9,
            label=f"true front ({len(true_front)})",
            zorder=3,
        )
    ordered = front[np.argsort(front[:, 0])]
    ax.plot(*ordered.T, "o", color=_FOUND, markersize=3.4, label=f"{label} ({len(front)})", zorder=4)
    ax.set_xlabel(labels[0], parse_math=False)
    ax.set_ylabel(labels[1], parse_math=False)
    ax.legend(fontsize=8, frameon=False)
    return ax


def plot_best(
    ax: Axes, objectives: Objectives, *, values: NDArray[np.float64], feasible: NDArray[np.bool_]
) -> Axes:
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
    ax.set_xlabel("distinct cells evaluated")
    ax.set_ylabel(objectives[0].label, parse_math=False)
    ax.legend(fontsize=8, frameon=False)
    return ax


def plot_front_matrix(
    figure: Figure,
    *,
    front: NDArray[np.float64],
    seen: NDArray[np.float64] | None = None,
    true_front: NDArray[np.float64] | None = None,
    labels: list[str],
) -> Figure:
    """Draw a front of three or more objectives, a panel for each pair of them, on an empty figure."""
    m = front.shape[1]
    axes = figure.subplots(m - 1, m - 1, squeeze=False)
    for row in range(m - 1):
        for column in range(m - 1):
            ax = axes[row, column]
            if column > row:
                ax.set_axis_off()
                continue
            pair = [column, row + 1]
            plot_front(
                ax,
                front=front[:, pair],
                seen=None if seen is None else seen[:, pair],
                true_front=None if true_front is None else true_front[:, pair],
                labels=(labels[column], labels[row + 1]),
            )
            ax.spines[["top", "right"]].set_visible(False)
            if (row, column) != (0, 0):
                ax.get_legend().remove()
    return figure
