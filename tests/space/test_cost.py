"""Parameters and multiply-accumulates against the network's description."""

import json

import numpy as np
import pytest
import twins

import eomoo
from eomoo.space.cost import vertex_channels

SKELETONS = {
    "so2sat": eomoo.SO2SAT,
    "cifar10": eomoo.CIFAR10,
    "narrow": eomoo.Skeleton(in_channels=1, n_classes=2, stem_channels=5, image_size=4),
    "odd": eomoo.Skeleton(in_channels=13, n_classes=45, stem_channels=37, n_stacks=4, cells_per_stack=2, image_size=61),
    "single": eomoo.Skeleton(in_channels=4, n_classes=3, stem_channels=64, n_stacks=1, cells_per_stack=1, image_size=1),
}


@pytest.mark.parametrize("name", SKELETONS)
def test_cost_of_cells_of_every_size(space, sample, name):
    skeleton = SKELETONS[name]
    cells = [(cell.matrix.tolist(), list(cell.op_codes)) for cell in space.cell(sample)]
    assert space.params(sample, skeleton).tolist() == [twins.params(*cell, skeleton) for cell in cells]
    assert space.macs(sample, skeleton).tolist() == [twins.macs(*cell, skeleton) for cell in cells]


def test_the_450_published_parameter_counts(space, eo_folder):
    path = eo_folder / "test_results_sampled_all_paths.json"
    rows = json.loads(path.read_text())
    ids = [int(name.removeprefix("arch_")) for name in rows]
    assert len(ids) == 450
    assert space.params(ids).tolist() == [row["num_params"] for row in rows.values()]


@pytest.mark.parametrize("width", [5, 37, 128])
def test_channels_of_vertices(space, sample, width):
    found = vertex_channels(space.structure_adjacency[space.structure[sample]], width)
    for cell, row in zip(space.cell(sample), found, strict=True):
        inner = twins.vertex_channels(cell.matrix.tolist(), width)[1:-1]
        assert row.tolist() == inner + [0] * (5 - len(inner))
        assert all(channels > 0 for channels in inner)


def test_shape_and_type(space):
    assert space.params([3, 4]).dtype == space.macs([3, 4]).dtype == np.int64
    assert space.params(np.array([[3, 4]])).shape == (1, 2)
    assert type(space.macs(3)) is int
    assert space.params(3) == space.params([3])[0]
    everything = space.params(np.arange(len(space)))
    assert everything.min() > 0
    assert everything[3] == space.params(3)


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_indices_of_any_shape(space, shape):
    cells = np.arange(7, 7 + np.prod(shape, dtype=int)).reshape(shape)
    assert np.shape(space.params(cells)) == np.shape(space.macs(cells)) == shape
    for got, gave in ((space.genotype(cells), space.genotype), (space.features(cells), space.features)):
        rows = gave(cells.ravel())
        assert got.shape == (*shape, rows.shape[1])
        assert np.array_equal(got.reshape(rows.shape), rows)
    if shape == (2, 3):
        assert [space.index(row).tolist() for row in space.cell(cells)] == cells.tolist()


def test_giant_networks_do_not_overflow(space):
    huge = eomoo.Skeleton(in_channels=1000, n_classes=1000, stem_channels=4096, image_size=2048)
    cell = space.cell(100434)
    assert space.macs(100434, huge) == twins.macs(cell.matrix.tolist(), cell.op_codes, huge) > 2**40


def test_skeletons_are_values():
    assert eomoo.Skeleton(in_channels=10, n_classes=17) == eomoo.SO2SAT
    assert eomoo.SO2SAT != eomoo.CIFAR10
    assert eomoo.SO2SAT.widths == (128, 256, 512)
    assert eomoo.SO2SAT.pixels == (1024, 256, 64)
    with pytest.raises(AttributeError):
        eomoo.SO2SAT.n_classes = 3


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("in_channels", 0, "in_channels must be a whole number of at least 1; got 0"),
        ("n_classes", 1, "n_classes must be a whole number of at least 2"),
        ("stem_channels", 4, "stem_channels must be a whole number of at least 5"),
        ("stem_channels", 128.0, "stem_channels must be a whole number"),
        ("n_stacks", -1, "n_stacks must be a whole number of at least 1"),
        ("n_stacks", 7, "halve an image of 32 pixels to nothing"),
        ("cells_per_stack", True, "whole number"),
        ("image_size", "32", "whole number"),
        ("image_size", None, "whole number"),
        ("image_size", 0, "at least 1"),
        ("image_size", 10**26, "more multiply-accumulates than can be counted"),
        ("stem_channels", 10**26, "more multiply-accumulates than can be counted"),
        ("cells_per_stack", 10**26, "more multiply-accumulates than can be counted"),
        ("n_classes", 10**26, "more multiply-accumulates than can be counted"),
        ("in_channels", 10**26, "more multiply-accumulates than can be counted"),
        ("n_stacks", 10**26, "halve an image of 32 pixels to nothing"),
    ],
)
def test_what_gives_no_network_is_refused(key, value, text):
    with pytest.raises(ValueError, match=text):
        eomoo.Skeleton(**{"in_channels": 3, "n_classes": 10, key: value})
