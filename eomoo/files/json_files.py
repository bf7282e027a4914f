"""JSON files read strictly: no NaN, no key twice, never too deep or too large."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from eomoo.errors import DataError
from eomoo.files.files import other_kind, read_bytes

__all__ = ["read_json"]


def read_json(path: str | Path, *, max_size: int = 64 * 2**20) -> Any:
    """Return the value in a JSON file.

    Args:
        path: The file, UTF-8.
        max_size: Largest file size in bytes that is read.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: The file is no JSON, is damaged or too large, holds NaN or infinity, or has an
            object with the same key twice; the text names the key, or the line and column.
    """
    content = read_bytes(path, max_size=max_size)
    kind = other_kind(content)
    if kind:
        raise DataError(f"{path} is no JSON but {kind}")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for key, value in pairs:
            if key in record:
                raise DataError(f"{path}: the record {key[:80]!r} is there twice")
            record[key] = value
        return record

    def no_constant(text: str) -> NoReturn:
        raise DataError(f"{path} holds {text}, which is no number")

    try:
        return json.loads(content, object_pairs_hook=unique, parse_constant=no_constant)
    except DataError:
        raise
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path} is no JSON or is damaged at line {error.lineno}, column {error.colno} ({error.msg})"
        ) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        reason = (
            "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "impossible nesting or numbers"
        )
        raise DataError(f"{path} is no JSON or is damaged ({reason})") from error
