"""The table backend: gathers, what is unknown, deviations, errors of accuracies."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

import eomoo
from eomoo import load_space
from eomoo.data import measured_table, write_measured
from eomoo.data.eo_table import EO_QUANTITIES
from eomoo.errors import DataError, SettingError
from eomoo.fronts import Quantity
from eomoo.objectives.table import TableBackend
from eomoo.space import Skeleton

ENERGY = Quantity(title="energy", unit="J", direction="min")
ACCURACY = Quantity(title="validation accuracy", unit="fraction", direction="max")


SMALL = Skeleton(in_channels=4, n_classes=3, stem_channels=8, n_stacks=3, cells_per_stack=1, image_size=12)
CARD = """
[[objectives]]
name = "energy"
unit = "J"
direction = "min"
source = "table:there/table.csv"

[[objectives]]
name = "params"
unit = ""
direction = "min"
source = "analytic"
"""


def test_cells_of_a_measured_table_are_the_networks_that_were_measured(tmp_path):
    energy = {"name": "energy", "title": "energy", "unit": "J", "direction": "min", "kind": "given"}
    rows = pd.DataFrame({"index": [5, 9], "energy": [1.0, 2.0]})
    facts = {"title": "mine", "skeleton": vars(SMALL), "columns": [energy]}
    write_measured(measured_table(rows, facts), tmp_path / "there")
    (tmp_path / "card.toml").write_text(CARD)
    found = eomoo.run(tmp_path / "card.toml", algorithm="random", budget=2)
    assert found.stored.problem.skeleton == SMALL
    assert found.front["params"].tolist() == load_space().params(found.front["index"], SMALL).tolist()


def test_cells_of_a_measured_table_that_something_disturbed_are_marked(tmp_path):
    told = [("latency", "ms", "timed"), ("energy", "J", "timed"), ("latency_disturbed", "", "mark")]
    columns = [{"name": n, "title": n, "unit": unit, "direction": "min", "kind": kind} for n, unit, kind in told]
    rows = {"index": [5, 9, 9, 20], "repeat": [0, 0, 1, 0], "latency": [3.0, 2.0, 4.0, 1.0], "energy": 2.0}
    rows["latency_disturbed"] = [0, 0, 1, 0]
    write_measured(measured_table(pd.DataFrame(rows), {"title": "mine", "columns": columns}), tmp_path)
    for name in ("latency", "energy"):
        found = TableBackend.from_file(tmp_path / "table.csv", {name: ENERGY})
        assert found.marks([20, 9, 5, 0], [name])[:, 0].tolist() == ["", "contended", "", ""]
        assert found.marks([20, 9], []).shape == (2, 0)


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("yes", "no"), ("1.0", ""), (True, None)])
def test_marks_of_a_table_of_ones_own_are_read_as_people_write_them(tmp_path, yes, no):
    rows = {"index": [5, 9], "latency": [3.0, 2.0], "latency_disturbed": [no, yes]}
    pd.DataFrame(rows).to_csv(tmp_path / "own.csv", index=False)
    found = TableBackend.from_file(tmp_path / "own.csv", {"latency": ENERGY})
    assert found.marks([5, 9], ["latency"])[:, 0].tolist() == ["", "contended"]


@pytest.fixture
def table():
    return TableBackend(
        [700, 3, 423_623],
        {"energy": [7.0, 0.5, 9.0], "acc": [0.75, 0.5, 1.0]},
        {"energy": ENERGY, "acc": ACCURACY},
        deviations={"acc": [0.01, 0.02, 0.0]},
    )


def test_it_knows_its_cells(table):
    assert table.known(["energy", "acc_error"]).tolist() == [3, 700, 423_623]


def test_values_follow_the_order_asked_for_and_are_nan_where_unknown(table):
    got = table.values(np.array([423_623, 4, 3, 700, 3]), ["acc", "energy"])
    nan = np.nan
    np.testing.assert_array_equal(got, [[1.0, 9.0], [nan, nan], [0.5, 0.5], [0.75, 7.0], [0.5, 0.5]])


def test_an_accuracy_has_an_error_in_per_cent_and_its_deviation(table):
    assert table.quantities["acc_error"] == Quantity(title="validation error", unit="%", direction="min")
    assert table.values(np.array([700, 5]), ["acc_error"])[0, 0] == 25.0
    np.testing.assert_allclose(
        table.deviations(np.array([3, 5]), ["energy", "acc", "acc_error"]), [[0.0, 0.02, 2.0], [np.nan] * 3]
    )


def test_no_error_is_made_of_what_is_no_fraction_and_none_is_overwritten():
    per_cent = Quantity(title="accuracy", unit="%", direction="max")
    own = Quantity(title="my error", unit="%", direction="min")
    table = TableBackend(
        [0], {"a": [90.0], "b": [0.5], "b_error": [3.0]}, {"a": per_cent, "b": ACCURACY, "b_error": own}
    )
    assert set(table.quantities) == {"a", "b", "b_error"}
    assert table.quantities["b_error"] is own
    assert table.values(np.array([0]), ["b_error"])[0, 0] == 3.0


@pytest.mark.parametrize(
    ("column", "values", "match"),
    [
        ("acc", [0.75, 1.5], "the table, row 2: acc is 1.5; an accuracy is between 0 and 1, as a fraction"),
        ("err", [-3.0, 0.5], "the table, row 1: err is -3; an error is between 0 and 100 %"),
        ("latency", [1.0, -2.0], "the table, row 2: latency is -2, below 0"),
    ],
)
def test_what_no_file_may_hold_no_table_may(column, values, match):
    of = {
        "acc": ACCURACY,
        "err": Quantity(title="error", unit="%", direction="min"),
        "latency": Quantity(title="latency", unit="ms", direction="min"),
    }
    with pytest.raises(DataError, match=match):
        TableBackend([3, 8], {column: values}, {column: of[column]})
    with pytest.raises(SettingError, match=f"a deviation of {column} is below 0, for cell 8"):
        TableBackend([3, 8], {column: [0.5, 0.5]}, {column: of[column]}, deviations={column: [0.1, -0.1]})


def test_a_table_of_every_cell_is_total():
    n = len(load_space())
    order = np.random.default_rng(1).permutation(n)
    table = TableBackend(order, {"energy": order * 2.0}, {"energy": ENERGY})
    assert table.known(["energy"]) is None
    asked = np.array([0, n - 1, 77])
    assert table.values(asked, ["energy"])[:, 0].tolist() == (asked * 2.0).tolist()


@pytest.mark.parametrize(
    ("indices", "columns", "match"),
    [
        ([1, 2], {"energy": [1.0]}, r"shape \(1,\); there are 2 cells"),
        ([8, 2], {"energy": [1.0, np.inf]}, "infinite value, for cell 2"),
        ([8, 2], {"energy": [1.0, 1e200]}, r"the column energy reaches 1e\+200, whose square no number holds"),
        ([8, 2], {"energy": [0.0, 1e-200]}, "reaches 1e-200, whose square no number holds; choose another unit"),
        ([], {"energy": []}, "at least one cell"),
        ([1], {"power": [1.0]}, "'energy' has no column; there are power"),
        ([-1], {"energy": [1.0]}, "no cell has the index -1"),
    ],
)
def test_what_is_no_table_is_refused(indices, columns, match):
    with pytest.raises(SettingError, match=match):
        TableBackend(indices, columns, {"energy": ENERGY})


def test_a_cell_has_what_was_measured_of_it():
    nan = np.nan
    table = TableBackend(
        [5, 9, 700],
        {"energy": [nan, 2.0, 3.0], "acc": [0.5, nan, nan]},
        {"energy": ENERGY, "acc": ACCURACY},
        failed={"acc": np.array([False, True, False])},
    )
    assert table.known(["energy"]).tolist() == [9, 700]
    assert table.known(["acc"]).tolist() == [5, 9], "a failure is known, what was not measured is not"
    assert table.known(["energy", "acc_error"]).tolist() == [9]
    assert table.known([]).tolist() == [5, 9, 700]
    found = table.values([5, 9, 700], ["energy", "acc"])
    np.testing.assert_array_equal(found, [[nan, 0.5], [2.0, nan], [3.0, nan]])
    np.testing.assert_array_equal(table.deviations([5, 9], ["energy", "acc"]), [[nan, 0.0], [0.0, nan]])


REPEATED = {
    "indices": [8, 3, 8, 700, 8, 3],
    "columns": {"energy": [1.0, 10.0, 4.0, 7.0, 7.0, 14.0], "acc": [0.1, 0.2, np.nan, 0.4, 0.5, np.nan]},
    "quantities": {"energy": ENERGY, "acc": ACCURACY},
    "failed": {"acc": np.array([False, False, True, False, False, False])},
}


def test_repeated_measurements_have_a_mean_and_its_standard_error():
    table = TableBackend(**REPEATED)
    found = table.values([3, 8, 700], ["energy", "acc_error"])
    np.testing.assert_allclose(found, [[12.0, 80.0], [4.0, 70.0], [7.0, 60.0]])
    energy = [np.std([10, 14], ddof=1), np.std([1, 4, 7], ddof=1)]
    # Of cells measured once it is pooled in parts of what is left to the best value: of energy 0, of accuracy 1.
    pooled = 7 * np.sqrt(((energy[0] / 12) ** 2 + 2 * (energy[1] / 4) ** 2) / 3)
    of_acc = np.std([10, 50], ddof=1)
    np.testing.assert_allclose(
        table.deviations([3, 8, 700], ["energy", "acc_error"]),
        [
            [energy[0] / np.sqrt(2), of_acc * 80 / 70],
            [energy[1] / np.sqrt(3), of_acc / np.sqrt(2)],
            [pooled, of_acc * 60 / 70],
        ],
    )


@pytest.mark.parametrize("repeats", [2, 3])
@pytest.mark.parametrize("apart", [0.0, 0.5])
def test_few_repeats_hold_the_truth_as_often_as_many(repeats, apart):
    """By its own two measurements a cell would be within two standard errors in 70 % of cases."""
    rng, n = np.random.default_rng(0), 2000
    spread = np.exp(apart * rng.standard_normal(n))
    table = TableBackend(
        np.repeat(np.arange(n), repeats),
        {"energy": 70.0 + rng.standard_normal(n * repeats) * np.repeat(spread, repeats)},
        {"energy": ENERGY},
    )
    z = (table.values(np.arange(n), ["energy"]) - 70.0) / table.deviations(np.arange(n), ["energy"])
    assert 0.9 < (np.abs(z) <= 1.96).mean() < 0.97


def test_it_is_told_of_how_many_measurements_values_are_means():
    assert TableBackend(**REPEATED).n_trainings([3, 8, 700, 5]).tolist() == [2, 3, 1, 1]
    assert TableBackend(**REPEATED, repeat="random").n_trainings([3, 8]).tolist() == [1, 1]


def test_repeats_that_all_agree_are_exact():
    cells = np.repeat(np.arange(40), 2)
    table = TableBackend(cells, {"energy": cells.astype(float)}, {"energy": ENERGY})
    assert not table.deviations(np.arange(40), ["energy"]).any()


def test_one_measurement_is_drawn_for_each_cell():
    tables = [TableBackend(**REPEATED, repeat="random", seed=seed) for seed in range(40)]
    found = np.stack([table.values([8, 3, 700], ["energy"])[:, 0] for table in tables])
    assert set(found[:, 0]) == {1.0, 4.0, 7.0}
    assert set(found[:, 1]) == {10.0, 14.0}
    assert set(found[:, 2]) == {7.0}
    np.testing.assert_array_equal(tables[3].values([700, 3, 8], ["energy"])[::-1, 0], found[3])
    np.testing.assert_array_equal(TableBackend(**REPEATED).draw([8, 3, 700], ["energy"], 3)[:, 0], found[3])
    np.testing.assert_allclose(tables[0].deviations([3], ["energy"]), [[np.std([10, 14], ddof=1)]])
    assert tables[0].fingerprint() != tables[1].fingerprint() != TableBackend(**REPEATED).fingerprint()


def test_the_measurement_that_is_drawn_is_the_same_for_all_quantities():
    cells = np.repeat(np.arange(300), 4)
    number = np.tile(np.arange(4.0), 300)
    both = {"energy": ENERGY, "acc": ACCURACY}
    table = TableBackend(cells, {"energy": number, "acc": number / 10}, both, repeat="random", seed=1)
    energy, acc = table.values(np.arange(300), ["energy", "acc"]).T
    np.testing.assert_array_equal(energy / 10, acc)
    assert set(energy) == {0.0, 1.0, 2.0, 3.0}


def test_a_short_training_is_that_of_the_measurement_that_is_drawn():
    cells, n = np.repeat(np.arange(50), 3), 150
    columns = {"err": np.arange(n) / 2.0, "err_short": np.arange(n) / 2.0 + 20.0}
    quantity = {"err": Quantity(title="error", unit="%", direction="min")}
    made = partial(TableBackend, cells, columns, quantity, rungs={0.1: {"err": "err_short"}})
    asked = np.arange(50)
    drawn = made(repeat="random", seed=3)
    short, full = drawn.at_rung(asked, ["err"], 0.1), drawn.values(asked, ["err"])
    np.testing.assert_array_equal(short, full + 20.0)
    assert not np.array_equal(full, made().values(asked, ["err"]))


def test_own_deviations_of_repeated_measurements_are_combined():
    table = TableBackend(
        [3, 3, 5], {"energy": [1.0, 3.0, 9.0]}, {"energy": ENERGY}, deviations={"energy": [3.0, 4.0, 2.0]}
    )
    np.testing.assert_allclose(table.deviations([3, 5], ["energy"])[:, 0], [np.hypot(3, 4) / 2, 2.0])


def test_without_repetitions_there_is_nothing_to_draw(table):
    assert table.draw([3], ["energy"], 1) is None


def test_wrong_ways_to_take_repetitions_are_refused():
    for options, sentence in (({"repeat": "max"}, "repeat must be one of mean, random"), ({"seed": -1}, "seed")):
        with pytest.raises(SettingError, match=sentence):
            TableBackend(**{**REPEATED, **options})


def test_the_fingerprint_is_that_of_the_content():
    def digest(**changes):
        return TableBackend(**{**REPEATED, **changes}).fingerprint()

    moved = [*REPEATED["columns"]["energy"][:-1], 14.000001]
    assert digest() == digest()
    assert digest() != digest(columns={**REPEATED["columns"], "energy": moved})
    assert digest() != digest(indices=[8, 3, 8, 701, 8, 3])
    only = {"indices": [5, 6], "columns": {"energy": [np.nan, 1.0]}, "quantities": {"energy": ENERGY}}
    lost = {"energy": np.array([True, False])}
    assert digest(**only, failed=lost) != digest(**only, failed={})


def test_the_eo_table(eo_folder):
    table = TableBackend.from_eo(eo_folder)
    cells = table.known(list(EO_QUANTITIES))
    assert len(cells) == 450
    names = list(EO_QUANTITIES)
    means = dict(zip(names, table.values(cells, names).mean(axis=0), strict=True))
    assert means["val_macro"] == pytest.approx(0.41135, abs=5e-6)
    assert means["train_time"] == pytest.approx(9937.2, abs=0.05)
    assert means["latency"] == pytest.approx(13.365, abs=5e-4)
    space = load_space()
    assert (table.values(cells, ["params"])[:, 0] == space.params(cells)).all()
    deviations = table.deviations(cells, ["latency", "val_macro"])
    assert (deviations[:, 0] > 0).all()
    assert (deviations[:, 1] == 0).all()
    assert table.quantities["test_macro_error"].unit == "%"


def test_repeats_that_all_agree_are_exact_in_whatever_numbers():
    values = np.repeat(np.random.default_rng(0).uniform(4.0, 6.0, 12), 3)
    latency = Quantity(title="latency", unit="ms", direction="min")
    table = TableBackend(np.repeat(np.arange(12), 3), {"latency": values}, {"latency": latency})
    assert not table.deviations(table.cells, ["latency"]).any()
    assert not table.ignorance(table.cells, ["latency"]).any()
