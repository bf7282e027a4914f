"""Choose a network under limits: at most so many milliseconds a batch, at most so many parameters.

    python examples/constrained_choice.py [--latency 10] [--parameters 5e6] [--budget 300]

The limits are constraints of the problem, which every algorithm honours. Printed is the predicted front within them,
how probably each cell keeps them and is on the front in truth, and the cell that is nearest to the best of all
objectives, each scaled by its range on the front, with the one to take of those that cannot be told from it.
"""

import argparse

import numpy as np
from pymoo.optimize import minimize

import eomoo
from eomoo.fronts import share_words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=10.0, help="ms a batch, at most")
    parser.add_argument("--parameters", type=float, default=5e6, help="at most")
    parser.add_argument("--budget", type=int, default=300)
    options = parser.parse_args()

    problem = eomoo.get_problem(
        "eo-macro-latency-params", constraints=[f"latency<={options.latency}", f"params<={options.parameters}"]
    )
    result = minimize(problem, eomoo.default_algorithm(), ("n_eval", options.budget), seed=1)
    if result.opt is None or not (result.opt.get("CV") <= 0).all():
        raise SystemExit("no cell within the limits was found: raise them, or the budget")
    cells = result.opt.get("index").astype(int)
    values = problem.values(cells)
    titles = [f"{n} ({u})" for n, u in zip(problem.objective_names, problem.units, strict=True)]
    certain = eomoo.front_uncertainty(problem, cells)
    kept = certain.limit_probability.min(axis=1)
    print("  cell  " + "  ".join(f"{title:>20}" for title in [*titles, "P(limits)", "P(front)"]))
    for cell, row, *shares in zip(cells, values, kept, certain.probability, strict=True):
        told = [*(f"{value:.6g}" for value in row), *(share_words(p, 1 / certain.n_draws) for p in shares)]
        print(f"{cell:6}  " + "  ".join(f"{text:>20}" for text in told))
    width = np.ptp(result.F, axis=0)
    distance = np.linalg.norm((result.F - result.F.min(axis=0)) / np.where(width > 0, width, 1.0), axis=1)
    chosen = int(cells[distance.argmin()])
    print(f"nearest to the best of all objectives: cell {chosen}, {problem.space.hash(chosen)}")
    print(problem.space.cell(chosen))
    group = next(group for group in certain.groups if chosen in group.cells)
    print(f"take cell {group.representative}; others of the front that cannot be told from it: {len(group.cells) - 1}")


if __name__ == "__main__":
    main()
