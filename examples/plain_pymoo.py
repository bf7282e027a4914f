"""eomoo's pieces in plain pymoo scripts: minimize, ask and tell, a callback, a termination of one's own."""

import argparse
import pickle

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.algorithm import Algorithm
from pymoo.core.callback import Callback
from pymoo.core.termination import Termination
from pymoo.optimize import minimize

import eomoo


class Progress(Callback):
    """Collects how the front grows."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def notify(self, algorithm: Algorithm) -> None:
        """Called by pymoo after every generation."""
        self.sizes.append(len(algorithm.opt))


class NoBetterLatency(Termination):
    """Ends when the best latency has not improved for a number of iterations."""

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.patience, self.best, self.since = patience, np.inf, 0

    def _update(self, algorithm: Algorithm) -> float:
        best = algorithm.opt.get("latency").min()
        self.since = 0 if best < self.best else self.since + 1
        self.best = min(self.best, best)
        return self.since / self.patience


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=1000)
    options = parser.parse_args()
    problem = eomoo.get_problem("eo-micro-latency")

    # Any genetic algorithm of pymoo, with operators that know cells.
    progress = Progress()
    algorithm = NSGA2(pop_size=50, **eomoo.cell_operators())
    result = minimize(problem, algorithm, ("n_eval", options.budget), seed=1, callback=progress)
    distinct = len(np.unique(result.pop.get("index")))
    print(f"NSGA-II: front of {len(result.F)}, {distinct} distinct cells in the last population")
    print(f"         size of the front over the generations: {progress.sizes}")

    # The same search by hand, one batch at a time.
    algorithm = eomoo.PLS(n_starts=10)
    algorithm.setup(problem, termination=("n_eval", options.budget), seed=1)
    while algorithm.has_next():
        batch = algorithm.ask()
        algorithm.evaluator.eval(problem, batch)
        algorithm.tell(infills=batch)
    print(f"PLS:     front of {len(algorithm.result().F)} after {algorithm.evaluator.n_eval} evaluations")

    # A termination of one's own; then the search saved in the middle and continued.
    algorithm = eomoo.PLS(n_starts=10, restart="random")
    algorithm.setup(problem, termination=NoBetterLatency(patience=20), seed=1)
    for _ in range(5):
        algorithm.next()
    algorithm = pickle.loads(pickle.dumps(algorithm))
    while algorithm.has_next():
        algorithm.next()
    best = algorithm.result().opt.get("latency").min()
    print(f"PLS:     no better latency than {best:.2f} ms/batch for 20 iterations")


if __name__ == "__main__":
    main()
