"""How good a front is: every indicator in one place, on minimised and deduplicated fronts."""

from __future__ import annotations

from dataclasses import dataclass

import moocore
import numpy as np
from numpy.typing import NDArray

from eomoo.errors import SettingError
from eomoo.search.dominance import non_dominated

__all__ = ["Scale", "additive_epsilon", "deduplicated", "hypervolume", "igd_plus", "r2"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The box in which objectives are normalised: ``ideal`` -> 0, ``reference`` -> 1.

    Attributes:
        ideal: (m,) the best value of each objective, minimised.
        reference: (m,) the reference point, worse than the ideal in every objective.
    """

    ideal: NDArray[np.float64]
    reference: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not (self.reference > self.ideal).all():
            raise SettingError(
                f"the reference point {self.reference} must be worse than the ideal point {self.ideal}"
            )

    def __call__(self, F: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, m) normalised."""
        scaled: NDArray[np.float64] = (F - self.ideal) / (self.reference - self.ideal)
        return scaled


def deduplicated(F: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distinct non-dominated vectors among points (n, m), sorted."""
    finite = F[np.isfinite(F).all(axis=1)]
    return np.unique(finite[non_dominated(finite)], axis=0)


def hypervolume(F: NDArray[np.float64], scale: Scale) -> float:
    """Volume dominated by points (n, m) within the normalised box: 0 (nothing) to 1 (the ideal point).

    Source: Zitzler and Thiele, PPSN 1998; computed by moocore.
    """
    points = scale(F[np.isfinite(F).all(axis=1)])
    inside = points[(points < 1.0).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    if inside.shape[1] == 1:
        return float(1.0 - inside.min())
    return float(moocore.hypervolume(inside, ref=np.ones(inside.shape[1])))


def igd_plus(F: NDArray[np.float64], front: NDArray[np.float64], scale: Scale) -> float:
    """Modified inverted generational distance to a reference front, normalised; 0 is best.

    Source: Ishibuchi et al., EMO 2015.
    """
    return float(moocore.igd_plus(scale(F), ref=scale(front))) if len(F) else float("inf")


def additive_epsilon(F: NDArray[np.float64], front: NDArray[np.float64], scale: Scale) -> float:
    """The least shift by which the points weakly dominate a reference front, normalised; 0 is best.

    Source: Zitzler et al., IEEE TEC 7(2), 2003.
    """
    return float(moocore.epsilon_additive(scale(F), ref=scale(front))) if len(F) else float("inf")


def r2(F: NDArray[np.float64], scale: Scale, *, n_weights: int = 100) -> float:
    """Mean over weight vectors of the best weighted Chebyshev distance to the ideal point; 0 is best.

    Weights are a Das-Dennis design of at most ``n_weights`` vectors.

    Source: Hansen and Jaszkiewicz, 1998; Brockhoff, Wagner, Trautmann, GECCO 2012.
    """
    from eomoo.search.algorithms import reference_directions

    if len(F) == 0:
        return float("inf")
    weights = reference_directions(F.shape[1], n_weights)
    distances = (weights[:, None, :] * scale(F)[None, :, :]).max(axis=2)
    return float(distances.min(axis=1).mean())
