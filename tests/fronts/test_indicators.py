"""Indicators against closed forms and slow twins."""

from itertools import permutations

import numpy as np
import pytest

from eomoo.errors import SettingError
from eomoo.fronts.box import Box
from eomoo.fronts.indicators import (
    INDICATORS,
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

UNIT = Box(ideal=np.zeros(2), reference=np.ones(2))
FRONT = np.array([[0.2, 0.6], [0.5, 0.1]])


def test_hypervolume_is_the_area_of_a_staircase():
    assert hypervolume(FRONT, UNIT) == pytest.approx(0.3 * 0.4 + 0.5 * 0.9)
    assert hypervolume(np.array([[0.0, 0.0]]), UNIT) == 1
    assert hypervolume(np.array([[1.0, 0.0], [np.inf, np.inf]]), UNIT) == 0
    assert hypervolume(np.empty((0, 2)), UNIT) == 0


def test_the_ideal_point_is_best_by_every_indicator():
    # The published hypervolume scores it 0; a normalised one must score it 1.
    best, worse = np.zeros((1, 2)), np.full((1, 2), 0.5)
    assert hypervolume(best, UNIT) == 1
    assert hypervolume(worse, UNIT) == 0.25
    for measure in (igd_plus, additive_epsilon):
        assert measure(best, FRONT, UNIT) <= 0 < measure(worse, FRONT, UNIT)
    assert r2(best, UNIT) == 0 < r2(worse, UNIT)


def test_values_are_normalised_by_the_box():
    box = Box(ideal=np.array([10.0, -5.0]), reference=np.array([20.0, -1.0]))
    raw, moved = FRONT * [10.0, 4.0] + [10.0, -5.0], FRONT + np.array([0.1, 0.25])
    assert hypervolume(raw, box) == pytest.approx(hypervolume(FRONT, UNIT))
    assert igd_plus(raw + 1.0, raw, box) == pytest.approx(igd_plus(moved, FRONT, UNIT))
    assert r2(raw, box) == pytest.approx(r2(FRONT, UNIT))


def test_a_reference_point_that_is_no_worse_is_refused():
    with pytest.raises(SettingError, match="worse than the ideal"):
        Box(ideal=np.zeros(2), reference=np.array([1.0, 0.0]))


def test_igd_plus_counts_only_what_is_worse():
    # (0.2, 0.6) is reached; (0.5, 0.1) is missed by 0.5 in the second objective only.
    assert igd_plus(FRONT[:1], FRONT, UNIT) == pytest.approx(0.5 / 2)
    assert igd_plus(FRONT, FRONT, UNIT) == 0
    nothing = igd_plus(FRONT[:0], FRONT, UNIT)
    assert (
        nothing
        == igd_plus(UNIT.reference[None], FRONT, UNIT)
        == pytest.approx((np.hypot(0.8, 0.4) + np.hypot(0.5, 0.9)) / 2)
    )
    assert np.isnan(igd_plus(FRONT, FRONT[:0], UNIT))


def test_additive_epsilon_is_the_least_shift():
    assert additive_epsilon(FRONT[:1], FRONT, UNIT) == pytest.approx(0.5)
    assert additive_epsilon(FRONT + 0.07, FRONT, UNIT) == pytest.approx(0.07)
    assert additive_epsilon(FRONT[:0], FRONT, UNIT) == 0.9


def test_r2_of_one_point_is_an_integral():
    # The integral of max(w a, (1 - w) b) over w from 0 to 1 is (a^2 + ab + b^2) / (2 (a + b)).
    a, b = 0.5, 0.25
    assert r2(np.array([[a, b]]), UNIT) == pytest.approx((a * a + a * b + b * b) / (2 * (a + b)))


def test_r2_of_three_objectives_is_a_mean_over_weights():
    unit = Box(ideal=np.zeros(3), reference=np.ones(3))
    point = np.array([[0.3, 0.3, 0.3]])
    # Das and Dennis's design with 12 partitions: weights (i, j, k) / 12, 91 of them.
    largest = [max(i, j, 12 - i - j) / 12 for i in range(13) for j in range(13 - i)]
    assert r2(point, unit) == pytest.approx(0.3 * np.mean(largest))
    assert r2(np.concatenate((point, point * 0.5)), unit) == pytest.approx(0.15 * np.mean(largest))


def test_deduplicated_keeps_each_non_dominated_vector_once():
    F = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 2.0], [2.0, 2.0], [np.inf, 0.0], [np.nan, 0.0]])
    assert deduplicated(F).tolist() == [[0.0, 2.0], [1.0, 1.0]]


def test_hamming_distances_are_those_of_the_matrices(space):
    cells = np.random.default_rng(0).choice(len(space), 12, replace=False)
    codes = space.features(cells, "17x17")
    slow = [[int((a != b).sum()) for b in codes] for a in codes]
    assert hamming_distances(cells).tolist() == slow


