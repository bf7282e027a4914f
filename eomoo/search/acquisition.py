"""Which of many candidates would enlarge the dominated hypervolume most, in any number of objectives."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from eomoo.arrays import Floats, Ints, blocks
from eomoo.fronts import Box, non_dominated

# Products of so many bits, summed over at most 2^11 steps, fit into the 53 of a double.
_PROBABILITY_BITS, _GAIN_BITS = 22, 20

# Candidates at a time: their numbers for 256 steps stay in the processor's cache.
_FEW = 1 << 9

# Ends of the steps along a direction, as shares of the furthest predicted gain: finer near the front, where
# most of the probability lies. Set while tuning on seeds below 1001 of the studies in benchmarks/suite.py.
_STEP_ENDS = np.array([0.0, 0.1, 0.25, 0.5, 1.0])


def random_directions(n: int, m: int, rng: np.random.Generator) -> Floats:
    """Random directions (n, m), uniform on the part of the sphere where all components are positive."""
    # A component of zero would divide by zero.
    normal = np.abs(rng.standard_normal((n, m))) + 1e-9
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def scalarised_hypervolume(F: Floats, directions: Floats, box: Box) -> Floats:
    """Length along each direction from the reference point that each point dominates: (n, r).

    It is negative beyond the reference point. The mean over random directions of the largest length of a
    set to the power m is the set's hypervolume, but for a constant factor.

    Args:
        F: (n, m) points, minimised.
        directions: (r, m).

    Source: Zhang, Golovin, Random hypervolume scalarizations for provable multi-objective black box
    optimization, ICML 2020.
    """
    inside = (box.reference - F) / box.extent
    length = inside[:, 0, None] / directions[:, 0]
    for k in range(1, F.shape[1]):
        np.minimum(length, inside[:, k, None] / directions[:, k], out=length)
    return length


def z_score(mean: Floats, std: Floats, directions: Floats, best: Floats, box: Box) -> Floats:
    """Standard deviations (c,) by which each candidate is expected beyond the front, in its best direction.

    Args:
        mean: (c, m) what is predicted of the candidates.
        std: (c, m) its standard deviations, positive.
        directions: (r, m).
        best: (r,) scalarised hypervolume of the front.
    """
    inside, spread = _normalised(mean, std, box)
    goal = best[:, None] * directions
    beyond = (inside[:, 0, None] - goal[:, 0]) / spread[:, 0, None]
    for k in range(1, mean.shape[1]):
        np.minimum(beyond, (inside[:, k, None] - goal[:, k]) / spread[:, k, None], out=beyond)
    return np.asarray(beyond.max(axis=1))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How likely candidates keep limits, and what that has to do with their objectives.

    Attributes:
        kept: (c, g) probability of each candidate to keep each limit.
        objective: (g,) the objective whose errors go most with those of the limit's value.
        correlation: (g,) of these errors: 1 or -1 where the limit is one on the objective itself.
    """

    kept: Floats
    objective: Ints
    correlation: Floats

    @classmethod
    def of(cls, mean: Floats, std: Floats, correlations: Floats) -> Limits:
        """Of limits' predicted values (c, g), kept where <= 0, and correlations (m, g) with the objectives."""
        objective = np.abs(correlations).argmax(axis=0)
        correlation = np.take_along_axis(correlations, objective[None], axis=0)[0]
        return cls(kept=ndtr(-mean / std), objective=objective, correlation=correlation)

    def jointly(self, odds: NDArray[np.float32], k: int, here: slice) -> NDArray[np.float32]:
        """Probabilities (c, s) of a goal in objective k for some candidates, and of the limits that go with it too.

        Between independence and the bounds of what can be (Fréchet), by the correlation; exact where that
        is 0, 1 or -1: as much as an objective must be beyond its limit, it cannot be better than it.

        Source: the family of Fréchet's copulas, Nelsen, An Introduction to Copulas, 2006, section 2.2.
        """
        for j in np.flatnonzero(self.objective == k):
            kept, share = self.kept[here, j, None].astype(np.float32), np.float32(abs(self.correlation[j]))
            one = np.float32(1.0)
            bound = np.minimum(odds, kept) if self.correlation[j] > 0 else np.maximum(odds + kept - one, one - one)
            odds = ((one - share) * (odds * kept) + share * bound).astype(np.float32, copy=False)
        return odds


