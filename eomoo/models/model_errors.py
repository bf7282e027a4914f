"""How wrong a model has been of what it proposed, and how wrong it will be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ModelErrors"]

_Array = NDArray[np.float64]

_FEWEST = 10
_MOST = 200
_PRIOR = 0.5


class ModelErrors:
    """The last errors of a model at cells that it proposed, each with the doubt that it had.

    Args:
        before: (k,) deviations taken for granted until ten errors are known.
    """

    def __init__(self, before: _Array) -> None:
        self._before = before
        self._errors: _Array = np.empty((0, len(before)))
        self._doubts: _Array = np.empty(0)

    def __len__(self) -> int:
        return len(self._errors)

    def learn(self, errors: _Array, doubts: _Array) -> None:
        """Take note of errors (n, k) at cells of such doubts (n,)."""
        self._errors = np.concatenate((self._errors, errors))[-_MOST:]
        self._doubts = np.concatenate((self._doubts, doubts))[-_MOST:]

    def overall(self, last: int) -> _Array:
        """Root mean squares (k,) of the last errors."""
        if len(self._errors) < _FEWEST:
            return self._before
        rms: _Array = np.sqrt(np.square(self._errors[-last:]).mean(axis=0))
        return rms

    def expected(self, doubts: _Array, last: int) -> _Array:
        """Standard deviations (c, k) of the errors at cells of such doubts (c,), after the last errors."""
        if len(self._errors) < _FEWEST:
            return doubts[:, None] * self._before
        constant, slope = _law(np.square(self._errors[-last:]), np.square(self._doubts[-last:]))
        deviations: _Array = np.sqrt(constant + slope * np.square(doubts)[:, None])
        return deviations


def _law(squares: _Array, doubt: _Array) -> tuple[_Array, _Array]:
    """Constant and slope (k,), not negative, of squared errors (n, k) over squared doubts (n,).

    The constant is what noise there is in the values; the slope is what the model does not know. Between
    the line fitted and one without a constant, halfway, since few squares say little.
    """
    mean, middle = squares.mean(axis=0), doubt.mean()
    through = mean / middle
    variance = float(np.var(doubt))
    slope = ((doubt - middle) @ squares) / len(doubt) / max(variance, 1e-12)
    slope = (1.0 - _PRIOR) * np.clip(slope, 0.0, through) + _PRIOR * through
    return mean - slope * middle, slope
