"""Published tables in the measured form: nothing is lost, nothing is said that their authors do not say."""

import numpy as np
import pandas as pd
import pytest
from nasbench_files import CELLS, runs, some_records, write_file

from eomoo.data import convert, load_eo_table
from eomoo.data.measured_table import read_measured
from eomoo.data.nasbench_convert import convert_nasbench101
from eomoo.data.published_tables import open_table
from eomoo.errors import DataError, SettingError


@pytest.fixture(scope="module")
def eo(eo_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("eo")
    done = convert("eo-hwnas", folder, fmt="measured")
    assert (done.rows, done.table, done.description) == (450, folder / "table.csv", folder / "benchmark.toml")
    return folder


def test_the_eo_table_comes_back_from_its_measured_form(eo, eo_folder):
    table, published = read_measured(eo), load_eo_table(eo_folder)
    rows = table.to_dataframe()
    shared = [name for name in published if name in rows]
    assert set(published) - set(shared) == {"published_macs_field_params", "n_vertices", "n_edges"}
    pd.testing.assert_frame_equal(rows[shared], published[shared], check_dtype=False, check_exact=True)
    assert [len(walk) for walk in table.walks] == [15] * 30
    assert table.skeleton.in_channels == 10
    assert table.quantities["latency"].unit == "ms/batch"
    assert {"batch_size", "seeds"}.isdisjoint({**table.facts["latency"], **table.facts["training"]})


def test_training_accuracies_of_the_eo_table_are_of_the_epoch_before_the_last(eo):
    curves = read_measured(eo).curves()
    assert len(curves) == 900
    before, last = (curves[curves["epoch"] == epoch] for epoch in (107, 108))
    assert before[["train_micro", "train_macro"]].notna().all(axis=None)
    assert before["val_micro"].isna().all()
    assert last["train_micro"].isna().all()
    assert last[["val_micro", "test_macro", "seconds"]].notna().all(axis=None)


def test_pandas_alone_reads_the_table(eo):
    rows = pd.read_csv(eo / "table.csv")
    assert len(rows) == 450
    assert rows["val_macro"].mean() == pytest.approx(0.41135, abs=1e-5)


@pytest.fixture(scope="module")
def records():
    return some_records(epochs=(4, 108))


@pytest.fixture(scope="module")
def nb101(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nb101")
    convert_nasbench101(write_file(folder / "s.tfrecord", records), folder / "nasbench_full.npy", complete=False)
    pd.DataFrame({"index": CELLS[:4]}).to_csv(folder / "cells.csv", index=False)
    return folder


def test_three_runs_of_named_cells_of_nas_bench_101(nb101, records, tmp_path):
    done = convert(nb101 / "nasbench_full.npy", tmp_path, fmt="measured", cells=nb101 / "cells.csv")
    table = read_measured(tmp_path)
    assert done.rows == len(table.to_dataframe()) == 12
    for index in CELLS[:4]:
        rows = table.to_dataframe().query(f"index == {index}")
        long, short = runs(records, index), runs(records, index, 4)
        assert rows["repeat"].tolist() == [0, 1, 2]
        # Time, then training, validation and test accuracy, at the end.
        for k, name in enumerate(("train_time", "train_micro", "val_micro", "test_micro"), 1):
            np.testing.assert_allclose(rows[name], long[:, 2, k])
            np.testing.assert_allclose(rows[f"{name}_4"], short[:, 2, k])
        half = table.curves().query(f"index == {index} and epoch == 54")
        np.testing.assert_allclose(half["val_micro"], long[:, 1, 3])
        np.testing.assert_allclose(half["seconds"], long[:, 1, 1])
    assert table.skeleton.in_channels == 3
    assert table.quantities["train_time_4"].unit == "s"


def test_all_cells_of_nas_bench_101_are_too_many_and_unknown_ones_none(nb101, tmp_path):
    with pytest.raises(DataError, match="name those that are wanted by a table"):
        convert(nb101 / "nasbench_full.npy", tmp_path / "out", fmt="measured")
    pd.DataFrame({"index": [5]}).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(DataError, match="has no results of these cells"):
        open_table(nb101 / "nasbench_full.npy", cells=[5])
    with pytest.raises(SettingError, match="add --format measured"):
        convert(nb101 / "nasbench_full.npy", tmp_path / "out", cells=tmp_path / "other.csv")
    assert not (tmp_path / "out").exists()


def test_anybodys_table_becomes_a_measured_one(tmp_path):
    (tmp_path / "mine.csv").write_text("index,energy,val_acc\n3,1.5,.5\n3,1.6,.6\n7,OOM,.7\n")
    convert(tmp_path / "mine.csv", tmp_path / "out", fmt="measured")
    table = read_measured(tmp_path / "out")
    rows = table.to_dataframe()
    assert rows["repeat"].tolist() == [0, 1, 0]
    assert rows["status"].tolist() == ["done", "done", "failed"]
    assert list(table.quantities) == ["energy", "val_acc"]
    assert table.skeleton is None
