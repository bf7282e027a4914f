"""``eomoo surrogate``: fit and check, with the table and without it."""

import json

import pytest
from typer.testing import CliRunner

from eomoo.cli.surrogate import app
from eomoo.errors import DataError, DataNotFoundError
from eomoo.models import EO_RECIPES, read_record, shipped_folder
from eomoo.objectives.surrogate import SurrogateBackend

FIGURES = {"spearman", "spearman_std", "coverage", "rmse", "n", "repeats"}


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
        assert set(schemes) == {"by_walk", "by_cell"}
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
    assert set(found["same_as_shipped"]) == {*(f"{name}.ubj" for name in EO_RECIPES), "models.json"}
    assert SurrogateBackend(tmp_path / "models").quality["latency"]["by_walk"].repeats == 1


def test_fit_to_a_place_that_cannot_be_written_is_one_sentence(eo_folder, one_fit, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        run("fit", "--from", eo_folder, "--out", tmp_path / "file", "--repeats", 1)
