"""The table backend: gathers, what is unknown, deviations, errors of accuracies."""

import numpy as np
import pytest

from eomoo import load_space
from eomoo.errors import SettingError, UnknownNameError
from eomoo.objectives.base import Backend, Quantity
from eomoo.objectives.table import EO_QUANTITIES, TableBackend

ENERGY = Quantity(title="energy", unit="J", direction="min")
ACCURACY = Quantity(title="validation accuracy", unit="fraction", direction="max")


@pytest.fixture
def table():
    return TableBackend(
        [700, 3, 423_623],
        {"energy": [7.0, 0.5, 9.0], "acc": [0.75, 0.5, 1.0]},
        {"energy": ENERGY, "acc": ACCURACY},
        deviations={"acc": [0.01, 0.02, 0.0]},
    )


def test_it_is_a_backend(table):
    assert isinstance(table, Backend)
    assert not table.total
    assert table.known.tolist() == [3, 700, 423_623]


def test_values_follow_the_order_asked_for_and_are_nan_where_unknown(table):
    got = table.values(np.array([423_623, 4, 3, 700, 3]), ["acc", "energy"])
    nan = np.nan
    np.testing.assert_array_equal(got, [[1.0, 9.0], [nan, nan], [0.5, 0.5], [0.75, 7.0], [0.5, 0.5]])


def test_an_accuracy_has_an_error_in_per_cent_and_its_deviation(table):
    assert table.quantities["acc_error"] == Quantity(title="validation error", unit="%", direction="min")
    assert table.values(np.array([700, 5]), ["acc_error"])[0, 0] == 25.0
    np.testing.assert_allclose(
        table.deviations(np.array([3, 5]), ["energy", "acc", "acc_error"]),
        [[0.0, 0.02, 2.0], [np.nan] * 3],
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


def test_a_table_of_every_cell_is_total():
    n = len(load_space())
    order = np.random.default_rng(1).permutation(n)
    table = TableBackend(order, {"energy": order * 2.0}, {"energy": ENERGY})
    assert table.total
    asked = np.array([0, n - 1, 77])
    assert table.values(asked, ["energy"])[:, 0].tolist() == (asked * 2.0).tolist()


@pytest.mark.parametrize(
    ("indices", "columns", "match"),
    [
        ([1, 1], {"energy": [1.0, 2.0]}, "cell 1 is in the table twice"),
        ([1, 2], {"energy": [1.0]}, r"shape \(1,\); there are 2 cells"),
        ([8, 2], {"energy": [1.0, np.nan]}, "not finite, for cell 2"),
        ([], {"energy": []}, "at least one cell"),
        ([1], {"power": [1.0]}, "'energy' has no column; there are power"),
        ([-1], {"energy": [1.0]}, "no cell has the index -1"),
    ],
)
def test_what_is_no_table_is_refused(indices, columns, match):
    with pytest.raises(SettingError, match=match):
        TableBackend(indices, columns, {"energy": ENERGY})


def test_unknown_names_and_indices_are_named(table):
    with pytest.raises(UnknownNameError, match="no quantity 'power'; it offers energy, acc, acc_error"):
        table.values(np.array([3]), ["power"])
    with pytest.raises(SettingError, match="423624"):
        table.values(np.array([423_624]), ["energy"])


def test_the_eo_table(eo_folder):
    table = TableBackend.from_eo(eo_folder)
    assert len(table.known) == 450
    names = list(EO_QUANTITIES)
    means = dict(zip(names, table.values(table.known, names).mean(axis=0), strict=True))
    assert means["val_macro"] == pytest.approx(0.41135, abs=5e-6)
    assert means["train_time"] == pytest.approx(9937.2, abs=0.05)
    assert means["latency"] == pytest.approx(13.365, abs=5e-4)
    space = load_space()
    assert (table.values(table.known, ["params"])[:, 0] == space.params(table.known)).all()
    deviations = table.deviations(table.known, ["latency", "val_macro"])
    assert (deviations[:, 0] > 0).all()
    assert (deviations[:, 1] == 0).all()
    assert table.quantities["test_macro_error"].unit == "%"
