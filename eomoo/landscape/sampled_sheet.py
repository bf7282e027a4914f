"""The sheet of a sampled table; each panel is a function that draws on given axes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np

from eomoo.arrays import Axes, Facts, Figure, Floats
from eomoo.landscape.intervals import Estimates
from eomoo.landscape.sample import Sample
from eomoo.landscape.sampled import SampleAnalysis, front_of
from eomoo.landscape.sheet import STYLES, Panel, draw_panels, finish, plot_matrix, write_rows
from eomoo.plots import COLORS, axis_label, with_band
from eomoo.space import load_space

_Interval = tuple[str, float, Sequence[float] | Floats]
_BY_VERTICES = {5: ("s", COLORS[1]), 6: ("^", COLORS[2]), 7: ("o", COLORS[0])}
# More would not be told apart in a third of a page.
_MOST_CURVES, _MOST_RANKED = 4, 7
# Characters of an axis label that stay within a panel, with a unit, and of what stands beside one.
_MOST_TITLE, _MOST_SHORT = 32, 20
_SMALL_PRINT: Facts = {"alignment": "left"}
# From so much on values are shown in these.
_POWERS = ((1e9, 1e9, "10⁹"), (1e6, 1e6, "10⁶"), (1e4, 1e3, "10³"))


def draw_sample(analysis: SampleAnalysis, *more: Panel, width: str = "page") -> dict[str, Figure]:
    """What there is of a sample, and the panels ``more`` before the numbers; see ``draw_panels``."""
    sample, numbers = analysis.sample, analysis.numbers
    good, latency = shown(sample), _latency(analysis)
    panels: list[Panel] = [partial(plot_distributions, names=names) for names in _together(analysis)]
    pairs = dict.fromkeys(combinations(good[:2], 2), False)
    # Without an accuracy the latency may be what stands for all.
    pairs |= dict.fromkeys([(cost, name) for cost in latency for name in good[:2]] + [("macs", good[0])], True)
    pairs |= dict.fromkeys([("macs", name) for name in latency], False)
    panels += [partial(plot_pair, x=x, y=y, front=front) for (x, y), front in pairs.items() if x != y]
    panels += [plot_sample_autocorrelation, plot_ruggedness] if analysis.curves else []
    panels += [plot_epochs] if _learning(analysis) else []
    panels += [plot_ranks]
    panels += [plot_noise] if any(q["noise"] for q in numbers["quantities"]) else []
    panels += [plot_classes] if numbers["classes"] else []
    if analysis.beside is not None:
        panels += [plot_beside_ranks] if analysis.beside.rows.shape[1] > 0 else []
        panels += [plot_beside_rugged] if any(row["table"] == "second" for row in analysis.beside.rugged) else []
    panels += [*more, write_sample_numbers]
    count = f"a sample, {len(sample.cells):,} of {numbers['sample']['of']:,} cells"
    title = f"{numbers['title']} ({count})"
    return draw_panels(panels, analysis, title=title, width=width)


def shown(sample: Sample) -> list[str]:
    """What stands for all in a figure: validation before test and training, macro before micro, the longest training.

    Accuracies and errors, or else whatever was measured.
    """
    kinds = sample.table.kinds
    measured = [name for name in sample.costs() if name not in ("params", "macs") and kinds[name] != "counted"]
    return sorted(sample.performance() or measured or sample.quantities, key=_place)


def _place(name: str) -> tuple[int, int, bool]:
    epochs = re.search(r"_(\d{1,9})$", name)
    split = next((k for k, word in enumerate(("val", "test", "train")) if name.startswith(word)), 3)
    return split, -int(epochs[1]) if epochs else -(10**9), "macro" not in name


def _learning(analysis: SampleAnalysis) -> list[str]:
    """Accuracies of the learning curves that were measured at several epochs."""
    sizes = Counter(row["quantity"] for row in analysis.numbers["epochs"])
    return sorted((name for name, n in sizes.items() if n > 1), key=_place)[:_MOST_CURVES]


def _latency(analysis: SampleAnalysis) -> list[str]:
    """The name of the timing that there is, if there is one."""
    found = analysis.sample.quantities
    timed = [name for name, kind in analysis.sample.table.kinds.items() if kind == "timed" and name in found]
    return [name for name in (*timed, *found) if "latency" in name or name in timed][:1]


def _together(analysis: SampleAnalysis) -> list[list[str]]:
    """Accuracies that share a panel: training, validation and test, micro and macro apart, and units."""
    sample, parts = analysis.sample, dict[tuple[str, str], list[str]]()
    for name in sample.performance() or shown(sample)[:1]:
        end = next((end for end in ("_macro", "_micro") if name.endswith(end)), "")
        parts.setdefault((end, _scaled(sample, name)[1]), []).append(name)
    order = ("_macro", "_micro", "")
    return [parts[key][:_MOST_CURVES] for key in sorted(parts, key=lambda key: order.index(key[0]))]


def _scaled(sample: Sample, name: str) -> tuple[float, str]:
    """What a quantity's values are multiplied by in a figure, and their unit then."""
    unit = sample.quantities[name].unit
    if unit == "fraction":
        return 100.0, "%"
    for least, size, text in _POWERS:
        if np.nanmax(np.abs(sample.values[name])) >= least:
            return 1.0 / size, f"{text} {unit}".strip()
    return 1.0, unit


