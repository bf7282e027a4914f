"""In a terminal of 80 columns names and numbers are whole."""

import re

import pytest

from eomoo.cli.common import Bars
from eomoo.objectives import list_problems, load_card
from eomoo.progress import doing
from eomoo.study import list_studies, load_study


@pytest.fixture
def narrow(monkeypatch, call):
    for name, value in {"COLUMNS": "80", "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        done = call(*arguments)
        assert done.code == 0
        lines = re.sub(r"\x1b\[[0-9;]*m", "", done.out).splitlines()
        assert "…" not in done.out
        return lines

    return run


def test_names_of_cards_and_studies_are_never_cut(narrow):
    assert {line.split()[0] for line in narrow("problems") if line[:1].isalnum()} >= set(list_problems())
    words = " ".join(narrow("study", "list")).split()
    assert set(list_studies()) <= set(words)
    assert {problem.card for name in list_studies() for problem in load_study(name).problems} <= set(words)


def test_no_word_is_broken_and_what_has_no_room_is_told(narrow, monkeypatch):
    heads = ["card", "what it asks for", "objectives", "values from", "budget"]
    for width, shown in ((80, 5), (60, 3), (40, 1)):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = narrow("problems")
        assert max(map(len, lines)) <= width
        words = " ".join(lines).split()
        assert set(" ".join(heads[:shown]).split()) <= set(words)
        assert ("wider" in words) == (shown < 5)
        cards = [load_card(name) for name in list_problems()]
        known = " ".join(f"{c.title} {' '.join(o.name for o in c.objectives)}" for c in cards).split()
        assert {word for word in words if word.startswith(("val", "train", "Val"))} <= {*known, "values"}


def test_a_front_of_two_objectives_fits(narrow):
    rows = [line for line in narrow("run", "-a", "random", "--budget", 30) if re.match(r" *\d{3,6}  +\d", line)]
    assert len(rows) > 3
    assert all(len(line) <= 80 and re.search(r" \d{1,2},\d{3},\d{3} | \d{3},\d{3} ", line) for line in rows)


def test_a_bar_leaves_out_its_last_words_and_never_cuts_its_name(narrow, capsys):
    state = "470 of 500 cells, 470 evaluations, front 46, hypervolume 99.78 % of the predicted front's"
    with Bars() as shown:
        shown.tell("nb101s-error-traintime", 470, 500, state)
    said = capsys.readouterr().err
    assert "nb101s-error-traintime" in said
    assert "470 of 500 cells" in said
    assert "\u2026" not in said


def test_a_bar_says_what_is_being_done_before_anything_is_counted(narrow, capsys):
    with Bars() as shown:
        shown.wait("live-scene")
        with doing("timing 12 networks", lambda: "warming up"):
            shown._shown.refresh()
    said = capsys.readouterr().err
    assert "live-scene" in said
    assert said.index("preparing") < said.index("timing 12 networks, warming up")
