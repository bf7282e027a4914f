import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import time

import pytest

from eomoo.errors import HoursOverError, SettingError, StoreError
from eomoo.files import claims
from eomoo.live.store import RESULT_STATES, LiveStore, key_of
from eomoo.progress import being_done

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
    with pytest.raises(RuntimeError, match=r"x\.sqlite is no store of live results of eomoo"):
        LiveStore(tmp_path / "x.sqlite")
    with pytest.raises(RuntimeError, match=r"cannot write .*z\.sqlite: a part of that path is a file"):
        LiveStore(tmp_path / "x.sqlite" / "z.sqlite")


# -- results and incidents ---------------------------------------------------------------------


def test_only_what_belongs_to_the_cell_is_a_result(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    for status in ("failed", "out of memory", "killed"):
        with pytest.raises(SettingError, match="must be one of done, diverged, too big"):
            store.put("training", SETTING, {}, cell=5, status=status)
    for k, status in enumerate(RESULT_STATES):
        store.put("training", {"cell": k}, {"val": None}, cell=k, status=status)
    assert [row["status"] for row in store.rows()] == list(RESULT_STATES)


def attempts(store, outcomes, *, most=20):
    """Run obtain until nothing is tried any more; what each attempt ends with comes from the list."""
    tried, left = 0, list(outcomes)

    def make(cells):
        nonlocal tried
        tried += 1
        store.put_incident("training", SETTING, cell=5, reason="a full disk", progress=left.pop(0))

    for _ in range(most):
        before = tried
        assert store.obtain("training", {5: SETTING}, make) == {}
        assert tried - before <= 1
        if tried == before or not left:
            break
    return tried


def test_a_fault_of_the_machine_is_tried_again_three_times_where_nothing_advances(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    assert attempts(store, [0] * 10) == 3
    assert store.get("training", SETTING) is None
    (incident,) = store.incidents("training")
    assert (incident.count, incident.stalled, incident.given_up) == (3, 3, True)
    assert str(incident) == "cell 5: a full disk (tried 3 times)"
    assert store.rows() == store.incidents("latency") == []
    store.retry_failed("training", [{"cell": 6}])
    assert attempts(store, [0] * 10) == 0
    store.retry_failed("training", [SETTING])
    assert attempts(store, [0] * 10) == 3


def test_it_is_tried_without_end_as_long_as_the_training_advances(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    assert attempts(store, [0, 0, 54, 54, 54, 94, 151, 208, 209, 210]) == 10
    assert attempts(store, [210, 200, 210, 210, 210, 210]) == 3
    (incident,) = store.incidents()
    assert (incident.count, incident.progress) == (13, 210)
    assert str(incident) == "cell 5: a full disk after 210 epochs (tried 13 times)"


def test_a_result_ends_the_incidents(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")
    store.put_incident("training", SETTING, cell=5, reason="a lost worker")

    def make(cells):
        store.put("training", SETTING, {"val": 0.5}, cell=5)

    assert store.obtain("training", {5: SETTING}, make) == {5: {"val": 0.5}}
    assert store.incidents() == []
    assert store.obtain("training", {5: SETTING}, pytest.fail) == {5: {"val": 0.5}}


def test_an_error_within_lets_the_claims_go(tmp_path):
    store = LiveStore(tmp_path / "live.sqlite")

    def broken(cells):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.obtain("training", {5: SETTING}, broken)
    done = LiveStore(tmp_path / "live.sqlite")
    done.obtain("training", {5: SETTING}, lambda cells: done.put("training", SETTING, {}, cell=5))
    assert len(store.rows()) == 1


# -- several searches --------------------------------------------------------------------------


def search(path, log, cells):
    """Want results of cells, in this order; a line in the log for each that is made here."""
    store = LiveStore(path)

    def make(mine):
        for k in mine:
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{k}\n")
            time.sleep(0.02)
            store.put("training", {"cell": k}, {"val": k}, cell=k)

    for start in range(0, len(cells), 5):
        wanted = {k: {"cell": k} for k in cells[start : start + 5]}
        assert store.obtain("training", wanted, make) == {k: {"val": k} for k in wanted}


def test_two_searches_on_one_store_make_nothing_twice(tmp_path):
    path, log = tmp_path / "s.sqlite", tmp_path / "made.txt"
    context = multiprocessing.get_context("spawn")
    orders = [list(range(30)), list(range(5, 35)), list(reversed(range(30)))]
    processes = [context.Process(target=search, args=(path, log, cells)) for cells in orders]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sorted(map(int, log.read_text().split())) == list(range(35))


def hold(path, ready):
    store = LiveStore(path, beat_seconds=0.05)

    def make(cells):
        ready.set()
        time.sleep(3600)

    store.obtain("training", {5: SETTING}, make)


@pytest.fixture
def holder(tmp_path):
    """A process that has claimed the cell and works on it."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path / "s.sqlite", ready))
    process.start()
    ready.wait()
    yield process
    process.kill()
    process.join()


def test_the_claim_of_a_process_that_died_here_is_free_at_once(tmp_path, holder):
    store = LiveStore(tmp_path / "s.sqlite", beat_seconds=1e6)
    assert not store._claims.take(key_of("training", SETTING))
    holder.kill()
    holder.join()
    assert store._claims.take(key_of("training", SETTING))


def test_waiting_for_another_process_is_told(tmp_path, holder, monkeypatch):
    store, told = LiveStore(tmp_path / "s.sqlite"), []

    def sleep(_):
        told.append(being_done())
        holder.kill()
        holder.join()

    monkeypatch.setattr("eomoo.live.store.time.sleep", sleep)
    found = store.obtain("training", {5: SETTING}, lambda cells: store.put("training", SETTING, {"val": 1}, cell=5))
    assert (found, told) == ({5: {"val": 1}}, ["waiting for another process, which has 1 of them"])


def test_nobody_is_waited_for_once_the_hours_are_over(tmp_path, holder, monkeypatch):
    store = LiveStore(tmp_path / "s.sqlite")
    store.put("training", {"cell": 6}, {"val": 1}, cell=6)
    monkeypatch.setattr("eomoo.live.store.time.sleep", lambda _: pytest.fail("it waits"))
    assert store.obtain("training", {6: {"cell": 6}}, pytest.fail, until=0.0) == {6: {"val": 1}}
    with pytest.raises(HoursOverError):
        store.obtain("training", {5: SETTING, 6: {"cell": 6}}, pytest.fail, until=0.0)


def test_a_claim_is_held_while_it_beats_and_free_when_it_has_stopped(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(claims, "machine", lambda: "another one")
    store, key = LiveStore(tmp_path / "s.sqlite", beat_seconds=0.4), key_of("training", SETTING)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        assert not store._claims.take(key)
        time.sleep(0.05)
    # Not in the middle of a beat, which would keep the file locked.
    with store._open() as database, database.transaction():
        os.kill(holder.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    while not store._claims.take(key):
        time.sleep(0.05)
    # Its last beat was up to one before it was stopped.
    assert time.monotonic() - stopped > 0.4 * 5
    # Woken up, it beats only into what is still its own.
    os.kill(holder.pid, signal.SIGCONT)
    time.sleep(0.3)
    with store._open() as database:
        ((owner,),) = database.rows("SELECT owner FROM claims")
    assert owner == store._claims._owner


# -- what 0.1.0 wrote, and what was changed ------------------------------------------------------

OLD = """
CREATE TABLE results (key TEXT PRIMARY KEY, kind TEXT NOT NULL, cell INTEGER NOT NULL, status TEXT NOT NULL,
reason TEXT NOT NULL, setting TEXT NOT NULL, result TEXT NOT NULL, created TEXT NOT NULL, host TEXT NOT NULL)
STRICT;
PRAGMA user_version=1;
"""


def test_a_store_of_the_first_version_is_gone_on_with(tmp_path):
    states = {"done": 1, "diverged": 2, "failed": 3, "out of memory": 4}
    with contextlib.closing(sqlite3.connect(tmp_path / "old.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.executescript(OLD)
        for status, cell in states.items():
            setting = {**SETTING, "cell": cell}
            values = (key_of("training", setting), "training", cell, status, "why", json.dumps(setting))
            connection.execute(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, '2026-01-01', 'here')",
                (*values, json.dumps({"val": cell})),
            )
        connection.commit()
    store = LiveStore(tmp_path / "old.sqlite")
    with pytest.warns(UserWarning, match=r"results of eomoo 0\.1\.0, without digests: they are unverified"):
        assert [row["status"] for row in store.rows()] == ["done", "diverged"]
    assert [(i.cell, i.reason, i.given_up) for i in store.incidents()] == [(k, "why", False) for k in (3, 4)]
    tried = []

    def make(cells):
        tried.extend(cells)
        for k in cells:
            store.put("training", {**SETTING, "cell": k}, {"val": -k}, cell=k)

    wanted = {k: {**SETTING, "cell": k} for k in states.values()}
    with pytest.warns(UserWarning, match="unverified"):
        found = store.obtain("training", wanted, make)
    assert (tried, found) == ([3, 4], {1: {"val": 1}, 2: {"val": 2}, 3: {"val": -3}, 4: {"val": -4}})
    with pytest.warns(UserWarning, match="unverified"):
        rows = LiveStore(tmp_path / "old.sqlite").rows()
    assert [row["verified"] for row in rows] == [False, False, True, True]


@pytest.mark.parametrize("column", ["result", "setting", "status", "cell", "kind", "reason"])
def test_a_changed_row_is_told(tmp_path, column):
    store = LiveStore(tmp_path / "live.sqlite")
    store.put("training", SETTING, {"val": 56.6}, cell=5)
    value = "6" if column == "cell" else "'{\"val\": 14.1}'"
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute(f"UPDATE results SET {column} = {value}")
        connection.commit()
    for read in (store.rows, lambda: store.get("training", SETTING)):
        with pytest.raises(StoreError, match=r"result of cell \d has changed since it was written"):
            read()
