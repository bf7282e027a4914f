"""How small a difference between two algorithms is too small to matter, and why."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The smallest difference that matters, in the indicator's unit, and where it comes from; NaN: none is known."""

    value: float
    source: str


def smallest_difference(problem: ProblemResults, indicator: str) -> Margin:
    """The smallest difference of an indicator that matters on a problem.

    Of what a probe found under an indicator's name, it is the indicator's, where that is a value of an objective
    or a distance of cells.
    """
    named = [k for k, o in enumerate(problem.objectives) if f"{indicator}_".startswith(f"best_{o.name}_")]
    if named:
        # Of "error" and "error_top5" the longer name is meant.
        return _of_objective(problem, max(named, key=lambda k: len(problem.objectives[k].name)))
    if indicator.startswith(("mean_hamming", "max_hamming", "mean_edit", "max_edit")):
        return Margin(value=_HALF, source="half a step between cells")
    if indicator in ("hypervolume_share", AREA):
        return Margin(value=_HUNDREDTH, source="a hundredth of the hypervolume")
    if indicator == "hypervolume":
        whole = hypervolume(problem.reference, problem.box) or 1.0
        return Margin(value=_HUNDREDTH * whole, source="a hundredth of the hypervolume")
    if indicator in ("igd_plus", "additive_epsilon", "r2"):
        return Margin(value=_HUNDREDTH, source="a hundredth of the objectives' range")
    if indicator == "front_size":
        return Margin(value=1.0, source="a cell")
    return Margin(value=float("nan"), source="")


def _of_objective(problem: ProblemResults, k: int) -> Margin:
    known = np.array([deviation[k] for deviation in problem.deviations.values()])
    known = known[known > 0]
    if len(known):
        return Margin(value=_TENTH * float(np.median(known)), source="a tenth of the predictions' deviation")
    width = float(np.ptp(problem.objectives.raw(np.stack((problem.box.ideal, problem.box.reference)))[:, k]))
    # In a box without width all values are equal, and any difference would matter.
    return Margin(value=_HUNDREDTH * width or np.finfo(float).tiny, source="a hundredth of the objective's range")
