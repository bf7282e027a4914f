"""Choices within Pareto Local Search: whom to expand, how far, and where to go on when all is explored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.random import Generator

from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import short
from eomoo.errors import SettingError
from eomoo.fronts import FrontArchive
from eomoo.fronts.box import by_range
from eomoo.models.applicability import operation_combinations
from eomoo.search.operators import CellCrossover
from eomoo.search.problem import CellProblem

T = TypeVar("T")

Selection = Callable[[Floats, Ints, Generator], Ints]
"""Function (F (k, m) of an archive, positions (u,) of its unexplored members, generator) -> the positions
in the order in which they are to be expanded."""

EXPLORATIONS = ("all", "first-dominating", "switch")
"""How a member is explored.

"all": its whole neighbourhood, and every non-dominated neighbour is accepted (Paquete, Chiarandini,
Stützle 2004). "first-dominating": neighbours are tried in a random order until one dominates the member;
only dominating ones are accepted. "switch": so at first, and when no member is left, "all" of all members
(anytime PLS of Dubois-Lacoste, López-Ibáñez, Stützle, EvoCOP 2012 and EJOR 243(2), 2015).
"""


Restart = Callable[[CellProblem, FrontArchive, int, str, Generator], Ints]
"""Function (problem, archive of all non-dominated cells, about how many cells are wanted, neighbourhood, generator) ->
cells of the problem, repetitions and evaluated ones allowed, where a search goes on when every member is explored."""


# -- selection -----------------------------------------------------------------------------------


def _oldest(F: Floats, unexplored: Ints, rng: Generator) -> Ints:
    return unexplored


def _random(F: Floats, unexplored: Ints, rng: Generator) -> Ints:
    return rng.permutation(unexplored)


def _least_crowded(F: Floats, unexplored: Ints, rng: Generator) -> Ints:
    # Imported here, since scipy.spatial comes with it: a fifth of a second before any search.
    from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function

    return unexplored[np.argsort(-get_crowding_function("cd").do(F)[unexplored], kind="stable")]


def _hypervolume(F: Floats, unexplored: Ints, rng: Generator) -> Ints:
    return unexplored[np.argsort(-optimistic_improvement(F)[unexplored], kind="stable")]


SELECTIONS: dict[str, Selection] = {
    "oldest": _oldest,
    "random": _random,
    "least-crowded": _least_crowded,
    "hypervolume": _hypervolume,
}
"""Orders by name: "oldest" and "random"; "least-crowded": largest crowding distance first (Deb et al., NSGA-II, 2002);
"hypervolume": largest optimistic hypervolume improvement first (Dubois-Lacoste, López-Ibáñez, Stützle 2012)."""


def optimistic_improvement(F: Floats) -> Floats:
    """Largest gain of hypervolume (k,) that a neighbour of each point could bring, between its neighbours.

    For two objectives, the rectangles between a point and the points before and after it; an end has one,
    counted twice. With more, the box from a point to the next better value of each objective, which is
    the same idea in one dimension more. Objectives are normalised by the range of the points.

    Args:
        F: (k, m) mutually non-dominated points.

    Source: Dubois-Lacoste, López-Ibáñez, Stützle, EvoCOP 2012, optimistic hypervolume improvement.
    """
    if len(F) < 2:
        return np.ones(len(F))
    Y = by_range(F)
    if F.shape[1] != 2:
        return np.asarray(np.prod([_gap_to_better(column) for column in Y.T], axis=0))
    order = np.lexsort(Y.T[::-1])
    steps = np.abs(np.diff(Y[order], axis=0)).prod(axis=1)
    gain = np.empty(len(F))
    gain[order] = np.concatenate((steps[:1], steps)) + np.concatenate((steps, steps[-1:]))
    return gain


def _gap_to_better(column: Floats) -> Floats:
    values, place = np.unique(column, return_inverse=True)
    gaps = np.diff(values)
    # Nothing is better than the best, whose room is unknown: as much as the widest gap.
    return np.asarray(np.concatenate(([gaps.max(initial=0.0)], gaps))[place])


# -- restarts ------------------------------------------------------------------------------------


# What is one step from a member is known by then; of what is two from it, much; both ends of a gap have more beside.
_STEPS, _GAP_STEPS = 3, 2


def random_restart(problem: CellProblem, archive: FrontArchive, n: int, kind: str, rng: Generator) -> Ints:
    """From new random cells, with archives of their own."""
    return problem.random_cells(n, rng)


def _perturbation(problem: CellProblem, archive: FrontArchive, n: int, kind: str, rng: Generator) -> Ints:
    return walked(problem, rng.choice(archive.index, size=n), _STEPS, kind, rng)


def _recombination(problem: CellProblem, archive: FrontArchive, n: int, kind: str, rng: Generator) -> Ints:
    parents = rng.choice(archive.index, size=(2, n))
    return recombined(problem, parents[0], parents[1], rng)


def _gap(problem: CellProblem, archive: FrontArchive, n: int, kind: str, rng: Generator) -> Ints:
    a, b = (np.full(n, end) for end in _largest_gap(archive, rng))
    children = recombined(problem, a, b, rng)[: n // 2]
    ends = np.where(rng.random(n) < 0.5, a, b)[: n - len(children)]
    return np.concatenate((children, walked(problem, ends, _GAP_STEPS, kind, rng)))


def _largest_gap(archive: FrontArchive, rng: Generator) -> tuple[int, int]:
    index, F = archive.index, archive.F
    if len(index) == 1:
        return int(index[0]), int(index[0])
    Y = by_range(F)
    order = np.argsort(Y[:, rng.integers(Y.shape[1])], kind="stable")
    # The widest of all would be tried for ever when nothing lies in it.
    gaps = np.linalg.norm(np.diff(Y[order], axis=0), axis=1) * rng.random(len(order) - 1)
    k = int(gaps.argmax())
    return int(index[order[k]]), int(index[order[k + 1]])


RESTARTS: dict[str, Restart | None] = {
    "none": None,
    "random": random_restart,
    "perturbation": _perturbation,
    "recombination": _recombination,
    "gap": _gap,
}
"""Restarts by name: "random": from new random cells, whose archives are their own; all others offer what they find to
the archive so far. "perturbation": from its random members, moved by three random steps, and "recombination": from
children of random pairs of them, by uniform crossover (Drugan, Thierens, Journal of Heuristics 18(5), 2012); "gap":
into the largest gap of the front, the largest normalised distance between a member and the next by some objective:
from children of the two members at its ends, and two steps from both."""


def walked(problem: CellProblem, cells: Ints, steps: int, kind: str, rng: Generator) -> Ints:
    """Cells (n,) after so many random steps to neighbours; one without neighbours stays."""
    for _ in range(steps):
        counts, flat = problem.neighbor_lists(cells, kind=kind)
        chosen = np.cumsum(counts) - counts + (rng.random(len(cells)) * counts).astype(np.int64)
        movable = counts > 0
        cells = cells.copy()
        cells[movable] = flat[chosen[movable]]
    return cells


def recombined(problem: CellProblem, a: Ints, b: Ints, rng: Generator) -> Ints:
    """Cells of the valid children of parents a (n,) and b (n,), at most two a pair."""
    space = problem.space
    parents = np.stack((space.genotype(a), space.genotype(b)))
    children = CellCrossover(prob=1.0)._do(problem, parents, random_state=rng)
    cells: Ints = space.index(children.reshape(-1, children.shape[-1]))
    cells = rng.permutation(cells[cells >= 0])
    return cells if problem.domain is None else cells[problem.domain[cells]]


def by_name(what: str, value: str | T, known: Mapping[str, T]) -> T:
    """The strategy of that name, or the object given."""
    if isinstance(value, str) and value in known:
        return known[value]
    if isinstance(value, str) or not callable(value):
        raise SettingError(f"{what} must be one of {', '.join(known)}, or an object; got {short(value)}")
    return value


def least_evaluated(problem: CellProblem, seen: Callable[[Ints], Bools], n: int, rng: Generator) -> Ints:
    """Up to n cells that were never evaluated, of the combinations of operations of which fewest were.

    They fill these up evenly, each cell at random among those of its combination. Cells at random seldom meet most of
    the 56 combinations: ten hold two thirds of the space.

    Args:
        seen: Tells which of cells (k,) were evaluated.
    """
    cells = problem.cells
    combination, known = operation_combinations(cells).astype(np.int16), seen(cells)
    evaluated = np.bincount(combination[known], minlength=int(combination.max()) + 1)
    left = rng.permutation(np.flatnonzero(~known))
    left = left[np.argsort(combination[left], kind="stable")]
    place = np.arange(len(left)) - np.searchsorted(combination[left], combination[left])
    left, place = left[place < n], place[place < n]
    # Among combinations as full as each other, the order is random too.
    full = evaluated[combination[left]] + place + rng.random(len(evaluated))[combination[left]]
    return np.asarray(cells[left[np.argsort(full, kind="stable")[:n]]])
