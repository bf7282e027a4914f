"""The published claims about surrogate starts, tested: as published, and right at equal cost.

Source: Demir, Traoré, Camero, ESANN 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eomoo.analysis import ProblemResults, StudyResults, indicator_frame, pairwise_tests
from eomoo.arrays import Floats
from eomoo.errors import SettingError
from eomoo.study.rows import RunRow, RunTrace

if TYPE_CHECKING:
    import pandas as pd


ALPHA = 0.05
"""As in the paper."""

AS_PUBLISHED = "_as_published"
"""Ending of the columns with the figures of the probe, computed with the published errors."""

PUBLISHED, RIGHT, SEARCH_ONLY = "as published", "right", "right, without the training cells"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A surrogate start and a random start that cost the same.

    Attributes:
        surrogate, random: Labels.
        budget: Distinct cells that each evaluates.
        search: Those that the surrogate start leaves to the search.
    """

    surrogate: str
    random: str
    budget: int
    search: int


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A figure and the way in which it is computed.

    Attributes:
        way: "as published", "right" or "right, without the training cells" (of the surrogate start).
        column: In the frame of ``indicator_frame``.
        title: For tables.
        larger_is_better: Its direction.
    """

    way: str
    column: str
    title: str
    larger_is_better: bool


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A pair compared over seeds.

    Attributes:
        pair: What is compared.
        surrogate, random: Values (n,) over seeds.
        u, p, p_holm: Mann and Whitney's test, two-sided; corrected for the pairs of one measure.
        a12: The probability that the surrogate start's value is the larger one, ties counted half.
        ahead: "surrogate" or "random" where p_holm is below 0.05, else "".
    """

    pair: Pair
    surrogate: Floats
    random: Floats
    u: float
    p: float
    p_holm: float
    a12: float
    ahead: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A measure on a problem: every pair, and what follows from those in which both sides search."""

    measure: Measure
    comparisons: tuple[Comparison, ...]

    def count(self, side: str) -> int:
        """Pairs with some search in which a side ("surrogate", "random", "" for neither) is ahead."""
        return sum(c.ahead == side for c in self.comparisons if c.pair.search > 0)

    @property
    def n_pairs(self) -> int:
        """Pairs in which both sides search."""
        return sum(c.pair.search > 0 for c in self.comparisons)

    @property
    def outcome(self) -> str:
        """Who is ahead, in words."""
        ahead, behind, n = self.count("surrogate"), self.count("random"), self.n_pairs
        if ahead and behind:
            return f"mixed: surrogate ahead in {ahead}, random in {behind} of {n}"
        if ahead or behind:
            side, k = ("surrogate", ahead) if ahead else ("random", behind)
            return f"{side} ahead in {'all' if k == n else k} of {n}"
        return f"no difference in any of {n}"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Indicators of every run on a problem.

    Attributes:
        problem: Its results.
        frame: See ``indicator_frame``.
        search_only: The same without the training cells of the surrogate starts.
    """

    problem: ProblemResults
    frame: pd.DataFrame
    search_only: pd.DataFrame

    def values(self, measure: Measure, label: str) -> Floats:
        """A measure (n,) over the seeds of an algorithm."""
        frame = self.search_only if measure.way == SEARCH_ONLY else self.frame
        values: Floats = frame.loc[frame["label"] == label, measure.column].to_numpy(np.float64)
        return values


def samples_of(results: StudyResults) -> list[Samples]:
    """The indicators of each problem, with the training cells and without them.

    Raises:
        SettingError: The study does not compare surrogate with random starts as published.
    """
    found = []
    for problem in results.problems:
        alone = replace(results, problems=(problem,))
        frame = indicator_frame(alone)
        if not pairs_of(problem) or f"mean_pareto_distance{AS_PUBLISHED}" not in frame:
            raise SettingError(
                "a verdict is about a study of surrogate starts against random starts with "
                "the probe eomoo.esann2024:as_published, such as data-centric"
            )
        traces = []
        for run, trace in zip(problem.runs, problem.traces, strict=True):
            n = _n_train(run)
            traces.append(RunTrace(cells=trace.cells[n:], values=trace.values[n:], feasible=trace.feasible[n:]))
        searched = replace(results, problems=(replace(problem, traces=tuple(traces)),))
        found.append(Samples(problem=problem, frame=frame, search_only=indicator_frame(searched)))
    return found


