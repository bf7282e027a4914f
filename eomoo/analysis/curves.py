"""Curves of a study: quality during the search, what is attained, and by whom more often; each made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType

import numpy as np

from eomoo.analysis.results import ProblemResults, run_fronts
from eomoo.analysis.styles import style_numbers
from eomoo.analysis.tables import Curves, Differences, Series
from eomoo.arrays import Floats, Ints
from eomoo.fronts import Objectives, attainment_difference, attainment_surfaces, hypervolume, staircase
from eomoo.fronts.summary import short_rows

# Enough for a smooth line; every budget is one more.
_CHECKPOINTS = 60
# As many as can be told apart in one figure.
_MOST_SURFACES = 6
# Starts and populations of most searches have 20 to 50 cells; before that luck decides.
_FROM = 50.0
_AREA_POINTS = 25
_MOST_PAIRS = 6
# Boxes of less than a tenth of the runs are noise; more boxes than these would make the page heavy.
_LEAST_SHARE = 0.1
_MOST_BOXES = 1500
_DIGITS = 6  # more than a figure shows


def hypervolume_curves(problem: ProblemResults, at: Sequence[int]) -> dict[str, Floats]:
    """Share of the reference front's hypervolume against distinct cells evaluated.

    Args:
        problem: Results on a problem.
        at: (c,) ascending numbers of cells.

    Returns:
        (seeds, c) for each label; NaN beyond a run's budget.
    """
    curves: dict[str, Floats] = {}
    for label in problem.labels:
        places = problem.places(label)
        curves[label] = np.full((len(places), len(at)), np.nan)
        for curve, k in zip(curves[label], places, strict=True):
            wanted = [n for n in at if n <= problem.runs[k].budget]
            curve[: len(wanted)] = _shares(problem, k, wanted)
    return curves


def _shares(problem: ProblemResults, k: int, at: Sequence[int]) -> Floats:
    """The k-th run's share of the reference front's hypervolume after each number of cells (c,)."""
    whole, F = hypervolume(problem.reference, problem.box) or np.nan, problem.minimised(problem.traces[k])
    return np.array([hypervolume(F[front], problem.box) / whole for front in problem.fronts(k, at)])


def hypervolume_area(problem: ProblemResults, k: int, n: int) -> float:
    """The k-th run's mean share of hypervolume over the logarithm of the number of cells, from 50 cells to n.

    One number for a whole curve, so that a search is tested once, not at every look. The logarithm, since twice
    the cells is what a reader takes for one step, early as late. Of fewer than 500 cells it is from a tenth on.
    """
    at = np.unique(np.round(np.geomspace(max(1.0, min(_FROM, n / 10.0)), n, _AREA_POINTS)).astype(np.int64))
    return float(mean_over(_shares(problem, k, at.tolist())[None], at)[0])


def mean_over(curves: Floats, at: Sequence[int] | Ints) -> Floats:
    """Means (r,) of curves (r, c) over the logarithm of their numbers of cells (c,), by the trapezoid rule."""
    if len(at) == 1:
        return curves[:, 0]
    x = np.log(np.asarray(at, dtype=np.float64))
    area: Floats = ((curves[:, 1:] + curves[:, :-1]) / 2.0 * np.diff(x)).sum(axis=1) / (x[-1] - x[0])
    return area


def quartile_curves(
    shares: Mapping[str, Floats], at: Sequence[int], algorithms: Mapping[str, str] = MappingProxyType({})
) -> list[Series]:
    """Medians over seeds, with bands of quartiles, of curves (seeds, c) by label at numbers of cells (c,).

    ``algorithms`` are those behind the labels that are no algorithm's name.
    """
    series = []
    groups = style_numbers({label: algorithms.get(label, label) for label in shares})
    for label, values in shares.items():
        known = ~np.isnan(values).all(axis=0)
        low, middle, high = short_rows(np.nanquantile(values[:, known], [0.25, 0.5, 0.75], axis=0), _DIGITS)
        x, (first, third) = np.asarray(at)[known].tolist(), (low, high) if len(values) > 1 else (None, None)
        series.append(Series(name=label, runs=len(values), x=x, y=middle, low=first, high=third, group=groups[label]))
    return series


def anytime(problem: ProblemResults, key: str) -> Curves:
    """Share of hypervolume against distinct cells evaluated: median over seeds, quartiles as a band."""
    budgets = {run.budget for run in problem.runs}
    most = max(max(budgets), 1)
    at = sorted({max(1, round(most * k / _CHECKPOINTS)) for k in range(1, _CHECKPOINTS + 1)} | budgets)
    several = len(problem.runs) > 1
    band = " Lines are medians over seeds, bands reach from quartile to quartile." if several else ""
    return Curves(
        title="Quality during the search",
        key=f"anytime-{key}",
        x_label="distinct cells evaluated",
        y_label="share of hypervolume",
        series=quartile_curves(hypervolume_curves(problem, at), at, problem.algorithms),
        note=f"Hypervolume of what was found until then, as a share of that of the {problem.reference_name}.{band}",
    )


def attainment(problem: ProblemResults, key: str) -> Curves | None:
    """Attainment surfaces of up to six algorithms; None unless all found fronts, of two objectives."""
    labels = problem.labels[:_MOST_SURFACES]
    found = {label: run_fronts(problem, label) for label in labels}
    if len(problem.objectives) != 2 or not all(any(map(len, fronts)) for fronts in found.values()):
        return None
    surfaces = {label: attainment_surfaces(fronts) for label, fronts in found.items()}
    worst = np.max([s.max(axis=0) for each in surfaces.values() for s in each.values() if len(s)], axis=0)
    series, groups = [], style_numbers(problem.algorithms)
    for label in labels:
        for percentile, corners in surfaces[label].items():
            line = problem.objectives.raw(staircase(corners, worst))
            faint = percentile != 50
            name, (x, y) = f"{label}, {percentile:g} %" if faint else label, short_rows(line.T, _DIGITS)
            series.append(Series(name=name, runs=len(found[label]), x=x, y=y, group=groups[label], faint=faint))
    return Curves(
        title="Attainment surfaces",
        key=f"attainment-{key}",
        x_label=problem.objectives[0].label,
        y_label=problem.objectives[1].label,
        series=series,
        note="What half of an algorithm's runs attained; thin lines: a quarter, three quarters of them.",
        outlines=True,
    )


def differences(problem: ProblemResults, key: str) -> list[Differences]:
    """Where one algorithm attains more than another, of up to six pairs of equal budgets and runs that differ."""
    costs = {a: sorted(problem.runs[k].budget for k in problem.places(a)) for a in problem.labels}
    fair = [(a, b) for a, b in combinations(problem.labels, 2) if costs[a] == costs[b]]
    found, looks = [], style_numbers(problem.algorithms)
    for a, b in fair[:_MOST_PAIRS]:
        left, right = run_fronts(problem, a), run_fronts(problem, b)
        boxes = _telling(attainment_difference(left, right), np.concatenate(left + right), problem.objectives)
        if not boxes:
            # Of two that attain the same there is nothing to draw.
            continue
        found.append(
            Differences(
                title=f"{a} against {b}",
                key=f"difference-{key}-{a}-{b}",
                x_label=problem.objectives[0].label,
                y_label=problem.objectives[1].label,
                first=a,
                second=b,
                boxes=boxes,
                groups=(looks[a], looks[b]),
                note="Where one algorithm's runs attain more often than the other's, by at least a tenth.",
            )
        )
    return found


def _telling(boxes: Floats, points: Floats, objectives: Objectives) -> list[tuple[float, float, float, float, float]]:
    """The largest boxes that tell: shares of runs in the last column, cut to where the points are."""
    low, high = points.min(axis=0), points.max(axis=0)
    # A little room, so that the worst points are not on the edge.
    high = high + 0.03 * (high - low)
    share = boxes[:, 4]
    start, stop = np.clip(boxes[:, :2], low, high), np.clip(boxes[:, 2:4], low, high)
    area = np.abs(np.prod(stop - start, axis=1))
    telling = np.flatnonzero((np.abs(share) >= _LEAST_SHARE) & (area > 0))
    telling = telling[np.argsort(-area[telling], kind="stable")][:_MOST_BOXES]
    corners = np.column_stack((objectives.raw(start), objectives.raw(stop), share))[telling]
    return [(r[0], r[1], r[2], r[3], r[4]) for r in short_rows(corners, _DIGITS)]
