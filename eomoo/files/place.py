"""A place in a data file: its value with the way to it, so that each error can name the record."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from eomoo.errors import DataError

__all__ = ["Place"]


class Place:
    """A value of a file, with the file's path and the names of the records that lead to it.

    Each method returns the value, or the places below it, after checking that it is what is expected.

    Args:
        value: Plain data: dict, list, tuple, str, int, float, bool or None.
        path: The file that it comes from.
        where: The record in words, such as ``"walk 3, step 4"``.
    """

    __slots__ = ("path", "value", "where")

    def __init__(self, value: Any, path: str | Path, where: str = "") -> None:
        self.value, self.path, self.where = value, path, where

    def fail(self, what: str) -> NoReturn:
        """Raise the DataError that says `what` is wrong with this record."""
        raise DataError(f"{self.path}: {self.where + ' ' if self.where else ''}{what}")

    def at(self, value: Any, name: str) -> Place:
        """A place below this one."""
        return Place(value, self.path, f"{self.where}, {name}" if self.where else name)

    def __getitem__(self, key: Any) -> Place:
        if not isinstance(self.value, dict):
            self.fail(f"should be a record with names, not {_kind(self.value)}")
        if key not in self.value:
            self.fail(f"has no {key!r}")
        return self.at(self.value[key], str(key))

    def items(self) -> Iterator[tuple[Any, Place]]:
        """The keys of a dict, each with its place."""
        if not isinstance(self.value, dict):
            self.fail(f"should be a record with names, not {_kind(self.value)}")
        for key, value in self.value.items():
            yield key, self.at(value, key if isinstance(key, str) and len(key) < 40 else _short(key))

    def list(self, name: str) -> list[Place]:
        """The elements of a list or tuple, named ``"<name> 0"``, ``"<name> 1"``, ..."""
        if not isinstance(self.value, list | tuple):
            self.fail(f"should be a list, not {_kind(self.value)}")
        return [self.at(value, f"{name} {i}") for i, value in enumerate(self.value)]

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number in [low, high], as float."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(f"should be a number, not {_kind(value)}")
        if isinstance(value, float) and not math.isfinite(value):
            self.fail(f"is {value}, which is no usable number")
        if not low <= value <= high:
            self.fail(f"is {_short(value)}, outside {_span(low, high)}")
        try:
            return float(value)
        except OverflowError:
            self.fail("is too large for a number")

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(f"should be an integer, not {_kind(value)}")
        if not low <= value <= high:
            self.fail(f"is {_short(value)}, outside {_span(low, high)}")
        return value

    def text(self, pattern: str, expected: str) -> str:
        """A text that matches the regular expression `pattern` as a whole; `expected` says so in words."""
        value = self.value
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            self.fail(f"should be {expected}, not {_short(value)}")
        return value


def _span(low: float, high: float) -> str:
    if high == math.inf:
        return f"the possible values from {low:g} up"
    return f"the possible values {low:g} to {high:g}"


def _kind(value: Any) -> str:
    names = {dict: "a record with names", list: "a list", tuple: "a list", str: "text", bool: "true or false"}
    names |= {int: "a number", float: "a number", type(None): "nothing"}
    return names.get(type(value), type(value).__name__)


def _short(value: Any) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:
        # An integer with more digits than Python turns into text.
        return "a number of thousands of digits"
