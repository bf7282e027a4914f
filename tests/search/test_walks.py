"""Random walks and samples made of them."""

from itertools import pairwise

import numpy as np
import pytest

from eomoo.errors import SettingError, UnknownNameError
from eomoo.search.walks import WalkSampling, distinct_walks, random_walks


def are_steps(space, walks, kind):
    return all(b in space.neighbors(int(a), kind) for walk in walks for a, b in pairwise(walk) if b >= 0)


@pytest.mark.parametrize("kind", ["hamming", "symmetric", "published"])
@pytest.mark.parametrize("self_avoiding", [False, True])
def test_every_step_goes_to_a_neighbour(space, kind, self_avoiding):
    walks = random_walks(70, 12, neighborhood=kind, self_avoiding=self_avoiding, seed=1)
    assert walks.shape == (70, 12)
    assert walks.dtype == np.int64
    assert (walks >= 0).mean() > 0.9
    assert are_steps(space, walks, kind)
    assert len(np.unique(walks[:, 0])) == 70
    revisits = sum(len(np.unique(w)) < len(w) for w in (walk[walk >= 0] for walk in walks))
    assert (revisits == 0) == self_avoiding


def test_only_hamming_walks_die_out_in_the_cell_that_has_no_way_on(space):
    walks = random_walks(200, 60, seed=0)
    last = np.array([walk[walk >= 0][-1] for walk in walks if (walk < 0).any()])
    assert len(last) > 20
    assert (space.n_vertices[last] == 2).all()
    assert (random_walks(200, 60, neighborhood="symmetric", seed=0) >= 0).all()


def test_the_same_seed_gives_the_same_walks_and_a_generator_goes_on():
    first = random_walks(5, 9, seed=3)
    np.testing.assert_array_equal(first, random_walks(5, 9, seed=3))
    assert (first != random_walks(5, 9, seed=4)).any()
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(first, random_walks(5, 9, seed=rng))
    assert (first != random_walks(5, 9, seed=rng)).any()


def test_a_step_is_uniform_over_the_distinct_neighbours(space):
    start = 100434
    near = space.neighbors(start)
    walks = random_walks(20_000, 2, starts=np.full(20_000, start), seed=5)
    counts = np.bincount(np.searchsorted(near, walks[:, 1]), minlength=len(near))
    expected = 20_000 / len(near)
    # Chi-squared with about 20 degrees of freedom; 60 is beyond its 99.999 % quantile.
    assert ((counts - expected) ** 2 / expected).sum() < 60


def test_walks_stay_in_the_domain_and_end_where_nothing_is_left(space):
    start = 100434
    near = space.neighbors(start)
    domain = np.zeros(len(space), dtype=bool)
    domain[[start, *near[:2]]] = True
    walks = random_walks(40, 6, self_avoiding=True, domain=domain, seed=0)
    assert domain[walks[walks >= 0]].all()
    assert (walks[:, 3:] == -1).all()
    ended = walks < 0
    assert (ended[:, 1:] >= ended[:, :-1]).all()


def test_walks_that_cannot_be_are_refused(space):
    alone = np.zeros(len(space), dtype=bool)
    alone[7] = True
    with pytest.raises(SettingError, match="no cell of the domain has a neighbour"):
        random_walks(2, 3, domain=alone)
    assert random_walks(1, 1, domain=alone).tolist() == [[7]]
    with pytest.raises(SettingError, match="length must be a whole number"):
        random_walks(2, 0)
    with pytest.raises(SettingError, match=r"starts has one cell a walk, shape \(2,\)"):
        random_walks(2, 3, starts=[1, 2, 3])
    with pytest.raises(SettingError, match="the start 8 is no cell of the domain"):
        random_walks(1, 3, starts=[8], domain=alone)
    with pytest.raises(SettingError, match="domain has one entry a cell"):
        random_walks(1, 3, domain=np.ones(4, dtype=bool))
    with pytest.raises(UnknownNameError, match="there is no neighbourhood 'ring'"):
        random_walks(2, 3, neighborhood="ring")


def test_a_sample_of_walks_has_distinct_cells_along_steps(space):
    walks = WalkSampling(length=15).walks(450, seed=1)
    cells = np.concatenate(walks)
    assert len(cells) == len(np.unique(cells)) == 450
    assert max(map(len, walks)) == 15
    assert are_steps(space, walks, "hamming")


def test_the_sampling_gives_genotypes_to_pymoo(space):
    class Problem:
        domain = None

    X = WalkSampling(length=4)._do(Problem(), 10, random_state=np.random.default_rng(2))
    assert X.shape == (10, 26)
    cells = space.index(X)
    again = np.concatenate(WalkSampling(length=4).walks(10, seed=2))
    np.testing.assert_array_equal(cells, again)


def test_a_sample_of_a_small_domain_gives_all_of_it(space):
    domain = np.zeros(len(space), dtype=bool)
    domain[:50] = True
    cells = np.concatenate(WalkSampling().walks(200, domain=domain, seed=0))
    np.testing.assert_array_equal(np.sort(cells), np.arange(50))


def test_distinct_walks_share_no_cell_and_the_first_are_the_same_however_many(space):
    walks = distinct_walks(20, 15, seed=3)
    cells = np.concatenate(walks)
    assert len(walks) == 20
    assert max(map(len, walks)) == 15
    assert len(np.unique(cells)) == len(cells)
    assert are_steps(space, walks, "hamming")
    for few, many in zip(distinct_walks(7, 15, seed=3), walks, strict=False):
        np.testing.assert_array_equal(few, many)
    with pytest.raises(SettingError, match="n_walks must be a whole number from 1 to 28,241"):
        distinct_walks(30_000, 15)
