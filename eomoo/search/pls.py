"""Pareto Local Search as a pymoo algorithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Bools, Ints
from eomoo.checks import choice, positive, short
from eomoo.errors import SettingError
from eomoo.fronts import FrontArchive
from eomoo.search.cell_search import CellSearch
from eomoo.search.problem import CellProblem
from eomoo.search.starts import Starts, in_order
from eomoo.search.strategies import EXPLORATIONS, RESTARTS, SELECTIONS, Restart, Selection, by_name, random_restart

_ARCHIVES = ("shared", "per-start")
_BATCH_SIZE = 60  # pymoo's bookkeeping costs as much as the search at about 20 (see benchmarks/search.py)
_TRIES = 10  # what a restart proposes is seldom all known, unless the front is all but explored
_MAX_STARTS = 1000  # so that the restarts of the last cells of a problem stay batches of a bearable size


@dataclass(frozen=True, kw_only=True)
class _Expansion:
    """Members of one archive whose neighbours are to be evaluated."""

    archive: FrontArchive
    members: Ints
    counts: Ints
    neighbors: Ints

    @property
    def owner(self) -> Ints:
        """Number of the member that each neighbour belongs to."""
        return np.repeat(np.arange(len(self.members)), self.counts)


class PLS(CellSearch):
    """Pareto Local Search.

    An archive holds all non-dominated cells found. In each iteration unexplored members are
    expanded: those of their neighbours that were never seen are evaluated and offered to the
    archive, and the member is marked explored. When every member is explored, the search ends or
    restarts. No cell is evaluated twice, and an evaluation budget ("n_eval") is met exactly.

    Args:
        sampling, neighborhood, kwargs: As for :class:`~eomoo.search.cell_search.CellSearch`, which also says
            what the attributes hold.
        n_starts: Number of first cells, and of those at each restart (there more, as less is left).
        batch_size: Cells evaluated together, such as a multiple of the number of devices. As many members
            are expanded as it takes; the last batch before a restart is smaller. The larger the batch,
            the less an evaluation costs in pymoo's bookkeeping, and the later the search learns from it.
        n_expand: If given, the members that each archive expands in an iteration, with all their
            neighbours as one batch of whatever size; ``batch_size`` then has no say, and none is taken.
        archive: "shared": one archive for all starts. "per-start": an archive of its own for each
            start, which is the published form (20 walkers). An archive of pymoo's is given to ``minimize``.
        selection: Which member is expanded next: "oldest", "random", "least-crowded", "hypervolume", or a
            function (see ``strategies.Selection``).
        exploration: "all", "first-dominating" or "switch" (see ``strategies.EXPLORATIONS``).
        restart: When all members are explored: "none" ends the search; "random" begins again from
            ``n_starts`` new random cells, with archives of their own; "perturbation", "recombination" and
            "gap" offer cells derived from the front to it; or a function (see ``strategies.Restart``).

    Source: Paquete, Chiarandini, Stützle, Pareto local optimum sets in the biobjective traveling salesman problem,
    2004; Dubois-Lacoste, López-Ibáñez, Stützle, EvoCOP 2012; the per-start form: Demir, Traoré, Camero, ESANN 2024.

    Examples:
        >>> result = minimize(problem, eomoo.PLS(n_starts=5, restart="random"), ("n_eval", 30), seed=1)
        >>> result.algorithm.evaluator.n_eval
        30
    """

    def __init__(
        self,
        *,
        sampling: Starts | None = None,
        n_starts: int = 20,
        batch_size: int = _BATCH_SIZE,
        n_expand: int | None = None,
        neighborhood: str = "hamming",
        archive: str = "shared",
        selection: str | Selection = "oldest",
        exploration: str = "all",
        restart: str | Restart = "none",
        **kwargs: object,
    ) -> None:
        super().__init__(sampling=sampling, n_starts=n_starts, neighborhood=neighborhood, **kwargs)
        self.batch_size = positive("batch_size", batch_size)
        self.n_expand = None if n_expand is None else positive("n_expand", n_expand)
        if self.n_expand is not None and self.batch_size != _BATCH_SIZE:
            raise SettingError("batch_size has no say where n_expand is given; leave one of them out")
        self.archive_kind = choice("archive", archive, _ARCHIVES)
        self.selection: Selection = by_name("selection", selection, SELECTIONS)
        self._in_order = selection == "oldest"
        self.exploration = choice("exploration", exploration, EXPLORATIONS)
        self.restart: Restart | None = by_name("restart", restart, RESTARTS)

    def _setup(self, problem: CellProblem, **kwargs: object) -> None:
        super()._setup(problem, **kwargs)
        self._walkers: list[FrontArchive] = []
        self._plan: list[_Expansion] = []
        self._whole = self.exploration == "all"
        self._generation = 0
        self._enough = 1

    def _plan_first(self) -> None:
        self._begin()
        self._look_ahead()

    def _plan_next(self) -> None:
        if self._plan:
            for expansion in self._plan:
                self._explore(expansion)
        elif self.restart not in (None, random_restart):
            self._walkers = [self._front]
        else:
            self._begin()
        self._look_ahead()

    # -- steps ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Open archives for the starts that have been evaluated."""
        self._whole = self.exploration == "all"
        self._generation += 1
        known = self.starts[self._seen(self.starts)]
        if self.archive_kind == "shared" and self._whole and len(known) == len(self.trace):
            # Nothing but the starts is known, so the search's archive is the front itself.
            self._walkers = [self._front]
            return
        groups = [known] if self.archive_kind == "shared" else [known[k : k + 1] for k in range(len(known))]
        self._walkers = [FrontArchive(self.problem.n_obj) for _ in groups]
        for walker, cells in zip(self._walkers, groups, strict=True):
            walker.offer(cells, *self.trace.values_of(cells))

    def _look_ahead(self) -> None:
        """Plan the next batch; explore at once what needs no evaluation; end when nothing is left."""
        while True:
            self._batch = self._expand_all()
            if len(self._batch):
                return
            if self._plan:
                for expansion in self._plan:
                    self._explore(expansion)
            elif self.exploration == "switch" and not self._whole:
                self._switch()
            else:
                break
        if self.restart is not None:
            self.starts = self._batch = self._new_starts(self.restart)
            if len(self.starts):
                return
        self.termination.force_termination = True

    def _expand_all(self) -> Ints:
        """Plan the expansion of each archive's next members; the new cells that it needs."""
        n = self._enough if self.n_expand is None else self.n_expand
        while True:
            self._plan = [e for walker in self._walkers if (e := self._expand(walker, n))]
            if not self._plan:
                return self._batch[:0]
            batch = self._new_cells(self._wanted())
            if self.n_expand is not None:
                return batch
            if len(batch) >= self.batch_size:
                # As many members will do next time, unless these were far too many.
                self._enough = n if len(batch) < 2 * self.batch_size else max(1, n // 2)
                # Archives take turns, since only the first are sure of their whole share.
                self._walkers = self._walkers[1:] + self._walkers[:1]
                return batch[: self.batch_size]
            if not any((~walker.explored).sum() > n for walker in self._walkers):
                return batch
            n *= 2

    def _wanted(self) -> Ints:
        if self._whole:
            return np.concatenate([e.neighbors for e in self._plan])
        rng: np.random.Generator = self.random_state
        wanted = []
        for expansion in self._plan:
            order = rng.permutation(len(expansion.neighbors))
            order = order[~self._seen(expansion.neighbors[order])]
            # The next untried neighbour of each member.
            order = order[np.sort(np.unique(expansion.owner[order], return_index=True)[1])]
            wanted.append(expansion.neighbors[order])
        return np.concatenate(wanted)

    def _new_cells(self, cells: Ints) -> Ints:
        """Those of the cells that were never evaluated, once each, in the order given."""
        cells = cells[~self._seen(cells)]
        return cells if len(self._plan) == 1 and len(self._plan[0].members) == 1 else in_order(cells)

    def _expand(self, walker: FrontArchive, n: int) -> _Expansion | None:
        members = np.flatnonzero(~walker.explored)
        if len(members) and self._generation > 1:
            # An earlier search has gone on from there; to follow it again would find nothing new, and
            # cost ever more as ever more is known.
            old = members[self.trace.expanded_before(walker.index[members], self._generation)]
            walker.explored[old] = True
            members = np.flatnonzero(~walker.explored)
        if len(members) == 0:
            return None
        if not self._in_order and len(members) > 1:
            chosen = np.asarray(self.selection(walker.F, members, self.random_state))
            usable = chosen.dtype.kind in "iu" and chosen.ndim == 1 and len(chosen)
            if not usable or not np.isin(chosen[:n], members).all():
                raise SettingError(f"selection must give positions of unexplored members; got {short(chosen)}")
            members = chosen
        cells = walker.index[members[:n]]
        counts, neighbors = self.problem.neighbor_lists(cells, kind=self.neighborhood)
        return _Expansion(archive=walker, members=cells, counts=counts, neighbors=neighbors)

    def _explore(self, expansion: _Expansion) -> None:
        """Offer the neighbours that are known by now; a member whose neighbours all are is explored."""
        known = self._seen(expansion.neighbors)
        walker = expansion.archive
        if known.all():
            done = expansion.members
        else:
            missing = np.bincount(expansion.owner[~known], minlength=len(expansion.members))
            done = expansion.members[missing == 0]
        if self._whole:
            self.trace.expand(done, self._generation)
        walker.explored |= (walker.index[:, None] == done).any(axis=1)
        if walker is self._front:
            return
        if not self._whole:
            known[known] = self._dominate_owner(expansion, known)
        cells = expansion.neighbors[known]
        if len(expansion.members) > 1:
            cells = self.space.distinct(cells)
        walker.offer(cells, *self.trace.values_of(cells))

    def _dominate_owner(self, expansion: _Expansion, known: Bools) -> Bools:
        """Which of the known neighbours (k,) dominate the member that they are neighbours of."""
        new, new_violation = self.trace.values_of(expansion.neighbors[known])
        old, old_violation = self.trace.values_of(expansion.members[expansion.owner[known]])
        dominating = (new <= old).all(axis=1) & (new < old).any(axis=1)
        same = new_violation == old_violation
        return np.asarray(np.where(same, dominating, new_violation < old_violation))

    def _switch(self) -> None:
        """Explore all members once more, accepting all that is non-dominated; what is known costs nothing."""
        self._whole = True
        for walker in self._walkers:
            walker.explored[:] = False

    def _new_starts(self, restart: Restart) -> Ints:
        """Cells that were never evaluated; random ones where the restart knows none.

        ``n_starts`` of them, and more as less is left of the problem: their neighbours are then ever more
        often known, and a batch should stay worth its overhead.
        """
        total = self.problem.n_cells
        share_left = max(total - len(self.trace), 1) / total
        n = int(min(self.n_starts / share_left**2, max(self.n_starts, _MAX_STARTS)))
        for _ in range(_TRIES):
            if not len(self._front):
                break
            cells = self.space.check(restart(self.problem, self._front, n, self.neighborhood, self.random_state))
            cells = in_order(cells[~self._seen(cells)])[:n]
            if len(cells):
                return cells
        return self._unseen_cells(n)
