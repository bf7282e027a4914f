import collections
import datetime
import os
import pickle

import numpy as np
import pytest

from eomoo.data.pickles import read_pickle
from eomoo.errors import DataError, DataNotFoundError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Caller:
    """Calls `function` when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Plain:
    pass


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        (tmp_path / "x.pickle").write_bytes(content)
        return read_pickle(tmp_path / "x.pickle")

    return read_content


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_come_back_as_they_were(read, protocol):
    shared = [1, 2]
    value = {
        "a": [shared, shared, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        108: {"deep": [{"er": None}]},
        "numbers": [True, False, 0, -1, 255, 256, 70_000, 2**40, -(2**100), 0.1, -1e300],
        "text": ["", "ä€😀", "x" * 300],
    }
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["?", "i1", "i8", "u2", "f2", "f4", "<f8", ">f8", ">i4"])
def test_numpy_scalars_come_back_as_python_numbers(read, protocol, kind):
    value = np.array([1], kind)[0] * np.array([1], kind)[0]
    back = read(pickle.dumps([value, np.float64(0.1)], protocol))
    assert back == [value.item(), 0.1]
    assert type(back[0]) in (bool, int, float)


def test_numbers_of_the_other_byte_order(read):
    content = pickle.dumps(np.float64(0.1), 3)
    other = content.replace(b"X\x01\x00\x00\x00<", b"X\x01\x00\x00\x00>")
    number = np.float64(0.1).tobytes()
    assert other != content
    assert number in other
    assert read(other.replace(number, number[::-1])) == 0.1


def test_old_and_new_module_names_of_numpy(read):
    new = pickle.dumps(np.float64(0.25), 0)
    for name in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        assert read(new.replace(b"numpy._core.multiarray", name)) == 0.25


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_called(read, tmp_path, protocol):
    witness = tmp_path / "witness"
    for call in (
        Caller(os.system, f"touch {witness}"),
        Caller(open, str(witness), "w"),
        Caller(os.mkdir, str(witness)),
        Caller(eval, f"open({str(witness)!r}, 'w')"),
    ):
        with pytest.raises(DataError, match="nothing was executed") as caught:
            read(pickle.dumps({"hash": [1.0, call]}, protocol))
        assert call.call[0].__name__ in str(caught.value)
        assert "x.pickle" in str(caught.value)
        assert not witness.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        Plain(),
        Plain,
        os.getcwd,
        {1, 2},
        frozenset([1]),
        b"bytes",
        bytearray(b"bytes"),
        3 + 4j,
        range(3),
        datetime.date(2024, 1, 1),
        collections.OrderedDict(a=1),
        np.arange(3),
        np.array([None]),
        np.dtype("f8"),
        np.float64,
        np.str_("x"),
        np.datetime64(1, "D"),
        np.array([(1, 2.0)], "i4,f8")[0],
        np.complex128(1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_refused(read, protocol, value):
    with pytest.raises(DataError, match=r"x\.pickle is refused because it (would use|holds) .*nothing was executed"):
        read(pickle.dumps([value], protocol))


def test_names_put_together_on_the_stack_are_refused(read):
    # "posix" and "system" are fetched from the memo, so the first look cannot know them.
    content = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x9400\x8c\x05numpy\x8c\x05dtype00h\x00h\x01\x93\x8c\x02ls\x85R."
    with pytest.raises(DataError, match=r"would use posix\.system"):
        read(content)


def test_the_unpickler_cannot_be_reprogrammed(read):
    # GLOBAL scalar, then BUILD with a state that would set its attributes.
    for state in (b"}\x8c\x08__call__K\x01s", b"N}\x8c\x08__call__K\x01s\x86", b"}\x8c\x04pathK\x01s"):
        with pytest.raises(DataError):
            read(b"\x80\x04cnumpy.core.multiarray\nscalar\n" + state + b"b.")
    assert read(pickle.dumps(np.float64(0.5))) == 0.5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"hello",
        b"\x80\x04N",
        b"\x80\x04N.more",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fN.",
        b"\x80\x04\x8d\xff\xff\xff\xff\x00\x00\x00\x00N.",
        b"\x80\x02}r\xff\xff\xff\x7f.",
        b"]p99999999999\n.",
        b"]p-1\n.",
        b"\x80\x02]](K\x01u.",
        b"\x80\x02.",
        b"\x80\x02}]K\x01s.",
        b"\x80\x02cnumpy\ndtype\n)R.",
        b"\x80\x02cnumpy\ndtype\n(X\x02\x00\x00\x00f8K\x00K\x01tR.",
        b"\x80\x02cnumpy.core.multiarray\nscalar\n(K\x01K\x02tR.",
        b"\x80\x02h\x07.",
    ],
)
def test_damaged_pickles_are_one_sentence(read, content):
    with pytest.raises(DataError, match=r"x\.pickle") as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_scalar_of_wrong_length(read):
    content = pickle.dumps(np.float64(0.5), 3).replace(b"C\x08" + np.float64(0.5).tobytes(), b"C\x04\x00\x00\x00\x00")
    with pytest.raises(DataError, match="has 4 bytes, not 8"):
        read(content)


def test_self_reference_ends(read):
    loop = []
    loop.append(loop)
    assert read(pickle.dumps(loop))[0] is not None


def test_very_deep_data_do_not_crash(read):
    n = 100_000
    with pytest.raises(DataError):
        read(b"\x80\x02" + b"]" * n + b"a" * n + b".")
    value = read(b"\x80\x02" + b"]" * n + b"a" * (n - 1) + b".")
    assert isinstance(value, list)


def test_large_files_and_missing_files(tmp_path):
    (tmp_path / "x.pickle").write_bytes(pickle.dumps("x" * 1000))
    with pytest.raises(DataError, match="larger than the 999 bytes"):
        read_pickle(tmp_path / "x.pickle", max_size=999)
    with pytest.raises(DataNotFoundError, match="there is no file"):
        read_pickle(tmp_path / "y.pickle")
