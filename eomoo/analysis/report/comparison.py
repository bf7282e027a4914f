"""What a report says about a study's algorithms: curves, indicators, tests, ranks, attainment."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.analysis.report.model import Curves, Differences, Measured, Section, Series, Table
from eomoo.analysis.studies import ProblemResults, StudyResults, hypervolume_curves, run_fronts
from eomoo.analysis.study_tables import StudyTables
from eomoo.fronts.attainment import attainment_difference, attainment_surfaces, staircase
from eomoo.fronts.objectives import Objectives

__all__ = ["anytime", "comparison_sections", "rank_section"]

_CHECKPOINTS = 60
_MOST_SURFACES = 6
_MOST_PAIRS = 6
_MOST_BOXES = 1500


def anytime(problem: ProblemResults, key: str) -> Curves:
    """Share of hypervolume against distinct cells evaluated: median over seeds, quartiles as a band."""
    budgets = {run.budget for run in problem.runs}
    most = max(max(budgets), 1)
    at = sorted({max(1, round(most * k / _CHECKPOINTS)) for k in range(1, _CHECKPOINTS + 1)} | budgets)
    series = []
    for group, (label, values) in enumerate(hypervolume_curves(problem, at).items()):
        known = ~np.isnan(values).all(axis=0)
        low, middle, high = np.nanquantile(values[:, known], [0.25, 0.5, 0.75], axis=0)
        several = len(values) > 1
        series.append(
            Series(
                name=label,
                x=np.asarray(at)[known].tolist(),
                y=_short(middle),
                low=_short(low) if several else None,
                high=_short(high) if several else None,
                group=group,
            )
        )
    reference = "the true front" if problem.reference_is_true else "the best front known"
    band = (
        " Lines are medians over seeds, bands reach from quartile to quartile."
        if len(problem.runs) > 1
        else ""
    )
    return Curves(
        title="Quality during the search",
        key=f"anytime-{key}",
        x_label="distinct cells evaluated",
        y_label="share of hypervolume",
        series=series,
        note=f"Hypervolume of what was found until then, as a share of that of {reference}.{band}",
    )


def comparison_sections(
    tables: StudyTables, problem: ProblemResults, key: str, *, level: int
) -> list[Section]:
    """Sections on one problem: anytime curves, indicators with tests, attainment."""
    blocks: list[Any] = [anytime(problem, key)]
    summary = tables.summary[tables.summary["problem"] == problem.name]
    for n, group in summary.groupby("evaluations", sort=True):
        blocks.append(_indicator_table(tables.results, group, f"{key}-{n}", int(str(n))))
    found = [Section(id=f"compared-{key}", title="Algorithms compared", blocks=blocks, level=level)]
    tests = tables.tests[tables.tests["problem"] == problem.name]
    if len(tests):
        found.append(
            Section(
                id=f"tests-{key}",
                title="Are the differences chance?",
                text=[_tests_in_words(tests)],
                blocks=[_test_table(tables.results, tests, key)],
                level=level,
            )
        )
    if len(problem.objectives) == 2 and _may_be_attained(problem):
        found.append(_attainment(problem, key, level))
    return found


def rank_section(tables: StudyTables) -> Section | None:
    """Algorithms ranked over problems; None for a study of one problem."""
    blocks = []
    for n, test in tables.ranks.items():
        if test.n_problems < 2:
            continue
        groups = "; ".join(", ".join(group) for group in test.groups) or "none"
        p = "" if np.isnan(test.p) else f" Friedman's test: p = {test.p:.3g}."
        blocks.append(
            Table(
                title=f"Mean ranks by hypervolume after {n:,} cells",
                columns=["algorithm", "mean rank"],
                rows=list(zip(test.names, test.mean_ranks, strict=True)),
                key=f"ranks-{n}",
                note=f"Over {test.n_problems} problems; 1 is best.{p} Mean ranks further apart than "
                f"{test.critical_difference:.3g} (Nemenyi) differ significantly; alike are: {groups}.",
                best={1: False},
            )
        )
    return Section(id="ranks", title="Ranks over problems", blocks=blocks) if blocks else None


def _indicator_table(results: StudyResults, group: Any, key: str, n: int) -> Table:
    names = [name for name in results.columns if (group["indicator"] == name).any()]
    rows = []
    for label in dict.fromkeys(group["label"]):
        mine = group[group["label"] == label].set_index("indicator")
        row: list[Any] = [label, int(mine["n"].max())]
        for name in names:
            known = mine.loc[name] if name in mine.index else None
            row.append(
                None
                if known is None
                else Measured(median=float(known["median"]), q25=float(known["q25"]), q75=float(known["q75"]))
            )
        rows.append(row)
    return Table(
        title=f"Indicators after {n:,} distinct cells",
        columns=["algorithm", "runs", *(results.columns[name].title for name in names)],
        rows=rows,
        key=f"indicators-{key}",
        note="Median over seeds, with first and third quartile; the best median is bold.",
        best={
            k + 2: larger
            for k, name in enumerate(names)
            if (larger := results.columns[name].larger_is_better) is not None
        },
    )


def _tests_in_words(tests: Any) -> str:
    share = tests[tests["indicator"] == "hypervolume_share"]
    total, decided = len(share), int((share["better"] != "").sum())
    verdicts = [
        f"{row['better']} is better than {row['second'] if row['better'] == row['first'] else row['first']}"
        f" at {row['evaluations']:,} cells (A12 {row['a12']:.2f}, {row['magnitude']})"
        for row in share.to_dict(orient="records")
        if row["better"]
    ]
    text = (
        f"By hypervolume, {decided} of {total} pairs differ significantly (p < 0.05 after Holm's correction)"
    )
    return f"{text}: {'; '.join(verdicts[:6])}." if verdicts else f"{text}."


def _test_table(results: StudyResults, tests: Any, key: str) -> Table:
    rows = [
        (
            results.columns[row["indicator"]].title,
            row["evaluations"],
            row["first"],
            row["second"],
            row["median_first"],
            row["median_second"],
            row["u"],
            row["p"],
            row["p_holm"],
            row["a12"],
            row["magnitude"],
            row["better"] or "neither",
        )
        for row in tests.to_dict(orient="records")
    ]
    columns = ["indicator", "cells", "first", "second", "median of first", "median of second", "U", "p"]
    return Table(
        title="Pairwise tests",
        columns=[*columns, "p (Holm)", "A12", "effect", "significantly better"],
        rows=rows,
        key=f"tests-{key}",
        note="Mann and Whitney's U, two-sided, at equal cost; Holm's correction over the pairs of an "
        "indicator; A12 is the probability that the first algorithm's value is the larger one.",
    )


def _may_be_attained(problem: ProblemResults) -> bool:
    return len(problem.runs) > 1 and all(
        any(trace.feasible.any() for _, trace in problem.of(label)) for label in problem.labels
    )


def _attainment(problem: ProblemResults, key: str, level: int) -> Section:
    first, second = (o.label for o in problem.objectives)
    labels = problem.labels[:_MOST_SURFACES]
    surfaces = {label: attainment_surfaces(run_fronts(problem, label)) for label in labels}
    worst = np.max([s.max(axis=0) for found in surfaces.values() for s in found.values() if len(s)], axis=0)
    series = []
    for group, label in enumerate(labels):
        for percentile, corners in surfaces[label].items():
            line = problem.objectives.raw(staircase(corners, worst))
            middle = percentile == 50
            series.append(
                Series(
                    name=label if middle else f"{label}, {percentile:g} %",
                    x=_short(line[:, 0]),
                    y=_short(line[:, 1]),
                    group=group,
                    faint=not middle,
                )
            )
    curves = Curves(
        title="Attainment surfaces",
        key=f"attainment-{key}",
        x_label=first,
        y_label=second,
        series=series,
        note="What half of an algorithm's runs attained; thin lines: a quarter, three quarters of them.",
        outlines=True,
    )
    blocks = [curves, *_differences(problem, key, first, second)]
    return Section(
        id=f"attainment-{key}", title="What is attained, and how surely", blocks=blocks, level=level
    )


def _differences(problem: ProblemResults, key: str, x_label: str, y_label: str) -> Iterator[Differences]:
    fair = [
        (a, b)
        for a, b in combinations(problem.labels, 2)
        if {r.budget for r, _ in problem.of(a)} == {r.budget for r, _ in problem.of(b)}
        and len(problem.of(a)) == len(problem.of(b))
    ]
    for a, b in fair[:_MOST_PAIRS]:
        left, right = run_fronts(problem, a), run_fronts(problem, b)
        yield Differences(
            title=f"{a} against {b}",
            key=f"difference-{key}-{a}-{b}",
            x_label=x_label,
            y_label=y_label,
            first=a,
            second=b,
            boxes=_boxes(
                attainment_difference(left, right), np.concatenate(left + right), problem.objectives
            ),
            note="Where one algorithm's runs attain more often than the other's, by at least a tenth.",
        )


def _boxes(
    boxes: NDArray[np.float64], points: NDArray[np.float64], objectives: Objectives
) -> list[tuple[float, float, float, float, float]]:
    """The largest boxes that tell: shares of runs in the last column, cut to where the points are."""
    low, high = points.min(axis=0), points.max(axis=0)
    high = high + 0.03 * (high - low)
    share = boxes[:, 4]
    start, stop = np.clip(boxes[:, :2], low, high), np.clip(boxes[:, 2:4], low, high)
    area = np.abs(np.prod(stop - start, axis=1))
    telling = np.flatnonzero((np.abs(share) >= 0.1) & (area > 0))
    telling = telling[np.argsort(-area[telling], kind="stable")][:_MOST_BOXES]
    corners = np.column_stack((objectives.raw(start), objectives.raw(stop), share))[telling]
    return [(r[0], r[1], r[2], r[3], r[4]) for r in ([float(f"{v:.6g}") for v in row] for row in corners)]


def _short(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{v:.6g}") for v in values.tolist()]
