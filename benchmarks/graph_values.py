"""Values of all cells that are no function of eomoo's features: of random graph networks, of hashed neighbourhoods.

Both see a cell's graph alone, never the member that happens to be stored, and come in degrees of learnability.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eomoo.space import load_space

# Gain of a random network's rounds: the larger, the more its values jump from a cell to its neighbour. Weights of
# neighbourhoods of radius 0, 1, 2: at 2 most of a cell is in each of them, and nothing can be learnt. By degree, a
# search's own model of 500 random cells ranks others with .9, .7 and .6, and with .75, .5 and .1.
GAINS: Mapping[str, float] = {"easy": 0.6, "middle": 3.0, "hard": 20.0}
RADII: Mapping[str, tuple[float, ...]] = {"easy": (1.0, 1.0), "middle": (0.0, 1.0), "hard": (0.0, 1.0, 2.0)}
_WIDTH, _ROUNDS = 8, 3
_BLOCK = 1 << 14
# The three operations, the input, the output; an unused vertex is none of them.
_INPUT, _OUTPUT, _UNUSED = 3, 4, 5


@lru_cache(maxsize=8)
def graph_network(degree: str, seed: int, n: int) -> NDArray[np.float64]:
    """Outputs (423624, n), standardised, of a message-passing network with random weights.

    Each vertex passes on a vector; what comes in along edges and what comes back against them have weights of
    their own. An output is linear in the sum over vertices.

    Source: Gilmer et al., Neural message passing for quantum chemistry, ICML 2017; as random functions of graphs:
    Gallicchio, Micheli, Fast and deep graph neural networks, AAAI 2020.
    """
    return _standardised(np.concatenate([network_outputs(*graphs, degree, seed, n) for graphs in _blocks()]))


@lru_cache(maxsize=8)
def hashed_neighbourhoods(degree: str, seed: int, n: int) -> NDArray[np.float64]:
    """Sums (423624, n) over a cell's vertices of a random number for each kind of neighbourhood, standardised.

    A vertex's neighbourhood is what lies within a radius along and against the edges; of two that differ in
    anything, the numbers say nothing of each other.

    Source: Shervashidze et al., Weisfeiler-Lehman graph kernels, JMLR 12, 2011.
    """
    radii = len(RADII[degree])
    sums = np.concatenate([hash_sums(*graphs, radii, seed, n) for graphs in _blocks()], axis=1)
    return _standardised(sum(w * _standardised(part) for w, part in zip(RADII[degree], sums, strict=True) if w))


def network_outputs(labels, edges, degree: str, seed: int, n: int) -> NDArray[np.float64]:
    """Outputs (c, n) for graphs with labels (c, 7) of vertices and adjacencies (c, 7, 7), in any order of vertices."""
    rng = np.random.default_rng([seed, 1])
    first = rng.standard_normal((_UNUSED, _WIDTH))
    own, along, against = GAINS[degree] * rng.standard_normal((3, _WIDTH, _WIDTH)) / np.sqrt(_WIDTH)
    last = rng.standard_normal((_WIDTH, n))
    used = (labels != _UNUSED)[:, :, None]
    state = np.where(used, first[np.minimum(labels, _UNUSED - 1)], 0.0)
    edges = edges.astype(float)
    for _ in range(_ROUNDS):
        into, back = edges.transpose(0, 2, 1) @ state, edges @ state
        state = np.where(used, np.tanh(state @ own + into @ along + back @ against), 0.0)
    return state.sum(axis=1) @ last


def hash_sums(labels, edges, radii: int, seed: int, n: int) -> NDArray[np.int64]:
    """Sums (radii, c, n) over the vertices of graphs as for ``network_outputs``, by radius from 0 on."""
    colour = mixed(labels.astype(np.uint64) + np.uint64(1 + 8 * seed))
    used = labels != _UNUSED
    sums = np.empty((radii, len(labels), n), dtype=np.int64)
    for radius in range(radii):
        for k in range(n):
            number = (mixed(colour + np.uint64(5 + k)) >> np.uint64(40)).astype(np.int64)
            sums[radius, :, k] = np.where(used, number - (1 << 23), 0).sum(axis=1)
        # Sums modulo 2^64: the order of neighbours does not matter.
        into = np.where(edges, mixed(colour + np.uint64(1))[:, :, None], np.uint64(0)).sum(axis=1)
        back = np.where(edges, mixed(colour + np.uint64(2))[:, None, :], np.uint64(0)).sum(axis=2)
        colour = mixed(colour ^ mixed(into + np.uint64(3)) ^ mixed(back + np.uint64(4)))
    return sums


def graphs_of(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Labels (c, 7) of the vertices of cells (c,), and adjacencies (c, 7, 7)."""
    space = load_space()
    labels = np.full((len(cells), 7), _UNUSED, dtype=np.int64)
    labels[:, 0], labels[:, 6] = _INPUT, _OUTPUT
    inside = np.arange(5) < space.n_vertices[cells][:, None] - 2
    labels[:, 1:6] = np.where(inside, space.padded_ops(cells), _UNUSED)
    return labels, space.structure_adjacency[space.structure[cells]]


def _blocks():
    n = len(load_space())
    return (graphs_of(np.arange(start, min(start + _BLOCK, n))) for start in range(0, n, _BLOCK))


def mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number's image under the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _standardised(values) -> NDArray[np.float64]:
    # To six digits, which hide in what order a library added.
    return np.round((values - values.mean(axis=0)) / values.std(axis=0), 6)
