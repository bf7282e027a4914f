"""A search for trainings that are dear: what is known beforehand is never modelled, and short trainings come first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymoo.core.population import Population
from scipy.special import ndtr

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import number, positive, whole
from eomoo.errors import SettingError
from eomoo.fronts import PENALTY, Box
from eomoo.jobs import one_thread
from eomoo.models import scaling_of
from eomoo.search.budget import pay, remaining_units
from eomoo.search.candidates import box_around
from eomoo.search.cell_search import CellSearch
from eomoo.search.costs import Costs
from eomoo.search.expected_hypervolume import expected_improvement
from eomoo.search.priors import Prior
from eomoo.search.problem import CellProblem
from eomoo.search.rungs import Observed, Predicted, predict_ladder
from eomoo.search.starts import Starts

# All numbers below were chosen on training times of NAS-Bench-101's sample (see benchmarks/live_search.py).
# Short trainings that stand for a full one at the start: sixteen of a ninth cost 1.8 full ones.
_SHORT_STARTS = 4
# Of them so many are trained in full, the best of each part of the known costs.
_FIRST_FULL = 2
# How bad a value is beyond the reference point, by this part of the way from the best to it, no longer matters; nor
# does it beyond so many times the distance from the best to the median, where networks did not learn.
_BEYOND, _FAR, _FAR_SHORT = 0.25, 3.0, 1.0
# A decision for each evaluation as long as these are few; then batches of such a share keep long runs linear.
_FEW, _SHARE = 32, 16
# Neighbours of the best so many candidates are looked at too, where not all cells are candidates.
_PROMISING, _HOPS, _MOST_NEAR = 20, 2, 1000
# Cells whose dear objectives would have to be this many deviations better than expected cannot enter the front.
_HOPEFUL = 4.0


class CostAwareSearch(CellSearch):
    """Search on problems whose quantities cost nothing, little, or a training, which it spends sparingly.

    Objectives and limits that are known beforehand (see ``Costs``) are taken as they are, for all cells: cells
    that break a known limit are no candidates, nor are those that cannot enter the front given what is known of
    them and the most that may be hoped of the rest. What needs a training is modelled, by a process for each
    length of training whose terms are the priors and what the shorter ones tell, with weights that are learnt.
    That cell comes next whose expected gain of hypervolume by the cost still to pay is the largest. It takes
    its next rung, and is trained in full only if it still wins; after some full trainings the short ones end,
    since they mislead among the best. What short trainings cost comes off the budget by their share.

    Args:
        sampling: Cells to begin with, all trained in full; by default cells at random, one in each stratum of
            the known costs.
        n_starts: How many full trainings these are; with shorter ones four times as many short ones, whose best
            two are then trained in full.
        batch_size: Cells decided on together, each as if those before had turned out as expected; by default 1,
            and from 32 full trainings on a sixteenth of them.
        rungs: Shares of a full training that may come before it, such as (1/9,); () for none. By default the one
            nearest to a ninth, where the problem has such.
        n_gated: Full trainings after which candidates are trained in full at once; 0: nobody goes by the rungs but
            the starts.
        n_candidates: Candidates at most; of a larger space so many at random, and neighbours of the front's members
            and of the best candidates.
        priors: What may tell something of the dear quantities (see ``Prior``).
        neighborhood: Whose neighbours are looked at in a space larger than ``n_candidates`` (see ``CellSearch``).
        kwargs: As for ``CellSearch``.

    Attributes:
        short_trainings: A list of (cell, share of a full training, (m + c,) raw values).
        n_skipped: How many cells are no candidates since they break known limits.

    Source: expected improvement by cost: Snoek, Larochelle, Adams, NeurIPS 2012; believer fantasies: Ginsbourger, Le
    Riche, Carraro, 2010; terms of several fidelities: see ``rungs``.

    Examples:
        >>> result = minimize(problem, eomoo.CostAwareSearch(n_starts=6), ("n_eval", 8), seed=1)
        >>> result.algorithm.evaluator.n_eval
        8
    """

    def __init__(
        self,
        *,
        sampling: Starts | None = None,
        n_starts: int = 4,
        batch_size: int | None = None,
        rungs: Sequence[float] | None = None,
        n_gated: int = 8,
        n_candidates: int = 20_000,
        priors: Sequence[Prior] = (),
        neighborhood: str = "symmetric",
        **kwargs: object,
    ) -> None:
        super().__init__(sampling=sampling, n_starts=n_starts, neighborhood=neighborhood, **kwargs)
        self.batch_size = None if batch_size is None else positive("batch_size", batch_size)
        self.rungs = None if rungs is None else _shares(rungs)
        self.n_gated = whole("n_gated", n_gated, least=0)
        self.n_candidates = positive("n_candidates", n_candidates)
        self.priors = tuple(priors)
        self._given = sampling is not None
        self.short_trainings: list[tuple[int, float, Floats]] = []

    def _setup(self, problem: CellProblem, **kwargs: object) -> None:
        super()._setup(problem, **kwargs)
        self.costs = Costs(problem)
        self.ladder = self.costs.chosen_rungs(self.rungs)
        self._queue: list[tuple[int, int]] = []
        self._rung = np.zeros(len(self.space), dtype=np.int8)
        known = self.costs.known_values(problem.cells)
        broken = self.costs.breaks_known_limits(known)
        self.n_skipped = int(broken.sum())
        if broken.all():
            raise SettingError(f"{problem.name()}: every cell breaks a limit on what is known beforehand")
        self._eligible = problem.cells[~broken]
        self._allowed = np.zeros(len(self.space), dtype=bool)
        self._allowed[self._eligible] = True
        self._extent = self._minimised(known[~broken])
        self._told: list[Predicted | None] = []
        self._from_priors = np.full((len(self.space), len(self.priors)), np.nan)
        self._pool = np.empty(0, dtype=np.int64)

    # -- pymoo's hooks -------------------------------------------------------------------------

    def _initialize_infill(self) -> Population:
        rng: np.random.Generator = self.random_state
        n = min(self.n_candidates, len(self._eligible))
        chosen = self._eligible if n == len(self._eligible) else np.sort(rng.choice(self._eligible, n, replace=False))
        features = self.space.features(chosen)
        self._scaling = scaling_of(features)
        self._pool, self._Z = chosen, self._scaling(features)
        self._base = self._pool, self._Z
        if self._given:
            return super()._initialize_infill()
        short = len(self.ladder) > 1
        starts = self._strata(self.n_starts * (_SHORT_STARTS if short else 1))
        self._queue = [(int(cell), 0) for cell in starts]
        batch = self._run_queue()
        if short and not self._queue:
            self._queue = [(cell, len(self.ladder) - 1) for cell in self._best_short(starts)]
            batch = self._run_queue()
        self.starts = self.first_starts = batch
        return self._as_population(batch)

    def _plan_first(self) -> None:
        """Nothing: what comes next is decided when it is asked for, since short trainings are made on the way."""

    def _plan_next(self) -> None:
        """Nothing; see ``_plan_first``."""

    def _infill(self) -> Population:
        batch = self._run_queue()
        while not len(batch) and not self._queue:
            self._queue = self.plan(self._wanted())
            if not self._queue:
                self.termination.force_termination = True
                break
            batch = self._run_queue()
        return self._as_population(batch)

    def _as_population(self, batch: Ints) -> Population:
        if not len(batch):
            self.termination.force_termination = True
        return Population.new("X", self.space.genotype(batch)) if len(batch) else Population.new()

    # -- what is trained -----------------------------------------------------------------------

    def _run_queue(self) -> Ints:
        """Make the short trainings that were decided on; the cells to be trained in full, as the budget allows."""
        full: list[int] = []
        while self._queue:
            cell, rung = self._queue[0]
            share, left = self.ladder[rung], remaining_units(self)
            if left is not None and share > round(left - len(full), 6):
                break
            self._queue.pop(0)
            if rung == len(self.ladder) - 1:
                full.append(cell)
                continue
            values = self.costs.values_at(np.array([cell]), share)[0]
            self.short_trainings.append((cell, share, values))
            self._rung[cell] = rung + 1
            pay(self, share)
        return np.array(full, dtype=np.int64)

    def _wanted(self) -> int:
        n = len(self._trace())
        return self.batch_size or (1 if n < _FEW else n // _SHARE)

    def _strata(self, n: int) -> Ints:
        """Up to n distinct candidates, one from each of as many parts of the known costs."""
        extent = self._known_of(self._pool)
        ranks = np.argsort(np.argsort(extent, axis=0, kind="stable"), axis=0).sum(axis=1)
        rng: np.random.Generator = self.random_state
        # At random among equals, and altogether where nothing is known.
        order = np.lexsort((rng.random(len(self._pool)), ranks))
        parts = [part for part in np.array_split(order, min(n, len(order))) if len(part)]
        return self._pool[[int(rng.choice(part)) for part in parts]]

    def _best_short(self, starts: Ints) -> list[int]:
        """The best of each part of the starts by their short trainings: the sum of its ranks, over what is dear."""
        values = np.array([self._minimised(row) for _, _, row in self.short_trainings])
        dear = np.nan_to_num(values[:, : self.problem.n_obj][:, ~self._known()], nan=np.inf)
        ranks = np.argsort(np.argsort(dear, axis=0, kind="stable"), axis=0).sum(axis=1)
        parts = np.array_split(np.arange(len(starts)), min(_FIRST_FULL, len(starts)))
        return [int(starts[part[np.argmin(ranks[part])]]) for part in parts]

    # -- decisions -----------------------------------------------------------------------------

    def plan(self, n: int, pending: Sequence[tuple[int, int]] = ()) -> list[tuple[int, int]]:
        """The next n trainings, (cell, rung of the ladder) each, beside those that are under way; [] for none left.

        Depends on what was measured and its order alone: the same seed and order of arrival give the same.
        """
        self._pool, self._Z = self._base
        self._widen(np.array([cell for cell, _, _ in self.short_trainings], dtype=np.int64), seen=True)
        self._widen(self._trace().index, seen=True)
        self._widen(np.array([cell for cell, _ in pending], dtype=np.int64), seen=True)
        believed: list[tuple[int, int]] = list(pending)
        fixed: list[Predicted | None] | None = None
        tasks: list[tuple[int, int]] = []
        with one_thread():
            for _ in range(n):
                task = self._decide(believed, fixed)
                if task is None:
                    break
                fixed = self._told
                tasks.append(task)
                believed.append(task)
        return tasks

    def _decide(self, believed: list[tuple[int, int]], fixed: list[Predicted | None] | None) -> tuple[int, int] | None:
        free = ~self._seen(self._pool)
        if believed:
            free &= ~np.isin(self._pool, [cell for cell, _ in believed])
        if not free.any() and len(self._pool) < len(self._eligible):
            free = np.concatenate((free, np.ones(self._widen(self._unseen_eligible()), dtype=bool)))
        if not free.any():
            return None
        score = self._score(believed, fixed)
        for _ in range(_HOPS if len(self._pool) < len(self._eligible) and not believed else 0):
            best = self._pool[np.argsort(-np.where(free, score, -np.inf), kind="stable")[:_PROMISING]]
            n_new = self._widen(np.concatenate((best, self._front.index)), around=True)
            if not n_new:
                break
            free = np.concatenate((free, np.ones(n_new, dtype=bool)))
            score = self._score(believed, self._told)
        score = np.where(free, score, -np.inf)
        if not np.isfinite(score).any():
            return None
        # Rounded, so that the last bits of a library of linear algebra decide nothing.
        top = float(score.max())
        place = int(np.argmax(np.round(score / top, 6) if top > 0 else score))
        cell = int(self._pool[place])
        return cell, self._next_rung(np.array([cell]))[0]

    def _next_rung(self, cells: Ints) -> list[int]:
        """The rung (n,) that each cell is to take next."""
        gated = len(self._trace()) < self.n_gated
        return [int(self._rung[k]) if gated else len(self.ladder) - 1 for k in cells]

    def _still_to_pay(self) -> Floats:
        """(c,) what it costs to train each candidate in full, by way of its next rungs."""
        shares = np.array(self.ladder)
        left = np.cumsum(shares[::-1])[::-1] if len(self._trace()) < self.n_gated else np.ones(len(shares))
        return np.asarray(self.costs.effort(self._pool) * left[self._rung[self._pool]])

    def _score(self, believed: list[tuple[int, int]], fixed: list[Predicted | None] | None) -> Floats:
        """(c,) what each candidate is expected to gain by what it costs; -inf where it cannot enter the front.

        Of candidates that nothing is expected of, those nearest to the limits are ahead, then any.
        """
        raw = self.costs.known_values(self._pool)
        mean, std = self._minimised(raw), np.zeros(raw.shape)
        m, known = self.problem.n_obj, self.costs.known
        F = self._trace().F
        fine = (np.abs(F) < PENALTY).all(axis=1)
        front = self._front.F[self._front.violation <= 0]
        if not fine.any():
            return np.asarray(self.random_state.random(len(self._pool)))
        box = self._box(front, F[fine])
        told: list[Predicted | None] = []
        at = {int(cell): k for k, cell in enumerate(self._pool)} if believed else {}
        rows = np.array([at[cell] for cell, _ in believed], dtype=np.int64)
        for j, k in enumerate(np.flatnonzero(~known)):
            before = self._told[j] if fixed is not None or believed else None
            found = self._predict(int(k), box, believed, rows, before, fixed)
            told.append(found)
            if found is not None:
                mean[:, k], std[:, k] = found.mean, found.std
        self._told = told
        if any(found is None for found in told):
            return np.asarray(self.random_state.random(len(self._pool)))
        believed_F = mean[rows]
        full = np.array([rung == len(self.ladder) - 1 for _, rung in believed], dtype=bool)
        keeps, nearness = self._keeps_limits(mean, std)
        points = np.concatenate((front, believed_F[full & (keeps[rows] > 0.5), :m])) if len(rows) else front
        gain = expected_improvement(mean[:, :m], std[:, :m], points, box, self.random_state) * keeps
        score = gain / self._still_to_pay()
        least = float(score[score > 0].min(initial=1.0))
        score = np.where(score > 0, score, least * (ndtr(nearness) - 1.0))
        if known[:m].any():
            score[self._hopeless(mean[:, :m], std[:, :m], points)] = -np.inf
        return score

    def _hopeless(self, mean: Floats, std: Floats, front: Floats) -> Bools:
        """(c,) which candidates the front dominates even where all that is dear turns out as good as may be hoped."""
        best = mean - _HOPEFUL * std
        hopeless = np.zeros(len(best), dtype=bool)
        for point in front:
            hopeless |= (point <= best).all(axis=1)
        return hopeless

    def _keeps_limits(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Probability (c,) to keep all limits that are not known, and the deviations by which the worst is kept."""
        keeps, nearness = np.ones(len(mean)), np.zeros(len(mean))
        m = self.problem.n_obj
        for k, limit in enumerate(self.problem.constraints):
            if self.costs.known[m + k]:
                continue
            deviation = np.maximum(std[:, m + k], 1e-12)
            for score in ((limit.most - mean[:, m + k]) / deviation, (mean[:, m + k] - limit.least) / deviation):
                keeps *= ndtr(score)
                nearness = np.minimum(nearness, score)
        return keeps, nearness

    def _predict(
        self,
        k: int,
        box: Box,
        believed: list[tuple[int, int]],
        rows: Ints,
        before: Predicted | None,
        fixed: list[Predicted | None] | None,
    ) -> Predicted | None:
        """What is expected of a dear column, by all trainings and by those that are believed."""
        at = np.full(len(self.space), -1, dtype=np.int64)
        at[self._pool] = np.arange(len(self._pool))
        observed = []
        for rung in range(len(self.ladder)):
            cells, values = self._measured(k, rung)
            inside = at[cells] >= 0
            cells, values = cells[inside], self._without_outliers(k, rung, values[inside], box)
            mine = [j for j, (_, r) in enumerate(believed) if r == rung]
            expected = None if before is None else before.short[rung]
            if mine and expected is not None:
                cells = np.concatenate((cells, self._pool[rows[mine]]))
                values = np.concatenate((values, expected[rows[mine]]))
            observed.append(Observed(rows=at[cells], values=values))
        told = self._prior_values(self._pool)
        settings = before.settings if before is not None and fixed is not None else None
        return predict_ladder(self._Z, observed, told, settings=settings)

    def _prior_values(self, cells: Ints) -> Floats:
        """What the priors tell of cells (n,), (n, p); each is asked once of a cell."""
        asked = cells[np.isnan(self._from_priors[cells]).any(axis=1)]
        for j, prior in enumerate(self.priors if len(asked) else ()):
            self._from_priors[asked, j] = prior(asked)
        return np.asarray(self._from_priors[cells])

    def _measured(self, k: int, rung: int) -> tuple[Ints, Floats]:
        """Cells (n,) and the values of a column after trainings of a rung; what failed is as bad as the worst."""
        m = self.problem.n_obj
        if rung == len(self.ladder) - 1:
            cells = self._trace().index
            values = self._trace().F[:, k] if k < m else self.problem.limited_values(cells)[:, k - m]
        else:
            mine = [(cell, v) for cell, share, v in self.short_trainings if share == self.ladder[rung]]
            cells = np.array([cell for cell, _ in mine], dtype=np.int64)
            values = np.array([self._minimised(v)[k] for _, v in mine])
        fine = np.isfinite(values) & (np.abs(values) < PENALTY)
        if not fine.any():
            return cells[:0], values[:0]
        return cells, np.where(fine, values, values[fine].max())

    def _without_outliers(self, k: int, rung: int, values: Floats, box: Box) -> Floats:
        if k >= self.problem.n_obj or not len(values):
            return values
        best, last = float(values.min()), rung == len(self.ladder) - 1
        most = float(np.median(values)) + (_FAR if last else _FAR_SHORT) * (float(np.median(values)) - best)
        if last:
            beyond = float(box.reference[k]) + _BEYOND * float(box.reference[k] - best)
            most = min(most, beyond) if most > best else beyond
        return np.minimum(values, most) if most > best else values

    # -- the box, the candidates ---------------------------------------------------------------

    def _box(self, front: Floats, F: Floats) -> Box:
        """The box that hypervolume is measured in, as wide as what is known beforehand where no point bounds it."""
        known, m, reference = self._known(), self.problem.n_obj, self.problem.reference_point
        first = F[: max(4 * self.n_starts, 1)].copy()
        box = box_around(front if len(front) else F, first, reference)
        ideal, worst = box.ideal.copy(), box.reference.copy()
        ideal[known] = np.nanmin(self._extent[:, :m][:, known], axis=0, initial=np.inf)
        if reference is None:
            worst[known] = np.maximum(worst[known], np.nanquantile(self._extent[:, :m][:, known], 0.9, axis=0))
        return Box.up_to(worst, ideal)

    def _known(self) -> Bools:
        return self.costs.known[: self.problem.n_obj]

    def _known_of(self, cells: Ints) -> Floats:
        """Known objectives (n, k), minimised; one column of zeros where none is."""
        known = self._minimised(self.costs.known_values(cells))[:, : self.problem.n_obj][:, self._known()]
        return known if known.shape[1] else np.zeros((len(cells), 1))

    def _minimised(self, raw: Floats) -> Floats:
        """Raw values (..., m + c) with the objectives minimised; limited quantities stay raw."""
        m = self.problem.n_obj
        return np.concatenate((self.problem.objectives.minimise(raw[..., :m]), raw[..., m:]), axis=-1)

    def _unseen_eligible(self) -> Ints:
        left = self._eligible[~self._seen(self._eligible)]
        rng: np.random.Generator = self.random_state
        return left if len(left) <= self.n_candidates else rng.choice(left, self.n_candidates, replace=False)

    def _widen(self, cells: Ints, *, around: bool = False, seen: bool = False) -> int:
        """Take cells that were not trained (or such too), or their neighbours, into the pool; how many are new."""
        if around:
            cells = self.problem.neighbor_lists(self.space.distinct(cells), kind=self.neighborhood)[1]
        cells = self.space.distinct(cells)
        cells = cells[(seen | (self._allowed[cells] & ~self._seen(cells))) & ~np.isin(cells, self._pool)]
        most = min(_MOST_NEAR, self.n_candidates)
        if around and len(cells) > most:
            cells = np.sort(self.random_state.choice(cells, most, replace=False))
        self._pool = np.concatenate((self._pool, cells))
        self._Z = np.concatenate((self._Z, self._scaling(self.space.features(cells))))
        return len(cells)

    # -- what the priors were worth ------------------------------------------------------------

    def worth(self) -> list[Facts]:
        """Of each dear objective and prior: its name, its weight and its rank correlation with what was measured."""
        found: list[Facts] = []
        n_priors = len(self.priors)
        for told, k in zip(self._told, np.flatnonzero(~self.costs.known), strict=False):
            cells, values = self._measured(int(k), len(self.ladder) - 1)
            expected = self._prior_values(cells)
            for j, prior in enumerate(self.priors):
                weight = 0.0 if told is None else float(told.slopes[j])
                found.append({"prior": prior.name, "weight": weight, "spearman": _spearman(expected[:, j], values)})
            if told is not None and len(told.slopes) > n_priors:
                found.append({"prior": "short trainings", "weight": float(told.slopes[n_priors]), "spearman": np.nan})
        return found


def _spearman(a: Floats, b: Floats) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic) if len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0 else float("nan")


def _shares(rungs: Sequence[float]) -> tuple[float, ...]:
    if isinstance(rungs, str) or not isinstance(rungs, Sequence):
        raise SettingError(f"rungs are shares of a full training, such as (0.111,); got {rungs!r}")
    return tuple(number("a rung", share, least=0.0, most=1.0) for share in rungs)
