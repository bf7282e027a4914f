"""How good and how diverse a front is: every indicator in one place, on minimised, deduplicated fronts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

import moocore
import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Floats, Ints
from eomoo.errors import SettingError
from eomoo.fronts.box import Box, reference_directions
from eomoo.fronts.dominance import non_dominated
from eomoo.space import load_space
from eomoo.space.cell import MAX_VERTICES
from eomoo.space.enumeration import N_INTERIOR

# 91 for three objectives. 4,950 weights raise R2 by 1 to 4 % on random fronts of 20 points.
_MOST_WEIGHTS = 100


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """What an indicator is called on axes and in tables, and whether more of it is better; None: neither."""

    title: str
    larger_is_better: bool | None

    def minimise(self, values: Floats) -> Floats:
        """Values such that less is better, for ranks; SettingError where neither direction is."""
        if self.larger_is_better is None:
            raise SettingError(f"{self.title}: neither more nor less of it is better")
        return -values if self.larger_is_better else values

    def best(self, values: Floats) -> float:
        """The best of values (n,); NaN where neither direction is better."""
        if self.larger_is_better is None:
            return float("nan")
        return float(values.max() if self.larger_is_better else values.min())


INDICATORS = {
    "hypervolume": Indicator(title="hypervolume", larger_is_better=True),
    "hypervolume_share": Indicator(title="share of hypervolume", larger_is_better=True),
    "igd_plus": Indicator(title="IGD+", larger_is_better=False),
    "additive_epsilon": Indicator(title="additive epsilon", larger_is_better=False),
    "r2": Indicator(title="R2", larger_is_better=False),
    "front_size": Indicator(title="cells on the front", larger_is_better=True),
    "mean_hamming": Indicator(title="mean pairwise Hamming distance (17x17)", larger_is_better=True),
    "max_hamming": Indicator(title="largest pairwise Hamming distance (17x17)", larger_is_better=True),
    "mean_edit": Indicator(title="mean pairwise edit distance", larger_is_better=True),
    "max_edit": Indicator(title="largest pairwise edit distance", larger_is_better=True),
}
"""Every indicator that needs no objective's name; beside them stand best_NAME of each objective.

