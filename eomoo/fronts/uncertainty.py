"""What can be said of a front whose values are not known exactly, from joint draws of them.

Nothing here knows of models: what is drawn, and how values go together, is the caller's.

Sources: Binois, Ginsbourger, Roustant, Quantifying uncertainty on Pareto fronts with Gaussian process conditional
simulations, European Journal of Operational Research 243, 2015 (draws of fronts, their attainment function);
Trappler, Helbert, Le Riche, 2025 (probability of coverage of conditional Pareto sets); Tu, Kantas, Lee, Shafei,
Random Pareto front surfaces, 2024 (fronts along directions, for any number of objectives).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eomoo import notebook, plots
from eomoo.arrays import Axes, Bools, Facts, Figure, Floats, Ints
from eomoo.checks import known_name, number
from eomoo.errors import SettingError
from eomoo.fronts.attainment import attainment_surfaces, staircase
from eomoo.fronts.box import Box, reference_directions
from eomoo.fronts.drawn import DrawnFronts
from eomoo.fronts.objectives import Objectives
from eomoo.packages import pandas as pd
from eomoo.plots import COLORS, axes_of, look

BAND = (5.0, 25.0, 50.0, 75.0, 95.0)
"""Shares of the draws, in per cent, whose surfaces bound the bands: 5 to 95 holds 90 %, 25 to 75 holds 50 %."""

# Two cells are told apart by what holds in so many of the draws.
_SURE = 0.95
# Directions along which a front of three objectives and more is followed.
_MOST_DIRECTIONS = 120
# Of a direction, which must go a little way into every objective to meet a surface.
_LEAST_WEIGHT = 0.02


@dataclass(frozen=True, kw_only=True)
class Group:
    """Cells that cannot be told apart from one of them.

    Attributes:
        representative: The one to take: the cheapest in what is known exactly, of those that keep the limits with
            95 % where any do.
        cells: (k,) all of them, the representative first.
        gain: (m,) by how much another of them is likely to be better, by objective, in its unit: the largest of
            the medians over the draws; 0 where none is.
    """

    representative: int
    cells: Ints
    gain: Floats


@dataclass(frozen=True, kw_only=True)
class FrontUncertainty:
    """Cells (k,) of a front in n joint draws of the true values of all cells that could matter.

    Attributes:
        objectives: What is optimised.
        cells: (k,) the cells asked for.
        drawn: (n, k, m) their true values as drawn, minimised.
        kept: (n, k, c) which limit they keep in which draw.
        limits: (c,) the limits as text.
        fronts: The draws' fronts among all cells that could matter, these included.
        luck: (k, m) by how much true values are expected to be worse than measured ones, in the objectives' units: the
            best of many had luck. 0 of what is predicted, or exact.
        exact: (m,) which objectives are known exactly.
        cost: (k,) known cost by which a cell is preferred among those that objectives do not tell apart.
        n_candidates: How many cells could matter.
    """

    objectives: Objectives
    cells: Ints
    drawn: Floats
    kept: Bools
    limits: tuple[str, ...]
    fronts: DrawnFronts
    luck: Floats
    exact: Bools
    cost: Floats
    n_candidates: int

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.fronts.n

    @property
    def known(self) -> bool:
        """Whether all values are exact, so that nothing was drawn and every probability is 0 or 1."""
        return bool(self.exact.all())

    @cached_property
    def probability(self) -> Floats:
        """(k,) how probably each cell is non-dominated in truth, and keeps all limits."""
        return self.fronts.counts(self.cells) / self.n_draws

    @cached_property
    def limit_probability(self) -> Floats:
        """(k, c) how probably each cell keeps each limit in truth."""
        return np.asarray(self.kept.mean(axis=0))

    @cached_property
    def unknown(self) -> Floats:
        """(k, m) standard deviations of the true values, in the objectives' units; 0 where they are exact."""
        spread: Floats = self.drawn.std(axis=0)
        return np.where(self.exact, 0.0, spread)

    @cached_property
    def regret(self) -> Floats:
        """(k, m) how much better each objective could be, expected, among cells as good in all others.

        In the objectives' units; 0 for a cell that is surely on the front.
        """
        total = np.zeros(self.drawn.shape[1:])
        for F, front in zip(self.drawn, self.fronts.each(), strict=True):
            total += _shortfall(F, front)
        return total / self.n_draws

    def under(self, limits: Mapping[str, float], objective: str) -> tuple[Floats, Floats]:
        """Choosing under limits on other objectives.

        Args:
            limits: The worst acceptable value by objective, in its own unit: at most that, or at least that
                where more is better.
            objective: What is to be as good as can be.

        Returns:
            (k,) how probably each cell keeps all limits, and (k,) its expected regret: how much better the best
            cell within the limits is in truth. 0 where it is better than all of these, by breaking limits.

        Raises:
            UnknownNameError: (a KeyError) There is no such objective.
            SettingError: (a ValueError) A limit is no finite number.
        """
        names = self.objectives.names
        j = names.index(known_name("objective", objective, names))
        worst = np.full(len(names), np.nan)
        for name, value in limits.items():
            worst[names.index(known_name("objective", name, names))] = number(f"the limit of {name}", value)
        bound = self.objectives.minimise(worst)
        bound[np.isnan(bound)] = np.inf
        holds = (self.drawn <= bound).all(axis=2) & self.kept.all(axis=2)
        total = np.zeros(len(self.cells))
        for F, front in zip(self.drawn, self.fronts.each(), strict=True):
            left = front[(front <= bound).all(axis=1), j]
            if len(left):
                total += np.maximum(F[:, j] - left.min(), 0.0)
        return holds.mean(axis=0), total / self.n_draws

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Groups of cells that cannot be told apart, each cell in one; alone where it can be told from all.

        From the cheapest cell in known quantities on, each takes those left that no uncertain objective tells
        from it: in none is either better in 95 % of the draws.
        """
        if self.known:
            return tuple(
                Group(representative=int(c), cells=c[None], gain=np.zeros(len(self.exact))) for c in self.cells
            )
        left, found = self._cheapest_first(), []
        while len(left):
            same = np.concatenate(([True], ~self._told_apart(left[0], left[1:])))
            gain = self._likely_gain(left[0], left[same])
            found.append(Group(representative=int(self.cells[left[0]]), cells=self.cells[left[same]], gain=gain))
            left = left[~same]
        return tuple(found)

    @cached_property
    def group(self) -> Ints:
        """(k,) the place of each cell's group in ``groups``."""
        place = {int(cell): g for g, group in enumerate(self.groups) for cell in group.cells}
        return np.array([place[int(cell)] for cell in self.cells], dtype=np.int64)

    def band(self, percentiles: Sequence[float] = BAND) -> dict[float, Floats]:
        """Surfaces (s, m), raw, that so many per cent of the draws' fronts attain.

        The true front lies between those of 5 and 95 % with probability 90 %, at any one place. Of two
        objectives the surfaces' corners; else the points where directions from the ideal point meet them.
        """
        fronts = list(self.fronts.each())
        if len(self.objectives) == 2:
            found = attainment_surfaces(fronts, percentiles=percentiles)
        else:
            found = _along_directions(fronts, percentiles)
        known = self.objectives.raw(np.median(self.drawn, axis=0))
        return {p: self.objectives.within(self.objectives.raw(surface), known) for p, surface in found.items()}

    def to_dataframe(self) -> pd.DataFrame:
        """What is said of each cell, a row each."""
        columns: Facts = {"index": self.cells, "front_probability": self.probability}
        for k, limit in enumerate(self.limits):
            columns[f"probability {limit}"] = self.limit_probability[:, k]
        for k, name in enumerate(self.objectives.names):
            if not self.exact[k]:
                columns[f"{name}_regret"] = self.regret[:, k]
        columns["group"] = 1 + self.group
        columns["representative"] = np.isin(self.cells, [group.representative for group in self.groups])
        return pd.DataFrame(columns)

    @look()
    def plot(self, *, axes: Axes | None = None) -> Figure:
        """The bands in which the true front lies, and the cells to take, at their medians.

        Raises:
            SettingError: (a ValueError) There are not two objectives.
        """
        if len(self.objectives) != 2:
            raise SettingError(f"a band is drawn of two objectives; there are {len(self.objectives)}")
        figure, ax = axes_of(axes)
        values = self.objectives.raw(np.median(self.drawn, axis=0))
        for share, outline in outlines_of(self.objectives, values, self.band()):
            ax.fill(*outline.T, color=COLORS[0], alpha=0.18 if share > 50 else 0.4, label=f"true front, {share} % band")
        takes = np.isin(self.cells, [group.representative for group in self.groups])
        ax.plot(*values.T, ".", markersize=3, color=COLORS[1], label=f"cells ({len(values)})")
        ax.plot(*values[takes].T, "D", color=COLORS[0], markersize=3.5, label=f"can be told apart ({takes.sum()})")
        ax.set_xlabel(self.objectives[0].label, parse_math=False)
        ax.set_ylabel(self.objectives[1].label, parse_math=False)
        ax.legend(loc="best")
        return figure

    def __repr__(self) -> str:
        return f"FrontUncertainty({len(self.cells)} cells, {len(self.groups)} told apart, {self.n_draws} draws)"

    def _repr_html_(self) -> str:
        gains = [f"gain in {o.label}" for o in self.objectives]
        gained = [[plots.rounded(v) if v else "-" for v in g.gain] for g in self.groups]
        rows = [(g.representative, len(g.cells), *gain) for g, gain in zip(self.groups, gained, strict=True)]
        drawn = [notebook.picture(self.plot(), "where the true front lies")] if len(self.objectives) == 2 else []
        said = expected_words(self.probability, self.n_draws)
        return notebook.to_html(repr(self), said, *drawn, notebook.table(["take", "stands for", *gains], rows))

    def _cheapest_first(self) -> Ints:
        """Positions (k,) by what is known exactly: objectives, each over its range, then the cost.

        Cells that may well break a limit come last: they are cheap by that.
        """
        doubtful = self.kept.all(axis=2).mean(axis=0) < _SURE
        known = self.drawn[0][:, self.exact]
        spans = np.ptp(known, axis=0)
        total = (known / np.where(spans > 0, spans, 1.0)).sum(axis=1)
        return np.lexsort((self.cells, self.cost, total, doubtful))

    def _told_apart(self, one: int, others: Ints) -> Bools:
        """(o,) whether an uncertain objective tells others from one."""
        vague = self.drawn[:, :, ~self.exact]
        mine, theirs = vague[:, [one]], vague[:, others]
        # Equal values tell for both sides half.
        better = (mine < theirs).mean(axis=0) + (mine == theirs).mean(axis=0) / 2
        return np.asarray(((better >= _SURE) | (better <= 1 - _SURE)).any(axis=1))

    def _likely_gain(self, one: int, members: Ints) -> Floats:
        gains = np.median(self.drawn[:, [one]] - self.drawn[:, members], axis=0)
        return np.asarray(np.maximum(gains.max(axis=0), 0.0))


