import hashlib
from pathlib import Path

import pytest

from eomoo.data.datasets import DATASETS, DataFile, DataSet, check_files, find, get_dataset, search_folders
from eomoo.errors import DataNotFoundError, UnknownNameError
from eomoo.files import cache_folder


def dataset(*, url=None, subfolder="inner", names=("a.bin", "b.bin")):
    files = tuple(
        DataFile(name=name, size=1, sha256=hashlib.sha256(name[:1].encode()).hexdigest(), url=url) for name in names
    )
    return DataSet(
        name="toy",
        title="A toy",
        citation="Nobody 2024",
        licence="MIT",
        homepage="https://example.org/toy",
        files=files,
        subfolder=subfolder,
    )


def lay_down(folder, content=None):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("a.bin", "b.bin"):
        (folder / name).write_text(content or name[:1])
    return folder


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EOMOO_DATA", raising=False)


def test_registry_is_complete():
    for name, known in DATASETS.items():
        assert known.name == name
        assert known.title
        assert known.citation
        assert known.licence
        assert known.homepage.startswith("https://")
        for file in known.files:
            assert len(file.sha256) == 64
            assert int(file.sha256, 16) >= 0
            assert file.size > 0
            assert file.url is None or file.url.startswith("https://")


def test_registered_checksums_and_sizes_are_those_of_the_published_files(eo_folder):
    known = get_dataset("eo-hwnas")
    assert [check.state for check in check_files(known, eo_folder)] == ["ok"] * 6
    assert [(eo_folder / file.name).stat().st_size for file in known.files] == [file.size for file in known.files]


def test_unknown_names_list_the_known():
    with pytest.raises(UnknownNameError, match=r"no data set 'eo-hwna'; known are .*eo-hwnas"):
        get_dataset("eo-hwna")
    assert get_dataset(dataset()) == dataset()


def test_file_names_have_no_folders():
    with pytest.raises(ValueError, match="without folders"):
        DataFile(name="../x", size=1, sha256="0" * 64)


@pytest.mark.parametrize("place", ["", "inner", "toy", "toy/inner"])
@pytest.mark.parametrize("way", ["given", "EOMOO_DATA", "cache"])
def test_found_in_any_usual_place(tmp_path, monkeypatch, place, way):
    base = tmp_path / "cache" / "data" if way == "cache" else tmp_path / "base"
    folder = lay_down(base / place)
    if way == "EOMOO_DATA":
        monkeypatch.setenv("EOMOO_DATA", str(base))
    assert find(dataset(), base if way == "given" else None) == folder


def test_order_of_places(tmp_path, monkeypatch):
    in_cache = lay_down(tmp_path / "cache" / "data" / "toy")
    assert find(dataset()) == in_cache
    monkeypatch.setenv("EOMOO_DATA", str(tmp_path / "mine"))
    assert find(dataset()) == in_cache
    mine = lay_down(tmp_path / "mine")
    assert find(dataset()) == mine
    given = lay_down(tmp_path / "given")
    assert find(dataset(), given) == given
    assert search_folders(dataset())[0] == tmp_path / "mine"


def test_a_given_folder_is_the_only_one(tmp_path):
    lay_down(tmp_path / "cache" / "data" / "toy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFoundError, match=r"empty does not hold the data set toy \(a\.bin and so on\)"):
        find(dataset(), tmp_path / "empty")
    with pytest.raises(DataNotFoundError, match=r"there is no folder .*nowhere"):
        find(dataset(), tmp_path / "nowhere")


def test_incomplete_copies_are_named(tmp_path):
    folder = lay_down(tmp_path / "x" / "toy")
    (folder / "b.bin").unlink()
    with pytest.raises(DataNotFoundError, match=r"x does not hold the data set toy \(.*toy lacks b\.bin\)"):
        find(dataset(), tmp_path / "x")


def test_nowhere_says_which_command_helps():
    with pytest.raises(DataNotFoundError, match=r"not on this machine; get it with `eomoo data get toy`"):
        find(dataset(url="https://example.org/a.bin"))
    with pytest.raises(DataNotFoundError, match=r"by hand from https://example\.org/toy .*toy --from FOLDER`"):
        find(dataset(url=None))


def test_states_of_files(tmp_path):
    folder = lay_down(tmp_path / "toy")
    (folder / "b.bin").write_text("x")
    assert [check.state for check in check_files(dataset(), folder)] == ["ok", "wrong checksum"]
    (folder / "a.bin").unlink()
    assert [check.state for check in check_files(dataset(), folder)] == ["missing", "wrong checksum"]


def test_cache_folder(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("EOMOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "eomoo"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "eomoo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "eomoo"
    monkeypatch.setenv("EOMOO_CACHE", "~/mine")
    assert cache_folder() == Path.home() / "mine"
