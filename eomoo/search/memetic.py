"""NSGA-II followed by Pareto Local Search."""

from __future__ import annotations

from typing import Any

from pymoo.core.population import Population
from pymoo.core.termination import NoTermination

from eomoo.checks import positive
from eomoo.search.budget import remaining_evaluations
from eomoo.search.operators import CellMating, cell_operators
from eomoo.search.pls import PLS
from eomoo.search.problem import CellProblem
from eomoo.search.starts import Starts, check_starts

_STALL = 20  # generations; on the whole space NSGA-II never goes so long without a new cell


class MemeticSearch(PLS):
    """NSGA-II until some cells were evaluated, then Pareto Local Search from all that is non-dominated.

    Generations of NSGA-II may hold cells that were evaluated before, as those of pymoo's do; the local
    search holds none.

    Args:
        n_genetic: Distinct cells after which the local search begins; it begins earlier when 20 generations
            in a row bring no new cell.
        pop_size: Population of NSGA-II.
        sampling: Its first population; random cells by default.
        kwargs: As for :class:`~eomoo.search.pls.PLS`.

    Source: Knowles, Corne, Memetic algorithms for multiobjective optimization, 2005; NSGA-II: Deb et al.,
    IEEE TEC 6(2), 2002.

    Examples:
        >>> result = minimize(problem, eomoo.MemeticSearch(n_genetic=20, pop_size=10), ("n_eval", 40), seed=1)
        >>> bool((problem.space.index(result.X) == result.opt.get("index")).all())
        True
    """

    def __init__(
        self, *, sampling: Starts | None = None, n_genetic: int = 500, pop_size: int = 50, **kwargs: Any
    ) -> None:
        super().__init__(sampling=sampling, **kwargs)
        self.n_genetic = positive("n_genetic", n_genetic)
        self.pop_size = positive("pop_size", pop_size)

    def _setup(self, problem: CellProblem, **kwargs: object) -> None:
        from pymoo.algorithms.moo.nsga2 import NSGA2

        super()._setup(problem, **kwargs)
        operators = {**cell_operators(), "sampling": self.sampling}
        self._genetic: Any = NSGA2(pop_size=self.pop_size, **operators)
        self._genetic.mating = CellMating(self._genetic.mating, self._genetic)
        seed = int(self.random_state.integers(2**31))
        self._genetic.setup(problem, termination=NoTermination(), seed=seed)
        self._stalled = 0

    def _initialize_infill(self) -> Population:
        # Samplings that evaluate cells do so within the budget of the search, not of its part.
        self._genetic.evaluator, self._genetic.termination = self.evaluator, self.termination
        pop = self._genetic.ask()
        self._genetic.termination = NoTermination()
        check_starts(pop, domain=self.problem.domain)
        return pop[: remaining_evaluations(self)]

    def _infill(self) -> Population:
        pop = None if self._genetic is None else self._genetic.ask()
        if pop is not None:
            return pop[: remaining_evaluations(self)]
        if self._genetic is not None:
            # Every cell of the problem is in the population.
            self._search_locally()
        return super()._infill()

    def _plan_first(self) -> None:
        self.starts = self.first_starts = self.trace.index.copy()

    def _advance(self, infills: Population | None = None, **kwargs: object) -> None:
        if self._genetic is None:
            super()._advance(infills, **kwargs)
            return
        before = len(self.trace)
        self.remember(infills)
        self._breed(infills)
        self._stalled = 0 if len(self.trace) > before else self._stalled + 1
        if len(self.trace) >= self.n_genetic or self._stalled >= _STALL:
            self._search_locally()

    def _search_locally(self) -> None:
        """From now on, from all that is non-dominated."""
        self._genetic = None
        self.starts = self._front.index
        self._walkers = [self._front]
        self._look_ahead()

    def _initialize_advance(self, infills: Population | None = None, **kwargs: object) -> None:
        super()._initialize_advance(infills, **kwargs)
        self._breed(infills)

    def _breed(self, infills: Population | None) -> None:
        if infills is not None and len(infills):
            self._genetic.tell(infills=infills)
