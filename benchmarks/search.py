"""CPU time per evaluation of searches, values excluded; equal answers are asserted first.

    python benchmarks/search.py [--problem eo-macro-latency] [--budget 10000]

The values of the whole space are computed beforehand, so that an evaluation is a look-up. NSGA-II with
pymoo's documented integer operators (SBX, PM, rounding) runs beside it on the same problem.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize

import eomoo
from eomoo.search.algorithms import make_algorithm


def cpu_per_evaluation(problem: eomoo.CellProblem, make, budget: int, repeats: int) -> tuple[float, int]:
    """Least CPU time per evaluation in microseconds over the seeds, and the distinct cells of the last."""
    best = np.inf
    for seed in range(1, repeats + 1):
        start = time.process_time()
        result = minimize(problem, make(), ("n_eval", budget), seed=seed)
        spent = time.process_time() - start
        best = min(best, 1e6 * spent / result.algorithm.evaluator.n_eval)
        assert result.algorithm.evaluator.n_eval >= budget
        # Equal answers: what the search says of a cell is what the problem says of it.
        index = result.opt.get("index").astype(int)
        assert np.array_equal(problem.objectives_at(index), result.opt.get("F"))
    return best, len(np.unique(index))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", default="eo-macro-latency")
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    problem = eomoo.get_problem(options.problem)
    problem.values(np.arange(len(problem.space)))

    algorithms = {
        "PLS": lambda: eomoo.PLS(restart="random"),
        "PLS, a member at a time": lambda: eomoo.PLS(restart="random", n_expand=1),
        "PLS, 20 archives": lambda: eomoo.PLS(restart="random", archive="per-start"),
        "NSGA-II, cell operators": lambda: NSGA2(pop_size=100, **eomoo.cell_operators()),
        "NSGA-II, pymoo's integers": lambda: make_algorithm("nsga2-integer", problem.n_obj, pop_size=100),
        "random search": lambda: make_algorithm("random", problem.n_obj),
    }
    reference = None
    for name, make in algorithms.items():
        spent, front = cpu_per_evaluation(problem, make, options.budget, options.repeats)
        reference = reference or spent
        print(f"{name:28} {spent:7.1f} us an evaluation   x {spent / reference:5.2f}   front {front}")


if __name__ == "__main__":
    main()
