"""Pareto Local Search against NSGA-II: hypervolume over evaluated cells, several seeds, as a figure."""

import argparse
from pathlib import Path

import numpy as np

import eomoo
from eomoo.analysis import algorithm_style
from eomoo.fronts import Box, hypervolume
from eomoo.plots import look, new_figure
from eomoo.search import AlgorithmSpec, run_algorithm


def curve(problem: eomoo.CellProblem, name: str, budget: int, seed: int, steps: np.ndarray) -> list[float]:
    """Share of the predicted front's hypervolume after each number of distinct cells in ``steps``."""
    result = run_algorithm(problem, AlgorithmSpec(label=name, algorithm=name), budget=budget, seed=seed)
    F = problem.objectives_at(result.cells)
    box = Box(ideal=problem.ideal_point(), reference=problem.reference_point)
    best = hypervolume(problem.pareto_front(), box)
    return [hypervolume(F[:n], box) / best for n in steps]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", default="eo-macro-latency")
    parser.add_argument("--budget", type=int, default=2000, help="distinct cells an algorithm may evaluate")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("pls_vs_nsga2.png"))
    options = parser.parse_args()

    problem = eomoo.get_problem(options.problem)
    steps = np.unique(np.linspace(20, options.budget, 50).astype(int))
    with look():
        figure, ax = new_figure()
        for name in ("pls", "nsga2", "random"):
            seeds, style = range(1, options.seeds + 1), algorithm_style(name)
            curves = np.array([curve(problem, name, options.budget, seed, steps) for seed in seeds])
            low, middle, high = np.quantile(curves, [0.25, 0.5, 0.75], axis=0)
            ax.plot(steps, middle, **style, markersize=3.5, markevery=10, label=f"{name} ({options.seeds} seeds)")
            ax.fill_between(steps, low, high, color=style["color"], alpha=0.2, linewidth=0)
            share = f"median share of the predicted front's hypervolume after {options.budget} cells"
            print(f"{name:8} {share}: {middle[-1]:.4f}")
        ax.set_xlabel("distinct cells evaluated")
        ax.set_ylabel("share of the predicted\nfront's hypervolume")
        ax.legend()
        figure.savefig(options.out)
    print(f"figure written to {options.out}")


if __name__ == "__main__":
    main()
