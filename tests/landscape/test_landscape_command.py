"""``eomoo landscape``: numbers, files and the sheet."""

import json

import numpy as np
import pandas as pd
import pytest
import typer
from landscape_cards import values_of, write_card
from typer.testing import CliRunner

from eomoo.cli.landscape import _print, landscape
from eomoo.errors import SettingError
from eomoo.landscape import analyse_landscape

runner = CliRunner()
app = typer.Typer()
app.command()(landscape)


@pytest.fixture(scope="module")
def written(small_card_of_three, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "new"
    options = ["--walks", "30", "--walk-length", "40", "--searches", "3", "--json"]
    result = runner.invoke(app, [str(small_card_of_three), "--out", str(folder), *options])
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_numbers_are_printed_and_written_alike(written, small_cells):
    folder, numbers = written
    assert numbers == json.loads((folder / "landscape.json").read_text())
    assert numbers["cells"] == len(small_cells)
    assert numbers["neighborhood"] == "symmetric"
    assert [o["name"] for o in numbers["objectives"]] == ["error", "latency", "params"]
    assert set(numbers["pareto_local_search"]) == {"symmetric", "hamming"}
    assert sum(numbers["neighbours"]["dominance"].values()) == pytest.approx(1.0)
    away = numbers["distance_to_front"]
    assert away["max"] == max(row["distance"] for row in away["profile"]) > 0


def test_what_is_not_known_is_printed_as_no_number(capsys):
    """Of a constant objective nothing is correlated, and two walks have no interval."""
    nan = float("nan")
    optima = {"number": 3, "plateaus": 1, "share_of_cells_in_global_basins": 0.5}
    unknown = {"lag_1": nan, "correlation_length": nan, "correlation_length_band": (nan, nan)}
    known = {**unknown, "lag_1": 0.5, "correlation_length": 1.44}
    objectives = [
        {
            "name": name,
            "title": name,
            "local_optima": optima,
            "fitness_distance": {"pearson": r},
            "autocorrelation": walk,
        }
        for name, r, walk in (("same", nan, unknown), ("time", 0.25, known))
    ]
    _print({
        "title": "small", "cells": 9, "neighborhood": "symmetric", "predicted": True, "objectives": objectives,
        "neighbours": {"by_objective": {"same": {"equal": 1.0}, "time": {"equal": 0.0}}},
        "front": {"size": 1, "components": 1, "joining_steps": 1}, "distance_to_front": {"mean": 1.0, "max": 2},
        "pareto_local_optima": {"number": 1, "share_of_cells": 0.1, "share_of_descents_to_the_front": 0.9},
        "pareto_local_search": {},
    })  # fmt: skip
    text = capsys.readouterr().out
    assert " nan" not in text
    assert "1.44" in text


def test_tables_hold_the_curves(written):
    folder, numbers = written
    optima = pd.read_csv(folder / "local_optima.csv")
    assert (optima.groupby("kind")["basin"].sum().round(6) == numbers["cells"]).all()
    assert (optima["kind"] == "pareto").sum() == numbers["pareto_local_optima"]["number"]
    for o in numbers["objectives"]:
        assert (optima["kind"] == o["name"]).sum() == o["local_optima"]["number"]
    ranks = pd.read_csv(folder / "dominance_ranks.csv", index_col="rank")["cells"]
    assert ranks.sum() == numbers["cells"]
    assert ranks[0] == numbers["front"]["size"]
    assert pd.read_csv(folder / "landscape-front.csv")["index"].tolist() == numbers["front"]["cells"]
    histograms = pd.read_csv(folder / "histograms.csv")
    assert (histograms.groupby("objective")["cells"].sum() == numbers["cells"]).all()
    walks = pd.read_csv(folder / "autocorrelation.csv")
    assert walks[walks["lag"] == 1]["exact"].tolist() == pytest.approx(
        [o["autocorrelation"]["lag_1_exact"] for o in numbers["objectives"]]
    )
    assert pd.read_csv(folder / "searches.csv").groupby(["neighborhood", "run"]).ngroups == 6


def test_the_sheet_is_a_picture_and_a_vector_page(written):
    folder, _ = written
    assert (folder / "landscape.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "landscape.pdf").read_bytes()
    assert page.startswith(b"%PDF")
    assert b"/Subtype /Image" not in page
    assert sorted(path.suffix for path in folder.iterdir()).count(".csv") == 7


def test_a_column_of_a_paper_has_a_figure_for_each_panel(small_card_of_three, tmp_path):
    options = ["--walks", "20", "--walk-length", "10", "--searches", "2", "--figures", "svg", "--width", "column"]
    result = runner.invoke(app, [str(small_card_of_three), "--out", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    found = {path.stem for path in tmp_path.glob("*.svg")}
    assert {f"landscape-objective-space{k}" for k in ("", "-2", "-3")} | {"landscape-basins"} <= found
    assert len(found) == 11
    assert not list(tmp_path.glob("*.p[dn]*"))


def test_the_terminal_gets_sentences(small_card_of_three):
    options = ["--neighborhood", "hamming", "--walks", "20", "--walk-length", "10", "--searches", "2"]
    result = runner.invoke(app, [str(small_card_of_three), *options])
    assert result.exit_code == 0, result.output
    assert "Pareto front:" in result.stdout
    assert "Pareto local search (hamming) stops after" in result.stdout


def test_numbers_that_cannot_be_are_refused(small_problem):
    with pytest.raises(SettingError, match="n_walks must be a whole number"):
        analyse_landscape(small_problem, n_walks=0)
    with pytest.raises(SettingError, match="walk_length must be a whole number of at least 2"):
        analyse_landscape(small_problem, walk_length=1)
    with pytest.raises(SettingError, match="n_searches must be a whole number"):
        analyse_landscape(small_problem, n_searches=0)


def test_one_four_and_constant_objectives_have_sheets_too(space, small_cells, tmp_path):
    values = values_of(space, small_cells)
    same = {"same": np.full(len(small_cells), 0.1)}
    fourth = {"fourth": values["latency"] - values["error"]}
    for k, columns in enumerate(({"error": values["error"]}, same, {**values, **fourth})):
        folder = tmp_path / str(k)
        folder.mkdir()
        card = write_card(folder, small_cells, columns)
        options = ["--walks", "20", "--walk-length", "20", "--searches", "2", "--json"]
        result = runner.invoke(app, [str(card), "--out", str(folder / "out"), *options])
        assert result.exit_code == 0, result.output
        assert len(json.loads(result.stdout)["objectives"]) == len(columns)
        assert (folder / "out" / "landscape.pdf").exists()
