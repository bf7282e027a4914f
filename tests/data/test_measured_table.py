"""Measured tables: written and read back, proved by digests, averaged, merged; every fault one sentence."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from eomoo import load_space
from eomoo.data import MeasuredTable, is_measured, left_out, measured_table, merged, read_measured, write_measured
from eomoo.data.user_table import read_user_table
from eomoo.errors import DataError, DataNotFoundError, SettingError

COLUMNS = [
    {"name": "val_micro", "title": "micro accuracy", "unit": "fraction", "direction": "max", "kind": "trained"},
    {"name": "latency", "title": "latency", "unit": "ms", "direction": "min", "kind": "timed"},
    {"name": "params", "title": 'parameters, "all"', "unit": "", "direction": "min", "kind": "counted"},
    {"name": "latency_disturbed", "title": "disturbed", "unit": "", "direction": "min", "kind": "mark"},
]  # fmt: skip
SHAPE = {"in_channels": 2, "n_classes": 3, "stem_channels": 8, "n_stacks": 1, "cells_per_stack": 1, "image_size": 8}


def make(cells=(7, 100_434, 5), *, walk=(0, 0, np.nan), step=(1, 0, np.nan), seeds=(0, 2**60 + 1), **settings):
    """Two repeats of some cells; the first cell's second training diverged."""
    rows = pd.DataFrame({"index": np.repeat(cells, 2), "walk": np.repeat(walk, 2), "step": np.repeat(step, 2)})
    rows["repeat"], rows["seed"] = np.tile((0, 1), len(cells)), np.tile(seeds, len(cells))
    rows["val_micro"] = 0.1 + rows["index"] / 1e6 + np.array(seeds)[rows["repeat"]] % 7 / 10
    rows["latency"] = np.where(rows["repeat"] == 0, 1.5, np.nan)
    rows["params"], rows["latency_disturbed"] = load_space().params(rows["index"]), 0.0
    rows["status"], rows["reason"] = "done", ""
    rows.loc[1, ["val_micro", "status", "reason"]] = [np.nan, "diverged", "the loss is NaN, after all"]
    curves = rows[["index", "repeat", "seed"]].assign(epoch=3, val_micro=rows["val_micro"])
    facts = {
        "title": "täst",
        "columns": COLUMNS,
        "skeleton": SHAPE,
        "data": {"source": 'a "b"\\c', "options": {"n": 3}},
    }
    facts["training"] = {"epochs": "3", "seeds": list(seeds)}
    return measured_table(rows, {**facts, **settings}, curves)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("measured")
    write_measured(make(), place)
    return place


def test_what_was_written_is_told(tmp_path):
    assert sorted(write_measured(make(), tmp_path)) == sorted(tmp_path.iterdir())


def test_a_table_is_read_as_it_was_written(folder):
    before, after = make(), read_measured(folder)
    pd.testing.assert_frame_equal(after.to_dataframe(), before.to_dataframe())
    pd.testing.assert_frame_equal(after.curves(), before.curves())
    assert after.facts == before.facts
    assert after.skeleton.stem_channels == 8
    assert after.to_dataframe()["seed"].tolist() == [0, 2**60 + 1] * 3


def test_quantities_kinds_cells_and_walks(folder):
    table = read_measured(folder)
    assert list(table.quantities) == ["val_micro", "latency", "params"]
    assert table.quantities["val_micro"].larger_is_better
    assert table.kinds["latency_disturbed"] == "mark"
    assert table.cells.tolist() == [7, 100_434, 5]
    assert [walk.tolist() for walk in table.walks] == [[100_434, 7]]


def test_repeats_are_averaged_over_what_was_measured(folder):
    mean = read_measured(folder).mean()
    assert mean["index"].tolist() == [7, 100_434, 5]
    assert mean["repeats"].tolist() == [1, 2, 2]
    np.testing.assert_allclose(
        mean["val_micro"], [0.100007, 0.200434 + (2**60 + 1) % 7 / 20, 0.100005 + 0.1], atol=1e-6
    )
    assert mean["latency"].tolist() == [1.5] * 3
    assert mean["walk"].tolist()[:2] == [0, 0]


def test_pandas_and_any_reader_of_tables_can_read_it(folder):
    plain = pd.read_csv(folder / "table.csv")
    # The oldest pandas reads the last bit otherwise.
    assert plain["val_micro"].tolist()[2:] == pytest.approx(make().to_dataframe()["val_micro"].tolist()[2:], rel=1e-12)
    assert "87" not in (folder / "table.csv").read_text().splitlines()[1].split(",")[2]
    read = read_user_table(folder / "table.csv", ["val_micro", "latency"])
    assert read.failed["val_micro"].tolist() == [False, True, *[False] * 4]
    assert np.isnan(read.columns["latency"][1::2]).all()


def test_parquet_holds_the_same_and_may_be_left_out(folder, tmp_path):
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "table.parquet").replace({"reason": {"": np.nan}}),
        pd.read_csv(folder / "table.csv"),
        check_dtype=False,
    )
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "table.parquet").unlink()
    assert len(read_measured(tmp_path / "copy").rows) == 6


