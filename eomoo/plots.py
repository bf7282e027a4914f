"""The look of every figure: its size on paper, its letters, its colours; and numbers as people write them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import ceil, floor, inf, isfinite, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.arrays import Axes, Axis, Facts, Figure, Floats
from eomoo.checks import choice, counted
from eomoo.errors import SettingError
from eomoo.packages import load_matplotlib

if TYPE_CHECKING:
    from rich.table import Table

# After Okabe and Ito, dark enough on white; the first eight are told apart by colour-blind readers. In grey it is the
# marker and the dash that tell.
COLORS = ("#0072b2", "#c85200", "#00805d", "#a3477c", "#8a6100", "#4f5bd5", "#16211d", "#7a7a00",
          "#c2185b", "#007c91", "#70757a", "#6d4033")  # fmt: skip
_MARKERS = "os^DvPX*<>ph"
_DASHES = ("-", "--", ":", "-.")  # as on pages

WIDTHS = {"column": 88 / 25.4, "page": 180 / 25.4}
"""Inches: what fits a column and a page of IEEE's journals (88.9 and 182 mm) and of Elsevier's (90 and 190 mm).

Source: IEEE Author Center, size requirements for graphics; Elsevier, artwork sizing.
"""
NARROW = 100
"""Letters of a terminal's line below which frames take room that numbers need."""
FORMS = ("png", "pdf", "svg")
"""What figures can be written as."""

_SIZE = 8.4
# Small letters are 0.833 of the others: 7 points, what Elsevier asks for; 300 dots an inch is the least of a picture.
_LOOK: Facts = {
    "axes.titlesize": "medium", "figure.titlesize": "medium", "xtick.labelsize": "small", "ytick.labelsize": "small",
    "legend.fontsize": "small", "legend.title_fontsize": "small", "legend.frameon": False, "legend.handlelength": 1.8,
    "legend.handletextpad": 0.5, "legend.labelspacing": 0.3, "legend.borderpad": 0.1, "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "lines.linewidth": 1.2, "hatch.linewidth": 0.5,
    "axes.formatter.useoffset": False, "figure.dpi": 300, "savefig.dpi": "figure", "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    # Whole letters in a PDF (publishers refuse Type 3), drawn ones in an SVG; the same bytes from the same content.
    "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "eomoo",
}  # fmt: skip


@contextmanager
def look(size: float = _SIZE) -> Iterator[None]:
    """What is drawn and written within has eomoo's look, with letters of ``size`` points and smaller ones."""
    load_matplotlib()
    from matplotlib import rc_context

    # Of letters that are few points already none are smaller.
    small = {name: "medium" for name, said in _LOOK.items() if said == "small" and size < _SIZE}
    with rc_context({**_LOOK, **small, "font.size": size}):  # type: ignore[dict-item]  # any text is a key of _LOOK
        yield


def new_figure(
    width: float = WIDTHS["column"], height: float = 2.6, *, size: float = _SIZE, **kwargs: Any
) -> tuple[Figure, Any]:
    """A figure of eomoo's look with its axes, in inches, as ``matplotlib.pyplot.subplots``, tied to no display."""
    load_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with look(size):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        # Notebooks show figures of pyplot; this one shows itself.
        vars(figure)["_repr_png_"] = partial(_shown, figure)
        axes = figure.subplots(**kwargs)
        for ax in np.atleast_1d(axes).flat:
            say_numbers(ax)
    return figure, axes


def line_style(number: int) -> Facts:
    """Colour, marker and dash of the ``number``-th of what is compared, told apart in grey as well."""
    places = len(COLORS), len(_MARKERS), len(_DASHES)
    color, marker, dash = (number % n for n in places)
    return {"color": COLORS[color], "marker": _MARKERS[marker], "linestyle": _DASHES[dash]}


def number(value: float, deviation: float = 0.0) -> str:
    """A number for people, ± its standard deviation where it has one: that to two digits, and the value as far.

    Others: counts and what has five or six digits as they are, the rest to four, from a million on with M or G.
    """
    if not isfinite(value):
        return "-"
    if 0 < deviation < inf:
        # Two digits of a deviation are known at most, six of a value are read.
        digits = max(0, 1 - floor(log10(float(f"{deviation:.1e}"))))
        if digits <= 8 and digits + floor(log10(max(abs(value), deviation))) <= 5:
            return f"{value:,.{digits}f} ± {deviation:,.{digits}f}"
        return f"{number(value)} ± {rounded(deviation)}"
    size = abs(value)
    if size < 1e12 and (value == round(value) or 9999.5 <= size < 1e6):
        return f"{value:,.0f}"
    return _brief(value)


