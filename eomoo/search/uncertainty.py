"""What can be said of a problem's front: joint draws of the true values of all cells that could matter."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from eomoo.arrays import Bools, Floats, Ints, blocks
from eomoo.checks import explained, positive, whole
from eomoo.errors import DataError, SettingError
from eomoo.files import atomic_path, cache_folder
from eomoo.fronts import DrawnFronts, FrontUncertainty, sorted_front
from eomoo.jobs import one_thread, worked_ahead
from eomoo.progress import doing
from eomoo.search.problem import CellProblem, check_cells

# Counted up when draws or fronts change between releases.
_FORMAT = 3
# A cell could matter if what is expected of it, better by so many deviations in each objective, is on the front of
# what is expected: 98 % of the cells on the fronts of draws are among these, of a problem with two objectives.
_HOPE = 1.5
# By so many of its deviations what others tell hardly ever moves what is expected of a measured cell.
_MOVED = 3.0
# Draws of a block of cells: 13 MB an objective.
_BLOCK = 1 << 13
# Draws of fewer cells take no second.
_MANY = 5_000
# More threads than this gain little, since the fronts are found by one.
_MOST_THREADS = 4


SHIPPED = Path(__file__).parent / "fronts"
"""Where the fronts of the shipped cards lie that come with eomoo; ``benchmarks/shipped_fronts.py`` writes them."""


def front_uncertainty(
    problem: CellProblem,
    cells: ArrayLike | None = None,
    *,
    among: ArrayLike | None = None,
    n_draws: int = 200,
    seed: int = 0,
) -> FrontUncertainty:
    """What can be said of cells whose values are predicted, or measured with some error.

    True values are drawn jointly: cells that are alike err alike, what is exact stays, and measurement noise is
    left out. The first time a problem is asked, the fronts of the draws among all cells that could matter take
    some seconds; they are kept in the user's cache.

    Args:
        problem: The problem, without noise.
        cells: (k,) distinct cells, such as a front; by default the front of the problem's values.
        among: Cells that could be better than these; by default all of the space that could.
        n_draws: Joint draws of the true values.
        seed: The same seed gives the same draws.

    Raises:
        SettingError: (a ValueError) The problem's values are drawn with noise, a cell is out of range or comes
            twice, or values must be measured and neither ``cells`` nor ``among`` says of which cells they are.
        DataNotFoundError: (a FileNotFoundError) The models that predict are missing.
        DataError: (a ValueError) They are damaged.

    Examples:
        >>> certain = eomoo.front_uncertainty(problem, [5, 76119], among=range(100), n_draws=20)
        >>> certain.probability.shape
        (2,)
    """
    check_cells("front_uncertainty", problem)
    n, seed = positive("n_draws", n_draws, most=100_000), whole("seed", seed, least=0)
    if problem.noise is not None:
        raise SettingError("with noise every value is one draw already; ask the problem without noise")
    asked = problem.pareto_indices() if cells is None else np.ravel(problem.space.check(cells))
    if len(np.unique(asked)) < len(asked):
        raise SettingError("cells are distinct; one comes twice")
    fronts, n_candidates = _all_fronts(problem, asked, among, n, seed)
    F, kept = _drawn(problem, asked, n, seed)
    unknown = problem.ignorance(asked)[:, : len(problem.objectives)]
    return FrontUncertainty(
        objectives=problem.objectives,
        cells=asked,
        drawn=F,
        kept=kept,
        limits=tuple(map(str, problem.constraints)),
        fronts=_within(problem, fronts).joined(asked, F, np.asarray(kept.all(axis=2))),
        luck=_luck(problem, asked),
        exact=np.asarray(~(unknown > 0).any(axis=0)),
        cost=problem.space.params(asked, problem.skeleton).astype(np.float64),
        n_candidates=n_candidates,
    )


def _luck(problem: CellProblem, cells: Ints) -> Floats:
    """By how much true values (k, m) are expected to be worse than the values that are told."""
    values, expected = problem.values(cells), problem.expected(cells)[:, : len(problem.objectives)]
    return problem.objectives.minimise(expected) - problem.objectives.minimise(values)


def _all_fronts(
    problem: CellProblem, asked: Ints, among: ArrayLike | None, n: int, seed: int
) -> tuple[DrawnFronts, int]:
    """The draws' fronts among all cells that could matter, and how many these are."""
    if among is None and problem.enumerable:
        name = kept_name(problem, n, seed)
        kept = cache_folder() / "fronts" / name
        found = read_fronts(SHIPPED / name) or read_fronts(kept)
        if found is None:
            found = draw_fronts(problem, n, seed)
            keep_fronts(kept, *found)
        return found
    others = np.setdiff1d([] if among is None else problem.space.check(among), asked).astype(np.int64)
    return fronts_of_draws(problem, others, n, seed), len(others) + len(asked)


