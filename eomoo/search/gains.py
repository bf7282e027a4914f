"""What candidates are expected to gain by what they cost, exact in all that is known of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from eomoo.arrays import Bools, Floats, Ints
from eomoo.fronts import PENALTY, Box
from eomoo.search.acquisition import expected_improvement
from eomoo.search.candidates import box_around
from eomoo.search.costs import Costs
from eomoo.search.dear import DearModels
from eomoo.search.pool import Pool
from eomoo.search.problem import CellProblem
from eomoo.search.timed import Timed
from eomoo.search.trainings import Task

# Cells whose uncertain objectives would have to be this many deviations better than expected cannot enter the front.
_HOPEFUL = 4.0


class Gains:
    """Scores candidates by the hypervolume that they are expected to gain.

    Args:
        problem, costs: What is searched, and what its quantities cost.
        timed, dear: What tells of the quantities that are not known beforehand.
        eligible: (n,) cells that may be candidates, which say how wide the known objectives are.
        n_first: Full trainings that say how wide the others are, where no reference point does.

    Attributes:
        n_hopeless: How many candidates could not enter the front any more when they were last scored.
    """

    def __init__(
        self, problem: CellProblem, costs: Costs, timed: Timed, dear: DearModels, eligible: Ints, n_first: int
    ) -> None:
        self._problem, self._costs, self._timed, self._dear = problem, costs, timed, dear
        self._extent = dear.minimised(costs.known_values(eligible))[:, : problem.n_obj]
        self._n_first, self.n_hopeless = n_first, 0

    def score(
        self, pool: Pool, F: Floats, front: Floats, believed: Sequence[Task], price: Floats, *, again: bool,
        rng: np.random.Generator,
    ) -> Floats:  # fmt: skip
        """(c,) what each candidate is expected to gain by its price; -inf where it cannot enter the front.

        Of candidates that nothing is expected of, those nearest to the limits are ahead, then any. Numbers at random
        as long as too little is known.

        Args:
            F: (n, m) of all full trainings.
            front: (k, m) of those on the front.
            believed: Trainings that are taken to end as expected.
            price: (c,) of a full training of each.
        """
        mean, std = self.told(pool.cells)
        m = self._problem.n_obj
        fine = (np.abs(F) < PENALTY).all(axis=1)
        if not fine.any():
            return np.asarray(rng.random(len(mean)))
        box = self._box(front, F[fine], mean)
        for k, found in zip(self._dear.columns, self._dear.predict(pool, box, believed, again=again), strict=True):
            if found is None:
                return np.asarray(rng.random(len(mean)))
            mean[:, k], std[:, k] = found.mean, found.std
        keeps, nearness = self._keeps_limits(mean, std)
        ended = np.isin(pool.cells, [cell for cell, rung in believed if rung == self._dear.last_rung])
        points = np.concatenate((front, mean[ended & (keeps > 0.5), :m]))
        # What could not be timed is nobody's candidate, nor what was and breaks a limit.
        hopeless: Bools = np.isnan(mean).any(axis=1) | ((keeps == 0) & self._timed.known(pool.cells))
        gain = expected_improvement(np.nan_to_num(mean[:, :m]), std[:, :m], points, box, rng) * keeps / price
        least = float(gain[gain > 0].min(initial=1.0))
        gain = np.where(gain > 0, gain, least * (ndtr(nearness) - 1.0))
        if not self._costs.dear[:m].all():
            best = mean[:, :m] - _HOPEFUL * std[:, :m]
            for point in points:
                hopeless |= (point <= best).all(axis=1)
        self.n_hopeless = int(hopeless.sum())
        gain[hopeless] = -np.inf
        return np.asarray(gain)

    def told(self, cells: Ints) -> tuple[Floats, Floats]:
        """What is known of cells (n,) or predicted by timings, (n, m + c), minimised, and its deviations."""
        raw, timed = self._costs.known_values(cells), self._costs.timed
        std = np.zeros(raw.shape)
        raw[:, timed], std[:, timed] = self._timed.predict(cells)
        return self._dear.minimised(raw), std

    def not_dear(self, cells: Ints) -> Floats:
        """Objectives (n, k) that are not dear, minimised; one column of zeros where all are.

        Before any timing multiply-accumulates stand for what is timed.
        """
        costs, m = self._costs, self._problem.n_obj
        if costs.timed.any() and not len(self._timed.cells):
            known = self._dear.minimised(costs.known_values(cells))[:, :m][:, costs.known[:m]]
            return np.column_stack((known, self._problem.space.macs(cells, self._problem.skeleton)))
        found = self.told(cells)[0][:, :m][:, ~costs.dear[:m]]
        return found if found.shape[1] else np.zeros((len(cells), 1))

    def _keeps_limits(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Probability (c,) to keep all limits that are not known, and the deviations by which the worst is kept."""
        keeps, nearness = np.ones(len(mean)), np.zeros(len(mean))
        m = self._problem.n_obj
        for k, limit in enumerate(self._problem.constraints):
            if self._costs.known[m + k]:
                continue
            deviation = np.maximum(std[:, m + k], 1e-12)
            for score in ((limit.most - mean[:, m + k]) / deviation, (mean[:, m + k] - limit.least) / deviation):
                keeps *= ndtr(score)
                nearness = np.minimum(nearness, score)
        return keeps, nearness

    def _box(self, front: Floats, F: Floats, mean: Floats) -> Box:
        """The box that hypervolume is measured in, as wide as what is not dear where no point bounds it."""
        reference = self._problem.reference_point
        box = box_around(front if len(front) else F, F[: self._n_first].copy(), reference)
        ideal, worst = box.ideal.copy(), box.reference.copy()
        for k in np.flatnonzero(~self._costs.dear[: self._problem.n_obj]):
            known = bool(self._costs.known[k])
            extent = self._extent[:, k] if known else mean[:, k]
            ideal[k] = np.nanmin(extent) if known else min(np.nanmin(extent), ideal[k])
            if reference is None:
                worst[k] = max(worst[k], np.nanquantile(extent, 0.9))
        return Box.up_to(worst, ideal)
