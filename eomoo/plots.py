"""The look of every figure: its canvas, its colours, its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Okabe and Ito's palette, told apart by colour-blind readers and in grey.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")


def new_figure(width: float = 6.4, height: float = 4.6, **kwargs: Any) -> tuple[Figure, Any]:
    """A figure of eomoo's look with its axes, as ``matplotlib.pyplot.subplots``, tied to no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.subplots(**kwargs)
    for ax in np.atleast_1d(axes).flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=9)
    return figure, axes


def axis_label(title: str, unit: str) -> str:
    """A label such as "latency on A100 (ms/batch)"."""
    return f"{title} ({unit})" if unit else title
