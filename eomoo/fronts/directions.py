"""Directions that spread evenly over the objectives."""

from __future__ import annotations

from math import comb

from eomoo.arrays import Floats


def reference_directions(n_obj: int, most: int) -> Floats:
    """The largest Das-Dennis design (k, n_obj) of at most ``most`` directions, each of sum 1.

    Source: Das, Dennis, SIAM Journal on Optimization 8(3), 1998; made by pymoo.
    """
    from pymoo.util.ref_dirs import get_reference_directions

    # One objective has one direction, whatever the partitions.
    partitions = 1
    while n_obj > 1 and comb(partitions + n_obj, n_obj - 1) <= most:
        partitions += 1
    directions: Floats = get_reference_directions("das-dennis", n_obj, n_partitions=partitions)
    return directions
