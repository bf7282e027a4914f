"""Algorithms compared: indicators of every run, medians, tests and ranks, each made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from eomoo.analysis.results import ProblemResults, StudyResults
from eomoo.analysis.statistics import RankTest, least_p, pairwise_tests, rank_test
from eomoo.analysis.tables import Measured, Table
from eomoo.arrays import Floats, Ints
from eomoo.errors import SettingError
from eomoo.fronts import Indicator, front_indicators

if TYPE_CHECKING:
    import pandas as pd


ALPHA = 0.05
"""Significance, after Holm's correction: the usual level."""

NEEDED_SEEDS = next(n for n in count(1) if least_p(n, n) < ALPHA)
"""Seeds of two algorithms below which no difference between them is significant, even if it is the only pair."""

_KEYS = ["problem", "label", "seed", "budget", "evaluations"]
_GROUP = ["problem", "evaluations"]


@dataclass(frozen=True, kw_only=True)
class StudyTables:
    """Everything that ``eomoo study show`` says.

    Attributes:
        results: What was read from the store.
        runs: Every indicator of every run, see ``indicator_frame``.
        summary: Median and quartiles of each indicator, by problem, evaluations and label.
        tests: Every pair of algorithms at equal cost, by problem, evaluations and indicator.
        ranks: By number of evaluations: algorithms ranked over problems by hypervolume.
    """

    results: StudyResults
    runs: pd.DataFrame
    summary: pd.DataFrame
    tests: pd.DataFrame
    ranks: dict[int, RankTest]

    @property
    def indicators(self) -> list[str]:
        """Names of the indicators that some run has."""
        found: list[str] = self.summary["indicator"].unique().tolist()
        return found

    @property
    def places(self) -> list[tuple[str, int]]:
        """(problem, evaluations) of each group of medians, in order."""
        pairs = self.summary[_GROUP].drop_duplicates()
        return [(str(name), int(n)) for name, n in pairs.itertuples(index=False)]

    def too_few_seeds(self, problem: str, first: str, second: str) -> bool:
        """Whether no difference between two algorithms could be significant, however large it is."""
        mine = self.runs[self.runs["problem"] == problem].groupby("label")["seed"].nunique()
        return least_p(int(mine[first]), int(mine[second])) >= ALPHA

    @property
    def content(self) -> dict[str, Any]:
        """All but the single runs, ready for JSON."""
        return {
            "title": self.results.title,
            "problems": [
                {
                    "name": p.name,
                    "objectives": p.objectives.to_dict()["objectives"],
                    "ideal_point": p.objectives.raw(p.box.ideal),
                    "reference_point": p.objectives.raw(p.box.reference),
                    "reference_front": p.reference_name.removesuffix(" known").removesuffix(" front"),
                    "runs": len(p.runs),
                }
                for p in self.results.problems
            ],
            "summary": self.summary.to_dict(orient="records"),
            "tests": self.tests.to_dict(orient="records"),
            "ranks": [{"evaluations": n, **asdict(test)} for n, test in self.ranks.items()],
        }


def study_tables(results: StudyResults, *, at: Sequence[int] = ()) -> StudyTables:
    """All tables of a study, at its budgets or at other numbers of evaluated cells."""
    runs = indicator_frame(results, at=at)
    summary, tests = summary_frame(runs, results), comparison_frame(runs, results)
    return StudyTables(results=results, runs=runs, summary=summary, tests=tests, ranks=rank_tests(runs, results))


# -- frames ------------------------------------------------------------------------------------


def indicator_frame(results: StudyResults, *, at: Sequence[int] = ()) -> pd.DataFrame:
    """Every indicator of every run, a row each.

    Args:
        results: The study's results.
        at: Numbers of distinct cells evaluated at which to look; by default each run's budget. A run
            that ended before (all was explored) is looked at as it ended.

    Returns:
        Columns ``problem``, ``label``, ``seed``, ``budget``, ``evaluations`` (where it was looked at),
        ``distinct_cells`` (what was evaluated until then), and those of ``StudyResults.columns`` that
        apply: ``best_NAME`` in the card's unit; ``NAME_PROBE``, numbers of the study's probes, at the budget.
    """
    import pandas as pd

    if any(n < 1 for n in at):
        raise SettingError(f"indicators are computed at 1 evaluated cell or more; got {min(at)}")
    rows = []
    for problem in results.problems:
        for k, run in enumerate(problem.runs):
            wanted = sorted({n for n in at if n <= run.budget}) if at else [run.budget]
            for n, front in zip(wanted, problem.fronts(k, wanted), strict=True):
                rows.append(_indicators_of(problem, k, n, front))
    if not rows:
        raise SettingError(f"no run has a budget of {min(at):,} cells or more; choose a smaller number")
    frame = pd.DataFrame(rows)
    ordered = [name for name in results.columns if name in frame]
    return frame[[*_KEYS, "distinct_cells", *ordered]]


