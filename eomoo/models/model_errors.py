"""How wrong a model has been of what it proposed, and how wrong it will be."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Floats

# A mean square of ten errors is known to within a factor of two.
_FEWEST = 10
# So many errors are kept: the model they belong to has been fitted anew tens of times since the first.
_MOST = 200
# Weight of the law without a constant: few squares say little of two numbers.
_PRIOR = 0.5
# Of the variances, which are parts of the target's; against a division by nothing.
_LEAST = 1e-12


class ModelErrors:
    """The last errors of a model at cells that it proposed, each with the standard deviation that it gave.

    Standard deviations are in parts of those of the values that the model was fitted to, which change from
    one fit to the next.

    Args:
        before: (k,) what is expected where a model knows nothing, until ten errors are known.
    """

    def __init__(self, before: Floats) -> None:
        self._before = before
        self._measured: Floats = np.empty((0, len(before)))
        self._predicted: Floats = np.empty((0, len(before)))
        self._stds: Floats = np.empty((0, len(before)))

    def __len__(self) -> int:
        return len(self._measured)

    @property
    def _errors(self) -> Floats:
        return self._measured - self._predicted

    def learn(self, measured: Floats, predicted: Floats, stds: Floats) -> None:
        """Take note of values (n, k), of what was predicted of them, and of the standard deviations given."""
        self._measured = np.concatenate((self._measured, measured))[-_MOST:]
        self._predicted = np.concatenate((self._predicted, predicted))[-_MOST:]
        self._stds = np.concatenate((self._stds, stds))[-_MOST:]

    def overall(self, last: int) -> Floats:
        """Root mean squares (k,) of the last errors."""
        if len(self) < _FEWEST:
            return self._before
        return np.asarray(np.sqrt(np.square(self._errors[-last:]).mean(axis=0)))

    def expected(self, stds: Floats, last: int) -> Floats:
        """Standard deviations (c, k) of the errors where the model gives these (c, k), after the last."""
        if len(self) < _FEWEST:
            return stds * self._before
        constant, slope = _law(np.square(self._errors[-last:]), np.square(self._stds[-last:]))
        return np.asarray(np.sqrt(constant + slope * np.square(stds)))

    def correlations(self, last: int) -> Floats:
        """Correlations (k, k) of the last errors with each other, to two digits; 0 before ten are known."""
        k = len(self._before)
        return np.zeros((k, k)) if len(self) < _FEWEST else _correlations(self._errors[-last:])

    def skill(self, last: int) -> Floats:
        """Rank correlations (k,) of what was predicted with what was measured, among the last; 1 before ten."""
        if len(self) < _FEWEST:
            return np.ones(len(self._before))
        k = len(self._before)
        # Cells of equal features have equal predictions, which must stay so.
        both = np.concatenate((self._measured[-last:], self._predicted[-last:]), axis=1)
        ranked: Floats = np.stack([_ranks(column) for column in both.T], axis=1)
        return np.asarray(np.diag(_correlations(ranked)[:k, k:]))


def _ranks(column: Floats) -> Floats:
    """Ranks (n,), equal values sharing their mean: ``rankdata``, without half a second to import scipy.stats."""
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def _correlations(values: Floats) -> Floats:
    """Correlations (k, k) of columns (n, k), rounded; 0 with a column that does not vary."""
    centred = values - values.mean(axis=0)
    # Summed row after row, so that the last bit is the same on every machine.
    products = (centred[:, :, None] * centred[:, None, :]).sum(axis=0)
    size = np.sqrt(np.diag(products))
    size[size == 0] = np.inf
    return np.asarray(np.round(products / size[:, None] / size, 2))


def _law(squares: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Constant and slope (k,), not negative, of squared errors (n, k) over a model's variances (n, k).

    The constant is what noise there is in the values; the slope is what the model does not know. Between
    the line fitted and one without a constant, halfway, since few squares say little.
    """
    mean, middle = squares.mean(axis=0), np.maximum(variances.mean(axis=0), _LEAST)
    through = mean / middle
    # Summed row after row, so that the last bit is the same on every machine.
    slope = ((variances - middle) * squares).sum(axis=0) / len(squares)
    slope /= np.maximum(np.var(variances, axis=0), _LEAST)
    slope = (1.0 - _PRIOR) * np.clip(slope, 0.0, through) + _PRIOR * through
    return mean - slope * middle, slope
