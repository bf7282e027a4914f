"""Downloads from a server on loopback: whole, interrupted, resumed, wrong, refused."""

import hashlib
import random
import re
import socket
from pathlib import Path

import pytest

from eomoo.cli.common import Bars
from eomoo.cli.data import started
from eomoo.data.download import download
from eomoo.errors import DataError, StoreError
from eomoo.files import only_one

CONTENT = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def get(server, tmp_path):
    server.files["f.bin"] = CONTENT

    def get_file(**options):
        options = {"sha256": SHA256, "size": len(CONTENT), "timeout": 5.0} | options
        return download(server.url("f.bin"), tmp_path / "to" / "f.bin", **options)

    return get_file


def here(tmp_path):
    """The files in the folder, which is not there where nothing was kept."""
    return {path.name: path.read_bytes() for path in (tmp_path / "to").glob("*") if path.name != "lock.sqlite"}


def fails(get, match, **options):
    with pytest.raises(DataError, match=match) as caught:
        get(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [None, len(CONTENT)])
@pytest.mark.parametrize("mood", ["well", "no length", "chunked"])
def test_whole_file(get, server, tmp_path, mood, size):
    server.moods = [mood]
    told = []
    path = get(size=size, progress=lambda received, total: told.append((received, total)))
    assert path == tmp_path / "to" / "f.bin"
    assert here(tmp_path) == {"f.bin": CONTENT}
    received = [count for count, _ in told]
    assert received == sorted(received)
    assert received[-1] == len(CONTENT)
    assert {total for _, total in told} == {size if mood != "well" else len(CONTENT)}


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_interrupted_then_resumed(get, server, tmp_path, size):
    server.moods = ["break", "break"]
    fails(get, r"the connection to 127\.0\.0\.1:\d+ broke after 0\.1 of 0\.3 MB .*again to go on", size=size)
    assert here(tmp_path) == {"f.bin.part": CONTENT[:150_000]}
    fails(get, r"broke after 0\.2 of 0\.3 MB", size=size)
    assert here(tmp_path) == {"f.bin.part": CONTENT[:225_000]}
    get(size=size)
    assert here(tmp_path) == {"f.bin": CONTENT}
    assert [asked for _, asked in server.requests] == [None, "bytes=150000-", "bytes=225000-"]


def test_chunk_that_ends_early(get, server, tmp_path):
    server.moods = ["break chunk"]
    fails(get, r"broke after .* MB \(the server closed it\)", size=None)
    kept = here(tmp_path)["f.bin.part"]
    assert 0 < len(kept) < len(CONTENT)
    get(size=None)
    assert server.requests[1][1] == f"bytes={len(kept)}-"
    assert here(tmp_path) == {"f.bin": CONTENT}


def test_interrupted_by_the_user_then_resumed(get, server, tmp_path):
    def interrupt(received, total):
        if received > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(progress=interrupt)
    kept = here(tmp_path)["f.bin.part"]
    assert 100_000 < len(kept) < len(CONTENT)
    assert kept == CONTENT[: len(kept)]
    get()
    assert server.requests[1][1] == f"bytes={len(kept)}-"
    assert here(tmp_path) == {"f.bin": CONTENT}


def test_server_that_ignores_range_starts_over(get, server, tmp_path):
    server.moods = ["break", "no range"]
    fails(get, "broke")
    get()
    assert here(tmp_path) == {"f.bin": CONTENT}


def test_server_that_sends_another_part(get, server, tmp_path):
    server.moods = ["break", "wrong range"]
    fails(get, "broke")
    fails(get, "another part of the file")
    assert here(tmp_path) == {"f.bin.part": CONTENT[:150_000]}
    get()
    assert here(tmp_path) == {"f.bin": CONTENT}


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_wrong_checksum_leaves_nothing(get, server, tmp_path, size):
    server.files["f.bin"] = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    fails(get, "has the checksum .*, not .* as published; it was deleted", size=size)
    assert here(tmp_path) == {}


def test_wrong_checksum_keeps_the_file_that_was_there(get, server, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "f.bin").write_text("old")
    server.files["f.bin"] = b"x" * len(CONTENT)
    fails(get, "checksum")
    assert here(tmp_path) == {"f.bin": b"old"}


