"""Data sets brought from a folder or from a server on loopback."""

import hashlib

import pytest

from eomoo.data import fetch, find
from eomoo.data.datasets import DataFile, DataSet
from eomoo.errors import DataError, DataNotFoundError

CONTENTS = {"a.bin": b"a" * 1000, "b.bin": b"b" * 2000}


def make_dataset(url):
    return DataSet(
        name="toy",
        title="A toy",
        citation="Nobody 2024",
        licence="MIT",
        homepage="https://example.org/toy",
        files=tuple(
            DataFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), url=url and url(name))
            for name, content in CONTENTS.items()
        ),
        subfolder="inner",
    )


@pytest.fixture
def toy(server, tmp_path, monkeypatch):
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EOMOO_DATA", raising=False)
    server.files |= CONTENTS
    return make_dataset(server.url)


def lay_down(folder):
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return folder


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock.sqlite"}


def test_download_into_the_cache(toy, server, tmp_path):
    told = []
    folder = fetch(toy, progress=lambda name: lambda here, total: told.append((name, here, total)))
    assert folder == tmp_path / "cache" / "data" / "toy" == find(toy)
    assert content_of(folder) == CONTENTS
    assert told == [("a.bin", 1000, 1000), ("b.bin", 2000, 2000)]
    assert fetch(toy) == folder
    assert len(server.requests) == 2


def test_download_into_a_folder(toy, tmp_path):
    assert fetch(toy, to=tmp_path / "mine") == tmp_path / "mine"
    assert content_of(tmp_path / "mine") == CONTENTS
    assert not (tmp_path / "cache").exists()


def test_interrupted_download_goes_on(toy, server, tmp_path):
    server.moods = ["well", "break"]
    with pytest.raises(DataError, match="broke"):
        fetch(toy)
    assert sorted(content_of(tmp_path / "cache" / "data" / "toy")) == ["a.bin", "b.bin.part"]
    fetch(toy)
    assert server.requests == [("/a.bin", None), ("/b.bin", None), ("/b.bin", "bytes=1000-")]
    assert content_of(find(toy)) == CONTENTS


def test_damaged_file_in_the_cache_is_fetched_again(toy, server):
    folder = fetch(toy)
    (folder / "b.bin").write_bytes(b"x" * 2000)
    assert fetch(toy) == folder
    assert content_of(folder) == CONTENTS
    assert [path for path, _ in server.requests] == ["/a.bin", "/b.bin", "/b.bin"]


def test_copy_from_a_folder(toy, server, tmp_path):
    source = lay_down(tmp_path / "given" / "inner")
    folder = fetch(toy, source=tmp_path / "given")
    assert folder == tmp_path / "cache" / "data" / "toy"
    assert content_of(folder) == content_of(source) == CONTENTS
    assert fetch(toy, source=source, to=source) == source
    assert server.requests == []


def test_copy_of_a_damaged_folder_is_refused(toy, tmp_path):
    source = lay_down(tmp_path / "given")
    (source / "b.bin").write_bytes(b"x" * 2000)
    with pytest.raises(DataError, match=r"given/b\.bin does not have the published checksum; nothing was copied"):
        fetch(toy, source=source)
    assert not (tmp_path / "cache").exists()


def test_copy_from_an_incomplete_folder_is_refused(toy, tmp_path):
    source = lay_down(tmp_path / "given")
    (source / "b.bin").unlink()
    with pytest.raises(DataNotFoundError, match=r"given lacks b\.bin"):
        fetch(toy, source=source)


def test_what_is_there_is_used(toy, server, tmp_path, monkeypatch):
    mine = lay_down(tmp_path / "mine")
    monkeypatch.setenv("EOMOO_DATA", str(mine))
    assert fetch(toy) == mine
    assert fetch(toy, to=tmp_path / "copy") == tmp_path / "copy"
    assert content_of(tmp_path / "copy") == CONTENTS
    assert server.requests == []


def test_damaged_copy_that_would_hide_the_download(toy, server, tmp_path, monkeypatch):
    mine = lay_down(tmp_path / "mine")
    (mine / "a.bin").write_bytes(b"x" * 1000)
    monkeypatch.setenv("EOMOO_DATA", str(mine))
    with pytest.raises(DataError, match=r"mine/a\.bin does not have the published checksum; delete it"):
        fetch(toy)
    assert fetch(toy, to=tmp_path / "new") == tmp_path / "new"
    assert content_of(tmp_path / "new") == CONTENTS


def test_no_address(toy, tmp_path):
    offline = make_dataset(None)
    with pytest.raises(DataNotFoundError, match=r"a\.bin of toy has no address; fetch it by hand from https://ex"):
        fetch(offline)
    assert fetch(offline, source=lay_down(tmp_path / "given")) == find(offline)
