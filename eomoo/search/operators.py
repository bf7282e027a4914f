"""Operators on cells for any genetic algorithm of pymoo, and mating that goes on where they find no new cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.core.crossover import Crossover
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.infill import InfillCriterion
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling

from eomoo.arrays import Bools, Facts, Ints, blocks
from eomoo.checks import number
from eomoo.search.budget import BudgetedEvaluator
from eomoo.search.problem import CellProblem
from eomoo.search.starts import Starts, as_sampling
from eomoo.space import load_space
from eomoo.space.cell import N_EDGE_GENES, N_GENES
from eomoo.space.neighbors import check_kind

_TRIES = 8  # with random parents, about 99 % of pairs have a valid child by then
_BLOCK = 512  # genotypes whose 31 changes are looked up at once; more fall out of a core's cache


def cell_operators(*, sampling: Starts | None = None) -> Facts:
    """Sampling, crossover, mutation and duplicate elimination, as arguments of pymoo's algorithms.

    Args:
        sampling: A Sampling, or cells as ``CellSampling`` takes them; random cells by default.

    Examples:
        >>> result = minimize(problem, NSGA2(pop_size=10, **eomoo.cell_operators()), ("n_gen", 2), seed=1)
        >>> len(np.unique(result.pop.get("index")))
        10
    """
    return {
        "sampling": RandomCellSampling() if sampling is None else as_sampling(sampling),
        "crossover": CellCrossover(),
        "mutation": NeighborMutation(),
        "eliminate_duplicates": CellDuplicateElimination(),
    }


class RandomCellSampling(Sampling):
    """Distinct cells, uniform over the cells of the problem (not over genotypes).

    Genotypes are the stored members of their classes. A problem with fewer cells gives all of them.

    Examples:
        >>> eomoo.RandomCellSampling()(problem, 4, random_state=np.random.default_rng(1)).get("X").shape
        (4, 26)
    """

    def _do(self, problem: Problem, n_samples: int, random_state: Generator | None = None, **kwargs: object) -> Ints:
        rng = np.random.default_rng(random_state)
        space = load_space()
        if hasattr(problem, "random_cells"):
            return space.genotype(problem.random_cells(n_samples, rng))
        return space.genotype(rng.choice(len(space), size=min(n_samples, len(space)), replace=False))


class NeighborMutation(Mutation):
    """One step to a neighbouring cell.

    With "hamming", one gene changes: drawn uniformly among the changes of one edge or one operation that lead to
    another, valid cell of the problem. With another kind of neighbourhood (see ``Catalogue.neighbors``), the child is
    the stored member of a neighbour, drawn uniformly. A genotype stays as it is only where it has no neighbour.

    Args:
        kind: "hamming", "symmetric" or "published".
        prob: Probability that an individual is mutated at all.

    Examples:
        >>> algorithm = NSGA2(pop_size=10, **{**eomoo.cell_operators(), "mutation": eomoo.NeighborMutation(prob=0.5)})
        >>> len(minimize(problem, algorithm, ("n_gen", 2), seed=1).pop)
        10
    """

    def __init__(self, kind: str = "hamming", *, prob: float = 1.0, **kwargs: object) -> None:
        check_kind(kind)
        super().__init__(prob=number("prob", prob, least=0.0, most=1.0), **kwargs)
        self.kind = kind

    def _do(self, problem: Problem, X: Ints, random_state: Generator | None = None, **kwargs: object) -> Ints:
        rng = np.random.default_rng(random_state)
        genes = np.asarray(X).astype(np.int64)
        domain = getattr(problem, "domain", None)
        if self.kind == "hamming":
            for here in blocks(len(genes), _BLOCK):
                genes[here] = _one_gene_changed(genes[here], domain, rng)
            return genes
        space = load_space()
        index = space.index(genes)
        for row in np.flatnonzero(index >= 0):
            near = space.neighbor_lists(index[[row]], kind=self.kind, domain=domain)[1]
            if len(near):
                genes[row] = space.genotype(int(rng.choice(near)))
        return genes


def _one_gene_changed(genes: Ints, domain: Bools | None, rng: Generator) -> Ints:
    space = load_space()
    index = space.index(genes)
    near = space.one_gene_changes(genes)
    good = (near >= 0) & (near != index[:, None])
    if domain is not None:
        good &= domain[near]
    # The largest of random keys is a uniform draw among the good columns.
    keys = np.where(good, rng.random(good.shape), -1.0)
    column = keys.argmax(axis=1)
    rows = np.flatnonzero(good.any(axis=1))
    column = column[rows]
    child = genes.copy()
    edge = column < N_EDGE_GENES
    child[rows[edge], column[edge]] ^= 1
    other = column[~edge] - N_EDGE_GENES
    at = N_EDGE_GENES + other % (N_GENES - N_EDGE_GENES)
    step = 1 + other // (N_GENES - N_EDGE_GENES)
    child[rows[~edge], at] = (child[rows[~edge], at] + step) % 3
    return child


class CellCrossover(Crossover):
    """Uniform crossover whose children are valid cells of the problem.

    Genes are exchanged with probability one half each; a child that is invalid, or the same cell as one of its parents,
    is drawn again up to 8 times. If no try is valid, the child is a copy of its parent.

    Args:
        prob: Probability that a pair of parents is crossed at all.

    Examples:
        >>> algorithm = NSGA2(pop_size=10, **{**eomoo.cell_operators(), "crossover": eomoo.CellCrossover(prob=0.9)})
        >>> len(minimize(problem, algorithm, ("n_gen", 2), seed=1).pop)
        10
    """

    def __init__(self, *, prob: float = 0.9, **kwargs: object) -> None:
        super().__init__(2, 2, prob=number("prob", prob, least=0.0, most=1.0), **kwargs)

    def _do(self, problem: Problem, X: Ints, random_state: Generator | None = None, **kwargs: object) -> Ints:
        rng = np.random.default_rng(random_state)
        domain = getattr(problem, "domain", None)
        space = load_space()
        parents = np.asarray(X).astype(np.int64)
        parent_cells = space.index(parents.reshape(-1, parents.shape[-1])).reshape(2, -1)
        children = parents.copy()
        # 0: a copy of the parent, 1: a parent's cell in another form, 2: a new cell.
        worth = np.zeros(parent_cells.shape, dtype=np.int8)
        for _ in range(_TRIES):
            todo = np.flatnonzero((worth < 2).any(axis=0))
            if len(todo) == 0:
                break
            swap = rng.random((len(todo), N_GENES)) < 0.5
            both = parents[:, todo]
            mixed = np.where(swap, both[::-1], both)
            cell = space.index(mixed.reshape(-1, N_GENES)).reshape(2, -1)
            valid = cell >= 0 if domain is None else (cell >= 0) & domain[cell]
            new = (cell != parent_cells[0, todo]) & (cell != parent_cells[1, todo])
            value = np.where(valid, 1 + new, 0)
            child, pair = np.nonzero(value > worth[:, todo])
            children[child, todo[pair]] = mixed[child, pair]
            worth[child, todo[pair]] = value[child, pair]
        return children


class CellDuplicateElimination(DuplicateElimination):
    """Individuals are duplicates when their genotypes are the same cell.

    Invalid genotypes are duplicates when they are equal gene by gene.

    Examples:
        >>> from pymoo.core.population import Population
        >>> len(eomoo.CellDuplicateElimination().do(Population.new(X=space.genotype([5, 5, 7]))))
        2
    """

    def _do(self, pop: Population, other: Population | None, is_duplicate: Bools) -> Bools:
        mine = _keys(pop)
        if other is None:
            first = {key: k for k, key in reversed(list(enumerate(mine)))}
            is_duplicate[:] = [first[key] != k for k, key in enumerate(mine)]
        else:
            theirs = set(_keys(other))
            is_duplicate |= np.array([key in theirs for key in mine], dtype=bool)
        return is_duplicate


def _keys(pop: Population) -> list[int | tuple[float, ...]]:
    """A key for each individual: its cell, or all genes where it is none."""
    genes = np.stack([individual.X for individual in pop])
    index: Ints = load_space().index(genes)
    return [k if k >= 0 else tuple(row.tolist()) for k, row in zip(index.tolist(), genes, strict=True)]


# Generations: far more than a search on the whole space ever goes without a new cell, few enough to be quick.
_IDLE = 20
# Rounds of mating, once pymoo's 100 have failed to fill a generation: they take a second, every time, on a
# table of measured cells few of which are in reach of others.
_ROUNDS = 5


class CellMating(InfillCriterion):
    """A genetic algorithm's mating, on problems of few cells too.

    Where parents have too few children that are no duplicates, random cells of the problem that were never evaluated
    fill the generation up. Where 20 generations in a row brought no new cell, and then whenever one brought none, such
    cells take the children's places. So a search on a table of measured cells meets its budget, or finds all of them.

    Args:
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
        tries = {} if self._fills else {"n_max_iterations": _ROUNDS}
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
