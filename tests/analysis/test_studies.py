"""A store as tables: indicators at checkpoints, medians, tests, ranks, files."""

import json
import sqlite3
from contextlib import closing
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

from eomoo.analysis import (
    compare,
    hypervolume_curves,
    indicator_frame,
    load_results,
    mean_over,
    quartiles,
    run_fronts,
    study_latex,
    study_lines,
    study_tables,
    vargha_delaney,
    write_csv,
    write_figures,
)
from eomoo.analysis.compared import SHIFT, pair_table
from eomoo.analysis.curves import hypervolume_area
from eomoo.analysis.results import fronts_at
from eomoo.analysis.tables import Measured
from eomoo.errors import SettingError, StoreError
from eomoo.files import save_figures, to_json
from eomoo.fronts.attainment import attainment_surfaces
from eomoo.fronts.indicators import front_indicators
from eomoo.plots import new_figure
from eomoo.study.execute import run_study
from eomoo.study.plan import parse_study
from eomoo.study.store import STORE_NAME, Store

LABELS = ("b 10", "a", "b 9")


@pytest.fixture(scope="module")
def folder(card, tmp_path_factory):
    """Two measured problems, one with a maximised objective; three algorithms, four seeds."""
    place = tmp_path_factory.mktemp("study")
    study = parse_study(
        {
            "title": "three & two",
            "problems": [
                str(card("err", "lat", source="part", stem="one", reference_point=(25.0, 25.0))),
                str(card("lat", "acc", source="part", stem="two")),
            ],
            "algorithms": [
                {"label": "b 10", "algorithm": "pls", "options": {"n_starts": 5}},
                {"label": "a", "algorithm": "random"},
                {"label": "b 9", "algorithm": "random", "budget": 40, "options": {"batch": 7}},
            ],
            "budget": 80,
            "seeds": 4,
        }
    )
    run_study(study, place)
    return place


@pytest.fixture(scope="module")
def results(folder):
    return load_results(folder)


@pytest.fixture(scope="module")
def tables(results):
    return study_tables(results)


def brute_front(F):
    return [k for k, f in enumerate(F) if not any((g <= f).all() and (g < f).any() for g in F)]


def test_labels_keep_the_studys_order(results):
    assert results.title == "three & two"
    assert results.labels == LABELS
    assert [p.name for p in results.problems] == ["one", "two"]
    assert all(p.reference_is_true for p in results.problems)


def test_labels_without_a_study_are_sorted_naturally(folder, tmp_path):
    (tmp_path / STORE_NAME).write_bytes((folder / STORE_NAME).read_bytes())
    assert load_results(tmp_path).labels == ("a", "b 9", "b 10")


def test_fronts_of_prefixes_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    F, feasible = rng.integers(0, 9, (40, 2)).astype(float), rng.random(40) < 0.7
    at = [1, 2, 17, 40, 55]
    for n, front in zip(at, fronts_at(F, feasible, at), strict=True):
        some = np.flatnonzero(feasible[:n])
        assert sorted(front.tolist()) == some[brute_front(F[some])].tolist()


def test_fronts_are_those_of_the_definition_in_whatever_order_they_are_asked(results):
    one = results.problem("one")
    for k in (0, 5):
        F, feasible = one.minimised(one.traces[k]), one.traces[k].feasible
        for at in ([30], [5, 30, 40], [7]):
            for n, front in zip(at, one.fronts(k, at), strict=True):
                some = np.flatnonzero(feasible[:n])
                assert sorted(front.tolist()) == some[brute_front(F[some])].tolist()


def test_every_run_gets_its_indicators_in_raw_units(results):
    frame = indicator_frame(results)
    assert len(frame) == 2 * 3 * 4
    assert set(frame.loc[frame["label"] == "b 9", "evaluations"]) == {40}
    two = results.problem("two")
    k = two.places("a")[2]
    run, trace = two.runs[k], two.traces[k]
    row = frame[(frame["problem"] == "two") & (frame["label"] == "a") & (frame["seed"] == run.seed)].iloc[0]
    assert row["best_acc"] == trace.values[:, 1].max()
    assert row["best_lat"] == trace.values[:, 0].min()
    assert np.isnan(row["best_err"])
    front = brute_front(two.minimised(trace))
    expected = front_indicators(trace.cells[front], two.minimised(trace)[front], box=two.box, reference=two.reference)
    for name, value in expected.items():
        assert row[name] == pytest.approx(value), name


