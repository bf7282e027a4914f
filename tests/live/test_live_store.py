import multiprocessing
import sqlite3

import pytest

from eomoo.live.store import LiveStore, key_of

SETTING = {"cell": 5, "skeleton": {"stem_channels": 8}, "epochs": "4"}


def test_a_result_is_found_by_all_that_it_depends_on(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    store.put("training", SETTING, {"val": 0.5}, cell=5)
    assert LiveStore(tmp_path / "live.sqlite").get("training", SETTING) == {"val": 0.5}
    assert store.get("training", dict(reversed(SETTING.items()))) == {"val": 0.5}
    for change in ({"cell": 6}, {"epochs": "8"}, {"skeleton": {"stem_channels": 9}}, {"seed": 1}):
        assert store.get("training", {**SETTING, **change}) is None
    assert store.get("latency", SETTING) is None


def test_the_first_result_stays(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    store.put("training", SETTING, {"val": 0.5}, cell=5)
    store.put("training", SETTING, {"val": 0.6}, cell=5)
    assert store.get("training", SETTING) == {"val": 0.5}


def test_rows_tell_everything(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    store.put("training", SETTING, {"val": None}, cell=5, status="diverged", reason="the loss is nan")
    store.put("latency", SETTING, {"median": 1.0}, cell=5)
    (row,) = store.rows("training")
    assert (row["status"], row["reason"], row["setting"]) == ("diverged", "the loss is nan", SETTING)
    assert row["key"] == key_of("training", SETTING)
    assert len(store.rows()) == 2


def write(path, start):
    store = LiveStore(path)
    for k in range(start, start + 50):
        store.put("training", {"cell": k}, {"val": k}, cell=k)


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write, args=(tmp_path / "s.sqlite", k * 25)) for k in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    rows = LiveStore(tmp_path / "s.sqlite").rows()
    assert sorted(row["cell"] for row in rows) == list(range(100))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.sqlite").write_bytes(b"no database, but a text that is long enough" * 10)
    with pytest.raises(RuntimeError, match=r"x\.sqlite cannot be used"):
        LiveStore(tmp_path / "x.sqlite")
    with sqlite3.connect(tmp_path / "y.sqlite") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(RuntimeError, match="made by another version"):
        LiveStore(tmp_path / "y.sqlite")
    with pytest.raises(RuntimeError, match="cannot make the folder"):
        LiveStore(tmp_path / "x.sqlite" / "z.sqlite")
