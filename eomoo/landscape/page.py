"""The look of a printable sheet of panels: its page, its lines, a panel's labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eomoo.plots import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Told apart by colour and by dashes, for grey prints.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": COLORS[0], "linestyle": "-"},
    {"color": COLORS[1], "linestyle": "--"},
    {"color": COLORS[2], "linestyle": "-."},
    {"color": COLORS[3], "linestyle": ":"},
)
SMALL = 6.5
"""Points of the small print: nine panels share a page of 7.5 inches."""


def sheet_axes(n_panels: int, *, title: str) -> tuple[Figure, list[Axes]]:
    """A page of 7.5 inches width with a title and ``n_panels`` axes in three columns, tied to no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = -(-n_panels // 3)
    spacing = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, wspace=0.03, hspace=0.03)
    figure = Figure(figsize=(7.5, 2.45 * rows + 0.35), layout=spacing, dpi=200)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=8.5)
    axes = list(figure.subplots(rows, 3, squeeze=False).flat)
    for ax in axes[n_panels:]:
        ax.set_axis_off()
    for letter, ax in zip("abcdefghijklmnop", axes[:n_panels], strict=False):
        ax.set_title(f"({letter})", fontsize=8, loc="left")
    return figure, axes[:n_panels]


def write_rows(ax: Axes, rows: Sequence[Sequence[str]], *, room: int = 0) -> Axes:
    """A panel "in numbers": rows of a label and values, as if there were at least ``room`` of them."""
    finish(ax, title="in numbers").set_axis_off()
    # Two values share the right half; a single one stands at its end.
    places = (0.6, 1.0) if max(map(len, rows)) > 2 else (1.0,)
    for k, (label, *values) in enumerate(rows):
        y = 0.97 - k * 0.98 / max(room, len(rows))
        ax.text(0.0, y, label, fontsize=SMALL, va="top", transform=ax.transAxes)
        for x, value in zip(places, values, strict=True):
            ax.text(x, y, value, fontsize=SMALL, va="top", ha="right", transform=ax.transAxes)
    return ax


def finish(ax: Axes, *, title: str, x: str = "", y: str = "") -> Axes:
    """Give a panel its title, labels and small print."""
    letter = ax.get_title(loc="left")
    ax.set_title(f"{letter} {title}".strip(), fontsize=8, loc="left")
    ax.set_xlabel(x, fontsize=7)
    ax.set_ylabel(y, fontsize=7)
    ax.tick_params(labelsize=SMALL, length=2.5)
    ax.spines[["top", "right"]].set_visible(False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_offset_text().set_fontsize(SMALL)
    return ax
