"""Measurements that took longer by one common factor, for a reason that has nothing to do with the cell."""

from __future__ import annotations

import math

import numpy as np

from eomoo.arrays import Floats
from eomoo.models.gaussian_process import Solver


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
