"""How small a difference between two algorithms is too small to matter, and why."""

from __future__ import annotations

import numpy as np

from eomoo.analysis.results import AREA, ProblemResults
from eomoo.fronts import hypervolume

# Of a deviation: nobody could tell networks apart whose predicted values differ by so little.
_TENTH = 0.1
# Of the box in which objectives are normalised, so of the whole hypervolume: what moving one objective of a whole
# front by a hundredth of its range changes.
_HUNDREDTH = 0.01
# Of a step between cells: by less, fewer than every second pair of cells is a step nearer or farther.
_HALF = 0.5


def smallest_difference(problem: ProblemResults, indicator: str) -> float:
    """The smallest difference of an indicator that matters on a problem, in its unit; NaN where none is known.

    Of what a probe found under an indicator's name, it is the indicator's, where that is a value of an objective
    or a distance of cells.
    """
    named = [k for k, o in enumerate(problem.objectives) if f"{indicator}_".startswith(f"best_{o.name}_")]
    if named:
        # Of "error" and "error_top5" the longer name is meant.
        return _of_objective(problem, max(named, key=lambda k: len(problem.objectives[k].name)))
    if indicator.startswith(("mean_hamming", "max_hamming", "mean_edit", "max_edit")):
        return _HALF
    if indicator in ("hypervolume_share", AREA):
        return _HUNDREDTH
    if indicator == "hypervolume":
        whole = hypervolume(problem.reference, problem.box) or 1.0
        return _HUNDREDTH * whole
    if indicator in ("igd_plus", "additive_epsilon", "r2"):
        return _HUNDREDTH
    if indicator == "front_size":
        return 1.0
    return float("nan")


def _of_objective(problem: ProblemResults, k: int) -> float:
    known = np.array([deviation[k] for deviation in problem.deviations.values()])
    known = known[known > 0]
    if len(known):
        return _TENTH * float(np.median(known))
    width = float(np.ptp(problem.objectives.raw(np.stack((problem.box.ideal, problem.box.reference)))[:, k]))
    # In a box without width all values are equal, and any difference would matter.
    return _HUNDREDTH * width or np.finfo(float).tiny
