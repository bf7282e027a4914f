"""Reports of runs in which nothing is feasible, and of studies with too few seeds, say so."""

import pytest
from made_results import made
from report_folders import PLS, RANDOM, fill

from eomoo.analysis import render_report, report_of, study_tables
from eomoo.analysis.compared import ALPHA, NEEDED_SEEDS, pair_table
from eomoo.analysis.report import _tests_in_words
from eomoo.analysis.statistics import least_p, mann_whitney

NEVER = ["lat<=0.001"]


def test_a_run_without_a_feasible_cell_says_how_near_it_came(pose, tmp_path):
    folder = fill(tmp_path, pose("err", "lat", constraints=NEVER), budget=30)
    report = report_of(folder)
    assert report.lead[0].endswith("none of which is feasible.")
    assert report.lead[1].startswith("No evaluated cell keeps every limit; the least violation is ")
    assert "best value seen of each limited quantity: lat " in report.lead[1]
    assert "No feasible cell was found." in render_report(folder)


def test_a_study_without_a_feasible_cell_says_how_near_it_came(pose, tmp_path):
    folder = fill(tmp_path, pose("err", "lat", constraints=NEVER), specs=(PLS, RANDOM), seeds=(1, 2), budget=30)
    report = report_of(folder)
    assert "nothing was found: no evaluated cell keeps every limit; the least violation is" in report.lead[1]
    assert report.sections[0].id == "front-1"


VALUES = {"a": [(0.9, 1.0), (0.8, 2.0)], "b": [(0.3, 8.0), (0.4, 9.0)]}


@pytest.mark.parametrize(("seeds", "effect"), [(2, "too few seeds"), (3, "too few seeds"), (4, "large")])
def test_few_seeds_are_called_too_few(seeds, effect):
    tables = study_tables(made(VALUES, seeds=seeds))
    rows = [dict(zip(table.columns, row, strict=True)) for table in [pair_table(tables, "made")] for row in table.rows]
    assert {row["effect"] for row in rows if "hypervolume" in row["indicator"]} == {effect}
    assert all((row["significantly better"] == "too few seeds") == (seeds < NEEDED_SEEDS) for row in rows)
    assert ("so few seeds" in _tests_in_words(tables, "made")) == (seeds < NEEDED_SEEDS)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (3, 3), (4, 4), (2, 5)])
def test_the_least_p_is_that_of_samples_apart(n, m):
    assert least_p(n, m) == pytest.approx(mann_whitney(range(n), range(100, 100 + m))[1])
    assert least_p(NEEDED_SEEDS, NEEDED_SEEDS) < ALPHA <= least_p(NEEDED_SEEDS - 1, NEEDED_SEEDS - 1)
