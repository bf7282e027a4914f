import pytest

from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import read_json


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        (tmp_path / "x.json").write_bytes(content)
        return read_json(tmp_path / "x.json")

    return read_content


def test_values_come_back(read):
    assert read(b'{"a": [1, 2.5, null, true, "\xc3\xa4"], "b": {"a": -0.0}}') == {
        "a": [1, 2.5, None, True, "ä"],
        "b": {"a": 0.0},
    }


@pytest.mark.parametrize("name", [b"NaN", b"Infinity", b"-Infinity"])
def test_no_numbers_that_are_none(read, name):
    with pytest.raises(DataError, match=rf"x\.json holds {name.decode()}, which is no number"):
        read(b'{"a": [' + name + b"]}")


def test_the_same_key_twice(read):
    with pytest.raises(DataError, match=r"x\.json: the record 'arch_7' is there twice"):
        read(b'{"arch_7": 1, "arch_8": 2, "arch_7": 1}')


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1, column 1"),
        (b'{"a": [1, 2', "line 1, column 12"),
        (b'{"a": 1}\n{"b": 2}', r"line 2, column 1 \(Extra data\)"),
        (b"\xff\xfe\x00\x01\x02", "not UTF-8 text"),
        (b'"\x80"', "not UTF-8 text"),
        (b"[" * 200_000, "impossible nesting"),
        (b"9" * 10_000, "impossible nesting or numbers"),
    ],
)
def test_damage_is_one_sentence(read, content, reason):
    with pytest.raises(DataError, match=rf"x\.json is no JSON or is damaged .*{reason}") as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_large_files_and_missing_files(tmp_path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(DataError, match="larger than the 2 bytes"):
        read_json(tmp_path / "x.json", max_size=2)
    with pytest.raises(DataNotFoundError, match="there is no file"):
        read_json(tmp_path / "y.json")
