"""Accuracies and errors of anybody's table: what none can be, and two scales in one column."""

import warnings

import numpy as np
import pandas as pd
import pytest

from eomoo.data.user_table import read_user_table
from eomoo.errors import DataError
from eomoo.fronts import Quantity
from eomoo.objectives.measured_rows import rows_of
from eomoo.objectives.table import TableBackend

ABOVE_1, BELOW_1 = [71.5, 80.0, 92.0, 85.0, 60.0], [0.715, 0.8, 0.92, 0.85, 0.6]


def written(tmp_path, name, values):
    path = tmp_path / "mine.csv"
    pd.DataFrame({"index": [5, 77, 100_434, 423_000, 9], name: values}).to_csv(path, index=False)
    return path


def with_third(values, value):
    return [*values[:2], value, *values[3:]]


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("accuracy", with_third(ABOVE_1, 101.3), "accuracy is 101.3; an accuracy is between 0 and 100 %: correct it"),
        ("val_f1", with_third(BELOW_1, -0.5), "val_f1 is -0.5; an accuracy is between 0 and 100 %"),
        ("Top-1 acc", with_third(ABOVE_1, -0.5), "Top-1 acc is -0.5; an accuracy is between 0 and 100 %"),
        ("val_error", with_third(ABOVE_1, -2.0), "val_error is -2; an error is at least 0"),
        ("error_percent", with_third(ABOVE_1, 130.0), "error_percent is 130; an error is between 0 and 100 %"),
        ("acc_fraction", with_third(BELOW_1, 1.02), "acc_fraction is 1.02; .* between 0 and 1, as a fraction"),
        ("test_micro", with_third(BELOW_1, 92.0), "test_micro is 92, while 4 of 5 values are at most 1; write either"),
    ],
)
def test_what_no_share_can_be_is_refused_where_it_is(tmp_path, name, values, told):
    with pytest.raises(DataError, match=rf"mine\.csv, row 3: {told}"):
        read_user_table(written(tmp_path, name, values), [name])


@pytest.mark.parametrize("values", [with_third(ABOVE_1, 0.92), [0.2, 0.3, 30.0, 0.1, 0.2]])
def test_what_may_be_on_another_scale_is_warned_of(tmp_path, values):
    with pytest.warns(UserWarning, match=r"mine\.csv, row 3: val_error is .*, while 4 of 5 values are .*; if it mixes"):
        read_user_table(written(tmp_path, "val_error", values), ["val_error"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("accuracy", BELOW_1),
        ("accuracy", with_third(ABOVE_1, 0.0)),
        ("accuracy", [0.8, 1.0, 1.2, 7.0, 60.0]),
        ("accuracy", with_third(BELOW_1, 1.000001)),
        ("val_error", [0.8, 0.9, 1.2, 0.95, 1.0]),
        ("error", with_third(ABOVE_1, 250.0)),
        ("kappa", with_third(BELOW_1, -0.1)),
        ("f1", [-0.3, 0.2, 1.4, 120.0, 0.9]),
        ("accuracy_change", with_third(ABOVE_1, -120.0)),
        ("acceleration", with_third(BELOW_1, 300.0)),
        ("val_loss", with_third(BELOW_1, 300.0)),
    ],
)
def test_healthy_columns_are_read_without_a_word(tmp_path, name, values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read_user_table(written(tmp_path, name, values), [name]).columns[name], values)


def test_a_unit_and_a_title_tell_what_a_column_is(tmp_path):
    with pytest.raises(DataError, match=r"row 1: acc is 71\.5; an accuracy is between 0 and 1, as a fraction"):
        rows_of(written(tmp_path, "acc [fraction]", ABOVE_1))
    accuracy = Quantity(title="validation accuracy", unit="fraction", direction="max")
    with pytest.raises(DataError, match=r"mine\.csv, row 1: mine is 71\.5; an accuracy is between 0 and 1"):
        TableBackend.from_file(written(tmp_path, "mine", ABOVE_1), {"mine": accuracy})
    with pytest.warns(UserWarning, match=r"mine\.csv: acc is at most 0\.92 %; if these are fractions, say that"):
        rows_of(written(tmp_path, "acc [%]", BELOW_1))
    # An error in metres is none of those.
    assert rows_of(written(tmp_path, "error [m]", with_third(ABOVE_1, 250.0))).values["error"][2] == 250.0
