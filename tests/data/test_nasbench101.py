"""NAS-Bench-101's table: converted from a small true-format file, queried, refused where it is wrong."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from nasbench_files import CELLS, encode_record, record, runs, some_records, write_file
from typer.testing import CliRunner

from eomoo import CIFAR10, load_space
from eomoo.data import nasbench_convert, tfrecord
from eomoo.data.nasbench101 import NASBench101Table, find_nasbench101
from eomoo.data.nasbench_convert import METRICS, NB101_COLUMNS, STAGES, column_name, convert_nasbench101
from eomoo.errors import CellError, DataError, DataNotFoundError, EomooError, SettingError, UnknownNameError


@pytest.fixture(scope="module")
def records():
    return some_records(epochs=(4, 108))


@pytest.fixture(scope="module")
def path(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nb101")
    source = write_file(folder / "small.tfrecord", records)
    convert_nasbench101(source, folder / "small.npy", complete=False)
    return folder / "small.npy"


@pytest.fixture
def table(path):
    return NASBench101Table(path)


def test_a_file_is_read_back_exactly(records, table):
    assert table.epochs == (4, 108)
    for epochs in table.epochs:
        for index in CELLS:
            expected = runs(records, index, epochs)
            for s, stage in enumerate(STAGES, 1):
                for m, metric in enumerate(METRICS, 1):
                    column = table.columns[column_name(metric, epochs, stage)]
                    assert column.dtype == np.float32
                    np.testing.assert_array_equal(column[index], expected[:, s, m])


def test_cells_without_runs_are_nan(table):
    assert np.isnan(table.query(1)).all()
    known = np.isfinite(table.columns["training_time_108_final"]).all(axis=1)
    assert np.flatnonzero(known).tolist() == sorted(CELLS)


@pytest.mark.parametrize("jobs", [1, 3])
def test_blocks_and_threads_change_nothing(records, path, tmp_path, monkeypatch, jobs):
    monkeypatch.setattr(tfrecord, "_BLOCK_BYTES", 700)
    source, seen = write_file(tmp_path / "s.tfrecord", records, lines=False), []
    convert_nasbench101(source, tmp_path / "s.npy", complete=False, jobs=jobs, progress=lambda *at: seen.append(at))
    assert (tmp_path / "s.npy").read_bytes() == path.read_bytes()
    assert len(seen) > 10
    assert [here for here, _ in seen] == sorted({here for here, _ in seen})
    assert seen[-1] == (source.stat().st_size, source.stat().st_size)


# The value comes in a late block, or beside others.
@pytest.mark.parametrize("size", [900, 1_000_000])
def test_a_column_that_float32_cannot_hold_becomes_float64(tmp_path, monkeypatch, size):
    monkeypatch.setattr(tfrecord, "_BLOCK_BYTES", size)
    records = some_records()
    last = records[-1]
    at, _, *accuracies = last.evaluations[2]
    records[-1] = replace(last, evaluations=(*last.evaluations[:2], (at, 0.1, *accuracies)))
    convert_nasbench101(write_file(tmp_path / "s.tfrecord", records), tmp_path / "s.npy", complete=False)
    table = NASBench101Table(tmp_path / "s.npy")
    kinds = {name: column.dtype for name, column in table.columns.items()}
    assert kinds.pop("training_time_108_final") == np.float64
    assert set(kinds.values()) == {np.dtype(np.float32)}
    for index in CELLS:
        np.testing.assert_array_equal(table.query(index, metric="training_time"), runs(records, index)[:, 2, 1])


# -- what is refused -------------------------------------------------------------------------------


def refused(tmp_path, records, match, **options):
    source, target = write_file(tmp_path / "s.tfrecord", records), tmp_path / "out" / "s.npy"
    with pytest.raises(DataError, match=match) as caught:
        convert_nasbench101(source, target, **options)
    assert "\n" not in str(caught.value)
    assert not target.parent.exists() or not list(target.parent.iterdir())


def changed(k, position, field, value):
    evaluation = list(record(k).evaluations[position])
    evaluation[field] = value
    evaluations = list(record(k).evaluations)
    evaluations[position] = tuple(evaluation)
    return {"evaluations": tuple(evaluations)}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"params": 5}, r"its trainable parameters 5 are not those of its cell, [\d,]+"),
        ({"hash": "0" * 32}, "its hash 0{32} is not that of its adjacency and operations, [0-9a-f]{32}"),
        ({"ops": "input,output", "adjacency": "0100"}, "its hash .* is not that of"),
        ({"adjacency": "0" * 49}, "no cell of the space|no path leads"),
        ({"epochs": 5}, "it is of 5 epochs, not of 4, 12, 36, 108"),
        ({"epochs": 36}, "its evaluations are at the epochs 0, 54, 108 of 36"),
        (changed(9, 2, 0, 20.0), "its evaluations are at the epochs 0, 54, 20 of 108"),
        (changed(9, 1, 2, 1.5), "an accuracy of 1.5 is out of the range 0 to 1"),
        (changed(9, 2, 4, -0.25), "an accuracy of -0.25 is out of the range"),
        (changed(9, 0, 3, np.nan), "an accuracy of nan is out of the range"),
        (changed(9, 2, 1, np.inf), "a time of inf s is out of range"),
        (changed(9, 1, 1, -3.0), "a time of -3.0 s is out of range"),
        ({"total_time": np.nan}, "a time of nan s is out of range"),
    ],
)
def test_a_record_that_contradicts_the_space_is_named(tmp_path, changes, match):
    wrong = replace(record(9), **changes)
    refused(tmp_path, [record(4), record(9), wrong], rf"s\.tfrecord, record 3: (its adjacency.*)?({match})")


def test_a_record_of_another_kind_is_named(tmp_path):
    refused(tmp_path, [record(4), b"hello"], "record 2: it is not a JSON array", complete=False)


def test_a_run_too_many_is_named(tmp_path):
    records = [*some_records(), record(7)]
    match = rf"record {len(records)}: the cell {load_space().hash(7)} has more than 3 runs of 108 epochs"
    refused(tmp_path, records, match)


def test_missing_cells_and_runs_are_named(tmp_path):
    refused(tmp_path, some_records(), r"incomplete: 423,618 cells lack runs of 108 epochs; the first is .* 0 of 3")


def test_damage_is_named_and_leaves_nothing(tmp_path):
    source = write_file(tmp_path / "s.tfrecord", some_records())
    whole = source.read_bytes()
    source.write_bytes(whole[:-30])
    with pytest.raises(DataError, match="record 18: the file is cut off within it"):
        convert_nasbench101(source, tmp_path / "s.npy", complete=False)
    source.write_bytes(whole[:1000] + bytes((whole[1000] ^ 4,)) + whole[1001:])
    with pytest.raises(DataError, match="record 3: its checksum is wrong"):
        convert_nasbench101(source, tmp_path / "s.npy", complete=False)
    with pytest.raises(DataNotFoundError, match="there is no file"):
        convert_nasbench101(tmp_path / "none.tfrecord", tmp_path / "s.npy")
    with pytest.raises(DataError, match=r"end in \.npy"):
        convert_nasbench101(source, tmp_path / "s.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.tfrecord"]


def test_a_disk_that_fills_keeps_the_old_file(tmp_path, monkeypatch):
    source = write_file(tmp_path / "s.tfrecord", some_records())
    target = tmp_path / "s.npy"
    target.write_bytes(b"old")

    def full(self, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "no space", str(path))

    monkeypatch.setattr(nasbench_convert._Columns, "write", full)
    with pytest.raises(DataError, match="the disk is full"):
        convert_nasbench101(source, target, complete=False)
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_killed_conversion_leaves_nothing_and_can_be_run_again(tmp_path):
    source = write_file(tmp_path / "s.tfrecord", some_records())
    script = (
        "import sys, time\n"
        "from eomoo.data.nasbench_convert import convert_nasbench101\n"
        "def wait(*_):\n    print('here', flush=True)\n    time.sleep(60)\n"
        "convert_nasbench101(sys.argv[1], sys.argv[2], complete=False, progress=wait)\n"
    )
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(source), str(out / "s.npy")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "here\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert not out.exists()
    convert_nasbench101(source, out / "s.npy", complete=False)
    assert [p.name for p in out.iterdir()] == ["s.npy"]


# -- queries ---------------------------------------------------------------------------------------


def test_all_runs_their_mean_and_one(records, table):
    cells = np.array(CELLS[::-1])
    expected = np.array([runs(records, i)[:, 2, 3] for i in cells])
    np.testing.assert_array_equal(table.query(cells), expected)
    np.testing.assert_allclose(table.query(cells, repeat="mean"), expected.mean(axis=1), rtol=1e-15)
    np.testing.assert_array_equal(table.query(cells, repeat=1), expected[:, 1])


def test_halfway_other_epochs_and_several_metrics(records, table):
    half = table.query(CELLS, epochs=4, halfway=True, metric=["training_time", "test_accuracy"])
    assert half.shape == (6, 3, 2)
    for k, index in enumerate(CELLS):
        np.testing.assert_array_equal(half[k], runs(records, index, 4)[:, 1][:, [1, 4]])


def test_a_random_run_is_one_run_and_follows_the_seed(records, table):
    cells = np.repeat(CELLS, 50)
    names = ["validation_accuracy", "training_time"]
    got = table.query(cells, repeat="random", seed=1, metric=names)
    for index in CELLS:
        possible = {tuple(run) for run in runs(records, index)[:, 2][:, [3, 1]].tolist()}
        assert {tuple(run) for run in got[cells == index].tolist()} == possible
    np.testing.assert_array_equal(got, table.query(cells, repeat="random", seed=1, metric=names))
    assert (got != table.query(cells, repeat="random", seed=2, metric=names)).any()


def test_every_way_to_name_cells(table):
    space, expected = load_space(), table.query(CELLS)
    for cells in (space.hash(CELLS), space.cell(np.array(CELLS)), space.genotype(CELLS), tuple(CELLS)):
        np.testing.assert_array_equal(table.query(cells), expected)
    for cell in (7, space.hash(7), space.cell(7), np.int64(7)):
        assert table.query(cell).shape == (3,)
        np.testing.assert_array_equal(table.query(cell), expected[1])
        assert table.query(cell, repeat="mean").shape == ()


@pytest.mark.parametrize(
    ("cells", "options", "error", "match"),
    [
        ([0], {"epochs": 12}, SettingError, "no runs of 12 epochs .*; there are runs of 4, 108"),
        ([0], {"metric": "loss"}, UnknownNameError, "there is no metric 'loss'; known are training_time"),
        ([0], {"repeat": 3}, SettingError, "got 3"),
        ([0], {"repeat": "max"}, SettingError, "got 'max'"),
        ([423_624], {}, SettingError, "no cell has the index 423624"),
        ([-1], {}, SettingError, "no cell has the index -1"),
        ([0.5], {}, SettingError, "got float64 values"),
        (np.zeros((2, 26), dtype=int), {}, CellError, "genotype 0 is no cell"),
        (["0" * 32], {}, UnknownNameError, "no cell of the space has the hash"),
    ],
)
def test_wrong_questions_are_refused(table, cells, options, error, match):
    with pytest.raises(error, match=match):
        table.query(cells, **options)


def test_the_dataframe_has_a_row_for_each_run(records, table):
    frame = table.to_dataframe(CELLS, epochs=4)
    assert len(frame) == 18
    rows = frame[frame["index"] == 7]
    assert rows["hash"].unique().tolist() == [load_space().hash(7)]
    assert rows["repeat"].tolist() == [0, 1, 2]
    assert rows["trainable_parameters"].unique().tolist() == [load_space().params(7, CIFAR10)]
    expected = runs(records, 7, 4)
    for s, stage in enumerate(STAGES, 1):
        for m, metric in enumerate(METRICS, 1):
            assert rows[f"{stage}_{metric}"].tolist() == expected[:, s, m].tolist()


def test_the_table_cannot_be_written_to(table):
    with pytest.raises(ValueError, match="read-only"):
        table.columns["training_time_108_final"][0] = 1


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"hash,acc\n1,2\n", b"\x80\x04N."])
def test_other_files_are_no_table(tmp_path, content):
    (tmp_path / "t.npy").write_bytes(content)
    with pytest.raises(DataError, match="not a table that `eomoo data convert` wrote"):
        NASBench101Table(tmp_path / "t.npy")


def test_a_cut_file_and_other_arrays_are_no_table(path, tmp_path):
    (tmp_path / "cut.npy").write_bytes(path.read_bytes()[:-1])
    np.save(tmp_path / "other.npy", np.zeros((1,), dtype=[("training_time_108_final", "<f4", (5, 3))]))
    np.save(tmp_path / "plain.npy", np.zeros(3))
    for name in ("cut", "other", "plain"):
        with pytest.raises(DataError, match="convert the file again"):
            NASBench101Table(tmp_path / f"{name}.npy")
    with pytest.raises(DataNotFoundError, match="there is no file"):
        NASBench101Table(tmp_path / "none.npy")
    (tmp_path / "t.tfrecord").write_bytes(b"x")
    with pytest.raises(DataError, match=r"eomoo data convert t\.tfrecord"):
        NASBench101Table(tmp_path / "t.tfrecord")


def test_the_table_is_looked_for(path, tmp_path, monkeypatch):
    monkeypatch.setenv("EOMOO_DATA", str(tmp_path))
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataNotFoundError, match=r"convert nasbench_only108\.tfrecord"):
        find_nasbench101()
    (tmp_path / "nasbench_only108.npy").write_bytes(path.read_bytes())
    assert NASBench101Table().epochs == (4, 108)
    (tmp_path / "nasbench_full.npy").write_bytes(b"")
    assert find_nasbench101().name == "nasbench_full.npy"


# -- the command -----------------------------------------------------------------------------------


def test_the_command_converts_and_describes(tmp_path, monkeypatch):
    from eomoo.cli.data import app

    monkeypatch.setattr(nasbench_convert._Columns, "check_complete", lambda self: None)
    source = write_file(tmp_path / "nasbench_only108.tfrecord", some_records())
    result = CliRunner().invoke(app, ["convert", str(source), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "423624 rows" in result.output
    assert NASBench101Table(tmp_path / "out" / "nasbench_only108.npy").epochs == (108,)
    described = (tmp_path / "out" / "nasbench_only108.columns.json").read_text()
    assert '"validation_accuracy_108_final"' in described
    assert '"validation_accuracy_4_final"' not in described
    asked = ["convert", str(source), "--out", str(tmp_path), "--format", "parquet"]
    with pytest.raises(EomooError, match=r"is converted to a \.npy file only"):
        CliRunner().invoke(app, asked, catch_exceptions=False)


def test_a_file_is_recognised_whatever_its_first_byte(tmp_path):
    from eomoo.data.nasbench_convert import looks_like_nasbench101

    heads = set()
    for first in range(0, 400_000, 997):
        data = encode_record(record(first))
        if len(data) & 0xFF in b'[{"' and len(data) & 0xFF not in heads:
            heads.add(len(data) & 0xFF)
            path = write_file(tmp_path / f"{first}.tfrecord", [data])
            assert looks_like_nasbench101(path)
    assert heads


def test_every_column_is_described(table):
    assert set(table.columns) < set(NB101_COLUMNS)
    assert {unit for unit, _ in NB101_COLUMNS.values()} == {"s", "fraction"}
