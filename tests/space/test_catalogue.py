"""Every cell: enumeration, indices, hashes, genotypes, against slow twins and the published ids."""

import copy
import pickle

import numpy as np
import pytest
import twins

import eomoo
from eomoo.errors import SettingError, UnknownNameError
from eomoo.space.enumeration import enumerate_space

N = 423_624
COUNTS = [0, 0, 1, 6, 84, 2441, 62010, 359082]


def random_genotypes(n, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.integers(0, 2, (n, 21)), rng.integers(0, 3, (n, 5))], axis=1)


def test_a_fresh_enumeration_has_the_published_counts():
    found = enumerate_space()
    assert len(found.mask) == 6_472
    assert len(found.class_of_labelled) == 1_293_208
    assert (found.structure_of_mask >= 0).sum() == 1_538_083
    assert np.bincount(found.vertices[found.class_structure]).tolist() == COUNTS
    assert sorted(set(found.class_of_labelled.tolist())) == list(range(N))


def test_counts_of_the_catalogue(space):
    assert len(space) == N
    assert np.bincount(space.n_vertices).tolist() == COUNTS
    assert space.n_edges.max() == 9
    assert repr(space) == "Catalogue(423,624 cells)"
    assert eomoo.load_space() is space


@pytest.mark.parametrize(("n", "expected"), [(2, 1), (3, 6), (4, 84), (5, 2441)])
def test_stored_members_are_the_first_of_the_official_enumeration(space, n, expected):
    found = twins.enumerate_cells(n)
    assert len(found) == expected
    indices = space.find(found)
    assert (space.n_vertices[indices] == n).all()
    for cell, (matrix, codes) in zip(space.cell(indices), found.values(), strict=True):
        assert cell.matrix.tolist() == matrix
        assert cell.op_codes == codes


def test_index_is_the_rank_of_the_hash(space):
    hashes = space.hash(np.arange(N))
    assert hashes == sorted(set(hashes))
    assert (space.find(hashes) == np.arange(N)).all()


def test_shipped_hashes_are_the_official_ones(space):
    cells = np.random.default_rng(3).choice(N, 2_500, replace=False)
    genotypes, hashes = space.genotype(cells).tolist(), space.hash(cells)
    assert [twins.hash_of_genotype(genotype) for genotype in genotypes] == hashes
    assert [cell.hash for cell in space.cell(cells[:300])] == hashes[:300]


def test_the_450_published_cells_to_the_letter(space, published):
    ids = [row["id"] for row in published]
    assert len(set(ids)) == 450
    assert space.hash(ids) == [row["unique_hash"] for row in published]
    assert space.find(row["unique_hash"] for row in published).tolist() == ids
    for row, cell in zip(published, space.cell(ids), strict=True):
        assert cell.matrix.tolist() == row["module_adjacency"]
        assert list(cell.ops) == row["module_operations"]
        given = eomoo.Cell(row["module_adjacency"], row["module_operations"])
        assert given.hash == row["unique_hash"]
        assert space.index(given) == row["id"]


def test_every_cell_survives_the_round_trip(space):
    everything = np.arange(N)
    genotypes = space.genotype(everything)
    assert genotypes.dtype == np.int64
    assert genotypes.shape == (N, 26)
    assert (space.index(genotypes) == everything).all()
    assert (space.violation(genotypes) == 0).all()
    assert genotypes[:, :21].sum(axis=1).tolist() == space.n_edges.tolist()


def test_cells_of_every_size_survive_the_round_trip(space, sample):
    cells = space.cell(sample)
    assert space.index(cells).tolist() == sample.tolist()
    assert [space.index(cell) for cell in cells[:20]] == sample[:20].tolist()
    for i, cell in zip(sample, cells, strict=True):
        assert cell.genotype().tolist() == space.genotype(i).tolist()
        assert (cell.n_vertices, cell.n_edges) == (space.n_vertices[i], space.n_edges[i])


def test_random_genotypes_agree_with_pruning_and_hashing(space):
    genotypes = random_genotypes(2_000, seed=4)
    expected = [twins.hash_of_genotype(genotype) for genotype in genotypes.tolist()]
    index = space.index(genotypes)
    assert [None if i < 0 else space.hash(int(i)) for i in index] == expected
    assert 0.68 < (index >= 0).mean() < 0.79
    assert [space.index(genotype) for genotype in genotypes[:50]] == index[:50].tolist()


def test_violation_counts_edges(space):
    genotypes = random_genotypes(2_000, seed=5)
    for genotype, violation in zip(genotypes.tolist(), space.violation(genotypes), strict=True):
        pruned = twins.prune(*twins.unpack(genotype))
        assert violation == (1 if pruned is None else max(0, twins.n_edges(pruned[0]) - 9))
    assert space.violation(np.ones((1, 26)))[0] == 12
    assert space.violation(np.zeros(26))[0] == 1


