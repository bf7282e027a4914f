"""Files written whole or not at all, read within a size limit, and their checksums."""

from __future__ import annotations

import contextlib
import errno
import functools
import gzip
import hashlib
import io
import json
import math
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path

import numpy as np

from eomoo.errors import DataError, DataNotFoundError, EomooError
from eomoo.files.owners import lives, machine

_WRITE_HINTS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file is larger than allowed there; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "permission denied; choose a folder that you may write to"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "a part of that path is a file or a broken link, not a folder"),
    errno.ENOENT: "its folder is gone or cannot be made; choose another folder",
    errno.ENOTEMPTY: "something was written there meanwhile; choose another folder",
    errno.EISDIR: "there is a folder of that name",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENXIO: "nobody reads from that pipe",
    errno.EPIPE: "the reader of that pipe has gone",
    errno.EIO: "the device reports an input/output error",
}

# As ``_beside`` names them: machine, process, a random part and the final name.
_TEMPORARY = re.compile(r"\.eomoo-([0-9a-f]{8})-(\d{1,9})-[0-9a-f]{8}-.+")
# Of other machines, and of this one before it was started again, nobody can ask which processes live. Nothing that
# is written here is silent for a day.
_FORGOTTEN_SECONDS = 86_400.0

_BEGINNINGS = {
    b"PK\x03\x04": "a ZIP archive (or a network saved by PyTorch)",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file",
    b"SQLite": "an SQLite file",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"<": "a web page (or XML)",
}


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary file beside `path` to write to; on success it becomes `path`, else it is removed.

    Missing parent folders are made, and go again where nothing is written. The temporary name ends like
    `path`, so that libraries which choose a format by the ending choose the right one; those that killed
    processes left in the folder are removed. A link is followed, its target is replaced. What is no
    regular file, such as /dev/null or a pipe, is never replaced: the content is written into it.
    """
    target = Path(os.path.realpath(path))
    with writing(path):
        made = [folder for folder in target.parents if not folder.exists()]
        special = _is_special(target)
        if special:
            temporary = Path(tempfile.mkdtemp(prefix="eomoo-")) / target.name
            temporary.touch()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = _create_beside(target)
    try:
        yield temporary
        if special:
            _pour(temporary, target)
        else:
            _commit(temporary, target)
    except OSError as error:
        if _concerns_writing(error, temporary, target):
            raise write_error(path, error) from error
        raise
    finally:
        # After success the name is gone; a failure here must not hide the first error.
        with contextlib.suppress(OSError):
            temporary.unlink()
        if special:
            made = [temporary.parent]
        with contextlib.suppress(OSError):
            for folder in made:
                folder.rmdir()


@contextlib.contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside `path` to fill; on success it becomes `path`, which is not there, else it goes."""
    target = Path(path)
    with writing(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target.parent)
        temporary = _beside(target)
        temporary.mkdir()
    try:
        yield temporary
        with writing(path):
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as JSON (see `to_json`) to `path`, whole or not at all."""
    write_text(path, to_json(value) + "\n")


def to_json(value: object) -> str:
    """Return `value` as standard JSON text, indented by two.

    NumPy scalars and arrays, paths, tuples and dataclasses are converted. NaN and infinities, which
    JSON does not know, become null; what has no JSON form is a TypeError.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def sha256_of(path: str | Path, *, max_size: int | None = None) -> str:
    """The SHA-256 checksum of a file of any, or at most some, size in bytes, as 64 hexadecimal digits."""
    with reading(path) as file:
        if max_size is not None and os.fstat(file.fileno()).st_size > max_size:
            raise _too_large(path, max_size)
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bytes(path: str | Path, *, max_size: int) -> bytes:
    """The content of a file of at most `max_size` bytes."""
    with reading(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            # Python allocates all that it is asked to read.
            content = file.read(size + 1) if size <= max_size else None
        except MemoryError:
            raise DataError(f"{path} is larger than the memory that is free") from None
    if content is None or len(content) > max_size:
        raise _too_large(path, max_size)
    return content


def _too_large(path: str | Path, max_size: int, *, verb: str = "is larger") -> DataError:
    return DataError(f"{path} {verb} than the {max_size} bytes that such a file can have")


def read_head(path: str | Path, size: int) -> bytes:
    """The first `size` bytes of a file, or all that there are; nothing of a folder."""
    if os.path.isdir(path):
        return b""
    with reading(path) as file:
        return file.read(size)


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[io.BufferedReader]:
    """Open a regular file to read its bytes."""
    try:
        # A pipe that nobody writes would be waited for; Windows has neither the flag nor pipes in folders.
        without_waiting = getattr(os, "O_NONBLOCK", 0)
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | without_waiting)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DataError(f"{path} is not a regular file")
            yield file
    except FileNotFoundError:
        raise DataNotFoundError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, not a file") from None
    except (OSError, ValueError) as error:
        if isinstance(error, EomooError):
            raise
        # A ValueError is a name that no file can have.
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read {path}: {reason.lower()}") from error


