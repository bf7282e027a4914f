import pytest

from eomoo.errors import DataError
from eomoo.files import Place


def place(value):
    return Place(value, "x.json")


def fails(match, call, *arguments):
    with pytest.raises(DataError, match=match):
        call(*arguments)


def test_the_way_to_a_value_is_named():
    found = place({"a": [{"b": "text"}]})["a"].list("entry")[0]["b"]
    assert found.value == "text"
    fails(r"^x\.json: a, entry 0, b must be a finite number; got 'text'$", found.number)
    fails(r"^x\.json must be a list; got {}$", place({}).list, "entry")
    fails(r"^x\.json has no 'c'$", place({}).__getitem__, "c")
    fails(r"^x\.json must be a record with names; got \[\]$", lambda: dict(place([]).items()))


@pytest.mark.parametrize("value", [0, -3, 2.5, 10**6])
def test_numbers(value):
    assert place(value).number() == value
    assert type(place(value).number()) is float


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), True, "1", None, [1], 10**400])
def test_no_numbers(value):
    fails(r"^x\.json must be a finite number; got ", place(value).number)


def test_ranges():
    assert place(1).integer(0, 1) == 1
    fails("must be a whole number from 0 to 1; got 2", place(2).integer, 0, 1)
    fails("must be a whole number from 0 to 1; got 1.0", place(1.0).integer, 0, 1)
    fails("must be a whole number from 0 to 1; got True", place(True).integer, 0, 1)
    fails("must be a finite number of at least 0; got -0.5", place(-0.5).number, 0)
    fails("from 0 to 1; got a number of thousands of digits", place(10**5000).integer, 0, 1)


def test_texts():
    assert place("ab").text("[ab]+", "letters") == "ab"
    for value in ("abc", "ab\n", "", None, 1, "\ud800"):
        fails("must be letters; got ", place(value).text, "[ab]+", "letters")
    fails(r"got 'x+\.\.\.x+'$", place("x" * 1000).text, "[ab]+", "letters")
    # What a file says is shown, and a terminal would obey.
    fails(r"must be a text without control characters; got '.x1b\[2J'", place("\x1b[2J").text, ".*", "a text")
