"""Non-dominated points and the archive, against the definition."""

import numpy as np
import pytest
from synthetic import brute_front

from eomoo.fronts.dominance import FrontArchive, non_dominated


@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("levels", [3, 1_000])
def test_non_dominated_by_definition(m, levels):
    F = np.random.default_rng(m).integers(0, levels, (200, m)).astype(float)
    kept = F.copy()
    assert np.flatnonzero(non_dominated(F)).tolist() == brute_front(F)
    assert (kept == F).all()


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_non_dominated_where_some_values_are_infinite(m):
    rng = np.random.default_rng(m)
    for n in (5, 20, 60):
        F = rng.integers(0, 5, (n, m)).astype(float)
        F[rng.random((n, m)) < 0.2] = np.inf
        F[rng.random((n, m)) < 0.2] = -np.inf
        assert np.flatnonzero(non_dominated(F)).tolist() == brute_front(F)


def test_few_points():
    assert non_dominated(np.empty((0, 2))).tolist() == []
    assert non_dominated(np.ones((1, 3))).tolist() == [True]
    assert non_dominated(np.ones((4, 2))).tolist() == [True] * 4


def archive_twin(offers):
    """All that is non-dominated among the best feasible (or least infeasible), by the definition."""
    cells = [row for offer in offers for row in offer]
    best = max(0.0, min(v for _, _, v in cells))
    cells = [row for row in cells if row[2] <= best]
    return sorted(cells[k][0] for k in brute_front(np.array([f for _, f, _ in cells])))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("infeasible", [0.0, 0.5, 1.0, "at first"])
def test_archive_keeps_what_the_definition_keeps(seed, infeasible):
    rng = np.random.default_rng(seed)
    archive, offers = FrontArchive(2), []
    for k in range(12):
        index = np.arange(20 * k, 20 * k + 20)
        F = rng.integers(0, 30, (20, 2)).astype(float)
        if infeasible == "at first":
            # Nearer and nearer to what is feasible, which comes in the end.
            violation = np.maximum(rng.integers(0, 4, 20) + 7.0 - k, 0.0)
        else:
            violation = np.where(rng.random(20) < infeasible, rng.integers(1, 4, 20), 0).astype(float)
        offers.append(list(zip(index.tolist(), F.tolist(), violation.tolist(), strict=True)))
        before = archive.index
        keep = archive.offer(index, F, violation)
        assert np.concatenate((before, index))[keep].tolist() == archive.index.tolist()
        assert sorted(archive.index.tolist()) == archive_twin(offers)
        assert not archive.explored[len(np.intersect1d(before, archive.index)) :].any()
        archive.explored[: len(archive) // 2] = True


def test_archive_keeps_a_cell_once_and_remembers_what_is_explored():
    archive = FrontArchive(2)
    archive.offer(np.array([3, 4]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2))
    archive.explored[0] = True
    keep = archive.offer(np.array([3, 9]), np.array([[0.0, 1.0], [0.5, 0.5]]), np.zeros(2))
    assert keep.tolist() == [True, True, False, True]
    assert archive.index.tolist() == [3, 4, 9]
    assert archive.explored.tolist() == [True, False, False]


def test_nothing_offered():
    archive = FrontArchive(2)
    assert archive.offer(np.empty(0, dtype=int), np.empty((0, 2)), np.empty(0)).tolist() == []
    archive.offer(np.array([1]), np.zeros((1, 2)), np.ones(1))
    assert archive.offer(np.empty(0, dtype=int), np.empty((0, 2)), np.empty(0)).tolist() == [True]
    assert len(archive) == 1