def _label(sample: Sample, name: str) -> str:
    return axis_label(_title(sample, name), _scaled(sample, name)[1])


def _title(sample: Sample, name: str) -> str:
    """The title of a quantity, that of a known one as short as a figure wants it."""
    known = re.fullmatch("(train|val|test)_(micro|macro)", name)
    if known is not None:
        return f"{known[1]}{'' if known[1] == 'test' else '.'} {known[2]} accuracy"
    title = sample.quantities[name].title.replace("multiply-accumulates of an image", "MACs")
    return title if len(title) <= _MOST_TITLE else name.replace("_", " ")[:_MOST_TITLE]


def _short(sample: Sample, name: str) -> str:
    """A title for narrow places."""
    title = re.sub(" accuracy| on .*", "", _title(sample, name)).replace("training", "train.")
    words = title if len(title) <= _MOST_SHORT else name.replace("_", " ")
    return words if len(words) <= _MOST_SHORT else f"{words[: _MOST_SHORT - 1]}…"


def plot_distributions(ax: Axes, analysis: SampleAnalysis, *, names: Sequence[str]) -> Axes:
    """Histograms of quantities that share a unit."""
    sample = analysis.sample
    columns = {k: _scaled(sample, k)[0] * sample.values[k][np.isfinite(sample.values[k])] for k in names}
    low, high = min(c.min() for c in columns.values()), max(c.max() for c in columns.values())
    room = max(high - low, 1e-9 * max(abs(high), 1.0))
    bins = np.linspace(low - 0.01 * room, high + 0.01 * room, min(50, 8 + len(sample.cells) // 8)).tolist()
    for style, (name, values) in zip(STYLES, columns.items(), strict=False):
        ax.hist(values, bins=bins, histtype="stepfilled", alpha=0.25, color=style["color"])
        title = f"{_short(sample, name)}, mean {values.mean():.3g}"
        ax.hist(values, bins=bins, histtype="step", linewidth=0.9, label=title, **style)
    ax.margins(y=0.14 * len(names) + 0.05)
    ax.legend(**_SMALL_PRINT, loc="upper left")
    kind = next((word for word in ("macro", "micro") if names[0].endswith(word)), "")
    unit, title = _scaled(sample, names[0])[1], _title(sample, names[0])
    if len(names) > 1 and unit == "%":
        title = f"{kind} accuracy".strip()
    return finish(ax, title=title, x=axis_label(title, unit), y="cells")


def plot_pair(ax: Axes, analysis: SampleAnalysis, *, x: str, y: str, front: bool = False) -> Axes:
    """Two quantities of all cells by number of vertices, with Spearman's ρ, and the best cells over them."""
    sample = analysis.sample
    a, b = (_scaled(sample, name)[0] for name in (x, y))
    vertices = load_space().n_vertices[sample.cells]
    for number in np.unique(vertices)[::-1].tolist():
        here = vertices == number
        marker, color = _BY_VERTICES.get(number, ("v", COLORS[3]))
        label = None if front or number not in _BY_VERTICES else f"{number} vertices"
        points = a * sample.values[x][here], b * sample.values[y][here]
        ax.plot(*points, marker, color=color, markersize=2.4, mew=0, alpha=0.55, label=label)
    if front:
        best = front_of(sample, x, y)
        points = a * sample.values[x][best], b * sample.values[y][best]
        step = "steps-pre" if sample.quantities[x].larger_is_better else "steps-post"
        ax.plot(*points, color="black", linewidth=0.8, drawstyle=step, zorder=3)
        ax.plot(*points, "D", color="black", markersize=3, label=f"best of these cells ({len(best)})", zorder=4)
    names = list(sample.quantities)
    rank, low, high = (part[names.index(x), names.index(y)] for part in analysis.ranks)
    ax.margins(y=0.3)
    # Given, as there may be none, of which matplotlib warns.
    marks, title = ax.get_legend_handles_labels(), f"\N{GREEK SMALL LETTER RHO} {with_band(rank, (low, high))}"
    ax.legend(*marks, **_SMALL_PRINT, loc="upper left", title=title)
    return finish(ax, title=f"{_short(sample, y)}, {_short(sample, x)}", x=_label(sample, x), y=_label(sample, y))


def _curved(analysis: SampleAnalysis) -> list[str]:
    """Quantities whose walks are shown: two accuracies, the latency, and what is left."""
    names = [*shown(analysis.sample)[:2], *_latency(analysis), "macs"]
    return [name for name in dict.fromkeys(names) if np.isfinite(analysis.curves[name].mean[1])][:_MOST_CURVES]


def plot_sample_autocorrelation(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Autocorrelation by lag of all walks together, with its band."""
    last = 1
    for k, name in enumerate(_curved(analysis)):
        curve, style = analysis.curves[name], STYLES[k]
        lags = np.arange(len(curve.mean))
        label = f"{_short(analysis.sample, name)}, length {curve.length:.1f}"
        ax.plot(lags, curve.mean, linewidth=1.1, marker="os^D"[k], markersize=2.5, label=label, **style)
        ax.fill_between(lags, curve.low, curve.high, color=style["color"], alpha=0.15, linewidth=0)
        last = len(lags) - 1
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.set_xlim(0, last)
    ax.locator_params(axis="x", integer=True)
    ax.set_ylim(-1.4, 1.05)
    ax.legend(**_SMALL_PRINT, loc="lower left")
    return finish(ax, title="all walks together", x="lag (steps)", y="autocorrelation")


def plot_ruggedness(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Each walk's own autocorrelation of lag 1: a mark a walk, and its density where five walks differ."""
    from scipy.stats import gaussian_kde

    names = [k for k in _curved(analysis) if np.isfinite(analysis.by_walk[k]).any()]
    x = np.linspace(-1.0, 1.0, 201)
    for k, name in enumerate(names):
        style, values = STYLES[k], analysis.by_walk[name]
        values = values[np.isfinite(values)]
        label = f"{_short(analysis.sample, name)}, mean {values.mean():.2f}"
        # Of fewer a density shows the width of its kernel.
        if len(values) >= 5 and np.ptp(values) > 0:
            ax.plot(x, gaussian_kde(values)(x), linewidth=1.1, label=label, **style)
            label = ""
        at = np.full(len(values), -0.1 - 0.14 * k)
        ax.plot(values, at, "|", color=style["color"], markersize=5, mew=0.7, label=label)
    ax.plot((0, 0), (-0.2 - 0.14 * len(names), ax.get_ylim()[1]), color="black", linewidth=0.5, scaley=False)
    # Room above for the legend; there is no density below 0, where the walks stand.
    ax.set_ylim(-0.2 - 0.14 * len(names), (1.0 + 0.14 * len(names)) * max(ax.get_ylim()[1], 1.0))
    ax.set_yticks([y for y in ax.get_yticks() if 0 <= y <= ax.get_ylim()[1]])
    ax.set_xlim(-1, 1)
    ax.legend(**_SMALL_PRINT, loc="upper left")
    walks = len(analysis.sample.walks)
    return finish(ax, title=f"ruggedness over {walks} walks", x="a walk's autocorrelation, lag 1", y="density")


def plot_epochs(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Median and quartiles over the cells of accuracies at each measured epoch."""
    epochs = analysis.epochs
    for k, name in enumerate(_learning(analysis)):
        rows, style = epochs[epochs["quantity"] == name], STYLES[k]
        middle, low, high = (100 * rows[part] for part in ("median", "q25", "q75"))
        label = name.replace("_", " ").replace("val", "val.").replace("train", "train.")
        ax.plot(rows["epoch"], middle, marker="os^D"[k], markersize=2.5, linewidth=1.0, label=label, **style)
        ax.fill_between(rows["epoch"], low, high, color=style["color"], alpha=0.2, linewidth=0)
    ax.margins(y=0.3)
    ax.legend(**_SMALL_PRINT, loc="upper left", ncols=2)
    return finish(ax, title="accuracies at each epoch", x="epoch", y="accuracy (%), quartiles")


def plot_ranks(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Spearman's correlations; those whose interval holds 0 in grey."""
    chosen = [*shown(analysis.sample)[:4], *_latency(analysis), *analysis.sample.costs()]
    names = list(dict.fromkeys(chosen))[:_MOST_RANKED]
    return _plot_matrix(ax, analysis.ranks, analysis.sample, names, analysis.sample, names, title="Spearman")


def plot_beside_ranks(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Spearman's correlations of one table's quantities with another's over their common cells."""
    assert analysis.beside is not None
    both, names = analysis.beside, []
    for sample in (both.first, both.second):
        measured = [*shown(sample), *(name for name in sample.costs() if name not in ("params", "macs"))]
        names.append(list(dict.fromkeys(measured))[:_MOST_RANKED])
    about = f"{both.second.table.facts['title'][:_MOST_TITLE]}, {both.rows.shape[1]} cells"
    return _plot_matrix(ax, both.ranks, both.first, names[0], both.second, names[1], title="beside", x=about)


def _plot_matrix(
    ax: Axes,
    ranks: Estimates,
    first: Sample,
    rows: list[str],
    second: Sample,
    columns: list[str],
    *,
    title: str,
    x: str = "",
) -> Axes:
    places = [list(first.quantities).index(name) for name in rows], [list(second.quantities).index(k) for k in columns]
    value, low, high = (part[np.ix_(*places)] for part in ranks)
    sure = (low > 0) | (high < 0) | (value == 1)
    names = [_short(first, name) for name in rows], [_short(second, name) for name in columns]
    plot_matrix(ax, value, *names, sure).tick_params(axis="x", rotation=90)
    return finish(ax, title=f"{title} (grey: may be 0)", x=x)


def plot_beside_rugged(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Autocorrelation of lag 1 of both tables, each along its own walks and along the first's."""
    assert analysis.beside is not None
    both = analysis.beside
    samples = {"first": both.first, "second": both.second}
    rows = []
    for row in both.rugged:
        sample, name, own = samples[row["table"]], row["quantity"], row["walks"] == "own"
        if name in shown(sample)[:3]:
            rows.append((f"{_short(sample, name)}, {row['table']}{'' if own else '*'}", row["lag_1"], row["band"]))
    return _plot_intervals(ax, rows, title="ruggedness beside", x="autocorrelation, lag 1 (* common cells)")


def plot_noise(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Share of the variance of single measurements that is noise, with its interval."""
    found = {q["name"]: q["noise"] for q in analysis.numbers["quantities"] if q["noise"]}
    rows = [
        (_short(analysis.sample, name), 100 * noise["share"], 100 * np.array(noise["band"]))
        for name, noise in list(found.items())[:12]
    ]
    _plot_intervals(ax, rows, title="noise against signal", x="noise (% of the variance)").set_xlim(-2, 102)
    return ax


def plot_classes(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Share of the images of each split that its smallest and its largest class have; a dot where they are balanced."""
    rows = [
        (f"{split}\n{row['images']:,}", 100 / row["classes"], (100 * row["smallest"], 100 * row["largest"]))
        for split, row in analysis.numbers["classes"].items()
    ]
    return _plot_intervals(ax, rows, title="classes of the splits", x="smallest, balanced, largest (%)")


def _plot_intervals(ax: Axes, rows: Sequence[_Interval], *, title: str, x: str) -> Axes:
    """A line for each row: its name, a value as a dot, the two ends of an interval."""
    for k, (_, value, ends) in enumerate(rows):
        ax.plot(ends, (k, k), color=COLORS[5], linewidth=2)
        ax.plot(value, k, "o", color="black", markersize=3)
    finish(ax, title=title, x=x)
    ax.set_yticks(range(len(rows)), [name for name, *_ in rows], parse_math=False)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    return ax


def write_sample_numbers(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """The numbers that people quote."""
    numbers, sample = analysis.numbers, analysis.sample
    about, often = numbers["sample"], sorted(numbers["by_vertices"])[-3:]
    rows = [
        ("cells / walks", "", f"{about['cells']:,} / {about['walks']}"),
        ("measurements / failed", "", f"{about['measurements']:,} / {sum(about['failed'].values())}"),
        (f"vertices {' / '.join(often)}", "", " / ".join(str(numbers["by_vertices"][k]) for k in often)),
        ("", "mean", "min to max"),
    ]
    named = {q["name"]: q for q in numbers["quantities"]}
    chosen = [*shown(sample)[:4], *_latency(analysis)]
    for name in dict.fromkeys(chosen):
        factor, unit = _scaled(sample, name)
        mean, low, high = (factor * named[name]["values"][key] for key in ("mean", "min", "max"))
        title = axis_label(_short(sample, name), unit)
        rows.append((title, f"{mean:.3g}", f"{low:.3g} to {high:.3g}"))
    if analysis.curves:
        rows.append(("autocorr., lag 1", "pooled", "by walk"))
        for name in _curved(analysis)[:3]:
            each = named[name]["ruggedness"].get("mean")
            value = "-" if each is None else f"{each:.3f}"
            rows.append((_short(sample, name), f"{analysis.curves[name].mean[1]:.3f}", value))
    return write_rows(ax, rows, room=11)
