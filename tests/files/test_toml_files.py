"""TOML written here is read back as it was."""

from eomoo.files import read_toml, to_toml


def test_plain_data_comes_back(tmp_path):
    values = {
        "title": 'quotes " and \\, a line\nand another, DEL \x7f, ünïcode 🛰',
        "small": 1e-7,
        "truth": True,
        "list": [1, 2.5, "three", [4]],
        "empty": [],
        "table": {"a key": 1, "of a table": {"x": [{"y": 2}]}},
        "rows": [{"name": "a"}, {"name": "b", "deep": {"z": -1}}],
    }
    (tmp_path / "x.toml").write_text(to_toml({**values, "nothing": None}), encoding="utf-8")
    assert read_toml(tmp_path / "x.toml") == values