def test_where_no_true_front_is_known_the_best_of_all_runs_together_is_the_reference(results, folder, tmp_path):
    (tmp_path / STORE_NAME).write_bytes((folder / STORE_NAME).read_bytes())
    with closing(sqlite3.connect(tmp_path / STORE_NAME)) as db, db:
        db.execute("DELETE FROM true_front")
        db.execute("UPDATE problem SET front_sha256 = NULL")
    for known, unknown in zip(results.problems, load_results(tmp_path).problems, strict=True):
        assert not unknown.reference_is_true
        F = np.concatenate([known.minimised(trace)[trace.feasible] for trace in known.traces])
        assert set(map(tuple, unknown.reference)) == set(map(tuple, F[brute_front(F)]))


def test_a_checkpoint_is_a_run_with_that_budget(results):
    at = indicator_frame(results, at=[40])
    full = indicator_frame(results)
    mine = at[at["label"] == "b 9"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, full[full["label"] == "b 9"].reset_index(drop=True))
    assert (at["distinct_cells"] == 40).all()
    # Beyond its budget a run says nothing.
    assert set(indicator_frame(results, at=[40, 60])["evaluations"]) == {40, 60}
    assert "b 9" not in set(indicator_frame(results, at=[60])["label"])


@pytest.mark.parametrize(("at", "text"), [([0], "1 evaluated cell or more"), ([99], "no run has a budget")])
def test_impossible_checkpoints_are_refused(results, at, text):
    with pytest.raises(SettingError, match=text):
        indicator_frame(results, at=at)


def test_summaries_are_quartiles_over_seeds(tables):
    runs, summary = tables.runs, tables.summary
    values = runs[(runs["problem"] == "one") & (runs["label"] == "a")]["igd_plus"]
    row = summary[(summary["problem"] == "one") & (summary["label"] == "a") & (summary["indicator"] == "igd_plus")]
    assert row[["n", "q25", "median", "q75"]].to_numpy().tolist() == [[4, *np.quantile(values, [0.25, 0.5, 0.75])]]


def test_quartiles_bear_infinite_values():
    assert quartiles([1.0, 2.0, np.inf, np.inf, np.inf]) == (2, np.inf, np.inf)


def test_only_equal_costs_are_compared(tables):
    tests = tables.tests
    assert set(tests["evaluations"]) == {80}
    assert set(zip(tests["first"], tests["second"], strict=True)) == {("b 10", "a")}
    runs = tables.runs[tables.runs["problem"] == "two"]
    samples = [runs[runs["label"] == label].sort_values("seed")["best_acc"] for label in ("b 10", "a")]
    row = tests[(tests["problem"] == "two") & (tests["indicator"] == "best_acc")].iloc[0]
    expected = compare(*samples, matters=row["matters"])
    assert (row["n"], row["shift"], row["p"], row["p_equivalent"]) == (
        4,
        expected.shift,
        expected.p,
        expected.p_equivalent,
    )
    assert row["a12"] == vargha_delaney(*samples)
    # Four seeds could show nothing.
    assert set(tests["word"]) == {"too few seeds"}


def test_the_area_is_that_under_the_curve_of_the_logarithm_of_cells(results, tables):
    one = results.problem("one")
    k = one.places("a")[1]
    at = np.arange(8, 81)
    shares = hypervolume_curves(one, at.tolist())["a"][1]
    found = tables.runs[(tables.runs["problem"] == "one") & (tables.runs["label"] == "a")]["hypervolume_area"].iloc[1]
    fine = trapezoid(np.interp(np.linspace(np.log(8), np.log(80), 5000), np.log(at), shares), dx=np.log(10) / 4999)
    assert found == pytest.approx(fine / np.log(10), rel=0.01)
    assert hypervolume_area(one, k, 80) == found
    assert mean_over(np.array([[1.0, 2.0, 4.0]]), [10, 100, 1000])[0] == pytest.approx((1.5 + 3.0) / 2)
    assert mean_over(np.array([[7.0]]), [10]) == [7.0]


