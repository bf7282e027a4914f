"""A run that goes on is the run that had the larger budget at once; where it cannot, all that differs is named."""

import importlib.util
from types import SimpleNamespace

import pytest

import eomoo
from eomoo.search.algorithms import ALGORITHMS, AlgorithmSpec
from eomoo.study.earlier import Asked
from eomoo.study.store import STORE_NAME, Store

QUICK = {
    "memetic": {"n_genetic": 20, "pop_size": 10},
    "surrogate-pls": {"batch_size": 10},
    "cost-aware": {"n_candidates": 60},
}
CASES = [("ladder", {}), ("limited", {"noise": 3, "constraints": ["lat<=20.5"]})]
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs numba")


@pytest.fixture
def small_run(card, monkeypatch):
    """Run a small search of a table of 425 cells; nothing is drawn."""
    monkeypatch.setattr("eomoo.analysis.write_run", lambda *arguments, **options: [])
    whole = {case: card("err", "lat", source="ladder" if case == "ladder" else "ball") for case, _ in CASES}
    settings = dict(CASES)

    def run(case, algorithm, budget, out=None, **more):
        named = {"algorithm": algorithm, "options": QUICK.get(algorithm, {}), **settings[case], **more}
        return eomoo.run(whole[case], budget=budget, out=out, **named)

    return run


def content(run):
    """All that a run found, bit for bit."""
    stored = run.stored
    return {
        "cells": stored.trace.cells.tolist(),
        "values": stored.trace.values.tobytes(),
        "feasible": stored.trace.feasible.tolist(),
        "front": stored.front.tolist(),
        "deviations": stored.deviations.tobytes(),
        "evaluations": stored.run.n_eval,
        "budget": stored.run.budget,
        "extra": stored.run.extra,
    }


@pytest.mark.parametrize(
    ("name", "case"),
    [
        # pymoo's integer operators know no domain.
        *[(n, "limited") for n in ALGORITHMS if n not in ("age-moea", "nsga2-integer")],
        pytest.param("age-moea", "limited", marks=needs_numba),
        *[("nsga2-integer", "ladder"), ("cost-aware", "ladder")],
    ],
)
def test_a_larger_budget_goes_on_to_what_it_would_have_been_at_once(small_run, tmp_path, name, case):
    small, large = (7, 11) if name == "cost-aware" else (17, 41)
    first = small_run(case, name, small, tmp_path)
    second = small_run(case, name, large, tmp_path)
    n = len(first.trace)
    # Of cost-aware's trainings some are short.
    assert n == small or name == "cost-aware"
    assert (first.n_earlier, second.n_earlier, second.repeated) == (0, n, False)
    assert content(second) == content(small_run(case, name, large))
    assert second.stored.trace.cells[:n].tolist() == first.stored.trace.cells.tolist()
    assert second.stored.run.seconds > first.stored.run.seconds
    with Store(tmp_path / STORE_NAME) as store:
        assert [run.budget for run in store.runs()] == [large]


def interrupt(n):
    def stop(progress):
        if progress.n_distinct >= n:
            raise KeyboardInterrupt

    return stop


def test_an_interrupted_run_goes_on_however_often(small_run, tmp_path):
    options = {"options": {"n_expand": 1}}
    for n in (10, 60):
        part = small_run("limited", "pls", 100, tmp_path, on_progress=interrupt(n), **options)
        assert not part.stored.run.complete
    kept = len(part.trace)
    with pytest.raises(KeyboardInterrupt):
        # The folder holds more.
        small_run("limited", "pls", 100, tmp_path, on_progress=interrupt(30), **options)
    assert kept >= 60
    whole = small_run("limited", "pls", 100, tmp_path, **options)
    assert whole.n_earlier == kept
    assert content(whole) == content(small_run("limited", "pls", 100, **options))
    again = small_run("limited", "pls", 100, tmp_path, **options)
    assert again.repeated
    assert content(again) == content(whole)


def test_what_was_found_is_kept_while_a_run_goes_on(small_run, tmp_path, monkeypatch):
    monkeypatch.setattr("eomoo.api._KEPT_SECONDS", 0.0)
    monkeypatch.setattr("eomoo.api._KEPT_SHARE", 0.0)
    seen = []

    def look(progress):
        with Store(tmp_path / STORE_NAME) as store:
            seen.extend((run.complete, len(store.trace(run).cells), progress.n_distinct) for run in store.runs())

    whole = small_run("limited", "random", 100, tmp_path, options={"batch_size": 20}, on_progress=look)
    # It is told of a batch before that is kept.
    assert seen == [(False, n, n + 20) for n in (20, 40, 60, 80)]
    assert content(whole) == content(small_run("limited", "random", 100, options={"batch_size": 20}))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seed": 2}, "seed 2 was asked, it holds seed 1;"),
        ({"seed": 2, "noise": None}, "no noise was asked, it holds noise 3; seed 2 was asked, it holds seed 1;"),
        ({"constraints": ["lat<=22"]}, "limits lat <= 22 was asked, it holds limits lat <= 20.5;"),
        ({"options": {"n_starts": 3}}, "n_starts 3 was asked, it holds n_starts 20;"),
        ({"algorithm": "random"}, "algorithm random was asked, it holds algorithm pls;"),
        ({"budget": 16}, "budget 16 was asked, it holds budget 17;"),
        ({"hours": 1e-9}, "hours 1e-09 was asked, it holds hours"),
    ],
)
def test_what_differs_is_named(small_run, tmp_path, change, text):
    small_run("limited", "pls", 17, tmp_path)
    arguments = {"algorithm": "pls", "budget": 40, **change}
    with pytest.raises(eomoo.EomooError) as error:
        small_run("limited", out=tmp_path, **arguments)
    assert text in f"{error.value};"
    assert small_run("limited", "pls", 17, tmp_path).repeated


def test_a_changed_table_is_named_and_a_changed_value_told(card, tmp_path, monkeypatch):
    from synthetic import all_values

    monkeypatch.setattr("eomoo.analysis.write_run", lambda *arguments, **options: [])
    path = card("err", "lat")
    with monkeypatch.context() as earlier:
        earlier.setattr("eomoo.study.store.versions", lambda: {"xgboost": "1.0"})
        first = eomoo.run(path, algorithm="random", budget=10, out=tmp_path)
    monkeypatch.setitem(all_values(), "err", all_values()["err"] + (first.trace["index"][3] == range(423_624)))
    told = r"1 of the 10 cells that the folder held have other values .* \(xgboost 1.0 before, \d.* now\)"
    with pytest.warns(UserWarning, match=told):
        second = eomoo.run(path, algorithm="random", budget=20, out=tmp_path)
    # It is no part of this run then.
    assert second.n_earlier == 0


def test_the_command_says_that_it_went_on(call, card, tmp_path):
    arguments = ("run", card("err", "lat", source="ball"), "-a", "pls", "--out", tmp_path)
    assert call(*arguments, "--budget", 20).code == 0
    assert f"its first 20 cells were in {tmp_path} already\n" in call(*arguments, "--budget", 30).out


def test_a_run_of_fewer_repeats_than_asked_for_is_not_met():
    asked = Asked(problem=1, spec=AlgorithmSpec(label="random", algorithm="random"), seed=1, budget=5, repeats=2)
    runs = [SimpleNamespace(budget=5, hours=None, extra={}, complete=True, n_repeats=n) for n in (1, 2, 3)]
    assert [asked.is_met_by(run) for run in runs] == [False, True, True]
