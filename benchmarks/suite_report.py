"""The report of the benchmark suite: what was found, with intervals, and every case in which the default loses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, friedmanchisquare, rankdata
from scipy.stats import t as student
from suite_runs import BASELINES, BUDGETS, DEFAULT, ENOUGH, ENTRANTS, FIRST, GRID, MOST, Curves

from eomoo.analysis import Curves as Lines
from eomoo.analysis import plot_curves, quartile_curves
from eomoo.files import write_text
from eomoo.plots import WIDTHS, look, new_figure, spread

# Against these the default must not lose more than the margin, a hundredth of the true hypervolume.
RIVALS = ("PLS", *BASELINES, "random search")
MARGIN = 0.01
WANTED_RATIO = 0.2
_LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Case:
    """Difference of the default's share to a rival's on a problem at a budget: mean and 95 % interval, paired."""

    problem: str
    budget: int
    rival: str
    mean: float
    low: float
    high: float


def cases(curves: list[Curves]) -> list[Case]:
    """All comparisons."""
    found = []
    for c in curves:
        for budget in budgets_of(c):
            for rival in (r for r in RIVALS if r in c.shares):
                difference = at(c, DEFAULT, budget) - at(c, rival, budget)
                mean, half = float(difference.mean()), half_width(difference)
                found.append(
                    Case(
                        problem=c.problem.name, budget=budget, rival=rival, mean=mean, low=mean - half, high=mean + half
                    )
                )
    return found


def budgets_of(c: Curves) -> list[int]:
    """The budgets at which a problem's algorithms are compared."""
    return [n for n in BUDGETS if n <= c.problem.most]


def at(c: Curves, label: str, budget: int) -> NDArray[np.float64]:
    """(seeds,) shares after so many evaluations."""
    return c.shares[label][:, GRID.index(budget)]