def test_the_least_of_a_table_is_filled_in():
    table = measured_table(pd.DataFrame({"index": [9], "latency": [2.0]}), {"title": "t", "columns": [COLUMNS[1]]})
    row = table.to_dataframe().iloc[0]
    assert (row["hash"], row["repeat"], row["status"]) == (load_space().hash([9])[0], 0, "done")
    assert table.walks == []
    assert table.skeleton is None
    assert table.curves().empty


@pytest.mark.parametrize("name", ["table.csv", "curves.csv"])
def test_a_changed_or_missing_file_is_told(folder, tmp_path, name):
    place = shutil.copytree(folder, tmp_path / "copy")
    (place / name).write_text((place / name).read_text().replace("0.1", "0.9"))
    with pytest.raises(DataError, match=rf"{name} is not as benchmark.toml says"):
        read_measured(place)
    (place / name).unlink()
    with pytest.raises(DataNotFoundError, match=name):
        read_measured(place)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "format 2"),
        ('direction = "max"', 'direction = "up"', "direction must be one of min, max"),
        ('kind = "timed"', 'kind = "felt"', "kind must be one of"),
        ('name = "latency"', 'nom = "latency"', "has no 'name'"),
        ("stem_channels = 8", "stem_channels = -8", "stem_channels must be a whole number"),
        ("stem_channels = 8", "stem_channels = 2", "describes no network: skeleton: stem_channels"),
        ("[digests]", "[digests", "is no TOML"),
        ("[digests]", "[other]", "no table yet"),
        ("title = ", "titel = ", "has no 'title'"),
        ('name = "params"', 'name = "weights"', "column 'params' that its facts do not describe"),
        ('name = "params"', 'name = "latency"', "describes the column 'latency' twice"),
        ("[training]", '[latency]\nreference_ms = "fast"\n[training]', "reference_ms must be a finite number"),
    ],
)
def test_a_damaged_description_is_one_sentence(folder, tmp_path, old, new, said):
    place = shutil.copytree(folder, tmp_path / "copy")
    text = (place / "benchmark.toml").read_text()
    assert old in text
    (place / "benchmark.toml").write_text(text.replace(old, new))
    with pytest.raises(DataError, match=said):
        read_measured(place)


def test_a_folder_without_a_table(tmp_path):
    assert not is_measured(tmp_path)
    with pytest.raises(DataNotFoundError, match=r"no benchmark\.toml"):
        read_measured(tmp_path)


def test_a_cell_is_once_in_a_repeat():
    rows = pd.DataFrame({"index": [9, 9], "latency": [2.0, 3.0]})
    with pytest.raises(DataError, match="cell 9 twice"):
        measured_table(rows, {"title": "t", "columns": [COLUMNS[1]]})


def test_tables_of_the_same_settings_become_one():
    both = merged(make(), make((100_434, 11, 12), walk=(0, 0, 0), step=(0, 1, 2), seeds=(0, 3)))
    frame = both.to_dataframe()
    # The repeats of a cell stay together.
    assert frame["index"].tolist() == [7, 7, 100_434, 100_434, 100_434, 5, 5, 11, 11, 12, 12]
    # Seeds 0 and 3 of a cell that has 0 and another: three repeats.
    mine = frame[frame["index"] == 100_434]
    assert mine["seed"].tolist() == [0, 2**60 + 1, 3]
    assert mine["repeat"].tolist() == [0, 1, 2]
    assert mine["step"].tolist() == [0, 0, 0]
    assert both.curves().groupby("index").size().tolist() == [2, 2, 2, 2, 3]
    # The second walk is cut where it meets the first.
    assert [walk.tolist() for walk in both.walks] == [[100_434, 7], [11, 12]]


def test_a_table_merged_with_itself_is_itself():
    table = make()
    both = merged(table, table)
    pd.testing.assert_frame_equal(both.to_dataframe(), table.to_dataframe())
    pd.testing.assert_frame_equal(both.curves(), table.curves())


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_merge_that_is_killed_leaves_no_part_in_the_way_of_the_next(folder, tmp_path):
    killed = "import eomoo.data, os, sys; module = sys.modules['eomoo.data.measured_table']; "
    killed += "module.write_facts = lambda *_: os.kill(os.getpid(), 9)"
    call = "import sys; from eomoo.cli import main; sys.argv[1:1] = ['data', 'merge']; main()"
    words = [str(folder), str(folder), "--out", str(tmp_path / "new" / "both")]
    assert subprocess.run([sys.executable, "-c", f"{killed}\n{call}", *words]).returncode == -signal.SIGKILL
    assert len(list((tmp_path / "new").iterdir())) == 1
    assert subprocess.run([sys.executable, "-c", call, *words]).returncode == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["both"]
    pd.testing.assert_frame_equal(read_measured(tmp_path / "new" / "both").to_dataframe(), make().to_dataframe())


