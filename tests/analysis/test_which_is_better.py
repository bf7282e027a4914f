"""Which algorithm is called better, where more is better and where less is: tables, tests, ranks, bold."""

import re
from dataclasses import replace

import numpy as np
import pytest
from made_results import made

from eomoo.analysis import quartiles, smallest_difference, study_tables
from eomoo.analysis.compared import median_table, pair_table, rank_table, rank_tests
from eomoo.analysis.printing.latex import study_latex
from eomoo.analysis.printing.terminal import to_rich
from eomoo.analysis.printing.text import _markdown_table
from eomoo.analysis.report import _winner
from eomoo.analysis.results import families
from eomoo.analysis.standings import pairs_in_words
from eomoo.analysis.tables import Table
from eomoo.fronts import Indicator, Objective, Objectives

# "good" is better than "bad" at everything; "fast" is better than "good" at latency alone.
VALUES = {
    "bad": [(0.60, 9.0), (0.50, 8.0), (0.1, 9.5)],
    "good": [(0.80, 3.0), (0.90, 5.0), (0.1, 9.6)],
    "fast": [(0.30, 1.5), (0.55, 2.0), (0.1, 9.7)],
}
QUALITY = (
    "hypervolume",
    "hypervolume_share",
    "hypervolume_area",
    "igd_plus",
    "additive_epsilon",
    "r2",
    "best_acc",
    "best_lat",
)
LESS = {"igd_plus", "additive_epsilon", "r2", "best_lat"}


@pytest.fixture(scope="module")
def tables():
    return study_tables(made(VALUES))


def verdicts(tables, indicator):
    """The better of each pair, "" where none is."""
    tests = tables.tests[tables.tests["indicator"] == indicator]
    return {
        frozenset((row.first, row.second)): {"ahead": row.first, "behind": row.second}.get(row.word, "")
        for row in tests.itertuples()
    }


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
    # A12 says that the first is larger, which for latency is worse; the shift is first minus second.
    assert row["a12"] == 1.0
    assert [row["shift"], row["low"], row["high"]] == pytest.approx([1.5] * 3)
    assert row["p"] == pytest.approx(2 / 2**8)
    assert row["p_holm"] == pytest.approx(3 * row["p"])


def test_what_has_no_direction_has_no_better():
    extra = {
        (label, seed): {"probe": {"heat": 10.0 * k + seed}} for k, label in enumerate(VALUES) for seed in range(1, 9)
    }
    tables = study_tables(made(VALUES, extra=extra))
    found = tables.tests[tables.tests["indicator"] == "heat_probe"]
    assert (found["p_holm"] < 0.05).all()
    assert set(found["word"]) == {""}
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
    (bold_one,) = re.findall(r"\\mathbf\{([\d.,{}]+)\}\^", study_latex(tables, [indicator]))
    assert float(bold_one) == pytest.approx(values[best], rel=5e-3)
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
    text = pairs_in_words(tables, "made")
    # In the study's order the bad one comes first, so it is behind.
    assert "bad is behind good (shift -" in text
    assert "good is ahead of fast (shift +" in text
    lead = _winner(tables, tables.results.problems[0])
    assert "good reaches the largest median hypervolume" in lead
    assert lead.endswith("As a whole search it is ahead of bad and fast.")


def test_words_name_all_whose_median_is_the_largest(tables):
    summary = tables.summary.copy()
    summary.loc[summary["label"].isin(["bad", "good"]), "median"] = 0.5
    summary.loc[summary["label"] == "fast", "median"] = 0.25
    lead = _winner(replace(tables, summary=summary), tables.results.problems[0])
    assert "bad reaches the largest median hypervolume after 3 cells, equal to that of good: 50.00 %" in lead


def test_the_tests_table_has_each_number_in_its_column(tables):
    table = pair_table(tables, "made", 3, ["best_lat"])
    row = next(dict(zip(table.columns, r, strict=True)) for r in table.rows if r[2:4] == ("bad", "fast"))
    # Eight seeds each are better by .01 with every one; latencies differ by 8 - 1.5.
    assert (row["cells"], row["seeds"], row["A12"]) == (3, 8, 1.0)
    shift = row["shift [95 %]"]
    assert [shift.median, shift.q25, shift.q75] == pytest.approx([6.5] * 3)
    assert row["p (Holm)"] == pytest.approx(3 * 2 / 2**8)
    assert row["p equivalent (Holm)"] == 1.0
    assert row["matters from"] == pytest.approx(0.01 * (10.0 - (1.5 - 0.08)))
    assert row["first is"] == "behind"
    assert pair_table(tables, "made", 2) is None


def test_quartiles_are_in_their_order(tables):
    row = median_table(tables, "made", 3, ["best_lat"]).rows[0]
    runs = tables.runs[tables.runs["label"] == "bad"]["best_lat"]
    assert (row[2].q25, row[2].median, row[2].q75) == quartiles(runs)
    assert row[2].q25 < row[2].median < row[2].q75
    assert np.isclose(runs.min(), 8.0 - 0.08)


def test_all_problems_and_pairs_of_an_indicator_are_judged_together():
    # Six seeds all of one sign: p = 2 / 64, enough for one pair, not for three.
    alone = {label: VALUES[label] for label in ("bad", "good")}
    for values, n, word in ((alone, 1, "behind"), (VALUES, 3, "too few seeds")):
        (row,) = pairs_of(study_tables(made(values, seeds=6)), "best_acc", "bad", "good")
        assert row["p"] == pytest.approx(2 / 64)
        assert row["p_holm"] == pytest.approx(2 * n / 64)
        assert row["word"] == word