@pytest.mark.parametrize(("gene", "value"), [(0, 2), (20, -1), (21, 3), (25, -1), (3, 1 << 40), (22, -(1 << 62))])
def test_a_gene_out_of_range_is_invalid(space, gene, value):
    good = space.genotype([5, 6, 7])
    bad = good.copy()
    bad[1, gene] = value
    assert space.index(bad).tolist() == [5, -1, 7]
    assert space.violation(bad).tolist() == [0, 22, 0]


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, -np.inf, 1e300])
def test_a_gene_that_is_no_whole_number_is_invalid(space, value):
    bad = space.genotype([5, 6, 7]).astype(float)
    bad[1, 0] = value
    assert space.index(bad).tolist() == [5, -1, 7]


@pytest.mark.parametrize("dtype", ["U1", "S1", object, complex, "m8[s]"])
def test_what_is_no_number_is_no_gene(space, dtype):
    with pytest.raises(SettingError, match="genotypes hold whole numbers; got "):
        space.index(space.genotype([5]).astype(dtype))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, np.float32, np.float64])
def test_any_type_of_number_will_do(space, dtype):
    cells = [1, 100_000, N - 1]
    assert space.index(space.genotype(cells).astype(dtype)).tolist() == cells


def test_any_layout_will_do_and_nothing_is_changed(space):
    genotypes = random_genotypes(5_000, seed=6)
    expected = space.index(genotypes)
    kept = genotypes.copy()
    genotypes.setflags(write=False)
    assert (space.index(genotypes) == expected).all()
    assert (space.index(np.asfortranarray(genotypes)) == expected).all()
    assert (space.index(genotypes[::-3]) == expected[::-3]).all()
    assert (space.index(genotypes.tolist()) == expected).all()
    assert (genotypes == kept).all()
    for block in (1, 4_095, 4_096, 4_097):
        assert (space.index(genotypes[:block]) == expected[:block]).all()


def test_no_genotypes_give_no_indices(space):
    assert space.index(np.empty((0, 26), dtype=int)).shape == (0,)
    assert space.genotype(np.empty(0, dtype=int)).shape == (0, 26)
    assert space.genotype([]).shape == (0, 26)
    assert space.cell([]) == []
    assert space.hash([]) == []
    assert space.find([]).shape == (0,)
    assert space.params([]).shape == (0,)


@pytest.mark.parametrize(
    "X", [np.zeros((3, 25)), np.zeros(27), np.zeros((2, 2, 26)), 5, [], np.zeros((26, 3)), ["a"] * 26]
)
def test_genotypes_of_another_shape_or_kind_are_refused(space, X):
    with pytest.raises(SettingError, match="genotypes h"):
        space.index(X)


@pytest.mark.parametrize("i", [-1, N, [0, -5], [[1, N]], np.iinfo(np.int64).max, np.uint64(2**63)])
@pytest.mark.parametrize("method", ["genotype", "cell", "hash", "params", "macs"])
def test_indices_out_of_range_are_refused(space, method, i):
    with pytest.raises(ValueError, match="no cell has the index"):
        getattr(space, method)(i)


@pytest.mark.parametrize("i", [1.0, "7", None, [1.5], True, [True, False], 1 << 80])
@pytest.mark.parametrize("method", ["genotype", "cell", "hash", "params", "macs"])
def test_indices_that_are_no_whole_numbers_are_refused(space, method, i):
    with pytest.raises(ValueError, match="whole number"):
        getattr(space, method)(i)


def test_scalar_in_scalar_out(space):
    assert type(space.index(space.genotype(9))) is int
    assert type(space.params(9)) is int
    assert type(space.hash(9)) is str
    assert space.genotype(9).shape == (26,)
    assert isinstance(space.cell(np.int32(9)), eomoo.Cell)
    assert space.hash(np.array([9])) == [space.hash(9)]


def test_a_missing_hash_is_named(space):
    known = space.hash(77)
    assert space.find(known).tolist() == [77]
    assert space.find([known.upper()]).tolist() == [77]
    missing = ("0" if known[-1] != "0" else "1").join((known[:-1], ""))
    for wrong in ([missing], [known, missing]):
        with pytest.raises(KeyError, match=missing):
            space.find(wrong)
    with pytest.raises(KeyError, match="and 2 more"):
        space.find([f"{k:032x}" for k in range(5)])


@pytest.mark.parametrize("wrong", ["", "xyz", "ab" * 15, "ab" * 17, "g" * 32, None, 5, b"ab" * 16])
def test_what_is_no_hash_is_named(space, wrong):
    with pytest.raises(UnknownNameError, match="no NAS-Bench-101 hash"):
        space.find([space.hash(0), wrong])


def test_copies_share_the_tables(space):
    assert copy.deepcopy(space) is space
    assert len(pickle.dumps(space)) < 200
    assert pickle.loads(pickle.dumps(space)) is space


def test_one_gene_changes_are_the_31_steps(space):
    genotypes = random_genotypes(60, seed=7)
    near = space.one_gene_changes(genotypes)
    for genotype, row in zip(genotypes.tolist(), near, strict=True):
        assert sorted(row.tolist()) == sorted(space.index(twins.steps(genotype)).tolist())
