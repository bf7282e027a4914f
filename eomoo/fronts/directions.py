"""Directions that spread evenly over the objectives."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray


def reference_directions(n_obj: int, most: int) -> NDArray[np.float64]:
    """The largest Das-Dennis design (k, n_obj) of at most ``most`` directions, each of sum 1.

    Source: Das, Dennis, SIAM Journal on Optimization 8(3), 1998; made by pymoo.
    """
    from pymoo.util.ref_dirs import get_reference_directions

    # One objective has one direction, whatever the partitions.
    partitions = 1
    while n_obj > 1 and comb(partitions + n_obj, n_obj - 1) <= most:
        partitions += 1
    directions: NDArray[np.float64] = get_reference_directions("das-dennis", n_obj, n_partitions=partitions)
    return directions
