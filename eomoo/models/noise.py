"""How much noise measurements have, what repeated ones are worth, and which took longer by a common factor."""

from __future__ import annotations

import math

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.models.gaussian_process import Solver, covariance
from eomoo.models.recipes import Recipe

TRIED = 250
"""Cells from which the noise is chosen: an inverse of so many takes some milliseconds."""


def weights_of(repeats: Floats | None, noise: Floats) -> Floats | None:
    """Weights (n,) of means of repeated measurements, one alone 1: as noise of all (m,) targets' variance lessens."""
    share = min(float(noise.mean()), 1.0)
    return None if repeats is None else np.asarray(1.0 / (share / repeats + 1.0 - share))


def best_noise(recipe: Recipe, Z: Floats, Y: Floats, repeats: Floats, floor: Floats) -> Floats:
    """The noise (m,) with which each target (n, m) is best predicted from all its others.

    What a model does not explain is noise too: it is at least what was measured (m,), where that is among the tried.
    """
    assert recipe.kernel is not None
    errors, known = [], covariance(Z, recipe.kernel)
    for level in recipe.noises:
        solver = Solver(known, level / repeats, exact=recipe.exact)
        left_out = [solver.left_out_residuals(y) for y in Y.T]
        too_low = (level < floor) & (level < max(recipe.noises))
        errors.append(np.where(too_low, np.inf, [np.square(residual).mean() for residual in left_out]))
    return np.asarray(np.array(recipe.noises)[np.argmin(errors, axis=0)])


def slow_runs(y: Floats, solver: Solver) -> tuple[Floats, float, float]:
    """How surely each run was slow (n,), the share of slow runs, and by how much their y is larger.

    Expectation and maximisation on the residuals that a Gaussian process leaves when each run in turn
    is left out; the process is fitted again to the corrected values.
    """
    slow, share, shift = np.zeros(len(y)), 0.0, 0.0
    for _ in range(5):
        corrected = y - shift * slow
        mean = math.fsum(corrected) / len(y)
        residual = y - corrected + solver.left_out_residuals(corrected - mean)
        slow, share, shift = _two_normals(residual)
    return slow, share, shift


def _two_normals(x: Floats) -> tuple[Floats, float, float]:
    """Membership (n,) in the upper of two normal distributions of one width, its share, the distance."""
    low, high = float(np.percentile(x, 25)), float(np.percentile(x, 90))
    width, share = (high - low) / 3.0 or 1.0, 0.25
    upper = np.zeros(len(x))
    for _ in range(50):
        gain = ((x - low) ** 2 - (x - high) ** 2) / (2.0 * width * width)
        # Rounded against the last bits in which exponentials differ between processors.
        upper = np.round(1.0 / (1.0 + (1.0 - share) / share * np.exp(-np.clip(gain, -50, 50))), 9)
        share = min(max(math.fsum(upper) / len(x), 1e-3), 0.5)
        low = math.fsum((1 - upper) * x) / max(math.fsum(1 - upper), 1e-9)
        high = math.fsum(upper * x) / max(math.fsum(upper), 1e-9)
        width = math.sqrt(math.fsum((1 - upper) * (x - low) ** 2 + upper * (x - high) ** 2) / len(x)) or 1.0
    return upper, share, high - low


def room(values: Floats, best: float) -> Floats:
    """How far values (n,) are from the best that can be, which is what they scatter in parts of.

    Of the So2Sat table's errors (``benchmarks/tables``) another seed changes the best fifth, 2.2 %, by 0.9 points, and
    the worst, 11 %, by 3.0. 1 where there is no best value, or values are not all on one side of it.
    """
    left = values - best
    there = left[np.isfinite(left)]
    one_side = (there > 0).all() or (there < 0).all()
    return np.abs(left) if np.isfinite(best) and one_side else np.ones(len(values))


# Of fewer repeated cells nothing is learnt of how alike their deviations are.
_LEAST_ALIKE = 10
# Repeats that agree to the last digit had luck, or are rounded: of the middle variance, as limma has it.
_LEAST_VARIANCE = 1e-5
# Of the prior, degrees of freedom from which on all deviations count as equal.
_MANY = 1e4


def moderated(squares: Floats, freedom: Ints) -> Floats:
    """Variances (n,) from sums of squares (n,) with few degrees of freedom (n,), drawn towards a common one.

    Of means of two measurements 70 % lie within two of their own standard errors of the truth, of three 81 %; drawn
    towards each other 88 to 95 and 93 to 95 %, the fewer the less alike they are (``benchmarks/repeats.py``). How much
    each is trusted depends on that: on the degrees of freedom of the scaled inverse chi-squared distribution that they
    are from.

    Source: Smyth, Statistical Applications in Genetics and Molecular Biology 3(1), 2004.
    """
    own = squares / freedom
    middle = float(np.median(own)) if len(own) >= _LEAST_ALIKE else 0.0
    if middle == 0.0:
        return np.asarray(own)

    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    half = freedom / 2.0
    logs = np.log(np.maximum(own, _LEAST_VARIANCE * middle)) - digamma(half) + np.log(half)
    apart = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if apart <= polygamma(1, _MANY / 2.0):
        return np.full(len(own), squares.sum() / freedom.sum())
    prior = 2.0 * float(brentq(lambda x: polygamma(1, x) - apart, 1e-3, _MANY))
    common = float(np.exp(logs.mean() + digamma(prior / 2.0) - np.log(prior / 2.0)))
    # The mean of the variance, which is larger than its middle: two degrees less, of few no fewer than two.
    return np.asarray((prior * common + squares) / np.maximum(prior + freedom - 2.0, 2.0))
