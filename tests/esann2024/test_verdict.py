"""The verdict on the published claims: pairs, tests, words, page."""

import re
from dataclasses import replace

import numpy as np
import pytest
from made_results import made

from eomoo.analysis import holm, load_results, mann_whitney
from eomoo.errors import SettingError
from eomoo.esann2024.verdict import Comparison, Finding, Measure, Pair, find, measures, pairs_of, samples_of
from eomoo.esann2024.verdict_page import _CLAIMS, _verdict, write_verdict
from eomoo.study.execute import run_study
from eomoo.study.plan import load_study, parse_study

N_TRAIN = 40


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
    assert pairs_of(results.problems[0]) == [
        Pair(surrogate=f"s {k}", random=f"r {N_TRAIN + k}", budget=N_TRAIN + k, search=k) for k in (0, 10, 20)
    ]


def test_the_shipped_study_is_of_this_form():
    study = load_study("data-centric")
    assert study.probes == ("eomoo.esann2024:as_published",)
    assert study.seeds == tuple(range(10, 301, 10))
    budgets = {spec.label: budget for spec, budget in study.algorithms}
    for search in (0, 500, 1000, 1500, 2000):
        assert budgets[f"surrogate + {search}"] == budgets[f"random {2000 + search}"] == 2000 + search
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


def test_a_finding_is_a_test_of_every_pair(samples):
    measure = next(m for m in measures(samples.problem)["time"] if m.way == "right")
    finding = find(samples, measure)
    assert [c.pair.search for c in finding.comparisons] == [0, 10, 20]
    frame = samples.frame
    for c in finding.comparisons:
        a = frame[frame["label"] == c.pair.surrogate]["best_lat"]
        b = frame[frame["label"] == c.pair.random]["best_lat"]
        assert (c.u, c.p) == mann_whitney(a, b)
    assert [c.p_holm for c in finding.comparisons] == holm([c.p for c in finding.comparisons]).tolist()
    # Where nothing was searched there is nothing to compare without the training cells.
    searched = find(samples, replace(measure, way="right, without the training cells"))
    assert [c.pair.search for c in searched.comparisons] == [10, 20]


def finding_of(*ahead):
    """A finding with a pair that does not count, then one for each of ``ahead``."""
    measure = Measure(way="right", column="x", title="x", larger_is_better=True)
    pairs = [Pair(surrogate="s", random="r", budget=100 + k, search=k) for k in range(len(ahead) + 1)]
    comparisons = [
        Comparison(pair=pair, surrogate=np.ones(1), random=np.ones(1), u=0, p=0.5, p_holm=1, a12=0.5, ahead=side)
        for pair, side in zip(pairs, ("random", *ahead), strict=True)
    ]
    return Finding(measure=measure, comparisons=tuple(comparisons))


S, R = "surrogate", "random"


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (("", ""), "no difference in any of 2"),
        ((S, S), "surrogate ahead in all of 2"),
        ((R, ""), "random ahead in 1 of 2"),
        ((S, R), "mixed: surrogate ahead in 1, random in 1 of 2"),
    ],
)
def test_outcomes_count_the_pairs_with_search(ahead, words):
    assert finding_of(*ahead).outcome == words


DIVERSITY, ACCURACY, TIME = _CLAIMS


@pytest.mark.parametrize(
    ("claim", "published", "right", "words"),
    [
        (DIVERSITY, (S, S), (S, S), "**holds**"),
        (DIVERSITY, (S, S), (S, ""), "**holds in part**"),
        (DIVERSITY, (S, ""), ("", ""), "**artefact**"),
        (DIVERSITY, (S, S), (R, ""), "**artefact**: the opposite is seen in 1 of 2"),
        (DIVERSITY, ("", ""), ("", ""), "**not seen**: no difference"),
        (DIVERSITY, (R, R), (R, R), "**does not hold**: the opposite holds"),
        (DIVERSITY, ("", ""), (S, S), "**holds**, though the published code does not show it here"),
        (DIVERSITY, (S, S), (S, R), "**artefact**"),
        (DIVERSITY, (R, ""), (S, R), "**does not hold**"),
        (ACCURACY, (R, R), (R, R), "**holds**"),
        (ACCURACY, (R, ""), ("", ""), "**artefact**"),
        (TIME, ("", ""), ("", ""), "**holds**"),
        (TIME, ("", ""), (S, ""), "**holds**"),
        (TIME, ("", ""), (R, ""), "**artefact**: the opposite is seen in 1 of 2"),
        (TIME, (R, ""), (R, ""), "**does not hold**: the opposite is seen in 1 of 2"),
    ],
)
def test_verdicts_follow_from_findings(claim, published, right, words):
    assert _verdict(claim, finding_of(*published), finding_of(*right)) == words


