"""Encodings of cells against slow twins; structural features against every member of a class."""

import re
from itertools import pairwise

import numpy as np
import pytest
import twins

from eomoo.errors import UnknownNameError
from eomoo.space import SO2SAT
from eomoo.space.features import FEATURE_KINDS, feature_names, features, matrix_17x17
from eomoo.space.structural import STRUCTURAL_NAMES, structural_features

KINDS = ("conv3x3", "conv1x1", "maxpool")


def graph(space, i):
    """Matrix and operation codes of a cell's stored member."""
    cell = space.cell(int(i))
    return cell.matrix.tolist(), list(cell.op_codes)


def paths(matrix, v=0):
    """All paths from v to the output, as lists of vertices."""
    n = len(matrix)
    if v == n - 1:
        return [[v]]
    return [[v, *rest] for w in range(v + 1, n) if matrix[v][w] for rest in paths(matrix, w)]


def slow_features(matrix, codes):
    """Structural features of one cell from the list of its paths."""
    n = len(matrix)
    kind = ["input", *(KINDS[c] for c in codes), "output"]
    edges = [(x, y) for x in range(n) for y in range(n) if matrix[x][y]]
    found = paths(matrix)

    def on_path(path, *kinds):
        return sum(kind[v] in kinds for v in path)

    convs = [on_path(p, "conv3x3", "conv1x1") for p in found]
    result = {
        "vertices": n,
        "edges": len(edges),
        "convs": sum(c < 2 for c in codes),
        "paths": len(found),
        "input_degree": sum(matrix[0]),
        "output_degree": sum(row[-1] for row in matrix),
        "max_ops_on_path": max(len(p) - 2 for p in found),
        "min_ops_on_path": min(len(p) - 2 for p in found),
        "max_convs_on_path": max(convs),
        "min_convs_on_path": min(convs),
        "max_spatial_on_path": max(on_path(p, "conv3x3", "maxpool") for p in found),
        "mean_conv3x3_on_path": np.mean([on_path(p, "conv3x3") for p in found]),
        "mean_ops_on_path": np.mean([len(p) - 2 for p in found]),
        "variance_of_convs_on_path": np.var(convs),
        "busiest_conv": max(
            [sum(v in p for p in found) / len(found) for v in range(n) if kind[v].startswith("conv")], default=0
        ),
    }
    for k in range(4):
        result[f"paths_with_{k}_convs"] = convs.count(k)
        result[f"paths_with_{k}_conv3x3"] = [on_path(p, "conv3x3") for p in found].count(k)
    for a in ("input", *KINDS):
        for b in (*KINDS, "output"):
            chosen = [(x, y) for x, y in edges if (kind[x], kind[y]) == (a, b)]
            used = sum(sum(step in chosen for step in pairwise(p)) for p in found)
            result[f"{a}>{b}"] = len(chosen)
            result[f"mean_{a}>{b}"] = used / len(found)
            for c in (*KINDS, "output"):
                if b != "output":
                    result[f"{a}>{b}>{c}"] = sum(kind[z] == c for x, y in chosen for z in range(n) if matrix[y][z])
    return result


def test_structural_features_agree_with_a_slow_twin(space, sample):
    fast = features(space, sample)
    for row, i in zip(fast, sample, strict=True):
        for name, value in slow_features(*graph(space, i)).items():
            assert row[STRUCTURAL_NAMES.index(name)] == pytest.approx(value, abs=1e-5), (name, i)


