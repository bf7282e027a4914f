"""Pages of what is running: on the loopback alone, of the folder alone, reading alone."""

import http.client
import json
import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

import eomoo
from eomoo.analysis.watch import Watch
from eomoo.data.measured_table import write_facts
from eomoo.errors import EomooError
from eomoo.live.store import LiveStore


@contextmanager
def watching(folder):
    """Ask a server of a folder: status and text."""
    with Watch(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def ask(path, host=None, method="GET"):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
            connection.request(method, path, headers={} if host is None else {"Host": host})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text

        ask.port = server.server_port
        try:
            yield ask
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def small(card):
    return card("err", "lat", source="ball", budget=80)


def listing(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in Path(folder).rglob("*")}


def test_a_page_follows_a_run_that_is_under_way(small, tmp_path, monkeypatch):
    monkeypatch.setattr("eomoo.api._KEPT_SECONDS", 0.0)
    monkeypatch.setattr("eomoo.api._KEPT_SHARE", 0.0)
    seen = []
    with watching(tmp_path) as ask:
        assert ask("/states") == (200, "{}")

        def look(progress):
            before = listing(tmp_path)
            states = json.loads(ask("/states")[1])
            seen.append((progress.n_distinct, *[(state, ask("/page/runs%2Fone")[1]) for state in states.values()]))
            assert listing(tmp_path) == before

        folder = tmp_path / "runs" / "one"
        eomoo.run(small, algorithm="random", options={"batch_size": 20}, out=folder, on_progress=look, figures=())
        # A store without a run, then with what was kept of it.
        assert "There is no page yet" in seen[0][1][1]
        assert len({state for _, (state, _) in seen}) == 4
        for n, (_, page) in seen[1:]:
            assert "under way, or was interrupted" in page
            assert f"looked at {n - 20} of 425 cells that have values" in page
        page = ask("/page/runs%2Fone")[1]
        assert "looked at 80 of 425 cells that have values" in page
        assert "under way" not in page


def test_a_measuring_is_followed_by_its_store(tmp_path):
    store = LiveStore(tmp_path / "table" / "live.sqlite") if (tmp_path / "table").mkdir() is None else None
    facts = {"title": "own images", "columns": [], "cells": {"listed": [5, 7, 9]}}
    write_facts(facts, tmp_path / "table")
    store.put("latency", {"cell": 5}, {"median": 1.0}, cell=5)
    store.put("training", {"cell": 5}, {"x": 1}, cell=5, status="diverged", reason="loss is infinite")
    (tmp_path / "copied").mkdir()
    write_facts(facts, tmp_path / "copied")
    with watching(tmp_path) as ask:
        before = listing(tmp_path)
        assert "nothing is under way here" in ask("/page/copied")[1]
        page = ask("/page/table")[1]
        assert "1 of 3 cells timed, 1 training ended." in page
        assert "loss is infinite" in page
        assert listing(tmp_path) == before


def test_nothing_but_the_folders_pages_is_served(small, tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("out/mine", "other"):
        eomoo.run(small, algorithm="random", budget=10, out=tmp_path / name, figures=())
    (tmp_path / "out" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "out" / "linked").mkdir()
    os.symlink(tmp_path / "other" / "results.sqlite", tmp_path / "out" / "linked" / "results.sqlite")
    with watching(tmp_path / "out") as ask:
        assert list(json.loads(ask("/states")[1])) == ["mine"]
        assert ask("/page/mine")[0] == 200
        for name in ("../other", "..%2Fother", "mine/../../other", "%2e%2e/other", "link", "linked", "/etc/passwd", ""):
            assert ask(f"/page/{name}")[0] == 404
        for path in ("/mine/results.sqlite", "/../other/settings.json", "/watch.css", "/page"):
            assert ask(path)[0] == 404
        assert ask("/page/mine", method="POST")[0] == 501


def test_folders_that_go_or_are_closed_take_no_page_from_others(small, tmp_path, monkeypatch, capsys):
    base = tmp_path / "out"
    for name in ("one", "two"):
        eomoo.run(small, algorithm="random", budget=10, out=base / name, figures=())
    real = Path.iterdir

    def closed(place):
        if place.name == "two":
            raise PermissionError(place)
        return real(place)

    with watching(base) as ask:
        monkeypatch.setattr(Path, "iterdir", closed)
        assert list(json.loads(ask("/states")[1])) == ["one", "two"]
        monkeypatch.undo()
        shutil.rmtree(base)
        assert ask("/states") == (200, "{}")
        assert ask("/page/one")[0] == 404
        base.write_text("a file")
        assert ask("/states") == (200, "{}")
        base.unlink()
        eomoo.run(small, algorithm="random", budget=10, out=base, figures=())
        assert list(json.loads(ask("/states")[1])) == [""]
        monkeypatch.setattr("eomoo.analysis.watch.render_report", lambda place: (place / "gone").read_text())
        assert "There is no page yet" in ask("/page/")[1]
    assert "Traceback" not in capsys.readouterr().err


def test_a_name_that_no_address_can_have_keeps_no_other_from_being_shown(small, tmp_path):
    for name in ("Gr\udcfcn", "grün"):
        eomoo.run(small, algorithm="random", budget=5, out=tmp_path / name, figures=())
    with watching(tmp_path) as ask:
        assert list(json.loads(ask("/states")[1])) == ["grün"]


def test_a_folder_that_goes_as_a_whole_ends_nothing(small, tmp_path):
    eomoo.run(small, algorithm="random", budget=5, out=tmp_path / "runs", figures=())
    with watching(tmp_path / "runs") as ask:
        assert ask("/page/")[0] == 200
        shutil.rmtree(tmp_path / "runs")
        assert ask("/states") == (200, "{}")
        assert ask("/page/")[0] == 404
        assert ask("/")[0] == 200


def test_only_this_machines_own_name_is_answered_to(tmp_path):
    with watching(tmp_path) as ask:
        assert ask("/")[0] == ask("/", host=f"localhost:{ask.port}")[0] == 200
        for host in ("evil.example", f"evil.example:{ask.port}", "127.0.0.1:1", ""):
            assert ask("/", host=host)[0] == 403


def test_a_folder_or_port_that_cannot_be(tmp_path):
    with pytest.raises(EomooError, match="there is no folder"):
        Watch(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(EomooError, match="there is no folder"):
        Watch(tmp_path / "loop")
    with Watch(tmp_path) as server, pytest.raises(EomooError, match=r"port \d+ of 127.0.0.1 cannot be had"):
        Watch(tmp_path, port=server.server_port)
    with pytest.raises(EomooError, match=r"port 99999 of 127\.0\.0\.1 cannot be had"):
        Watch(tmp_path, port=99_999)
