"""The box in which objectives are normalised and hypervolume is measured, and directions in it."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from eomoo.arrays import Bools, Floats
from eomoo.errors import SettingError

# Far above the 2e-16 of double precision, far below any difference that matters.
_STEP = 1e-9


@dataclass(frozen=True, kw_only=True)
class Box:
    """From the ideal point, which is 0 when normalised, to the reference point, which is 1.

    Attributes:
        ideal: (m,) the best value of each objective, minimised.
        reference: (m,) the reference point, worse than the ideal in every objective; a nadir point
            where fronts are compared with themselves.
    """

    ideal: Floats
    reference: Floats

    def __post_init__(self) -> None:
        if not (self.reference > self.ideal).all():
            raise SettingError(f"the reference point {self.reference} must be worse than the ideal point {self.ideal}")

    @classmethod
    def of(cls, points: Floats, *, margin: float) -> Box:
        """The box that points (n, m) span, beyond the worst by a share of its own width.

        An objective that is the same everywhere gets a box of some width.
        """
        ideal, worst = points.min(axis=0), points.max(axis=0)
        return cls(ideal=ideal, reference=worst + np.maximum(margin * (worst - ideal), _step(ideal, worst)))

    @classmethod
    def up_to(cls, reference: Floats, ideal: Floats) -> Box:
        """The box below a reference point, whose ideal point may turn out to be beyond it."""
        return cls(ideal=np.minimum(ideal, reference - _step(ideal, reference)), reference=reference)

    @property
    def extent(self) -> Floats:
        """(m,) its width in each objective."""
        return self.reference - self.ideal

    def normalise(self, F: Floats) -> Floats:
        """Points (n, m) with the ideal point at 0 and the reference point at 1."""
        return (F - self.ideal) / self.extent

    def contains(self, F: Floats) -> Bools:
        """(n,) which points (n, m) are better than the reference point in every objective."""
        return np.asarray((self.normalise(F) < 1.0).all(axis=1))


def by_range(F: Floats) -> Floats:
    """Points (n, m), each objective from 0, its best, to 1, its worst, or 0 where it is a constant."""
    low, width = F.min(axis=0), np.ptp(F, axis=0)
    return np.asarray((F - low) / np.where(width > 0, width, 1.0))


def _step(a: Floats, b: Floats) -> Floats:
    """(m,) widths that are not lost beside the values, in whatever unit these are."""
    size = np.maximum(np.abs(a), np.abs(b))
    return _STEP * np.where(size > 0, size, 1.0)


def reference_directions(n_obj: int, most: int) -> Floats:
    """The largest Das-Dennis design (k, n_obj) of at most ``most`` directions, each of sum 1.

    Source: Das, Dennis, SIAM Journal on Optimization 8(3), 1998; made by pymoo.
    """
    from pymoo.util.ref_dirs import get_reference_directions

    # One objective has one direction, whatever the partitions.
    partitions = 1
    while n_obj > 1 and comb(partitions + n_obj, n_obj - 1) <= most:
        partitions += 1
    return np.asarray(get_reference_directions("das-dennis", n_obj, n_partitions=partitions))