def improvement_probabilities(
    mean: Floats, std: Floats, directions: Floats, best: Floats, box: Box, step: float, limits: Limits | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities (c, s) that each candidate dominates steps beyond the front, and each step's gain (s,).

    The steps go along the directions, the first ones smaller. Their gains, weighted by the probabilities, add
    up to the expected improvement of the hypervolume but for a constant factor, where objectives are normal
    and independent of each other.

    Args:
        mean, std, directions, best, box: As for ``z_score``.
        step: Size of a small step in the normalised box; about a standard deviation.
        limits: Those that have to be kept too.
    """
    m = mean.shape[1]
    inside, spread = _normalised(mean, std, box)
    furthest = np.maximum(scalarised_hypervolume(mean, directions, box).max(axis=0) - best, 0.0) + 2.0 * step
    ends = best + np.multiply.outer(_STEP_ENDS, furthest)
    gain = np.diff(ends**m, axis=0).ravel()
    goal = ((ends[1:] + ends[:-1]) / 2.0).ravel()[:, None] * np.tile(directions, (len(_STEP_ENDS) - 1, 1))
    probability = np.ones((len(mean), len(goal)), dtype=np.float32)
    for here in blocks(len(mean), _FEW):
        for k in range(m):
            score = (inside[here, k, None] - goal[:, k]) / spread[here, k, None]
            odds: NDArray[np.float32] = ndtr(score.astype(np.float32))
            probability[here] *= odds if limits is None else limits.jointly(odds, k, here)
    return probability, gain.astype(np.float32)


def _normalised(mean: Floats, std: Floats, box: Box) -> tuple[Floats, Floats]:
    return (box.reference - mean) / box.extent, std / box.extent


def _whole(values: NDArray[np.float32], bits: int) -> Floats:
    """Values in steps of about their largest over 2^bits: whole numbers, in double precision."""
    _, exponent = np.frexp(float(values.max(initial=0.0)))
    return np.rint(np.ldexp(values.astype(np.float64), bits - int(exponent)))


def select_batch(probability: NDArray[np.float32], gain: NDArray[np.float32], n: int, otherwise: Floats) -> Ints:
    """Positions of n candidates, each the one that is expected to add most to those before it.

    The same on every machine: sums of products of whole numbers do not depend on the order in which a library
    of linear algebra adds them. Of equals, the first is taken.

    Greedy choice of a submodular function, computed lazily (Minoux 1978): the expected improvement of the
    whole batch, with candidates independent of each other.

    Args:
        probability: (c, s) that a candidate dominates a step.
        gain: (s,) of each step.
        n: Candidates wanted, at most c.
        otherwise: (c,) what the rest is chosen by, the largest first, once nothing is expected of any.
    """
    odds, left = _whole(probability, _PROBABILITY_BITS), _whole(gain, _GAIN_BITS)
    expected = odds @ left
    heap = [(-float(expected[j]), int(j)) for j in np.flatnonzero(expected > 0)]
    heapq.heapify(heap)
    batch: list[int] = []
    while heap and len(batch) < n:
        j = heap[0][1]
        now = float(odds[j] @ left)
        heapq.heapreplace(heap, (-now, j))
        if heap[0][1] != j:
            continue
        heapq.heappop(heap)
        if now > 0:
            batch.append(j)
            left = np.rint(left * (1.0 - probability[j]))
    if len(batch) < n:
        rest = otherwise.copy()
        rest[batch] = -np.inf
        batch += np.argsort(-rest, kind="stable")[: n - len(batch)].tolist()
    return np.array(batch, dtype=np.int64)


# Candidates at a time: their products with a front of fifty stay in the processor's cache.
_BLOCK = 1 << 11
_MOST_EXACT = 3
# Steps of the random-direction form end at these; as many as the model-guided search has.
_N_DIRECTIONS = 64
# Of the box's width: what is known exactly must have some deviation where directions are drawn.
_LEAST_STD = 1e-6


def expected_improvement(
    mean: Floats, std: Floats, front: Floats, box: Box, rng: np.random.Generator | None = None
) -> Floats:
    """By how much of the box's volume each candidate is expected to enlarge what the front dominates: (c,).

    Exact for up to three objectives, of which any may be known (deviation 0); beyond that a sum over random
    directions, in units of its own.

    Args:
        mean, std: (c, m) of the candidates' objectives, minimised, normal and independent.
        front: (k, m) points, minimised; those outside the box do not count.
        box: Its reference point bounds the volume.
        rng: For the random directions.

    Source: Emmerich, Giannakoglou, Naujoks, IEEE Trans. Evolutionary Computation 10(4), 2006; in the form of
    a sum over the cells of the grid that the front's values span (Couckuyt, Deschrijver, Dhaene, J. Global
    Optimization 60, 2014); beyond three objectives Zhang, Golovin, ICML 2020.
    """
    mean, std = box.normalise(mean), std / box.extent
    inside = box.normalise(front[box.contains(front)])
    inside = inside[non_dominated(inside)] if len(inside) else inside
    if mean.shape[1] > _MOST_EXACT:
        return _over_directions(mean, std, inside, rng if rng is not None else np.random.default_rng(0))
    parts = [_exact(mean[here], std[here], inside) for here in blocks(len(mean), _BLOCK)]
    return np.concatenate([np.empty(0), *parts])


def _exact(mean: Floats, std: Floats, front: Floats) -> Floats:
    m = mean.shape[1]
    if m == 1:
        return _below(mean[:, 0], std[:, 0], np.array([front.min(initial=1.0)]))[:, 0]
    if m == 2:
        front = front[np.argsort(front[:, 0])]
        widths = _steps(mean[:, 0], std[:, 0], front[:, 0])
        heights = _below(mean[:, 1], std[:, 1], np.concatenate(([1.0], front[:, 1])))
        return np.asarray((widths * heights).sum(axis=1))
    first, second = (np.sort(front[:, k]) for k in (0, 1))
    widths, depths = (_steps(mean[:, k], std[:, k], ends) for k, ends in ((0, first), (1, second)))
    heights = _below(mean[:, 2], std[:, 2], np.concatenate(([1.0], front[:, 2])))
    total = np.zeros(len(mean))
    for k, level in enumerate(_levels(front, first, second)):
        total += widths[:, k] * (depths * heights[:, level]).sum(axis=1)
    return total


def _levels(front: Floats, first: Floats, second: Floats) -> Ints:
    """(k + 1, k + 1) which member is the best in the third objective in each cell of the grid, from 1 on; 0: none."""
    at = np.concatenate(([-np.inf], first)), np.concatenate(([-np.inf], second))
    there = (front[:, 0] <= at[0][:, None])[:, None, :] & (front[:, 1] <= at[1][:, None])[None, :, :]
    third = np.concatenate((np.ones((*there.shape[:2], 1)), np.where(there, front[:, 2], np.inf)), axis=2)
    return np.asarray(third.argmin(axis=2))


def _steps(mean: Floats, std: Floats, ends: Floats) -> Floats:
    """Expected length (c, k + 1) that a value covers of each stretch between sorted ends (k,), up to 1."""
    below = _below(mean, std, np.concatenate((ends, [1.0])))
    return np.diff(below, axis=1, prepend=0.0)


def _below(mean: Floats, std: Floats, ends: Floats) -> Floats:
    """Expected length (c, k) by which a normal value is below each end (k,)."""
    gap = ends - mean[:, None]
    known = std[:, None] <= 0
    spread = np.where(known, 1.0, std[:, None])
    score = gap / spread
    density = np.exp(-0.5 * score**2) / np.sqrt(2.0 * np.pi)
    return np.where(known, np.maximum(gap, 0.0), np.maximum(spread * (score * ndtr(score) + density), 0.0))


def _over_directions(mean: Floats, std: Floats, front: Floats, rng: np.random.Generator) -> Floats:
    m = mean.shape[1]
    unit = Box(ideal=np.zeros(m), reference=np.ones(m))
    directions = random_directions(_N_DIRECTIONS, m, rng)
    best = np.zeros(_N_DIRECTIONS)
    if len(front):
        best = np.maximum(scalarised_hypervolume(front, directions, unit).max(axis=0), 0.0)
    step = float(std.mean()) + _LEAST_STD
    found = improvement_probabilities(mean, np.maximum(std, _LEAST_STD), directions, best, unit, step)
    return np.asarray((found[0].astype(np.float64) * found[1]).sum(axis=1) / (_N_DIRECTIONS * m))
