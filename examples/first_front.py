"""The first front: search a problem with Pareto Local Search and print the networks that it found."""

import argparse

from pymoo.optimize import minimize

import eomoo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=500, help="distinct cells to evaluate")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    problem = eomoo.get_problem("eo-macro-latency")
    algorithm = eomoo.PLS(sampling=eomoo.RandomCellSampling(), n_starts=20, restart="random")
    result = minimize(problem, algorithm, ("n_eval", options.budget), seed=options.seed)

    print(f"{len(result.F)} networks on the front, of {options.budget} evaluated")
    for individual in sorted(result.opt, key=lambda found: found.F[0]):
        error, latency = individual.get("val_macro_error"), individual.get("latency")
        cell = problem.space.cell(int(individual.get("index")))
        print(f"error {error:5.2f} %   latency {latency:5.2f} ms/batch   {cell}")


if __name__ == "__main__":
    main()
