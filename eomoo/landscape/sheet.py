"""The sheet of a landscape: one printable page, its look, each panel a function that draws on given axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from string import ascii_lowercase
from textwrap import fill

import numpy as np

from eomoo.arrays import Axes, Bools, Facts, Figure, Floats, Ints, PolyCollection
from eomoo.fronts.box import by_range
from eomoo.landscape.measure import LandscapeAnalysis
from eomoo.plots import COLORS, inches, look, new_figure, number, with_band

# Told apart by colour and by dashes, for grey prints.
STYLES: tuple[Facts, ...] = (
    {"color": COLORS[0], "linestyle": "-"},
    {"color": COLORS[1], "linestyle": "--"},
    {"color": COLORS[2], "linestyle": "-."},
    {"color": COLORS[3], "linestyle": ":"},
)
_SHEET_SIZE = 7.5
"""Points of all letters where three panels share a page."""
_CAPTION_WIDTH = 124  # letters that a page is wide
_LEGEND_WIDTH = 16  # letters of a third of a page that a line and a number leave
Panel = Callable[..., object]
"""Draws what it is named after of an ``analysis``, on axes."""


def _named(panels: Iterable[Panel], analysis: object) -> dict[str, Panel]:
    """Panels of an analysis by what they plot; each is called with axes."""
    found: dict[str, Panel] = {}
    for panel in panels:
        function, given = (panel.func, panel.keywords) if isinstance(panel, partial) else (panel, {})
        name = re.sub("^_?(plot|write)_", "", function.__name__).replace("_", "-")
        same = sum(known.rstrip("-0123456789") == name for known in found)
        found[f"{name}-{same + 1}" if same else name] = partial(function, **given, analysis=analysis)
    return found


def draw_panels(given: Iterable[Panel], analysis: object, *, title: str, width: str) -> dict[str, Figure]:
    """Figures by name: of a page's width one sheet, "landscape"; of a column's each panel, "landscape-NAME"."""
    panels, wide = _named(given, analysis), inches(width)
    if width == "page":
        rows = -(-len(panels) // 3)
        shape: Facts = {"nrows": rows, "ncols": 3, "squeeze": False}
        with look(_SHEET_SIZE):
            figure, grid = new_figure(wide, 2.35 * rows + 1.2, size=_SHEET_SIZE, **shape)
            figure.suptitle(title)
            for ax in grid.flat[len(panels) :]:
                ax.set_axis_off()
            for letter, ax, panel in zip(ascii_lowercase, grid.flat, panels.values(), strict=False):
                ax.set_title(f"({letter})", loc="left")
                panel(ax)
                # A long name in a legend would make all panels narrow, until nothing has room in them; one with a
                # title holds what is short, and would be cut at the page's edge.
                legend = ax.get_legend()
                if legend and legend.get_bbox_to_anchor() is ax.bbox and not legend.get_title().get_text():
                    legend.set_in_layout(False)
            figure.supxlabel(_caption(panels), x=0.01, ha="left", fontsize="medium", linespacing=1.3)
        return {"landscape": figure}
    figures = {}
    for name, panel in panels.items():
        if "numbers" not in name:  # what is in numbers belongs into a table
            with look():
                figures[f"landscape-{name}"], ax = new_figure(wide)
                panel(ax)
                ax.set_title("", loc="left")
    return figures


def _caption(panels: Mapping[str, Panel]) -> str:
    """What each panel shows, by its letter, as its function says."""
    letters: dict[str, str] = {}
    for letter, (name, panel) in zip(ascii_lowercase, panels.items(), strict=False):
        if "numbers" not in name and isinstance(panel, partial):
            said = " ".join((panel.func.__doc__ or "").split("\n\n")[0].split())
            letters[said] = f"{letters[said]}, {letter}" if said in letters else letter
    return fill(" ".join(f"({letter}) {said}" for said, letter in letters.items()), _CAPTION_WIDTH)


def write_rows(ax: Axes, rows: Sequence[Sequence[str]], *, room: int = 0) -> Axes:
    """A panel "in numbers": rows of a label and values, as if there were at least ``room`` of them."""
    finish(ax, title="in numbers").set_axis_off()
    # Two values share the right half; a single one stands at its end.
    places = (0.52, 1.0) if max(map(len, rows)) > 2 else (1.0,)
    for k, (label, *values) in enumerate(rows):
        y = 0.97 - k * 0.98 / max(room, len(rows))
        # Left of the panel, where others have their numbers, is room.
        ax.text(-0.28, y, label, va="top", transform=ax.transAxes)
        for x, value in zip(places, values, strict=True):
            ax.text(x, y, value, va="top", ha="right", transform=ax.transAxes)
    return ax


def finish(ax: Axes, *, title: str, x: str = "", y: str = "") -> Axes:
    """Give a panel its title and labels."""
    letter = ax.get_title(loc="left")
    ax.set_title(f"{letter} {title}".strip(), loc="left", parse_math=False)
    ax.set_xlabel(x, parse_math=False)
    ax.set_ylabel(y, parse_math=False)
    return ax


# By what a neighbour is: the colour of its bar and of the number on it, and a hatch, for grey prints.
_RELATIONS = {
    "better": (COLORS[0], "white", ""),
    "equal": ("#F0F0F0", "black", ""),
    "incomparable": ("#B0B0B0", "black", ""),
    "worse": ("#F4C9A8", "black", "////"),
}
_PARETO_STYLE: Facts = {"color": "black", "linestyle": (0, (1, 1))}


def plot_objective_space(ax: Axes, analysis: LandscapeAnalysis, *, pair: tuple[int, int] = (0, 1)) -> Axes:
    """All cells by two objectives (raw values), as a density, with the Pareto front over it.

    With one objective, its histogram.
    """
    landscape = analysis.landscape
    objectives = landscape.problem.objectives
    if landscape.F.shape[1] == 1:
        ax.hist(landscape.values[:, 0], bins=60, color=COLORS[0])
        return finish(ax, title="values", x=objectives[0].label, y="cells")
    x, y = landscape.values[:, list(pair)].T
    drawn = ax.hexbin(x, y, gridsize=45, bins="log", cmap="Greys", mincnt=1, linewidths=0.1)
    _count_bar(ax, drawn)
    kind = "predicted front" if landscape.problem.predicted else "Pareto front"
    best, name = landscape.front, f"{kind} ({len(landscape.front)})"
    ax.plot(x[best], y[best], "o", color=COLORS[1], markersize=2.6, mec="white", mew=0.3, label=name)
    ax.legend(loc="best", frameon=True, framealpha=0.8, edgecolor="none", handletextpad=0.1)
    return finish(ax, title="objective space", x=objectives[pair[0]].label, y=objectives[pair[1]].label)


def _count_bar(ax: Axes, drawn: PolyCollection) -> None:
    """The scale of a density, beside the panel's title: a bar beside the panel would take its width."""
    place = ax.inset_axes((0.63, 1.05, 0.14, 0.035))
    bar = ax.figure.colorbar(drawn, cax=place, orientation="horizontal")
    if bar.solids is not None:
        bar.solids.set(rasterized=False, edgecolor="face")
    bar.outline.set_linewidth(0.4)
    place.xaxis.set_ticks([])
    place.xaxis.set_ticks([], minor=True)
    style: Facts = {"va": "center", "transform": place.transAxes}
    place.text(-0.08, 0.4, "1", ha="right", **style)
    place.text(1.08, 0.4, f"{int(drawn.get_clim()[1]):,} cells", ha="left", **style)


