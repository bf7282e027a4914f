"""A live search of 12 trainings beside 48 random ones, each by repeated trainings of the front that it chose.

    python benchmarks/live_real.py choose random.csv
    python benchmarks/live_real.py judge --random FOLDER RUN...

``choose`` draws 48 of the 114 timed cells of benchmarks/tables/so2sat for each of three seeds, and writes the cells on
the fronts of their first trainings, which `eomoo measure --cells random.csv --repeats 3 --out FOLDER` then trains three
times. ``judge`` tells the hypervolume of means of these, and of the fronts of runs with `--repeats 3`: of what was
chosen, not of the lucky training that had it chosen. The box is from no error and the fewest parameters to the table's
worst tenth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from pymoo.indicators.hv import HV

from eomoo.data import MeasuredTable, read_measured
from eomoo.fronts import non_dominated

TABLE = Path(__file__).parent / "tables" / "so2sat"
SEEDS, N_RANDOM = (1, 2, 3), 48


def values_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Macro error (%) and parameters by cell, means over its rows."""
    means = rows.groupby("index", sort=False)[["val_macro", "params"]].mean()
    return pd.DataFrame({"error": 100.0 * (1.0 - means["val_macro"]), "params": means["params"]})


def random_front(table: MeasuredTable, seed: int) -> np.ndarray:
    """Cells on the front of the first trainings of 48 random cells of a table."""
    first = values_of(table.rows[(table.rows["repeat"] == 0) & table.rows["latency"].notna()])
    drawn = first.iloc[np.random.default_rng(seed).choice(len(first), N_RANDOM, replace=False)]
    return drawn.index.to_numpy()[non_dominated(drawn.to_numpy())]


def share(points: np.ndarray, table: MeasuredTable) -> float:
    """Share of the box that points (n, 2) of error and parameters dominate."""
    known = values_of(table.rows)
    low = np.array([0.0, known["params"].min()])
    return float(HV(ref_point=np.ones(2))((points - low) / (known.quantile(0.9).to_numpy() - low)))


def main() -> None:
    """Choose cells, or judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("choose").add_argument("out", type=Path)
    judge = commands.add_parser("judge")
    judge.add_argument("--random", type=Path, required=True)
    judge.add_argument("runs", type=Path, nargs="+")
    asked = parser.parse_args()
    table = read_measured(TABLE)
    if asked.command == "choose":
        cells = np.unique(np.concatenate([random_front(table, seed) for seed in SEEDS]))
        pd.DataFrame({"index": cells}).to_csv(asked.out, index=False)
        print(f"{len(cells)} cells written to {asked.out}")
        return
    repeated = values_of(read_measured(asked.random).rows)
    for seed in SEEDS:
        points = repeated.loc[random_front(table, seed)].to_numpy()
        print(f"{N_RANDOM} random cells, seed {seed}: {share(points, table):.2f} by {len(points)} cells")
    for run in asked.runs:
        front = pd.read_csv(run / "front.csv")
        points = front[["val_macro_error", "params"]].to_numpy()
        print(f"{run}: {share(points, table):.2f} by {len(points)} cells")


if __name__ == "__main__":
    main()