def test_ranks_are_over_problems_at_equal_cost(results):
    ranks = study_tables(results, at=[40]).ranks
    assert list(ranks) == [40]
    assert ranks[40].n_problems == 2
    assert sorted(ranks[40].names) == sorted(LABELS)
    assert sum(ranks[40].mean_ranks) == pytest.approx(6)


def test_curves_end_where_the_table_says(results):
    one = results.problem("one")
    curves = hypervolume_curves(one, [10, 40, 80])
    frame = indicator_frame(results)
    for label in LABELS:
        mine = frame[(frame["problem"] == "one") & (frame["label"] == label)]["hypervolume_share"]
        last = curves[label][:, 1 if label == "b 9" else 2]
        assert last.tolist() == mine.tolist()
        known = curves[label][:, ~np.isnan(curves[label]).any(axis=0)]
        assert (np.diff(known, axis=1) >= 0).all()
    assert np.isnan(curves["b 9"][:, 2]).all()


def test_attainment_surfaces_are_what_shares_of_runs_attained(results):
    one = results.problem("one")
    surfaces = attainment_surfaces(run_fronts(one, "a"), percentiles=(25, 50, 100))
    fronts = [one.minimised(one.traces[k]) for k in one.places("a")]
    assert all(len(corners) for corners in surfaces.values())
    for percentile, corners in surfaces.items():
        for corner in corners:
            attained = np.mean([(corner >= F).all(axis=1).any() for F in fronts])
            assert attained >= percentile / 100 - 1e-12


def test_files_hold_the_same_numbers(tables, tmp_path):
    paths = {path.name: path for path in write_csv(tables, tmp_path)}
    runs = pd.read_csv(paths["runs.csv"])
    np.testing.assert_allclose(runs["hypervolume"], tables.runs["hypervolume"])
    assert len(pd.read_csv(paths["tests.csv"])) == len(tables.tests)
    ranks = pd.read_csv(paths["ranks.csv"]).set_index(["evaluations", "label"])["mean_rank"].to_dict()
    assert ranks == {(n, k): r for n, t in tables.ranks.items() for k, r in zip(t.names, t.mean_ranks, strict=True)}
    content = json.loads(to_json(tables.content))
    assert content["title"] == "three & two"
    assert [p["reference_front"] for p in content["problems"]] == ["true", "true"]
    assert content["problems"][1]["objectives"][1]["direction"] == "max"
    assert len(content["summary"]) == len(tables.summary)


def test_latex_escapes_marks_the_best_and_names_its_tests(tables):
    text = study_latex(tables, ["hypervolume", "igd_plus"])
    assert (", as predicted, after " in text) == tables.results.problems[0].problem.predicted
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 6
    medians = tables.summary[
        (tables.summary["problem"] == "one")
        & (tables.summary["evaluations"] == 80)
        & (tables.summary["indicator"] == "igd_plus")
    ]["median"]
    assert rf"$\mathbf{{{medians.min():.3f}}}^{{" in text
    assert r"IGD$^+$ $\downarrow$" in text
    assert r"\label{tab:one-80}" in text
    with pytest.raises(SettingError, match="no indicator 'nothing'; it has hypervolume"):
        study_latex(tables, ["nothing"])


