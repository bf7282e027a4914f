"""The sheet of a sampled table; each panel is a function that draws on given axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.landscape.intervals import Estimates
from eomoo.landscape.sample import Sample
from eomoo.landscape.sampled import SampleAnalysis, front_of
from eomoo.landscape.sheet import SMALL, STYLES, finish, sheet_axes, write_rows
from eomoo.plots import COLORS, axis_label
from eomoo.space import load_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Panel = Callable[["Axes", SampleAnalysis], object]
_BY_VERTICES = {5: ("s", COLORS[1]), 6: ("^", COLORS[2]), 7: ("o", COLORS[0])}
# More would not be told apart in a third of a page.
_MOST_CURVES, _MOST_RANKED = 4, 9
# Characters of an axis label that stay within a panel, with a unit.
_MOST_TITLE = 32
_SMALL_PRINT: dict[str, Any] = {"fontsize": 6, "frameon": False, "borderpad": 0.1, "alignment": "left"}
_POWERS = ((1e9, "10⁹"), (1e6, "10⁶"), (1e4, "10³"))


def sampled_sheet(analysis: SampleAnalysis, *more: Panel) -> Figure:
    """One page of what there is of a sample, and the panels ``more`` before the numbers."""
    sample, numbers = analysis.sample, analysis.numbers
    good, latency = shown(analysis), _latency(analysis)
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
        common = analysis.beside.rows.shape[1] > 0
        panels += [plot_beside, plot_beside_ranks] if common else []
        panels += [plot_beside_rugged] if any(row["table"] == "second" for row in analysis.beside.rugged) else []
    panels += [*more, write_sample_numbers]
    count = f"a sample, {len(sample.cells):,} of {numbers['sample']['of']:,} cells"
    figure, axes = sheet_axes(len(panels), title=f"{numbers['title']} ({count})")
    for ax, panel in zip(axes, panels, strict=True):
        panel(ax, analysis)
    return figure


def shown(analysis: SampleAnalysis) -> list[str]:
    """What stands for all in a figure: validation before test and training, macro before micro, the longest training.

    Accuracies and errors, or else whatever was measured.
    """
    return _preferred(analysis.sample)


def _preferred(sample: Sample) -> list[str]:
    kinds = sample.table.kinds
    measured = [name for name in sample.costs() if name not in ("params", "macs") and kinds[name] != "counted"]
    names = sample.performance() or measured or list(sample.quantities)

    def place(name: str) -> tuple[int, int, bool]:
        epochs = re.search(r"_(\d{1,9})$", name)
        split = next((k for k, word in enumerate(("val", "test", "train")) if name.startswith(word)), 3)
        return split, -int(epochs[1]) if epochs else -(10**9), "macro" not in name

    return sorted(names, key=place)


def _learning(analysis: SampleAnalysis) -> list[str]:
    """Accuracies of the learning curves that were measured at several epochs."""
    epochs = analysis.epochs
    order = [f"{split}_{kind}" for split in ("val", "train", "test") for kind in ("macro", "micro")]
    names = [] if epochs.empty else [str(k) for k, rows in epochs.groupby("quantity", sort=False) if len(rows) > 1]
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))[:_MOST_CURVES]


def _latency(analysis: SampleAnalysis) -> list[str]:
    """The name of the timing that there is, if there is one."""
    found = analysis.sample.quantities
    timed = [name for name, kind in analysis.sample.table.kinds.items() if kind == "timed" and name in found]
    return [name for name in (*timed, *found) if "latency" in name or name in timed][:1]


def _together(analysis: SampleAnalysis) -> list[list[str]]:
    """Accuracies that share a panel: training, validation and test, micro and macro apart."""
    names = analysis.sample.performance()
    parts = [[k for k in names if k.endswith(end)] for end in ("_macro", "_micro")]
    rest = [k for k in names if not k.endswith(("_macro", "_micro"))]
    return [part[:_MOST_CURVES] for part in (*parts, rest or shown(analysis)[: 0 if names else 1]) if part]


def _scaled(sample: Sample, name: str) -> tuple[float, str]:
    """What a quantity's values are multiplied by in a figure, and their label."""
    title, unit = _title(sample, name), sample.quantities[name].unit
    if unit == "fraction":
        return 100.0, axis_label(title, "%")
    for power, text in _POWERS:
        if np.nanmax(np.abs(sample.values[name])) >= power:
            size = 1e3 if text == "10³" else power
            return 1.0 / size, axis_label(title, f"{text} {unit}".strip())
    return 1.0, axis_label(title, unit)


def _title(sample: Sample, name: str) -> str:
    """The title of a quantity, that of a known one as short as a figure wants it."""
    known = re.fullmatch("(train|val|test)_(micro|macro)", name)
    if known is not None:
        return f"{known[1].replace('val', 'val.').replace('train', 'train.')} {known[2]} accuracy"
    title = re.sub("^multiply-accumulates of an image", "MACs", sample.quantities[name].title)
    return title if len(title) <= _MOST_TITLE else name.replace("_", " ")[:_MOST_TITLE]


