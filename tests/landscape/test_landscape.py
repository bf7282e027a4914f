"""Measures of a landscape agree with slow twins on all cells of at most 5 vertices."""

import numpy as np
import pytest
from landscape_twins import (
    components,
    connected_within,
    descent_probabilities,
    dominates,
    neighbor_sets,
    ranks_by_peeling,
    steepest_descent,
    steps_to,
)

import eomoo
from eomoo.errors import SettingError, UnknownNameError
from eomoo.landscape.graph import nearest_target
from eomoo.landscape.landscape import landscape_of
from eomoo.landscape.optima import local_optima, pareto_local_optima, relate
from eomoo.landscape.pls import pls_depth, search, summarise_pls
from eomoo.landscape.values import (
    connectedness,
    correlation,
    correlations,
    describe,
    distance_profile,
    dominance_ranks,
    fitness_distance,
)


@pytest.fixture(scope="module", params=["symmetric", "hamming"])
def small(request, space, small_problem, small_cells):
    landscape = landscape_of(small_problem, neighborhood=request.param)
    return landscape, neighbor_sets(space, small_cells, request.param)


def test_the_landscape_holds_the_domain_its_values_and_its_graph(small, small_problem, small_cells):
    landscape, near = small
    np.testing.assert_array_equal(landscape.cells, small_cells)
    np.testing.assert_array_equal(landscape.F, small_problem.objectives_at(small_cells))
    for k in range(len(near)):
        assert landscape.graph[k].tolist() == near[k]
    np.testing.assert_array_equal(landscape.cells[landscape.front], small_problem.pareto_indices())
    np.testing.assert_array_equal(landscape.domain, small_problem.domain)


def test_limits_of_the_card_shrink_the_landscape(small_problem, small_cells):
    from eomoo.search.problem import CellProblem, parse_constraint

    limit = parse_constraint("latency<=14", small_problem.card)
    limited = landscape_of(CellProblem(small_problem.card, constraints=[limit]))
    kept = small_cells[small_problem.values(small_cells)[:, 1] <= 14]
    assert 0 < len(kept) < len(small_cells)
    np.testing.assert_array_equal(limited.cells, kept)
    impossible = parse_constraint("latency<=1", small_problem.card)
    with pytest.raises(SettingError, match="no cell keeps its limits"):
        landscape_of(CellProblem(small_problem.card, constraints=[impossible]))


def test_an_unknown_neighbourhood_is_refused(small_problem):
    with pytest.raises(UnknownNameError, match="there is no neighbourhood 'ring'"):
        landscape_of(small_problem, neighborhood="ring")


@pytest.mark.parametrize("objective", [0, 1])
def test_local_optima_and_their_basins(small, objective):
    landscape, near = small
    f = landscape.F[:, objective]
    found = local_optima(f, landscape.graph)
    n = len(near)
    expected = [i for i in range(n) if all(f[b] >= f[i] for b in near[i])]
    assert found.cells.tolist() == expected
    assert found.strict.tolist() == [all(f[b] > f[i] for b in near[i]) for i in expected]
    ends, steps = zip(*(steepest_descent(f, near, i) for i in range(n)), strict=True)
    np.testing.assert_array_equal(found.root, ends)
    np.testing.assert_array_equal(found.steps, steps)
    np.testing.assert_array_equal(found.basin, [ends.count(i) for i in expected])
    by_value = [[b for b in near[i] if f[b] == f[i]] for i in range(n)]
    assert len(np.unique(found.plateau)) == len(components(by_value, expected))


def test_pareto_local_optima_and_their_basins(small):
    landscape, near = small
    F = landscape.F
    found = pareto_local_optima(relate(F, landscape.graph), landscape.graph)
    expected = [i for i in range(len(near)) if not any(dominates(F[b], F[i]) for b in near[i])]
    assert found.cells.tolist() == expected
    ends, length = descent_probabilities(F.tolist(), near)
    np.testing.assert_allclose(found.basin, ends.sum(axis=0)[expected], rtol=1e-12)
    np.testing.assert_allclose(found.steps, length, rtol=1e-12)
    assert np.isin(landscape.front, found.cells).all()


def test_neighbours_compared(small):
    landscape, near = small
    F = landscape.F
    relations = relate(F, landscape.graph)
    kinds = {"dominating": 0.0, "dominated": 0.0, "equal": 0.0, "incomparable": 0.0}
    neutral = {"better": 0.0, "worse": 0.0, "equal": 0.0}
    with_neighbors = [i for i in range(len(near)) if near[i]]
    for i in with_neighbors:
        for b in near[i]:
            better, worse = dominates(F[b], F[i]), dominates(F[i], F[b])
            same = (F[b] == F[i]).all()
            name = "dominating" if better else "dominated" if worse else "equal" if same else "incomparable"
            kinds[name] += 1 / len(near[i]) / len(with_neighbors)
            sign = "better" if F[b][0] < F[i][0] else "worse" if F[b][0] > F[i][0] else "equal"
            neutral[sign] += 1 / len(near[i]) / len(with_neighbors)
    assert min(kinds.values()) > 0.0
    assert relations.shares(landscape.graph) == pytest.approx(kinds)
    assert relations.neutrality(landscape.graph, 0) == pytest.approx(neutral)


