"""The contract of all stores: one sentence for each mistake, and nothing that was entered is lost."""

import contextlib
import multiprocessing
import os
import resource
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

import eomoo
from eomoo.errors import EomooError, StoreError
from eomoo.files.sqlite import only_one
from eomoo.live.store import LiveStore
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.run import RunResult
from eomoo.study.store import Store

CARD = """
title = "counted"

[[objectives]]
name = "params"
unit = ""
direction = "min"
source = "analytic"
"""
SPEC = AlgorithmSpec(label="mine", algorithm="random")
N = 4_000


class Runs:
    """Runs of 4,000 cells each, by seed, in a study's store."""

    what = "result store"

    def __init__(self, path):
        card = Path(path).with_name("card.toml")
        if not card.exists():
            card.write_text(CARD)
        problem = eomoo.get_problem(card)
        self.store = Store(path, create=True)
        self.problem = self.store.add_problem(problem)

    def enter(self, k):
        cells = np.random.default_rng(k).choice(423_624, N, replace=False)
        fields = dict.fromkeys(RunResult.__dataclass_fields__)
        fields |= {"cells": cells, "values": cells[:, None] + 0.5, "feasible": np.ones(N, dtype=bool)}
        fields |= {
            "front": cells[:3],
            "front_deviations": np.ones((3, 1)),
            "front_limited": np.ones((3, 0)),
            "front_basis": ["measured"] * 3,
            "front_measured": np.full((3, 1), np.nan),
            "notes": {},
        }
        result = RunResult(**{**fields, "n_eval": N, "seconds": 1.0, "complete": True})
        self.store.add_run(self.problem, SPEC, seed=k, budget=N, result=result)

    def close(self):
        self.store.close()

    @staticmethod
    def read(path):
        with Store(path) as store:
            runs = store.runs()
            for run, trace in store.traces(1, runs):
                cells = np.random.default_rng(run.seed).choice(423_624, N, replace=False)
                assert trace.cells.tolist() == cells.tolist()
                assert trace.values[:, 0].tolist() == (cells + 0.5).tolist()
            return sorted(run.seed for run in runs)


class Trainings:
    """Results with long curves, by cell, in a live store."""

    what = "store of live results"

    def __init__(self, path):
        self.store = LiveStore(path)

    def enter(self, k):
        self.store.put("training", {"cell": k}, {"curve": [k] * 30_000}, cell=k)

    def close(self):
        """Each use has a connection of its own."""

    @staticmethod
    def read(path):
        rows = LiveStore(path).rows()
        assert all(row["result"]["curve"] == [row["cell"]] * 30_000 for row in rows)
        return sorted(row["cell"] for row in rows)


@pytest.fixture(params=[Runs, Trainings], ids=["study", "live"])
def kind(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a store.sqlite"


def write(kind, path, first, last, sender=None, most_bytes=None):
    """Enter some, and tell of each once it is in; the sentence where that fails."""
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    try:
        with contextlib.closing(kind(path)) as store:
            for k in range(first, last):
                store.enter(k)
                if sender is not None:
                    sender.send(k)
    except StoreError as error:
        if sender is None:
            raise
        sender.send(str(error))


@pytest.fixture
def start():
    """Start a writer in a process of its own."""
    context, started = multiprocessing.get_context("spawn"), []

    def run(*arguments):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=write, args=(*arguments[:4], sender, *arguments[4:]))
        process.start()
        sender.close()
        started.append((process, receiver))
        return process, receiver

    yield run
    for process, receiver in started:
        process.kill()
        process.join()
        receiver.close()


def told(receiver):
    """All that a writer tells until its end."""
    found = []
    with contextlib.suppress(EOFError):
        while True:
            found.append(receiver.recv())
    return found


