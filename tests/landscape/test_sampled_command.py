"""``eomoo landscape TABLE``: numbers, files, sheet; samples are never taken for spaces."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import typer
from landscape_cards import values_of, write_card
from typer.testing import CliRunner

import eomoo
from eomoo.cli.landscape import landscape
from eomoo.errors import SettingError
from eomoo.landscape import analyse_landscape

runner = CliRunner()
app = typer.Typer()
app.command()(landscape)


def asked(*words):
    result = runner.invoke(app, [*map(str, words), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    cells = rng.choice(423_624, 60, replace=False)
    rows = pd.DataFrame({"index": cells, "walk": np.repeat(np.arange(6), 10), "step": np.tile(np.arange(10), 6)})
    rows["val_macro"], rows["latency"] = rng.random(60), 5 + rng.random(60)
    rows.to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def test_a_table_gives_numbers_files_and_a_sheet(table, tmp_path):
    numbers = asked(table, "--out", tmp_path / "out")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert json.loads((tmp_path / "out" / "landscape.json").read_text()) == numbers
    assert numbers["sample"]["walks"] == 6
    csv = {"cells.csv", "rank_correlations.csv", "autocorrelation.csv", "walks.csv"}
    assert written == {"landscape.json", "landscape.pdf", "landscape.png"} | csv
    cells = pd.read_csv(tmp_path / "out" / "cells.csv")
    assert len(cells) == 60
    assert cells["macs"].tolist() == eomoo.load_space().macs(cells["index"].to_numpy()).tolist()
    walks = pd.read_csv(tmp_path / "out" / "walks.csv")
    macro = next(q for q in numbers["quantities"] if q["name"] == "val_macro")
    assert walks["val_macro"].mean() == pytest.approx(macro["ruggedness"]["mean"])
    assert b"/Subtype /Image" not in (tmp_path / "out" / "landscape.pdf").read_bytes()


def test_the_terminal_gets_tables_and_what_a_sample_can_tell(table):
    pd.read_csv(table).assign(latency_disturbed=[1, *[0] * 59]).to_csv(table, index=False)
    asked_for = [str(table), "--beside", str(table)]
    result = runner.invoke(app, asked_for)
    assert result.exit_code == 0, result.output
    assert re.findall(r"(\d+) of 60 measurements of (\w+) were disturbed", result.stdout) == [("1", "latency")]
    side = re.findall(r"^│ (first|second)\b", result.stdout.partition("side by side")[2], flags=re.MULTILINE)
    assert side == [row["table"] for row in asked(*asked_for)["beside"]["autocorrelation"]]
    assert len(set(side)) == 2
    for words in ("mean of walks", "Trade-offs", "Spearman over 60 cells in common", "60 cells are a sample"):
        assert words in result.stdout
    assert "optima:" not in result.stdout


def test_a_folder_called_as_a_shipped_card_is_no_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eo-macro-params").mkdir()
    result = runner.invoke(app, ["eo-macro-params", "--walks", "0"])
    # Of the card; a table knows no such option.
    assert (result.exit_code, "'--walks'" in result.output) == (2, True)
    (tmp_path / "mine").mkdir()
    assert "no benchmark.toml" in str(runner.invoke(app, ["mine"]).exception)


def test_a_card_on_twelve_cells_is_a_sample_too(space, tmp_path):
    cells = np.random.default_rng(1).choice(len(space), 12, replace=False)
    card = write_card(tmp_path, cells, values_of(space, cells))
    numbers = asked(card)
    assert numbers["sample"]["cells"] == 12
    assert "local_optima" not in json.dumps(numbers)
    with pytest.raises(SettingError, match="values of 12 cells, a sample of 423,624"):
        analyse_landscape(eomoo.get_problem(card))


def test_all_cells_of_a_smaller_space_are_no_sample(small_card_of_three, small_cells):
    numbers = asked(small_card_of_three, "--walks", 10, "--walk-length", 10, "--searches", 1)
    assert numbers["cells"] == len(small_cells)


@pytest.mark.parametrize(
    "option", [("--walks", "20"), ("--seed", "1"), ("--neighborhood", "hamming"), ("--noise", "1")]
)
def test_what_measures_a_whole_space_is_refused(table, option):
    result = runner.invoke(app, [str(table), *option])
    assert isinstance(result.exception, SettingError)
    assert "mine.csv is a sample of cells" in str(result.exception)


def test_what_is_no_table_is_compared_with_none():
    result = runner.invoke(app, ["eo-macro-params", "--beside", "eo-hwnas"])
    assert isinstance(result.exception, SettingError)
    assert "--beside compares tables" in str(result.exception)


def test_the_eo_table_gives_the_published_analysis(eo_folder, tmp_path):
    numbers = asked("eo-table-macro-latency", "--out", tmp_path)
    assert numbers == asked("--published")
    assert numbers["ruggedness_as_published"]["val_macro"]["ruggedness_as_published"] == pytest.approx(5.35, abs=0.01)
    assert len(pd.read_csv(tmp_path / "cells.csv")) == 450
    result = runner.invoke(app, ["eo-table-macro-latency", "-c", "latency<=10"])
    assert isinstance(result.exception, SettingError)
    assert "no --neighborhood" in str(result.exception)
    result = runner.invoke(app, ["eo-macro-params", "--published"])
    assert isinstance(result.exception, SettingError)
    assert "eo-macro-params is not a card on it" in str(result.exception)
