"""The three neighbourhoods against their definitions."""

import zlib

import numpy as np
import pytest
import twins

import eomoo
from eomoo.space import Catalogue, neighbors


def one_step(space, i):
    """Cells one step from the stored member, by pruning and hashing."""
    near = {twins.hash_of_genotype(g) for g in twins.steps(space.genotype(i).tolist())}
    return sorted(set(space.find(near - {None}).tolist()) - {i})


def steps_of_class(space, i):
    """Cells one step from any member of the class."""
    cell = space.cell(i)
    near = [g for m in twins.members(cell.matrix.tolist(), cell.op_codes) for g in twins.steps(m)]
    return set(space.index(near).tolist()) - {-1, i}


def test_hamming_is_one_step_from_the_stored_member(space, sample):
    for i in sample[::3].tolist():
        assert space.neighbors(i).tolist() == one_step(space, i)


def test_published_is_hamming_between_cells_of_seven_vertices(space, sample):
    for i in sample.tolist():
        near = space.neighbors(i)
        expected = near[space.n_vertices[near] == 7] if space.n_vertices[i] == 7 else near[:0]
        assert space.neighbors(i, "published").tolist() == expected.tolist()


def test_symmetric_is_a_step_from_any_member_or_the_reverse_of_one(space, sample):
    for i in sample[::6].tolist():
        ahead = steps_of_class(space, i)
        near = set(space.neighbors(i, "symmetric").tolist())
        assert ahead <= near
        assert all(i in steps_of_class(space, b) for b in sorted(near - ahead)[:12])
        assert all(i in space.neighbors(a, "symmetric") for a in ahead)


def test_symmetric_is_complete_upwards_for_the_smallest_cells(space):
    small = np.flatnonzero(space.n_vertices <= 3)
    expected = {i: steps_of_class(space, i) for i in small.tolist()}
    for b in np.flatnonzero(space.n_vertices <= 5).tolist():
        for i in steps_of_class(space, b) & expected.keys():
            expected[i].add(b)
    for i, near in expected.items():
        found = space.neighbors(i, "symmetric")
        assert set(found[space.n_vertices[found] <= 5].tolist()) == near


def pairs_of(space, kind):
    hood = space.neighborhood(kind)
    source = np.repeat(np.arange(len(space)), np.diff(hood.indptr))
    target = hood.indices.astype(np.int64)  # NumPy 1 multiplies by a scalar in 32 bits
    return source * len(space) + target, target * len(space) + source


def test_symmetric_is_symmetric_and_contains_hamming(space):
    there, back = pairs_of(space, "symmetric")
    back.sort()
    assert np.array_equal(there, back)
    assert np.isin(pairs_of(space, "hamming")[0], there, assume_unique=True).all()


def test_published_numbers_of_pairs(space):
    there, back = pairs_of(space, "hamming")
    assert len(there) == 7_653_143
    assert round(100 * np.isin(back, there, assume_unique=True).mean(), 1) == 80.4


def test_published_numbers_of_steps(space):
    # The published means count steps, several of which may lead to one neighbour.
    steps, published = np.zeros(len(space), dtype=int), np.zeros(len(space), dtype=int)
    for block in np.array_split(np.arange(len(space)), 20):
        near = space.one_gene_changes(space.genotype(block))
        good = (near >= 0) & (near != block[:, None])
        steps[block] = good.sum(axis=1)
        published[block] = (good & (space.n_vertices[near] == 7)).sum(axis=1)
    assert (steps.min(), steps.max(), round(steps.mean(), 1)) == (0, 31, 20.4)
    seven = published[space.n_vertices == 7]
    assert (seven.min(), seven.max(), round(seven.mean(), 1)) == (10, 26, 15.0)


@pytest.mark.parametrize("kind", ["hamming", "symmetric", "published"])
def test_rows_are_sorted_distinct_and_without_the_cell_itself(space, kind):
    there, _ = pairs_of(space, kind)
    assert (np.diff(there) > 0).all()
    assert (there // len(space) != there % len(space)).all()
    hood = space.neighborhood(kind)
    assert len(hood) == len(space)
    assert hood.indices.min() >= 0
    assert hood.indices.max() < len(space)


@pytest.mark.parametrize("kind", ["hamming", "symmetric", "published"])
def test_single_cells_before_and_after_the_whole_is_prepared(space, sample, kind):
    fresh = Catalogue()
    single = [fresh.neighbors(int(i), kind) for i in sample]
    counts, flat = fresh.neighbor_lists(sample, kind=kind)
    assert counts.tolist() == [len(row) for row in single]
    assert flat.tolist() == np.concatenate(single).tolist()
    whole = space.neighborhood(kind)
    assert [whole[int(i)].tolist() for i in sample] == [row.tolist() for row in single]
    again = space.neighbor_lists(sample[::-1], kind=kind)
    assert again[0].tolist() == counts.tolist()[::-1]
    assert again[1].dtype == single[0].dtype == np.int64


def test_one_row_of_the_whole_neighborhood(space):
    hood = space.neighborhood()
    assert isinstance(hood, eomoo.Neighborhood)
    assert hood[100434].tolist() == space.neighbors(100434).tolist()
    counts, flat = hood.rows(np.array([100434, 3, 100434]))
    assert flat.tolist() == [*hood[100434], *hood[3], *hood[100434]]
    assert counts.tolist() == [len(hood[100434]), len(hood[3]), len(hood[100434])]
    assert [part.shape for part in hood.rows(np.empty(0, dtype=np.int64))] == [(0,), (0,)]


def test_an_unknown_kind_is_named_with_those_known(space):
    for ask in (lambda: space.neighbors(3, "edge"), lambda: space.neighborhood("edge")):
        with pytest.raises(KeyError, match=r"neighbourhood 'edge'.*hamming, symmetric, published"):
            ask()


@pytest.mark.parametrize("i", [-1, 423_624, 1.5, "a", None])
def test_a_wrong_index_is_refused(space, i):
    with pytest.raises(ValueError, match="index"):
        space.neighbors(i)


@pytest.mark.parametrize("i", [[1, 2], np.array([3]), [[4]]])
def test_neighbors_are_those_of_one_cell(space, i):
    with pytest.raises(ValueError, match=r"one index.*neighbor_lists"):
        space.neighbors(i)


def test_lists_of_a_grid_of_cells_are_refused(space):
    with pytest.raises(ValueError, match=r"got \(2, 2\)"):
        space.neighbor_lists([[1, 2], [3, 4]])


def test_steps_without_a_way_back_are_found_as_the_kept_ones_were(space):
    found = np.stack(neighbors._one_way_steps(space))
    assert zlib.crc32(found.tobytes()) == neighbors._ONE_WAY_CHECKSUM


@pytest.mark.parametrize("damage", ["another array", "cut", "no folder"])
def test_a_kept_neighbourhood_that_is_damaged_is_not_used(space, sample, monkeypatch, tmp_path, damage):
    right = neighbors.neighbor_lists(space, sample, "symmetric")[1]
    path = tmp_path / "space" / "one-way.npy"
    if damage == "no folder":
        path.parent.write_text("a file where the folder should be")
    else:
        path.parent.mkdir()
        np.save(path, np.zeros((2, 1_501_413), dtype=np.int32))
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:5_000])
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path))
    neighbors._one_way.cache_clear()
    assert np.array_equal(neighbors.neighbor_lists(space, sample, "symmetric")[1], right)
    neighbors._one_way.cache_clear()
    if damage != "no folder":
        assert zlib.crc32(np.load(path).tobytes()) == neighbors._ONE_WAY_CHECKSUM
