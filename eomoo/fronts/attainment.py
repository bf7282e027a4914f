"""Which regions of objective space the fronts of several runs attain, of two objectives."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np

from eomoo.arrays import Floats
from eomoo.checks import array, number, several
from eomoo.errors import SettingError


def attainment_surfaces(
    fronts: Sequence[Floats], *, percentiles: Sequence[float] = (25, 50, 75)
) -> dict[float, Floats]:
    """Empirical attainment surfaces of runs.

    Args:
        fronts: The front (k, 2) of each run, minimised; a run that found nothing has none of its points.
        percentiles: Shares of runs, in percent.

    Returns:
        For each percentile the corners (c, 2) of the region that this share of runs attained.

    Raises:
        SettingError: (a ValueError) There is no run, a front is not of two objectives, or a share is none.

    Source: Grunert da Fonseca, Fonseca, Hall, EMO 2001; computed by moocore.
    """
    shares = {p: number("a percentile", p, least=0, most=100) for p in several(percentiles)}
    points = _numbered(fronts)
    found = moocore.eaf(points[:, :2], points[:, 2], percentiles=list(shares.values()))
    found = found[np.isfinite(found).all(axis=1)]
    return {p: found[found[:, 2] == share][:, :2] for p, share in shares.items()}


def attainment_difference(first: Sequence[Floats], second: Sequence[Floats]) -> Floats:
    """Where the runs of one algorithm attain more often than those of another.

    Args:
        first, second: Fronts (k, 2) of equally many runs, minimised.

    Returns:
        (b, 5) boxes: their best corner, their worst corner (which may be infinite), and the share of
        runs, from -1 to 1, by which the first is ahead in them.

    Raises:
        SettingError: (a ValueError) The numbers of runs differ or are 0, or a front is not of two objectives.

    Source: López-Ibáñez, Paquete, Stützle, Experimental Methods for the Analysis of Optimization
    Algorithms, 2010; computed by moocore.
    """
    first, second = list(several(first)), list(several(second))
    if len(first) != len(second):
        raise SettingError(f"attainment is compared over equal numbers of runs; got {len(first)} and {len(second)}")
    everywhere = [moocore.eaf(points[:, :2], points[:, 2]) for points in map(_numbered, (first, second))]
    if np.array_equal(*everywhere):
        # moocore 0.3.2 makes no array of no box.
        return np.empty((0, 5))
    boxes: Floats = moocore.eafdiff(_numbered(first), _numbered(second), rectangles=True)
    boxes[:, 4] /= len(first)
    return boxes


def staircase(corners: Floats, worst: Floats) -> Floats:
    """The boundary (n, 2) of what corners (k, 2), minimised, dominate, up to the worst values (2,)."""
    ordered = corners[np.lexsort((-corners[:, 1], corners[:, 0]))]
    if not len(ordered):
        return ordered
    x, y = np.append(np.repeat(ordered[:, 0], 2), worst[0]), np.append(worst[1], np.repeat(ordered[:, 1], 2))
    return np.column_stack((x, y))


def _numbered(fronts: Sequence[Floats]) -> Floats:
    """All points (n, 3) with the number of their run."""
    fronts = [array("a front", front, np.float64) for front in several(fronts)]
    for front in fronts:
        if front.shape[1:] != (2,):
            raise SettingError(f"attainment is that of two objectives; got fronts of shape {front.shape}")
    if not fronts:
        raise SettingError("attainment is that of the fronts of runs; got none")
    # A run without a point would not be counted; one that attains nothing but infinity is.
    nothing = np.full((1, 2), np.inf)
    parts = [front if len(front) else nothing for front in fronts]
    return np.column_stack((np.concatenate(parts), np.repeat(np.arange(len(parts)), list(map(len, parts)))))
