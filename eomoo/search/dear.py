"""What is expected of quantities that need a training: from trainings of all lengths, and from priors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eomoo.arrays import Facts, Floats, Ints
from eomoo.fronts import PENALTY, Box
from eomoo.search.pool import Pool
from eomoo.search.priors import Prior
from eomoo.search.problem import CellProblem
from eomoo.search.rungs import Observed, Predicted, Settings, predict_ladder
from eomoo.search.trace import Trace
from eomoo.search.trainings import Task

# How bad a value is beyond the reference point, by this part of the way from the best to it, no longer matters; nor
# does it beyond so many times the distance from the best to the median, where networks did not learn. Chosen on
# training times of NAS-Bench-101's sample (see benchmarks/live_search.py).
_BEYOND, _FAR, _FAR_SHORT = 0.25, 3.0, 1.0
# Priors are looked at after so many short trainings, and every other one; what chance does less often is none. Of 4, 6
# and 8 these made the least difference without a prior that tells, on the same training times.
_LEAST_RANKED, _CHANCE = 6, 0.05


class DearModels:
    """A model of each dear quantity (see ``rungs``), from what was trained so far.

    Args:
        columns: (k,) which of its objectives and then its limited quantities are dear.
        ladder: Lengths of training, as shares of the full one.
        priors: What may tell something of them.
        trace: What was trained in full.

    Attributes:
        short: A list of (cell, share of a full training, (m + c,) raw values), in the order of their end.
        told: Of each dear quantity what was last expected of it; None before the first full training.
    """

    def __init__(
        self, problem: CellProblem, columns: Ints, ladder: tuple[float, ...], priors: Sequence[Prior], trace: Trace
    ) -> None:
        self._problem, self.columns, self._ladder, self._trace = problem, columns, ladder, trace
        self.priors = tuple(priors)
        self.short: list[tuple[int, float, Floats]] = []
        self.told: list[Predicted | None] = [None] * len(columns)
        self._from_priors = np.full((len(problem.space), len(self.priors)), np.nan)

    @property
    def last_rung(self) -> int:
        """The rung of the ladder that is a full training."""
        return len(self._ladder) - 1

    def minimised(self, raw: Floats) -> Floats:
        """Raw values (..., m + c) with the objectives minimised; limited quantities stay raw."""
        m = self._problem.n_obj
        return np.concatenate((self._problem.objectives.minimise(raw[..., :m]), raw[..., m:]), axis=-1)

    def predict(self, pool: Pool, box: Box, believed: Sequence[Task], *, again: bool) -> list[Predicted | None]:
        """What is expected of each dear quantity of a pool's cells.

        Args:
            pool: In which all trained cells and all believed ones are.
            box: What is far beyond it matters no more.
            believed: Trainings that are taken to end as was expected before.
            again: Keep the settings of the last fit.
        """
        at = np.full(len(self._problem.space), -1, dtype=np.int64)
        at[pool.cells] = np.arange(len(pool.cells))
        told = self._prior_values(pool.cells)
        before = self.told if again or believed else [None] * len(self.columns)
        found = []
        for k, expected in zip(self.columns.tolist(), before, strict=True):
            settings: tuple[Settings | None, ...] | None = expected.settings if expected is not None and again else None
            observed = [self._observed(k, rung, at, box, believed, expected) for rung in range(len(self._ladder))]
            found.append(predict_ladder(pool.Z, observed, told, settings=settings))
        self.told = found
        return found

    def _observed(
        self, k: int, rung: int, at: Ints, box: Box, believed: Sequence[Task], before: Predicted | None
    ) -> Observed:
        """Values of a column after trainings of a rung, those that are believed among them."""
        cells, values = self.measured(k, rung)
        values = self._without_outliers(k, rung, values, box)
        mine = np.array([cell for cell, r in believed if r == rung], dtype=np.int64)
        expected = None if before is None else before.short[rung]
        if len(mine) and expected is not None:
            cells, values = np.concatenate((cells, mine)), np.concatenate((values, expected[at[mine]]))
        return Observed(rows=at[cells], values=values)

    def measured(self, k: int, rung: int) -> tuple[Ints, Floats]:
        """Cells (n,) and the values of a column after trainings of a rung; what failed is as bad as the worst."""
        m = self._problem.n_obj
        if rung == self.last_rung:
            cells = self._trace.index
            values = self._trace.F[:, k] if k < m else self._problem.limited_values(cells)[:, k - m]
        else:
            mine = [(cell, v) for cell, share, v in self.short if share == self._ladder[rung]]
            cells = np.array([cell for cell, _ in mine], dtype=np.int64)
            values = np.array([self.minimised(v)[k] for _, v in mine])
        fine = np.isfinite(values) & (np.abs(values) < PENALTY)
        if not fine.any():
            return cells[:0], values[:0]
        return cells, np.where(fine, values, values[fine].max())

    def _without_outliers(self, k: int, rung: int, values: Floats, box: Box) -> Floats:
        if k >= self._problem.n_obj or not len(values):
            return values
        best, last = float(values.min()), rung == self.last_rung
        most = float(np.median(values)) + (_FAR if last else _FAR_SHORT) * (float(np.median(values)) - best)
        if last:
            beyond = float(box.reference[k]) + _BEYOND * float(box.reference[k] - best)
            most = min(most, beyond) if most > best else beyond
        return np.minimum(values, most) if most > best else values

    def _prior_values(self, cells: Ints) -> Floats:
        """What the priors tell of cells (n,), (n, p); each is asked once of a cell."""
        asked = cells[np.isnan(self._from_priors[cells]).any(axis=1)]
        for j, prior in enumerate(self.priors if len(asked) else ()):
            self._from_priors[asked, j] = prior(asked)
        return np.asarray(self._from_priors[cells])

    def priors_rank(self) -> bool:
        """Whether priors rank the shortest trainings so far, by each dear objective, as chance hardly would."""
        objectives = [k for k in self.columns.tolist() if k < self._problem.n_obj]
        if not self.priors or len(self.short) < _LEAST_RANKED or len(self.short) % 2 or not objectives:
            return False
        found = [self.measured(k, 0) for k in objectives]
        return all(
            any(_rank_correlation(column, values)[1] < _CHANCE for column in self._prior_values(cells).T)
            for cells, values in found
        )

    def worth(self) -> list[Facts]:
        """Of each dear objective and each prior and rung, what it was worth so far.

        Its name, how many cells it and a full training tell of, its weight (in the objective's unit for a deviation of
        what it tells), and its rank correlation with full trainings.
        """
        found: list[Facts] = []
        n, full, names = len(self.priors), self.last_rung, self._problem.objective_names
        for told, k in zip(self.told, self.columns.tolist(), strict=True):
            if k >= len(names):
                continue
            cells, values = self.measured(k, full)
            expected = self._prior_values(cells)
            for j, prior in enumerate(self.priors):
                weight = 0.0 if told is None else float(told.slopes[j])
                found.append(_fact(names[k], prior.name, weight, expected[:, j], values))
            for rung, share in enumerate(self._ladder[:-1]):
                short = dict(zip(*(part.tolist() for part in self.measured(k, rung)), strict=True))
                both = np.array([cell in short for cell in cells.tolist()], dtype=bool)
                # The weight of the longest one: the others are told by it.
                last = rung == full - 1 and told is not None and len(told.slopes) > n
                share_weight = float(told.slopes[n]) if last and told is not None else None
                of = np.array([short[cell] for cell in cells[both].tolist()])
                found.append(_fact(names[k], f"trainings of {share:.3g} of a full one", share_weight, of, values[both]))
        return found


def _rank_correlation(expected: Floats, values: Floats) -> tuple[float, float]:
    """Spearman's rho, and the probability of one as large by chance; NaN where there are too few or all are alike."""
    from scipy.stats import spearmanr

    if len(values) < 3 or not np.ptp(expected) or not np.ptp(values):
        return np.nan, np.nan
    found = spearmanr(expected, values)
    return float(found.statistic), float(found.pvalue)


def _fact(objective: str, name: str, weight: float | None, expected: Floats, values: Floats) -> Facts:
    found = _rank_correlation(expected, values)[0]
    rho = round(found, 4) if np.isfinite(found) else None
    digits = None if weight is None else float(f"{weight:.4g}")
    return {"objective": objective, "prior": name, "cells": len(values), "weight": digits, "spearman": rho}
