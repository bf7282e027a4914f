"""Operators on cells: uniform, valid, never in vain."""

from types import SimpleNamespace

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.population import Population
from pymoo.operators.crossover.ux import UniformCrossover
from pymoo.optimize import minimize
from scipy import stats
from synthetic import PART

import eomoo
from eomoo.errors import SettingError, UnknownNameError
from eomoo.search.operators import CellMating


def random_genotypes(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.integers(0, 2, (n, 21)), rng.integers(0, 3, (n, 5))], axis=1)


def mutate(X, problem, seed=0, **options):
    pop = eomoo.NeighborMutation(**options).do(problem, Population.new(X=X), random_state=np.random.default_rng(seed))
    return pop.get("X")


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


@pytest.fixture(scope="module")
def table(pose):
    return pose("err", "lat", source="part")


def test_sampling_is_uniform_over_cells(problem, space):
    rng = np.random.default_rng(12)
    pop = eomoo.RandomCellSampling()(problem, 20_000, random_state=rng)
    cells = space.index(pop.get("X"))
    assert len(set(cells.tolist())) == 20_000
    for kinds in (space.n_vertices, space.n_edges, np.arange(len(space)) // 5_000):
        everything = np.bincount(kinds)
        often = everything / len(space) * 20_000 >= 5
        expected = np.append(everything[often], everything[~often].sum()) / len(space) * 20_000
        seen = np.bincount(kinds[cells], minlength=len(everything))
        observed = np.append(seen[often], seen[~often].sum())
        keep = expected > 0
        assert stats.chisquare(observed[keep], expected[keep]).pvalue > 0.01


def test_sampling_gives_stored_members_and_repeats_with_the_seed(problem, space):
    def draw(seed):
        return eomoo.RandomCellSampling()(problem, 50, random_state=np.random.default_rng(seed)).get("X")

    assert draw(3).tolist() == draw(3).tolist() != draw(4).tolist()
    assert space.genotype(space.index(draw(3))).tolist() == draw(3).tolist()
    assert draw(3).dtype == np.int64


def test_sampling_stays_in_the_domain_and_gives_all_of_a_small_one(table, space):
    pop = eomoo.RandomCellSampling()(table, 1_000, random_state=np.random.default_rng(0))
    assert sorted(space.index(pop.get("X")).tolist()) == PART.tolist()


def test_mutation_changes_exactly_one_gene_to_another_valid_cell(problem, space):
    X = space.genotype(np.random.default_rng(1).choice(len(space), 3_000))
    child = mutate(X, problem)
    alone = np.array([len(space.neighbors(int(i))) == 0 for i in space.index(X)])
    assert ((child != X).sum(axis=1) == np.where(alone, 0, 1)).all()
    assert (space.index(child) >= 0).all()
    assert (space.index(child) != space.index(X))[~alone].all()
    assert child.dtype == np.int64
    assert ((child >= problem.xl) & (child <= problem.xu)).all()


def test_mutation_never_leaves_a_genotype_where_a_neighbor_exists(problem, space):
    X = random_genotypes(2_000)
    child, index = mutate(X, problem), space.index(X)
    near = space.one_gene_changes(X)
    possible = ((near >= 0) & (near != index[:, None])).any(axis=1)
    assert ((child != X).any(axis=1) == possible).all()
    assert (space.index(child)[possible] >= 0).all()
    assert 0 < possible.mean() <= 1


def test_mutation_is_uniform_over_the_changes(problem, space):
    genotype = space.genotype(100434)
    near = space.one_gene_changes(genotype[None])[0]
    changes = ((near >= 0) & (near != 100434)).sum()
    child = mutate(np.tile(genotype, (20_000, 1)), problem)
    _, counts = np.unique(child, axis=0, return_counts=True)
    assert len(counts) == changes
    assert stats.chisquare(counts).pvalue > 0.001


def test_mutation_stays_in_the_domain(pose, space):
    # A cell, its neighbours and nothing else: the centre has neighbours in the domain.
    problem = pose("err", "lat", source="part")
    centre = 100434
    problem.domain = np.zeros(len(space), dtype=bool)
    problem.domain[[centre, *space.neighbors(centre)[:2]]] = True
    child = space.index(mutate(np.tile(space.genotype(centre), (200, 1)), problem))
    assert set(child.tolist()) == set(space.neighbors(centre)[:2].tolist())
    problem.domain[space.neighbors(centre)] = False
    assert (space.index(mutate(space.genotype([centre]), problem)) == centre).all()


@pytest.mark.parametrize("kind", ["symmetric", "published"])
def test_mutation_by_other_neighborhoods(problem, space, kind):
    cells = np.random.default_rng(2).choice(len(space), 300)
    child = space.index(mutate(space.genotype(cells), problem, kind=kind))
    for i, c in zip(cells.tolist(), child.tolist(), strict=True):
        near = space.neighbors(i, kind)
        assert c in near if len(near) else c == i


def test_mutation_with_a_probability_and_a_seed(problem, space):
    X = space.genotype(np.arange(1_000))
    changed = (mutate(X, problem, prob=0.3) != X).any(axis=1).mean()
    assert 0.24 < changed < 0.36
    assert (mutate(X, problem, seed=3) == mutate(X, problem, seed=3)).all()
    assert (mutate(X, problem, seed=3) != mutate(X, problem, seed=4)).any()


def test_mutation_leaves_its_input_and_takes_floats(problem, space):
    X = space.genotype(np.arange(100))
    kept = X.copy()
    child = eomoo.NeighborMutation()._do(problem, X.astype(float), random_state=np.random.default_rng(0))
    eomoo.NeighborMutation()._do(problem, X, random_state=np.random.default_rng(0))
    assert (kept == X).all()
    assert child.dtype == np.int64


def test_mutation_of_an_unknown_kind():
    with pytest.raises(UnknownNameError, match="hamming, symmetric, published"):
        eomoo.NeighborMutation("other")


def cross(problem, a, b, seed=0, **options):
    return eomoo.CellCrossover(**options)._do(problem, np.stack((a, b)), random_state=np.random.default_rng(seed))


def test_children_of_a_crossover_are_valid_mixtures(problem, space):
    rng = np.random.default_rng(5)
    a, b = (space.genotype(rng.choice(len(space), 2_000)) for _ in range(2))
    kept = a.copy(), b.copy()
    children = cross(problem, a, b)
    assert (a == kept[0]).all()
    assert (b == kept[1]).all()
    assert children.shape == (2, 2_000, 26)
    cells = space.index(children.reshape(-1, 26)).reshape(2, -1)
    assert (cells >= 0).all()
    assert ((children == a) | (children == b)).all()
    new = (cells != space.index(a)) & (cells != space.index(b))
    assert new.mean() > 0.9


def test_crossover_stays_in_the_domain(table, space):
    rng = np.random.default_rng(6)
    a, b = (space.genotype(rng.choice(PART, 300)) for _ in range(2))
    assert table.domain[space.index(cross(table, a, b).reshape(-1, 26))].all()


@pytest.mark.parametrize("change", [cross, lambda problem, a, b: mutate(a, problem)])
def test_variables_of_another_problem_are_told_by_their_shape(problem, change):
    with pytest.raises(SettingError, match=r"genotypes have shape \(n, 26\) or \(26,\); got"):
        change(problem, np.zeros((4, 30)), np.zeros((4, 30)))


@pytest.mark.parametrize("operator", [eomoo.NeighborMutation, eomoo.CellCrossover])
@pytest.mark.parametrize("prob", [1.5, -0.1, float("nan"), None, "0.5"])
def test_a_probability_is_a_number_from_0_to_1(operator, prob):
    with pytest.raises(SettingError, match="prob must be a finite number from 0"):
        operator(prob=prob)


def test_equal_parents_give_copies(problem, space):
    a = space.genotype(np.arange(20))
    assert (cross(problem, a, a) == a).all()


def test_duplicates_are_genotypes_of_one_cell(space):
    stored = space.genotype([5, 6, 6, 7])
    cell = space.cell(100434)
    two = np.concatenate((stored, [cell.genotype(), space.genotype(100434)]))
    # An edge into a vertex that leads nowhere is pruned away.
    direct = np.zeros(26, dtype=int)
    direct[5] = 1
    longer = direct.copy()
    longer[0] = longer[21] = 1
    X = np.concatenate((two, [direct, longer]))
    kept = eomoo.CellDuplicateElimination().do(Population.new(X=X))
    assert kept.get("X").tolist() == X[[0, 1, 3, 4, 6]].tolist()
    other = Population.new(X=space.genotype([7, 8]))
    kept = eomoo.CellDuplicateElimination().do(Population.new(X=X), other)
    assert space.index(kept.get("X")).tolist() == [5, 6, 100434, space.index(direct)]


def test_invalid_duplicates_are_equal_gene_by_gene():
    a, b = np.zeros(26, dtype=int), np.ones(26, dtype=int)
    c = a.copy()
    c[25] = 1
    kept = eomoo.CellDuplicateElimination().do(Population.new(X=np.stack([a, b, a, c, b])))
    assert kept.get("X").tolist() == [a.tolist(), b.tolist(), c.tolist()]
    assert len(eomoo.CellDuplicateElimination().do(Population.new())) == 0


def test_operators_fit_pymoos_genetic_algorithms(problem, space):
    one, two = (minimize(problem, NSGA2(pop_size=20, **eomoo.cell_operators()), ("n_gen", 6), seed=4) for _ in range(2))
    assert one.pop.get("index").tolist() == two.pop.get("index").tolist()
    assert len(set(one.pop.get("index").tolist())) == len(one.pop)
    assert (space.index(one.pop.get("X")) == one.pop.get("index")).all()
    assert set(eomoo.cell_operators()) == {"sampling", "crossover", "mutation", "eliminate_duplicates"}


def test_once_a_mating_could_not_fill_a_generation_it_tries_little_in_all_that_follow(problem, space):
    rounds, pop = [], Population.new(X=space.genotype(np.arange(20)))

    def mate(*_, n_max_iterations=100, **__):
        rounds.append(n_max_iterations)
        return Population.new(X=space.genotype(np.arange(20, 32)))[: 3 if len(rounds) == 2 else 12]

    mating = CellMating(SimpleNamespace(do=mate), SimpleNamespace(n_offsprings=12, evaluator=None))
    for _ in range(4):
        assert len(mating.do(problem, pop, 12, random_state=np.random.default_rng(0))) == 12
    assert rounds[:2] == [100, 100]
    assert max(rounds[2:]) < 10


def test_operators_fit_beside_those_of_pymoo(problem):
    operators = {**eomoo.cell_operators(), "crossover": UniformCrossover()}
    res = minimize(problem, NSGA2(pop_size=20, **operators), ("n_eval", 100), seed=4)
    assert len(res.F) > 0


def test_operators_fit_a_users_own_problem_on_genotypes(space):
    from pymoo.core.problem import Problem

    class Mine(Problem):
        def __init__(self):
            super().__init__(n_var=26, n_obj=2, xl=0, xu=[1] * 21 + [2] * 5, vtype=int)

        def _evaluate(self, X, out, *args, **kwargs):
            cells = space.index(X)
            assert (cells >= 0).all()
            out["F"] = np.stack([space.params(cells), -space.macs(cells)], axis=1)

    res = minimize(Mine(), NSGA2(pop_size=20, **eomoo.cell_operators()), ("n_eval", 200), seed=1)
    assert len(res.F) > 1


def test_genes_that_differ_by_three_are_no_duplicates():
    a = np.zeros(26, dtype=int)
    X = np.stack([a, a + 3 * (np.arange(26) == 25), a - 3 * (np.arange(26) == 0)])
    assert len(eomoo.CellDuplicateElimination().do(Population.new(X=X))) == 3
    assert len(eomoo.CellDuplicateElimination().do(Population.new(X=X), Population.new(X=X[1:2]))) == 2
