"""Which algorithm is called better, where more is better and where less is: tables, tests, ranks, bold."""

import numpy as np
import pytest
from made_results import made

from eomoo.analysis import quartiles, study_tables
from eomoo.analysis.compared import median_table, pair_table, rank_table, rank_tests
from eomoo.analysis.printing import study_latex, to_rich
from eomoo.analysis.printing.text import _markdown_table
from eomoo.analysis.report import _tests_in_words, _winner
from eomoo.analysis.tables import Table
from eomoo.fronts import Indicator

# "good" is better than "bad" at everything; "fast" is better than "good" at latency alone.
VALUES = {
    "bad": [(0.60, 9.0), (0.50, 8.0), (0.1, 9.5)],
    "good": [(0.80, 3.0), (0.90, 5.0), (0.1, 9.6)],
    "fast": [(0.30, 1.5), (0.55, 2.0), (0.1, 9.7)],
}
QUALITY = ("hypervolume", "hypervolume_share", "igd_plus", "additive_epsilon", "r2", "best_acc", "best_lat")
LESS = {"igd_plus", "additive_epsilon", "r2", "best_lat"}


@pytest.fixture(scope="module")
def tables():
    return study_tables(made(VALUES))


def verdicts(tables, indicator):
    """The better of each pair, "" where none is."""
    tests = tables.tests[tables.tests["indicator"] == indicator]
    return {frozenset((row.first, row.second)): row.better for row in tests.itertuples()}


@pytest.mark.parametrize("indicator", QUALITY)
def test_the_better_of_two_is_called_so_whatever_the_direction(tables, indicator):
    assert tables.results.columns[indicator].larger_is_better == (indicator not in LESS)
    assert verdicts(tables, indicator)[frozenset(("good", "bad"))] == "good"
    assert verdicts(tables, indicator)[frozenset(("fast", "bad"))] in ("fast", "bad")


def test_an_algorithm_may_be_better_at_one_thing_and_worse_at_another(tables):
    pair = frozenset(("good", "fast"))
    assert verdicts(tables, "best_lat")[pair] == "fast"
    assert verdicts(tables, "best_acc")[pair] == "good"
    assert verdicts(tables, "best_acc")[frozenset(("fast", "bad"))] == "bad"
    row = tables.tests[(tables.tests["indicator"] == "best_lat") & (tables.tests["second"] == "fast")]
    row = row[row["first"] == "good"].iloc[0]
    # A12 says that the first is larger, which for latency is worse; medians stand by their algorithm.
    assert row["a12"] == 1.0
    assert row["median_first"] == pytest.approx(3.0 - 0.035)
    assert row["median_second"] == pytest.approx(1.5 - 0.035)
    assert row["p_holm"] == pytest.approx(3 * row["p"])


def test_what_has_no_direction_has_no_better():
    extra = {
        (label, seed): {"probe": {"heat": 10.0 * k + seed}} for k, label in enumerate(VALUES) for seed in range(1, 7)
    }
    tables = study_tables(made(VALUES, extra=extra))
    found = tables.tests[tables.tests["indicator"] == "heat_probe"]
    assert (found["p_holm"] < 0.05).all()
    assert set(found["better"]) == {""}
    medians = median_table(tables, "made", 3, ["heat_probe"])
    assert not any(medians.is_best(2, row[2]) for row in medians.rows)


@pytest.mark.parametrize(("indicator", "last"), [("hypervolume", "bad"), ("best_lat", "bad"), ("best_acc", "fast")])
def test_ranks_begin_with_the_best(tables, indicator, last):
    (found,) = rank_tests(tables.runs, tables.results, indicator=indicator).values()
    assert found.mean_ranks == (1.0, 2.0, 3.0)
    assert found.names[-1] == last
    if indicator == "hypervolume":
        assert found.names == ("good", "fast", "bad")
        table = rank_table(3, found)
        assert [table.is_best(1, row[1]) for row in table.rows] == [True, False, False]


@pytest.mark.parametrize(
    ("indicator", "best"), [("hypervolume", "good"), ("best_lat", "fast"), ("best_acc", "good"), ("r2", None)]
)
def test_the_best_median_is_bold_in_every_print(tables, indicator, best):
    table = median_table(tables, "made", 3, [indicator])
    bold = [row[0] for row in table.rows if table.is_best(2, row[2])]
    values = {row[0]: row[2].median for row in table.rows}
    if best is None:
        best = min(values, key=values.get)
        assert best != "bad"
    assert bold == [best]
    text = f"{values[best]:,.4g} ["
    assert rf"\textbf{{{text}" in study_latex(tables, [indicator])
    assert f"**{text.replace('[', chr(92) + '[')}" in _markdown_table(table)
    cells = list(to_rich(table).columns[2].cells)
    assert [cell.style == "bold" for cell in cells] == [label == best for label in values]


def test_a_table_keeps_what_is_best_when_columns_are_picked():
    less, more = (Indicator(title=t, larger_is_better=t == "more") for t in ("less", "more"))
    table = Table(
        title="", columns=["a", "less", "more"], rows=[(1, 3.0, 7.0), (2, 4.0, 8.0)], key="", best={1: less, 2: more}
    )
    picked = table.pick("more", "less")
    assert [[picked.is_best(k, row[k]) for k in (0, 1)] for row in picked.rows] == [[False, True], [True, False]]
    assert picked.rows == [[7.0, 3.0], [8.0, 4.0]]


def test_words_name_the_better_one(tables):
    text = _tests_in_words(tables, "made")
    assert "good is better than bad at 3 cells" in text
    assert "bad is better" not in text
    assert "good reaches the largest median hypervolume" in _winner(tables, tables.results.problems[0])


def test_the_tests_table_has_each_number_in_its_column(tables):
    table = pair_table(tables, "made", 3, ["best_lat"])
    row = next(dict(zip(table.columns, r, strict=True)) for r in table.rows if r[2:4] == ("bad", "fast"))
    assert (row["U"], row["A12"], row["effect"]) == (36.0, 1.0, "large")
    assert row["p"] < row["p (Holm)"] < 0.05
    assert row["significantly better"] == "fast"
    assert row["median of first"] > row["median of second"]
    assert pair_table(tables, "made", 2) is None


def test_quartiles_are_in_their_order(tables):
    row = median_table(tables, "made", 3, ["best_lat"]).rows[0]
    runs = tables.runs[tables.runs["label"] == "bad"]["best_lat"]
    assert (row[2].q25, row[2].median, row[2].q75) == quartiles(runs)
    assert row[2].q25 < row[2].median < row[2].q75
    assert np.isclose(runs.min(), 8.0 - 0.06)


def test_what_is_significant_alone_may_not_be_so_among_three():
    # Four seeds against four, all apart: p = 2 / 70, three times that by Holm.
    tables = study_tables(made(VALUES, seeds=4))
    tests = tables.tests[tables.tests["indicator"] == "best_acc"]
    assert tests["p"].tolist() == pytest.approx([2 / 70] * 3)
    assert tests["p_holm"].tolist() == pytest.approx([6 / 70] * 3)
    assert set(tests["better"]) == {""}
