"""A search with 100 evaluations, guided by a model and not.

    python examples/surrogate_search.py [--budget 100] [--seeds 3]

When every evaluation is a training, a model of what was measured so far pays: SurrogatePLS fits one as it
goes and evaluates what promises most. Printed is the share of the predicted front's hypervolume that each search
has found within the budget.
"""

import argparse

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.indicators.hv import HV
from pymoo.optimize import minimize

import eomoo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()

    problem = eomoo.get_problem("eo-macro-latency")
    hypervolume = HV(ref_point=problem.reference_point, ideal=problem.ideal_point(), norm_ref_point=False)
    best = hypervolume(problem.pareto_front())
    searches = {
        "NSGA-II": lambda: NSGA2(pop_size=20, **eomoo.cell_operators()),
        "PLS": lambda: eomoo.PLS(restart="random"),
        "SurrogatePLS": lambda: eomoo.SurrogatePLS(batch_size=5),
    }
    for name, make in searches.items():
        shares = []
        for seed in range(1, options.seeds + 1):
            result = minimize(problem, make(), ("n_eval", options.budget), seed=seed)
            shares.append(hypervolume(result.F) / best)
        print(f"{name:14} {100 * np.median(shares):6.1f} % of the predicted front's, median of {options.seeds}")


if __name__ == "__main__":
    main()
