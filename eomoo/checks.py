"""What a value may be: one check and one sentence for each mistake, for arguments and files alike.

Every function takes what the value is called, as the sentence begins ("n_starts", "card.toml: budget"), and
returns the value as what it was checked to be. The sentence names it, says what it must be and what came.
"""

from __future__ import annotations

import errno
import math
import os
import re
import reprlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from eomoo.errors import DataError, EomooError, SettingError, UnknownNameError

T = TypeVar("T")

LARGEST = 2**63 - 1
"""The largest seed and budget: what SQLite's integers hold."""

_CONTROL = re.compile(r"[^\t\r\n\x20-\x7e\xa0-\U0010ffff]")
# cuBLAS, cuDNN and onnxruntime have words of their own.
_NO_MEMORY = (
    *("out of memory", "not enough memory", "can't allocate memory", "failed to allocate memory"),
    "_status_alloc_failed",
)


def whole(
    name: str,
    value: object,
    *,
    least: int | None = None,
    most: int | None = None,
    error: type[EomooError] = SettingError,
) -> int:
    """The value as an int; ``error`` unless it is a whole number within the bounds. NumPy's count too."""
    # An array has the method, and raises.
    with suppress(TypeError, AttributeError):
        found = int(value.__index__())  # type: ignore[attr-defined]
        if not isinstance(value, bool) and (least is None or least <= found) and (most is None or found <= most):
            return found
    raise error(f"{name} must be a whole number{_within(least, most)}; got {short(value)}")


def positive(name: str, value: object, *, most: int | None = None) -> int:
    """The value as an int; SettingError unless it is a whole number of at least 1."""
    return whole(name, value, least=1, most=most)


def number(
    name: str,
    value: object,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    error: type[EomooError] = SettingError,
) -> float:
    """The value as a float; ``error`` unless it is a finite number within the bounds."""
    try:
        # Text has no __float__, and a truth value is no number.
        found = math.nan if isinstance(value, bool) else float(value.__float__())  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError, OverflowError):
        found = math.nan
    if not (math.isfinite(found) and least <= found <= most):
        low, high = None if least == -math.inf else least, None if most == math.inf else most
        raise error(f"{name} must be a finite number{_within(low, high)}; got {short(value)}")
    return found


def truth(name: str, value: object, *, error: type[EomooError] = SettingError) -> bool:
    """The value; ``error`` unless it is a truth value."""
    if not isinstance(value, bool):
        raise error(f"{name} must be true or false; got {short(value)}")
    return value


def text(name: str, value: object, *, error: type[EomooError] = SettingError) -> str:
    """The value; ``error`` unless it is a text without control characters, which terminals would obey."""
    if not isinstance(value, str):
        raise error(f"{name} must be a text; got {short(value)}")
    if _CONTROL.search(value):
        raise error(f"{name} must be a text without control characters; got {short(value)}")
    return value


def line(name: str, value: object, *, error: type[EomooError] = SettingError) -> str:
    """A text, in one line."""
    return re.sub(r"\s*[\t\r\n]\s*", " ", text(name, value, error=error).strip())


def choice(name: str, value: object, known: Collection[str], *, error: type[EomooError] = SettingError) -> str:
    """The value; ``error`` unless it is one of the known texts."""
    if not isinstance(value, str) or value not in known:
        raise error(f"{name} must be one of {', '.join(known)}; got {short(value)}")
    return value


def known_name(what: str, name: object, known: Collection[str], *, error: type[EomooError] = UnknownNameError) -> str:
    """The name of something that is looked up ("problem", "data set"); ``error`` unless it is known."""
    if not isinstance(name, str) or name not in known:
        raise error(f"there is no {what} {short(name)}; known are {', '.join(known) or 'none'}")
    return name


def known_keys(
    where: str, table: Mapping[str, object], known: Collection[str], *, error: type[EomooError] = SettingError
) -> None:
    """``error`` where a table (a file's, or options by name) has a key that is not known."""
    for key in table:
        if key not in known:
            raise error(f"{where}: unknown key {short(key)}; known are {', '.join(sorted(known)) or 'none'}")


def array(name: str, values: object, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """The values as an array; SettingError unless they are numbers, in rows of one length."""
    try:
        return np.asarray(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        raise SettingError(f"{name} must be numbers, in rows of one length; got {short(values)}") from None


def function(name: str, value: T) -> T:
    """The value; SettingError unless it can be called."""
    if not callable(value):
        raise SettingError(f"{name} must be a function; got {short(value)}")
    return value


def generator(name: str, seed: object) -> np.random.Generator:
    """The generator of a seed, itself where it is one, a fresh one for None; SettingError for anything else."""
    given = seed if isinstance(seed, np.random.Generator | None) else whole(name, seed, least=0)
    return np.random.default_rng(given)


def by_name(name: str, value: object) -> Mapping[str, Any]:
    """The value, nothing for None; SettingError unless it says something by name."""
    if not isinstance(value, Mapping | None):
        raise SettingError(f'{name} must be values by name, such as {{"name": value}}; got {short(value)}')
    return value or {}


def short(value: object) -> str:
    """A value as it may stand in a sentence: never long, whatever it is."""
    try:
        # NumPy's numbers as Python writes its own.
        return reprlib.repr(value.item() if isinstance(value, np.generic) else value)
    except ValueError:
        # An integer with more digits than Python turns into text.
        return "a number of thousands of digits"


def counted(n: int, what: str) -> str:
    """So many of something: "1 cell", "1,200 cells"."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def several(given: object) -> Iterable[Any]:
    """What is given one by one: nothing for None, what is no collection by itself, a text and a path as well."""
    if given is None:
        return ()
    return given if isinstance(given, Iterable) and not isinstance(given, str | Path) else (given,)


def listed(names: Iterable[object]) -> str:
    """Names as they may stand in a sentence: never many, never long (limits of choice, some lines of a terminal)."""
    found = [str(name)[:60] for name in names]
    return ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")


def first_line(error: BaseException) -> str:
    """What a library's error says, in one line of bounded length."""
    return (str(error).strip().split("\n")[0] or type(error).__name__)[:300]


@contextmanager
def explained(of: object, what: str, then: str = "") -> Iterator[None]:
    """Raise DataError (a ValueError) for all that a library raises within, of damaged files a dozen kinds.

    It says ``what`` is wrong with the file, the library's words or those of a lower one that it points at, and what
    to do ``then``. What may be the machine's fault is not called the file's.
    """
    try:
        yield
    except (EomooError, MemoryError):
        raise
    except Exception as error:
        if lacks_memory(error):
            # Or the file is damaged, and claims too much.
            what, then = "cannot be read", ""
        # EINVAL is the file's: it names a place that no file has. Damaged ones have no number, or 0.
        elif isinstance(error, OSError) and error.errno not in (None, 0, errno.EINVAL):
            raise DataError(f"cannot read {of}: {os.strerror(error.errno).lower()}") from error
        raise DataError(f"{of} {what}: {first_line(error.__cause__ or error)}{then}") from error


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that memory is lacking: Python's, a GPU's or a library's."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY)


def with_kind(error: BaseException) -> str:
    """An error's kind and what it says, in one line of bounded length."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"


def _within(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least:,} to {most:,}"
    if least is not None:
        return f" of at least {least:,}"
    return "" if most is None else f" of at most {most:,}"