def test_structural_features_are_the_same_for_every_member_of_a_class(space, sample):
    checked = 0
    for i in sample[sample.size // 2 :]:
        genotypes = np.array(twins.members(*graph(space, i)))
        if len(genotypes) == 1:
            continue
        adjacency = np.zeros((len(genotypes), 7, 7), dtype=bool)
        x, y = np.triu_indices(7, 1)
        adjacency[:, x, y] = genotypes[:, :21]
        rows = structural_features(adjacency, genotypes[:, 21:].astype(np.int8))
        np.testing.assert_allclose(rows, np.broadcast_to(space.features(int(i)), rows.shape), rtol=1e-5)
        checked += len(genotypes)
    assert checked > 200


def test_operations_of_unused_vertices_do_not_matter(space):
    small = np.flatnonzero(space.n_vertices == 4)
    adjacency, ops = space.structure_adjacency[space.structure[small]], space.padded_ops(small)
    other = ops.copy()
    other[:, 2:] = 2
    np.testing.assert_array_equal(structural_features(adjacency, ops), structural_features(adjacency, other))


def test_costs_are_near_the_exact_ones(space):
    every = np.arange(0, len(space), 101)
    found = features(space, every)
    params = found[:, STRUCTURAL_NAMES.index("params")] * 1e6
    macs = found[:, STRUCTURAL_NAMES.index("macs")] * 1e9
    # Batch norm, stem, classifier and the remainders of divisions are all that is left out.
    np.testing.assert_allclose(params, space.params(every), rtol=0.02)
    fixed = 9 * SO2SAT.in_channels * SO2SAT.stem_channels * SO2SAT.pixels[0] + SO2SAT.widths[-1] * 17
    np.testing.assert_allclose(macs + fixed, space.macs(every), rtol=0.02)


def test_structural_features_tell_most_cells_apart(space):
    every = np.arange(0, len(space), 37)
    found = features(space, every)
    assert np.isfinite(found).all()
    assert (found.std(axis=0) > 0).all()
    assert len(np.unique(found, axis=0)) > 0.98 * len(every)


def test_one_hot_encodes_the_genotype(space, sample):
    rows, genes = features(space, sample, kind="one-hot"), space.genotype(sample)
    np.testing.assert_array_equal(rows[:, :21], genes[:, :21])
    chosen = rows[:, 21:].reshape(-1, 5, 3)
    used = np.arange(5) < space.n_vertices[sample, None] - 2
    np.testing.assert_array_equal(chosen.sum(axis=2), used)
    np.testing.assert_array_equal(chosen.argmax(axis=2)[used], genes[:, 21:][used])


def test_17x17_puts_operations_into_slots_in_vertex_order(space, sample):
    first = {1: 1, 0: 6, 2: 11}
    for matrix, i in zip(matrix_17x17(space, sample), sample, strict=True):
        small, codes = graph(space, i)
        slots = [0]
        slots += [first[c] + codes[:k].count(c) for k, c in enumerate(codes)]
        slots.append(16)
        expected = np.zeros((17, 17), dtype=int)
        for x, y in np.argwhere(small):
            expected[slots[x], slots[y]] = 1
        np.testing.assert_array_equal(matrix, expected)


def test_published_walks_are_single_flips_in_17x17(space, published):
    flat = features(space, np.array([row["id"] for row in published]), kind="17x17")
    walks = flat.reshape(30, 15, 289).astype(int)
    distance = np.abs(np.diff(walks, axis=1)).sum(axis=2)
    assert (distance == 1).all()


@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_names_shapes_and_types(space, kind):
    found = space.features(np.arange(20_000, 20_007), kind)
    assert found.shape == (7, len(feature_names(kind)))
    assert len(set(feature_names(kind))) == found.shape[1]
    assert found.dtype == (np.float32 if "structural" in kind else np.uint8)
    np.testing.assert_array_equal(space.features(20_003, kind), found[3])
    assert space.features([], kind).shape == (0, found.shape[1])


def test_blocks_do_not_matter(space):
    every = np.random.default_rng(3).integers(0, len(space), 20_000)
    whole = features(space, every)
    np.testing.assert_array_equal(whole[8_000:9_000], features(space, every[8_000:9_000]))


def test_an_unknown_kind_is_named(space):
    with pytest.raises(UnknownNameError, match=re.escape("'wl'; known are one-hot, 17x17, structural")):
        space.features(0, "wl")
    with pytest.raises(KeyError):
        feature_names("wl")