def read_unpacked(path: str | Path, *, max_size: int) -> bytes:
    """The content of a file, unpacked where it is a gzip file, of at most `max_size` bytes.

    Content that is larger is refused before it is unpacked whole.
    """
    content = read_bytes(path, max_size=max_size)
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            content = file.read(max_size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}") from None
    if len(content) > max_size:
        raise _too_large(path, max_size, verb="unpacks to more")
    return content


def other_kind(content: bytes) -> str | None:
    """What a file is, judged by its first bytes, of the kinds that people give by mistake; else None."""
    start = content[:64].lstrip()
    return next((kind for magic, kind in _BEGINNINGS.items() if start.startswith(magic)), None)


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """What keeps `path` from being written or made within, as the sentence about it."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error


def check_folder(path: str | Path) -> None:
    """DataError where `path` is no folder that may be written to and none can be made; nothing is made."""
    place = Path(os.path.realpath(path))
    while not place.exists() and place != place.parent:
        place = place.parent
    with writing(path):
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_error(path: str | Path, error: OSError) -> DataError:
    """What says in one sentence why `path` cannot be written."""
    number = errno.ENOSPC if _cut_short(error) else error.errno or 0
    hint = _WRITE_HINTS.get(number, error.strerror or str(error))
    return DataError(f"cannot write {path}: {hint}")


def _is_special(target: Path) -> bool:
    """Whether a path is a device or a pipe, that is written into; OSError for what cannot be."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise OSError(errno.ENOTBLK, "it is a disk or a socket, no file", str(target))
    return not stat.S_ISREG(mode)


def _pour(source: Path, target: Path) -> None:
    """Write a file's content into a device or a pipe that somebody reads."""
    # Without waiting: a pipe that nobody reads would be waited for without end.
    descriptor = os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as sink, open(source, "rb") as file:
        shutil.copyfileobj(file, sink)


def _create_beside(target: Path) -> Path:
    _remove_leftovers(target.parent)
    # Not tempfile.mkstemp: it would leave the final file readable by its owner only.
    temporary = _beside(target)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    if target.exists():
        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode) | stat.S_IWUSR)
    return temporary


def _beside(target: Path) -> Path:
    return target.with_name(f".eomoo-{_this_machine()}-{os.getpid()}-{secrets.token_hex(4)}-{target.name[-50:]}")


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders of processes that are dead."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if (found := _TEMPORARY.fullmatch(path.name)) is not None:
                own = found[1] == _this_machine()
                with contextlib.suppress(OSError):
                    if not lives(int(found[2])) if own else path.stat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()


@functools.cache
def _this_machine() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


def _commit(temporary: Path, target: Path) -> None:
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        # Some network file systems cannot sync a folder; the file itself is safe.
        with contextlib.suppress(OSError):
            os.fsync(folder)
        os.close(folder)


def _concerns_writing(error: OSError, temporary: Path, target: Path) -> bool:
    """Tell a failure to write from one of the caller's own (a missing input, a lost connection)."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EPIPE) or _cut_short(error):
        return True
    return str(error.filename) in (str(temporary), str(target), str(target.parent))


def _cut_short(error: OSError) -> bool:
    # NumPy's where the disk gets full in an array, which has no number.
    return re.fullmatch(r"\d+ requested and \d+ written", str(error)) is not None


def _plain(value: object) -> object:
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _key(key: object) -> object:
    return key.item() if isinstance(key, np.generic) else str(key) if isinstance(key, Path) else key
