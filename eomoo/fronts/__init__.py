"""Objectives, fronts and how good fronts are; all but ``Objectives`` sees minimised vectors (n, m).

- ``objectives``: names, titles, units, directions, reference point; the one place where directions turn.
- ``dominance``: what is non-dominated, an archive built on it, and the knee, where the trade-off bends most.
- ``box``: the box in which objectives are normalised; directions that spread evenly in it.
- ``indicators``: hypervolume, IGD+, additive epsilon, R2, distances of cells.
- ``attainment``: what the fronts of several runs attain, and how often.
- ``drawn``: the fronts of joint draws. ``uncertainty``: what can be said of a front by these;
  ``summary``: the same without the draws.
"""

from eomoo.fronts.attainment import attainment_difference, attainment_surfaces, staircase
from eomoo.fronts.box import Box, reference_directions
from eomoo.fronts.dominance import (
    PENALTY,
    FrontArchive,
    by_first,
    knee_distances,
    knee_point,
    non_dominated,
    sorted_front,
)
from eomoo.fronts.drawn import DrawnFronts
from eomoo.fronts.indicators import (
    INDICATORS,
    Indicator,
    additive_epsilon,
    deduplicated,
    edit_distances,
    front_indicators,
    hamming_distances,
    hypervolume,
    igd_plus,
    maximal_distance,
    mean_distance,
    r2,
)
from eomoo.fronts.objectives import Direction, Objective, Objectives, Quantity
from eomoo.fronts.summary import FrontSummary
from eomoo.fronts.uncertainty import FrontUncertainty, Group, expected_words, outlines_of, share_words

__all__ = [
    "INDICATORS", "PENALTY", "Box", "Direction", "DrawnFronts", "FrontArchive", "FrontSummary", "FrontUncertainty",
    "Group", "Indicator", "Objective", "Objectives", "Quantity", "additive_epsilon", "attainment_difference",
    "attainment_surfaces", "by_first", "deduplicated", "edit_distances", "expected_words", "front_indicators",
    "hamming_distances", "hypervolume", "igd_plus", "knee_distances", "knee_point", "maximal_distance", "mean_distance",
    "non_dominated", "outlines_of", "r2", "reference_directions", "share_words", "sorted_front", "staircase",
]  # fmt: skip
