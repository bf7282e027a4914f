"""Algorithms compared: indicators of every run, medians, tests and ranks, each made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, product
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from eomoo.analysis.claims import ALPHA, Comparison, compare, judge, smallest_difference
from eomoo.analysis.curves import hypervolume_area
from eomoo.analysis.results import AREA, ProblemResults, StudyResults
from eomoo.analysis.results import families as families_of
from eomoo.analysis.statistics import RankTest, rank_test, vargha_delaney
from eomoo.analysis.tables import Measured, Table
from eomoo.arrays import Floats, Ints
from eomoo.errors import SettingError
from eomoo.fronts import Indicator, front_indicators
from eomoo.packages import pandas as pd

SHIFT = "shift [95 %]"
PAIR_NOTE = (
    "Shift: first minus second, Hodges and Lehmann's over seeds, with its 95 % interval. Ahead, behind: it is not zero "
    "(Wilcoxon's signed-rank test, two-sided); equivalent: it is less than what matters, zero or not (two one-sided "
    "tests); undecided: neither is shown. Holm's correction over all pairs and problems of an indicator; intervals "
    "have none, so that one may leave out zero and the pair still be undecided. A12 is the probability that the first "
    "algorithm's value is the larger one."
)
"""What a column of shifts is called, and how a table of pairs is read."""

_SHOWN = ("hypervolume_share", "hypervolume_area", "igd_plus", "front_size", "mean_edit")
_KEYS = ["problem", "label", "seed", "budget", "evaluations"]
_GROUP = ["problem", "evaluations"]


@dataclass(frozen=True, kw_only=True)
class StudyTables:
    """Everything that ``eomoo study show`` says.

    Attributes:
        results: What was read from the store.
        runs: Every indicator of every run, see ``indicator_frame``.
        summary: Median and quartiles of each indicator, by problem, evaluations and label.
        tests: Every pair of algorithms at equal cost, by problem and indicator.
        ranks: By number of evaluations: algorithms ranked over problems by the area under the hypervolume curve.
    """

    results: StudyResults
    runs: pd.DataFrame
    summary: pd.DataFrame
    tests: pd.DataFrame
    ranks: dict[int, RankTest]

    def __repr__(self) -> str:
        return repr(self.results).replace(type(self.results).__name__, type(self).__name__, 1)

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

    @property
    def content(self) -> dict[str, Any]:
        """All but the single runs, ready for JSON."""
        return {
            "title": self.results.title,
            "unfinished": self.results.unfinished,
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
        AREA: hypervolume_area(problem, k, n),
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
    rows = []
    for (problem, n), group in runs.groupby(_GROUP, sort=False):
        for indicator, label in product((name for name in results.columns if name in group), results.labels):
            values = group.loc[group["label"] == label, indicator].to_numpy(dtype=np.float64)
            if len(values) and not np.isnan(values).any():
                q25, median, q75 = quartiles(values)
                rows.append((problem, n, label, indicator, len(values), median, q25, q75))
    return pd.DataFrame(rows, columns=[*_GROUP, "label", "indicator", "n", "median", "q25", "q75"])


def comparison_frame(runs: pd.DataFrame, results: StudyResults) -> pd.DataFrame:
    """Pairwise comparisons over seeds, each pair once: at the largest number of cells that both have.

    An indicator's comparisons over all problems and pairs are judged together (see ``claims.judge``).

    Returns:
        Columns problem, evaluations, indicator, first, second, those of ``Comparison`` (shift: first minus
        second, over the seeds of both) and a12.
    """
    rows: list[dict[str, Any]] = []
    for name, larger in ((name, found.larger_is_better) for name, found in results.columns.items() if name in runs):
        places, found = [], []
        for problem, n, pair, values in _pairs(runs, results, name):
            places.append({"problem": problem.name, "evaluations": n, "indicator": name,
                           "first": pair[0], "second": pair[1], "a12": vargha_delaney(*values)})  # fmt: skip
            found.append(compare(*values, matters=smallest_difference(problem, name)))
        judged = judge(found, [larger] * len(found))
        rows += [{**place, **asdict(c)} for place, c in zip(places, judged, strict=True)]
    columns = [*_GROUP, "indicator", "first", "second", *Comparison.__dataclass_fields__, "a12"]
    return pd.DataFrame(rows, columns=columns)


def comparison_of(row: Mapping[Any, Any]) -> Comparison:
    """The comparison in a row of ``comparison_frame``."""
    return Comparison(**{name: row[name] for name in Comparison.__dataclass_fields__})


def _pairs(
    runs: pd.DataFrame, results: StudyResults, indicator: str
) -> Iterator[tuple[ProblemResults, int, tuple[str, str], tuple[Floats, Floats]]]:
    """Two algorithms' values of an indicator (seeds,) each on a problem, after as many cells as both evaluated."""
    for problem in results.problems:
        mine = runs[runs["problem"] == problem.name]
        looks: dict[str, dict[int, dict[int, float]]] = {}
        for label, n, seed, value in mine[["label", "evaluations", "seed", indicator]].itertuples(index=False):
            looks.setdefault(label, {}).setdefault(n, {})[seed] = value
        for first, second in combinations(looks, 2):
            common = looks[first].keys() & looks[second].keys()
            if not common:
                continue
            a, b = looks[first][max(common)], looks[second][max(common)]
            values = np.array([(a[seed], b[seed]) for seed in a if seed in b], dtype=np.float64).reshape(-1, 2)
            if len(values) and not np.isnan(values).any():
                yield problem, max(common), (first, second), (values[:, 0], values[:, 1])