def half_width(values: NDArray[np.float64]) -> float:
    """Half the 95 % interval of the mean, by Student's distribution."""
    n = len(values)
    return float(student.ppf((1.0 + _LEVEL) / 2.0, n - 1) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else np.inf


def cells_to(c: Curves, label: str, share: float = ENOUGH) -> NDArray[np.float64]:
    """(seeds,) evaluations until a share is reached, to within the grid's ten per cent; inf where never."""
    reached = np.nan_to_num(c.shares[label]) >= share
    return np.array([*GRID, np.inf])[np.where(reached.any(axis=1), reached.argmax(axis=1), len(GRID))]


def ratio(c: Curves) -> tuple[float, float, float] | None:
    """Median evaluations to 99 % over those of the quicker NSGA-II, with a bootstrapped 95 % interval.

    Where NSGA-II's median run does not get there, its whole budget is taken: the ratio is then at most that. Where
    the default's does not, within its smaller budget, that is taken, and the ratio is at least that: its upper end
    is infinite. None where neither gets there.
    """
    mine = cells_to(c, DEFAULT)
    rivals = [cells_to(c, label) for label in BASELINES if label in c.shares]
    if not np.isfinite(np.median(mine)):
        quickest = min((float(np.median(column)) for column in rivals), default=np.inf)
        found = ENTRANTS[DEFAULT].most / quickest
        return (found, found, np.inf) if np.isfinite(quickest) else None

    def of(*columns: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        first, *others = (np.median(np.minimum(column, MOST), axis=axis) for column in columns)
        return np.asarray(first / np.min(others, axis=0))

    if len(mine) < 3:
        return (float(of(mine, *rivals)), np.nan, np.nan)
    found = bootstrap(
        (mine, *rivals), of, paired=True, vectorized=True, method="percentile", n_resamples=2000,
        random_state=np.random.default_rng(1),
    )  # fmt: skip
    return (float(of(mine, *rivals)), float(found.confidence_interval.low), float(found.confidence_interval.high))


def write_report(curves: list[Curves], n_seeds: int, path: Path) -> None:
    """The page and its figure."""
    figures = path.parent / path.stem
    figures.mkdir(parents=True, exist_ok=True)
    draw_curves(curves, figures / "anytime.png")
    compared = cases(curves)
    parts = [
        "# The benchmark suite of searches",
        f"{len(curves)} problems, {n_seeds} seeds. Made by `python benchmarks/suite.py`. A budget counts distinct "
        "cells; on a problem with noise, where every look at a cell is a draw of its own, every evaluation. Quality "
        "is the share of the true front's hypervolume that the choices, the non-dominated of what was seen, are "
        "worth by their expected values. *Residuals* are one draw that is a part of the cell. Landscapes and how "
        "they were made: `benchmarks/graph_values.py`, `benchmarks/suite_problems.py`. Where half of an algorithm's "
        f"runs, or all of the first {FIRST}, spent {MOST:,} evaluations without reaching 99 %, its median run counts "
        f"as one that needs more, and the others ended at {BUDGETS[-1]:,}.",
        "## In short",
        summary(curves, compared),
        f"![Shares of hypervolume]({path.stem}/anytime.png)",
        f"## Where the lower bound of {DEFAULT}'s lead is below {-MARGIN:.2f}",
        losing_table(compared),
        "## Lead in share of hypervolume over the best rival, in points, with 95 % intervals",
        lead_table(curves, compared),
        "## Evaluations to 99 % of the true hypervolume, median runs",
        cells_table(curves),
        "## Mean ranks over blocks",
        ranks_table(curves),
        "## Mean share of the true hypervolume, in per cent",
        *(share_table(c) for c in curves),
        "## CPU",
        f"All runs took {sum(c.minutes for c in curves):.0f} minutes of CPU together.",
        cpu_table(curves),
    ]
    write_text(path, "\n\n".join(parts) + "\n")


def summary(curves: list[Curves], compared: list[Case]) -> str:
    losing = [case for case in compared if case.low < -MARGIN]
    worse = [case for case in losing if case.high < 0]
    lines = [
        f"- Of {len(compared)} comparisons (problem x budget x {', '.join(RIVALS)}), the lower 95 % bound of the "
        f"mean lead of {DEFAULT}, the default, is at least {-MARGIN:.2f} in {len(compared) - len(losing)}; in "
        f"{len(worse)} of the other {len(losing)} it is behind beyond doubt (each interval for itself)."
    ]
    kinds = {"eo-*": ("eo-",), "nb101*": ("nb101",), "eo-* and nb101s-* together": ("eo-", "nb101s-")}
    for what, prefixes in kinds.items():
        # Cards as shipped: what stands behind a comma makes another problem.
        cards = [c for c in curves if c.problem.name.startswith(prefixes) and "," not in c.problem.name]
        ratios = [found[0] for c in cards if (found := ratio(c)) is not None]
        if ratios:
            lines.append(
                f"- On {what}, {len(ratios)} problems where its median run or NSGA-II's reaches 99 %, it does so in "
                f"{np.median(ratios):.2f} times the evaluations of the quicker NSGA-II (population 50 or 200, up to "
                f"{MOST:,}) in the median, {min(ratios):.2f} to {max(ratios):.2f} (wanted: {WANTED_RATIO})."
            )
    return "\n".join(lines)


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def losing_table(compared: list[Case]) -> str:
    losing = [case for case in compared if case.low < -MARGIN]
    if not losing:
        return "Nowhere."
    rows = [[c.problem, f"{c.budget:,}", c.rival, f"{c.mean:+.3f} ({c.low:+.3f} to {c.high:+.3f})"] for c in losing]
    return table(["problem", "budget", "rival", "lead"], rows)


def lead_table(curves: list[Curves], compared: list[Case]) -> str:
    rows = []
    for c in curves:
        row = [c.problem.name]
        for budget in budgets_of(c):
            here = [case for case in compared if case.problem == c.problem.name and case.budget == budget]
            worst = min(here, key=lambda case: case.mean)
            row.append(f"{100 * worst.mean:+.1f} ± {100 * (worst.high - worst.mean):.1f}")
        rows.append(row + [""] * (1 + len(BUDGETS) - len(row)))
    return table(["", *(f"{n:,}" for n in BUDGETS)], rows)


def cells_table(curves: list[Curves]) -> str:
    labels = list(curves[0].shares)
    rows = []
    for c in curves:
        row = [c.problem.name]
        for label in labels:
            median = float(np.median(cells_to(c, label))) if label in c.shares else np.inf
            row.append(f"{median:,.0f}" if np.isfinite(median) else "more")
        found = ratio(c)
        if found is None:
            row.append("")
        elif np.isinf(found[2]):
            row.append(f"at least {found[0]:.2f}")
        else:
            row.append(f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})")
        rows.append(row)
    return table(["", *labels, "ratio"], rows)


def ranks_table(curves: list[Curves]) -> str:
    """Ranks by mean share, first averaged over the problems of a block, which share their values."""
    labels = [label for label in curves[0].shares if all(label in c.shares for c in curves)]
    rows = [[label] for label in labels]
    tests = ["Friedman's p"]
    for budget in BUDGETS:
        blocks: dict[str, list[NDArray[np.float64]]] = {}
        for c in (c for c in curves if budget in budgets_of(c)):
            shares = [-float(at(c, label, budget).mean()) for label in labels]
            blocks.setdefault(c.problem.block, []).append(rankdata(shares))
        means = np.array([np.mean(group, axis=0) for group in blocks.values()])
        for row, rank in zip(rows, means.mean(axis=0), strict=True):
            row.append(f"{rank:.2f}")
        several = len(means) > 1 and len(labels) > 2
        tests.append(f"{friedmanchisquare(*means.T).pvalue:.1e}" if several else "")
    header = [f"{len({c.problem.block for c in curves})} blocks", *(f"{n:,}" for n in BUDGETS)]
    return table(header, [*rows, tests])


def share_table(c: Curves) -> str:
    rows = []
    for label in c.shares:
        means = [at(c, label, n) for n in budgets_of(c)]
        rows.append([label, *(f"{100 * v.mean():.1f} ± {100 * half_width(v):.1f}" for v in means)])
    return f"### {c.problem.name}\n\n" + table(["", *(f"{n:,}" for n in budgets_of(c))], rows)


def cpu_table(curves: list[Curves]) -> str:
    rows = []
    for label in curves[0].shares:
        spent = [c.microseconds[label] for c in curves if label in c.microseconds]
        rows.append([label, f"{np.median(spent):,.0f}", f"{max(spent):,.0f}"])
    return table(["microseconds an evaluation, values included", "median problem", "most"], rows)


@look()
def draw_curves(curves: list[Curves], path: Path) -> None:
    n_rows = -(-len(curves) // 3)
    figure, grid = new_figure(WIDTHS["page"], 1.7 * n_rows + 0.5, nrows=n_rows, ncols=3, squeeze=False, sharex=True)
    axes = list(grid.flat)
    for ax, c in zip(axes, curves, strict=False):
        last = GRID.index(BUDGETS[-1]) + 1
        shares = {label: values[:, :last] for label, values in c.shares.items()}
        lines = Lines(
            title=c.problem.name,
            key=c.problem.name,
            x_label="evaluations",
            y_label="share of hypervolume",
            series=quartile_curves(shares, GRID[:last], {label: e.spec.algorithm for label, e in ENTRANTS.items()}),
        )
        plot_curves(ax, lines)
        spread(ax, *[np.column_stack((GRID[:last], np.full(last, 0.5)))] * 2)
        # Every second budget: more numbers would run into each other.
        ax.set_xticks([GRID[0], 100, 500, BUDGETS[-1]])
        ax.set_title(fill(c.problem.name, 28))
        ax.set_ylabel(ax.get_ylabel() if ax is axes[n_rows // 2 * 3] else "")
        ax.set_xlabel(ax.get_xlabel() if ax in grid[-1] else "")
        # One for all, below them: inside a panel it would hide curves.
        ax.get_legend().remove()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    for ax in axes[len(curves) :]:
        ax.set_axis_off()
    figure.savefig(path, dpi=120)
