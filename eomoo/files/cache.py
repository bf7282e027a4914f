"""Where eomoo keeps what it fetched or computed, to have it at hand."""

from __future__ import annotations

import os
from pathlib import Path

from eomoo.errors import SettingError


def cache_folder() -> Path:
    """Where eomoo keeps what it fetched: `EOMOO_CACHE`, else `eomoo` in `XDG_CACHE_HOME` or in `~/.cache`."""
    own = os.environ.get("EOMOO_CACHE")
    if own:
        return expanded(own)
    shared = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(shared) if os.path.isabs(shared) else expanded("~/.cache")) / "eomoo"


def expanded(path: str | Path) -> Path:
    """A path with its ``~`` or ``~user`` replaced by that home folder; SettingError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingError(f"the home folder in {path} is not known; give the whole path") from None