def rank_tests(runs: pd.DataFrame, results: StudyResults, *, indicator: str = AREA) -> dict[int, RankTest]:
    """Algorithms ranked over problems by their median, for each number of evaluations at which some were last seen.

    An algorithm takes part when it was run on every problem that has that number of evaluations. Problems of a
    family (see ``results.families``) count once.
    """
    found: dict[int, RankTest] = {}
    ranked: set[str] = set()
    for n, group in reversed(list(runs.groupby("evaluations", sort=True))):
        medians = group.groupby(["problem", "label"], sort=False)[indicator].median().unstack()
        complete = medians.dropna(axis=1)
        labels = [label for label in results.labels if label in complete]
        if len(labels) > 1 and not ranked.issuperset(labels):
            ranked.update(labels)
            scores = results.columns[indicator].minimise(complete[labels].to_numpy(dtype=np.float64))
            kin = families_of([results.problem(str(name)) for name in complete.index])
            found[int(str(n))] = rank_test(labels, scores, families=kin, alpha=ALPHA)
    return dict(sorted(found.items()))


# -- tables ------------------------------------------------------------------------------------


def default_indicators(tables: StudyTables) -> list[str]:
    """The indicators that are shown where nobody chooses; each problem shows its own objectives."""
    best = [f"best_{o.name}" for p in tables.results.problems for o in p.objectives]
    return [name for name in dict.fromkeys([*_SHOWN[:3], *best, *_SHOWN[3:]]) if name in tables.indicators]


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
    """The pairs compared on a problem, at all numbers of cells or one; None where nothing is compared."""
    tests = tables.tests[tables.tests["problem"] == problem]
    if n is not None:
        tests = tests[tests["evaluations"] == n]
    if indicators is not None:
        tests = tests[tests["indicator"].isin(indicators)]
    if not len(tests):
        return None
    rows = [
        (tables.results.columns[row["indicator"]].title, row["evaluations"], row["first"], row["second"], row["n"],
         Measured(median=row["shift"], q25=row["low"], q75=row["high"]), row["matters"], row["p_holm"],
         row["p_equivalent_holm"], row["a12"], row["word"] or "-")
        for row in tests.to_dict(orient="records")
    ]  # fmt: skip
    return Table(
        title="Pairs compared",
        columns=["indicator", "cells", "first", "second", "seeds", SHIFT, "matters from", "p (Holm)",
                 "p equivalent (Holm)", "A12", "first is"],
        rows=rows,
        key="tests",
        note=PAIR_NOTE,
        keep=(2, 3, 10),
    )  # fmt: skip


def rank_table(n: int, ranks: RankTest) -> Table:
    """Mean ranks over problems after n cells, with Friedman's test and what it cannot tell apart."""
    groups = "; ".join(", ".join(group) for group in ranks.groups) or "none"
    p = "" if np.isnan(ranks.p) else f" Friedman's test: p = {ranks.p:.3g}."
    kin = ""
    if ranks.n_families < ranks.n_problems:
        families = "one family" if ranks.n_families == 1 else f"{ranks.n_families} families"
        kin = f" of {families} (copies with noise, limits or one objective more count once)"
    return Table(
        title=f"Mean ranks by the mean share of hypervolume up to {n:,} cells",
        columns=["algorithm", "mean rank"],
        rows=list(zip(ranks.names, ranks.mean_ranks, strict=True)),
        key=f"ranks-{n}",
        note=f"Over {ranks.n_problems} problems{kin}; 1 is best.{p} Mean ranks further apart than "
        f"{ranks.critical_difference:.3g} (Nemenyi) differ significantly; not told apart are: {groups}.",
        best={1: Indicator(title="mean rank", larger_is_better=False)},
    )
