"""The published landscape analysis from the EO table: every number of it."""

from itertools import pairwise

import numpy as np
import pytest

from eomoo.data import load_eo_table
from eomoo.errors import DataError
from eomoo.esann2024.published_landscape import along_walks, analyse_published


@pytest.fixture(scope="module")
def published(eo_folder):
    return analyse_published(load_eo_table(eo_folder))


def test_distributions_are_the_published_ones(published):
    found = published.numbers["distributions"]
    expected = {
        "val_macro": (0.41135, 0.31980, 0.46453),
        "val_micro": (0.58679, 0.54349, 0.61949),
        "test_macro": (0.44716, 0.32153, 0.52385),
        "test_micro": (0.58487, 0.53250, 0.62151),
        "train_time": (9937.2, 5035.8, 17086.2),
        "latency": (13.365, 7.273, 21.907),
        "params": (1.0542e7, 502_353, 33_312_017),
    }
    for name, numbers in expected.items():
        assert [found[name][key] for key in ("mean", "min", "max")] == pytest.approx(numbers, rel=5e-5)
    assert found["train_micro"]["mean"] == pytest.approx(0.80617, abs=5e-6)
    assert published.numbers["by_vertices"] == {"5": 15, "6": 105, "7": 330}
    assert published.numbers["by_edges"] == {"6": 3, "7": 41, "8": 226, "9": 180}


def test_fronts_have_the_published_sizes(published):
    assert published.numbers["non_dominated"] == {
        "val_micro, latency": 9,
        "val_micro, params": 6,
        "val_micro, train_time": 12,
        "val_macro, latency": 11,
        "val_macro, params": 9,
        "val_macro, train_time": 8,
    }


def test_correlations_are_the_published_ones(published):
    found = published.numbers["correlation"]
    assert found["latency, params"]["spearman"] == pytest.approx(0.832, abs=5e-4)
    assert found["val_micro, test_micro"]["spearman"] == pytest.approx(0.799, abs=5e-4)
    assert found["val_macro, test_macro"]["spearman"] == pytest.approx(0.944, abs=5e-4)


def test_macs_are_exact_and_not_the_published_field(published, space):
    table = published.table
    np.testing.assert_array_equal(table["macs"], space.macs(table["index"].to_numpy()))
    assert (table["macs"] > 10 * table["published_macs_field_params"]).all()


def test_ruggedness_right_and_as_published(published):
    found = published.numbers["ruggedness"]
    for name, right in (("val_macro", 0.131), ("val_micro", 0.060), ("latency", 0.484)):
        assert found[name]["autocorrelation"] == pytest.approx(right, abs=5e-4)
        assert found[name]["ruggedness"] == pytest.approx(1 / found[name]["autocorrelation"])
    values = along_walks(published.table, "val_macro")
    assert values.shape == (30, 15)
    doubled = []
    for walk in values.tolist():
        walk = [walk[0], *walk]
        mean = sum(walk) / 16
        top = sum((a - mean) * (b - mean) for a, b in pairwise(walk))
        doubled.append(top / sum((a - mean) ** 2 for a in walk))
    assert found["val_macro"]["autocorrelation_as_published"] == pytest.approx(sum(doubled) / 30)
    # Counting the first cell twice makes every landscape look smoother than it is.
    for name in found:
        assert found[name]["autocorrelation_as_published"] > found[name]["autocorrelation"] + 0.03


def test_walks_of_different_lengths_are_refused(published):
    with pytest.raises(DataError, match="different lengths, 14 to 15 cells"):
        along_walks(published.table.iloc[1:], "latency")


def test_the_table_given_is_not_changed(eo_folder):
    table = load_eo_table(eo_folder)
    columns = list(table.columns)
    analyse_published(table.sample(frac=1.0, random_state=0))
    assert list(table.columns) == columns
