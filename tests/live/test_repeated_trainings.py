"""Trainings with further seeds, and those that were made otherwise, as a store has them."""

from types import SimpleNamespace

import numpy as np
import pytest

from eomoo.live.repeats import Repeats
from eomoo.live.results import related_trainings


class Store:
    """What a store tells of its trainings."""

    def __init__(self):
        self.trainings = []

    def put(self, cell, value, **setting):
        result = {"status": "done", "val": {"micro": value}}
        self.trainings.append({"cell": cell, "status": "done", "setting": {"cell": cell, **setting}, "result": result})

    def rows(self, kind):
        assert kind == "training"
        return self.trainings

    def count(self, kind):
        return len(self.rows(kind))


class Campaign:
    """Trains at once; a value is that of cell and seed."""

    report, ended, retry_failed = print, print, False

    def __init__(self, store, seed):
        self.store, self.seed = store, seed

    def with_seed(self, seed):
        return Campaign(self.store, seed)

    def setting(self, cell, epochs):
        return {"cell": cell, "seed": self.seed, "epochs": epochs}

    def trainings(self, cells, epochs):
        for cell in cells:
            self.store.put(cell, cell + 0.1 * self.seed, seed=self.seed, epochs=epochs)
        self.told = self.report, self.ended, self.retry_failed

    def stored(self, cell, epochs):
        wanted = self.setting(cell, epochs)
        return next((row["result"] for row in self.store.trainings if row["setting"] == wanted), None)

    def notes(self):
        return [f"seed {self.seed} failed"]


def test_further_seeds_follow_the_campaigns_own_which_is_not_trained_again():
    first = Campaign(Store(), 5)
    repeats, first.report, first.ended, first.retry_failed = Repeats(first, (3,)), len, max, True
    first.trainings([2, 4], (3,))
    assert np.isnan(repeats.seed_deviation("val_micro"))
    repeats.train([2, 4], 3)
    made = [(row["cell"], row["setting"]["seed"]) for row in first.store.trainings]
    assert made == [(cell, seed) for seed in (5, 6, 7) for cell in (2, 4)]
    assert all(campaign.told == (len, max, True) for campaign in repeats._campaigns)
    assert [result["val"]["micro"] for result in repeats.results(4, 2)] == pytest.approx([4.5, 4.6])
    assert len(repeats.results(4, 3)) == 3
    assert repeats.seed_deviation("val_micro") == pytest.approx(0.1)
    assert repeats.notes() == ["seed 6 failed", "seed 7 failed"]


def test_of_related_trainings_those_of_most_cells_come_first():
    store, wanted = Store(), {"epochs": "9", "seed": 0, "data": "mine"}
    for n, setting in ((3, {"epochs": "1"}), (5, {"epochs": "2"}), (2, {"epochs": "3"}), (7, {}), (1, {"seed": 4})):
        for cell in range(n):
            store.put(cell, cell / 8, **{**wanted, **setting})
    store.put(99, None, **{**wanted, "seed": 4})

    def told(**how):
        found = related_trainings(store, [wanted], "val_micro", **how)
        return [(words, len(values)) for words, values in found]

    every = [("epochs 2, seed 0", 5), ("epochs 1, seed 0", 3), ("epochs 3, seed 0", 2)]
    assert told(least=2, most=9) == every, "a training without a value is none"
    assert told(least=3, most=9) == every[:2]
    assert told(least=2, most=1) == every[:1]
    other = {**wanted, "data": "another's"}
    ((words, values),) = related_trainings(store, [*settings_but(store, "2"), other], "val_micro", least=2, most=9)
    assert words == "epochs 2, seed 0, other images"
    assert values == {cell: cell / 8 for cell in range(5)}


def settings_but(store, epochs):
    rows = (SimpleNamespace(**row) for row in store.trainings)
    return [row.setting for row in rows if row.setting["epochs"] != epochs]