def share_words(share: float, least: float) -> str:
    """A share of draws as a probability: that of all is no certainty, nor that of none. One draw is the ``least``."""
    if share in (0, 1):
        return f"< {least:g}" if share == 0 else f"> {1 - least:g}"
    return f"{share:.3g}"


def expected_words(probability: Floats, n_draws: int) -> str:
    """How much of a front of cells (k,) is expected to be on the true one, by the probability of each."""
    if len(probability) == 1:
        return f"P(front) of the one cell is {share_words(float(probability[0]), 1 / n_draws)}"
    return f"{probability.sum():.1f} of {len(probability)} cells are expected to be on the true front"


def outlines_of(objectives: Objectives, values: Floats, band: Mapping[float, Floats]) -> list[tuple[int, Floats]]:
    """Where the true front lies with 90 and 50 %, at any one place: outlines (n, 2), raw, of two objectives, else none.

    Args:
        objectives: The m of them.
        values: (k, m) raw values of the front beside which they are drawn.
        band: Surfaces by percentile, raw, of at least ``BAND``.
    """
    if len(objectives) != 2 or not all(map(len, band.values())):
        return []
    surfaces = {p: objectives.minimise(surface) for p, surface in band.items()}
    everything = np.concatenate([objectives.minimise(values), *surfaces.values()])
    # Beyond the last corner a surface goes on for ever; here, a little further than anything shown.
    worst = everything.max(axis=0) + 0.03 * np.ptp(everything, axis=0)
    edges = {p: staircase(surface, worst) for p, surface in surfaces.items()}
    both = ((90, edges[5.0], edges[95.0]), (50, edges[25.0], edges[75.0]))
    outlines = [(share, objectives.raw(np.concatenate((low, high[::-1])))) for share, low, high in both]
    return [(share, objectives.within(outline, values)) for share, outline in outlines]