def rounded(amount: float) -> str:
    """An amount of which two digits are known, for people: a deviation, a gain."""
    known = float(f"{amount:.2g}")
    return number(known) if abs(known) < 1e6 else _brief(known)


def _brief(value: float) -> str:
    size = abs(value)
    least, letter = (1e9, " G") if size >= 1e9 else (1e6, " M")
    return f"{value / least:.4g}{letter}" if 1e6 <= size < 1e12 else f"{value:,.4g}"


def percent(share: float, decimals: int) -> str:
    """A share in per cent, 100 only for the whole: what is less, by more than a sum errs, is not rounded to it."""
    return f"{min(100 * share, 100 - 10**-decimals) if share < 1 - 1e-9 else 100 * share:.{decimals}f} %"


def column_numbers(values: Floats) -> list[str]:
    """A column's numbers (n,) for people: as exact as the largest is with four digits, less where all end earlier."""
    known = np.abs(values[np.isfinite(values)])
    most = float(known.max(initial=0.0))
    if most >= 9999.5 or most < 1e-4 or bool((known == np.rint(known)).all()):
        return [number(value) for value in values.tolist()]
    digits = 3 - floor(log10(most))
    # Shares of so many draws end earlier.
    while digits > 2 and np.allclose(known, known.round(digits - 1), rtol=0, atol=1e-9):
        digits -= 1
    return [f"{value:,.{digits}f}" if isfinite(value) else "-" for value in values.tolist()]


def say_numbers(ax: Axes) -> None:
    """Write the numbers on both axes as people do, "12,000" and "5M", instead of a factor "1e7" at their ends."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(partial(_said, axis))


def _said(axis: Axis, value: float, place: int | None) -> str:
    low, high = axis.get_view_interval()
    largest = max(abs(low), abs(high))
    # Ticks that lie close, far from 0, have more digits.
    digits = max(6, 2 + ceil(log10(largest / abs(high - low)))) if high != low else 6
    size, letter = next(((s, unit) for s, unit in ((1e9, "G"), (1e6, "M")) if 1e12 > largest >= s), (1.0, ""))
    # Of 0 no millions are told.
    return f"{value / size:,.{digits}g}{letter if value else ''}".replace("-", "\N{MINUS SIGN}")


def spread(ax: Axes, points: Floats, core: Floats) -> Axes:
    """Let ``core`` fill the axes: a logarithm where it spans powers of ten, and a view that leaves far points out.

    Args:
        ax: Where both are drawn.
        points: (n, 2) all that is drawn.
        core: (k, 2) what matters of it; nothing of it is cut, and as much room again is left beside it.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    for k, axis in enumerate((ax.xaxis, ax.yaxis)):
        low, high = float(core[:, k].min()), float(core[:, k].max())
        # From a power of ten on, most of a front would lie in one corner.
        log = low > 0 and high / low >= 10
        ends = np.array([points[:, k].min(), points[:, k].max(), low, high])
        if log:
            formatter = axis.get_major_formatter()
            ax.set(**{f"{'xy'[k]}scale": "log"})
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(formatter)
            ends = np.log10(np.maximum(ends, low / 10))
        room = ends[3] - ends[2]
        if room > 0:
            view = np.array([max(ends[0], ends[2] - room), min(ends[1], ends[3] + room)])
            view += 0.05 * np.ptp(view) * np.array([-1, 1])
            ax.set(**{f"{'xy'[k]}lim": 10**view if log else view})
    return ax


def with_band(value: float | None, band: Sequence[float] | None) -> str:
    """A value with its interval, for people; "-" where it is not known."""
    if value is None or value != value:
        return "-"
    ends = "" if band is None or band[0] != band[0] else f" ({band[0]:.2f} to {band[1]:.2f})"
    return f"{value:.2f}{ends}".replace("-0.00", "0.00")


