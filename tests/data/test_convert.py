"""Published files as CSV and Parquet."""

import json
import shutil
import warnings

import pandas as pd
import pytest

from eomoo.data import convert, load_eo_table
from eomoo.errors import DataError, DataNotFoundError, MissingPackageError, SettingError

NAMES = ["path_logs.json", "test_results_sampled_all_paths.json"]


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


def test_a_known_name_means_the_published_files_where_nothing_here_is_called_so(eo_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EOMOO_DATA", str(eo_folder))
    assert convert("eo-hwnas", "out").rows == 450
    (tmp_path / "eo-hwnas").mkdir()
    with pytest.raises(DataError, match="eo-hwnas is of no kind that can be converted"):
        convert("eo-hwnas", "out")


def test_incomplete_folder_says_what_is_missing(eo_folder, tmp_path):
    shutil.copyfile(eo_folder / NAMES[0], tmp_path / NAMES[0])
    with pytest.raises(DataNotFoundError, match=rf"lacks {NAMES[1]}"):
        convert(tmp_path, tmp_path / "out")


def test_unknown_kinds_and_formats(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes\.txt is of no kind that can be converted; these can: .*EO HW"):
        convert(tmp_path / "notes.txt", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty is of no kind"):
        convert(tmp_path / "empty", tmp_path)
    with pytest.raises(DataNotFoundError, match="there is no file or folder"):
        convert(tmp_path / "missing", tmp_path)
    with pytest.raises(SettingError, match="format must be one of csv, parquet, measured; got 'xls'"):
        convert(tmp_path, tmp_path, fmt="xls")


def test_parquet_without_pyarrow_says_what_to_install(eo_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'eomoo\[parquet\]'"):
        convert(eo_folder, tmp_path / "out", fmt="parquet")
    assert not (tmp_path / "out").exists()
