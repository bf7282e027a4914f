"""Mating of genetic algorithms that goes on where crossover and mutation find no new cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.core.infill import InfillCriterion
from pymoo.core.population import Population

from eomoo.arrays import Ints
from eomoo.search.budget import BudgetedEvaluator
from eomoo.search.problem import CellProblem
from eomoo.space import load_space

# Generations: far more than a search on the whole space ever goes without a new cell, few enough to be quick.
_IDLE = 20
# Rounds of mating, once pymoo's 100 have failed to fill a generation: they take a second, every time, on a
# table of measured cells few of which are in reach of others.
_TRIES = 5


class CellMating(InfillCriterion):
    """A genetic algorithm's mating, on problems of few cells too.

    Where parents have too few children that are no duplicates, random cells of the problem that were never
    evaluated fill the generation up. Where 20 generations in a row brought no new cell, and then whenever one
    brought none, such cells take the children's places. So a search on a table of measured cells meets its
    budget, or finds all of them.

    Args:
        mating: The algorithm's own.
        owner: The algorithm; what was evaluated is known from its evaluator, a ``BudgetedEvaluator``. With
            another, the current population alone counts, and generations are filled up only.
    """

    def __init__(self, mating: InfillCriterion, owner: GeneticAlgorithm) -> None:
        super().__init__()
        self.mating = mating
        self.owner = owner
        self._n_before = -1
        self._n_idle = 0
        self._most_idle = _IDLE
        self._fills = True

    def __getattr__(self, name: str) -> Any:
        # Algorithms look into their mating for its crossover. When it is unpickled it has none at first.
        if name.startswith("__") or "mating" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.mating, name)

    def do(
        self,
        problem: CellProblem,
        pop: Population,
        n_offsprings: int,
        *args: object,
        random_state: Generator,
        **kwargs: object,
    ) -> Population:
        """As pymoo calls it: the children."""
        tries = {} if self._fills else {"n_max_iterations": _TRIES}
        off = self.mating.do(problem, pop, n_offsprings, *args, random_state=random_state, **tries | kwargs)
        # MOEA/D asks for as many as come.
        wanted = max(len(off), min(n_offsprings, self.owner.n_offsprings))
        self._fills = self._fills and len(off) == wanted
        missing = wanted if self._is_idle() else wanted - len(off)
        if missing == 0:
            return off
        fresh = self._unseen(problem, Population.merge(pop, off), missing, random_state)
        return Population.merge(Population.new("X", load_space().genotype(fresh)), off)[:wanted]

    def _is_idle(self) -> bool:
        n = getattr(self.owner.evaluator, "n_distinct", None)
        if n is None:
            return False
        self._n_idle = self._n_idle + 1 if n == self._n_before else 0
        self._n_before = n
        if self._n_idle < self._most_idle:
            return False
        self._most_idle = 1
        return True

    def _unseen(self, problem: CellProblem, pop: Population, n: int, rng: Generator) -> Ints:
        """Up to n random cells of the problem that were never evaluated, and are not in the population."""
        cells = problem.cells
        evaluator = self.owner.evaluator
        if isinstance(evaluator, BudgetedEvaluator):
            cells = cells[~evaluator.seen(cells)]
        cells = cells[~np.isin(cells, load_space().index(np.stack([individual.X for individual in pop])))]
        return rng.choice(cells, size=min(n, len(cells)), replace=False)


def less_violating(pop: Population, pairs: Ints, random_state: Generator, **kwargs: object) -> Ints:
    """Winners (k, 1) of pairs (k, 2): the smaller violation, at random where they are equal.

    NSGA-III's own comparison in pymoo 0.6 draws without a seed where two violations are equal.
    """
    violation = pop.get("CV")[:, 0]
    a, b = pairs.T
    won = [
        random_state.choice(pair) if violation[i] == violation[j] else (i if violation[i] < violation[j] else j)
        for i, j, pair in zip(a, b, pairs, strict=True)
    ]
    return np.array(won, dtype=np.int64)[:, None]
