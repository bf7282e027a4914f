"""A table of one's own: 4,000 cells with measured accuracy and energy as CSV, optimised from a ten-line card.

The measurements are made up here; replace `write_table` by your own file, with a column `hash`,
`genotype`, or `matrix` and `ops`, and one column for each quantity.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from pymoo.optimize import minimize

import eomoo

CARD = """\
title = "Accuracy and energy on my board, as measured"
budget = 500
reference_point = [80.0, 1500.0]
objectives = [
    { name = "accuracy", unit = "%", direction = "max", source = "table" },
    { name = "energy", unit = "mJ", direction = "min", source = "table" },
]

[backend.table]
file = "energy.csv"
"""


def cells_near(starts: list[int], n: int) -> np.ndarray:
    """The first n cells that are reached from some starts, step by step."""
    space, found, wave = eomoo.load_space(), np.array(starts), np.array(starts)
    while len(found) < n:
        reached = np.unique(space.neighbor_lists(wave)[1])
        wave = reached[~np.isin(reached, found)]
        found = np.concatenate([found, wave])
    return found[:n]


def write_table(path: Path, n: int) -> None:
    """Made-up measurements of n cells."""
    space, rng = eomoo.load_space(), np.random.default_rng(0)
    starts = rng.choice(len(space), 20, replace=False).tolist()
    cells = cells_near(starts, n)
    size = np.log10(space.params(cells)) - 6
    accuracy = 88 + 5 * size - 4 * size**2 - 0.3 * (7 - space.n_vertices[cells]) + rng.normal(0, 0.8, n)
    energy = 20 + 180 * space.macs(cells) / 1e9 + rng.normal(0, 2, n)
    table = {"hash": space.hash(cells), "accuracy": accuracy.round(3), "energy": energy.round(3)}
    pd.DataFrame(table).to_csv(path, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=500, help="distinct cells to look up")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("own_table"), help="folder for the files")
    options = parser.parse_args()

    options.out.mkdir(parents=True, exist_ok=True)
    write_table(options.out / "energy.csv", 4000)
    card = options.out / "my-board.toml"
    card.write_text(CARD, encoding="utf-8")

    problem = eomoo.get_problem(card)
    algorithm = eomoo.PLS(sampling=eomoo.RandomCellSampling(), n_starts=20, restart="random")
    result = minimize(problem, algorithm, ("n_eval", options.budget), seed=options.seed)

    cells = result.opt.get("index").astype(int)
    front = pd.DataFrame(problem.values(cells), columns=problem.objective_names)
    front.insert(0, "hash", problem.space.hash(cells))
    front = front.sort_values("energy")
    front.to_csv(options.out / "front.csv", index=False)
    print(front.to_string(index=False))
    true = np.isin(cells, problem.space.index(problem.pareto_set())).sum()
    print(f"{len(front)} cells on the front after {options.budget} look-ups, {true} of them on the true one")


if __name__ == "__main__":
    main()
