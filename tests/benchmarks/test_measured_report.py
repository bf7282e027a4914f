"""The report on measured tables says what the tables say."""

import sys
from pathlib import Path

import pytest

from eomoo.data import read_measured
from eomoo.landscape import analyse_sample

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from measured import HERE, TABLES, interval, noise_table


@pytest.mark.parametrize("title", TABLES)
def test_the_report_holds_a_kept_tables_noise(title):
    table = read_measured(HERE / "tables" / TABLES[title][0])
    said = (HERE / "measured.md").read_text().splitlines()
    for line in noise_table({title: analyse_sample(table)}):
        assert line in said


def test_an_interval_is_left_out_where_it_is_not_known():
    nan = float("nan")
    assert interval(0.5, 0.25, 0.75) == "0.50 (0.25 to 0.75)"
    assert interval(0.5, nan, 0.75) == "0.50"
    assert interval(nan, 0.0, 1.0) == "-"
