"""``eomoo suggest``: for a card, a run and models, as a table, JSON and a file."""

import csv
import json
import shutil

import pytest
import synthetic

from eomoo.cli.suggest import _asked
from eomoo.data.user_table import read_frame, target_columns
from eomoo.errors import DataError
from eomoo.search import CellProblem
from eomoo.search import uncertainty as module
from eomoo.study.rows import RunRow


@pytest.fixture(autouse=True)
def _few_cells(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_HOPE", 0.15)
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))


def test_cells_as_a_table_json_and_a_file(call, tmp_path):
    done = call("suggest", "eo-macro-latency", "--n", 3, "--out", tmp_path / "cells.csv")
    assert done.code == 0
    shown = [int(line.split("│")[1]) for line in done.out.splitlines() if line.startswith("│ ")]
    with open(tmp_path / "cells.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == shown
    assert all("tells of" in row["why"] for row in rows)
    assert {float(row["latency_now"]) > 0 for row in rows} == {True}
    with pytest.raises(DataError, match="holds no measured numbers"):  # predictions are none
        target_columns(read_frame(tmp_path / "cells.csv"))
    found = json.loads(call("suggest", "eo-macro-latency", "--n", 3, "--json").out)
    assert found["problem"] == "eo-macro-latency"
    assert [cell["index"] for cell in found["cells"]] == shown
    assert found["cells"][0]["latency_unknown"] > 0


def test_a_run_and_its_limits(call, card, tmp_path):
    run = tmp_path / "run"
    ran = call("run", "eo-macro-latency", "-a", "pls", "--budget", 60, "-c", "params<=3e6", "--out", run)
    assert ran.code == 0
    found = json.loads(call("suggest", run, "-n", 2, "--json").out)
    same = json.loads(call("suggest", "eo-macro-latency", "-c", "params<=3e6", "-n", 2, "--json").out)
    assert {"index", "hash", "front_probability", "why"} <= set(found["cells"][0])
    assert found["problem"] == same["problem"]
    noisy = tmp_path / "noisy"
    few = card(text=synthetic.PREDICTED_CARD, stem="few")
    assert call("run", few, "-a", "random", "--budget", 20, "--noise", 1, "--out", noisy).code == 0
    refused = call("suggest", noisy)
    assert (refused.code, refused.out) == (1, "")
    assert "was run with noise; suggest for its card few" in refused.err


def test_of_a_run_that_has_evaluated_nothing_that_is_said_and_not_that_it_broke_limits(call, card, tmp_path):
    few, run = card(text=synthetic.PREDICTED_CARD, stem="few"), tmp_path / "run"
    assert call("run", few, "-a", "random", "--hours", 1e-9, "--out", run).code == 0
    refused = call("suggest", run)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.endswith("run has evaluated no cell yet; go on with its search, or suggest for few\n")
    assert "looked at 0 of 425 cells that have values.\n" in call("report", run, "-f", "md", "--out", "-").out


def test_of_a_run_its_front_is_asked_as_its_repeats_tell_it_and_of_other_limits_all(call, card, tmp_path, monkeypatch):
    few, run = card(text=synthetic.PREDICTED_CARD, stem="few"), tmp_path / "run"
    assert call("run", few, "-a", "random", "--budget", 20, "--out", run).code == 0
    told = []
    monkeypatch.setattr(CellProblem, "tell_repeats", lambda self, n: told.append(n))
    monkeypatch.setattr(RunRow, "n_repeats", 3)
    with open(run / "front.csv", newline="") as file:
        front = {int(row["index"]) for row in csv.DictReader(file)}
    assert set(_asked(str(run), [])[1]) == front
    assert told == [3]
    problem, cells = _asked(str(run), ["params<=1e7"])
    assert [str(limit) for limit in problem.constraints] == ["params <= 1e+07"]
    assert cells is None


def test_models(call, tmp_path):
    from eomoo.models import load_models, shipped_folder
    from eomoo.objectives.model_card import write_card

    models = tmp_path / "models"
    shutil.copytree(shipped_folder(), models)
    write_card(load_models(models), models)
    found = json.loads(call("suggest", models, "-n", 2, "--json").out)
    assert len(found["cells"]) == 2


def test_what_is_exact_or_unknown_is_told_in_a_sentence(call, tmp_path):
    assert "no problem" in call("suggest", "nothing-of-that-name").err
    assert f"{tmp_path} holds neither the results of a run nor models" in call("suggest", tmp_path).err
    assert call("suggest", "eo-macro-latency", "-n", 0).code == 1
