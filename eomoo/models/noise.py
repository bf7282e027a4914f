"""How much noise measurements have, and what repeated ones are worth."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Floats
from eomoo.models.gaussian_process import Solver, covariance
from eomoo.models.recipes import Recipe

TRIED = 250
"""Cells from which the noise is chosen: an inverse of so many takes some milliseconds."""


def weights_of(repeats: Floats | None, noise: Floats) -> Floats | None:
    """Weights (n,) of means of repeated measurements, one alone 1: as noise of all (m,) targets' variance lessens."""
    share = min(float(noise.mean()), 1.0)
    return None if repeats is None else np.asarray(1.0 / (share / repeats + 1.0 - share))


class Solvers:
    """Solvers of one kernel matrix by noise, each made when it is first asked for."""

    def __init__(self, covariance: Floats, exact: bool, repeats: Floats | float) -> None:
        self._covariance, self._exact, self._repeats = covariance, exact, repeats
        self._made: dict[float, Solver] = {}

    def __getitem__(self, noise: float) -> Solver:
        if noise not in self._made:
            self._made[noise] = Solver(self._covariance, noise / self._repeats, exact=self._exact)
        return self._made[noise]


def best_noise(recipe: Recipe, Z: Floats, Y: Floats, repeats: Floats, floor: Floats) -> Floats:
    """The noise (m,) with which each target (n, m) is best predicted from all its others.

    What a model does not explain is noise too: it is at least what was measured (m,), where that is among the tried.
    """
    assert recipe.kernel is not None
    errors, solvers = [], Solvers(covariance(Z, recipe.kernel), recipe.exact, repeats)
    for level in recipe.noises:
        left_out = [solvers[level].left_out_residuals(y) for y in Y.T]
        too_low = (level < floor) & (level < max(recipe.noises))
        errors.append(np.where(too_low, np.inf, [np.square(residual).mean() for residual in left_out]))
    best: Floats = np.array(recipe.noises)[np.argmin(errors, axis=0)]
    return best
