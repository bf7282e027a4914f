"""What a run keeps of the cells it evaluated, beside their values: how sure these are, what is limited, joint draws."""

from __future__ import annotations

from base64 import b64encode

import numpy as np

from eomoo.arrays import Facts, Floats, Ints
from eomoo.fronts import sorted_front
from eomoo.fronts.summary import short_rows
from eomoo.search.problem import CellProblem

# As ``front_uncertainty`` draws by default, so that both tell the same.
_DRAWS, _SEED = 200, 0
# Bytes of draws, one each, that a run keeps; in text, as a page has them, a third more.
_MOST_BYTES = 200_000
# A byte's steps, from a cell's least draw to its greatest; one is a 40th of the standard deviation.
_STEPS = 255


def evaluated_facts(problem: CellProblem, cells: Ints) -> Facts:
    """How sure the values of cells (n,) are, and their limited quantities: "evaluated", by name, a row each.

    "deviations" (n, m); "limited" (n, c). Nothing is said of what is exact.
    """
    deviations, facts = problem.deviations(cells), {}
    if problem.noise is None and (deviations > 0).any():
        # Of a deviation a page shows two digits; a limit is kept or not by what was compared.
        facts["deviations"] = short_rows(deviations, 4)
    if problem.constraints:
        facts["limited"] = short_rows(problem.limited_values(cells), 17)
    return {"evaluated": facts} if facts else {}


def drawn_facts(problem: CellProblem, cells: Ints) -> Facts:
    """Joint draws of the true values of evaluated, feasible cells: "drawn"; nothing where all is exact.

    Those of ``front_uncertainty``, among them of limited quantities, in bytes: "cells" (k,); "n" draws; "values", by
    quantity, "low" and "high" (k,), and "bytes" (k, n), Base64, from 0 at the lowest to 255 at the highest.
    Of more cells than a page should hold, those that limits on objectives, parameters or MACs make the best.
    """
    if problem.noise is not None or not len(cells):
        return {}
    names, unknown = _names(problem), problem.ignorance(cells)
    vague = [k for k, name in enumerate(names) if name and (unknown[:, k] > 0).any()]
    if not vague:
        return {}
    kept = cells[_that_matter(problem, cells, _MOST_BYTES // (_DRAWS * len(vague)))]
    drawn = problem.joint_draws(kept, _DRAWS, seed=_SEED)[:, :, vague]
    there = np.isfinite(drawn).all(axis=(0, 2))
    parts = zip((names[k] for k in vague), np.moveaxis(drawn[:, there], 2, 0), strict=True)
    return {"drawn": {"cells": kept[there].tolist(), "n": _DRAWS, "values": {k: _in_bytes(v.T) for k, v in parts}}}


def _names(problem: CellProblem) -> list[str]:
    """Names of the objectives and the limited quantities, as columns have them; "" where one is told already."""
    told = {(o.source, o.quantity): o.name for o in problem.card.objectives}
    names = list(told.values())
    for limit in problem.constraints:
        place = limit.source, limit.quantity
        names.append("" if place in told else limit.quantity)
        told[place] = limit.quantity
    return names


def _that_matter(problem: CellProblem, cells: Ints, most: int) -> Ints:
    """Places of at most so many cells: the front, then fronts of objectives and counts, the last thinned evenly."""
    F = problem.objectives_at(cells)
    counts = [count(cells, problem.skeleton) for count in (problem.space.params, problem.space.macs)]
    found, both = sorted_front(F), np.column_stack((F, *counts))
    while len(found) < min(most, len(cells)):
        left = np.setdiff1d(np.arange(len(cells)), found)
        layer = left[sorted_front(both[left])]
        room = min(most - len(found), len(layer))
        found = np.concatenate((found, layer[np.linspace(0, len(layer) - 1, room).round().astype(np.int64)]))
    return found[:most]


def _in_bytes(drawn: Floats) -> dict[str, object]:
    """Draws (k, n) as bytes, from each cell's lowest to its highest."""
    low, high = drawn.min(axis=1), drawn.max(axis=1)
    width = np.where(high > low, high - low, 1.0)[:, None]
    codes = np.rint((drawn - low[:, None]) / width * _STEPS).astype(np.uint8)
    return {"low": short_rows(low, 7), "high": short_rows(high, 7), "bytes": b64encode(codes.tobytes()).decode()}
