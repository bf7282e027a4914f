"""Probes: numbers that a study asks of every run, its own and the shipped one."""

import pytest

import eomoo.esann2024
from eomoo.analysis import indicator_frame, load_results
from eomoo.errors import CardError, SettingError, UnknownNameError
from eomoo.study.execute import run_study
from eomoo.study.plan import PROBES, find_probe, parse_study
from eomoo.study.record import record_study

MINE = """
def largest(problem, task, result):
    if task.spec.label == "random":
        return None
    return {"cell": result.cells.max(), "front_size": 1000 + task.seed}

def words(problem, task, result):
    return {"cell": "many"}
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "my_probes.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))


def study_of(card, *probes, **more):
    algorithms = [{"algorithm": name, "budget": 12} for name in ("nsga2", "random")]
    return parse_study({"problems": [str(card)], "algorithms": algorithms, "seeds": 2, "probes": list(probes), **more})


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_users_own_probe_is_asked_of_every_run_and_stored_with_it(card, own_module, tmp_path, jobs):
    # Worker processes have no synthetic backend, so the card must be a shipped one.
    problem = card("err", "lat") if jobs == 1 else "eo-macro-params"
    run_study(study_of(problem, "my_probes:largest"), tmp_path / "out", jobs=jobs)
    results = load_results(tmp_path / "out")
    for run, trace in zip(results.problems[0].runs, results.problems[0].traces, strict=True):
        expected = {"cell": trace.cells.max(), "front_size": 1000 + run.seed}
        assert run.probed == ({} if run.label == "random" else {"largest": expected})
    frame = indicator_frame(results).set_index(["label", "seed"])
    assert frame["front_size_largest"]["nsga2"].tolist() == [1001, 1002]
    assert frame["front_size_largest"]["random"].isna().all()
    assert frame["front_size"].max() < 1000
    # What a probe says is said of the whole run.
    early = indicator_frame(results, at=[6, 12]).set_index("evaluations")
    assert early.loc[6, "front_size_largest"].isna().all()
    assert early.loc[12, "front_size_largest"].max() == 1002
    # A number called like an indicator is better in its direction, any other in none.
    assert results.columns["front_size_largest"].larger_is_better
    assert results.columns["front_size_largest"].title == "cells on the front, largest"
    assert results.columns["cell_largest"].larger_is_better is None


@pytest.mark.parametrize(
    ("probe", "error", "text"),
    [
        ("energy", UnknownNameError, "no probe .*mymodule:function.* 'energy'; known are as_published"),
        ("no_such_module:energy", UnknownNameError, "'no_such_module:energy' is not found: No module named"),
        ("my_probes:energy", UnknownNameError, "has no attribute 'energy'; name it as module:function"),
        ("my_probes:MINE", UnknownNameError, "has no attribute"),
        ("eomoo:__version__", UnknownNameError, "is no function"),
        ("my_probes:words", SettingError, "words must return numbers by name, or None; on nsga2, seed 1"),
    ],
)
def test_a_probe_that_cannot_be_asked_is_named(card, own_module, tmp_path, probe, error, text):
    with pytest.raises(error, match=text):
        run_study(study_of(card("err", "lat"), probe), tmp_path / "out")


def test_a_wrong_name_is_told_before_anything_is_written(card, tmp_path):
    with pytest.raises(UnknownNameError):
        run_study(study_of(card("err", "lat"), "energy"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"probes": "a:b"}, "list of names such as mymodule:function"),
        ({"probes": [3]}, "list of names"),
        ({"probes": ["a:"]}, "must be names"),
        ({"probes": ["a:b", "c:b"]}, "names a probe twice: b"),
        ({"probes": ["a:surrogate"]}, "cannot be called surrogate"),
        # What a run keeps of its front by this name would be read as rows of cells.
        ({"probes": ["a:b", "c:limited"]}, "cannot be called limited: a run keeps .* rename it"),
    ],
)
def test_probes_that_cannot_be_are_refused(card, change, text):
    with pytest.raises(CardError, match=text):
        study_of(card("err", "lat"), **change)


def test_the_old_key_means_the_shipped_probe(card, tmp_path):
    place = card("err", "lat", stem="old-key")
    old = study_of(place, as_published=True)
    new = study_of(place, "eomoo.esann2024:as_published")
    assert old.probes == ("as_published",)
    assert find_probe("as_published") is find_probe(new.probes[0]) is eomoo.esann2024.as_published
    assert PROBES["as_published"] is eomoo.esann2024.as_published
    # A folder begun with the old key is gone on with, and not with a study that asks something else.
    record_study(old, tmp_path)
    record_study(new, tmp_path)
    with pytest.raises(SettingError, match="no probes was asked, it holds probes as_published"):
        record_study(study_of(place), tmp_path)
    assert study_of(place, as_published=False).probes == ()