def _short(sample: Sample, name: str) -> str:
    """A title for narrow places."""
    title = re.sub(" accuracy| on .*", "", _title(sample, name)).replace("training", "train.")
    return (
        title if len(title) <= 20 else f"{name.replace('_', ' ')[:19]}…" if len(name) > 20 else name.replace("_", " ")
    )


def plot_distributions(ax: Axes, analysis: SampleAnalysis, *, names: Sequence[str]) -> Axes:
    """Histograms of quantities that share a unit."""
    sample = analysis.sample
    scale, label = _scaled(sample, names[0])
    columns = {name: scale * sample.values[name][np.isfinite(sample.values[name])] for name in names}
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
    x = f"{kind} accuracy (%)".strip() if len(names) > 1 and label.endswith("(%)") else label
    return finish(ax, title=x.partition(" (")[0], x=x, y="cells")


def plot_pair(ax: Axes, analysis: SampleAnalysis, *, x: str, y: str, front: bool = False) -> Axes:
    """Two quantities of all cells by number of vertices, with their rank correlation, and the best cells over them."""
    sample = analysis.sample
    (a, x_label), (b, y_label) = (_scaled(sample, name) for name in (x, y))
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
    ax.legend(**_SMALL_PRINT, loc="upper left", title=f"Spearman {_band(rank, low, high)}", title_fontsize=6)
    return finish(ax, title=f"{_short(sample, y)}, {_short(sample, x)}", x=x_label, y=y_label)


def _band(value: float, low: float, high: float) -> str:
    """A value with its interval, for people."""
    if np.isnan(value):
        return "-"
    ends = "" if np.isnan(low) else f" ({low:.2f} to {high:.2f})"
    return f"{value:.2f}{ends}".replace("-0.00", "0.00")


def _curved(analysis: SampleAnalysis) -> list[str]:
    """Quantities whose walks are shown: two accuracies, the latency, and what is left."""
    names = [*shown(analysis)[:2], *_latency(analysis), "macs"]
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
        label = name.replace("_", " ").replace("val", "val.").replace("train", "train.")
        ax.plot(
            rows["epoch"], 100 * rows["median"], marker="os^D"[k], markersize=2.5, linewidth=1.0, label=label, **style
        )
        ax.fill_between(
            rows["epoch"], 100 * rows["q25"], 100 * rows["q75"], color=style["color"], alpha=0.2, linewidth=0
        )
    ax.margins(y=0.3)
    ax.legend(**_SMALL_PRINT, loc="upper left", ncols=2)
    return finish(ax, title="accuracies at each epoch", x="epoch", y="accuracy (%), quartiles")