def test_distances_to_the_front(small):
    landscape, near = small
    found, _ = nearest_target(landscape.graph, landscape.front, undirected=landscape.undirected)
    np.testing.assert_array_equal(found, steps_to(near, landscape.front.tolist()))
    profile = distance_profile(landscape.values, found)
    assert [row["cells"] for row in profile] == np.bincount(found[found >= 0]).tolist()
    np.testing.assert_array_equal(profile[1]["median"], np.median(landscape.values[found == 1], axis=0))
    correlation = fitness_distance(landscape.F[:, 0], found)
    reached = found >= 0
    expected = np.corrcoef(landscape.F[reached, 0], found[reached])[0, 1]
    assert correlation["pearson"] == pytest.approx(expected)


@pytest.mark.parametrize("every", [1, 7])
def test_connectedness_of_the_front(small, every):
    landscape, near = small
    # Thinned out, the front needs more steps to be joined.
    front = landscape.front[::every]
    numbers, label = connectedness(landscape.graph, front, undirected=landscape.undirected)
    parts = components(near, front.tolist())
    assert numbers["size"] == len(front)
    assert numbers["components"] == len(parts)
    assert numbers["isolated"] == sum(len(part) == 1 for part in parts)
    assert numbers["largest_component"] == max(map(len, parts)) == (label == 0).sum()
    assert {frozenset(front[label == k].tolist()) for k in np.unique(label)} == set(map(frozenset, parts))
    k = numbers["joining_steps"]
    if not landscape.undirected:
        assert k is None
        return
    assert connected_within(near, front.tolist(), k)
    assert k == 1 or not connected_within(near, front.tolist(), k - 1)
    assert (k == 1) == numbers["connected"]


def test_dominance_ranks_of_two_and_three_objectives(space, small_card_of_three, small_cells):
    F = eomoo.get_problem(small_card_of_three).objectives_at(small_cells)
    chosen = np.random.default_rng(0).choice(len(F), 400, replace=False)
    for columns in ([0, 1], [0, 1, 2], [2, 0, 1]):
        points = F[np.ix_(chosen, columns)]
        np.testing.assert_array_equal(dominance_ranks(points), ranks_by_peeling(points.tolist()))
    assert dominance_ranks(F[chosen, :1]).tolist() == ranks_by_peeling(F[chosen, :1].tolist())
    coarse = np.random.default_rng(1).integers(0, 5, (200, 4)).astype(float)
    np.testing.assert_array_equal(dominance_ranks(coarse), ranks_by_peeling(coarse.tolist()))


def test_correlations_are_those_of_scipy(small):
    from scipy import stats

    F = small[0].F
    pair = {"spearman": stats.spearmanr(*F.T).statistic, "pearson": stats.pearsonr(*F.T).statistic}
    assert correlation(F[:, 0], F[:, 1]) == pytest.approx(pair)
    both = correlations(F)
    for name, expected in pair.items():
        np.testing.assert_allclose(both[name], [[1.0, expected], [expected, 1.0]])
    # The mean of many 0.1 is not 0.1: deviations from it must not correlate with anything.
    constant = correlations(np.column_stack((np.full(30, 0.1), np.arange(30), np.arange(30) ** 2)))
    for table in constant.values():
        assert np.isnan(table[0]).all()
        assert np.isnan(table[:, 0]).all()
        assert table[1, 2] > 0.9


def test_a_description_of_values():
    found = describe(np.array([1.0, 2.0, 2.0, 5.0]))
    assert found["n"] == 4
    assert found["distinct"] == 3
    assert found["mean"] == 2.5
    assert found["std"] == pytest.approx(np.sqrt(3.0))
    assert (found["min"], found["median"], found["max"]) == (1.0, 2.0, 5.0)


def test_searches_are_those_of_pls_cell_by_cell(small):
    from pymoo.optimize import minimize

    landscape, _ = small
    starts = np.array([5, 900, 2000])
    cells, fronts = search(landscape, starts)
    algorithm = eomoo.PLS(
        sampling=landscape.problem.space.genotype(landscape.cells[starts]),
        neighborhood=landscape.neighborhood,
        n_expand=1,
    )
    result = minimize(landscape.problem, algorithm, ("n_eval", 10**6), seed=1)
    np.testing.assert_array_equal(landscape.cells[cells], result.algorithm.trace.index)
    np.testing.assert_array_equal(np.unique(fronts[-1][1], axis=0), np.unique(result.F, axis=0))
    assert [n for n, _ in fronts] == sorted({n for n, _ in fronts})


def test_depth_of_searches(small):
    landscape, _ = small
    runs = pls_depth(landscape, n_runs=4, seed=3)
    assert any(run.hypervolume_share > run.curve[1, 0] for run in runs)
    for run in runs:
        assert run.curve[0, -1] == run.evaluations
        assert (np.diff(run.curve[1]) >= 0).all()
        assert 0.0 < run.hypervolume_share <= 1.0 + 1e-12
        assert run.hypervolume_share == run.curve[1, -1]
    everything, fronts = search(landscape, np.arange(len(landscape)))
    assert len(everything) == len(landscape)
    np.testing.assert_array_equal(np.unique(fronts[-1][1], axis=0), np.unique(landscape.F[landscape.front], axis=0))
    numbers = summarise_pls(runs)
    assert numbers["evaluations"]["median"] == np.median([run.evaluations for run in runs])
