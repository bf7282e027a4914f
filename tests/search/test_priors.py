"""Priors by the places that they lie in."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from synthetic import PART, SyntheticBackend, all_values

import eomoo
from eomoo.analysis.repeat import run_command
from eomoo.errors import DataNotFoundError, SettingError
from eomoo.search import AlgorithmSpec, CostAwareSearch, open_priors
from eomoo.search.algorithms import same_settings
from eomoo.search.priors import prior_option


@pytest.fixture
def table(tmp_path):
    content = {"index": PART, "val_error": all_values()["err"][PART], "latency": all_values()["lat"][PART]}
    pd.DataFrame(content).to_csv(tmp_path / "cells.csv", index=False)
    return tmp_path / "cells.csv"


def test_of_a_table_its_errors_are_taken_and_modelled(table):
    (prior,) = open_priors([str(table)], ["err"])
    assert prior.name == "val_error of cells.csv"
    cells = np.arange(500, 423_624, 997)
    assert np.corrcoef(prior(cells), all_values()["err"][cells])[0, 1] > 0.7
    assert [prior.name for prior in open_priors([str(table)], ["latency"])] == ["latency of cells.csv"]


def test_of_models_the_quantity_of_the_same_name_is_taken_else_two_accuracies():
    assert [p.name for p in open_priors(["eo-hwnas"], ["val_macro_error"])] == ["val_macro of eo-hwnas"]
    assert [p.name for p in open_priors(["eo-hwnas"], ["err"])] == ["val_micro of eo-hwnas", "val_macro of eo-hwnas"]
    (same,) = open_priors(["eo-hwnas"], ["train_time"])
    assert same.name == "train_time of eo-hwnas"


def test_what_is_no_prior_is_one_sentence(tmp_path, table):
    with pytest.raises(DataNotFoundError, match=r"there is no prior .*nowhere; shipped are eo-hwnas and nb101-sample"):
        CostAwareSearch(priors=["nowhere"])
    with pytest.raises(DataNotFoundError, match="neither models, nor a table, nor the folder of a run"):
        open_priors([str(tmp_path)], ["err"])
    pd.read_csv(table)[["index", "latency"]].to_csv(tmp_path / "times.csv", index=False)
    with pytest.raises(SettingError, match=r"times\.csv tells of no accuracy or error.* has latency"):
        open_priors([str(tmp_path / "times.csv")], ["err"])
    pd.read_csv(table)[:9].to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(SettingError, match=r"few\.csv tells .* of 9 cells; a prior needs 10"):
        open_priors([str(tmp_path / "few.csv")], ["err"])
    pd.read_csv(table)[:9].sample(20, replace=True, random_state=0).to_csv(tmp_path / "again.csv", index=False)
    with pytest.raises(SettingError, match=r"again\.csv tells .* of [5-9] cells; a prior needs 10"):
        open_priors([str(tmp_path / "again.csv")], ["err"])
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataNotFoundError, match=r"there is no prior .*loop"):
        prior_option(tmp_path / "loop")
    with pytest.raises(SettingError, match="the home folder in ~nouser/x is not known"):
        prior_option("~nouser/x")
    with pytest.raises(SettingError, match="priors are a list of places"):
        CostAwareSearch(priors=[3])


def test_a_run_with_a_prior_is_rebuilt_from_its_settings_and_is_a_prior_itself(card, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, options = card("err", "lat", stem="mine"), {"n_candidates": 200}
    first = eomoo.run(path, algorithm="cost-aware", options=options, priors=table.name, budget=14, out="first")
    settings = first.stored.run.settings
    digest = hashlib.sha256(table.read_bytes()).hexdigest()[:16]
    assert settings["priors"] == [f"{table} (sha256 {digest})"]
    spec = AlgorithmSpec(label="cost-aware", algorithm="cost-aware", options={**options, **prior_option(table)})
    assert same_settings(settings, spec)
    assert eomoo.run(path, algorithm="cost-aware", options=options, priors=table, budget=14, out="first").repeated
    assert f"--prior {table}" in run_command(first.stored.problem, first.stored.run)
    (worth, *_) = first.stored.run.extra["spending"]["worth"]
    assert (worth["prior"], worth["cells"]) == ("val_error of cells.csv", 14)
    assert worth["spearman"] > 0.3
    assert [prior.name for prior in open_priors(["first"], ["err"])] == ["err of first"]


def test_a_prior_whose_content_has_changed_is_refused_by_a_run_that_goes_on(card, table, tmp_path):
    how = {"algorithm": "cost-aware", "options": {"n_candidates": 200}, "priors": table, "out": tmp_path / "out"}
    eomoo.run(card("err", "lat", stem="mine"), budget=5, **how)
    given = prior_option(table)["priors"]
    table.write_text(table.read_text().replace("\n0,", "\n1,", 1))
    with pytest.raises(
        SettingError, match=r"cells\.csv \(sha256 .* was asked, it holds priors .*choose another folder"
    ):
        eomoo.run(card("err", "lat", stem="mine"), budget=7, **how)
    with pytest.raises(SettingError, match=r"the prior .*cells\.csv has changed since it was given"):
        open_priors(given, ["err"])
    table.unlink()
    with pytest.raises(DataNotFoundError, match=r"there is no prior .*cells\.csv; shipped"):
        eomoo.run(card("err", "lat", stem="mine"), budget=7, **how)


class Store(SyntheticBackend):
    """Errors need a training; ten and more trainings of other settings are there, and more each time."""

    enumerable = False

    def __init__(self, kept):
        super().__init__()
        self.kept, self.asked = kept, []

    def cost(self, quantity):
        return "free" if quantity == "lat" else "dear"

    def related(self, quantity, *, least, most):
        self.asked.append((quantity, least, most))
        some = PART[: 40 + len(self.kept)]
        return [("epochs 3, seed 0", dict(zip(some.tolist(), (-all_values()["err"][some]).tolist(), strict=True)))]

    def recall(self, what):
        return self.kept.get(str(what))

    def note(self, what, fact):
        self.kept[str(what)] = fact


def test_earlier_trainings_of_other_settings_are_priors_as_they_were_when_the_search_began(pose):
    def search(kept, **options):
        problem = pose("err", "lat", stem="stored")
        problem._shared.backends = {"synthetic": Store(kept)}
        found = eomoo.run(problem, algorithm="cost-aware", options={"n_candidates": 200, **options}, budget=7)
        return found, problem.backends["synthetic"].asked

    kept = {}
    run, asked = search(kept)
    assert asked == [("err", 10, 2)]
    (worth,) = run.stored.run.extra["spending"]["worth"]
    assert worth["prior"] == "err of earlier trainings, epochs 3, seed 0"
    # They were stored with their sign turned.
    assert worth["spearman"] < -0.3
    again, asked = search(kept)
    assert asked == []
    assert again.trace.equals(run.trace)
    alone, asked = search(kept, related=False)
    assert asked == []
    assert alone.stored.run.extra["spending"]["worth"] == []


def test_no_prior_is_none_and_a_number_is_no_place():
    assert prior_option(None) == prior_option(()) == {}
    assert prior_option("eo-hwnas") == prior_option(["eo-hwnas"]) == {"priors": ["eo-hwnas"]}
    with pytest.raises(SettingError, match=r"a prior is a file, a folder, or shipped \(eo-hwnas, .*\); got 3"):
        prior_option(3)