def axis_label(title: str, unit: str) -> str:
    """A label such as "latency on A100 (ms/batch)"."""
    return f"{title} ({unit})" if unit else title


def as_written(figure: Figure) -> Figure:
    """The figure, in whose titles and legends a name with two dollar signs is no formula; numbers on axes may be."""
    from matplotlib.axis import Tick
    from matplotlib.text import Text

    parts = figure.findobj()
    ticks = {text for part in parts if isinstance(part, Tick) for text in (part.label1, part.label2)}
    for part in parts:
        if isinstance(part, Text) and part not in ticks:
            part.set_parse_math(False)
    return figure


def png_of(figure: Figure) -> bytes:
    """A figure as PNG, on white whatever is around it, with twice the dots of a screen, so that letters are sharp."""
    png = io.BytesIO()
    options: Facts = {"format": "png", "dpi": 192, "facecolor": "white"}
    try:
        figure.savefig(png, **options)
    except ValueError:
        # A name that looks like a formula and is none; a title of the user's may be one, and stays.
        png = io.BytesIO()
        as_written(figure).savefig(png, **options)
    return png.getvalue()


def _shown(figure: Figure) -> tuple[bytes, dict[str, int]]:
    """What a notebook asks a figure for: a PNG, and how many pixels wide it is to be shown."""
    return png_of(figure), {"width": round(96 * figure.get_figwidth())}


def axes_of(axes: Axes | None, *size: float) -> tuple[Figure, Axes]:
    """Axes that a user gave, or new ones of a size in inches, and the figure that they are on."""
    if axes is None:
        return new_figure(*size)
    load_matplotlib()
    from matplotlib import axes as known

    if not isinstance(axes, known.Axes):
        raise SettingError(f"axes must be one axes of matplotlib, as plt.subplots()[1]; got a {type(axes).__name__}")
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure, axes


def inches(width: str) -> float:
    """How wide a figure of that name is; SettingError where there is none."""
    return WIDTHS[choice("the width of a figure", width, WIDTHS)]


def fit_table(table: Table, width: int, *, keep: Sequence[int] = ()) -> Table:
    """A table of rich's, which is made so many letters wide; its title tells what was left out."""
    from rich.box import SIMPLE_HEAD

    texts = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    whole = [k for k, column in enumerate(table.columns) if column.no_wrap]
    shown, widths, told = fitting_columns(texts, width, keep=keep, whole=whole)
    table.columns[:] = [table.columns[k] for k in shown]
    for k, (column, wide) in enumerate(zip(table.columns, widths, strict=True)):
        column._index, column.width = k, wide
    if told:
        table.title = "; ".join(filter(None, [str(table.title or ""), told]))
    if width < NARROW:
        table.box, table.pad_edge, table.show_edge, table.padding = SIMPLE_HEAD, False, False, (0, 1, 0, 0)
    return table


def fitting_columns(
    texts: Sequence[Sequence[str]], width: int, *, keep: Sequence[int] = (), whole: Sequence[int] = ()
) -> tuple[list[int], list[int], str]:
    """Columns of a table of so many letters that breaks no word, how wide each is, and in words what was left out.

    The last ones are left out, not the first, nor those that are kept; those that are whole keep their lines.
    """
    # Between columns are two spaces, or two and a line, which frames have at both ends, too.
    between, ends = (2, -2) if width < NARROW else (3, 1)
    lines = [[line for text in column for line in text.splitlines()] for column in texts]
    # A value stays with its deviation.
    words = [
        [word for line in column for word in ([line] if "±" in line or k in whole else line.split())]
        for k, column in enumerate(lines)
    ]
    least, wide = ([max(map(len, column), default=0) for column in columns] for columns in (words, lines))
    shown, spare = list(range(len(texts))), [k for k in range(1, len(texts)) if k not in keep]

    def taken(widths: Sequence[int]) -> int:
        return sum(widths[k] + between for k in shown) + ends

    while spare and taken(least) > width:
        shown.remove(spare.pop())
    while taken(wide) > width and any(wide[k] > least[k] for k in shown):
        wide[max(shown, key=lambda k: (wide[k] > least[k], wide[k]))] -= 1
    left = len(texts) - len(shown)
    told = f"{counted(left, 'more column')} in a wider terminal" if left else ""
    return shown, [wide[k] for k in shown], told