def whole(kind, path):
    """What is in a store, each entry of which is whole and right."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return kind.read(path)


def test_two_processes_write_at_once(kind, path, start):
    path.with_name("card.toml").write_text(CARD)
    writers = [start(kind, path, *ends) for ends in ((0, 8), (4, 12))]
    assert [told(receiver) for _, receiver in writers] == [list(range(8)), list(range(4, 12))]
    assert whole(kind, path) == list(range(12))


def test_killed_in_the_middle_of_writing(kind, path, start):
    path.with_name("card.toml").write_text(CARD)
    last = -1
    for wait in (0.0, 0.007, 0.02):
        process, receiver = start(kind, path, last + 1, 10_000)
        first = receiver.recv()
        time.sleep(wait)
        process.kill()
        last = max([first, *told(receiver)])
        there = whole(kind, path)
        assert there[: last + 1] == list(range(last + 1))
        assert len(there) <= last + 2
        last = there[-1]


def test_a_full_disk_is_told_and_what_was_entered_is_safe(kind, path, start):
    path.with_name("card.toml").write_text(CARD)
    _, receiver = start(kind, path, 0, 10_000, 2_500_000)
    *entered, sentence = told(receiver)
    assert str(path) in sentence
    assert "cannot be written" in sentence
    assert len(entered) > 3
    assert whole(kind, path) == entered == list(range(len(entered)))


def as_nobody(action):
    """Run in a forked process without root's powers; its exit code, and what it printed."""
    read, send = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(send, str(action()).encode())
            code = 0
        except BaseException as error:
            os.write(send, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(code)
    os.close(send)
    with os.fdopen(read) as file:
        text = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("there", [False, True])
def test_a_read_only_folder_is_told(kind, path, there):
    # Nobody may not read the packages that are imported on the way.
    write(kind, path, 0, 1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "s.sqlite"
        path.with_name("card.toml").write_text(CARD)
        if there:
            write(kind, path, 0, 2)
            path.chmod(0o444)
        content = path.read_bytes() if there else None
        os.chmod(name, 0o555)
        code, text = as_nobody(lambda: write(kind, path, 2, 3))
        os.chmod(name, 0o755)
        assert code == 1
        assert text.startswith(f"StoreError: cannot write {path}: permission denied; choose a folder")
        assert (path.read_bytes() if there else None) == content


def test_a_folder_that_is_removed_while_a_store_is_open_is_told(tmp_path):
    (tmp_path / "out").mkdir()
    with contextlib.closing(Runs(tmp_path / "out" / "results.sqlite")) as runs:
        runs.enter(1)
        shutil.rmtree(tmp_path / "out")
        with pytest.raises(EomooError, match=r"cannot write .*results\.sqlite: its folder is gone"):
            runs.enter(2)


def test_a_database_of_another_program_is_left_alone(kind, path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE run (id INTEGER)")
        connection.commit()
    content = path.read_bytes()
    for action in (lambda: write(kind, path, 0, 1), lambda: kind.read(path)):
        with pytest.raises(StoreError, match="is a database of another program; use another folder"):
            action()
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"a text that is long enough to be read\n" * 50, b"\x89PNG" * 400])
def test_another_kind_of_file_is_left_alone(kind, path, content):
    path.write_bytes(content)
    for action in (lambda: write(kind, path, 0, 1), lambda: kind.read(path)):
        with pytest.raises(StoreError, match=f"is no {kind.what} of eomoo, or it is damaged"):
            action()
    assert path.read_bytes() == content


def test_what_is_no_regular_file_is_left_alone(kind, path):
    os.mkfifo(path)
    with pytest.raises(StoreError, match=r"is no regular file|there are no results"):
        write(kind, path, 0, 1)
    with pytest.raises(StoreError, match=r"is no regular file|there are no results"):
        kind.read(path)


def test_a_newer_format_is_left_alone(kind, path):
    write(kind, path, 0, 1)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=99")
    for action in (lambda: write(kind, path, 1, 2), lambda: kind.read(path)):
        with pytest.raises(StoreError, match="written by another version of eomoo, a newer one; update"):
            action()


@pytest.mark.filterwarnings("ignore:.*they are unverified")
@pytest.mark.parametrize("damage", ["zeros", "noise", "cut", "flip"])
def test_damaged_pages_are_told_or_change_nothing(kind, path, damage):
    """Zeros where digests were may look like a store of 0.1.0, which is told as well."""
    write(kind, path, 0, 3)
    good, rng = path.read_bytes(), np.random.default_rng(5)
    noticed = 0
    for share in np.linspace(0.02, 0.98, 12):
        content, at = bytearray(good), int(len(good) * share)
        if damage == "cut":
            del content[at:]
        elif damage == "flip":
            content[at] ^= 0x10
        else:
            junk = bytes(6_000) if damage == "zeros" else rng.bytes(6_000)
            content[at : at + 6_000] = junk[: len(content) - at]
        path.write_bytes(content)
        try:
            assert kind.read(path) == [0, 1, 2]
        except EomooError as error:
            told = str(error)
            assert (str(path) in told, "\n" in told) == (True, False)
            noticed += 1
    assert noticed > 3


def test_no_connection_is_left_open(kind, path):
    """Deleting what is open is no error here, but counting it is easy."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("needs /proc")
    write(kind, path, 0, 1)
    kind.read(path)
    open_files = [os.readlink(link) for link in folder.iterdir() if link.is_symlink()]
    assert not [name for name in open_files if path.name in name]


@pytest.mark.parametrize("written", [[], ["result"]])
def test_after_an_error_folders_go_that_were_made_for_it_and_are_bare(tmp_path, written):
    def interrupted():
        with only_one(tmp_path / "mine" / "new" / "folder", "searching"):
            for name in written:
                (tmp_path / "mine" / "new" / "folder" / name).touch()
            raise KeyboardInterrupt

    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    there = {path.name for path in tmp_path.rglob("*")}
    assert there == ({"mine", "new", "folder", "lock.sqlite", *written} if written else {"mine"})


def test_a_lock_that_is_none_is_named_by_its_file(tmp_path):
    (tmp_path / "lock.sqlite").write_bytes(bytes(range(256)) * 8)
    with pytest.raises(StoreError, match=r"lock\.sqlite is no lock of eomoo"), only_one(tmp_path, "searching"):
        pass
