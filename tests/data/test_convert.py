"""Published files as CSV and Parquet."""

import json
import pickle
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest

from eomoo.data import convert, load_eo_table, read_pickle
from eomoo.data.convert import KINDS, kind_of
from eomoo.data.user_table import read_user_table
from eomoo.errors import DataError, DataNotFoundError, MissingPackageError, SettingError

NAMES = [
    "path_logs.json",
    "test_results_sampled_all_paths.json",
    "database_pickle_micro.pickle",
    "database_pickle_macro.pickle",
    "database_pickle_latency.pickle",
    "database_pickle_MACs.pickle",
]


@pytest.fixture(scope="module")
def table(eo_folder):
    return load_eo_table(eo_folder)


def read(path):
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    with warnings.catch_warnings():
        # Read as written under every pandas: from 3.1 on that is the default, and asking for it warns.
        warnings.simplefilter("ignore")
        return pd.read_csv(path, float_precision="round_trip")


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_whole_table_comes_back_as_it_was(eo_folder, table, tmp_path, fmt):
    if fmt == "parquet":
        pytest.importorskip("pyarrow")
    done = convert(eo_folder, tmp_path / "new" / "out", fmt=fmt)
    assert done.kind == "eo-table"
    assert done.rows == 450
    assert done.table == tmp_path / "new" / "out" / f"eo-hwnas.{fmt}"
    assert {path.name for path in done.table.parent.iterdir()} == {f"eo-hwnas.{fmt}", "eo-hwnas.columns.json"}
    pd.testing.assert_frame_equal(read(done.table), table, check_exact=True)


def test_description_names_every_column(eo_folder, table, tmp_path):
    done = convert(eo_folder, tmp_path)
    description = json.loads(done.description.read_text())
    assert list(description["columns"]) == list(table.columns)
    assert description["columns"]["latency"]["unit"] == "ms a batch"
    assert description["columns"]["params"]["unit"] is None
    assert description["rows"] == 450
    assert "Demir" in description["citation"]
    assert "MIT" in description["licence"]


@pytest.mark.parametrize(
    ("name", "kind", "columns"),
    [
        ("path_logs.json", "eo-walks", ["walk", "step"]),
        (
            "test_results_sampled_all_paths.json",
            "eo-tests",
            ["test_micro", "test_macro", "latency", "latency_std", "checkpoint_size"],
        ),
        ("database_pickle_micro.pickle", "eo-database", ["train_micro", "val_micro", "test_micro"]),
        ("database_pickle_macro.pickle", "eo-database", ["train_macro", "val_macro", "test_macro"]),
        ("database_pickle_latency.pickle", "eo-database", ["latency"]),
        ("database_pickle_MACs.pickle", "eo-database", ["published_macs_field_params"]),
    ],
)
def test_single_files_under_honest_names(eo_folder, table, tmp_path, name, kind, columns):
    done = convert(eo_folder / name, tmp_path)
    assert (done.kind, done.rows) == (kind, 450)
    frame = read(done.table).set_index("hash").loc[table["hash"]]
    common = [column for column in frame.columns if column in table.columns]
    assert set(columns) <= set(common)
    for column in common:
        assert frame[column].tolist() == table[column].tolist()
    assert not any("accuracy" in column for column in frame.columns)


@pytest.mark.parametrize("name", NAMES)
def test_single_files_can_be_read_as_a_users_table(eo_folder, table, tmp_path, name):
    indices = read_user_table(convert(eo_folder / name, tmp_path).table, []).indices
    assert sorted(indices) == sorted(table["index"])


def test_renamed_accuracies_are_neither_micro_nor_macro(eo_folder, tmp_path):
    shutil.copyfile(eo_folder / "database_pickle_micro.pickle", tmp_path / "db.pickle")
    frame = read(convert(tmp_path / "db.pickle", tmp_path).table)
    assert {"train_accuracy", "val_accuracy", "test_accuracy"} <= set(frame.columns)


def test_source_is_never_overwritten(eo_folder, tmp_path):
    content = (eo_folder / "path_logs.json").read_bytes()
    (tmp_path / "path_logs.json").write_bytes(content)
    convert(tmp_path / "path_logs.json", tmp_path)
    assert (tmp_path / "path_logs.json").read_bytes() == content


def test_values_that_are_nothing_known_are_refused(eo_folder, tmp_path):
    database = read_pickle(eo_folder / "database_pickle_micro.pickle")
    next(iter(database.values()))[1][108][0]["final_train_accuracy"] = 1.5
    (tmp_path / "db.pickle").write_bytes(pickle.dumps(database))
    with pytest.raises(DataError, match="neither accuracies nor one measurement"):
        convert(tmp_path / "db.pickle", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", NAMES)
def test_damaged_file_writes_nothing(eo_folder, tmp_path, name):
    (tmp_path / name).write_bytes((eo_folder / name).read_bytes()[:-100])
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        convert(tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_incomplete_folder_says_what_is_missing(eo_folder, tmp_path):
    shutil.copyfile(eo_folder / NAMES[0], tmp_path / NAMES[0])
    with pytest.raises(DataNotFoundError, match=rf"lacks {NAMES[1]}"):
        convert(tmp_path, tmp_path / "out")


def test_unknown_kinds_and_formats(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes\.txt is of no kind that can be converted; these can: .*pickle"):
        kind_of(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty is of no kind"):
        convert(tmp_path / "empty", tmp_path)
    with pytest.raises(DataNotFoundError, match="there is no file or folder"):
        convert(tmp_path / "missing", tmp_path)
    with pytest.raises(SettingError, match="format must be one of csv, parquet, measured; got 'xls'"):
        convert(tmp_path, tmp_path, fmt="xls")


def test_other_json_and_pickles_are_refused(tmp_path):
    for name, content in {
        "a.json": b"[]",
        "b.json": b"{}",
        "c.json": b'[{"a": 1}]',
        "d.pickle": pickle.dumps({}),
        "e.pickle": pickle.dumps(np.float64(1)),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            convert(tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parquet_without_pyarrow_says_what_to_install(eo_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'eomoo\[parquet\]'"):
        convert(eo_folder, tmp_path / "out", fmt="parquet")
    assert not (tmp_path / "out").exists()


def test_every_kind_has_a_title_and_belongs_to_a_data_set():
    for kind in KINDS.values():
        assert kind.title
        assert kind.columns
