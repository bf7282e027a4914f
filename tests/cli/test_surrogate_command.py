"""``eomoo surrogate``: fit and check, with the table and without it."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import eomoo
from eomoo.cli.surrogate import app
from eomoo.errors import DataError, DataNotFoundError, EomooError, SettingError
from eomoo.models import EO_RECIPES, load_models, read_record, shipped_folder
from eomoo.objectives.refit import fit_table
from eomoo.objectives.surrogate import SurrogateBackend

FIGURES = {"spearman", "spearman_std", "coverage", "rms_z", "rmse", "n", "repeats", "groups"}
FIGURES |= {"spearman_interval", "coverage_interval", "median_error"}


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    """No table on this machine."""
    monkeypatch.delenv("EOMOO_DATA", raising=False)
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def one_fit(monkeypatch):
    """Cross-validation with three folds: its figures are worse, its course is the same."""
    monkeypatch.setattr("eomoo.models.quality.N_FOLDS", 3)


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def check_shape(found):
    assert set(found) == set(EO_RECIPES)
    for schemes in found.values():
        assert set(schemes) == {"by_walk", "by_cell", "by_operations"}
        for figures in schemes.values():
            assert set(figures) == FIGURES
            assert -1 <= figures["spearman"] <= 1
            assert 0 <= figures["coverage"] <= 1


def test_check_without_the_table_shows_the_stored_figures(no_data):
    result = run("check", "--json")
    found = json.loads(result.stdout)
    check_shape(found)
    stored = read_record(shipped_folder()).quality
    assert found["latency"]["by_walk"]["spearman"] == stored["latency"]["by_walk"].spearman
    assert "figures stored with the shipped models" in result.stderr
    assert "eomoo data get eo-hwnas" in result.stderr


def test_check_without_the_table_prints_a_table(no_data):
    result = run("check")
    assert "validation macro accuracy" in result.stdout
    assert "by walk" in result.stdout
    assert "stored with the shipped models" in result.stdout


def test_check_computes_where_the_table_is(eo_folder, one_fit):
    result = run("check", "--from", eo_folder, "--json")
    found = json.loads(result.stdout)
    check_shape(found)
    assert found["latency"]["by_cell"]["n"] == 450
    assert found["latency"]["by_cell"]["spearman"] > 0.95
    assert "Computed here" in result.stderr


def test_a_folder_without_the_table_is_an_error(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not hold the data set eo-hwnas"):
        run("check", "--from", tmp_path)
    with pytest.raises(DataNotFoundError):
        run("fit", "--from", tmp_path, "--out", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_fit_writes_models_that_a_backend_reads(eo_folder, one_fit, tmp_path):
    result = run("fit", "--from", eo_folder, "--out", tmp_path / "models", "--repeats", 1, "--json")
    found = json.loads(result.stdout)
    assert set(found["files"]) == {path.name for path in (tmp_path / "models").iterdir()}
    assert (tmp_path / "models" / "card.toml").is_file()
    assert set(found["same_as_shipped"]) == {
        *(f"{name}.ubj" for name in EO_RECIPES if name != "latency"),
        "models.json",
    }
    assert SurrogateBackend(tmp_path / "models").quality["latency"]["by_walk"].repeats == 1


def test_fit_to_a_place_that_cannot_be_written_is_one_sentence(eo_folder, one_fit, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        run("fit", "--from", eo_folder, "--out", tmp_path / "file", "--repeats", 1)


# -- a table of one's own --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table(space, tmp_path_factory):
    """60 cells with an accuracy, a memory that was not measured of all, and columns that are no targets."""
    cells = np.random.default_rng(2).choice(len(space), 60, replace=False)
    macs = space.macs(cells) / 1e9
    memory = [f"{10 + 5 * m:.3f}" if k % 7 else ("OOM" if k else "") for k, m in enumerate(macs)]
    frame = pd.DataFrame(
        {"index": cells, "walk": np.arange(60) // 6, "top_acc": 0.5 + 0.02 * macs, "rank": memory, "note": "text"}
    )
    path = tmp_path_factory.mktemp("table") / "cells.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def own(table, tmp_path_factory):
    """A folder of models of that table."""
    out = tmp_path_factory.mktemp("own") / "models"
    found = json.loads(run("fit", table, "--out", out, "--repeats", 1, "--json").stdout)
    assert set(found["files"]) == {path.name for path in out.iterdir()}
    return out


def test_models_are_fitted_to_any_table_and_tell_their_quality(own):
    found = json.loads(run("check", own, "--json").stdout)
    assert set(found) == {"top_acc", "rank"}
    assert set(found["rank"]) == {"by_walk", "by_cell", "by_operations"}
    assert (found["top_acc"]["by_cell"]["n"], found["rank"]["by_cell"]["n"]) == (60, 51)
    assert found["top_acc"]["by_cell"]["spearman"] > 0.8
    told = run("check", own).stdout
    assert "top accuracy" in told
    # Of the ten walks, each target's groups hold some; the first line of a group says how many.
    walks = [g["lots"] for name in found for g in found[name]["by_walk"]["groups"] if g["group"] == "7 vertices"]
    assert all(1 < n <= 10 for n in walks)
    row = next(line for line in told.splitlines() if "7 vertices" in line)
    assert row.split("│")[3].strip() == " to ".join(dict.fromkeys(str(f(walks)) for f in (min, max)))


def test_the_card_that_is_written_is_a_problem(own, space):
    """Its accuracy is an error in per cent; a name that pymoo takes is another one in the card."""
    problem = eomoo.get_problem(own / "card.toml")
    assert [o.name for o in problem.card.objectives] == ["top_acc_error", "predicted_rank"]
    cells = np.arange(0, len(space), 5_000)
    values, accuracy = problem.values(cells), problem.backends["surrogate:."].values(cells, ["top_acc"])
    np.testing.assert_allclose(values[:, 0], 100 * (1 - accuracy[:, 0]), rtol=1e-12)
    assert np.corrcoef(values[:, 1], space.macs(cells))[0, 1] > 0.9
    assert (problem.deviations(cells) > 0).all()


def test_targets_can_be_chosen_and_a_folder_can_hold_the_table(table, tmp_path):
    told = " ".join(run("fit", table.parent, "--out", tmp_path / "m", "-t", "rank", "--repeats", 1).stdout.split())
    assert "in its place the card has validation macro error on So2Sat" in told
    assert "Nothing tells whether more or less of rank is better; less is taken to be" in told
    assert list(read_record(tmp_path / "m").targets) == ["rank"]
    objectives = eomoo.get_problem(tmp_path / "m" / "card.toml").card.objectives
    assert [(o.source, o.quantity) for o in objectives] == [("surrogate", "val_macro_error"), ("surrogate:.", "rank")]


def test_the_published_encoding_and_units_can_be_told(table, tmp_path):
    out = tmp_path / "models"
    run("fit", table, "-t", "rank", "--unit", "rank=MB", "--encoding", "17x17", "--out", out, "--repeats", 1, "--json")
    backend = SurrogateBackend(out)
    assert backend.quantities["rank"].unit == "MB"
    models, cells = load_models(out), np.arange(0, 423_624, 40_000)
    assert models.parts[0].model.recipe.encoding == "17x17"
    mean, std = models.predict(cells)
    assert np.ptp(mean) > 0
    grown = np.where(models.domain.has_operations(cells), 1.0, models.parts[0].growth[0])
    # Trees alone know one relative deviation of a quantity that is modelled by its logarithm.
    relative = std[:, 0] / mean[:, 0] / grown
    np.testing.assert_allclose(relative, relative[0])
    told = " ".join(run("check", out).stdout.split())
    assert "held out by walk" in told


def test_check_tells_calibration_by_group(own, no_data):
    found = json.loads(run("check", "--json").stdout)
    groups = {g["group"]: g for g in found["val_macro"]["by_walk"]["groups"]}
    assert {"least predicted tenth", "largest predicted tenth", "4 max pools", "0 1x1 convolutions"} <= set(groups)
    assert all(g["n"] >= 30 for g in groups.values())
    assert groups["7 vertices"]["n"] == 330
    assert 0.88 <= groups["7 vertices"]["coverage"] <= 0.99
    told = " ".join(run("check").stdout.split())
    assert "4 max pools" in told
    assert "groups of at least 30 cells; those of one walk err together" in told


def test_a_frame_gives_the_same_models_as_its_file(table, own):
    frame = pd.read_csv(table, na_values="OOM")
    found = fit_table(frame, repeats=1)
    cells = np.arange(0, 423_624, 40_000)
    np.testing.assert_array_equal(found.predict(cells), load_models(own).predict(cells))
    with pytest.raises(SettingError, match="no column 'speed'"):
        fit_table(frame, ["speed"])
    with pytest.raises(DataError, match="needs a column 'index'"):
        fit_table(frame.drop(columns="index"), ["rank"])
    assert [*fit_table(frame.rename(columns={"rank": 3}), 3, repeats=1).targets] == ["3"]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (None, {}, "a file, a folder, a DataFrame or a MeasuredTable; got a NoneType"),
        (np.eye(3), {}, "a file, a folder, a DataFrame or a MeasuredTable; got a ndarray"),
        ("TABLE", {"units": ["ms"]}, "units must be values by name"),
        ("TABLE", {"units": {"rank": 3}}, "units of rank must be a text; got 3"),
        ("TABLE", {"kinds": "count"}, "kinds must be values by name"),
        ("TABLE", {"repeats": 0}, "repeats must be a whole number of at least 1; got 0"),
    ],
)
def test_what_no_fit_is_made_with_is_told(given, options, message, table):
    with pytest.raises(SettingError, match=message):
        fit_table(table if isinstance(given, str) else given, ["rank"], **options)


def test_predictions_can_be_kept_with_the_models(table, tmp_path, monkeypatch):
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    run("fit", table, "--out", tmp_path / "m", "-t", "rank", "--repeats", 1, "--predict")
    values = SurrogateBackend(tmp_path / "m").values(np.arange(9), ["rank"])
    assert np.isfinite(values).all()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["TABLE"], "--out FOLDER"),
        (["TABLE", "--out", "x", "--from", "."], "exclude each other"),
        (["TABLE", "--out", "x", "-t", "speed"], "no column 'speed'"),
        (["TABLE", "--out", "x", "-t", "note"], "note is 'text'"),
        (["nowhere.csv", "--out", "x"], "nowhere.csv"),
        (["EMPTY", "--out", "x"], "holds no table"),
    ],
)
def test_what_is_wrong_with_a_fit_is_one_sentence(arguments, message, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    given = [{"TABLE": table, "EMPTY": tmp_path / "empty"}.get(a, a) for a in arguments]
    with pytest.raises(EomooError, match=message):
        run("fit", *given)
    assert not (tmp_path / "x").exists()
