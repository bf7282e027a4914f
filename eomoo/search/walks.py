"""Random walks on the neighbourhood graph of cells, and samples of cells made of them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling

from eomoo.arrays import Bools, Ints
from eomoo.checks import generator, positive
from eomoo.errors import SettingError
from eomoo.space import load_space
from eomoo.space.neighbors import check_kind, only_those

_MANY = 20_000  # steps, above which building all rows (see Catalogue.neighborhood) pays


def random_walks(
    n_walks: int,
    length: int,
    *,
    neighborhood: str = "hamming",
    self_avoiding: bool = False,
    starts: ArrayLike | None = None,
    domain: Bools | None = None,
    seed: int | Generator | None = None,
) -> Ints:
    """Random walks: each step goes to a neighbour drawn uniformly.

    Args:
        n_walks: Number of walks, independent of each other.
        length: Cells in a walk, its start included: a start and ``length - 1`` steps.
        neighborhood: "hamming", "symmetric" or "published" (see ``Catalogue.neighbors``).
        self_avoiding: Never visit a cell twice in one walk.
        starts: (n_walks,) indices of the first cells. By default distinct cells, drawn uniformly
            among those with a neighbour; some come again if there are fewer of these than walks.
        domain: (423624,) bool, cells that may be visited; by default all.
        seed: An int, a Generator, or None for fresh entropy.

    Returns:
        (n_walks, length) int64. A walk that cannot go on (no neighbour, or all of them visited)
        ends there; -1 fills the rest of its row. Long "hamming" walks drift to ever smaller cells and
        end in the cell without operations; "symmetric" walks go on for ever.

    Raises:
        SettingError: (a ValueError) A number below 1, a wrong shape, a start outside the domain, or
            a domain where no cell has a neighbour.
        UnknownNameError: (a KeyError) No such neighbourhood.

    Source: Weinberger, Correlated and uncorrelated fitness landscapes, Biological Cybernetics 63,
    1990. A step is uniform over the distinct neighbouring cells, not over the changes of a genotype.
    """
    positive("n_walks", n_walks)
    positive("length", length)
    check_kind(neighborhood)
    rng = generator("seed", seed)
    if domain is not None and domain.shape != (len(load_space()),):
        raise SettingError(f"domain has one entry a cell, {len(load_space()):,}; got shape {domain.shape}")
    if starts is None:
        first = _drawn_starts(n_walks, neighborhood, domain, rng, must_move=length > 1)
        if len(first) == 0:
            raise SettingError("no cell of the domain has a neighbour in it, so there is no walk")
    else:
        first = _given_starts(starts, n_walks, domain)
    walks = np.full((n_walks, length), -1, dtype=np.int64)
    walks[:, 0] = first
    _walk(walks, neighborhood, domain, rng, self_avoiding=self_avoiding)
    return walks


def _walk(walks: Ints, kind: str, domain: Bools | None, rng: Generator, *, self_avoiding: bool) -> None:
    """Fill the rows of walks whose first column is given."""
    free = domain is None and not self_avoiding
    # With all rows at hand a step is two gathers; for a few steps they are not worth preparing.
    graph = load_space().neighborhood(kind) if free and walks.size > _MANY else None
    alive = np.arange(len(walks))
    near: NDArray[np.integer]
    for step in range(1, walks.shape[1]):
        here = walks[alive, step - 1]
        if graph is not None:
            first, near = graph.indptr[here], graph.indices
            counts = graph.indptr[here + 1] - first
        else:
            counts, near = _allowed(here, kind, domain, walks[alive, :step] if self_avoiding else None)
            first = np.cumsum(counts) - counts
        chosen = first + (rng.random(len(alive)) * counts).astype(np.int64)
        moves = counts > 0
        alive = alive[moves]
        if len(alive) == 0:
            return
        walks[alive, step] = near[chosen[moves]]


def _allowed(here: Ints, kind: str, domain: Bools | None, visited: Ints | None) -> tuple[Ints, NDArray[np.integer]]:
    """How many neighbours each cell (n,) has in the domain, not among those visited (n, s); and all of them."""
    counts, near = load_space().neighbor_lists(here, kind=kind, domain=domain)
    if visited is None:
        return counts, near
    return only_those((np.repeat(visited, counts, axis=0) != near[:, None]).all(axis=1), counts, near)


def _given_starts(starts: ArrayLike, n_walks: int, domain: Bools | None) -> Ints:
    first = load_space().check(starts)
    if first.shape != (n_walks,):
        raise SettingError(f"starts has one cell a walk, shape ({n_walks},); got {first.shape}")
    if domain is not None and not domain[first].all():
        raise SettingError(f"the start {first[~domain[first]][0]} is no cell of the domain")
    return first


def _drawn_starts(n: int, kind: str, domain: Bools | None, rng: Generator, *, must_move: bool) -> Ints:
    """Distinct cells (n,), repeated where there are fewer; none where no cell can be a start."""
    order = rng.permutation(len(load_space()) if domain is None else np.flatnonzero(domain))
    found = np.empty(0, dtype=np.int64)
    for begin in range(0, len(order), 2 * n):
        cells = order[begin : begin + 2 * n]
        if must_move:
            cells = cells[_allowed(cells, kind, domain, None)[0] > 0]
        found = np.concatenate((found, cells))
        if len(found) >= n:
            return found[:n]
    return np.resize(found, n) if len(found) else found


def distinct_walks(n_walks: int, length: int, *, seed: int | Generator | None = None) -> list[Ints]:
    """Self-avoiding random walks of up to ``length`` cells ("hamming"), none of which is in two of them.

    The first walks are the same however many there are. A walk that cannot go on is shorter.

    Args:
        n_walks: Number of walks.
        length: Cells in a walk, its start included.
        seed: An int, a Generator, or None for fresh entropy.

    Raises:
        SettingError: (a ValueError) A number below 1, or more cells than the space has.
    """
    positive("length", length)
    # Walks that cross the whole space would need all of its cells.
    positive("n_walks", n_walks, most=len(load_space()) // length)
    rng, left = generator("seed", seed), np.ones(len(load_space()), dtype=bool)
    return [_walk_within(left, length, "hamming", rng) for _ in range(n_walks)]


def _walk_within(left: Bools, length: int, kind: str, rng: Generator) -> Ints:
    """A self-avoiding walk over cells that are left, of which some are; its cells are left no more."""
    start = _drawn_starts(1, kind, left, rng, must_move=length > 1)
    if len(start) == 0:
        start = rng.choice(np.flatnonzero(left), size=1)
    walk = random_walks(1, length, neighborhood=kind, self_avoiding=True, starts=start, domain=left, seed=rng)[0]
    steps: Ints = walk[walk >= 0]
    left[steps] = False
    return steps


class WalkSampling(Sampling):
    """Distinct cells along self-avoiding random walks, for new benchmark data.

    As in the EO HW-NAS table, whose 450 cells are 30 walks of 15, but each step is drawn at random (published: the
    first unvisited neighbour by index). No cell is in two walks. A walk that cannot go on is followed by the next
    one, so the walks may be shorter than ``length``, and more than one expects.

    Called with ``n_samples``, it gives that many genotypes (stored members), walk by walk, the last
    one cut off where needed; fewer only where the problem has fewer cells.

    Args:
        length: Cells in a walk, its start included.
        neighborhood: "hamming", "symmetric" or "published" (see ``Catalogue.neighbors``).

    Source: Traoré, Camero, Zhu, Fitness landscape footprint, 2021; Demir, Traoré, Camero, ESANN 2024.

    Examples:
        >>> eomoo.WalkSampling(length=5)(problem, 10, random_state=np.random.default_rng(1)).get("X").shape
        (10, 26)
    """

    def __init__(self, length: int = 15, *, neighborhood: str = "hamming") -> None:
        super().__init__()
        self.length = positive("length", length)
        check_kind(neighborhood)
        self.neighborhood = neighborhood

    def walks(self, n_samples: int, *, domain: Bools | None = None, seed: int | Generator | None = None) -> list[Ints]:
        """Walks of ``n_samples`` distinct cells together, each an array of indices in order.

        Args:
            n_samples: Number of cells.
            domain: (423624,) bool, cells that may be visited; by default all.
            seed: An int, a Generator, or None for fresh entropy.
        """
        positive("n_samples", n_samples)
        rng = np.random.default_rng(seed)
        left = np.ones(len(load_space()), dtype=bool) if domain is None else domain.copy()
        found: list[Ints] = []
        missing = n_samples
        while missing > 0 and left.any():
            found.append(_walk_within(left, min(self.length, missing), self.neighborhood, rng))
            missing -= len(found[-1])
        return found

    def _do(self, problem: Problem, n_samples: int, random_state: Generator | None = None, **kwargs: object) -> Ints:
        domain = getattr(problem, "domain", None)
        walks = self.walks(n_samples, domain=domain, seed=random_state)
        return load_space().genotype(np.concatenate(walks))