def plot_ranks(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Spearman's correlations; those whose interval holds 0 in grey."""
    chosen = [*shown(analysis)[:4], *_latency(analysis), *analysis.sample.costs()]
    names = list(dict.fromkeys(chosen))[:_MOST_RANKED]
    return _plot_matrix(ax, analysis.ranks, analysis.sample, names, analysis.sample, names, title="Spearman")


def plot_beside_ranks(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Spearman's correlations of one table's quantities with another's over their common cells."""
    assert analysis.beside is not None
    both, names = analysis.beside, []
    for sample in (both.first, both.second):
        measured = [*_preferred(sample), *(name for name in sample.costs() if name not in ("params", "macs"))]
        names.append(list(dict.fromkeys(measured))[:_MOST_RANKED])
    return _plot_matrix(ax, both.ranks, both.first, names[0], both.second, names[1], title="beside")


def _plot_matrix(
    ax: Axes, ranks: Estimates, first: Sample, rows: list[str], second: Sample, columns: list[str], *, title: str
) -> Axes:
    places = [list(first.quantities).index(name) for name in rows], [list(second.quantities).index(k) for k in columns]
    value, low, high = (part[np.ix_(*places)] for part in ranks)
    sure = (low > 0) | (high < 0) | (value == 1)
    ax.pcolormesh(np.where(sure, value, 0.0), cmap="PuOr", vmin=-1, vmax=1, edgecolor="white")
    ax.invert_yaxis()
    for (a, b), rank in np.ndenumerate(value):
        ink = "#777777" if not sure[a, b] else "white" if abs(rank) > 0.7 else "black"
        text = "-" if np.isnan(rank) else f"{rank:.2f}".replace("0.", ".")
        ax.text(b + 0.5, a + 0.5, text, ha="center", va="center", fontsize=5.5, color=ink)
    finish(ax, title=f"{title} (grey: may be 0)")
    labels = [_short(second, name) for name in columns]
    ax.set_xticks(np.arange(len(columns)) + 0.5, labels, fontsize=5.5, rotation=90)
    ax.set_yticks(np.arange(len(rows)) + 0.5, [_short(first, name) for name in rows], fontsize=5.5)
    return ax


def plot_beside(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """One accuracy of the common cells in both tables."""
    assert analysis.beside is not None
    both, ends = analysis.beside, []
    for sample, rows in zip((both.first, both.second), both.rows, strict=True):
        name = _preferred(sample)[0]
        scale, label = _scaled(sample, name)
        ends.append((list(sample.quantities).index(name), scale * sample.values[name][rows], label))
    (a, y, y_label), (b, x, x_label) = ends
    rank = _band(*(float(part[a, b]) for part in both.ranks))
    ax.plot(x, y, "o", color=COLORS[0], markersize=2.4, mew=0, alpha=0.55)
    ax.margins(y=0.25)
    title = f"Spearman {rank}, {both.rows.shape[1]} cells"
    ax.legend(handles=[], **_SMALL_PRINT, loc="upper left", title=title, title_fontsize=6)
    name = both.second.table.facts["title"].partition(":")[0][:24]
    return finish(ax, title=f"beside {name}", x=x_label, y=y_label)


def plot_beside_rugged(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Autocorrelation of lag 1 of both tables, each along its own walks and along the first's."""
    assert analysis.beside is not None
    both = analysis.beside
    samples = {"first": both.first, "second": both.second}
    rows = [row for row in both.rugged if row["quantity"] in _preferred(samples[row["table"]])[:3]]
    for k, row in enumerate(rows):
        second = row["table"] == "second"
        ax.plot(row["band"], (k, k), color=COLORS[second], linewidth=1.2)
        ax.plot(row["lag_1"], k, "os"[second], color=COLORS[second], markersize=3)
    names = [f"{_short(samples[row['table']], row['quantity'])}, {row['table']}" for row in rows]
    labels = [f"{name}*" if row["walks"] != "own" else name for name, row in zip(names, rows, strict=True)]
    finish(ax, title="ruggedness beside", x="autocorrelation, lag 1 (* common cells)")
    ax.set_yticks(range(len(rows)), labels, fontsize=5.5)
    ax.invert_yaxis()
    return ax


def plot_noise(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Share of the variance of single measurements that is noise, with its interval."""
    found = [q for q in analysis.numbers["quantities"] if q["noise"]][:12]
    for k, q in enumerate(found):
        low, high = np.nan_to_num(100.0 * np.array(q["noise"]["band"], dtype=float), nan=100.0 * q["noise"]["share"])
        share = 100.0 * q["noise"]["share"]
        ax.barh(k, share, color=COLORS[5], height=0.6)
        ax.plot([low, high], [k, k], color="black", linewidth=0.9)
    names = [_short(analysis.sample, q["name"]) for q in found]
    finish(ax, title="noise against signal", x="noise (% of the variance)")
    ax.set_yticks(range(len(found)), names, fontsize=6)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    return ax


def plot_classes(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Share of the images of each split that its smallest and its largest class have."""
    found = analysis.numbers["classes"]
    for k, row in enumerate(found.values()):
        ends = 100.0 * row["smallest"], 100.0 * row["largest"]
        ax.plot(ends, (k, k), color=COLORS[0], linewidth=3)
        ax.text(ends[1], k - 0.22, f"{row['images']:,} images", fontsize=6, ha="right")
        ax.plot([100.0 / row["classes"]] * 2, (k - 0.25, k + 0.25), color="black", label="" if k else "balanced")
    finish(ax, title="classes of the splits", x="smallest to largest class (%)")
    ax.set_yticks(range(len(found)), [str(split) for split in found], fontsize=SMALL)
    ax.set_ylim(len(found) - 0.5, -0.7)
    ax.set_xlim(left=0)
    ax.legend(**_SMALL_PRINT, loc="lower right")
    return ax


def write_sample_numbers(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """The numbers that people quote."""
    numbers, sample = analysis.numbers, analysis.sample
    about, often = numbers["sample"], sorted(numbers["by_vertices"], key=numbers["by_vertices"].get)[-3:]
    rows = [
        ("cells / walks", "", f"{about['cells']:,} / {about['walks']}"),
        ("measurements / failed", "", f"{about['measurements']:,} / {sum(about['failed'].values())}"),
        (
            f"vertices {' / '.join(sorted(often))}",
            "",
            " / ".join(f"{numbers['by_vertices'][k]}" for k in sorted(often)),
        ),
        ("", "mean", "min to max"),
    ]
    named = {q["name"]: q for q in numbers["quantities"]}
    chosen = [*shown(analysis)[:4], *_latency(analysis)]
    for name in dict.fromkeys(chosen):
        factor, label = _scaled(sample, name)
        mean, low, high = (factor * named[name]["values"][key] for key in ("mean", "min", "max"))
        unit = label.rpartition(" (")[2].rstrip(")") if label.endswith(")") else ""
        title = axis_label(_short(sample, name), unit)
        rows.append((title, f"{mean:.3g}", f"{low:.3g} to {high:.3g}"))
    if analysis.curves:
        rows.append(("autocorr., lag 1", "pooled", "by walk"))
        for name in _curved(analysis)[:3]:
            each = named[name]["ruggedness"].get("mean")
            value = "-" if each is None else f"{each:.3f}"
            rows.append((_short(sample, name), f"{analysis.curves[name].mean[1]:.3f}", value))
    return write_rows(ax, rows, room=11)
