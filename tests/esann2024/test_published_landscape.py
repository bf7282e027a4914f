"""The published landscape analysis of the EO table, through the code that analyses any measured table."""

from itertools import pairwise

import numpy as np
import pytest

from eomoo.data.published_tables import eo_measured
from eomoo.esann2024 import ruggedness_as_published
from eomoo.landscape import analyse_sample


@pytest.fixture(scope="module")
def analysis(eo_folder):
    return analyse_sample(eo_measured(eo_folder))


@pytest.fixture(scope="module")
def quantities(analysis):
    return {q["name"]: q for q in analysis.numbers["quantities"]}


def test_distributions_are_the_published_ones(analysis, quantities):
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
        assert [quantities[name]["values"][key] for key in ("mean", "min", "max")] == pytest.approx(numbers, rel=5e-5)
    assert quantities["train_micro"]["values"]["mean"] == pytest.approx(0.80617, abs=5e-6)
    assert analysis.numbers["by_vertices"] == {"5": 15, "6": 105, "7": 330}
    assert analysis.numbers["by_edges"] == {"6": 3, "7": 41, "8": 226, "9": 180}


def test_fronts_have_the_published_sizes(analysis):
    found = {(row["a"], row["b"]): row["cells"] for row in analysis.numbers["non_dominated"]}
    expected = {"val_micro": (9, 6, 12), "val_macro": (11, 9, 8)}
    for name, counts in expected.items():
        assert tuple(found[name, cost] for cost in ("latency", "params", "train_time")) == counts


def test_correlations_are_the_published_ones(analysis):
    found = {(row["a"], row["b"]): row for row in analysis.numbers["rank_correlations"]}
    expected = {("latency", "params"): 0.832, ("val_micro", "test_micro"): 0.799, ("val_macro", "test_macro"): 0.944}
    for pair, rank in expected.items():
        assert found[pair]["spearman"] == pytest.approx(rank, abs=5e-4)
        assert found[pair]["band"][0] < rank < found[pair]["band"][1]


def test_macs_are_exact_and_not_the_published_field(analysis, space):
    table = analysis.sample.table.to_dataframe()
    np.testing.assert_array_equal(table["macs"], space.macs(table["index"].to_numpy()))
    assert "published_macs_field_params" not in table


def test_ruggedness_is_as_it_was_before_it_went_through_the_code_for_any_table(quantities):
    # Of the version that analysed this table alone: mean of walks, its deviation, all walks together, length.
    before = {
        "val_macro": (0.131250237602, 0.329661084745, 0.903241501379, 9.82653049487),
        "val_micro": (0.0601661558059, 0.280141120843, 0.584841082925, 1.8642278329),
        "test_macro": (0.209707176656, 0.242444254567, 0.912151323591, 10.8755494079),
        "test_micro": (0.0122741424338, 0.226946118158, 0.511291524938, 1.49072318664),
        "latency": (0.484404234036, 0.218261181144, 0.731956335551, 3.2047746765),
    }
    for name, (mean, std, pooled, length) in before.items():
        found = quantities[name]
        assert found["ruggedness"]["mean"] == pytest.approx(mean, rel=1e-9)
        assert found["ruggedness"]["std"] == pytest.approx(std, rel=1e-9)
        assert found["autocorrelation"]["lag_1"] == pytest.approx(pooled, rel=1e-9)
        assert found["autocorrelation"]["correlation_length"] == pytest.approx(length, rel=1e-9)


def test_an_inverse_has_no_sign_where_the_mean_may_be_zero(quantities):
    micro, macro = quantities["test_micro"]["ruggedness"], quantities["test_macro"]["ruggedness"]
    assert micro["band"][0] < 0 < micro["band"][1]
    assert micro["ruggedness_band"] is None
    low, high = macro["ruggedness_band"]
    assert low < macro["ruggedness"] < high
    # A standard error of 0.041, as is known of the published table.
    assert (micro["band"][1] - micro["band"][0]) / 2 == pytest.approx(0.041 * 2.045, rel=0.02)


def test_ruggedness_right_and_as_published(analysis):
    found = ruggedness_as_published(analysis)
    for name, right in (("val_macro", 0.131), ("val_micro", 0.060), ("latency", 0.484)):
        assert found[name]["autocorrelation"] == pytest.approx(right, abs=5e-4)
        assert found[name]["ruggedness"] == pytest.approx(1 / found[name]["autocorrelation"])
    values = analysis.sample.along_walks("val_macro")
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
