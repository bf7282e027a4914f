"""The published statistics of the EO HW-NAS table, and what the table is made of."""

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.data import EO_COLUMNS, load_eo_table


@pytest.fixture(scope="module")
def table(eo_folder):
    return load_eo_table(eo_folder)


def front_size(accuracy, cost):
    """Number of rows that no other row beats in one of the two and equals or beats in the other."""
    better_or_equal = (accuracy[:, None] >= accuracy) & (cost[:, None] <= cost)
    better = (accuracy[:, None] > accuracy) | (cost[:, None] < cost)
    return int((~(better_or_equal & better).any(axis=0)).sum())


def mean_autocorrelation(table, column):
    """Mean over the walks of the autocorrelation at a lag of one step."""
    values = [walk[column].to_numpy() for _, walk in table.groupby("walk")]
    centred = [walk - walk.mean() for walk in values]
    return np.mean([(walk[1:] * walk[:-1]).sum() / (walk**2).sum() for walk in centred])


def test_shape_and_columns(table):
    assert list(table.columns) == list(EO_COLUMNS)
    assert len(table) == 450
    assert table["index"].is_unique
    assert table["hash"].is_unique
    assert not table.isna().any().any()
    assert (table["walk"] == np.repeat(np.arange(30), 15)).all()
    assert (table["step"] == np.tile(np.arange(15), 30)).all()
    assert table.attrs["units"]["latency"] == "ms a batch"
    assert table.attrs["units"]["train_time"] == "s"
    assert table.attrs["units"]["checkpoint_size"] == "KiB"


def test_vertices_and_edges(table):
    assert table["n_vertices"].value_counts().to_dict() == {5: 15, 6: 105, 7: 330}
    assert table["n_edges"].value_counts().to_dict() == {6: 3, 7: 41, 8: 226, 9: 180}


@pytest.mark.parametrize(
    ("column", "mean", "low", "high", "tolerance"),
    [
        ("val_macro", 0.41135, 0.31980, 0.46453, 5e-6),
        ("val_micro", 0.58679, 0.54349, 0.61949, 5e-6),
        ("test_macro", 0.44716, 0.32153, 0.52385, 5e-6),
        ("test_micro", 0.58487, 0.53250, 0.62151, 5e-6),
        ("train_micro", 0.80617, None, None, 5e-6),
        ("train_time", 9937.2, 5035.8, 17086.2, 0.05),
        ("latency", 13.365, 7.273, 21.907, 5e-4),
        ("params", 1.0542e7, 502_353, 33_312_017, 500),
    ],
)
def test_mean_and_range(table, column, mean, low, high, tolerance):
    values = table[column]
    assert values.mean() == pytest.approx(mean, abs=tolerance)
    if low is not None:
        tolerance = 0 if column == "params" else tolerance
        assert values.min() == pytest.approx(low, abs=tolerance, rel=0)
        assert values.max() == pytest.approx(high, abs=tolerance, rel=0)


@pytest.mark.parametrize(
    ("accuracy", "cost", "count"),
    [
        ("val_micro", "latency", 9),
        ("val_micro", "params", 6),
        ("val_micro", "train_time", 12),
        ("val_macro", "latency", 11),
        ("val_macro", "params", 9),
        ("val_macro", "train_time", 8),
    ],
)
def test_non_dominated_cells(table, accuracy, cost, count):
    assert front_size(table[accuracy].to_numpy(), table[cost].to_numpy()) == count


@pytest.mark.parametrize(
    ("a", "b", "rho"),
    [("latency", "params", 0.832), ("val_micro", "test_micro", 0.799), ("val_macro", "test_macro", 0.944)],
)
def test_rank_correlations(table, a, b, rho):
    assert spearmanr(table[a], table[b]).statistic == pytest.approx(rho, abs=5e-4)


@pytest.mark.parametrize(("column", "mean"), [("val_macro", 0.131), ("val_micro", 0.060), ("latency", 0.484)])
def test_autocorrelation_along_the_walks(table, column, mean):
    assert mean_autocorrelation(table, column) == pytest.approx(mean, abs=5e-4)


def test_every_step_changes_one_edge_and_no_operation(table, space):
    def encoding(index):
        """Edges of a cell between the numbered slots of its operations (at most 5 of each kind)."""
        cell = space.cell(index)
        count = itertools.count
        numbers = {name: count() for name in set(cell.ops)}
        slots = [(name, next(numbers[name])) for name in cell.ops]
        return {(slots[x], slots[y]) for x, y in np.argwhere(cell.matrix)}, sorted(cell.ops)

    for _, walk in table.groupby("walk"):
        cells = [encoding(int(index)) for index in walk["index"]]
        for (edges, ops), (next_edges, next_ops) in itertools.pairwise(cells):
            assert len(edges ^ next_edges) == 1
            assert ops == next_ops


def test_ids_hashes_and_sizes_are_those_of_the_space(table, space):
    index = table["index"].to_numpy()
    assert (space.find(table["hash"].tolist()) == index).all()
    assert (space.n_vertices[index] == table["n_vertices"]).all()
    assert (space.n_edges[index] == table["n_edges"]).all()


def test_published_macs_are_the_parameters(table):
    difference = (table["published_macs_field_params"] - table["params"]).abs()
    thousands = table[table["params"] < 1_000_000]
    assert sorted(thousands["published_macs_field_params"]) == [502_353, 777_105, 777_624]
    assert (difference[thousands.index] == 0).all()
    assert difference.max() <= 500


def test_network_files_hold_the_parameters_as_four_bytes_each(table):
    rest = table["checkpoint_size"] * 1024 - 4 * table["params"]
    assert (rest > 0).all()
    assert (rest < 500_000).all()


def test_any_folder_above_will_do(eo_folder, table, monkeypatch):
    assert load_eo_table(eo_folder.parent).equals(table)
    monkeypatch.setenv("EOMOO_DATA", str(eo_folder.parent.parent))
    assert load_eo_table().equals(table)
