"""Which of many candidates would enlarge the dominated hypervolume most, in any number of objectives."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Frame", "choose_batch", "directions", "reach"]

_Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The box in which hypervolume is gained: its best corner and its reference point, (m,) each."""

    ideal: _Array
    reference: _Array

    @classmethod
    def around(cls, front: _Array, first: _Array, reference: _Array | None) -> Frame:
        """The box of a front (k, m) up to a reference point (m,).

        Without one, it reaches a little beyond the front, and at least to where nine in ten of the first
        evaluated points (n, m) lie: a box no wider than today's front would hide how far it could go.
        """
        ideal = front.min(axis=0)
        worst = reference
        if worst is None:
            beyond = front.max(axis=0) + 0.1 * np.ptp(front, axis=0)
            worst = np.maximum(beyond, np.quantile(first, 0.9, axis=0))
        least = 1e-6 * np.maximum(np.abs(ideal), 1.0)
        return cls(ideal=ideal, reference=np.maximum(worst, ideal + least))


def directions(n: int, m: int, rng: np.random.Generator) -> _Array:
    """Random directions (n, m), uniform on the part of the sphere where all components are positive."""
    normal = np.abs(rng.standard_normal((n, m))) + 1e-9
    unit: _Array = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return unit


def reach(F: _Array, rays: _Array, frame: Frame) -> _Array:
    """How far along each ray from the reference point each point dominates: (n, r); negative beyond it.

    The mean over random rays of the largest reach of a set to the power m is its hypervolume, but for a
    constant factor.

    Args:
        F: (n, m) points, minimised.
        rays: (r, m) directions.
        frame: The box.

    Source: Zhang, Golovin, Random hypervolume scalarizations for provable multi-objective black box
    optimization, ICML 2020.
    """
    inside = (frame.reference - F) / (frame.reference - frame.ideal)
    length = inside[:, 0, None] / rays[:, 0]
    for k in range(1, F.shape[1]):
        np.minimum(length, inside[:, k, None] / rays[:, k], out=length)
    return length


def choose_batch(length: _Array, best: _Array, n: int, m: int) -> NDArray[np.int64]:
    """Positions of n candidates, each the one that adds most hypervolume to those before it.

    Greedy choice of a submodular gain, computed lazily (Minoux 1978). When no candidate gains anything,
    those follow that fall short of the front least.

    Args:
        length: (c, r) reach of the candidates.
        best: (r,) largest reach of the front.
        n: Candidates wanted, at most c.
        m: Number of objectives.
    """
    covered = np.maximum(best, 0.0) ** m
    volume = np.maximum(length, 0.0) ** m
    gain = np.maximum(volume - covered, 0.0).sum(axis=1)
    hopeful = np.flatnonzero(gain > 0)
    heap = [(-gain[j], int(j)) for j in hopeful]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < n:
        _, j = heap[0]
        now = float(np.maximum(volume[j] - covered, 0.0).sum())
        heapq.heapreplace(heap, (-now, j))
        if heap[0][1] != j:
            continue
        heapq.heappop(heap)
        if now > 0:
            chosen.append(j)
            np.maximum(covered, volume[j], out=covered)
    if len(chosen) < n:
        shortfall = (length - best).max(axis=1)
        shortfall[chosen] = -np.inf
        rest = np.argsort(-shortfall, kind="stable")[: n - len(chosen)]
        return np.concatenate((np.array(chosen, dtype=np.int64), rest))
    return np.array(chosen, dtype=np.int64)
