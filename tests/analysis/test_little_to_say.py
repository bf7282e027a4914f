"""Reports of runs in which nothing is feasible, and of studies with too few seeds, say so."""

import pytest
from made_results import made
from report_folders import PLS, RANDOM, fill

import eomoo
from eomoo.analysis import StudyRun, duration, load_results, render_report, report_of, study_tables
from eomoo.analysis.claims import needed_seeds
from eomoo.analysis.compared import pair_table
from eomoo.analysis.curves import differences
from eomoo.analysis.report import FORMATS, _winner
from eomoo.analysis.standings import pairs_in_words
from eomoo.errors import SettingError

NEVER = ["lat<=0.001"]


def test_a_run_without_a_feasible_cell_says_how_near_it_came(pose, tmp_path):
    # As a user runs it: what is kept of limited quantities is kept of all cells, and of no cell on a front.
    found = eomoo.run(pose("err", "lat", constraints=NEVER), algorithm="random", budget=30, out=tmp_path)
    report = report_of(tmp_path)
    assert report.lead[0].endswith("none of which is feasible.")
    assert report.lead[1].startswith("No evaluated cell keeps every limit; the least violation is ")
    assert "best value seen of each limited quantity: lat " in report.lead[1]
    assert "No feasible cell was found." in render_report(tmp_path)
    with pytest.raises(SettingError, match="no feasible cell was found, so that there is no front to draw"):
        found.plot()
    assert all(render_report(tmp_path, format=form) for form in FORMATS)


def test_a_study_without_a_feasible_cell_says_how_near_it_came(pose, tmp_path):
    folder = fill(tmp_path, pose("err", "lat", constraints=NEVER), specs=(PLS, RANDOM), seeds=(1, 2), budget=30)
    report = report_of(folder)
    assert "nothing was found: no evaluated cell keeps every limit; the least violation is" in report.lead[1]
    assert report.sections[0].id == "front-1"
    study = StudyRun(tables=study_tables(load_results(folder)))
    for plot in (study.plot, study.plot_front):
        with pytest.raises(SettingError, match=r"no run on .* found a feasible cell, so that there is nothing to draw"):
            plot()
    assert "Medians over seeds" in study._repr_html_()
    assert {path.suffix for path in study.write(tmp_path / "tables")} == {".csv", ".tex"}


def test_of_algorithms_that_attain_the_same_no_difference_is_drawn():
    problem = made({"a": [(0.9, 1.0), (0.8, 2.0)], "b": [(0.9, 1.0), (0.8, 2.0)], "c": [(0.3, 8.0)] * 2}).problems[0]
    assert {(pair.first, pair.second) for pair in differences(problem, "x")} == {("a", "c"), ("b", "c")}


VALUES = {"a": [(0.9, 1.0), (0.8, 2.0)], "b": [(0.3, 8.0), (0.4, 9.0)]}


@pytest.mark.parametrize(("seeds", "word"), [(2, "too few seeds"), (5, "too few seeds"), (6, "ahead")])
def test_few_seeds_are_called_too_few(seeds, word):
    tables = study_tables(made(VALUES, seeds=seeds))
    rows = [dict(zip(table.columns, row, strict=True)) for table in [pair_table(tables, "made")] for row in table.rows]
    assert {row["first is"] for row in rows if "hypervolume" in row["indicator"]} == {word}
    assert all((row["first is"] == "too few seeds") == (seeds < needed_seeds(1)) for row in rows)
    text = pairs_in_words(tables, "made")
    told = "5 % of studies with 1 comparison. 6 seeds of each algorithm could tell: `eomoo study run` with --seeds 6"
    assert (told in text) == (seeds < needed_seeds(1))
    assert ("it was run with too few seeds" in _winner(tables, tables.results.problems[0])) == (seeds < 6)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0334, "0.033 s"), (12.0, "12 s"), (170.0, "2.8 min"), (9000.0, "2.5 h")]
)
def test_times_are_said_in_units_that_fit(seconds, said):
    assert duration(seconds) == said
