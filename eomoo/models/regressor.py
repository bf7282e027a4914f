"""What every model of features answers, however it was fitted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Floats, Ints, Numbers
from eomoo.models.recipes import Recipe


class Regressor(ABC):
    """Means, deviations and joint draws of m targets, by features (k, d).

    Attributes:
        recipe: How it was fitted.
    """

    recipe: Recipe

    def predict(self, features: ArrayLike) -> tuple[Floats, Floats]:
        """Means and standard deviations (k, m) each, in the targets' units, for features (k, d)."""
        mean, std, _ = self.predict_and_place(features)
        return mean, std

    @abstractmethod
    def predict_and_place(self, features: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """As ``predict``, and how unlike (k,) the nearest known cell is: 0 for itself, 1 far from all."""

    @abstractmethod
    def errors(self, k: int, n: int, *, seed: int) -> Callable[[NDArray[np.float32]], Floats]:
        """Joint draws of the k-th target's errors, in deviations: features (c, d) -> (n, c).

        A cell has the same errors in whatever company it is asked for.
        """

    @abstractmethod
    def around(self, k: int, mean: Floats, deviation: Floats, errors: Floats, *, noise: Floats | None = None) -> Floats:
        """Draws (n, c) of expected values from what ``predict`` said (c,) and errors (n, c), as ``errors`` gives.

        With standard normal numbers (n, c) for noise, of single measurements.
        """

    @abstractmethod
    def ignorance(self, k: int, mean: Floats, deviation: Floats) -> Floats:
        """Standard deviations (c,) of expected values from what ``predict`` said (c,): less measurement noise."""

    def draw(
        self, features: ArrayLike, n: int, *, seed: int, noise: bool = False, deviations: Floats | None = None
    ) -> Floats:
        """Joint draws (n, k, m) of the targets' expected values at features (k, d), in the targets' units.

        Their mean and deviation are those of ``predict``, less the noise of a single measurement; what the
        process does not know is drawn as functions (see ``Paths``), so that cells that are alike err
        alike. Targets are independent of each other.

        Args:
            features: (k, d).
            seed: The same seed gives the same draws.
            noise: Whether each draw is what one measurement of each cell would say.
            deviations: (k, m), where they are not those of ``predict``.
        """
        X = np.asarray(features)
        first, place = _distinct(X)
        mean, std = (part[place] for part in self.predict(X[first]))
        std = std if deviations is None else deviations
        drawn = np.empty((n, *mean.shape))
        for k in range(mean.shape[1]):
            errors = self.errors(k, n, seed=seed)(X[first])[:, place]
            own = np.random.default_rng([seed, k, 1]).standard_normal(errors.shape) if noise else None
            drawn[:, :, k] = self.around(k, mean[:, k], std[:, k], errors, noise=own)
        return drawn


def _distinct(X: Numbers) -> tuple[Ints, Ints]:
    """The first row of each kind among rows (k, d), and for each row (k,) which of them is its equal."""
    rows = np.ascontiguousarray(X).view(np.dtype((np.void, X.dtype.itemsize * X.shape[1]))).ravel()
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    return first, place.ravel()
