"""Study files: what they say, what is refused."""

import pytest

from eomoo.errors import CardError, UnknownNameError
from eomoo.study.plan import list_studies, load_study, parse_study

GOOD = {"problems": ["eo-macro-params"], "algorithms": [{"algorithm": "pls"}, {"algorithm": "random"}]}


def test_a_study_is_problems_by_seeds_by_algorithms():
    study = parse_study({**GOOD, "problems": ["a", "b"], "seeds": [7, 3], "budget": 40})
    runs = [(task.problem.card, task.seed, task.spec.label, task.budget) for task in study.tasks]
    assert runs == [(p, s, a, 40) for p in "ab" for s in (7, 3) for a in ("pls", "random")]


def test_what_a_study_says_can_be_read_again(tmp_path):
    study = parse_study(
        {
            **GOOD,
            "noise": 3,
            "constraints": ["params<=5e6"],
            "as_published": True,
            "algorithms": [{"label": "x", "algorithm": "pls", "budget": 9, "options": {"n_starts": 2}}],
        }
    )
    again = parse_study(study.content)
    assert again.content == study.content
    assert study.tasks[0].budget == again.tasks[0].budget == 9
    assert again.tasks[0].spec.settings == study.tasks[0].spec.settings
    assert again.problems == study.problems


def test_a_number_of_seeds_counts_from_one():
    assert parse_study({**GOOD, "seeds": 3}).seeds == (1, 2, 3)


def test_paths_of_cards_are_relative_to_the_study_file(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text(
        'problems = ["card.toml", "eo-macro-params"]\n[[algorithms]]\nalgorithm = "pls"\n'
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    study = load_study("../mine.toml")
    assert [p.card for p in study.problems] == [str(tmp_path / "card.toml"), "eo-macro-params"]
    assert study.title == "mine"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"problms": []}, "unknown key 'problms'"),
        ({"problems": []}, "at least one problem"),
        ({"problems": "eo-macro-params"}, "list of card names"),
        ({"problems": ["a", "a"]}, "names a problem twice"),
        ({"algorithms": [{"algorithm": "pls"}, {"algorithm": "pls"}]}, "names a label twice: pls"),
        ({"algorithms": [{"label": "x"}]}, "table: algorithm must be a text"),
        ({"title": "\x1b[2J"}, "title must be a text without control characters"),
        ({"algorithms": [{"label": "\x1b[2J", "algorithm": "pls"}]}, "label must be a text without control characters"),
        ({"algorithms": ["pls"]}, r"\[\[algorithms\]\] tables"),
        ({"seeds": 0}, "seeds, a number or a list, must be"),
        ({"seeds": [1, 1]}, "names a seed twice"),
        ({"seeds": [True]}, "each of seeds must be"),
        ({"noise": "x"}, "noise, a seed, must be a whole number"),
        ({"constraints": "x"}, "constraints must be"),
        ({"as_published": "yes"}, "as_published must be true or false"),
    ],
)
def test_a_study_that_cannot_be_is_refused(change, text):
    with pytest.raises(CardError, match=text):
        parse_study({**GOOD, **change})


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "x.toml"
    with pytest.raises(CardError, match=r"there is no file .*x\.toml"):
        load_study(path)
    path.write_text("problems = ")
    with pytest.raises(CardError, match=r"x\.toml is no TOML file"):
        load_study(path)
    path.write_text("seeds = 0")
    with pytest.raises(CardError, match=r"study file .*x\.toml: "):
        load_study(path)
    with pytest.raises(UnknownNameError, match=r"shipped are .*data-centric"):
        load_study("nothing")


def test_every_shipped_study_can_be_read():
    assert "data-centric" in list_studies()
    for name in list_studies():
        assert load_study(name).tasks