def pairs_of(problem: ProblemResults) -> list[Pair]:
    """Surrogate and random starts of equal budgets, by budget."""
    kinds: dict[tuple[int, str], str] = {}
    trained: dict[int, int] = {}
    for run in problem.runs:
        kinds[run.budget, run.settings.get("init", "")] = run.label
        if run.settings.get("init") == "surrogate-pareto":
            trained[run.budget] = _n_train(run)
    return [
        Pair(surrogate=kinds[n, "surrogate-pareto"], random=kinds[n, "random"], budget=n, search=n - trained[n])
        for n in sorted(trained)
        if (n, "random") in kinds
    ]


def find(samples: Samples, measure: Measure) -> Finding:
    """Compare all pairs by a measure, with Holm's correction over the pairs."""
    pairs = [p for p in pairs_of(samples.problem) if p.search > 0 or measure.way != SEARCH_ONLY]
    labels = [(p.surrogate, p.random) for p in pairs]
    values = {label: samples.values(measure, label) for both in labels for label in both}
    comparisons = []
    for pair, test in zip(pairs, pairwise_tests(values, labels), strict=True):
        better = "surrogate" if (test.a12 > 0.5) == measure.larger_is_better else "random"
        numbers = {"u": test.u, "p": test.p, "p_holm": test.p_holm, "a12": test.a12}
        a, b, ahead = values[pair.surrogate], values[pair.random], better if test.p_holm < ALPHA else ""
        comparisons.append(Comparison(pair=pair, surrogate=a, random=b, ahead=ahead, **numbers))
    return Finding(measure=measure, comparisons=tuple(comparisons))


def measures(problem: ProblemResults) -> dict[str, Sequence[Measure]]:
    """By claim: how its figure is computed, as published first."""
    hamming, volume = "mean pairwise Hamming distance (17x17)", "share of the true front's hypervolume"
    alone, meant = ", training cells left out", "mean over pairs of distinct cells, of the same published fronts"
    rows = {
        "diversity": [
            (PUBLISHED, f"mean_pareto_distance{AS_PUBLISHED}", 'published "mean Pareto distance"'),
            ("published fronts, right distance", f"mean_hamming{AS_PUBLISHED}", meant),
            (RIGHT, "mean_hamming", hamming),
            (RIGHT, "mean_edit", "mean pairwise edit distance"),
            (SEARCH_ONLY, "mean_hamming", hamming + alone),
        ],
        "hypervolume": [
            (PUBLISHED, f"hypervolume{AS_PUBLISHED}", "published hypervolume (the ideal point scores 0)"),
            (RIGHT, "hypervolume_share", volume),
            (SEARCH_ONLY, "hypervolume_share", volume + alone),
        ],
    }
    larger_is_better = dict.fromkeys(rows, True)
    for claim, o in zip(("accuracy", "time"), problem.objectives, strict=False):
        column, title = f"best_{o.name}", f"best {o.label}"
        larger_is_better[claim] = o.larger_is_better
        rows[claim] = [
            (PUBLISHED, column + AS_PUBLISHED, f"{title}, published search"),
            (RIGHT, column, title),
            (SEARCH_ONLY, column, title + alone),
        ]
    return {
        claim: [
            Measure(way=way, column=column, title=title, larger_is_better=larger_is_better[claim])
            for way, column, title in found
        ]
        for claim, found in rows.items()
    }


def _n_train(run: RunRow) -> int:
    if run.settings.get("init") != "surrogate-pareto":
        return 0
    # Of a problem with fewer cells, all were evaluated.
    return int(run.extra.get("surrogate", {}).get("n_train", run.settings["n_train"]))
