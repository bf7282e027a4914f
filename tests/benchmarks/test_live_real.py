"""Fronts that searches chose, judged by repeated trainings."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from live_real import TABLE, random_front, share, values_of

from eomoo.data import read_measured


def test_a_front_is_chosen_by_first_trainings_alone():
    table = read_measured(TABLE)
    first = values_of(table.rows[table.rows["repeat"] == 0])
    front = first.loc[random_front(table, seed=1)]
    assert front["error"].argmin() == front["params"].argmax()
    assert len(front) < len(first.loc[(first["error"] <= front["error"].max())])
    assert random_front(table, seed=1).tolist() != random_front(table, seed=2).tolist()


def test_means_are_over_trainings_and_a_lower_error_dominates_more():
    rows = pd.DataFrame({"index": [7, 7, 3], "val_macro": [0.9, 0.7, 0.5], "params": [10, 10, 4]})
    assert values_of(rows).to_dict("list") == {"error": [np.float64(100 * (1 - 0.8)), 50.0], "params": [10.0, 4.0]}
    table = read_measured(TABLE)
    assert 0 < share(np.array([[6.0, 9_000.0]]), table) < share(np.array([[3.0, 9_000.0]]), table) < 1
