"""The verdict on the published claims: pairs, tests, words, page."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_results import made
from typer.testing import CliRunner

from eomoo.analysis import compare, load_results, smallest_difference
from eomoo.cli import app
from eomoo.errors import SettingError
from eomoo.esann2024.conclusion import conclusion, verdict
from eomoo.esann2024.starts import N_STARTS, beginnings
from eomoo.esann2024.verdict import CLAIMS, STARTS, Pair, findings, pairs_of, samples_of
from eomoo.esann2024.verdict_page import write_verdict
from eomoo.fronts import hamming_distances, hypervolume, mean_distance
from eomoo.plots import WIDTHS, look
from eomoo.study.execute import run_study
from eomoo.study.plan import load_study, parse_study

N_TRAIN = 40
OWN, PUBLISHED_QUALITY = STARTS
ROOT = Path(__file__).resolve().parents[2]


def published_form(card, seeds):
    """The shipped study in small: 0, 10 and 20 evaluations of search."""
    options = {"n_starts": 3, "archive": "per-start", "restart": "random"}
    rows = []
    for search in (0, 10, 20):
        start = {"init": "surrogate-pareto", "n_train": N_TRAIN, **options}
        budget = N_TRAIN + search
        rows.append({"label": f"s {search}", "algorithm": "pls", "budget": budget, "options": start})
        rows.append({"label": f"r {budget}", "algorithm": "pls", "budget": budget, "options": options})
    return parse_study(
        {"title": "small", "problems": [str(card)], "algorithms": rows, "seeds": seeds, "as_published": True}
    )


@pytest.fixture(scope="module")
def results(card, tmp_path_factory):
    folder = tmp_path_factory.mktemp("verdict")
    run_study(published_form(card("err", "lat", stem="smooth", reference_point=(25.0, 25.0)), 3), folder)
    return load_results(folder)


@pytest.fixture(scope="module")
def samples(results):
    return samples_of(results)[0]


def test_pairs_cost_the_same(results):
    found = pairs_of(results.problems[0])
    assert found == {
        OWN: [Pair(surrogate=f"s {k}", random=f"r {N_TRAIN + k}", budget=N_TRAIN + k, search=k) for k in (0, 10, 20)],
        PUBLISHED_QUALITY: [],
    }


def test_the_shipped_study_is_of_this_form():
    study = load_study("data-centric")
    assert study.probes == ("eomoo.esann2024:as_published",)
    assert study.seeds == tuple(range(10, 301, 10))
    budgets = {spec.label: budget for spec, budget in study.algorithms}
    for search in (0, 500, 1000, 1500, 2000):
        assert budgets[f"surrogate + {search}"] == budgets[f"random {2000 + search}"] == 2000 + search
        assert budgets.get(f"published quality + {search}", 2000) == 2000 + search
    for spec, _ in study.algorithms:
        assert spec.settings["archive"] == "per-start"
        assert spec.settings["n_starts"] == 20
        assert spec.settings["restart"] == "random"


def test_training_cells_are_left_out_where_it_says_so(samples):
    problem = samples.problem
    k = problem.places("s 20")[1]
    run, trace = problem.runs[k], problem.traces[k]
    mine = samples.search_only
    row = mine[(mine["label"] == "s 20") & (mine["seed"] == run.seed)].iloc[0]
    assert row["best_err"] == trace.values[N_TRAIN:, 0].min()
    random = samples.frame[samples.frame["label"] == "r 60"]["best_err"].tolist()
    assert mine[mine["label"] == "r 60"]["best_err"].tolist() == random


def test_a_finding_is_one_test_of_the_mean_over_all_looks(samples):
    found = findings([samples])
    (finding,) = [f for f in found if f.claim == "time" and f.is_main]
    assert [pair.search for pair in finding.pairs] == [10, 20]
    frame = samples.frame
    for k, pair in enumerate(finding.pairs):
        for label, values in ((pair.surrogate, finding.surrogate), (pair.random, finding.random)):
            mine = frame[frame["label"] == label].sort_values("seed")["best_lat"]
            assert values[:, k].tolist() == mine.tolist()
    # Between two looks the mean over the logarithm is that of the two.
    means = finding.surrogate.mean(axis=1), finding.random.mean(axis=1)
    expected = compare(*means, matters=smallest_difference(samples.problem, "best_lat"))
    c = finding.comparison
    assert c.n == 3
    assert [c.shift, c.p, c.p_equivalent] == pytest.approx([expected.shift, expected.p, expected.p_equivalent])
    assert {f.word for f in found} == {"too few seeds"}


DIVERSITY, ACCURACY, TIME = CLAIMS


@pytest.mark.parametrize(
    ("claim", "word", "published", "words"),
    [
        (DIVERSITY, "ahead", "behind", "**holds**"),
        (DIVERSITY, "behind", "behind", "**does not hold**: the opposite does"),
        (DIVERSITY, "behind", "ahead", "**does not hold**: the opposite does, though the published figure shows it"),
        (DIVERSITY, "equivalent", "undecided", "**does not hold**: no difference that matters"),
        (DIVERSITY, "undecided", "ahead", "**undecided**"),
        (DIVERSITY, "too few seeds", "ahead", "**too few seeds**"),
        (ACCURACY, "behind", "ahead", "**holds**"),
        (ACCURACY, "ahead", "equivalent", "**does not hold**: the opposite does"),
        (TIME, "ahead", "undecided", "**holds**"),
        (TIME, "equivalent", "undecided", "**holds**"),
        (TIME, "behind", "undecided", "**does not hold**: the opposite does"),
        (TIME, "undecided", "equivalent", "**undecided**"),
    ],
)
def test_verdicts_follow_from_words(claim, word, published, words):
    assert verdict(claim, word, published) == words


def test_the_page_says_what_the_store_says(results, samples, tmp_path):
    page, numbers, shifts, starts = write_verdict(results, tmp_path / "page.md")
    assert write_verdict(results, tmp_path / "of.2024")[0] == tmp_path / "of.2024" / "verdict.md"
    text = page.read_text()
    for figure in (shifts, starts):
        assert figure.stat().st_size > 15_000
        assert f"](figures/{figure.name})" in text
    assert "18 of 18 runs spent their budget exactly" in text
    for claim in ("Diversity", "Best accuracy", "Best training time"):
        assert f"| {claim} | smooth | eomoo's surrogates | too few seeds |" in text
    frame = samples.frame
    medians = [
        frame[frame["label"] == label]["mean_pareto_distance_as_published"].median() for label in ("s 20", "r 60")
    ]
    row = next(line for line in text.splitlines() if line.startswith('| published "mean Pareto'))
    assert f"| {medians[0]:,.5g} : {medians[1]:,.5g} |" in row
    # Three seeds have shifts and no intervals, which are left out.
    assert not re.search("nan", text, flags=re.IGNORECASE)
    for line in re.findall(r"^\|.*$", text, flags=re.MULTILINE):
        assert line.endswith("|")
    content = json.loads(numbers.read_text())
    assert conclusion(content["claims"], content["starts"]) in text
    (row,) = [row for row in content["claims"] if row["claim"] == "time"]
    (finding,) = [f for f in findings([samples]) if f.claim == "time" and f.is_main]
    assert (row["shift"], row["word"], row["low"]) == (finding.comparison.shift, "too few seeds", None)
    assert f"| {finding.comparison.matters:.3g} | too few seeds |" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_of_a_figure_is_cut(results, width, monkeypatch, tmp_path):
    found = {}

    def keep(figures, *_, **__):
        found.update(figures)
        return []

    # Not by its module's name, which is that of a function of its package.
    monkeypatch.setitem(write_verdict.__globals__, "save_figures", keep)
    write_verdict(results, tmp_path, width=width)
    assert len(found) == 2
    for name, figure in found.items():
        with look():
            figure.draw_without_rendering()
            box = figure.get_tightbbox()
        wide, high = figure.get_size_inches()
        assert np.all(np.array([box.x0, box.y0, wide - box.x1, high - box.y1]) > -0.02), name


def test_a_study_under_way_is_said_to_be(results, tmp_path, monkeypatch):
    said = "The study is not finished: 3 of its 18 runs are there."
    monkeypatch.setattr("eomoo.analysis.load_results", lambda folder: replace(results, unfinished=said))
    shown = CliRunner().invoke(app, ["study", "verdict", str(tmp_path), "--out", str(tmp_path / "part.md")])
    assert said in shown.output
    assert said in (tmp_path / "part.md").read_text()


def test_the_readme_says_what_the_page_says():
    page, readme = (ROOT / "benchmarks" / "data-centric.md").read_text(), (ROOT / "README.md").read_text()
    content = json.loads((ROOT / "benchmarks" / "data-centric.json").read_text())
    said = conclusion(content["claims"], content["starts"])
    assert said in page
    # The README breaks its lines.
    assert " ".join(said.split()) in " ".join(readme.split())


def row_of(claim, problem, start, word, **changed):
    numbers = {"shift": -0.25, "low": -0.5, "high": -0.125, "matters": 0.5, "unit": "edges"}
    return {"claim": claim, "problem": problem, "start": start, "word": word, **numbers, **changed}


def beginning(problem, start, share, distance):
    return {"problem": problem, "start": start, "share": share, "distance": distance}


def test_the_conclusion_says_what_depends_on_the_surrogate():
    rows = [
        row_of(claim, problem, start, "equivalent" if claim == TIME else word)
        for claim in CLAIMS
        for problem in ("a", "b")
        for start, word in ((OWN, "behind"), (PUBLISHED_QUALITY, "behind" if problem == "a" else "ahead"))
    ]
    text = conclusion(rows, [])
    assert "| `a` | 0.5 edges | behind: -0.25 (-0.5 to -0.12) | behind: -0.25 (-0.5 to -0.12) |" in text
    assert "|  | `b` | 0.5 edges | behind: -0.25 (-0.5 to -0.12) | ahead: -0.25 (-0.5 to -0.12) |" in text
    assert "what is said of diversity and best accuracy depends on the surrogate" in text
    assert "what is said of best training time does not" in text
    # What is no finding is neither another word nor the same.
    for own in ("too few seeds", "undecided"):
        unknown = [
            row_of(c, "a", start, word) for c in CLAIMS for start, word in ((OWN, own), (PUBLISHED_QUALITY, "ahead"))
        ]
        assert "what is said of diversity, best accuracy and best training time is open." in conclusion(unknown, [])
    # Without the other kind nothing can be said of it, and what is not known is left out.
    alone = conclusion([row_of(TIME, "a", OWN, "too few seeds", low=None, high=None, matters=None)], [])
    assert "| `a` |  | too few seeds: -0.25 |" in alone
    assert "transfers" not in alone


@pytest.mark.parametrize(
    ("shares", "distances", "words"),
    [
        ((0.5, 0.6, 0.7), (9, 8, 7), "the better the model, the closer it starts, and the less its starts spread. "),
        ((0.5, 0.6, 0.7), (9, 7, 8), "; surrogate starts spread less than random cells, be the model good or bad. "),
        ((0.5, 0.6, 0.7), (9, 7, 10), "the better the model, the closer it starts. "),
        ((0.6, 0.5, 0.7), (9, 7, 10), "a better model does not always start closer. "),
    ],
)
def test_the_reason_is_given_only_where_it_is_seen(shares, distances, words):
    kinds = ("random", PUBLISHED_QUALITY, OWN)
    text = conclusion([], [beginning("a", *row) for row in zip(kinds, shares, distances, strict=True)])
    assert words in text
    assert f"{shares[0]:.2f}, {shares[1]:.2f}, {shares[2]:.2f} on `a`" in text


def test_starts_are_the_first_cells_after_training(samples):
    random, own = beginnings([samples])
    assert (random.start, own.start) == ("random", OWN)
    trace = samples.problem.traces[samples.problem.places("s 20")[0]]
    assert own.distance[0] == mean_distance(hamming_distances(trace.cells[N_TRAIN : N_TRAIN + N_STARTS]))
    alone = samples.problem.minimised(trace)[N_TRAIN : N_TRAIN + N_STARTS]
    whole = hypervolume(samples.problem.reference, samples.problem.box)
    assert own.share[0] == pytest.approx(hypervolume(alone, samples.problem.box) / whole)
    assert np.isnan(random.spearman).all()
    assert not np.isnan(own.spearman).any()


def test_another_study_has_no_verdict(card, tmp_path):
    study = parse_study(
        {"problems": [str(card("err", "lat", source="part"))], "algorithms": [{"algorithm": "random"}],
         "budget": 20, "seeds": 2}
    )  # fmt: skip
    run_study(study, tmp_path)
    with pytest.raises(SettingError, match="such as data-centric"):
        samples_of(load_results(tmp_path))


# Of the surrogate start the first cell is its training: the best latency of all, which its search misses.
BY_HAND = {"s": [(0.5, 1.0), (0.52, 6.0), (0.53, 7.0)], "r": [(0.7, 9.0), (0.75, 4.0), (0.73, 4.5)]}
STARTS_BY_HAND = {"s": {"init": "surrogate-pareto", "n_train": 1}, "r": {"init": "random", "n_train": 1}}
WORDS = {
    # Larger is better for both figures of the published code; right, accuracy is and latency is not.
    ("diversity", "as published"): "ahead",
    ("accuracy", "as published"): "ahead",
    ("accuracy", "right"): "behind",
    ("accuracy", "right, without the training cells"): "behind",
    ("time", "as published"): "behind",
    ("time", "right"): "ahead",
    ("time", "right, without the training cells"): "behind",
    ("hypervolume", "as published"): "ahead",
    ("hypervolume", "right"): "behind",
}


@pytest.fixture(scope="module")
def by_hand():
    def published(label, seed):
        at = 2.0 if label == "s" else 1.0
        names = ("mean_pareto_distance", "mean_hamming", "best_acc", "best_lat", "hypervolume", "front_size")
        return {"as_published": {name: at + 0.1 * k + 0.01 * seed for k, name in enumerate(names)}}

    extra = {(label, seed): published(label, seed) for label in "sr" for seed in range(1, 10)}
    return samples_of(made(BY_HAND, settings=STARTS_BY_HAND, extra=extra, seeds=9))[0]


@pytest.mark.parametrize(("claim", "way"), WORDS)
def test_who_is_ahead_follows_from_the_direction(by_hand, claim, way):
    finding = next(f for f in findings([by_hand]) if f.measure.way == way and f.claim == claim)
    assert finding.word == WORDS[claim, way]
    assert finding.pairs == (Pair(surrogate="s", random="r", budget=3, search=2),)
    # The shift is the surrogate start's value minus the other's, whichever is better.
    larger_is_better = claim != "time"
    assert (finding.comparison.shift > 0) == ((finding.word == "ahead") == larger_is_better)


def test_all_right_findings_are_judged_together(by_hand):
    right = [f for f in findings([by_hand]) if f.measure.way == "right"]
    assert len(right) == len(["hamming", "edit", "hypervolume", "accuracy", "time"])
    (finding,) = [f for f in right if f.claim == "accuracy"]
    assert finding.comparison.p == pytest.approx(2 / 2**9)
    assert finding.comparison.p_holm == pytest.approx(5 * 2 / 2**9)
    (published,) = [f for f in findings([by_hand]) if f.measure.way == "as published" and f.claim == "accuracy"]
    assert published.comparison.p_holm == pytest.approx(4 * 2 / 2**9)
    # Two problems count twice.
    twice = [f for f in findings([by_hand, by_hand]) if f.measure.way == "right" and f.claim == "accuracy"]
    assert [f.comparison.p_holm for f in twice] == pytest.approx([10 * 2 / 2**9] * 2)


def test_surrogates_of_the_published_quality_are_pairs_of_their_own(results):
    (problem,) = results.problems
    others = [(problem.runs[k], problem.traces[k]) for label in ("s 10", "s 20") for k in problem.places(label)]
    init = {"init": PUBLISHED_QUALITY}
    runs = [replace(run, label=f"q{run.label[1:]}", settings={**run.settings, **init}) for run, _ in others]
    both = replace(
        problem,
        labels=(*problem.labels, "q 10", "q 20"),
        runs=(*problem.runs, *runs),
        traces=(*problem.traces, *(trace for _, trace in others)),
    )
    (mine,) = samples_of(replace(results, problems=(both,)))
    found = pairs_of(mine.problem)
    assert [pair.surrogate for pair in found[PUBLISHED_QUALITY]] == ["q 10", "q 20"]
    for start, n in ((PUBLISHED_QUALITY, 2), (OWN, 3)):
        assert [pair.random for pair in found[start]] == ["r 40", "r 50", "r 60"][-n:]
    main = [f for f in findings([mine]) if f.is_main and f.claim == "time"]
    assert [f.start for f in main] == [OWN, PUBLISHED_QUALITY]
    assert [f.comparison.shift for f in main] == [main[0].comparison.shift] * 2
    k = mine.problem.places("q 20")[0]
    run, trace = mine.problem.runs[k], mine.problem.traces[k]
    searched = mine.search_only[(mine.search_only["label"] == "q 20") & (mine.search_only["seed"] == run.seed)]
    assert searched["best_err"].iloc[0] == trace.values[N_TRAIN:, 0].min()
    assert [b.start for b in beginnings([mine])] == ["random", PUBLISHED_QUALITY, OWN]
