"""Checksums of a folder's files beside them, so that one that was changed is not believed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from eomoo.errors import DataError
from eomoo.files.files import sha256_of, write_json
from eomoo.files.texts import read_json

DIGESTS_NAME = "digests.json"
# A trace of all 423,624 cells, a hundred characters each, has 42 MB.
_MOST_BYTES = 1 << 28


def write_digests(folder: Path, names: Sequence[str]) -> Path:
    """Write the SHA-256 of files of a folder into its ``digests.json``."""
    write_json(folder / DIGESTS_NAME, {name: sha256_of(folder / name) for name in names})
    return folder / DIGESTS_NAME


def forget_digests(folder: Path) -> None:
    """Before the files are written anew: a kill in between must not make them look changed."""
    with contextlib.suppress(OSError):
        (folder / DIGESTS_NAME).unlink()


def check_digests(folder: Path) -> None:
    """DataError where a file of a folder is not as its ``digests.json`` says; a folder of 0.1.0 has none."""
    path = folder / DIGESTS_NAME
    if not path.is_file():
        return
    try:
        digests = read_json(path)
    except DataError:
        digests = None
    if not isinstance(digests, dict) or not all(isinstance(digest, str) for digest in digests.values()):
        raise DataError(
            f"{path} is damaged; delete it, so that nothing tells any more whether the folder's files have changed, "
            "or write the folder again by the same command"
        )
    for name, digest in digests.items():
        file = folder / Path(name).name
        if file.is_file() and (file.stat().st_size > _MOST_BYTES or sha256_of(file) != digest):
            raise DataError(
                f"{file} has changed since it was written; write it again by the same command, or delete "
                f"{DIGESTS_NAME} if the change is yours"
            )
