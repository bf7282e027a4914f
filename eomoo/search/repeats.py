"""What stands in a front is timed again where that was disturbed, and trained again with other seeds."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from eomoo.arrays import Facts, Floats, Ints
from eomoo.fronts import sorted_front
from eomoo.search.costs import Costs
from eomoo.search.problem import CellProblem
from eomoo.search.run import RunResult, said_of_front
from eomoo.search.uncertainty import front_uncertainty

# A cell is told from the front by what holds in so many of the draws, as cells are from each other.
_SURE = 0.95


def with_repeats(problem: CellProblem, result: RunResult, n: int) -> RunResult:
    """A run's result with values that are means of n trainings, where the front depends on them.

    The front's members and its rivals, which are on the front in more than a twentieth of the draws of true values,
    are trained with n - 1 further seeds; so are cells that come onto the front by that. Before that, what something
    disturbed, such as other trainings, is timed once more. The problem then tells the same values. Killed and called
    again, it decides the same.

    Args:
        problem: Whose trainings are made.
        result: Of a search that has ended, with the values that it saw.
        n: Trainings of each; 1 tells which cells deserve more.

    Returns:
        Interrupted, the search's result, incomplete. Else the result with "repeats": n; "trainings", how many a cell's
        values are means of, where they are several; "contenders", cells that are or would be repeated; "by_seed",
        deviations that another seed makes of dear objectives, None where nothing tells.
    """
    costs, cells = Costs(problem), result.cells
    trainers = [backend for backend in problem.backends.values() if not backend.enumerable]
    if not trainers or not costs.dear.any() or not len(result.front):
        return result
    seen = result
    try:
        if costs.timed.any():
            for backend in trainers:
                backend.time_again(cells)
            result = _told_again(problem, result, np.flatnonzero(costs.timed))
        chosen = _contenders(problem, result, costs)
        for backend in trainers:
            backend.repeats = n
        result, chosen = _repeated(problem, result, costs, chosen, n) if n > 1 else (result, chosen)
    except KeyboardInterrupt:
        problem.tell_repeats(1)
        return replace(seen, complete=False)
    counts = np.max([backend.n_trainings(cells) for backend in trainers], axis=0)
    several = {str(cell): k for cell, k in zip(cells.tolist(), counts.tolist(), strict=True) if k > 1}
    facts = {"repeats": n, "trainings": several, "contenders": chosen.tolist(), "by_seed": _by_seed(problem, costs)}
    return replace(result, repeats=facts)


def _repeated(problem: CellProblem, result: RunResult, costs: Costs, cells: Ints, n: int) -> tuple[RunResult, Ints]:
    """The result of n trainings of cells (k,) and of those that come onto the front by that; all of these."""
    while True:
        costs.keeper.report(f"repeats: {len(cells)} cells x {n - 1} more trainings")
        for backend in problem.backends.values():
            backend.repeat(cells)
        result = _told_again(problem, result, np.flatnonzero(costs.dear))
        missing = np.setdiff1d(result.front, cells)
        if not len(missing):
            return result, cells
        cells = np.concatenate((cells, missing))


def _contenders(problem: CellProblem, result: RunResult, costs: Costs) -> Ints:
    """The front's cells and their rivals (k,), as decided when it was first asked: repeats change deviations."""
    content = result.cells.tobytes() + result.values.tobytes()
    what: Facts = {
        "repeats of": problem.fingerprint, "card": problem.card.digest, "limits": list(map(str, problem.constraints)),
        "options": problem.options, "evaluated": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    seen = costs.keeper.recall(what)
    if seen is None:
        among = result.cells[result.feasible]
        found = front_uncertainty(problem, result.front, among=among) if problem.noise is None else None
        rivals = among[found.fronts.counts(among) > (1.0 - _SURE) * found.n_draws] if found is not None else among[:0]
        rivals = rivals[~np.isin(rivals, result.front)]
        seen = {"cells": [*result.front.tolist(), *rivals.tolist()]}
        costs.keeper.note(what, seen)
    return np.array(seen["cells"], dtype=np.int64)


def _told_again(problem: CellProblem, result: RunResult, columns: Ints) -> RunResult:
    """The result with some objectives and limited quantities as the problem's backends tell them now."""
    cells = result.cells
    raw: Floats = np.concatenate((problem.values(cells), problem.limited_values(cells)), axis=1)
    raw[:, columns] = problem.some_values(cells, columns.tolist())
    for cell, row in zip(cells.tolist(), raw, strict=True):
        problem.keep_values(cell, row)
    feasible = problem.violations_at(cells) <= 0
    kept, values = cells[feasible], problem.values(cells)
    front = kept[sorted_front(problem.objectives_at(kept))]
    return replace(result, values=values, feasible=feasible, **said_of_front(problem, front, cells, values))


def _by_seed(problem: CellProblem, costs: Costs) -> dict[str, float | None]:
    found = {}
    for objective, part, dear in zip(problem.objectives, problem.card.objectives, costs.dear, strict=False):
        if dear:
            known = float(problem.backends[part.source].seed_deviations([part.quantity])[0])
            found[objective.name] = float(f"{known:.4g}") if np.isfinite(known) else None
    return found
