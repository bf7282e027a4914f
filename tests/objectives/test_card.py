"""Problem cards: what they say, and one sentence for each way to get one wrong."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import ANALYTIC_CARD

from eomoo.errors import CardError, EomooError, SettingError, UnknownNameError
from eomoo.objectives.backends import build_backends
from eomoo.objectives.base import Backend
from eomoo.objectives.card import Constraint, list_problems, load_card, parse_constraint

OBJECTIVE = '[[objectives]]\nname = "params"\nunit = ""\ndirection = "min"\nsource = "analytic"\n'


@pytest.fixture
def write(tmp_path):
    def build(text, name="mine.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return build


def test_a_card_says_what_it_says(write):
    text = (
        'title = "Größe"\ncitation = "me"\nbudget = 70\nreference_point = [3e7, -1]\n'
        + OBJECTIVE
        + 'title = "weights"\n'
        + OBJECTIVE.replace('"params"', '"ops"').replace("min", "max")
        + 'quantity = "macs"\n[[constraints]]\nquantity = "macs"\nsource = "analytic"\nmin = 5\n'
        + '[backend.analytic]\nskeleton = "cifar10"\n'
    )
    path = write(text)
    card = load_card(path)
    assert (card.name, card.title, card.citation, card.budget) == ("mine", "Größe", "me", 70)
    assert card.reference_point == (3e7, -1.0)
    first, second = card.objectives
    assert (first.name, first.title, first.quantity, first.direction) == ("params", "weights", "params", "min")
    assert (second.name, second.title, second.quantity, second.direction) == ("ops", "", "macs", "max")
    assert card.constraints == (Constraint(quantity="macs", source="analytic", least=5),)
    assert card.parts == [first, second, card.constraints[0]]
    assert card.backends == {"analytic": {"skeleton": "cifar10"}}
    assert card.folder == path.resolve().parent
    assert card.digest == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(dataclasses.FrozenInstanceError):
        card.budget = 3


def test_defaults(write):
    card = load_card(write(OBJECTIVE))
    assert (card.title, card.citation, card.budget, card.reference_point) == ("mine", "", 500, None)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(write):
    text = "\ufeff" + OBJECTIVE.replace("\n", "\r\n")
    assert load_card(write(text)).objectives[0].name == "params"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"at least one \[\[objectives\]\] table"),
        ("objectives = 3", "at least one"),
        ("objectives = [3]", "at least one"),
        ("objectives = []", "at least one"),
        (OBJECTIVE + "[[objectives]]", "objective 2: name is missing"),
        ("colour = 1\n" + OBJECTIVE, "mine.toml: unknown key 'colour'; known are backend, budget"),
        (OBJECTIVE + "weight = 1", "objective 1: unknown key 'weight'"),
        (OBJECTIVE.replace('"min"', '"down"'), "objective 1: direction must be one of min, max; got 'down'"),
        (OBJECTIVE.replace('"min"', "1"), "direction must be one of min, max; got 1"),
        (OBJECTIVE.replace('"params"', '"my params"'), "'my params' must be a plain identifier.*the key quantity say"),
        (OBJECTIVE.replace('"params"', '""'), "'' must be a plain identifier"),
        (OBJECTIVE.replace('"params"', '"hash"'), "'hash' must be a plain identifier"),
        (OBJECTIVE + OBJECTIVE, "two objectives have the same name"),
        ("title = 3\n" + OBJECTIVE, "title must be a text; got 3"),
        *(
            (f'{key} = "\\u001b[2J"\n' + OBJECTIVE, f"{key} must be a text without control")
            for key in ("title", "citation")
        ),
        (
            OBJECTIVE + 'title = "\\u009b2J"',
            "objective 1: title must be a text without control characters; got '.x9b2J'",
        ),
        ("budget = 0\n" + OBJECTIVE, "budget must be a whole number of at least 1; got 0"),
        ("budget = true\n" + OBJECTIVE, "budget must be a whole number"),
        ("budget = 1e3\n" + OBJECTIVE, "budget must be a whole number"),
        ("reference_point = 3\n" + OBJECTIVE, "reference_point needs 1 numbers"),
        ("reference_point = [1, 2]\n" + OBJECTIVE, "reference_point needs 1 numbers"),
        ("reference_point = [nan]\n" + OBJECTIVE, "finite"),
        ("reference_point = [inf]\n" + OBJECTIVE, "finite"),
        ("reference_point = ['1']\n" + OBJECTIVE, "finite"),
        ("reference_point = [1" + 400 * "0" + "]\n" + OBJECTIVE, "finite"),
        ("reference_point = [1" + 5000 * "0" + "]\n" + OBJECTIVE, "is no TOML file"),
        (OBJECTIVE + "[constraints]\nmax = 3", r"\[\[constraints\]\]"),
        (OBJECTIVE + '[[constraints]]\nquantity="params"\nsource="analytic"', "needs a key max or min"),
        (OBJECTIVE + '[[constraints]]\nsource="analytic"\nmax=3', "constraint 1: quantity is missing"),
        (
            OBJECTIVE + '[[constraints]]\nquantity="params"\nsource="analytic"\nmax="3"',
            "constraint 1: max must be a finite number; got '3'",
        ),
        (OBJECTIVE + '[[constraints]]\nquantity="p"\nsource="analytic"\nmax=1\nlow=3', "unknown key 'low'"),
        (OBJECTIVE + "[backend]\nanalytic = 3", r"\[backend.NAME\] table"),
        ("backend = 3\n" + OBJECTIVE, r"\[backend.NAME\] table"),
        (OBJECTIVE + "[backend.table]\nfile = 'x.csv'", r"no objective has \[backend.table\] as its source"),
        ("title = 'a\n", "is no TOML file"),
        ("title = 1\ntitle = 2\n", "is no TOML file"),
        ("a = " + 3000 * "[" + 3000 * "]", "is no TOML file"),
        (b"title = '\xff\xfe'", "is no"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is no"),
        (b"\0\0\0\0", "is no TOML file"),
    ],
)
def test_one_sentence_names_file_and_fault(write, text, said):
    path = write(text)
    with pytest.raises(CardError, match=said) as caught:
        load_card(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OBJECTIVE.replace('"analytic"', '"magic"'), "unknown source 'magic'; known are analytic"),
        (OBJECTIVE.replace('"analytic"', '"my.csv"'), "unknown source 'my.csv'; .*a table is meant by table:my.csv"),
        (OBJECTIVE.replace('"params"', '"paramz"'), "no quantity 'paramz'; it offers params, macs"),
        (OBJECTIVE.replace('unit = ""', 'unit = "M"'), "'params' has the unit 'M'"),
        (OBJECTIVE + "[backend.analytic]\nsize = 3", "the analytic backend: unknown key 'size'; known are skeleton"),
        (OBJECTIVE + "[backend.analytic]\nskeleton = 'imagenet'", "unknown skeleton 'imagenet'"),
        (OBJECTIVE + "[backend.analytic]\nskeleton = 3", "unknown skeleton 3"),
        (OBJECTIVE + "[backend.analytic.skeleton]\nin_channels = 3", "skeleton: .*n_classes"),
        (OBJECTIVE + "[backend.analytic.skeleton]\nin_channels=3\nn_classes=10\ncolour=1", "skeleton: .*colour"),
        (OBJECTIVE + "[backend.analytic.skeleton]\nin_channels=0\nn_classes=10", "at least 1; got 0"),
        (OBJECTIVE.replace("analytic", "table"), "needs file = "),
        (OBJECTIVE.replace("analytic", "table") + "[backend.table]\nfile = 3", "needs file = "),
        (OBJECTIVE.replace("analytic", "table") + "[backend.table]\nfile = 'none.csv'", "none.csv"),
        (OBJECTIVE.replace("analytic", "table") + "[backend.table]\ndata = 'mine'", "needs file = "),
        (OBJECTIVE.replace("analytic", "surrogate"), "surrogate backend has no quantity 'params'"),
        (OBJECTIVE.replace("analytic", "surrogate") + "[backend.surrogate]\nx = 1", "unknown key 'x'"),
        (OBJECTIVE.replace("analytic", "surrogate:"), "unknown source 'surrogate:'; .*surrogate:PLACE, table:PLACE"),
        (OBJECTIVE.replace("analytic", "analytic:here"), "unknown source 'analytic:here'"),
        (OBJECTIVE.replace("analytic", "surrogate:none"), "none"),
        (OBJECTIVE.replace("analytic", "table") + "[backend.table]\nfile='x.csv'\nsize=1", "unknown key 'size'"),
        (OBJECTIVE + '[[constraints]]\nquantity="p"\nsource="analytic"\nmax=1', "no quantity 'p'"),
        (OBJECTIVE + '[[constraints]]\nquantity="p"\nsource="magic"\nmax=1', "unknown source 'magic'"),
    ],
)
def test_what_only_the_backends_can_tell(write, text, said):
    with pytest.raises(EomooError, match=said) as caught:
        build_backends(load_card(write(text)))
    assert "\n" not in str(caught.value)


def test_options_override_settings_where_the_backend_has_them(write):
    card = load_card(write(OBJECTIVE + "[backend.analytic]\nskeleton = 'so2sat'"))
    assert build_backends(card, {"skeleton": None})["analytic"].skeleton.in_channels == 10
    assert build_backends(card, {"skeleton": "cifar10"})["analytic"].skeleton.in_channels == 3
    with pytest.raises(CardError, match="no setting 'epochs'"):
        build_backends(card, {"epochs": 3})


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/", "/tmp", "eo-macro-latenz", "../problems/eo-macro-latency", "a" * 5000, "a\0b", "x/y"]
)
def test_names_that_are_no_card(name):
    with pytest.raises(UnknownNameError, match=r"shipped are eo-.*ends in \.toml"):
        load_card(name)


def test_a_table_or_folder_in_place_of_a_card_is_told_what_to_give(tmp_path):
    (tmp_path / "my table.csv").write_text("index,energy\n")
    with pytest.raises(UnknownNameError, match=r"`eomoo surrogate fit '.*my table\.csv' --out MODELS`, then"):
        load_card(tmp_path / "my table.csv")
    (tmp_path / "results.sqlite").write_text("")
    with pytest.raises(UnknownNameError, match=r"`eomoo report .*` shows what lies in that folder"):
        load_card(tmp_path)
    (tmp_path / "card.toml").write_text("")
    with pytest.raises(UnknownNameError, match=r"the one in that folder is .*card\.toml$"):
        load_card(tmp_path)


@pytest.mark.parametrize("name", ["none.toml", "none/none.toml", "a" * 5000 + ".toml", "a\0b.toml"])
def test_paths_that_are_no_file(tmp_path, name):
    with pytest.raises(CardError, match="cannot be read"):
        load_card(tmp_path / name)


def test_a_folder_is_no_card(tmp_path):
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(CardError, match=r"cannot be read: .* is a folder"):
        load_card(tmp_path / "x.toml")


def test_every_shipped_card_can_be_read():
    names = list_problems()
    assert names == sorted(names)
    assert {"eo-macro-latency", "eo-micro-latency", "eo-macro-params", "eo-table-macro-latency"} <= set(names)
    for name in names:
        card = load_card(name)
        assert card.name == name
        assert card.title
        assert card.citation
        assert card.reference_point is None or len(card.reference_point) == len(card.objectives)
        assert Path(card.folder, f"{name}.toml").is_file()


def test_shipped_surrogate_cards_can_be_posed():
    for name in list_problems():
        card = load_card(name)
        if {part.source for part in card.parts} <= {"surrogate", "analytic"}:
            for backend in build_backends(card).values():
                assert isinstance(backend, Backend)
                assert backend.known([]) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("params<=5e6", {"quantity": "params", "most": 5e6}),
        ("params<=2.5M", {"quantity": "params", "most": 2.5e6}),
        ("params <= 3 000k", {"quantity": "params", "most": 3e6}),
        ("  params  >=  -3.5 ", {"quantity": "params", "least": -3.5}),
        ("few<=7", {"quantity": "macs", "most": 7.0}),
        ("macs>=1_000", {"quantity": "macs", "least": 1000.0}),
    ],
)
def test_constraints_as_text(write, text, expected):
    named = OBJECTIVE + OBJECTIVE.replace('"params"', '"few"') + 'quantity = "macs"\n'
    card = load_card(write(named))
    assert parse_constraint(text, card) == Constraint(source="analytic", **expected)


def test_constraints_that_differ_have_texts_that_differ(write):
    card = load_card(write(ANALYTIC_CARD))
    one, two = (parse_constraint(f"params<={n}", card) for n in (5_123_456, 5_123_457))
    assert str(one) != str(two)
    for text in ("params<=5123456", "params<=0.1", "params>=1e-300", "params<=3"):
        constraint = parse_constraint(text, card)
        assert parse_constraint(str(constraint), card) == constraint


def test_a_broken_limit_counts_relative_to_its_own_size():
    values = np.array([5.0, 10.0, 20.0])
    both = Constraint(quantity="q", source="s", most=10.0, least=8.0)
    assert both.n_limits == 2
    assert both.excess(values).tolist() == [[-0.5, 0.375], [0.0, -0.25], [1.0, -1.5]]
    small = Constraint(quantity="q", source="s", most=1e-3)
    assert small.excess(np.array([2e-3])) == pytest.approx(np.ones((1, 1)))
    assert Constraint(quantity="q", source="s", least=0.0).excess(values)[0] == [-5.0]
    assert Constraint(quantity="q", source="s", least=-4.0).excess(np.array([-6.0])) == [[0.5]]


def test_a_source_may_name_its_place(write, tmp_path):
    pd.DataFrame({"index": [5, 5, 8], "params": [1.0, 4.0, 2.0], "how": ["", "", "lost"]}).to_csv(
        tmp_path / "mine.csv", index=False
    )
    text = OBJECTIVE.replace("analytic", "table:mine.csv")
    (backend,) = build_backends(load_card(write(text))).values()
    assert backend.values([5, 8], ["params"])[:, 0].tolist() == [2.5, 2.0]
    settings = '[backend."table:mine.csv"]\nrepeat = "random"\nseed = 3\nstatus = "how"\n'
    (backend,) = build_backends(load_card(write(text + settings))).values()
    assert backend.values(5, ["params"])[0, 0] in (1.0, 4.0)
    with pytest.raises(SettingError, match="repeat must be one of mean, random"):
        build_backends(load_card(write(text + '[backend."table:mine.csv"]\nrepeat = 2\n')))


def test_a_title_of_several_lines_stands_in_one(tmp_path):
    path = tmp_path / "lines.toml"
    path.write_text(f'title = """ Two\n\tlines"""\n{OBJECTIVE}title = "a\\tb\\r\\nc"')
    card = load_card(path)
    assert (card.title, card.objectives[0].title) == ("Two lines", "a b c")
