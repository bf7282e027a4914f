"""The benchmark suite of searches: run it (or go on with it), and write its report.

    python benchmarks/suite.py [--jobs 2] [--out suite-results] [--seeds 30] [--report-only]

Runs the studies suite and suite-noise and writes benchmarks/suite.md with its figures in benchmarks/suite/.
What has been run is kept in the folder of --out; the same command goes on where it was stopped.
"""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from eomoo.analysis import Curves as Lines
from eomoo.analysis import (
    StudyResults,
    holm,
    hypervolume_curves,
    load_results,
    mann_whitney,
    plot_critical_difference,
    plot_curves,
    quartile_curves,
    rank_test,
    vargha_delaney,
)
from eomoo.files import write_text
from eomoo.search import ALGORITHMS, DEFAULT_ALGORITHM
from eomoo.study.execute import run_study
from eomoo.study.plan import load_study

HERE = Path(__file__).resolve().parent
STUDIES = ("suite", "suite-noise")
BUDGETS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
GRID = sorted({*np.round(np.geomspace(20, 20_000, 160)).astype(int).tolist(), *BUDGETS})
BASELINES = ("NSGA-II, 200", "NSGA-II, 50")
ALPHA = 0.05
# Seeds below were looked at while the searches were made.
_FIRST_SEED = 1001


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Shares of the true front's hypervolume on a problem: (seeds, len(GRID)) by label."""

    problem: str
    shares: dict[str, np.ndarray]

    def at(self, label: str, budget: int) -> np.ndarray:
        """(seeds,) shares after so many cells; NaN beyond an algorithm's budget."""
        return self.shares[label][:, GRID.index(budget)]

    def cells_to(self, label: str, share: float) -> np.ndarray:
        """(seeds,) cells until a share is reached, to within the grid's five per cent; inf where never."""
        reached = self.shares[label] >= share
        return np.array([*GRID, np.inf])[np.where(reached.any(axis=1), reached.argmax(axis=1), len(GRID))]

    def area(self, label: str, budget: int) -> np.ndarray:
        """(seeds,) mean share over the logarithm of the number of cells, from 100 on."""
        inside = [k for k, n in enumerate(GRID) if 100 <= n <= budget]
        x = np.log([GRID[k] for k in inside])
        y = self.shares[label][:, inside]
        return ((y[:, 1:] + y[:, :-1]) / 2 * np.diff(x)).sum(axis=1) / (x[-1] - x[0])

    def labels(self, budget: int) -> list[str]:
        """Algorithms that were run so far."""
        return [label for label in self.shares if not np.isnan(self.at(label, budget)).any()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("suite-results"))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--report-only", action="store_true")
    parser.add_argument("--report", type=Path, default=HERE / "suite.md")
    options = parser.parse_args()
    results, seconds = [], 0.0
    for name in STUDIES:
        study = load_study(name)
        study = replace(study, seeds=tuple(range(_FIRST_SEED, _FIRST_SEED + options.seeds)))
        folder = options.out / name
        if not options.report_only:
            run_study(study, folder, jobs=options.jobs, on_event=lambda event: show(event))
        results.append(load_results(folder))
        seconds += sum(run.seconds for problem in results[-1].problems for run in problem.runs)
    curves = [measure(problem) for part in results for problem in part.problems]
    write_report(curves, results, seconds, options.report)
    print(f"written: {options.report}")


def show(event) -> None:
    print(f"{event.done}/{event.total} {event.task.problem.card} {event.task.spec.label}", flush=True)


def measure(problem) -> Curves:
    return Curves(problem=problem.name, shares=hypervolume_curves(problem, GRID))


# -- the report ----------------------------------------------------------------------------------