def test_the_page_says_what_the_store_says(results, samples, tmp_path):
    page, figure = write_verdict(results, tmp_path / "page.md")
    assert write_verdict(results, tmp_path / "folder")[0].read_text() == page.read_text()
    text = page.read_text()
    assert figure == tmp_path / "figures" / "smooth-violins.png"
    assert figure.stat().st_size > 20_000
    assert "](figures/smooth-violins.png)" in text
    assert "18 of 18 runs spent their budget exactly" in text
    for claim in ("Diversity", "Best accuracy", "Best training time", "Significance"):
        assert f"| {claim} | smooth |" in text
    frame = samples.frame
    values = frame[frame["label"] == "s 20"]["mean_pareto_distance_as_published"]
    row = next(line for line in text.splitlines() if line.startswith('| published "mean Pareto') and "20 : 60" in line)
    assert f"{np.median(values):,.5g} (" in row
    u, p = mann_whitney(values, frame[frame["label"] == "r 60"]["mean_pareto_distance_as_published"])
    assert f"| {u:g} | {p:.3f} |" in row
    for line in re.findall(r"^\|.*$", text, flags=re.MULTILINE):
        assert line.endswith("|")


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
STARTS = {"s": {"init": "surrogate-pareto", "n_train": 1}, "r": {"init": "random", "n_train": 1}}
AHEAD = {
    # Larger is better for both figures of the published code; right, accuracy is and latency is not.
    ("diversity", "as published"): S,
    ("accuracy", "as published"): S,
    ("accuracy", "right"): R,
    ("accuracy", "right, without the training cells"): R,
    ("time", "as published"): R,
    ("time", "right"): S,
    ("time", "right, without the training cells"): R,
    ("hypervolume", "as published"): S,
    ("hypervolume", "right"): R,
}


@pytest.fixture(scope="module")
def by_hand():
    def published(label, seed):
        at = 2.0 if label == "s" else 1.0
        names = ("mean_pareto_distance", "mean_hamming", "best_acc", "best_lat", "hypervolume", "front_size")
        return {"as_published": {name: at + 0.1 * k + 0.01 * seed for k, name in enumerate(names)}}

    extra = {(label, seed): published(label, seed) for label in "sr" for seed in range(1, 7)}
    return samples_of(made(BY_HAND, settings=STARTS, extra=extra))[0]


@pytest.mark.parametrize(("claim", "way"), AHEAD)
def test_who_is_ahead_follows_from_the_direction(by_hand, claim, way):
    measure = next(m for m in measures(by_hand.problem)[claim] if m.way == way)
    (comparison,) = find(by_hand, measure).comparisons
    assert comparison.ahead == AHEAD[claim, way]
    assert comparison.pair == Pair(surrogate="s", random="r", budget=3, search=2)
    # A12 is that of the surrogate start's values, whichever is better.
    larger_is_better = claim != "time"
    assert comparison.a12 == float((comparison.ahead == S) == larger_is_better)


def test_what_is_significant_alone_may_not_be_so_among_two_pairs():
    # Four seeds against four, all apart: p = 2 / 70, twice that by Holm.
    values = {f"{label} {n}": [*points, (0.1, 9.9)][:n] for n in (3, 4) for label, points in BY_HAND.items()}
    settings = {f"{label} {n}": STARTS[label] for n in (3, 4) for label in "sr"}
    extra = {(label, seed): {"as_published": {"mean_pareto_distance": 1.0}} for label in values for seed in range(1, 5)}
    (samples,) = samples_of(made(values, settings=settings, extra=extra, seeds=4))
    measure = next(m for m in measures(samples.problem)["accuracy"] if m.way == "right")
    found = find(samples, measure)
    assert [c.pair.budget for c in found.comparisons] == [3, 4]
    assert [c.p for c in found.comparisons] == pytest.approx([2 / 70] * 2)
    assert [c.ahead for c in found.comparisons] == ["", ""]
