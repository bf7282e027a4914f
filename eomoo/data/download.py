"""Download one file: resumed where it broke off, checked by its checksum, whole or not at all."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from eomoo.errors import DataError
from eomoo.files import only_one, sha256_of, writing

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
        target: The file to write; its folder is made if need be.
        sha256: Expected checksum, 64 hexadecimal digits.
        size: Expected size in bytes; more than that is not accepted.
        progress: Told about each piece that arrives.
        timeout: Seconds of silence after which the connection counts as lost (a choice).

    Returns:
        The path of the target.

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
        goes_on = response.status == 206 and _range_start(response) == here
        if response.status == 206 and not goes_on:
            _fail_broken(url, here, size, "the server sent another part of the file than asked for")
        here = here if goes_on else 0
        length = response.headers.get("Content-Length", "")
        total = here + int(length) if length.isdecimal() else size
        _copy(response, part, here=here, total=total, limit=size, url=url, progress=progress)
    return goes_on and here > 0


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


def _copy(
    response: http.client.HTTPResponse,
    part: Path,
    *,
    here: int,
    total: int | None,
    limit: int | None,
    url: str,
    progress: Progress | None,
) -> None:
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
            if limit is not None and here > limit:
                break
            file.write(piece)
            if progress is not None:
                progress(here, total)
        file.flush()
        os.fsync(file.fileno())
    if limit is not None and here > limit:
        part.unlink()
        raise DataError(f"{url} gives more than the {limit} bytes of the published file; it was deleted")
    if total is not None and here < total:
        _fail_broken(url, here, total, "the server closed it")


def _range_start(response: http.client.HTTPResponse) -> int:
    text = response.headers.get("Content-Range", "")
    first = text.removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else -1


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
