"""The published search and its figures with their errors, reproduced on purpose.

Demir, Traoré, Camero (ESANN 2024) published their code; figures of the paper depend on errors in it.
Everything in this module is wrong in the way that code is, so that the paper's claims can be tested
beside the right figures. Nothing else in eomoo uses it. The errors:

- Weak dominance without equality, between objects: two records of one cell remove each other.
- The list of an archive is edited while it is iterated, so that some dominated members stay.
- Re-found members are expanded, and paid, again; starts are not paid.
- The budget is looked at once a sweep of all walkers; fronts are collected once a sweep, so that a
  member is in the front once for each sweep it has survived.
- Only cells of 7 vertices are expanded, and only neighbours of 7 vertices are looked at.
- A distance counts in the "mean Pareto distance" only when it exceeds the maximum so far.
- Hypervolume: accuracy (or minus the error) and time are turned to "larger is better", then given
  to an indicator that minimises, with the reference point (1, worst time).

One thing is not copied: when all queues are empty the published loop never ends; here it stops.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import moocore
import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.fronts import hamming_distances, mean_distance
from eomoo.search.problem import CellProblem
from eomoo.search.run import RunResult
from eomoo.space import Catalogue, load_space
from eomoo.space.cell import MAX_VERTICES, N_EDGE_GENES
from eomoo.study.plan import PROBES, Task


def as_published(problem: CellProblem, task: Task, result: RunResult) -> dict[str, float] | None:
    """A study's probe: what the published code would have reported of a run's starts.

    None where it cannot be asked: no starts (not Pareto Local Search), or not two objectives that are known everywhere.
    """
    if result.starts is None or problem.n_obj != 2 or problem.domain is not None:
        return None
    settings = task.spec.settings
    trained = settings["n_train"] if settings["init"] != "random" else 0
    return figures_as_published(problem, result.starts, task.budget - trained)


PROBES["as_published"] = as_published


@dataclass(frozen=True, eq=False)
class _Record:
    """One look-up of a cell; two look-ups of the same cell are different records, as published."""

    cell: int
    first: float
    second: float


@dataclass(kw_only=True)
class _Walker:
    archive: list[_Record]
    queue: deque[_Record] = field(default_factory=deque)
    known: set[int] = field(default_factory=set)
    paid: int = 0

    def step(self, space: Catalogue, F: Floats) -> list[_Record]:
        """Expand one record, if one is left, and return the archive's front."""
        if self.queue:
            record = self.queue.popleft()
            near = [_Record(cell, *F[cell]) for cell in _neighbors(space, record.cell)]
            self.paid += len(near)
            better = _front([*near, record])
            for new in better:
                for old in self.archive:
                    if new is not old and _weakly_dominates(new, old):
                        self.archive.remove(old)
                        self.known.discard(old.cell)
                        if old in self.queue:
                            self.queue.remove(old)
            for new in better:
                if new.cell not in self.known:
                    self.known.add(new.cell)
                    self.archive.append(new)
                    self.queue.append(new)
        return _front(self.archive)


def search_as_published(problem: CellProblem, starts: Ints, budget: int) -> tuple[Ints, int]:
    """The published search from the given starts, until at least ``budget`` neighbours were paid.

    Args:
        problem: Two objectives, with values known beforehand.
        starts: (s,) cells, one walker each.
        budget: Neighbours to pay for; 0 gives the starts themselves, unfiltered.

    Returns:
        The front's cells (k,), repetitions included, and the number of neighbours paid.
    """
    space = load_space()
    F = problem.objectives_at(np.arange(len(space)))
    if budget == 0:
        return np.asarray(starts, dtype=np.int64), 0
    walkers = []
    for cell in np.asarray(starts).tolist():
        record = _Record(cell, *F[cell])
        walkers.append(_Walker(archive=[record], queue=deque([record]), known={cell}))
    collected: list[_Record] = []
    while sum(w.paid for w in walkers) < budget and any(w.queue for w in walkers):
        for walker in walkers:
            collected += walker.step(space, F)
    front = _front(collected)
    return np.array([record.cell for record in front], dtype=np.int64), sum(w.paid for w in walkers)


