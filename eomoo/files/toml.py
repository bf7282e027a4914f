"""TOML files read strictly: regular, within a size, never too deep, with or without a byte-order mark."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from eomoo.errors import DataError, EomooError
from eomoo.files.files import other_kind, read_bytes

__all__ = ["read_toml"]


def read_toml(
    path: str | Path, *, max_size: int = 2**20, error: type[EomooError] = DataError
) -> dict[str, Any]:
    """Return the table in a TOML file.

    Args:
        path: The file, UTF-8.
        max_size: Largest file size in bytes that is read; people write files far below the default.
        error: What is raised where the file is no TOML.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It cannot be read or is too large.
        error: It is no TOML; the text names the line and column.
    """
    content = read_bytes(path, max_size=max_size)
    kind = other_kind(content)
    if kind:
        raise error(f"{path} is no TOML file but {kind}")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as found:
        reason = str(found)
    except (RecursionError, ValueError):
        # Python neither follows brackets a thousand deep nor reads integers of thousands of digits.
        reason = "impossible nesting or numbers"
    raise error(f"{path} is no TOML file: {reason}")
