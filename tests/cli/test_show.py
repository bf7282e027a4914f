"""``eomoo show`` and ``eomoo problems``, and the command as a whole."""

import json

import pytest

import eomoo
from eomoo.cli.common import parse_options
from eomoo.cli.show import parse_cell
from eomoo.errors import EomooError, SettingError

CELL = 100434


def forms(space):
    genotype = space.genotype(CELL).tolist()
    text = "".join(map(str, genotype))
    return [
        str(CELL),
        f"arch_{CELL}",
        f" ARCH_{CELL} ",
        space.hash(CELL),
        space.hash(CELL).upper(),
        text,
        str(genotype),
        f"{text[:21]} {text[21:]}",
        ",".join(text),
        "00000100434",
    ]


def test_every_form_of_a_cell(space):
    for text in forms(space):
        assert parse_cell(text) == CELL


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "-1", "423624", "1.5", "9" * 18, "9" * 40, "9" * 6_000, "²", "٣", "arch_", "arch_arch_3"),
        *("0" * 26, "1" * 26, "3" * 26, "f" * 32, "g" * 32, "1e5", "nan", "0x10", "\0", "input", "+3", "1_000"),
    ],
)
def test_what_is_no_cell_is_told_in_one_sentence(refused, text):
    with pytest.raises(EomooError) as caught:
        parse_cell(text)
    assert "\n" not in str(caught.value)
    # A dash begins an option, unless "--" goes before it.
    assert str(caught.value) in refused("show", "--", text)


def test_a_cell_in_text(call, space):
    done = call("show", CELL)
    assert done.code == 0
    assert space.hash(CELL) in done.out
    assert "".join(map(str, space.genotype(CELL))) in done.out
    assert f"{space.params(CELL):,} parameters" in done.out
    assert f"{space.macs(CELL):,} MACs" in done.out
    assert "conv" in done.out
    assert "no measured cell" not in done.out
    small = int((space.n_vertices == 3).nonzero()[0][0])
    told = call("show", small).out
    assert "other operations: no measured cell has as many vertices and operations of each kind" in told


def test_the_same_cell_in_every_form_as_json(call, space):
    found = [json.loads(call("show", text, "--json").out) for text in forms(space)[:1] + forms(space)[3:6]]
    assert all(facts == found[0] for facts in found)
    facts = found[0]
    assert eomoo.Cell(facts["matrix"], facts["ops"]) == space.cell(CELL)
    assert (facts["index"], facts["hash"]) == (CELL, space.hash(CELL))
    assert (facts["params"], facts["macs"]) == (space.params(CELL), space.macs(CELL))
    assert facts["neighbors"]["hamming"] == len(space.neighbors(CELL))
    assert set(facts["values"]) == {*("val_micro", "val_macro", "test_micro", "test_macro", "latency", "train_time")}
    for value in facts["values"].values():
        assert value["predicted"] > 0
        assert value["std"] > 0


def test_measured_values_of_a_published_cell(call, eo_folder):
    from eomoo.data import load_eo_table

    table = load_eo_table(eo_folder).set_index("index")
    facts = json.loads(call("show", CELL, "--json").out)
    for name, value in facts["values"].items():
        assert value["measured"] == table.loc[CELL, name]


@pytest.mark.parametrize(("form", "begin"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_a_drawing(call, tmp_path, form, begin):
    path = tmp_path / "new" / f"cell.{form}"
    done = call("show", CELL, "--png", path)
    assert done.code == 0
    assert path.read_bytes().startswith(begin)
    assert "drawing written to" in done.out
    assert list(path.parent.iterdir()) == [path]


def test_drawings_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "x.png").mkdir()
    assert "there is a folder of that name" in refused("show", CELL, "--png", tmp_path / "x.png")
    assert "must be one of png, pdf, svg; got 'jpg'" in refused("show", CELL, "--png", tmp_path / "x.jpg")
    (tmp_path / "file").touch()
    assert "is a file or a broken link, not a folder" in refused("show", CELL, "--png", tmp_path / "file" / "x.png")


def test_the_list_of_problems(call):
    done = call("problems")
    assert done.code == 0
    for name in eomoo.list_problems():
        assert name in done.out
    rows = json.loads(call("problems", "--json").out)
    assert [row["name"] for row in rows] == eomoo.list_problems()
    for row in rows:
        assert {"title", "citation", "budget", "objectives"} <= row.keys()
        assert all(o["direction"] in ("min", "max") for o in row["objectives"])


def test_help_and_version(call):
    assert "eomoo run" in call("--help").out
    assert call("--version").out == f"eomoo {eomoo.__version__}\n"
    for command in ("run", "problems", "show", "study", "data"):
        done = call(command, "--help")
        assert done.code == 0
        assert "Usage" in done.out
    assert call("run", "-h").out == call("run", "--help").out


@pytest.mark.parametrize(
    "arguments", [("rnu",), ("--colour",), ("run", "--seed"), ("show",), ("show", "1", "2"), ("problems", "x")]
)
def test_wrong_usage(refused, arguments):
    assert refused(*arguments)


def test_options_of_the_command_line():
    text = ["a=1", "b-c=2.5", "d=true", "e=False", "f=x=y", " g = h "]
    assert parse_options(text) == {"a": 1, "b_c": 2.5, "d": True, "e": False, "f": "x=y", "g": "h"}
    for wrong in ("", "a", "=", "=3"):
        with pytest.raises(SettingError, match="an option reads like"):
            parse_options([wrong])


@pytest.mark.parametrize("words", [("export", "nowhere"), ("evaluate", "nowhere"), ("export", "nowhere", "5")])
def test_a_folder_that_is_not_there_is_named_as_a_folder(call, words):
    done = call(*words)
    assert (done.code, done.out) == (1, "")
    assert "error: there is no folder nowhere, and no cell is called so; name the folder" in " ".join(done.err.split())


def test_of_another_network_nothing_is_predicted(call):
    facts = json.loads(call("show", CELL, "--in-channels", 4, "--json").out)
    assert (facts["skeleton"]["in_channels"], facts["values"]) == (4, {})
    assert len(json.loads(call("show", CELL, "--json").out)["values"]) == 6
