"""`eomoo data` as a user types it."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eomoo.cli.data import app
from eomoo.data.datasets import DATASETS, DataFile, DataSet
from eomoo.errors import DataError, DataNotFoundError, EomooError, UnknownNameError

CONTENT = b"toy" * 1000


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch, server):
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EOMOO_DATA", raising=False)
    server.files["a.bin"] = CONTENT
    toy = DataSet(
        name="toy",
        title="A toy",
        citation="Nobody 2024",
        licence="MIT",
        homepage="https://example.org/toy",
        files=(
            DataFile(
                name="a.bin", size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest(), url=server.url("a.bin")
            ),
        ),
    )
    monkeypatch.setitem(DATASETS, "toy", toy)


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, EomooError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(*arguments):
    return json.loads(run(*arguments, "--json"))


def test_help_of_each_command():
    for name in ("list", "where", "get", "verify", "convert"):
        assert name in run("--help")
        assert "--json" in re.sub(r"\x1b\[[0-9;]*m", "", run(name, "--help"))


def test_list_tells_what_there_is_and_where(tmp_path):
    text = run("list")
    assert "toy: A toy" in text
    assert "eo-hwnas" in text
    assert "not on this machine; get it with `eomoo data get toy`" in text
    by_name = {row["name"]: row for row in run_json("list")}
    assert by_name["toy"]["path"] is None
    assert by_name["eo-hwnas"]["size"] == 1_842_909
    run("get", "toy")
    assert f"in {tmp_path / 'cache' / 'data' / 'toy'}" in run("list")


def test_get_where_verify(tmp_path):
    folder = tmp_path / "cache" / "data" / "toy"
    with pytest.raises(DataNotFoundError, match="get it with `eomoo data get toy`"):
        run("where", "toy")
    assert str(folder) in run("get", "toy")
    assert run("where", "toy") == f"{folder}\n"
    assert run_json("where", "toy") == {"name": "toy", "path": str(folder)}
    assert run("verify") == f"ok: {folder / 'a.bin'}\n"
    assert run_json("verify", "toy") == [
        {"dataset": "toy", "file": "a.bin", "path": str(folder / "a.bin"), "state": "ok"}
    ]


def test_get_into_a_folder_and_from_one(tmp_path):
    assert run_json("get", "toy", "--to", tmp_path / "mine")["path"] == str(tmp_path / "mine")
    assert (tmp_path / "mine" / "a.bin").read_bytes() == CONTENT
    run("get", "toy", "--from", tmp_path / "mine")
    assert (tmp_path / "cache" / "data" / "toy" / "a.bin").read_bytes() == CONTENT


def test_verify_fails_on_a_damaged_file(tmp_path):
    run("get", "toy")
    path = tmp_path / "cache" / "data" / "toy" / "a.bin"
    path.write_bytes(b"x")
    result = CliRunner().invoke(app, ["verify", "--json"])
    assert json.loads(result.stdout)[0]["state"] == "wrong checksum"
    assert isinstance(result.exception, DataError)
    assert re.search(r"1 of 1 files differ .*a\.bin; .*`eomoo data get toy`", str(result.exception))
    run("get", "toy")
    assert path.read_bytes() == CONTENT


def test_verify_of_nothing(tmp_path):
    with pytest.raises(DataNotFoundError, match="no data set is on this machine; `eomoo data list`"):
        run("verify")
    with pytest.raises(DataNotFoundError, match="no data set that eomoo knows is in"):
        run("verify", "--from", tmp_path)


def test_unknown_name():
    for command in ("where", "get", "verify"):
        with pytest.raises(UnknownNameError, match=r"there is no data set 'nothing'; known are eo-hwnas, .*toy"):
            run(command, "nothing")


def test_convert(eo_folder, tmp_path):
    done = run_json("convert", eo_folder, "--out", tmp_path / "out")
    assert done["rows"] == 450
    assert Path(done["table"]).read_text().count("\n") == 451
    text = run("convert", eo_folder, "--out", tmp_path / "out")
    assert f"450 rows in {tmp_path / 'out' / 'eo-hwnas.csv'}" in text


SLOW = """
import sys
from eomoo.cli.data import app
from eomoo.data.datasets import DATASETS, DataFile, DataSet
file = DataFile(name="a.bin", size=500_000, sha256="0" * 64, url=sys.argv.pop())
DATASETS["toy"] = DataSet(name="toy", title="", citation="", licence="", homepage="", files=(file,))
app()
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_keeps_what_arrived_and_shows_no_traceback(server, tmp_path):
    server.files["a.bin"] = content = bytes(range(250)) * 2000
    server.moods = ["stall"]
    command = [sys.executable, "-c", SLOW, "get", "toy", server.url("a.bin")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = tmp_path / "cache" / "data" / "toy" / "a.bin.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "interrupted; `eomoo data get toy` goes on from here" in err
    assert "Traceback" not in err
    kept = part.read_bytes()
    assert 0 < len(kept) <= len(content) // 2
    assert content.startswith(kept)
