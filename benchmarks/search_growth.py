"""How a search's CPU time and memory grow with its budget; values excluded.

    python benchmarks/search_growth.py [--problem eo-macro-latency] [--algorithms pls,surrogate-pls]

Each run is a process of its own, so that its peak memory is its own. That each evaluates exactly its budget
of distinct cells, all with the problem's values, is asserted before its time is reported. Time is given
beyond that of loading the space and the values.
"""

import argparse
import os
import resource
import time
from multiprocessing import get_context

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

BUDGETS = (1_000, 3_000, 10_000, 30_000, 100_000, 400_000)


def measure(card: str, name: str, budget: int) -> tuple[float, float]:
    """CPU microseconds an evaluation, and the peak memory of the process in MB."""
    from pymoo.optimize import minimize

    import eomoo
    from eomoo.search import make_algorithm

    problem = eomoo.get_problem(card)
    problem.values(np.arange(len(problem.space)))
    algorithm = make_algorithm(name, problem.n_obj)
    problem.space.neighborhood(algorithm.neighborhood)
    start = time.process_time()
    result = minimize(problem, algorithm, ("n_eval", budget), seed=1)
    spent = time.process_time() - start
    trace = result.algorithm.trace
    assert len(np.unique(trace.index)) == len(trace) == result.algorithm.evaluator.n_eval == budget
    assert np.array_equal(problem.objectives_at(trace.index), trace.F)
    return 1e6 * spent / budget, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--problem", default="eo-macro-latency")
    parser.add_argument("--algorithms", default="pls,surrogate-pls")
    parser.add_argument("--most", type=int, default=max(BUDGETS))
    options = parser.parse_args()
    print(f"{'':16}{'evaluations':>12}{'us each':>10}{'peak MB':>9}")
    for name in options.algorithms.split(","):
        for budget in (n for n in BUDGETS if n <= options.most):
            with get_context("spawn").Pool(1) as pool:
                spent, memory = pool.apply(measure, (options.problem, name, budget))
            print(f"{name:16}{budget:12,}{spent:10.1f}{memory:9.0f}", flush=True)


if __name__ == "__main__":
    main()
