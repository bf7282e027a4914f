"""Which cells to measure next: those whose measurement tells most of where the front lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eomoo.arrays import Floats, Ints
from eomoo.checks import positive
from eomoo.errors import SettingError
from eomoo.fronts import share_words
from eomoo.search.problem import CellProblem
from eomoo.search.uncertainty import front_uncertainty

# A covariance of so many draws is known to 3 %.
_DRAWS = 1_000
# A choice.
_BATCH = 8
# Cells that are on the front of most draws: a matrix of them has 50 MB.
_MOST_CELLS = 2_500
# From this correlation on, one value tells of the other: half its deviation is left at .87, nine tenths at .44.
_TELLS = 0.5


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A cell to measure, and why.

    Attributes:
        cell: Its index.
        probability: Of being on the true front: a share of ``n_draws``.
        values, unknown: (m,) its values, raw, and how uncertain they are, noise of a measurement apart.
        tells_of: How many other cells that may be on the front it tells of, beyond what those before tell.
        left: Share of the front's uncertainty that is left when it and those before have been measured.
    """

    cell: int
    probability: float
    n_draws: int
    values: Floats
    unknown: Floats
    tells_of: int
    left: float

    @property
    def chance(self) -> str:
        """The probability in words: one of all draws is no certainty."""
        return share_words(self.probability, 1 / self.n_draws)

    @property
    def why(self) -> str:
        """The reason to measure it, in words."""
        others = f"it tells of {self.tells_of:,} other cells that may be on the front"
        itself = f"is on the front itself with probability {self.chance}"
        return f"{others}, and {itself}; {100 * self.left:.1f} % of the uncertainty is left then"


def suggest_cells(
    problem: CellProblem, n: int | None = None, *, cells: ArrayLike | None = None, seed: int = 0
) -> list[Suggestion]:
    """The cells whose measurement is expected to narrow the front's uncertainty most, as one batch.

    The uncertainty is the variance of the true values of all cells that may be on the front, each weighted by
    the probability that it is, objectives in terms of the width of the fronts drawn. Cells are taken one after
    the other; what each would tell of the others, by their joint draws, is known when the next is taken.

    Args:
        problem: The problem; its values are predicted, or measured with some error.
        n: Number of cells; by default 8, or as many as may be on the front.
        cells: Cells that count beside those that may be on the front, such as the front of a run.

    Raises:
        SettingError: (a ValueError) Values are exact, no cell may keep the limits, or there are fewer cells than n.

    Source: the active learning of Cohn, Neural Networks 9, 1996 (least expected variance), with weights; greedy
    batches by conditioning on what was taken: Krause, Singh, Guestrin, JMLR 9, 2008.
    """
    if n is not None:
        positive("n", n)
    found = front_uncertainty(problem, cells, seed=seed)
    if not len(found.fronts.cells):
        lacking = "may keep its limits" if problem.constraints else "has values"
        raise SettingError(f"no cell of {problem.name()} {lacking}, so that there is no front to tell of")
    pool = _pool(found.fronts.cells, found.cells)
    unknown = problem.ignorance(pool)[:, : len(problem.objectives)]
    vague = np.flatnonzero((unknown > 0).any(axis=0))
    if not len(vague):
        raise SettingError(f"the values of {problem.name()} are exact; there is nothing that measuring could tell")
    weights = found.fronts.counts(pool) / found.n_draws
    n = min(_BATCH, len(pool)) if n is None else n
    if len(pool) < n:
        raise SettingError(f"n must be at most {len(pool):,}, the cells that may be on the front; got {n}")
    F = problem.objectives.minimise(problem.joint_draws(pool, _DRAWS, seed=seed)[:, :, : len(problem.objectives)])
    spans = np.ptp(found.fronts.points, axis=0)
    noise = problem.deviations(pool) ** 2
    for column, alone, objective in zip(noise.T, unknown.T, problem.card.objectives, strict=True):
        backend = problem.backends[objective.source]
        # Of one more measurement: deviations of what is predicted hold what is not known too, others are of means.
        column[:] = np.maximum(column - alone**2, 0.0) if backend.predicts else backend.n_trainings(pool) * column
    # Objectives over their range, so that units do not matter.
    scale = np.where(spans > 0, spans, 1.0)
    errors = [(F[:, :, k] - F[:, :, k].mean(axis=0)) / scale[k] for k in vague]
    covariances = [e.T @ e / _DRAWS for e in errors]
    picked = _greedy(covariances, [noise[:, k] / scale[k] ** 2 for k in vague], weights, n)
    return [
        Suggestion(
            cell=int(pool[k]),
            probability=float(weights[k]),
            n_draws=found.n_draws,
            values=problem.values(int(pool[k])),
            unknown=unknown[k],
            tells_of=tells_of,
            left=left,
        )
        for k, tells_of, left in picked
    ]


def _pool(on_fronts: Ints, asked: Ints) -> Ints:
    """Cells that may be on the front, the most probable ones, and those asked for."""
    known, times = np.unique(on_fronts, return_counts=True)
    best = known[np.lexsort((known, -times))][:_MOST_CELLS]
    return np.union1d(best, asked).astype(np.int64)


def _greedy(covariances: list[Floats], noises: list[Floats], weights: Floats, n: int) -> list[tuple[int, int, float]]:
    """Positions of the cells taken, each with how many others it tells of, and the share of variance then left."""
    before = sum(float(weights @ np.diag(C)) for C in covariances)
    taken: list[tuple[int, int, float]] = []
    for _ in range(n):
        gain = np.zeros(len(weights))
        for C, noise in zip(covariances, noises, strict=True):
            gain += (C**2 @ weights) / np.maximum(np.diag(C) + noise, 1e-12)
        # Rounded against the last bits, in which libraries of linear algebra differ.
        gain = np.round(gain / (before or 1.0), 9)
        gain[[k for k, _, _ in taken]] = -1.0
        best = int(np.argmax(gain))
        tells_of = _tells_of(covariances, weights, best)
        for C, noise in zip(covariances, noises, strict=True):
            C -= np.outer(C[best], C[best]) / max(C[best, best] + noise[best], 1e-12)
        after = sum(float(weights @ np.diag(C)) for C in covariances)
        taken.append((best, tells_of, round(max(after, 0.0) / (before or 1.0), 6)))
    return taken


def _tells_of(covariances: list[Floats], weights: Floats, k: int) -> int:
    """Of how many other cells that may be on the front a cell's value tells, in some objective."""
    told = np.zeros(len(weights), dtype=bool)
    for C in covariances:
        spread = np.sqrt(np.maximum(np.diag(C), 1e-12))
        told |= np.abs(C[k]) / (spread * spread[k]) >= _TELLS
    told[k] = False
    return int((told & (weights > 0)).sum())
