"""Directions that spread evenly over the objectives."""

from __future__ import annotations

from typing import Any

__all__ = ["reference_directions"]


def reference_directions(n_obj: int, pop_size: int) -> Any:
    """The largest Das-Dennis design of at most ``pop_size`` directions."""
    from math import comb

    from pymoo.util.ref_dirs import get_reference_directions

    if n_obj == 1:
        return get_reference_directions("das-dennis", 1, n_partitions=1)
    partitions = 1
    while comb(partitions + n_obj, n_obj - 1) <= pop_size:
        partitions += 1
    return get_reference_directions("das-dennis", n_obj, n_partitions=partitions)