def write_report(curves: list[Curves], results: list[StudyResults], seconds: float, path: Path) -> None:
    figures = path.parent / "suite"
    figures.mkdir(parents=True, exist_ok=True)
    draw_curves(curves, figures / "anytime.png")
    drawn = draw_ranks(curves, figures)
    default = default_label()
    n_seeds = len(next(iter(curves[0].shares.values())))
    parts = [
        "# The benchmark suite of searches",
        f"{len(curves)} problems, {n_seeds} seeds, {seconds / 3600:.1f} hours of one core. A budget counts "
        "distinct cells; quality is the share of the true front's hypervolume (on a problem with noise, of "
        "the front of the drawn values). Made by `python benchmarks/suite.py`; the settings are in "
        "`benchmarks/studies/suite.toml` and `suite-noise.toml`.",
        "The cards' values are themselves predictions of models on structural features, smoother than "
        "measurements are, and the search's own model sees those features: this favours searches with a "
        "model. The problems with noise are the check of how much.",
        "## In short",
        summary(curves, default),
        f"![Anytime curves](suite/{'anytime.png'})",
        "## Median share of the true hypervolume, in per cent",
        *(share_table(c) for c in curves),
        "## Median number of distinct cells to 95 % and 99 % of the true hypervolume",
        cells_table(curves),
        "## Area under the anytime curve, from 100 cells on a logarithmic axis, in per cent",
        area_table(curves),
        "## Mean ranks over problems, by median share",
        ranks_table(curves),
        *(f"![Critical differences at {n} cells](suite/{name})" for n, name in drawn),
        f"## Where {default} is significantly worse",
        worse_table(curves, default),
        "## CPU",
        cpu_table(results),
    ]
    write_text(path, "\n\n".join(parts) + "\n")


def default_label() -> str:
    study = load_study(STUDIES[0])
    return next(spec.label for spec, _ in study.algorithms if spec.algorithm == DEFAULT_ALGORITHM)


def summary(curves: list[Curves], default: str) -> str:
    medians = [(median_cells(c, default), min(median_cells(c, label) for label in BASELINES)) for c in curves]
    reached = [pair for pair in medians if np.isfinite(pair).any()]
    # Where the baseline never gets there, the ratio is known to be less than with its whole budget.
    ratios = [mine / min(its, max(BUDGETS)) for mine, its in reached]
    first = (
        f"- {default}, the default ({ALGORITHMS[DEFAULT_ALGORITHM].title}), reaches 99 % of the true "
        f"hypervolume in {np.median(ratios):.2f} times the cells that NSGA-II with the same operators "
        f"needs (population 50 or 200, the quicker of them), in the median of the {len(ratios)} problems "
        "where the median run of one of the two does (where NSGA-II never does, its whole budget is taken)."
        if ratios
        else "- Neither the default nor NSGA-II reaches 99 % of the true hypervolume in its median run."
    )
    cases = comparisons(curves, default)
    worse = [case for case in cases if case[4] < ALPHA and case[3] < 0.5]
    better = [case for case in cases if case[4] < ALPHA and case[3] > 0.5]
    second = (
        f"- Of {len(cases)} comparisons (problem x budget x other algorithm), it is significantly better in "
        f"{len(better)} and significantly worse in {len(worse)} (Mann-Whitney, Holm over the algorithms of a "
        "problem and budget)."
    )
    return f"{first}\n{second}"


def median_cells(c: Curves, label: str) -> float:
    return float(np.median(c.cells_to(label, 0.99)))


def comparisons(curves: list[Curves], default: str) -> list[tuple[str, int, str, float, float]]:
    """(problem, budget, other, A12 in favour of the default, corrected p)."""
    found = []
    for c in curves:
        for budget in BUDGETS:
            others = [label for label in c.labels(budget) if label != default]
            mine = c.at(default, budget)
            p = holm([mann_whitney(mine, c.at(label, budget))[1] for label in others])
            found += [
                (c.problem, budget, label, vargha_delaney(mine, c.at(label, budget)), float(q))
                for label, q in zip(others, p, strict=True)
            ]
    return found


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def share_table(c: Curves) -> str:
    rows = []
    best = {n: max(np.median(c.at(label, n)) for label in c.labels(n)) for n in BUDGETS}
    for label in c.shares:
        row = [label]
        for n in BUDGETS:
            value = float(np.median(c.at(label, n)))
            text = "" if np.isnan(value) else f"{100 * value:.1f}"
            row.append(f"**{text}**" if value == best[n] else text)
        rows.append(row)
    return f"### {c.problem}\n\n" + table(["", *(f"{n:,}" for n in BUDGETS)], rows)