def _indicators_of(problem: ProblemResults, k: int, n: int, front: Ints) -> dict[str, Any]:
    run, trace = problem.runs[k], problem.traces[k]
    F = problem.minimised(trace)[front]
    best = problem.objectives.raw(F.min(axis=0, initial=np.inf))
    probed = {f"{name}_{probe}": value for probe, found in run.probed.items() for name, value in found.items()}
    return {
        "problem": problem.name,
        "label": run.label,
        "seed": run.seed,
        "budget": run.budget,
        "evaluations": n,
        "distinct_cells": min(n, len(trace.cells)),
        **front_indicators(trace.cells[front], F, box=problem.box, reference=problem.reference),
        **{f"best_{name}": float(v) for name, v in zip(problem.objectives.names, best, strict=True)},
        **(probed if n == run.budget else {}),
    }


def quartiles(values: ArrayLike) -> tuple[float, float, float]:
    """First quartile, median and third quartile of values (n,); infinite ones are allowed."""
    sample = np.asarray(values, dtype=np.float64)
    method: Literal["linear", "nearest"] = "linear" if np.isfinite(sample).all() else "nearest"
    q25, median, q75 = np.quantile(sample, [0.25, 0.5, 0.75], method=method).tolist()
    return q25, median, q75


def summary_frame(runs: pd.DataFrame, results: StudyResults) -> pd.DataFrame:
    """Columns problem, evaluations, label, indicator, n, median, q25, q75."""
    import pandas as pd

    rows = []
    for problem, n, indicator, samples in _samples(runs, results):
        for label, values in samples.items():
            q25, median, q75 = quartiles(values)
            rows.append((problem, n, label, indicator, len(values), median, q25, q75))
    return pd.DataFrame(rows, columns=[*_GROUP, "label", "indicator", "n", "median", "q25", "q75"])


def comparison_frame(runs: pd.DataFrame, results: StudyResults, *, alpha: float = ALPHA) -> pd.DataFrame:
    """Pairwise comparisons at equal cost.

    Holm's correction counts the pairs of one problem, number of evaluations and indicator.

    Returns:
        Columns problem, evaluations, indicator, first, second, median_first, median_second, u, p,
        p_holm, a12, magnitude, better (a label; "" where the corrected p is not below ``alpha``, or where
        neither direction is better).
    """
    import pandas as pd

    columns = [*_GROUP, "indicator", "first", "second", "median_first", "median_second"]
    columns += ["u", "p", "p_holm", "a12", "magnitude", "better"]
    rows = []
    for problem, n, indicator, samples in _samples(runs, results):
        larger = results.columns[indicator].larger_is_better
        for test in pairwise_tests(samples):
            ahead = test.first if (test.a12 > 0.5) == larger else test.second
            better = ahead if test.p_holm < alpha and larger is not None else ""
            medians = [quartiles(samples[name])[1] for name in (test.first, test.second)]
            rows.append((problem, n, indicator, test.first, test.second, *medians, test.u, test.p,
                         test.p_holm, test.a12, test.magnitude, better))  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def rank_tests(
    runs: pd.DataFrame, results: StudyResults, *, indicator: str = "hypervolume", alpha: float = ALPHA
) -> dict[int, RankTest]:
    """Algorithms ranked over problems by their median, for each number of evaluations.

    An algorithm takes part when it was run on every problem that has that number of evaluations.
    """
    found = {}
    for n, group in runs.groupby("evaluations", sort=True):
        medians = group.groupby(["problem", "label"], sort=False)[indicator].median().unstack()
        complete = medians.dropna(axis=1)
        labels = [label for label in results.labels if label in complete]
        if len(labels) > 1:
            scores = results.columns[indicator].minimise(complete[labels].to_numpy(dtype=np.float64))
            found[int(str(n))] = rank_test(labels, scores, alpha=alpha)
    return found


