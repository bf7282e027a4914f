"""Temporary files that a killed process left behind, and their removal."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

# As ``atomic_path`` names them.
_TEMPORARY = re.compile(r"\.[0-9a-f]{8}-.+")
_STARTED = time.time()
# A file that another process is writing grows all the time, but for the last sync, which takes seconds.
_QUIET_SECONDS = 60.0


def remove_leftovers(folder: str | Path) -> None:
    """Remove eomoo's own hidden temporary files from a folder, where they are older than this process."""
    with contextlib.suppress(OSError):
        for path in Path(folder).iterdir():
            if _TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < _STARTED - _QUIET_SECONDS:
                        path.unlink()
