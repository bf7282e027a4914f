"""JSON and TOML files read strictly: regular, within a size, no key twice, no NaN, never too deep; TOML out."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from eomoo.arrays import Facts
from eomoo.checks import short
from eomoo.errors import DataError, EomooError
from eomoo.files.files import other_kind, read_bytes

# Python neither follows brackets a thousand deep nor reads integers of thousands of digits.
_IMPOSSIBLE = "impossible nesting or numbers"


def read_json(path: str | Path, *, max_size: int = 64 * 2**20) -> Any:
    """The value in a JSON file, UTF-8, of at most ``max_size`` bytes; the largest known one has 0.8 MB.

    NaN, infinity and an object with the same key twice are refused as well.
    """

    def unique(pairs: list[tuple[str, Any]]) -> Facts:
        record: Facts = {}
        for key, value in pairs:
            if key in record:
                raise DataError(f"{path}: the record {short(key)} is there twice")
            record[key] = value
        return record

    def no_constant(text: str) -> NoReturn:
        raise DataError(f"{path} holds {text}, which is no number")

    text = _text(path, "JSON", max_size, DataError)
    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno}, column {error.colno} ({error.msg})"
    except EomooError:
        raise
    except (RecursionError, ValueError):
        where = f"({_IMPOSSIBLE})"
    raise DataError(f"{path} is no JSON or is damaged {where}")


def read_toml(path: str | Path, *, max_size: int = 2**20, error: type[EomooError] = DataError) -> Facts:
    """The table in a TOML file, UTF-8, of at most ``max_size`` bytes: people write files far below the default.

    ``error`` is what is raised where it is no TOML.
    """
    text = _text(path, "TOML", max_size, error)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as found:
        reason = str(found)
    except (RecursionError, ValueError):
        reason = _IMPOSSIBLE
    raise error(f"{path} is no TOML file: {reason}")


def to_toml(values: Mapping[str, object]) -> str:
    """Plain data as a TOML file's text: plain values first, then tables and lists of tables; None is left out."""
    plain, tables = [], []
    for name, value in values.items():
        if isinstance(value, Mapping):
            tables += ["", f"[{_quoted(name)}]", *_lines(value)]
        elif isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            for row in value:
                tables += ["", f"[[{_quoted(name)}]]", *_lines(row)]
        else:
            plain += _lines({name: value})
    return "\n".join([*plain, *tables]) + "\n"


def _lines(table: Mapping[str, object]) -> list[str]:
    return [f"{_quoted(name)} = {_inline(value)}" for name, value in table.items() if value is not None]


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(_lines(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    # JSON's numbers, texts and truth values are TOML's too, but for one character.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _inline(name)


def _text(path: str | Path, format_name: str, max_size: int, error: type[EomooError]) -> str:
    content = read_bytes(path, max_size=max_size)
    kind = other_kind(content)
    if kind:
        raise error(f"{path} is no {format_name} but {kind}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{path} is no {format_name} or is damaged (not UTF-8 text)") from None
