"""The published claims about surrogate starts, tested: as published, and right at equal cost.

Source: Demir, Traoré, Camero, ESANN 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eomoo import analysis
from eomoo.analysis import Comparison, ProblemResults, StudyResults
from eomoo.arrays import Facts, Floats
from eomoo.errors import SettingError
from eomoo.packages import pandas as pd
from eomoo.study.rows import RunRow, RunTrace

STARTS = {
    "surrogate-pareto": "eomoo's surrogates",
    "surrogate-pareto-as-published": "surrogates of the published quality",
}
"""Kinds of surrogate starts, by their setting ``init``."""

AS_PUBLISHED = "_as_published"
"""Ending of the columns with the figures of the probe, computed with the published errors."""

PUBLISHED, RIGHT, SEARCH_ONLY = "as published", "right", "right, without the training cells"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What was published: its title, in words, and the words on a surrogate start that bear it out."""

    title: str
    said: str
    borne_out: tuple[str, ...]


CLAIMS = {
    "diversity": Claim(title="Diversity", said="surrogate starts give the more diverse fronts", borne_out=("ahead",)),
    "accuracy": Claim(title="Best accuracy", said="random starts reach the better one", borne_out=("behind",)),
    "time": Claim(title="Best training time", said="surrogate starts are as good or better",
                  borne_out=("ahead", "equivalent")),
}  # fmt: skip
"""The published claims that a comparison can bear out."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Labels of a surrogate start and a random start that evaluate as many distinct cells, the ``budget``.

    The surrogate start leaves ``search`` of them to the search.
    """

    surrogate: str
    random: str
    budget: int
    search: int


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A figure: a column of ``indicator_frame``, the way in which it is computed, and the unit of its differences.

    The way is "as published", "right" or "right, without the training cells" (of the surrogate start).
    """

    way: str
    column: str
    title: str
    larger_is_better: bool
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A measure of a claim on a problem: a kind of surrogate start against random starts.

    Attributes:
        claim: "diversity", "accuracy", "time" or "hypervolume".
        problem: Its name.
        start: A key of ``STARTS``.
        measure: What was compared.
        pairs: The p looks at which both sides search.
        surrogate, random: (n, p) values by seed and look.
        comparison: Of the means over all looks, surrogate minus random, judged with all others of its way.
    """

    claim: str
    problem: str
    start: str
    measure: Measure
    pairs: tuple[Pair, ...]
    surrogate: Floats
    random: Floats
    comparison: Comparison

    @property
    def word(self) -> str:
        """Of the surrogate start."""
        return self.comparison.word

    @property
    def is_main(self) -> bool:
        """Whether it is the one that decides its claim: right, training cells included."""
        return self.measure.way == RIGHT and self.measure.column != "mean_edit"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Indicators of every run on a problem, and the same without the training cells of the surrogate starts."""

    problem: ProblemResults
    frame: pd.DataFrame
    search_only: pd.DataFrame

    def curves(self, measure: Measure, pairs: Sequence[Pair]) -> tuple[Floats, Floats]:
        """A measure of the surrogate and of the random start, (n, p) each: seeds that all have, looks."""
        frame = self.search_only if measure.way == SEARCH_ONLY else self.frame
        by_seed = {label: rows.set_index("seed")[measure.column] for label, rows in frame.groupby("label")}
        columns = [by_seed[label] for pair in pairs for label in (pair.surrogate, pair.random)]
        seeds = sorted(set.intersection(*(set(column.index) for column in columns)))
        every = np.column_stack([column.loc[seeds].to_numpy(np.float64) for column in columns])
        return every[:, ::2], every[:, 1::2]


def samples_of(results: StudyResults) -> list[Samples]:
    """The indicators of each problem, with the training cells and without them.

    Raises:
        SettingError: The study does not compare surrogate with random starts as published.
    """
    found = []
    for problem in results.problems:
        alone = replace(results, problems=(problem,))
        frame = analysis.indicator_frame(alone)
        if not any(pairs_of(problem).values()) or f"mean_pareto_distance{AS_PUBLISHED}" not in frame:
            raise SettingError(
                "a verdict is about a study of surrogate starts against random starts with "
                "the probe eomoo.esann2024:as_published, such as data-centric"
            )
        traces = tuple(trace_from(trace, n_train(run)) for run, trace in zip(problem.runs, problem.traces, strict=True))
        searched = replace(results, problems=(replace(problem, traces=traces),))
        found.append(Samples(problem=problem, frame=frame, search_only=analysis.indicator_frame(searched)))
    return found


def pairs_of(problem: ProblemResults) -> dict[str, list[Pair]]:
    """Surrogate and random starts of equal budgets, by kind of start and budget."""
    random = {run.budget: run.label for run in problem.runs if run.settings.get("init") == "random"}
    found: dict[str, dict[int, Pair]] = {start: {} for start in STARTS}
    for run in problem.runs:
        start = run.settings.get("init", "")
        if start in found and run.budget in random:
            found[start][run.budget] = Pair(
                surrogate=run.label, random=random[run.budget], budget=run.budget, search=run.budget - n_train(run)
            )
    return {start: [pairs[budget] for budget in sorted(pairs)] for start, pairs in found.items()}


def findings(samples: Sequence[Samples]) -> list[Finding]:
    """Every measure of every claim, by problem and kind of start.

    A start is one run looked at several times: what is tested is its mean over all looks, once. All findings of a
    way (as published, right, ...) are judged together, over claims, problems and kinds of starts.
    """
    found: list[Finding] = []
    for mine in samples:
        for claim, each in measures(mine.problem).items():
            for start, every in pairs_of(mine.problem).items():
                pairs = tuple(pair for pair in every if pair.search > 0)
                found += [_finding(mine, claim, start, measure, pairs) for measure in each if pairs]
    for way in dict.fromkeys(finding.measure.way for finding in found):
        places = [k for k, finding in enumerate(found) if finding.measure.way == way]
        words = analysis.judge(
            [found[k].comparison for k in places], [found[k].measure.larger_is_better for k in places]
        )
        for k, comparison in zip(places, words, strict=True):
            found[k] = replace(found[k], comparison=comparison)
    return found


def _finding(samples: Samples, claim: str, start: str, measure: Measure, pairs: tuple[Pair, ...]) -> Finding:
    surrogate, random = samples.curves(measure, pairs)
    budgets = [pair.budget for pair in pairs]
    matters = analysis.smallest_difference(samples.problem, measure.column)
    return Finding(
        claim=claim,
        problem=samples.problem.name,
        start=start,
        measure=measure,
        pairs=pairs,
        surrogate=surrogate,
        random=random,
        comparison=analysis.compare(
            analysis.mean_over(surrogate, budgets), analysis.mean_over(random, budgets), matters=matters
        ),
    )


def measures(problem: ProblemResults) -> dict[str, Sequence[Measure]]:
    """By claim: how its figure is computed, as published first."""
    hamming, volume = "mean pairwise Hamming distance (17x17)", "share of the hypervolume of all cells"
    alone = ", training cells left out"

    def of(larger_is_better: bool, unit: str, *rows: tuple[str, str, str]) -> list[Measure]:
        shared: Facts = {"larger_is_better": larger_is_better, "unit": unit}
        return [Measure(way=way, column=column, title=title, **shared) for way, column, title in rows]

    found: dict[str, Sequence[Measure]] = {
        "diversity": of(
            True,
            "edges",
            (PUBLISHED, f"mean_pareto_distance{AS_PUBLISHED}", 'published "mean Pareto distance"'),
            ("published fronts, right distance", f"mean_hamming{AS_PUBLISHED}",
             "mean over pairs of distinct cells, of the same published fronts"),
            (RIGHT, "mean_hamming", hamming),
            (RIGHT, "mean_edit", "mean pairwise edit distance"),
            (SEARCH_ONLY, "mean_hamming", hamming + alone),
        ),
        "hypervolume": of(
            True,
            "",
            (PUBLISHED, f"hypervolume{AS_PUBLISHED}", "published hypervolume (the ideal point scores 0)"),
            (RIGHT, "hypervolume_share", volume),
            (SEARCH_ONLY, "hypervolume_share", volume + alone),
        ),
    }  # fmt: skip
    for claim, o in zip(("accuracy", "time"), problem.objectives, strict=False):
        column, title = f"best_{o.name}", f"best {o.label}"
        found[claim] = of(
            o.larger_is_better,
            o.unit,
            (PUBLISHED, column + AS_PUBLISHED, f"{title}, published search"),
            (RIGHT, column, title),
            (SEARCH_ONLY, column, title + alone),
        )
    return found


def trace_from(trace: RunTrace, first: int, n: int | None = None) -> RunTrace:
    """The part of a trace from a position on, of n cells or all."""
    here = slice(first, None if n is None else first + n)
    return replace(trace, cells=trace.cells[here], values=trace.values[here], feasible=trace.feasible[here])


def n_train(run: RunRow) -> int:
    """Cells that a run evaluated to train its surrogates."""
    if run.settings.get("init") not in STARTS:
        return 0
    # Of a problem with fewer cells, all were evaluated.
    return int(run.extra.get("surrogate", {}).get("n_train", run.settings["n_train"]))