def draw_fronts(problem: CellProblem, n: int, seed: int) -> tuple[DrawnFronts, int]:
    """The draws' fronts among all cells that could matter, and how many these are, from nothing."""
    candidates = hopeful_cells(problem)
    if len(candidates) > _MANY:
        # To whoever listens to the problem's backends, once.
        listener = next(iter(problem.backends.values()))
        listener.report(f"drawing the values of {len(candidates):,} cells that could matter, once")
    return fronts_of_draws(problem, candidates, n, seed), len(candidates)


def hopeful_cells(problem: CellProblem) -> Ints:
    """The cells (k,) that could be on the true front: theirs would be, were all values somewhat better."""
    cells = problem.cells
    if not problem.predicted:
        # What others tell of each of thousands of measured cells takes seconds: not of those that are far from all.
        told = np.concatenate((problem.values(cells), problem.limited_values(cells)), axis=1)
        cells = _hopeful(problem, cells, told, problem.all_deviations(cells), _MOVED + _HOPE)
    return _hopeful(problem, cells, problem.expected(cells), problem.ignorance(cells), _HOPE)


def _hopeful(problem: CellProblem, cells: Ints, expected: Floats, unknown: Floats, hope: float) -> Ints:
    """Those of cells (n,) that could be on the front of what is expected (n, m + c), by what is unknown (n, m + c)."""
    F = problem.objectives.minimise(expected[:, : len(problem.objectives)])
    hoped = F - hope * unknown[:, : len(problem.objectives)]
    could = np.asarray(np.isfinite(F).all(axis=1))
    surely = could.copy()
    for k, limit in enumerate(problem.constraints):
        if _is_of_objective(problem, k) is None:
            values, room = expected[:, len(problem.objectives) + k], unknown[:, len(problem.objectives) + k]
            could &= (values - hope * room <= limit.most) & (values + hope * room >= limit.least)
            surely &= limit.keeps(values)
    left, columns = np.flatnonzero(could), np.ascontiguousarray(hoped[could].T)
    front = F[surely][sorted_front(F[surely])]
    # First the middle ones, which leave few for the others to be compared with.
    ranks = np.argsort(np.argsort(front, axis=0, kind="stable"), axis=0, kind="stable").sum(axis=1)
    for point in front[np.argsort(ranks, kind="stable")][:, :, None]:
        worse = np.logical_and.reduce(columns >= point)
        if worse.any():
            worse &= np.logical_or.reduce(columns > point)
            left, columns = left[~worse], columns[:, ~worse]
    return cells[left]


def fronts_of_draws(problem: CellProblem, cells: Ints, n: int, seed: int) -> DrawnFronts:
    """The fronts of n draws among cells (k,), found block by block."""
    fronts = DrawnFronts.empty(n, len(problem.objectives))
    parts = [cells[here] for here in blocks(len(cells), _BLOCK)]
    threads, drawn = min(_MOST_THREADS, os.cpu_count() or 1), 0
    draw = partial(_drawn, problem, n=n, seed=seed)
    if parts:
        # What all parts share is made by the first, before there are threads.
        fronts = _joined(problem, fronts, parts[0], *draw(parts[0]))
    with doing(f"drawing values of {len(cells):,} cells", lambda: f"{drawn:,} drawn"), one_thread():
        # As many at a time as there are threads: all draws together would take a gigabyte.
        found = worked_ahead(draw, parts[1:], threads=threads, ahead=threads - 1)
        for part, (F, kept) in zip(parts[1:], found, strict=True):
            drawn += _BLOCK
            fronts = _joined(problem, fronts, part, F, kept)
    return fronts