def test_timings_of_one_and_trainings_of_another_go_together():
    trained, timed = make(), make().to_dataframe()[["index", "repeat", "latency"]]
    timed = measured_table(timed.iloc[::2].assign(latency=9.0), {"title": "t", "columns": [COLUMNS[1]]})
    rows = trained.to_dataframe().assign(latency=np.nan)
    both = merged(MeasuredTable(rows=rows, curve_rows=trained.curves(), facts=trained.facts), timed)
    assert both.to_dataframe()["latency"].dropna().tolist() == [9.0] * 3
    assert both.to_dataframe()["val_micro"].notna().sum() == 5
    assert len(both.curves()) == 6


OLD = {"training": {"epochs": "3", "device": "old", "seeds": [0, 1]}, "device": {"timing": "old"}}
NEW = {"training": {"epochs": "3", "device": "new", "seeds": [0, 1]}, "device": {"timing": "new"}}


def on_two_machines():
    """Cells 7, 100434 and 5 of an old machine; 5 and 11 of a new one, with training times."""
    column = {"name": "train_time", "title": "training time", "unit": "s", "direction": "min", "kind": "trained"}
    tables = make(**OLD), make((5, 11), walk=(np.nan, np.nan), step=(np.nan, np.nan), **NEW)
    return [
        measured_table(
            table.rows.assign(train_time=10.0 + number, latency=1.0 + number),
            {**table.facts, "columns": [*COLUMNS, column]},
            table.curve_rows.assign(seconds=3.0 + number),
        )
        for number, table in enumerate(tables)
    ]


def test_no_column_mixes_two_machines():
    old, new = on_two_machines()
    assert left_out(old, new) == ["latency", "latency_disturbed", "train_time", "seconds"]
    both = merged(old, new)
    rows = both.to_dataframe().set_index("index")
    assert rows["latency"].dropna().to_dict() == {7: 1.0, 100_434: 1.0, 5: 1.0}
    assert rows["train_time"].dropna().unique().tolist() == [10.0]
    assert both.curves()["seconds"].dropna().unique().tolist() == [3.0]
    assert rows.loc[11, "val_micro"].tolist() == new.to_dataframe().set_index("index").loc[11, "val_micro"].tolist()
    assert both.facts["device"] == {"timing": "old"}
    assert both.facts["training"] == {**OLD["training"], "other_devices": ["new"]}
    # What is one table by now takes more of either machine.
    assert merged(both, old).facts == both.facts
    assert merged(both, new).facts == both.facts
    assert left_out(old, old) == []


def test_trainings_of_an_old_machine_take_timings_of_a_new_one():
    old, new = on_two_machines()
    timed = new.to_dataframe()[["index", "repeat", "latency"]].iloc[::2]
    timed = measured_table(timed, {"title": "t", "columns": [COLUMNS[1]], "device": NEW["device"]})
    both = merged(timed, old)
    rows = both.to_dataframe().set_index("index")
    assert rows["latency"].dropna().to_dict() == {5: 2.0, 11: 2.0}
    assert rows["train_time"].dropna().unique().tolist() == [10.0]
    assert both.facts["device"] == NEW["device"]
    assert both.facts["training"] == OLD["training"]
    assert both.facts["title"] == old.facts["title"] != timed.facts["title"]


def test_latencies_of_another_day_are_told_by_the_same_reference_cell():
    both = merged(
        make(latency={"reference_ms": 2.0}), make((11,), walk=(np.nan,), step=(np.nan,), latency={"reference_ms": 3.0})
    )
    assert both.to_dataframe()["latency"].dropna().tolist() == [1.5, 1.5, 1.5, 1.0]
    assert both.facts["latency"]["reference_ms"] == 2.0


def test_an_incident_gives_way_to_a_result():
    table = make()
    rows = table.to_dataframe()
    rows.loc[2:, ["status", "reason", "val_micro"]] = ["incident", "disk full", np.nan]
    lost = MeasuredTable(rows=rows, curve_rows=table.curves(), facts=table.facts)
    assert merged(lost, table).to_dataframe()["status"].tolist() == ["done", "diverged", *["done"] * 4]
    assert merged(lost, lost).to_dataframe()["status"].tolist() == ["done", "diverged", *["incident"] * 4]


@pytest.mark.parametrize(("key", "value", "said"), [("unit", "s", "'ms' there and 's'"), ("direction", "max", "'min'")])
def test_no_column_mixes_two_units_or_directions(key, value, said):
    def other(**changes):
        columns = [{**column, **(changes if column["name"] == "latency" else {})} for column in COLUMNS]
        return make((5, 11, 12), columns=columns)

    assert len(merged(make(), other(title="pace")).cells) == 5
    with pytest.raises(SettingError, match=rf"latency\.{key} is {said}"):
        merged(make(), other(**{key: value}))


def test_tables_of_other_settings_stay_apart():
    with pytest.raises(SettingError, match=r"training\.epochs is '3' there and '8' here"):
        merged(make(), make(training={"epochs": "8", "seeds": [9]}))
