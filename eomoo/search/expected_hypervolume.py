"""Expected improvement of the dominated hypervolume in closed form, of one to three independent objectives."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from eomoo.arrays import Floats, Ints
from eomoo.fronts import Box, non_dominated
from eomoo.search.acquisition import improvement_probabilities, random_directions, scalarised_hypervolume

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
    blocks = range(0, len(mean), _BLOCK)
    parts = [_exact(mean[k : k + _BLOCK], std[k : k + _BLOCK], inside) for k in blocks]
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
