"""Cells spread over the space, so that nothing that tells cells apart stays unmeasured."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Ints
from eomoo.checks import positive
from eomoo.models.applicability import operation_counts
from eomoo.space import load_space

# More than anybody trains; each takes some microseconds to find.
_MOST = 20_000
# With so many to choose from, 20 cells leave no gap of more than 12.4 % of the space by MACs (20 seeds; 27 % with one,
# 10 % with sixteen).
_CANDIDATES = 8


def spread_cells(n: int, *, seed: int = 0) -> Ints:
    """Distinct cells (n,) spread over vertices, operation counts and MACs; the first are the same however many.

    The space falls into 56 combinations of the number of vertices, 3x3 and 1x1 convolutions and max pools. Each
    comes once, those of most cells first, before any comes again; afterwards the next is the one with the fewest for
    the square root of its cells (Adams' apportionment), between as often as cells, which would leave small networks
    out, and all equally often. Of some cells of the combination, drawn at random, that is taken whose rank by MACs is
    farthest from those before it (Mitchell, Spectrally optimal sampling, SIGGRAPH 1991).

    Args:
        n: Number of cells; from 56 on every combination is among them.
        seed: Of the cells drawn.

    Raises:
        SettingError: (a ValueError) n is not from 1 to 20,000.
    """
    positive("spread", n, most=_MOST)
    everything = np.arange(len(load_space()))
    # At most 7 of each, so that the four numbers are one.
    _, group, sizes = np.unique(
        operation_counts(everything) @ 8 ** np.arange(4), return_inverse=True, return_counts=True
    )
    members, first = np.argsort(group, kind="stable"), np.cumsum(sizes) - sizes
    rank = np.argsort(np.argsort(load_space().macs(everything), kind="stable"))
    rng, weights = np.random.default_rng(seed), np.sqrt(sizes)
    seats, chosen, ranks = np.zeros(len(sizes), dtype=np.int64), np.empty(n, dtype=np.int64), np.full(n, np.inf)
    taken = np.zeros(len(everything), dtype=bool)
    for k in range(n):
        due = np.where(seats == 0, np.inf, weights / np.maximum(seats, 1))
        g = max(np.flatnonzero(seats < sizes), key=lambda g: (due[g], weights[g]))
        here = members[first[g] : first[g] + sizes[g]]
        free = here[~taken[here]]
        drawn = free[rng.integers(len(free), size=_CANDIDATES)]
        room = np.abs(rank[drawn, None] - ranks[: max(k, 1)]).min(axis=1)
        chosen[k] = drawn[room.argmax()]
        ranks[k], taken[chosen[k]] = rank[chosen[k]], True
        seats[g] += 1
    return chosen