The share of hypervolume is that of the reference front's, which is the true front where it is known.
"""


def deduplicated(F: Floats) -> Floats:
    """The distinct non-dominated vectors among points (n, m), sorted."""
    finite = F[np.isfinite(F).all(axis=1)]
    return np.unique(finite[non_dominated(finite)], axis=0)


def hypervolume(F: Floats, box: Box) -> float:
    """Volume dominated by points (n, m) within the normalised box: 0 (nothing) to 1 (the ideal point).

    Source: Zitzler and Thiele, PPSN 1998; computed by moocore.
    """
    finite = F[np.isfinite(F).all(axis=1)]
    inside = box.normalise(finite[box.contains(finite)])
    if len(inside) == 0:
        return 0.0
    if inside.shape[1] == 1:
        return float(1.0 - inside.min())
    return float(moocore.hypervolume(inside, ref=np.ones(inside.shape[1])))


def igd_plus(F: Floats, front: Floats, box: Box) -> float:
    """Modified inverted generational distance to a reference front, normalised; 0 is best.

    Source: Ishibuchi et al., EMO 2015.
    """
    return float(moocore.igd_plus(_some(F, box), ref=box.normalise(front))) if len(front) else float("nan")


def additive_epsilon(F: Floats, front: Floats, box: Box) -> float:
    """The least shift by which the points weakly dominate a reference front, normalised; 0 is best.

    Source: Zitzler et al., IEEE TEC 7(2), 2003.
    """
    return float(moocore.epsilon_additive(_some(F, box), ref=box.normalise(front))) if len(front) else float("nan")


def r2(F: Floats, box: Box) -> float:
    """Mean over weight vectors of the best weighted Chebyshev distance to the ideal point; 0 is best.

    Two objectives: exactly, over all weights. Three and more: over a Das-Dennis design of at most 100
    weights, since no exact algorithm is known.

    Source: Hansen and Jaszkiewicz, 1998; Brockhoff, Wagner, Trautmann, GECCO 2012; exact: Schäpermeier
    and Kerschke, 2025, computed by moocore.
    """
    points = _some(F, box)
    if points.shape[1] == 2:
        return float(moocore.r2_exact(points, ref=np.zeros(2)))
    distances = (_weights(points.shape[1])[:, None, :] * points[None, :, :]).max(axis=2)
    return float(distances.min(axis=1).mean())


def _some(F: Floats, box: Box) -> Floats:
    """Points (n, m), normalised; for an empty front the reference point, which is as bad as nothing at all."""
    return box.normalise(F) if len(F) else np.ones((1, len(box.ideal)))


def hamming_distances(cells: Ints) -> Ints:
    """Hamming distances (k, k) of cells (k,) as 17x17 matrices.

    It depends on the order of a cell's operations, hence on the stored member of its class;
    ``edit_distances`` does not.

    Source: Demir, Traoré, Camero, ESANN 2024.
    """
    codes = load_space().features(cells, "17x17").astype(np.float32)
    n_edges = codes.sum(axis=1)
    # Sums of at most 289 zeros and ones are exact in single precision.
    distances: NDArray[np.float32] = n_edges[:, None] + n_edges - 2 * (codes @ codes.T)
    return distances.astype(np.int64)


def edit_distances(cells: Ints) -> Ints:
    """Edit distances (k, k) of cells (k,): the fewest edges to flip and labels to change.

    Cells are padded to five interior vertices, whose label is an operation or "unused"; the least is
    taken over the 120 ways to match the interior vertices of one cell with those of the other. So it
    is a graph edit distance, a metric on the classes of isomorphic cells, whichever member is stored.
    Removing a vertex costs its edges and one change of label.
    """
    edges, labels = _aligned_codes(np.asarray(cells, dtype=np.int64))
    k = len(edges)
    if k == 0:
        return np.zeros((0, 0), dtype=np.int64)
    every = np.array(list(permutations(range(N_INTERIOR))))
    vertices = np.concatenate(
        (np.zeros((len(every), 1), int), every + 1, np.full((len(every), 1), MAX_VERTICES - 1)), axis=1
    )
    # A column holds 2ab for edges and ab for labels, so that one product counts both agreements.
    mine = np.concatenate((2.0 * edges.reshape(k, -1), labels.reshape(k, -1)), axis=1, dtype=np.float32).T
    n_edges = edges.sum(axis=(1, 2))
    best = np.empty((k, k), dtype=np.float32)
    for row in range(k):
        turned = edges[row][vertices[:, :, None], vertices[:, None, :]].reshape(len(every), -1)
        named = labels[row][every].reshape(len(every), -1)
        agreement = np.concatenate((turned, named), axis=1, dtype=np.float32) @ mine
        best[row] = agreement.max(axis=0)
    distances: NDArray[np.float32] = n_edges[:, None] + n_edges + N_INTERIOR - best
    return distances.astype(np.int64)


def mean_distance(distances: Ints) -> float:
    """The mean over pairs of different cells, of distances (k, k); 0 for fewer than two cells."""
    k = len(distances)
    return float(distances.sum() / (k * (k - 1))) if k > 1 else 0.0


def maximal_distance(distances: Ints) -> float:
    """The largest of distances (k, k); 0 for fewer than two cells."""
    return float(distances.max(initial=0))


def front_indicators(cells: Ints, F: Floats, *, box: Box, reference: Floats) -> dict[str, float]:
    """All of ``INDICATORS`` for a front.

    Args:
        cells: (k,) distinct, non-dominated cells.
        F: (k, m) theirs, minimised.
        reference: (r, m) the reference front, the true one where it is known.
    """
    points = deduplicated(F)
    volume, whole = hypervolume(points, box), hypervolume(reference, box)
    hamming, edit = hamming_distances(cells), edit_distances(cells)
    return {
        "hypervolume": volume,
        "hypervolume_share": volume / whole if whole else float("nan"),
        "igd_plus": igd_plus(points, reference, box),
        "additive_epsilon": additive_epsilon(points, reference, box),
        "r2": r2(points, box),
        "front_size": float(len(cells)),
        "mean_hamming": mean_distance(hamming),
        "max_hamming": maximal_distance(hamming),
        "mean_edit": mean_distance(edit),
        "max_edit": maximal_distance(edit),
    }


@lru_cache(maxsize=8)
def _weights(n_obj: int) -> Floats:
    return reference_directions(n_obj, _MOST_WEIGHTS)


def _aligned_codes(cells: Ints) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Adjacency (k, 7, 7) and one-hot labels (k, 5, 4) of the stored members, unused a label of its own."""
    space = load_space()
    edges = space.structure_adjacency[space.structure[cells]].astype(np.float32)
    used = np.arange(N_INTERIOR) < space.n_vertices[cells, None] - 2
    codes = np.where(used, space.padded_ops(cells), 3)
    return edges, (codes[:, :, None] == np.arange(4)).astype(np.float32)