def test_figures_are_drawn(results, tmp_path):
    save_figures({"before-it-grew": new_figure(1.0, 1.0)[0]}, tmp_path, ("svg",), all_of="a study")
    names = {path.name for path in write_figures(results, tmp_path, own=True)}
    assert {path.name for path in tmp_path.iterdir()} == names
    # An algorithm alone at its budget has no rank.
    expected = {f"{name}-{kind}.png" for name in ("one", "two") for kind in ("anytime", "attainment")}
    assert names == expected | {"one-difference-b-10-a.png", "two-difference-b-10-a.png", "ranks-80.png", "shifts.png"}
    assert all((tmp_path / name).stat().st_size > 5_000 for name in names)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no results"):
        load_results(tmp_path)
    Store(tmp_path / STORE_NAME, create=True).close()
    with pytest.raises(StoreError, match=r"the run in .* has no results yet; the same eomoo run command goes on"):
        load_results(tmp_path)


def test_latex_says_large_and_small_numbers_in_a_power_of_ten(tables):
    from eomoo.analysis.printing.latex import _in_powers, _latex, _numbers

    heading, cells, _ = _numbers("best parameters", [239_000.0, 11_936_785.0, float("nan")], better=False)
    assert (heading, cells) == (
        r"\shortstack[r]{best\\parameters\\($10^{6}$) $\downarrow$}",
        ["$0.24$", "$11.94$", "--"],
    )
    assert _numbers("p", [2.4e-5, 1.2e-5]) == (
        r"\shortstack[r]{p\\($10^{-6}$)}", ["$24.00$", "$12.00$"], "r",
    )  # fmt: skip
    assert _latex("λ to ω, in μs") == r"$\lambda$ to $\omega$, in $\mu$s"
    assert [_in_powers(n) for n in ("1e-07", "1,250e+12")] == [r"1\times 10^{-7}", r"1{,}250\times 10^{12}"]
    assert _numbers("P(front)", [0.14, 0.005, 0.0])[1] == ["$0.140$", "$0.005$", "$0.000$"]
    text = study_latex(tables, ["hypervolume", "igd_plus", "r2", "front_size", "mean_edit", "max_edit", "mean_hamming"])
    assert text.count(r"\begin{table*}") == 4
    assert r"\begin{table*}" not in study_latex(tables)
    assert "e-0" not in text.replace("edge-0", "")
    assert _numbers("x", [Measured(median=2e6, q25=1e6, q75=4e6)])[1] == ["$2.0^{4.0}_{1.0}$"]
    assert _numbers("x", [2e6], spreads=np.array([5e5]))[1] == [r"$2.00 \pm 0.50$"]
    # One that is exact among others has no deviation of 0.
    assert _numbers("x", [2e6, 3e6], spreads=np.array([5e5, 0.0]))[1] == [r"$2.00 \pm 0.50$", "$3.00$"]


def test_latex_says_of_each_pair_what_its_table_says(tables):
    from eomoo.analysis.printing.latex import _p

    assert [_p(p) for p in (5e-4, 0.004, float("nan"))] == ["$<0.001$", "$0.004$", "--"]
    table = pair_table(tables, "one", 80, ["igd_plus", "r2"])
    lines = [line for line in study_latex(tables, ["igd_plus", "r2"]).splitlines() if " -- " in line]
    for row, line in zip(table.rows, lines[: len(table.rows)], strict=True):
        said = dict(zip(table.columns, row, strict=True))
        p, equivalent = _p(said["p (Holm)"]), _p(said["p equivalent (Holm)"])
        pair, shift, *rest = line.split(" & ")
        assert pair == f"{said['first']} -- {said['second']}"
        assert shift.startswith("$-") == (said[SHIFT].median < 0)
        assert rest == [p, equivalent, rf"{said['first is']} \\"]
        assert p != equivalent


@pytest.mark.parametrize("width", [60, 80, 200])
def test_tables_break_no_word_in_a_narrow_terminal(tables, width):
    from rich.console import Console

    left_out = 0
    for table in study_lines(tables, tables.indicators, width):
        if isinstance(table, str):
            continue
        printed = Console(width=width, file=StringIO())
        printed.print(table)
        lines = printed.file.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        words = {word.strip("│┃") for line in lines for word in line.split()}
        assert {word for column in table.columns for cell in column.cells for word in str(cell).split()} <= words
        left_out += "in a wider terminal" in table.title
    assert (left_out > 0) == (width < 200)