@pytest.mark.parametrize("rest", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_wrong_remains_are_replaced(get, tmp_path, rest, size):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "f.bin.part").write_bytes(rest)
    get(size=size)
    assert here(tmp_path) == {"f.bin": CONTENT}


def test_complete_remains_need_no_download(get, server, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "f.bin.part").write_bytes(CONTENT)
    get()
    assert server.requests == []
    assert here(tmp_path) == {"f.bin": CONTENT}


def test_more_than_published_is_not_kept(get, server, tmp_path):
    server.files["f.bin"] = CONTENT + b"x"
    fails(get, r"gives more than the 300000 bytes of the published file")
    assert here(tmp_path) == {}


@pytest.mark.parametrize(
    ("status", "match"),
    [
        ("404", r"127\.0\.0\.1:\d+ has no file http://.*f\.bin \(status 404\)"),
        ("410", r"has no file"),
        ("403", r"refuses http://.*f\.bin \(status 403 Forbidden\); try again later"),
        ("503", r"refuses .*\(status 503"),
        ("416", r"refuses .*\(status 416"),
    ],
)
def test_refusals(get, server, tmp_path, status, match):
    server.moods = [status]
    fails(get, match)
    assert here(tmp_path) == {}


def test_refusal_keeps_what_had_arrived(get, server, tmp_path):
    server.moods = ["break", "503"]
    fails(get, "broke")
    fails(get, "status 503")
    assert here(tmp_path) == {"f.bin.part": CONTENT[:150_000]}


def test_silence(get, server, tmp_path):
    server.moods = ["silent"]
    fails(get, r"cannot reach 127\.0\.0\.1:\d+: no answer in time; check the network", timeout=0.2)
    assert here(tmp_path) == {}


def test_no_http(get, server):
    server.moods = ["garbage"]
    fails(get, "cannot reach .*: what answers there is no web server")


def test_nobody_listens(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/f.bin"
        with pytest.raises(DataError, match=r"cannot reach 127\.0\.0\.1:\d+: connection refused; .*--from"):
            download(url, tmp_path / "f.bin", sha256=SHA256)
    assert [path.name for path in tmp_path.iterdir()] == ["lock.sqlite"]


def test_unknown_host(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", fail)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DataError, match=r"cannot reach example\.invalid: the name of the server is not known"):
        download("http://example.invalid/f.bin", tmp_path / "f.bin", sha256=SHA256)


def test_address_that_is_none(tmp_path):
    with pytest.raises(DataError, match="cannot reach nonsense"):
        download("nonsense", tmp_path / "f.bin", sha256=SHA256)


def test_target_in_a_file(get, tmp_path):
    (tmp_path / "to").write_text("x")
    fails(get, "cannot write .*: a part of that path is a file")


def test_full_disk(get, tmp_path, monkeypatch):
    real = Path("/dev/full")
    if not real.exists():
        pytest.skip("needs a device that is always full")
    monkeypatch.setattr("eomoo.data.download.open", lambda _, mode: real.open(mode), raising=False)
    fails(get, r"cannot write .*f\.bin\.part: the disk is full")


def test_two_processes_do_not_mix(get, server, tmp_path):
    with only_one(tmp_path / "to", "downloading another"), pytest.raises(StoreError, match="another process is"):
        get()
    assert server.requests == []
    get()
    assert here(tmp_path) == {"f.bin": CONTENT}


def test_bars_are_shown_on_the_standard_error(get, capsys):
    with Bars(stay=True) as bars:
        get(progress=started(bars)("f.bin"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "f.bin" in shown.err
    assert "300 kB of 300 kB" in shown.err


def test_a_bar_says_of_how_much_where_that_is_known(capsys):
    with Bars(stay=True) as bars:
        started(bars)("a.bin")(1_000, 3_000)
        started(bars)("b.bin")(2_000, None)
    assert re.findall(r"(.)\.bin: (.*),", capsys.readouterr().err) == [("a", "1 kB of 3 kB"), ("b", "2 kB of 2 kB")]


def test_no_bars_without_a_download(capsys):
    with Bars(stay=True):
        pass
    with Bars(quiet=True, stay=True) as bars:
        started(bars)("f.bin")(10, 20)
    assert capsys.readouterr() == ("", "")
