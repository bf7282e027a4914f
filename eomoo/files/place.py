"""A place in a data file: its value with the way to it, so that each error can name the record."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from eomoo.checks import number, short, text, whole
from eomoo.errors import DataError


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

    @property
    def name(self) -> str:
        """The file and the record, as a sentence about it begins."""
        return f"{self.path}: {self.where}" if self.where else str(self.path)

    def fail(self, what: str) -> NoReturn:
        """Raise the DataError that says `what` is wrong with this record."""
        raise DataError(f"{self.name} {what}")

    def must_be(self, expected: str) -> NoReturn:
        """Raise the DataError that says what this record must be and what it is."""
        self.fail(f"must be {expected}; got {short(self.value)}")

    def at(self, value: Any, name: str) -> Place:
        """A place below this one."""
        return Place(value, self.path, f"{self.where}, {name}" if self.where else name)

    def __getitem__(self, key: object) -> Place:
        values = self._record()
        if key not in values:
            self.fail(f"has no {key!r}")
        return self.at(values[key], str(key))

    def items(self) -> Iterator[tuple[Any, Place]]:
        """The keys of a dict, each with its place."""
        for key, value in self._record().items():
            yield key, self.at(value, key if isinstance(key, str) and len(key) < 40 else short(key))

    def list(self, name: str) -> list[Place]:
        """The elements of a list or tuple, named ``"<name> 0"``, ``"<name> 1"``, ..."""
        if not isinstance(self.value, list | tuple):
            self.must_be("a list")
        return [self.at(value, f"{name} {i}") for i, value in enumerate(self.value)]

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number in [low, high], as float."""
        return number(self.name, self.value, least=low, most=high, error=DataError)

    def integer(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return whole(self.name, self.value, least=low, most=high, error=DataError)

    def text(self, pattern: str, expected: str) -> str:
        """A text without control characters that as a whole matches the pattern, which `expected` says in words."""
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value, re.ASCII):
            self.must_be(expected)
        return text(self.name, self.value, error=DataError)

    def _record(self) -> dict[Any, Any]:
        if not isinstance(self.value, dict):
            self.must_be("a record with names")
        return self.value