def _samples(runs: pd.DataFrame, results: StudyResults) -> Iterator[tuple[str, int, str, dict[str, Floats]]]:
    """(problem, evaluations, indicator) with its values (seeds,) by label, of the algorithms that have it."""
    for (problem, n), group in runs.groupby(_GROUP, sort=False):
        parts = {label: group[group["label"] == label] for label in results.labels}
        for indicator in results.columns:
            if indicator in group and group[indicator].notna().any():
                values = {label: part[indicator].to_numpy(dtype=np.float64) for label, part in parts.items()}
                known = {label: v for label, v in values.items() if len(v) and not np.isnan(v).any()}
                yield str(problem), int(str(n)), indicator, known


# -- tables ------------------------------------------------------------------------------------


def check_indicators(indicators: Sequence[str], tables: StudyTables) -> None:
    """Raise SettingError when one is not among the study's."""
    for name in indicators:
        if name not in tables.indicators:
            raise SettingError(f"the study has no indicator {name!r}; it has {', '.join(tables.indicators)}")


def median_table(tables: StudyTables, problem: str, n: int, indicators: Sequence[str] | None = None) -> Table:
    """Medians with quartiles after n cells on a problem: a row for each algorithm, the best in bold."""
    summary, columns = tables.summary, tables.results.columns
    mine = summary[(summary["problem"] == problem) & (summary["evaluations"] == n)]
    known = set(mine["indicator"])
    shown = [name for name in (columns if indicators is None else indicators) if name in known]
    rows: dict[str, list[Any]] = {label: [label, 0, *[None] * len(shown)] for label in mine["label"]}
    for found in mine[mine["indicator"].isin(shown)].to_dict(orient="records"):
        row = rows[found["label"]]
        row[1] = max(row[1], found["n"])
        row[2 + shown.index(found["indicator"])] = Measured(median=found["median"], q25=found["q25"], q75=found["q75"])
    return Table(
        title=f"Indicators after {n:,} distinct cells",
        columns=["algorithm", "runs", *(columns[name].title for name in shown)],
        rows=list(rows.values()),
        key=f"indicators-{n}",
        note="Median over seeds, with first and third quartile; the best median is bold.",
        best={k: columns[name] for k, name in enumerate(shown, 2)},
    )


def pair_table(
    tables: StudyTables, problem: str, n: int | None = None, indicators: Sequence[str] | None = None
) -> Table | None:
    """The pairwise tests on a problem, of all numbers of cells or one; None where nothing is compared."""
    tests = tables.tests[tables.tests["problem"] == problem]
    if n is not None:
        tests = tests[tests["evaluations"] == n]
    if indicators is not None:
        tests = tests[tests["indicator"].isin(indicators)]
    if not len(tests):
        return None
    columns = ["evaluations", "first", "second", "median_first", "median_second"]
    columns += ["u", "p", "p_holm", "a12"]
    rows = []
    for row in tests.to_dict(orient="records"):
        effect, better = row["magnitude"], row["better"] or "neither"
        if tables.too_few_seeds(problem, row["first"], row["second"]):
            effect = better = "too few seeds"
        title = tables.results.columns[row["indicator"]].title
        rows.append((title, *(row[c] for c in columns), effect, better))
    headings = ["indicator", "cells", "first", "second", "median of first", "median of second", "U", "p"]
    return Table(
        title="Pairwise tests",
        columns=[*headings, "p (Holm)", "A12", "effect", "significantly better"],
        rows=rows,
        key="tests",
        note="Mann and Whitney's U, two-sided, at equal cost; Holm's correction over the pairs of an "
        "indicator; A12 is the probability that the first algorithm's value is the larger one.",
    )


def rank_table(n: int, ranks: RankTest) -> Table:
    """Mean ranks over problems after n cells, with Friedman's test and what it cannot tell apart."""
    groups = "; ".join(", ".join(group) for group in ranks.groups) or "none"
    p = "" if np.isnan(ranks.p) else f" Friedman's test: p = {ranks.p:.3g}."
    return Table(
        title=f"Mean ranks by hypervolume after {n:,} cells",
        columns=["algorithm", "mean rank"],
        rows=list(zip(ranks.names, ranks.mean_ranks, strict=True)),
        key=f"ranks-{n}",
        note=f"Over {ranks.n_problems} problems; 1 is best.{p} Mean ranks further apart than "
        f"{ranks.critical_difference:.3g} (Nemenyi) differ significantly; not told apart are: {groups}.",
        best={1: Indicator(title="mean rank", larger_is_better=False)},
    )
