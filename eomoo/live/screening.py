"""Which candidates are trained fully, after a few epochs of all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from eomoo.checks import number
from eomoo.fronts import Objectives


class Screening:
    """Chooses the candidates that may be better than every fully trained one.

    What a candidate may reach is its objectives after a few epochs, with the errors lowered by what
    full training hopefully gains. What is not chosen is dominated even then, so that a front holds
    fully trained networks only.

    Args:
        objectives: What full training is to improve, m of them.
        trained: (m,) bool, which objectives full training changes.
        quantile: See ``expected_gain``.

    Raises:
        SettingError: (a ValueError) The quantile is not in [0, 1].
    """

    def __init__(self, objectives: Objectives, trained: NDArray[np.bool_], *, quantile: float = 0.75) -> None:
        self.objectives, self.trained = objectives, trained
        self.quantile = number("screen_quantile", quantile, least=0, most=1)
        self.short = np.empty((0, objectives.n))
        self.full = np.empty((0, objectives.n))

    def values(
        self, short: NDArray[np.float64], train: Callable[[NDArray[np.int64]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Objectives (n, m) of candidates, after full training where those after a few epochs were promising.

        ``train`` trains candidates, given their positions (k,), fully, and gives their objectives (k, m).
        """
        values, rest = short.copy(), np.arange(len(short))
        # Full training may disappoint; then others become promising, until none is left.
        while len(rest):
            chosen = rest[self.choose(short[rest])]
            if not len(chosen):
                break
            values[chosen] = train(chosen)
            self.remember(short[chosen], values[chosen])
            rest = np.setdiff1d(rest, chosen)
        return values

    def choose(self, short: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which candidates with objectives (n, m) after a few epochs to train fully, (n,): none that failed (NaN)."""
        gain = np.zeros(self.objectives.n)
        gain[self.trained] = expected_gain(
            self.short[:, self.trained], self.full[:, self.trained], quantile=self.quantile
        )
        failed = np.any(np.isnan(short), axis=1)
        done = self.full[np.all(np.isfinite(self.full), axis=1)]
        hoped = np.where(failed[:, None], np.inf, self.objectives.minimise(short) - gain)
        chosen: NDArray[np.bool_] = promising(hoped, done) & ~failed
        return chosen

    def remember(self, short: NDArray[np.float64], full: NDArray[np.float64]) -> None:
        """Objectives (n, m) of candidates before and after full training."""
        self.short = np.concatenate((self.short, self.objectives.minimise(short)))
        self.full = np.concatenate((self.full, self.objectives.minimise(full)))


def expected_gain(
    short: NDArray[np.float64], full: NDArray[np.float64], *, quantile: float = 0.75
) -> NDArray[np.float64]:
    """How much full training hopefully lowers the errors (n, m) of candidates, by objective (m,).

    It is a quantile over what was trained fully, of which 1 is the largest gain seen and promotes the most;
    infinite as long as fewer than three candidates, too few for a quantile, are known.
    """
    known = np.isfinite(short).all(axis=1) & np.isfinite(full).all(axis=1)
    if known.sum() < 3:
        return np.full(short.shape[1], np.inf)
    gain: NDArray[np.float64] = np.quantile(short[known] - full[known], quantile, axis=0)
    return gain


def promising(hoped: NDArray[np.float64], full: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which candidates, by what they may reach (n, m), no fully trained one (k, m) equals or dominates, (n,)."""
    better = np.any(hoped[:, None] < full[None], axis=2)
    return np.asarray(np.all(better, axis=1), dtype=np.bool_)