def _joined(problem: CellProblem, fronts: DrawnFronts, cells: Ints, F: Floats, kept: Bools) -> DrawnFronts:
    """Fronts with more cells, under those limits that the objectives do not tell."""
    others = [k for k in range(len(problem.constraints)) if _is_of_objective(problem, k) is None]
    return fronts.joined(cells, F, np.asarray(kept[:, :, others].all(axis=2)))


def _drawn(problem: CellProblem, cells: Ints, n: int, seed: int) -> tuple[Floats, Bools]:
    """Draws (n, k, m) of cells (k,), minimised, inf where there is no value; (n, k, c) which limits are kept.

    Without their last 20 bits, 2e-10 of each, so that files of fronts are a third smaller, and equals of a cell that is
    kept in one are drawn as its equals.
    """
    raw = problem.joint_draws(cells, n, seed=seed)
    minimised = np.ascontiguousarray(problem.objectives.minimise(raw[:, :, : len(problem.objectives)]))
    F = (minimised.view(np.uint64) & ~np.uint64(2**20 - 1)).view(np.float64)
    F[np.isnan(F).any(axis=2)] = np.inf
    kept = [limit.keeps(raw[:, :, len(problem.objectives) + k]) for k, limit in enumerate(problem.constraints)]
    return F, np.stack(kept, axis=2) if kept else np.empty((*F.shape[:2], 0), dtype=bool)


def _is_of_objective(problem: CellProblem, k: int) -> int | None:
    """The objective on which the k-th limit sets a worst value, so that fronts without the limit tell of it."""
    limit = problem.constraints[k]
    for j, objective in enumerate(problem.card.objectives):
        if (objective.source, objective.quantity) == (limit.source, limit.quantity):
            return j if objective.forbids_worse_only(limit.least, limit.most) else None
    return None


def _within(problem: CellProblem, fronts: DrawnFronts) -> DrawnFronts:
    """The part of the fronts that keeps the limits on objectives."""
    raw = problem.objectives.raw(fronts.points)
    inside = np.ones(len(raw), dtype=bool)
    for k, limit in enumerate(problem.constraints):
        j = _is_of_objective(problem, k)
        if j is not None:
            inside &= limit.keeps(raw[:, j])
    return fronts.only(inside)


def kept_name(problem: CellProblem, n: int, seed: int) -> str:
    """The name of the file with the fronts of a problem's draws; limits on objectives are not part of them."""
    limits = [str(c) for k, c in enumerate(problem.constraints) if _is_of_objective(problem, k) is None]
    columns = [(o.source, o.quantity, o.direction) for o in problem.card.objectives]
    facts = (_FORMAT, _HOPE, problem.fingerprint, columns, limits, n, seed)
    return f"{hashlib.sha256(repr(facts).encode()).hexdigest()[:24]}.npz"


def read_fronts(path: Path) -> tuple[DrawnFronts, int] | None:
    """Fronts from a file, and how many cells could matter; None where there is none, or it is damaged."""
    with (
        suppress(DataError),
        explained(path, "is damaged"),
        open(path, "rb") as raw,
        np.load(raw, allow_pickle=False) as file,
    ):
        n, candidates = (int(v) for v in file["numbers"])
        cells, draw = file["cells"].astype(np.int64), file["draw"].astype(np.int64)
        fronts = DrawnFronts(n=n, cells=cells, draw=draw, points=file["points"].astype(np.float64))
        if fronts.points.ndim == 2 and len(cells) == len(draw) == len(fronts.points):
            return fronts, candidates
    return None


def keep_fronts(path: Path, fronts: DrawnFronts, n_candidates: int) -> None:
    """Keep fronts in a file, where that can be written."""
    with suppress(DataError), atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            numbers=np.array([fronts.n, n_candidates]),
            cells=fronts.cells.astype(np.int32),
            draw=fronts.draw.astype(np.int32),
            points=fronts.points,
        )