def plot_front_components(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """The front by its first two objectives, with the steps within it; large components have colours."""
    landscape = analysis.landscape
    m = landscape.F.shape[1]
    values = landscape.values[landscape.front]
    points = values[:, :2] if m > 1 else np.column_stack((values[:, 0], np.arange(len(values))))
    a, b = _front_edges(analysis)
    steps = np.stack((points[a], points[b], np.full((len(a), 2), np.nan)), axis=1).reshape(-1, 2)
    ax.plot(*steps.T, color="#888888", linewidth=0.5, zorder=1)
    size = np.bincount(analysis.component)
    big = [k for k in range(min(4, len(size))) if size[k] > 1]
    for k, marker in zip(big, "osD^", strict=False):
        here = points[analysis.component == k]
        ax.plot(*here.T, marker, color=STYLES[k]["color"], markersize=3.2, label=f"{size[k]} cells", zorder=3)
    rest = points[~np.isin(analysis.component, big)]
    if len(rest):
        ax.plot(*rest.T, "x", color="black", markersize=3, label=f"{len(size) - len(big)} others", zorder=2)
    ax.legend(loc="best", handletextpad=0.1)
    objectives = landscape.problem.objectives
    title = f"front: {len(size)} component{'s' if len(size) > 1 else ''}"
    return finish(ax, title=title, x=objectives[0].label, y=objectives[1].label if m > 1 else "cell of the front")


def _front_edges(analysis: LandscapeAnalysis) -> tuple[Ints, Ints]:
    landscape = analysis.landscape
    place = np.full(len(landscape), -1)
    place[landscape.front] = np.arange(len(landscape.front))
    counts, near = landscape.graph.rows(landscape.front)
    owner = np.repeat(np.arange(len(landscape.front)), counts)
    there = place[near] >= 0
    return owner[there], place[near][there]


def plot_neighbor_relations(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """Mean shares of neighbours that are better, equal (neutral), incomparable and worse, as stacked bars."""
    found = analysis.numbers["neighbours"]
    pareto = found["dominance"]
    rows = {short_title(o.title): found["by_objective"][o.name] for o in analysis.landscape.problem.objectives}
    rows["Pareto\ndominance"] = {**pareto, "better": pareto["dominating"], "worse": pareto["dominated"]}
    for k, shares in enumerate(rows.values()):
        left = 0.0
        for name, (color, ink, hatch) in _RELATIONS.items():
            share = 100.0 * shares.get(name, 0.0)
            bar = ax.barh(k, share, left=left, color=color, linewidth=0.4, label=name if k == 0 else "")
            bar[0].set(edgecolor="black", hatch=hatch)
            if share >= 8.0:
                around = {"facecolor": color, "edgecolor": "none", "pad": 0.8}
                ax.text(left + share / 2, k, f"{share:.0f}", ha="center", va="center", color=ink, bbox=around)
            left += share
    ax.set_yticks(range(len(rows)), list(rows), parse_math=False)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    place = (0.45, -0.2)
    ax.legend(ncols=2, loc="upper center", bbox_to_anchor=place, columnspacing=0.9, handlelength=1.2)
    return finish(ax, title="neighbours compared", x="neighbours (%)")


def plot_dominance_ranks(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """Number of cells of each dominance rank, 0 being the Pareto front."""
    size = np.bincount(analysis.ranks)
    ax.fill_between(np.arange(len(size)), size, step="mid", color="#B0B0B0", linewidth=0)
    # The outline of tens of thousands of ranks would be one black area.
    ax.plot(size, drawstyle="steps-mid", color="black", linewidth=0.6 if len(size) < 2000 else 0.0)
    ax.set_xlim(0, max(1, len(size) - 1))
    ax.set_ylim(bottom=0)
    return finish(ax, title="dominance ranks", x="rank (0: Pareto front)", y="cells")


def plot_distance_profile(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """Median and quartiles of each objective, scaled to 0 (best) to 1 (worst), by the steps to the front."""
    F = analysis.landscape.F
    scaled = by_range(F)
    steps = np.arange(int(analysis.distance.max()) + 1)
    inside = [scaled[analysis.distance == d] for d in steps]
    quartiles = np.array([np.quantile(part, [0.25, 0.5, 0.75], axis=0) for part in inside])
    for k, title in enumerate(analysis.landscape.problem.titles):
        correlation = analysis.numbers["objectives"][k]["fitness_distance"]["pearson"]
        offset = 0.12 * (k - (F.shape[1] - 1) / 2)
        low, middle, high = quartiles[:, :, k].T
        # Lists: of a single point, Matplotlib would try to make a number of an array.
        bars = [(middle - low).tolist(), (high - middle).tolist()]
        style = {**STYLES[k % 4], "marker": "os^D"[k % 4], "markersize": 3, "linewidth": 0.9}
        name = f"{short_title(title, newline=False)}, r = {with_band(correlation, None)}"
        ax.errorbar(steps + offset, middle, bars, elinewidth=0.8, capsize=1.5, label=name, **style)
    ax.set_xticks(steps, [f"{d}\n{short_count(len(part))}" for d, part in zip(steps, inside, strict=True)])
    # Room above for the legend.
    ax.set_ylim(0, 1.0 + 0.14 * F.shape[1])
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.legend(loc="upper left")
    return finish(ax, title="fitness and distance", x="steps to the front; below, cells", y="scaled objective, 0 best")


def plot_basins(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """Share of local optima whose basin has at least so many cells: each objective's, and Pareto ones."""
    titles = analysis.landscape.problem.titles
    curves = [
        (f"{short_title(title, newline=False)} ({len(optima.cells):,})", optima.basin.astype(float), STYLES[k % 4])
        for k, (title, optima) in enumerate(zip(titles, analysis.optima, strict=True))
    ]
    curves.append((f"Pareto ({len(analysis.pareto.cells):,})", analysis.pareto.basin, _PARETO_STYLE))
    for label, basin, style in curves:
        size, share = np.sort(basin), 1.0 - np.arange(len(basin)) / len(basin)
        ax.plot(size, share, linewidth=1.1, label=label, drawstyle="steps-pre", **style)
    ax.set_xscale("log")
    ax.set_yscale("log")
    # Room below for the legend.
    least = min(1.0 / len(basin) for _, basin, _ in curves)
    ax.set_ylim(least ** (1.0 + 0.2 * len(curves)) if least < 1.0 else 0.1, 1.5)
    ax.legend(loc="lower left")
    return finish(ax, title="basins of local optima", x="cells in the basin, at least", y="share of local optima")


def plot_autocorrelation(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """Autocorrelation of each objective along random walks with its band, and the exact one as dots."""
    titles = analysis.landscape.problem.titles
    for k, (title, curve) in enumerate(zip(titles, analysis.autocorrelation, strict=True)):
        lags, style = np.arange(len(curve.mean)), STYLES[k % 4]
        label = f"{short_title(title, newline=False)}, length {number(round(curve.length, 1))}"
        ax.plot(lags, curve.mean, linewidth=1.0, label=label, **style)
        ax.fill_between(lags, curve.low, curve.high, color=style["color"], alpha=0.25, linewidth=0)
        if analysis.exact is not None:
            ax.plot(analysis.exact[:, k], ".", color=style["color"], markersize=2.5)
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.set_xlim(0, len(analysis.autocorrelation[0].mean) - 1)
    ax.legend(loc="best")
    return finish(ax, title="random walks", x="lag (steps)", y="autocorrelation")


def plot_search_depth(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """Share of the front's hypervolume found by Pareto local searches; a mark where each has stopped."""
    for k, (kind, runs) in enumerate(analysis.pls.items()):
        for run in runs:
            ax.plot(*run.curve, linewidth=0.5, alpha=0.6, drawstyle="steps-post", **STYLES[k])
        ends, name = np.array([run.curve[:, -1] for run in runs]), f"{kind}, {len(runs)} runs"
        ax.plot(*ends.T, "os"[k % 2], color=STYLES[k]["color"], markersize=2.6, label=name)
    ax.set_xscale("log")
    ax.set_ylim(top=1.02)
    ax.legend(loc="lower right")
    return finish(ax, title="Pareto local search", x="cells evaluated until it stops", y="share of hypervolume")


def _write_numbers(ax: Axes, analysis: LandscapeAnalysis) -> None:
    numbers = analysis.numbers
    front, pareto, steps = numbers["front"], numbers["pareto_local_optima"], numbers["distance_to_front"]
    rows = [
        ("cells", f"{numbers['cells']:,}"),
        ("neighbourhood", numbers["neighborhood"]),
        ("neighbours, mean", f"{numbers['neighbours']['mean']:.1f}"),
        ("front, components", f"{front['size']} / {front['components']}"),
        ("largest component", f"{front['largest_component']}"),
        ("components joined by steps", "-" if front["joining_steps"] is None else f"{front['joining_steps']}"),
        ("Pareto local optima", f"{pareto['number']:,} ({100 * pareto['share_of_cells']:.2f} %)"),
        ("descents to the front", f"{100 * pareto['share_of_descents_to_the_front']:.1f} %"),
        ("steps to front, mean / max", f"{steps['mean']:.1f} / {steps['max']}"),
        ("dominance ranks", f"{numbers['dominance_ranks']['number']:,}"),
    ]
    spearman = numbers["correlation"]["spearman"]
    if len(spearman) == 2:
        rows.append(("Spearman of the objectives", with_band(spearman[0][1], None)))
    write_rows(ax, rows, room=11)


def plot_correlations(ax: Axes, analysis: LandscapeAnalysis) -> Axes:
    """Spearman correlation between the objectives, minimised, over all cells."""
    found = np.array(analysis.numbers["correlation"]["spearman"])
    names = [short_title(title) for title in analysis.landscape.problem.titles]
    ax.set_aspect("equal")
    return finish(plot_matrix(ax, found, names, names), title="Spearman correlation")


def plot_matrix(ax: Axes, found: Floats, rows: list[str], columns: list[str], sure: Bools | bool = True) -> Axes:
    """Correlations (r, c) in colours with their numbers; those that are not ``sure`` in grey, without a colour."""
    # A mesh stays a drawing in a PDF, where an image would be pixels.
    ax.pcolormesh(np.where(sure, found, 0.0), cmap="PuOr", vmin=-1, vmax=1, edgecolor="white")
    ax.invert_yaxis()
    inks = np.where(sure, np.where(np.abs(found) > 0.6, "white", "black"), "#777777")
    for (a, b), value in np.ndenumerate(found):
        text = "-" if np.isnan(value) else f"{value:.2f}".replace("0.", ".").replace("1.00", "1")
        ax.text(b + 0.5, a + 0.5, text, ha="center", va="center", color=str(inks[a, b]))
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, parse_math=False)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows, parse_math=False)
    return ax


def draw_landscape(analysis: LandscapeAnalysis, *, width: str = "page") -> dict[str, Figure]:
    """Objective space, front, neighbours, ranks, distances, basins, walks, search, numbers; see ``draw_panels``."""
    m = analysis.landscape.F.shape[1]
    pairs = list(combinations(range(m), 2))[:3] or [(0, 0)]
    numbers = analysis.numbers
    panels: list[Panel] = [
        *(partial(plot_objective_space, pair=pair) for pair in pairs),
        plot_front_components,
        plot_neighbor_relations,
        plot_dominance_ranks,
        plot_distance_profile,
        plot_basins,
        plot_autocorrelation,
        plot_search_depth,
        *([plot_correlations] if m > 2 else []),
        _write_numbers,
    ]
    title = f"{numbers['title']}: {numbers['cells']:,} cells, neighbourhood “{numbers['neighborhood']}”"
    return draw_panels(panels, analysis, title=title, width=width)


def short_title(title: str, *, newline: bool = True) -> str:
    """A title for narrow places: without "validation", broken in two lines if wanted, or where a legend has no room."""
    text = title.replace("validation ", "")
    wrapped = fill(text, _LEGEND_WIDTH, break_long_words=False, break_on_hyphens=False)
    return text.replace(" ", "\n", 1) if newline else wrapped


def short_count(n: int) -> str:
    """A number of cells in a few characters: 950, 12k."""
    return f"{n / 1000:.0f}k" if n >= 10_000 else f"{n / 1000:.1f}k" if n >= 1000 else str(n)