def pairs_of(tables, indicator, first, second):
    tests = tables.tests[tables.tests["indicator"] == indicator]
    return tests[(tests["first"] == first) & (tests["second"] == second)].to_dict(orient="records")


def test_two_problems_count_twice_and_other_indicators_do_not():
    one = made({label: VALUES[label] for label in ("bad", "good")})
    (problem,) = one.problems
    two = replace(one, problems=(problem, replace(problem, name="again")))
    for results, n in ((one, 1), (two, 2)):
        rows = pairs_of(study_tables(results), "best_acc", "bad", "good")
        assert [row["p_holm"] for row in rows] == pytest.approx([n * 2 / 2**8] * n)


def test_a_pair_is_tested_once_however_often_it_is_looked_at():
    tests = study_tables(made(VALUES), at=[1, 2, 3]).tests
    assert set(tests["evaluations"]) == {3}
    assert len(tests[tests["indicator"] == "hypervolume_area"]) == 3
    assert set(study_tables(made(VALUES), at=[2]).tests["evaluations"]) == {2}
    # The good one's second cell is its better one.
    for at, shift in (([1], 0.6 - 0.8), ([1, 2], 0.6 - 0.9)):
        (row,) = pairs_of(study_tables(made(VALUES), at=at), "best_acc", "bad", "good")
        assert row["shift"] == pytest.approx(shift)


def test_a_longer_run_is_compared_as_it_was_when_the_shorter_one_ended():
    runs = made({"long": [(0.5, 5.0), (0.6, 4.0), (0.9, 1.0)], "short": [(0.5, 5.0), (0.7, 4.0)]})
    (row,) = pairs_of(study_tables(runs, at=[1, 2, 3]), "best_acc", "long", "short")
    assert (row["evaluations"], row["shift"]) == (2, pytest.approx(-0.1))


def test_only_seeds_that_both_have_are_paired():
    results = made(VALUES)
    (problem,) = results.problems
    kept = [k for k, run in enumerate(problem.runs) if (run.label, run.seed) != ("bad", 1)]
    fewer = replace(problem, runs=tuple(problem.runs[k] for k in kept), traces=tuple(problem.traces[k] for k in kept))
    (row,) = pairs_of(study_tables(replace(results, problems=(fewer,))), "best_lat", "bad", "good")
    # Paired by seed the shift is the same with every one; by place it would not be.
    assert (row["n"], row["low"], row["high"]) == (7, pytest.approx(5.0), pytest.approx(5.0))


def test_where_a_run_found_nothing_nothing_is_tested():
    results = made(VALUES)
    (problem,) = results.problems
    first = replace(problem.traces[0], feasible=np.zeros(3, dtype=bool))
    tables = study_tables(replace(results, problems=(replace(problem, traces=(first, *problem.traces[1:])),)))
    (row,) = pairs_of(tables, "best_lat", "bad", "good")
    assert np.isnan(row["shift"])
    assert row["word"] == "undecided"
    # Its hypervolume is none, which is a number.
    assert pairs_of(tables, "hypervolume_area", "bad", "good")[0]["word"] == "behind"


def problems_named(*objectives):
    (problem,) = made(VALUES).problems
    every = {o.name: o for o in problem.objectives} | {
        "size": Objective(name="size", title="", unit="", direction="min")
    }
    return [
        replace(problem, problem=replace(problem.problem, objectives=Objectives(tuple(every[n] for n in names), None)))
        for names in objectives
    ]


@pytest.mark.parametrize(
    ("objectives", "n"),
    [
        ([("acc", "lat"), ("acc", "lat")], 1),
        ([("acc", "lat"), ("acc", "size")], 2),
        ([("acc", "lat"), ("acc", "size"), ("acc", "lat", "size")], 1),
        ([("acc", "lat", "size"), ("lat", "size"), ("acc",)], 1),
    ],
)
def test_copies_of_a_problem_are_one_family(objectives, n):
    assert len(set(families(problems_named(*objectives)))) == n


def test_ranks_count_families():
    results = made(VALUES)
    (problem,) = results.problems
    copies = replace(results, problems=tuple(replace(problem, name=name) for name in "abcd"))
    (found,) = study_tables(copies).ranks.values()
    (alone,) = study_tables(results).ranks.values()
    assert (found.n_problems, found.n_families) == (4, 1)
    assert found.critical_difference == alone.critical_difference
    assert "4 problems of one family" in rank_table(3, found).note


@pytest.mark.parametrize(
    ("indicator", "value"),
    [
        ("best_acc", 0.01 * (0.908 - 0.2)),  # a hundredth of the box: nothing is known of its deviation
        ("best_lat", 0.1 * 0.4),  # a tenth of the median deviation, of 0.3, 0.4, 0.5
        ("best_lat_probe", 0.1 * 0.4),
        ("hypervolume_share", 0.01),
        ("mean_hamming", 0.5),
        ("front_size", 1.0),
        ("heat_probe", None),
    ],
)
def test_the_smallest_difference_that_matters_comes_from_the_card(indicator, value):
    (problem,) = made(VALUES).problems
    known = {k: np.array([0.0, s]) for k, s in enumerate((0.3, 0.5, 0.4, 0.0))}
    found = smallest_difference(replace(problem, deviations=known), indicator)
    if value is None:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(value)
