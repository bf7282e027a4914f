"""Which of many candidates would enlarge the dominated hypervolume most, in any number of objectives."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["Frame", "choose_batch", "directions", "improvement_odds", "margin", "reach"]

_Array = NDArray[np.float64]

_EDGES = np.array([0.0, 0.1, 0.25, 0.5, 1.0])


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The box in which hypervolume is gained: its best corner and its reference point, (m,) each."""

    ideal: _Array
    reference: _Array

    @classmethod
    def around(cls, front: _Array, first: _Array, reference: _Array | None) -> Frame:
        """The box of a front (k, m) up to a reference point (m,).

        Without one, or with one that nothing reaches yet, it reaches a little beyond the front, and at least
        to where nine in ten of the first evaluated points (n, m) lie: a box no wider than today's front would
        hide how far it could go.
        """
        ideal = front.min(axis=0)
        worst = reference
        if worst is None or not (front < worst).all(axis=1).any():
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


def margin(mean: _Array, deviation: _Array, rays: _Array, best: _Array, frame: Frame) -> _Array:
    """By how many standard deviations (c,) each candidate is expected beyond the front, at its best ray.

    Args:
        mean: (c, m) what is predicted of the candidates.
        deviation: (c, m) standard deviations, positive.
        rays: (r, m) directions.
        best: (r,) reach of the front.
        frame: The box.
    """
    inside, doubt = _inside(mean, deviation, frame)
    goal = best[:, None] * rays
    beyond = (inside[:, 0, None] - goal[:, 0]) / doubt[:, 0, None]
    for k in range(1, mean.shape[1]):
        np.minimum(beyond, (inside[:, k, None] - goal[:, k]) / doubt[:, k, None], out=beyond)
    most: _Array = beyond.max(axis=1)
    return most


def improvement_odds(
    mean: _Array, deviation: _Array, rays: _Array, best: _Array, frame: Frame, step: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The odds (c, s) that each candidate dominates steps beyond the front, and what each step is worth (s,).

    The steps go along the rays, the first ones smaller. Their sum, weighted, is the expected improvement of
    the hypervolume but for a constant factor, where objectives are normal and independent of each other.

    Args:
        mean, deviation, rays, best, frame: As for ``margin``.
        step: Size of a small step in the normalised box; about a deviation.
    """
    m = mean.shape[1]
    inside, doubt = _inside(mean, deviation, frame)
    furthest = np.maximum(reach(mean, rays, frame).max(axis=0) - best, 0.0) + 2.0 * step
    edges = best + np.multiply.outer(_EDGES, furthest)
    worth = np.diff(edges**m, axis=0).ravel()
    goal = ((edges[1:] + edges[:-1]) / 2.0).ravel()[:, None] * np.tile(rays, (len(_EDGES) - 1, 1))
    odds = np.ones((len(mean), len(goal)), dtype=np.float32)
    for k in range(m):
        score = (inside[:, k, None] - goal[:, k]) / doubt[:, k, None]
        odds *= ndtr(score.astype(np.float32))
    return odds, worth.astype(np.float32)


def _inside(mean: _Array, deviation: _Array, frame: Frame) -> tuple[_Array, _Array]:
    extent = frame.reference - frame.ideal
    return (frame.reference - mean) / extent, deviation / extent


def choose_batch(
    odds: NDArray[np.float32], worth: NDArray[np.float32], n: int, instead: _Array
) -> NDArray[np.int64]:
    """Positions of n candidates, each the one that is expected to add most to those before it.

    Greedy choice of a submodular gain, computed lazily (Minoux 1978): the expected improvement of the whole
    batch, with candidates independent of each other.

    Args:
        odds: (c, s) odds that a candidate dominates a step.
        worth: (s,) what a step is worth.
        n: Candidates wanted, at most c.
        instead: (c,) what the rest is chosen by, the largest first, once nothing is expected of any.
    """
    left = worth.copy()
    gain = odds @ left
    heap = [(-float(gain[j]), int(j)) for j in np.flatnonzero(gain > 0)]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < n:
        j = heap[0][1]
        now = float(odds[j] @ left)
        heapq.heapreplace(heap, (-now, j))
        if heap[0][1] != j:
            continue
        heapq.heappop(heap)
        if now > 0:
            chosen.append(j)
            left *= 1.0 - odds[j]
    if len(chosen) < n:
        rest = instead.copy()
        rest[chosen] = -np.inf
        chosen += np.argsort(-rest, kind="stable")[: n - len(chosen)].tolist()
    return np.array(chosen, dtype=np.int64)