def figures_as_published(problem: CellProblem, starts: Ints, budget: int) -> dict[str, float]:
    """What the published code would have reported of a search from these starts.

    Returns:
        mean_pareto_distance, diameter, hypervolume, front_size (repetitions included), paid, and the
        best raw value of each objective as best_NAME. Beside them, of the same front, what the first
        was meant to be: mean_hamming, the mean over pairs of its distinct cells, n_distinct of them.
    """
    cells, paid = search_as_published(problem, starts, budget)
    everything = problem.objectives_at(np.arange(len(load_space())))
    F = everything[cells]
    distance, diameter = mean_pareto_distance_as_published(cells)
    best = problem.raw(F.min(axis=0))
    distinct = np.unique(cells)
    return {
        "mean_pareto_distance": distance,
        "diameter": diameter,
        "hypervolume": hypervolume_as_published(F, everything.min(axis=0), everything.max(axis=0)),
        "front_size": float(len(cells)),
        "paid": float(paid),
        "mean_hamming": mean_distance(hamming_distances(distinct)),
        "n_distinct": float(len(distinct)),
        **{f"best_{name}": float(v) for name, v in zip(problem.objective_names, best, strict=True)},
    }


def mean_pareto_distance_as_published(cells: Ints) -> tuple[float, float]:
    """The published "mean Pareto distance" and diameter of a front's cells (k,), in its order.

    The 17x17 Hamming distance of an ordered pair is added only when it exceeds the maximum so far; the
    sum is divided by the number of cells.
    """
    flat = hamming_distances(cells).ravel()
    records = flat > np.concatenate(([0], np.maximum.accumulate(flat)[:-1]))
    return float(flat[records].sum()) / len(cells), float(flat.max(initial=0))


def hypervolume_as_published(F: Floats, best: Floats, worst: Floats) -> float:
    """The published hypervolume of points (n, 2), minimised; the ideal point scores 0.

    Args:
        F: Points; the first objective is minus the accuracy, or an error.
        best, worst: (2,) over the whole space.
    """
    quality = (F[:, 0] - worst[0]) / (best[0] - worst[0])
    speed = (F[:, 1] - worst[1]) / (best[1] - worst[1]) * (worst[1] - best[1]) + best[1]
    reference = np.array([1.0, worst[1]])
    points = np.column_stack((quality, speed))
    inside = points[(points < reference).all(axis=1)]
    return float(moocore.hypervolume(inside, ref=reference)) if len(inside) else 0.0


def _weakly_dominates(a: _Record, b: _Record) -> bool:
    return a.first <= b.first and a.second <= b.second


def _front(records: list[_Record]) -> list[_Record]:
    """Records that no *other* record weakly dominates; the same object repeated does not count."""
    # One of an object is enough: its repetitions are as dominated as it is.
    distinct = list(dict.fromkeys(records))
    a, b = np.array([(record.first, record.second) for record in distinct]).T
    beaten = (a <= a[:, None]) & (b <= b[:, None])
    np.fill_diagonal(beaten, False)
    good = {record for record, is_beaten in zip(distinct, beaten.any(axis=1), strict=True) if not is_beaten}
    return [record for record in records if record in good]


def _neighbors(space: Catalogue, cell: int) -> list[int]:
    """Neighbours in the published order, operations before edges, once for each step that leads there."""
    if space.n_vertices[cell] < MAX_VERTICES:
        return []
    near = space.one_gene_changes(space.genotype([cell]))[0]
    edges, ops = near[:N_EDGE_GENES], near[N_EDGE_GENES:].reshape(2, -1)
    codes = space.padded_ops(np.array([cell]))[0]
    # The published order tries a vertex's other two operations in ascending order; of 1 raised by 2 is 0, and first.
    ordered = [ops[step, v] for v, code in enumerate(codes) for step in ((1, 0) if code == 1 else (0, 1))]
    found = np.concatenate((np.array(ordered, dtype=near.dtype), edges))
    found = found[found >= 0]
    return [int(k) for k in found[space.n_vertices[found] == MAX_VERTICES]]
