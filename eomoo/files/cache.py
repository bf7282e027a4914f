"""Where eomoo keeps what it fetched or computed, to have it at hand."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """The folder where eomoo keeps what it fetched.

    `EOMOO_CACHE` where set, else `eomoo` in `XDG_CACHE_HOME` or in `~/.cache`.
    """
    own = os.environ.get("EOMOO_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(shared) if os.path.isabs(shared) else Path("~/.cache").expanduser()) / "eomoo"