def cells_table(curves: list[Curves]) -> str:
    rows = []
    for c in curves:
        for label in c.labels(max(BUDGETS)):
            row = [c.problem, label]
            for share in (0.95, 0.99):
                cells = c.cells_to(label, share)
                middle = float(np.median(cells))
                row.append(f"{middle:,.0f}" if np.isfinite(middle) else "more")
                row.append(f"{np.isfinite(cells).mean():.0%}")
            rows.append(row)
    return table(["problem", "", "95 %", "runs", "99 %", "runs"], rows)


def area_table(curves: list[Curves]) -> str:
    rows = []
    for label in curves[0].shares:
        row = [label]
        for n in (2_000, 20_000):
            areas = [np.median(c.area(label, n)) for c in curves]
            row.append("" if np.isnan(areas).any() else f"{100 * float(np.mean(areas)):.2f}")
        rows.append(row)
    return table(["mean over problems of the median run", "to 2,000", "to 20,000"], rows)


def ranks_at(curves: list[Curves], budget: int):
    labels = curves[0].labels(budget)
    return rank_test(labels, [[-float(np.median(c.at(label, budget))) for label in labels] for c in curves])


def ranks_table(curves: list[Curves]) -> str:
    rows = []
    found = {n: ranks_at(curves, n) for n in BUDGETS}
    for label in curves[0].shares:
        row = [label]
        for test in found.values():
            row.append(f"{test.mean_ranks[test.names.index(label)]:.2f}" if label in test.names else "")
        rows.append(row)
    rows.append(["Friedman's p", *(f"{test.p:.1e}" for test in found.values())])
    rows.append(["critical difference", *(f"{test.critical_difference:.2f}" for test in found.values())])
    return table(["", *(f"{n:,}" for n in BUDGETS)], rows)


def worse_table(curves: list[Curves], default: str) -> str:
    worse = [case for case in comparisons(curves, default) if case[4] < ALPHA and case[3] < 0.5]
    if not worse:
        return "Nowhere."
    rows = [[p, f"{n:,}", label, f"{a:.2f}", f"{q:.3g}"] for p, n, label, a, q in worse]
    return table(["problem", "cells", "better", "A12", "p (Holm)"], rows)


def cpu_table(results: list[StudyResults]) -> str:
    spent: dict[str, list[float]] = {}
    for part in results:
        for problem in part.problems:
            for run in problem.runs:
                spent.setdefault(run.label, []).append(1e6 * run.seconds / run.budget)
    rows = [[label, f"{np.median(values):,.0f}"] for label, values in spent.items()]
    return table(["median wall time, values included", "us a distinct cell"], rows)


# -- figures -------------------------------------------------------------------------------------


def draw_curves(curves: list[Curves], path: Path) -> None:
    from matplotlib.figure import Figure

    shown = curves[0].labels(max(BUDGETS))
    n_rows = -(-len(curves) // 3)
    figure = Figure(figsize=(12, 3.4 * n_rows), layout="constrained")
    for ax, c in zip(figure.subplots(n_rows, 3, squeeze=False).flat, curves, strict=False):
        lines = Lines(
            title=c.problem,
            key=c.problem,
            x_label="distinct cells evaluated",
            y_label="share of hypervolume",
            series=quartile_curves({label: c.shares[label] for label in shown}, GRID),
        )
        plot_curves(ax, lines)
        ax.set_xscale("log")
        ax.set_xlim(50, max(BUDGETS))
        ax.set_title(c.problem, fontsize=10)
        low = min(np.nanmedian(c.at(label, 100)) for label in shown)
        ax.set_ylim(max(0.0, low - 0.02), 1.005)
    for ax in list(figure.axes)[len(curves) :]:
        ax.set_axis_off()
    figure.savefig(path, dpi=110)


def draw_ranks(curves: list[Curves], folder: Path) -> list[tuple[str, str]]:
    from matplotlib.figure import Figure

    drawn = []
    for n in (200, 2_000, 20_000):
        figure = Figure(figsize=(8, 3), layout="constrained")
        plot_critical_difference(figure.subplots(), ranks_at(curves, n))
        name = f"ranks-{n}.png"
        figure.savefig(folder / name, dpi=110)
        drawn.append((f"{n:,}", name))
    return drawn


if __name__ == "__main__":
    main()
