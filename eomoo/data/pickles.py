"""Plain data out of pickle files, without running anything that is in them.

A pickle is a program. It is read here in two passes: the first looks at every instruction without
carrying it out and refuses the file unless all of them build plain data; the second builds the data
with an unpickler that knows three names only, those that NumPy's scalars are made of, and answers them with
code of this module, so that not even NumPy sees what the file says.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from eomoo.errors import DataError
from eomoo.files import other_kind, read_bytes

_NUMERIC = re.compile(r"b1|[iu][1248]|f[248]")

_LEAVES = {str, int, float, bool, type(None)}

_MEMO_WRITES = {"PUT", "BINPUT", "LONG_BINPUT"}
# REDUCE and BUILD serve NumPy's scalars; what they may reach is limited by the names above.
_ADMITTED = {
    *_MEMO_WRITES,
    *("GET", "BINGET", "LONG_BINGET", "MEMOIZE", "PROTO", "FRAME", "MARK", "POP", "POP_MARK", "STOP"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "INT", "BININT", "BININT1", "BININT2"),
    *("LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "NONE", "NEWTRUE", "NEWFALSE", "EMPTY_LIST", "LIST"),
    *("APPEND", "APPENDS", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "EMPTY_TUPLE", "TUPLE", "TUPLE1"),
    *("TUPLE2", "TUPLE3"),
}


def read_pickle(path: str | Path, *, max_size: int = 64 * 2**20) -> Any:
    """Return the plain data in a pickle file: nothing in the file is imported, called or executed.

    Admitted are dict, list, tuple, str, int, float, bool, None and NumPy scalars of boolean, integer
    and floating kinds, which come back as the Python numbers of the same value.

    Args:
        path: The pickle file.
        max_size: Largest file size in bytes that is read. Memory stays within a few hundred times the size of the file.

    Anything else is a DataError, which names the forbidden thing.
    """
    content = read_bytes(path, max_size=max_size)
    kind = other_kind(content)
    if kind:
        raise DataError(f"{path} is no pickle but {kind}")
    try:
        _inspect(content)
        value = _PlainUnpickler(io.BytesIO(content)).load()
        _check_plain(value)
    except _PickleError as error:
        raise DataError(f"{path} {error}") from None
    except MemoryError:
        raise
    except Exception as error:
        # A damaged pickle fails in the unpickler in any of a dozen ways.
        raise DataError(f"{path} is damaged: as a pickle it makes no sense ({_shown(error)})") from error
    return value


class _PickleError(Exception):
    """What is wrong with a file, as a sentence goes on after its name."""


class _PlainDtype:
    """A NumPy dtype of the file, kept as text until its byte order is known."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        if not (isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "=")):
            raise _PickleError("is damaged: a NumPy dtype in it has an impossible byte order")
        self.code = state[1] + self.code.lstrip("<>|=")


# What follows are slotted instances and no functions: the file cannot change what they do.


class _DtypeMaker:
    """Stands for numpy.dtype."""

    __slots__ = ()

    def __call__(self, code: object, *_: object) -> _PlainDtype:
        if not (isinstance(code, str) and _NUMERIC.fullmatch(code.lstrip("<>|="))):
            _refuse(f"holds NumPy values of type {_shown(code)}")
        return _PlainDtype(code)


class _ScalarMaker:
    """Stands for numpy.core.multiarray.scalar."""

    __slots__ = ()

    def __call__(self, dtype: object, raw: object) -> bool | int | float:
        if not (isinstance(dtype, _PlainDtype) and isinstance(raw, bytes)):
            raise _PickleError("is damaged: a NumPy scalar in it lacks its type or its bytes")
        kind = np.dtype(dtype.code)
        if len(raw) != kind.itemsize:
            raise _PickleError(f"is damaged: a NumPy scalar in it has {len(raw)} bytes, not {kind.itemsize}")
        number: bool | int | float = np.frombuffer(raw, kind)[0].item()
        return number


class _BytesMaker:
    """Stands for _codecs.encode: how protocols 0 to 2 write the bytes of a scalar, as Latin-1 text."""

    __slots__ = ()

    def __call__(self, text: object, encoding: object = "latin1") -> bytes:
        if not (isinstance(text, str) and encoding == "latin1"):
            raise ValueError("bytes that are no Latin-1 text")
        return text.encode("latin1")


_NAMES = {
    ("numpy.core.multiarray", "scalar"): _ScalarMaker(),
    ("numpy._core.multiarray", "scalar"): _ScalarMaker(),
    ("numpy", "dtype"): _DtypeMaker(),
    ("_codecs", "encode"): _BytesMaker(),
}


class _PlainUnpickler(pickle.Unpickler):
    """Knows three names and imports nothing."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _NAMES:
            _refuse(f"would use {_shown(f'{module}.{name}')}")
        return _NAMES[module, name]


def _inspect(content: bytes) -> None:
    """Refuse a pickle with instructions that do more than build plain data; carry out none of them."""
    stop: int | None = None
    try:
        for opcode, argument, stop in pickletools.genops(content):  # noqa: B007 - the last is used below
            if opcode.name not in _ADMITTED:
                _refuse(f"holds the pickle instruction {opcode.name}")
            if opcode.name in _MEMO_WRITES and not 0 <= (argument or 0) <= len(content):
                # The unpickler would reserve memory up to that number, whatever the file's size.
                raise _PickleError("is damaged: it numbers more objects than it can hold")
    except (_PickleError, MemoryError):
        raise
    except Exception as error:
        raise _PickleError(f"is no pickle or is damaged ({_shown(error)})") from error
    rest = len(content) - 1 - (stop or 0)
    if rest:
        raise _PickleError(f"is damaged: {rest} bytes follow its end")


def _check_plain(value: object) -> None:
    """Refuse what may serve a NumPy scalar but is no data by itself: bytes, dtypes, the makers."""
    seen: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind in _LEAVES:
            continue
        if kind not in (dict, list, tuple):
            _refuse(f"holds an object of type {kind.__name__.lstrip('_')}")
        if id(item) not in seen:
            seen.add(id(item))
            waiting.extend(item)
            if kind is dict:
                waiting.extend(item.values())


def _refuse(what: str) -> NoReturn:
    raise _PickleError(f"is refused because it {what}; only plain data is read from a pickle, nothing was executed")


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, str | Exception) else ""
    text = text or type(value).__name__
    return text.encode("unicode_escape").decode()[:80]
