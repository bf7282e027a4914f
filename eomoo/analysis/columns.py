"""What is said of a front's cells, by column: objectives, limits with their slack, certainty, costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.analysis.tables import Said, Table
from eomoo.analysis.wording import basis_word, joined, shown_unit
from eomoo.arrays import Floats, Ints
from eomoo.checks import counted
from eomoo.fronts import Direction, FrontSummary, Objective, Objectives, expected_words, outlines_of, share_words
from eomoo.objectives.analytic import AnalyticBackend
from eomoo.plots import column_numbers, number, rounded
from eomoo.space import load_space
from eomoo.study.rows import ProblemRow, RunRow

# Groups of which a sentence is said; their table has them all.
_MOST_GROUPS = 3


@dataclass(frozen=True, kw_only=True)
class FrontColumn(Objective):
    """A quantity of every cell (k,) of a front, with its standard deviations where it has some, or a text.

    ``measured`` (k,) are measured values beside predicted ones, NaN where there is none. ``detail`` is for files and
    lists: wide tables and choices do without. A share of draws that is 0 is less than ``least``, and no more is known.
    """

    unit: str = ""
    direction: Direction = "min"
    values: NDArray[Any]
    objective: bool = False
    deviations: Floats | None = None
    measured: Floats | None = None
    detail: bool = False
    least: float = 0.0

    @property
    def is_text(self) -> bool:
        """Whether it holds words."""
        return self.values.dtype.kind == "U"

    @property
    def own(self) -> Objectives:
        """What it says, as the only objective."""
        return Objectives((self,))

    @property
    def minimised(self) -> Floats:
        """The values as they are minimised."""
        return self.own.minimise(self.values[:, None])[:, 0]

    def said(self, k: int) -> Said:
        """The k-th value, a number, and how people write it."""
        return Said(value=float(self.values[k]), text=self.text(k))

    def text(self, k: int) -> str:
        """The k-th value for people, ± its standard deviation, and what was measured."""
        if self.is_text:
            return str(self.values[k])
        if self.least and self.values[k] in (0, 1):
            return share_words(float(self.values[k]), self.least)
        spread = 0.0 if self.deviations is None else float(self.deviations[k])
        known = np.nan if self.measured is None else float(self.measured[k])
        value = number(float(self.values[k]), spread) if spread else column_numbers(self.values)[k]
        return value + ("" if np.isnan(known) else f" (measured {number(known)})")


@dataclass(frozen=True, kw_only=True)
class Front:
    """Cells (k,) of one problem, with what is known of them.

    Attributes:
        problem: As stored.
        cells: (k,) indices.
        values, deviations: (k, m) raw.
        limited: Values of the limited quantities by cell, as far as they are known.
        basis, measured, trainings: What values rest on, what was measured, of how many trainings they are means, by
            cell, see ``RunRow``.
        said: What can be said of its cells; None where values are exact, nobody asked, or there are several runs.
    """

    problem: ProblemRow
    cells: Ints
    values: Floats
    deviations: Floats
    limited: Mapping[int, list[Any]] = field(default_factory=dict)
    basis: Mapping[int, str] = field(default_factory=dict)
    measured: Mapping[int, list[float | None]] = field(default_factory=dict)
    trainings: Mapping[int, int] = field(default_factory=dict)
    said: FrontSummary | None = None

    @cached_property
    def columns(self) -> list[FrontColumn]:
        """What is said of each cell: objectives, limits, certainty, costs, what values rest on."""
        return [*_objectives(self), *_limits(self), *_certainty(self), *_costs(self), *_basis(self)]

    @property
    def outlines(self) -> list[tuple[int, Floats]]:
        """Where the true front lies with 90 and 50 %, at any one place: outlines (n, 2), raw, of two objectives."""
        return [] if self.said is None else outlines_of(self.problem.objectives, self.values, self.said.band)


def known_of(runs: Sequence[RunRow]) -> dict[str, Any]:
    """What runs tell of the cells of their fronts, and one alone of the front, as arguments of ``Front``."""
    names = ("limited", "basis", "measured", "trainings")
    found = {name: {cell: fact for run in runs for cell, fact in getattr(run, name).items()} for name in names}
    return {**found, "said": runs[0].uncertainty if len(runs) == 1 else None}


def rows_of(known: Mapping[int, Any], cells: Ints, n: int, *, missing: float = np.nan) -> Floats:
    """Numbers (k, n) of cells (k,), from those known by cell."""
    rows = [known.get(cell, [missing] * n) for cell in cells.tolist()]
    return np.array(rows, dtype=np.float64).reshape(len(cells), n)


def _objectives(front: Front) -> Iterator[FrontColumn]:
    measured = rows_of(front.measured, front.cells, len(front.problem.objectives))
    deviations = front.deviations
    for k, o in enumerate(front.problem.objectives):
        yield FrontColumn(
            **asdict(o),
            objective=True,
            values=o.counted(front.values[:, k]),
            deviations=deviations[:, k] if (deviations[:, k] > 0).any() else None,
            measured=measured[:, k] if np.isfinite(measured[:, k]).any() else None,
        )


def _costs(front: Front) -> Iterator[FrontColumn]:
    space, cells, around = load_space(), front.cells, front.problem.skeleton
    costs: dict[str, tuple[str, NDArray[Any]]] = {
        "params": ("parameters", space.params(cells, around)),
        "macs": ("MACs", space.macs(cells, around)),
        "vertices": ("vertices", space.n_vertices[cells]),
    }
    # What is an objective, or limited, has its column already.
    limited = [limit.name for limit in front.problem.limits if front.limited]
    for name, (title, values) in costs.items():
        if name not in (*front.problem.objectives.names, *limited):
            yield FrontColumn(name=name, title=title, values=values, detail=name == "macs")


def _basis(front: Front) -> Iterator[FrontColumn]:
    if front.trainings:
        times = np.array([front.trainings.get(int(cell), 1) for cell in front.cells])
        yield FrontColumn(name="trainings", title="mean of trainings", direction="max", values=times)
    if front.basis:
        marks = [front.basis.get(int(cell), "measured") for cell in front.cells]
        yield FrontColumn(name="basis", title="basis", values=np.array([basis_word(text) for text in marks]))
        if any(text not in ("", "measured") for text in marks):
            yield FrontColumn(name="marks", title="marks", values=np.array(marks), detail=True)


def _limits(front: Front) -> Iterator[FrontColumn]:
    """Limited quantities that are no objectives, and how far each cell is within each limit."""
    problem = front.problem
    if not front.limited:
        return
    rows = rows_of(front.limited, front.cells, len(problem.limits))
    # Several limits on a quantity have one column: how far a cell is within the nearest.
    for name in dict.fromkeys(limit.name for limit in problem.limits):
        mine = [(limit, values) for limit, values in zip(problem.limits, rows.T, strict=True) if limit.name == name]
        limit, values = mine[0]
        title, unit = limit.title, limit.unit
        if not limit.objective:
            own = limit.counted(values)
            yield FrontColumn(name=name, title=title, unit=unit, direction=limit.direction, values=own)
        slack = limit.counted(np.min([limit.slack(values) for limit, values in mine], axis=0))
        yield FrontColumn(name=f"{name}_slack", title=f"slack of {title}", unit=unit, direction="max", values=slack)


def _certainty(front: Front) -> Iterator[FrontColumn]:
    """How probable it is that a cell is what it is shown as, and from which it cannot be told."""
    problem, cells, said = front.problem, front.cells, front.said
    if said is None:
        return
    place = said.place(cells)

    def of_cells(values: Floats) -> Floats:
        return np.where(place >= 0, values[place], np.nan)

    share = partial(FrontColumn, direction="max", least=1 / said.n_draws)
    yield share(name="front_probability", title="P(front)", values=of_cells(said.probability))
    uncounted = [limit.name not in AnalyticBackend.quantities for limit in problem.limits]
    for k, limit in enumerate(problem.constraints):
        shares = said.limit_probability[:, k]
        # What is counted, and kept, needs no column; of all else a script finds one, however sure it is.
        if (shares < 1).any() or (k < len(uncounted) and uncounted[k]):
            yield share(name=f"probability {limit}", title=f"P({limit})", values=of_cells(shares))
    for what, title, amounts in (("luck", "luck in", said.luck), ("regret", "expected regret of", said.regret)):
        for o, amount in zip(problem.objectives, amounts.T, strict=True):
            if np.nan_to_num(amount).any():
                name, shown = f"{o.name}_{what}", f"{title} {o.title}"
                yield FrontColumn(name=name, title=shown, unit=o.unit, values=of_cells(amount), detail=True)
    group = {int(cell): g for g, found in enumerate(said.groups, 1) for cell in found.cells}
    yield FrontColumn(name="group", title="group", values=np.array([group.get(int(c), 0) for c in cells]), detail=True)


def choices_table(front: Front, said: FrontSummary) -> Table:
    """What a front offers to choose from: a row for each group of cells that cannot be told apart."""
    problem, cells = front.problem, front.cells
    shown = [c for c in front.columns if c.objective or c.name == "params" or c.name.startswith("probability ")]
    places = {int(cell): k for k, cell in enumerate(cells)}
    groups = sorted((g for g in said.groups if g.representative in places), key=lambda g: places[g.representative])
    vague = [k for k in range(len(problem.objectives)) if any(g.gain[k] > 0 for g in groups)]
    rows = [
        [
            *(str(g.representative), *(c.said(places[g.representative]) for c in shown), len(g.cells)),
            *(Said(value=g.gain[k], text=rounded(g.gain[k])) if g.gain[k] > 0 else None for k in vague),
        ]
        for g in groups
    ]
    gains = [f"gain in {problem.objectives[k].label}" for k in vague]
    titles = ["take", *(c.label for c in shown), "stands for", *gains]
    note = " ".join(list(_group_words(problem, said))[:_MOST_GROUPS])
    return Table(title="The choices that can be told apart", columns=titles, rows=rows, key="choices", note=note)


def certainty_words(problem: ProblemRow, said: FrontSummary) -> str:
    """How much of a front is real, in sentences."""
    n, surest = len(said.cells), share_words(float(said.probability.max()), 1 / said.n_draws)
    better = " or ".join(amounts_in_words(problem, np.median(said.regret, axis=0)))
    regret = (
        f" The best cell that is no worse elsewhere is expected to be better by {better} (median)." if better else ""
    )
    expected = f"Of the {n} cells {said.probability.sum():.1f} are expected to be on the true front, the surest with "
    choices = f" At 95 % they are {counted(len(said.groups), 'choice')}"
    if len(said.groups) < n:
        choices += "; of the cells that one stands for, none is likely to be better by more than its gain"
    return (
        f"{f'{expected}P(front) {surest}' if n > 1 else expected_words(said.probability, said.n_draws)}."
        f"{_luck_words(problem, said)}{regret}"
        f"{f'{choices}.' if n > 1 else ''} From {said.n_draws:,} joint draws over "
        f"{counted(said.n_candidates, 'cell')} that could matter."
    )


def _luck_words(problem: ProblemRow, said: FrontSummary) -> str:
    """How much worse measured values are expected to be when they are measured again, in a sentence."""
    # A hundredth of a deviation is no luck to speak of.
    mean = np.nan_to_num(said.luck.mean(axis=0))
    worse = " and ".join(amounts_in_words(problem, np.where(mean > 0.01 * said.unknown.mean(axis=0), mean, 0.0)))
    luck = " The best of many measurements had luck: measured again, these are expected to be"
    return f"{luck} {worse} worse." if worse else ""


def amounts_in_words(problem: ProblemRow, amounts: Floats) -> list[str]:
    """Amounts (m,) of the objectives in words, those that are not 0."""
    pairs = zip(problem.objectives, amounts.tolist(), strict=True)
    return [_amount_in_words(o, rounded(amount)) for o, amount in pairs if amount > 0]


def _amount_in_words(objective: Objective, amount: str) -> str:
    unit = shown_unit(objective.unit)
    if unit == "%":
        # "2 % of an error" would be a fiftieth of it.
        unit = "point" if amount == "1" else "points"
    # Of a count the title is its unit.
    return " ".join(filter(None, (amount, unit, "of" if objective.unit else "", objective.title)))


def _group_words(problem: ProblemRow, said: FrontSummary) -> Iterator[str]:
    """A sentence for each group of several cells, the largest first."""
    for group in sorted(said.groups, key=lambda g: -len(g.cells)):
        if len(group.cells) > 1:
            parts = amounts_in_words(problem, group.gain)
            more = f" by more than {joined(parts)}" if parts else ""
            yield (
                f"{counted(len(group.cells) - 1, 'other cell')} cannot be told from {group.representative}; take "
                f"{group.representative}: none is likely to be better{more}."
            )
