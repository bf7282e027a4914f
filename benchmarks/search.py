"""CPU time per evaluation of searches, values excluded; equal answers are asserted first.

    python benchmarks/search.py [--problem eo-macro-latency] [--budget 10000]

The values of the whole space are computed beforehand, so that an evaluation is a look-up, and the time of
the look-ups is told apart. NSGA-II with
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
from eomoo.search import make_algorithm


def cpu_per_evaluation(problem: eomoo.CellProblem, make, budget: int, repeats: int) -> tuple[float, float, int]:
    """Least CPU time per evaluation over the seeds in microseconds, that of the values, size of the front."""
    best, values = np.inf, 0.0
    look_up = type(problem)._evaluate
    for seed in range(1, repeats + 1):
        looked_up = [0.0]

        def timed(*arguments, looked_up=looked_up, **options) -> None:
            start = time.process_time()
            look_up(problem, *arguments, **options)
            looked_up[0] += time.process_time() - start

        problem._evaluate = timed
        start = time.process_time()
        result = minimize(problem, make(), ("n_eval", budget), seed=seed)
        spent = 1e6 * (time.process_time() - start) / result.algorithm.evaluator.n_eval
        del problem._evaluate
        if spent < best:
            best, values = spent, 1e6 * looked_up[0] / result.algorithm.evaluator.n_eval
        assert result.algorithm.evaluator.n_eval >= budget
        # Equal answers: what the search says of a cell is what the problem says of it.
        index = result.opt.get("index").astype(int)
        assert np.array_equal(problem.objectives_at(index), result.opt.get("F"))
    return best, values, len(np.unique(index))


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
        spent, values, front = cpu_per_evaluation(problem, make, options.budget, options.repeats)
        reference = reference or spent
        print(
            f"{name:28} {spent - values:7.1f} us an evaluation and {values:4.1f} for its values   "
            f"x {spent / reference:5.2f}   front {front}"
        )


if __name__ == "__main__":
    main()