def slow_edit_distance(a, b):
    """The definition, on the stored members padded to seven vertices."""
    (edges_a, labels_a), (edges_b, labels_b) = a, b
    best = 99
    for order in permutations(range(5)):
        whole = [0, *(k + 1 for k in order), 6]
        edges = sum(edges_a[whole[x], whole[y]] != edges_b[x, y] for x in range(7) for y in range(7))
        best = min(best, edges + sum(labels_a[order[v]] != labels_b[v] for v in range(5)))
    return best


def padded(space, cell):
    cell = space.cell(int(cell))
    n = cell.n_vertices
    edges = np.zeros((7, 7), dtype=int)
    at = [*range(n - 1), 6]
    edges[np.ix_(at, at)] = cell.matrix
    return edges, [*cell.ops[1:-1], *["unused"] * (7 - n)]


def test_edit_distances_equal_their_definition(space):
    small = np.flatnonzero(space.n_vertices <= 5)[::400]
    cells = np.concatenate((small[:4], np.random.default_rng(1).choice(len(space), 5, replace=False)))
    members = [padded(space, cell) for cell in cells]
    slow = [[slow_edit_distance(a, b) for b in members] for a in members]
    assert edit_distances(cells).tolist() == slow


def test_a_step_from_any_member_is_one_edit(space):
    # Steps from members that are not the stored one: the stored genotypes differ in more than a gene.
    rng = np.random.default_rng(2)
    hidden = 0
    for cell in rng.choice(np.flatnonzero(space.n_vertices == 7), 40, replace=False):
        near = space.neighbors(int(cell), "symmetric")
        near = near[space.n_vertices[near] == 7]
        distances = edit_distances(np.concatenate(([cell], near)))
        assert set(distances[0, 1:].tolist()) <= {1}
        changed = (space.genotype(near) != space.genotype(int(cell))).sum(axis=1)
        hidden += int((changed > 1).sum())
    assert hidden > 20


def test_edit_distance_to_a_cell_without_operations(space):
    empty = int(np.flatnonzero(space.n_vertices == 2)[0])
    one = np.flatnonzero((space.n_vertices == 3) & (space.n_edges == 2))
    # One edge goes, two come, and an unused vertex is labelled; two operations differ by one label.
    assert edit_distances(np.array([empty, one[0], one[1]])).tolist() == [[0, 4, 4], [4, 0, 1], [4, 1, 0]]


def test_edit_distances_are_a_metric(space):
    cells = np.random.default_rng(3).choice(len(space), 60, replace=False)
    D = edit_distances(cells)
    assert (D == D.T).all()
    assert (D[~np.eye(60, dtype=bool)] > 0).all()
    assert (D[:, None, :] <= D[:, :, None] + D[None, :, :]).all()


def test_distances_of_a_front_are_means_over_pairs():
    D = np.array([[0, 2, 4], [2, 0, 9], [4, 9, 0]])
    assert mean_distance(D) == 5
    assert maximal_distance(D) == 9
    for k in (0, 1):
        assert mean_distance(D[:k, :k]) == maximal_distance(D[:k, :k]) == 0
    assert edit_distances(np.empty(0, dtype=np.int64)).shape == (0, 0)


def test_a_front_gets_every_indicator():
    found = front_indicators(np.array([5, 6]), FRONT, box=UNIT, reference=FRONT)
    assert list(found) == list(INDICATORS)
    assert found["hypervolume_share"] == 1
    assert found["front_size"] == 2
    cells = np.array([5, 76119, 100434, 400000])
    told = front_indicators(cells, np.stack((np.arange(4.0), -np.arange(4.0)), axis=1), box=UNIT, reference=FRONT)
    for kind, D in (("hamming", hamming_distances(cells)), ("edit", edit_distances(cells))):
        assert (told[f"mean_{kind}"], told[f"max_{kind}"]) == (D.sum() / 12, D.max())
    assert told["max_edit"] != told["max_hamming"]
    nothing = front_indicators(np.empty(0, np.int64), FRONT[:0], box=UNIT, reference=FRONT)
    assert nothing["hypervolume_share"] == nothing["front_size"] == nothing["mean_hamming"] == 0
    assert nothing["igd_plus"] > found["igd_plus"] == 0
    assert nothing["r2"] == r2(UNIT.reference[None], UNIT)


@pytest.mark.parametrize("name", INDICATORS)
def test_the_best_of_an_indicator_ranks_first(name):
    values = np.array([0.2, 0.9, 0.4])
    best = 0.9 if INDICATORS[name].larger_is_better else 0.2
    assert INDICATORS[name].larger_is_better == (name not in ("igd_plus", "additive_epsilon", "r2"))
    assert INDICATORS[name].best(values) == best
    assert values[INDICATORS[name].minimise(values).argmin()] == best
