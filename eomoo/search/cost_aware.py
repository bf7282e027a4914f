"""A search for trainings that are dear: what is known beforehand is never modelled, and short trainings come first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymoo.core.population import Population

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import number, positive, truth, whole
from eomoo.errors import SettingError
from eomoo.fronts import PENALTY
from eomoo.jobs import one_thread
from eomoo.search.budget import paid_units, pay, remaining_units
from eomoo.search.cell_search import CellSearch
from eomoo.search.costs import Costs
from eomoo.search.dear import DearModels
from eomoo.search.gains import Gains
from eomoo.search.pool import Pool
from eomoo.search.priors import Prior, checked_priors, open_priors, related_priors
from eomoo.search.problem import CellProblem
from eomoo.search.starts import Starts
from eomoo.search.timed import Timed
from eomoo.search.trainings import Log, Task, Trainings

# All numbers below were chosen on training times of NAS-Bench-101's sample (see benchmarks/live_search.py), those on
# timings on none: they are as few as a device's model makes good use of (see benchmarks/device.py).
# Short trainings that stand for a full one at the start, sixteen of a ninth in all; longer ones are fewer, so that they
# cost no more than so many full ones, nor than this part of the budget.
_SHORT_STARTS, _SHORT_UNITS, _SHORT_PART = 4, 2.0, 0.5
# Of them so many are trained in full, the best of each part of the known costs.
_FIRST_FULL = 2
# A decision for each evaluation as long as these are few; then batches of such a share keep long runs linear.
_FEW, _SHARE = 32, 16
# Neighbours of the best so many candidates are looked at too, where not all cells are candidates.
_PROMISING, _HOPS = 20, 2
# Cells that are timed before anything is trained; then the best candidate, so often, and who wins.
_FIRST_TIMED, _TIMINGS = 12, 2


class CostAwareSearch(CellSearch):
    """Search on problems whose quantities cost nothing, little, or a training, which it spends sparingly.

    Objectives and limits that are known beforehand (see ``Costs``) are taken as they are, for all cells: cells
    that break a known limit are no candidates, nor are those that cannot enter the front given what is known of
    them and the most that may be hoped of the rest. What needs a training is modelled, by a process for each
    length of training whose terms are the priors and what the shorter ones tell, with weights that are learnt.
    Short trainings at the start are fewer where a prior ranks them as they turn out, one way or the other.
    That cell comes next whose expected gain of hypervolume by the cost still to pay is the largest. It takes
    its next rung, and is trained in full only if it still wins; after some full trainings the short ones end,
    since they mislead among the best. What short trainings cost comes off the budget by their share.

    What is timed on a device is measured of a few candidates before any training, predicted of all others from these
    (see ``Timed``), and measured of each cell before it is trained. Where the problem's trainings may be under way
    several at once, no worker waits for another: as soon as one is free it is decided what it trains, those under way
    taken to end as expected.

    Args:
        sampling: Cells to begin with, all trained in full; by default cells at random, one in each stratum of
            the known costs.
        n_starts: How many full trainings these are; with shorter ones four times as many short ones, whose best
            two are then trained in full.
        batch_size: Cells decided on together, each as if those before had turned out as expected; by default 1,
            and from 32 full trainings on a sixteenth of them.
        rungs: Shares of a full training that may come before it, such as (1/9,); () for none. By default a live
            card's, else the one nearest to a ninth, where the problem has such.
        n_gated: Full trainings after which candidates are trained in full at once; 0: nobody goes by the rungs but
            the starts.
        n_candidates: Candidates at most; of a larger space so many at random, and neighbours of the front's members
            and of the best candidates.
        priors: What may tell something of the dear quantities: a ``Prior``, or the place of one (see ``open_priors``).
        related: Whether trainings in the store of other epochs, seeds, images are priors too (see ``related_priors``).
        neighborhood: Whose neighbours are looked at in a space larger than ``n_candidates`` (see ``CellSearch``).
        kwargs: As for ``CellSearch``.

    Attributes:
        n_skipped: How many cells are no candidates since they break known limits.
        spending: What became of it, as plain data.

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
        priors: Sequence[Prior | str] = (),
        related: bool = True,
        neighborhood: str = "symmetric",
        **kwargs: object,
    ) -> None:
        super().__init__(sampling=sampling, n_starts=n_starts, neighborhood=neighborhood, **kwargs)
        self.batch_size = None if batch_size is None else positive("batch_size", batch_size)
        self.rungs = None if rungs is None else _shares(rungs)
        self.n_gated = whole("n_gated", n_gated, least=0)
        self.n_candidates = positive("n_candidates", n_candidates)
        self.priors, self.related = checked_priors(priors), truth("related", related)
        self._given = sampling is not None

    def _setup(self, problem: CellProblem, **kwargs: object) -> None:
        super()._setup(problem, **kwargs)
        if problem.n_obj != len(problem.objectives):
            raise SettingError(
                f"CostAwareSearch knows what the objectives of {problem.name()} cost, not those that a wrapper makes "
                "of it; search the problem itself (limits are kept), or use SurrogatePLS"
            )
        self.costs = Costs(problem)
        self.ladder = self.costs.chosen_rungs(self.rungs)
        priors = open_priors(self.priors, self.costs.dear_names)
        given = [prior if isinstance(prior, str) else prior.name for prior in self.priors]
        log = Log(self.costs.keeper, self._depends(problem, given if self.related else [*given, "alone"]))
        priors += related_priors(self.costs, log) if self.related else []
        self.trainings = Trainings(self.costs, self.ladder, log)
        self.timed = Timed(problem, self.costs, log)
        self.dear = DearModels(problem, np.flatnonzero(self.costs.dear), self.ladder, priors, self.trace)
        self._queue: list[Task] = []
        self._parts: list[Ints] = []
        self._n_first_full = _FIRST_FULL if len(self.ladder) > 1 else self.n_starts
        self._rung = np.zeros(len(self.space), dtype=np.int8)
        known = self.costs.known_values(problem.cells)
        broken = self.costs.breaks_known_limits(known)
        self.n_skipped = int(broken.sum())
        if broken.all():
            raise SettingError(f"{problem.name()}: every cell breaks a limit on what is known beforehand")
        self._eligible = problem.cells[~broken]
        self._gains = Gains(problem, self.costs, self.timed, self.dear, self._eligible, max(4 * self.n_starts, 1))

    def _depends(self, problem: CellProblem, priors: list[str]) -> Facts:
        """Everything that decisions depend on but what trainings and timings give."""
        return {
            "card": problem.card.digest,
            "problem": problem.fingerprint,
            "options": problem.options,
            "limits": list(map(str, problem.constraints)),
            "settings": [self.n_starts, self.batch_size, self.ladder, self.n_gated, self.n_candidates, priors],
            "seed": self.seed,
        }

    # -- pymoo's hooks -------------------------------------------------------------------------

    def _initialize_infill(self) -> Population:
        rng: np.random.Generator = self.random_state
        most, trace = self.n_candidates, self.trace
        self._pool = Pool(self.problem, self._eligible, trace, most=most, neighborhood=self.neighborhood, rng=rng)
        if self.costs.timed.any():
            self.timed.measure(self._strata(_FIRST_TIMED))
        if self._given:
            return super()._initialize_infill()
        starts = self._strata(self._n_first())
        self.timed.measure(starts)
        if len(self.ladder) > 1:
            self._parts = np.array_split(starts, min(_FIRST_FULL, len(starts)))
        if self.dear.priors:
            # Some of them, where they suffice, are of all costs.
            starts = np.concatenate([starts[k::4] for k in (0, 2, 1, 3)])
        self._queue = [(int(cell), 0) for cell in starts]
        self.starts = self.first_starts = starts[:0]
        return self._infill()

    def _infill(self) -> Population:
        # What comes next is decided now and not planned before, since short trainings are made on the way.
        batch = self._trained()
        if not len(batch):
            self.termination.force_termination = True
            return Population.new()
        if not self._given and len(self.first_starts) < self._n_first_full:
            self.starts = self.first_starts = np.concatenate((self.first_starts, batch))
        return Population.new("X", self.space.genotype(batch))

    # -- what is trained -----------------------------------------------------------------------

    def _trained(self) -> Ints:
        """Have cells trained until one has been in full: (1,), or none where nothing is left to train or to spend."""
        while True:
            while self.trainings.free and (task := self._next_task()) is not None:
                self.trainings.begin(task)
            if not self.trainings.pending:
                return np.empty(0, dtype=np.int64)
            (cell, rung), values = self.trainings.wait()
            paid = self._price((cell, rung))
            if rung == self.dear.last_rung:
                # The evaluation itself counts as one.
                pay(self, paid - 1.0)
                if self.costs.measured:
                    self.problem.keep_values(cell, self._with_known(cell, values))
                return np.array([cell])
            self.dear.short.append((cell, self.ladder[rung], values))
            self._rung[cell] = rung + 1
            pay(self, paid)

    def _next_task(self) -> Task | None:
        """What a worker is to train now; None where that must wait for others, or the budget has no room for it."""
        first = bool(self._parts and self._queue and self._queue[0][1] == 0 and not len(self.trace))
        if first and self.dear.priors_rank():
            # Whom a prior tells apart need not be met first: the best of all begins.
            self._queue, self._parts, self._n_first_full = [], [np.concatenate(self._parts)], 1
        if not self._queue:
            # Before the first full training has ended nothing tells what else may win.
            early = len(self.ladder) > 1 and not self._given and not len(self.trace)
            pending = self.trainings.pending
            self._queue = (self._best_short() if early or self._parts else []) or self.plan(self._wanted(), pending)
        if not self._queue:
            return None
        units, last = remaining_units(self), self.dear.last_rung
        # So much less, as rounding may have made of it.
        committed = sum(map(self._price, self.trainings.pending)) - 1e-9
        left = np.inf if units is None else units - committed
        cell, rung = self._queue[0]
        price, done = self._price((cell, rung)), self._done(cell)
        sole = not len(self.trace) and all(r < last for _, r in self.trainings.pending)
        if rung < last and (sole or not self._parts):
            # Nothing comes of a short training that leaves too little for the full one.
            price = 1.0 - done if self.costs.continues else price + 1.0
        if price > left and sole and rung < last:
            # No run ends without a full training: of the best that has begun, once all that are under way have ended.
            self._queue = [] if self.trainings.pending else self._best_short() or [(cell, last)]
            price = self._price(self._queue[0]) if self._queue else np.inf
        return None if price > left else self._queue.pop(0)

    def _price(self, task: Task) -> float:
        """What a training costs, in full ones: where it goes on from a shorter one, the difference."""
        return round(self.ladder[task[1]] - self._done(task[0]), 6)

    def _done(self, cell: int) -> float:
        """The share of a full training that the next one of a cell goes on from."""
        done = int(self._rung[cell])
        return self.ladder[done - 1] if self.costs.continues and done else 0.0

    def _with_known(self, cell: int, values: Floats) -> Floats:
        """Raw values (m + c,) of a cell, of which those that need a training are given."""
        known, timed = self.costs.known_values(np.array([cell]))[0], self.costs.timed
        values = np.where(self.costs.known, known, values)
        if timed.any():
            self.timed.measure(np.array([cell]))
            values[timed] = self.timed.of(cell)
        return values

    def _wanted(self) -> int:
        n = len(self.trace)
        return self.batch_size or (1 if n < _FEW else n // _SHARE)

    def _n_first(self) -> int:
        """How many cells are trained first: in full, or four times as many shortly."""
        if len(self.ladder) == 1:
            return self.n_starts
        left = remaining_units(self)
        units = _SHORT_UNITS if left is None else min(_SHORT_UNITS, _SHORT_PART * left)
        return max(min(_SHORT_STARTS * self.n_starts, int(units / self.ladder[0])), 1)

    def _strata(self, n: int) -> Ints:
        """Up to n distinct candidates, one from each of as many parts of the known costs."""
        cells = self._pool.cells
        extent = self._gains.not_dear(cells)
        ranks = np.argsort(np.argsort(extent, axis=0, kind="stable"), axis=0).sum(axis=1)
        rng: np.random.Generator = self.random_state
        # At random among equals, and altogether where nothing is known.
        order = np.lexsort((rng.random(len(cells)), ranks))
        parts = [part for part in np.array_split(order, min(n, len(order))) if len(part)]
        return cells[[int(rng.choice(part)) for part in parts]]

    def _best_short(self) -> list[Task]:
        """The best start of a part, or of all, by short trainings, to be trained in full: by its ranks in what is dear.

        None where nothing of the part has ended; the others are then left to ``plan``.
        """
        rows = {cell: k for k, (cell, _, _) in enumerate(self.dear.short)}
        begun = {*self.trace.index.tolist(), *(cell for cell, _ in self.trainings.pending)}
        among = self._parts[0].tolist() if self._parts else list(rows)
        part = [cell for cell in among if cell in rows and cell not in begun]
        if not part:
            return []
        values = np.array([self.dear.minimised(row) for _, _, row in self.dear.short])
        dear = np.nan_to_num(values[:, : self.problem.n_obj][:, self.costs.dear[: self.problem.n_obj]], nan=np.inf)
        ranks = np.argsort(np.argsort(dear, axis=0, kind="stable"), axis=0).sum(axis=1)
        self._parts = self._parts[1:]
        return [(min(part, key=lambda cell: ranks[rows[cell]]), self.dear.last_rung)]

    # -- decisions -----------------------------------------------------------------------------

    def plan(self, n: int, pending: Sequence[Task] = ()) -> list[Task]:
        """The next n trainings, (cell, rung of the ladder) each, beside those that are under way; [] for none left.

        Depends on what was measured and its order alone: the same seed and order of arrival give the same.
        """
        short = [cell for cell, _, _ in self.dear.short]
        seen = np.array([*short, *self.trace.index, *(cell for cell, _ in pending)], dtype=np.int64)
        self._pool.begin_anew(seen)
        believed: list[Task] = list(pending)
        tasks: list[Task] = []
        with one_thread():
            for k in range(n):
                task = self._decide(believed, again=k > 0)
                if task is None:
                    break
                tasks.append(task)
                believed.append(task)
        return tasks

    def _decide(self, believed: list[Task], *, again: bool) -> Task | None:
        rng: np.random.Generator = self.random_state
        if not self._free(believed).any() and not self._pool.whole:
            self._pool.take_unseen(rng)
        if not self._free(believed).any():
            return None
        score = self._score(believed, again=again)
        for _ in range(_HOPS if not self._pool.whole and not believed else 0):
            free = self._free(believed)
            best = self._pool.cells[np.argsort(-np.where(free, score, -np.inf), kind="stable")[:_PROMISING]]
            if not self._pool.take_near(np.concatenate((best, self._front.index)), rng):
                break
            score = self._score(believed, again=True)
        order = self._order(score, believed)
        for _ in range(_TIMINGS):
            # What is timed was the best; who is the best then?
            if not self.timed.measure(order[:1]):
                break
            order = self._order(self._score(believed, again=True), believed)
        # Whoever wins at last is timed too, before it is trained.
        self.timed.measure(order[:1])
        if not len(order):
            return None
        cell = int(order[0])
        return cell, int(self._rung[cell]) if self._is_gated() else self.dear.last_rung

    def _free(self, believed: list[Task]) -> Bools:
        cells = self._pool.cells
        return ~self._seen(cells) & ~np.isin(cells, [cell for cell, _ in believed])

    def _order(self, score: Floats, believed: list[Task]) -> Ints:
        """Candidates (c,) from the best on; none that cannot enter the front."""
        score = np.where(self._free(believed), score, -np.inf)
        top = float(score.max(initial=-np.inf))
        # Rounded, so that the last bits of a library of linear algebra decide nothing.
        score = np.round(score / top, 6) if top > 0 else score
        order = np.argsort(-score, kind="stable")
        return np.asarray(self._pool.cells[order[np.isfinite(score[order])]])

    def _is_gated(self) -> bool:
        """Whether candidates still go by the rungs, and are not trained in full at once."""
        return len(self.trace) < self.n_gated

    def _still_to_pay(self) -> Floats:
        """(c,) what it costs to train each candidate in full, by way of its next rungs."""
        shares, cells = np.array(self.ladder), self._pool.cells
        if self.costs.continues:
            left = 1.0 - np.concatenate(([0.0], shares[:-1]))
        else:
            left = np.cumsum(shares[::-1])[::-1] if self._is_gated() else np.ones(len(shares))
        return np.asarray(self.costs.effort(cells) * left[self._rung[cells]])

    def _score(self, believed: list[Task], *, again: bool) -> Floats:
        """(c,) what each candidate is expected to gain by what it costs (see ``Gains``)."""
        front = self._front.F[self._front.violation <= 0]
        price, F = self._still_to_pay(), self.trace.F
        return self._gains.score(self._pool, F, front, believed, price, again=again, rng=self.random_state)

    # -- what became of it -----------------------------------------------------------------------

    @property
    def spending(self) -> Facts:
        """What was trained at which rung, what was skipped and why, and what priors and rungs were worth."""
        trained = {share: [cell for cell, s, _ in self.dear.short if s == share] for share in self.ladder[:-1]}
        dear = [self.dear.minimised(values)[self.dear.columns] for _, _, values in self.dear.short]
        return {
            "ladder": list(self.ladder),
            "trained": [*trained.values(), self.trace.index.tolist()],
            "spent": round(len(self.trace) + paid_units(self.evaluator), 6),
            "failed": sum(not (np.abs(values) < PENALTY).all() for values in [*dear, *self.trace.F]),
            "timed": len(self.timed.cells),
            "candidates": len(self._pool.cells),
            "broke_known_limits": self.n_skipped,
            "could_not_win": self._gains.n_hopeless,
            "worth": self.dear.worth(),
        }


def _shares(rungs: Sequence[float]) -> tuple[float, ...]:
    if isinstance(rungs, str) or not isinstance(rungs, Sequence):
        raise SettingError(f"rungs are shares of a full training, such as (0.111,); got {rungs!r}")
    return tuple(number("a rung", share, least=0.0, most=1.0) for share in rungs)