def _shortfall(F: Floats, front: Floats) -> Floats:
    """By how much points (k, m) are worse, in each objective, than the best of a front (t, m) no worse in any."""
    if not len(front):
        return np.zeros(F.shape)
    no_worse = (front[:, None, :] <= F).all(axis=2, keepdims=True)
    best = np.where(no_worse, front[:, None, :], np.inf).min(axis=0)
    # A point that breaks a limit, or has no value, may have none before it.
    return np.where(np.isfinite(best) & np.isfinite(F), F - best, 0.0)


def _along_directions(fronts: list[Floats], percentiles: Sequence[float]) -> dict[float, Floats]:
    """Surfaces of any number of objectives, along directions from the ideal point (Tu et al. 2024)."""
    everything = np.concatenate(fronts)
    if not len(everything):
        return dict.fromkeys(percentiles, everything)
    box = Box.of(everything, margin=0.0)
    directions = np.maximum(reference_directions(everything.shape[1], _MOST_DIRECTIONS), _LEAST_WEIGHT)
    lengths = np.full((len(fronts), len(directions)), np.inf)
    for row, front in zip(lengths, fronts, strict=True):
        if len(front):
            row[:] = (box.normalise(front)[:, None, :] / directions).max(axis=2).min(axis=0)
    found = {}
    for p in percentiles:
        # Attained by at least so many: the length that this share of the draws stays below.
        reached = np.quantile(lengths, p / 100, axis=0, method="inverted_cdf")[:, None]
        surface = box.ideal + reached * directions * box.extent
        found[p] = surface[np.isfinite(reached[:, 0])]
    return found
