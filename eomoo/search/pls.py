"""Pareto Local Search as a pymoo algorithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.core.sampling import Sampling
from pymoo.util.display.multi import MultiObjectiveOutput

from eomoo.errors import SettingError
from eomoo.search.budget import remaining_evaluations
from eomoo.search.dominance import FrontArchive
from eomoo.search.operators import RandomCellSampling, check_positive
from eomoo.search.trace import Trace
from eomoo.space.neighbors import check_kind

__all__ = ["PLS"]

_ARCHIVES = ("shared", "per-start")
_RESTARTS = ("none", "random")


@dataclass(frozen=True, kw_only=True)
class _Expansion:
    """Members of one archive whose neighbours are to be evaluated."""

    archive: FrontArchive
    members: NDArray[np.int64]
    counts: NDArray[np.int64]
    neighbors: NDArray[np.int64]


class PLS(Algorithm):
    """Pareto Local Search.

    An archive holds all non-dominated cells found. In each iteration unexplored members are
    expanded: those of their neighbours that were never seen are evaluated and offered to the
    archive, and the member is marked explored. The search ends when every member is explored, or
    goes on from new random cells. No cell is evaluated twice, and an evaluation budget ("n_eval") is
    met exactly.

    Args:
        sampling: Where the first cells come from; random cells by default.
        n_starts: Number of first cells, and of those at each restart.
        n_expand: Members that each archive expands in an iteration; their neighbours are
            evaluated as one batch.
        neighborhood: "hamming", "symmetric" or "published" (see ``Catalogue.neighbors``).
        archive: "shared": one archive for all starts. "per-start": an archive of its own for each
            start, which is the published form (20 walkers).
        restart: When all members are explored: "none" ends the search, "random" begins again from
            ``n_starts`` new random cells, with archives of their own.
        kwargs: As for any pymoo ``Algorithm``.

    ``result().opt`` holds the non-dominated cells of the whole search, ``trace`` every evaluated cell
    in order, ``starts`` the cells (n,) that the search last began from, ``first_starts`` those before any
    restart.

    Source: Paquete, Chiarandini, Stützle, Pareto local optimum sets in the biobjective traveling
    salesman problem, 2004; Dubois-Lacoste, López-Ibáñez, Stützle, EvoCOP 2012; the per-start form:
    Demir, Traoré, Camero, ESANN 2024.
    """

    def __init__(
        self,
        *,
        sampling: Sampling | Population | NDArray[np.int64] | None = None,
        n_starts: int = 20,
        n_expand: int = 1,
        neighborhood: str = "hamming",
        archive: str = "shared",
        restart: str = "none",
        output: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(output=output or MultiObjectiveOutput(), **kwargs)
        self.sampling = sampling if sampling is not None else RandomCellSampling()
        self.n_starts = check_positive("n_starts", n_starts)
        self.n_expand = check_positive("n_expand", n_expand)
        check_kind(neighborhood)
        self.neighborhood = neighborhood
        self.archive_kind = _one_of("archive", archive, _ARCHIVES)
        self.restart = _one_of("restart", restart, _RESTARTS)
        self.trace: Trace | None = None

    # -- pymoo's hooks -------------------------------------------------------------------------

    def _setup(self, problem: Any, **kwargs: Any) -> None:
        if not hasattr(problem, "neighbor_lists"):
            raise SettingError(f"PLS searches a CellProblem (see get_problem); got {type(problem).__name__}")
        self.space = problem.space
        self.trace = Trace(len(self.space), problem.n_obj)
        self._walkers: list[FrontArchive] = []
        self._front = FrontArchive(problem.n_obj)
        self._front_pop = Population.new()
        self.starts: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.first_starts = self.starts
        self._plan: list[_Expansion] = []
        self._batch = self.starts

    def _initialize_infill(self) -> Population:
        pop = self._sample()
        index: NDArray[np.int64] = self.space.index(np.stack([individual.X for individual in pop]))
        valid = np.flatnonzero(index >= 0)
        first = valid[np.sort(np.unique(index[valid], return_index=True)[1])]
        self.starts = self.first_starts = index[first]
        return pop[first[~self._seen(index[first])]][: self._remaining()]

    def _initialize_advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        self._record(infills)
        self._begin()
        self._look_ahead()

    def _infill(self) -> Population:
        batch = self._batch[: self._remaining()]
        return Population.new("X", self.space.genotype(batch)) if len(batch) else Population.new()

    def _advance(self, infills: Population | None = None, **kwargs: Any) -> None:
        self._record(infills)
        if self._plan:
            for expansion in self._plan:
                self._explore(expansion)
        else:
            self._begin()
        self._look_ahead()

    def _set_optimum(self) -> None:
        self.opt = self._front_pop
        self.pop = self._front_pop

    # -- steps ---------------------------------------------------------------------------------

    def _sample(self) -> Population:
        if isinstance(self.sampling, Population):
            return self.sampling
        if isinstance(self.sampling, np.ndarray):
            return Population.new("X", self.sampling)
        if not callable(self.sampling):
            raise SettingError(
                "sampling is a Sampling, a Population or an array of genotypes; "
                f"got {type(self.sampling).__name__}"
            )
        return self.sampling(self.problem, self.n_starts, random_state=self.random_state, algorithm=self)

    def remember(self, evaluated: Population) -> None:
        """Take note of individuals that were evaluated outside the search's own steps.

        They are never evaluated again and may be in the final front, but start no search.
        """
        self._record(evaluated)

    def _record(self, infills: Population | None) -> None:
        if infills is None or len(infills) == 0:
            return
        index = self._indices(infills)
        new = (index >= 0) & ~self._seen(index)
        if not new.all() or len(set(index.tolist())) < len(index):
            new[new] = _is_first(index[new])
            infills, index = infills[new], index[new]
        if len(index) == 0:
            return
        F = np.array([individual.F for individual in infills])
        G = np.array([individual.G for individual in infills])
        violation = np.maximum(G, 0.0).sum(axis=1)
        self._trace().append(index, F, violation)
        keep = self._front.offer(index, F, violation)
        if keep[len(self._front_pop) :].any():
            self._front_pop = np.concatenate((self._front_pop, infills))[keep].view(Population)

    def _indices(self, infills: Population) -> NDArray[np.int64]:
        found = [individual.get("index") for individual in infills]
        if any(index is None for index in found):
            # Evaluated by somebody else, who does not know the index.
            found = self.space.index(np.stack([individual.X for individual in infills]))
        return np.array(found, dtype=np.int64)

    def _begin(self) -> None:
        """Open archives for the starts that have been evaluated."""
        known = self.starts[self._seen(self.starts)]
        if self.archive_kind == "shared" and len(known) == len(self._trace()):
            # Nothing but the starts is known, so the search's archive is the front itself.
            self._walkers = [self._front]
            return
        groups = [known] if self.archive_kind == "shared" else [known[k : k + 1] for k in range(len(known))]
        self._walkers = [FrontArchive(self.problem.n_obj) for _ in groups]
        for walker, cells in zip(self._walkers, groups, strict=True):
            walker.offer(cells, *self._trace().values_of(cells))

    def _look_ahead(self) -> None:
        """Plan the next batch; explore at once what needs no evaluation; end when nothing is left."""
        while True:
            self._plan = [e for walker in self._walkers if (e := self._expand(walker))]
            if not self._plan:
                break
            self._batch = self._new_cells(np.concatenate([e.neighbors for e in self._plan]))
            if len(self._batch):
                return
            for expansion in self._plan:
                self._explore(expansion)
        if self.restart == "random":
            self.starts = self._batch = self._unseen_cells()
            if len(self.starts):
                return
        self.termination.force_termination = True

    def _new_cells(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the cells that were never evaluated, once each, in the order given."""
        cells = cells[~self._seen(cells)]
        if len(self._plan) == 1 and len(self._plan[0].members) == 1:
            return cells
        return cells[np.sort(np.unique(cells, return_index=True)[1])]

    def _expand(self, walker: FrontArchive) -> _Expansion | None:
        members = np.flatnonzero(~walker.explored)[: self.n_expand]
        if len(members) == 0:
            return None
        cells = walker.index[members]
        counts, neighbors = self.problem.neighbor_lists(cells, kind=self.neighborhood)
        return _Expansion(archive=walker, members=cells, counts=counts, neighbors=neighbors)

    def _explore(self, expansion: _Expansion) -> None:
        """Offer the neighbours that are known by now; a member whose neighbours all are is explored."""
        known = self._seen(expansion.neighbors)
        walker = expansion.archive
        if known.all():
            done = expansion.members
        else:
            owner = np.repeat(np.arange(len(expansion.members)), expansion.counts)
            missing = np.bincount(owner[~known], minlength=len(expansion.members))
            done = expansion.members[missing == 0]
        walker.explored |= (walker.index[:, None] == done).any(axis=1)
        if walker is self._front:
            return
        cells = expansion.neighbors[known]
        if len(expansion.members) > 1:
            cells = np.unique(cells)
        walker.offer(cells, *self._trace().values_of(cells))

    def _unseen_cells(self) -> NDArray[np.int64]:
        """Up to ``n_starts`` random cells of the problem that were never evaluated."""
        domain = self.problem.domain
        total = len(self.space) if domain is None else int(domain.sum())
        left = total - len(self._trace())
        if left > total // 2:
            cells: NDArray[np.int64] = self.problem.random_cells(4 * self.n_starts, self.random_state)
            cells = cells[~self._seen(cells)][: self.n_starts]
            if len(cells):
                return cells
        everything = np.arange(len(self.space)) if domain is None else np.flatnonzero(domain)
        unseen = everything[~self._seen(everything)]
        rng: np.random.Generator = self.random_state
        return rng.choice(unseen, size=min(self.n_starts, len(unseen)), replace=False)

    def _remaining(self) -> int | None:
        return remaining_evaluations(self)

    def _seen(self, cells: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._trace().seen(cells)

    def _trace(self) -> Trace:
        assert self.trace is not None
        return self.trace


def _is_first(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = np.zeros(len(values), dtype=bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise SettingError(f"{name} must be one of {', '.join(known)}; got {value!r}")
    return value
