import numpy as np
import pytest

import eomoo
from eomoo.live.network import INITIALIZATIONS, build_network
from eomoo.live.profile import measure_memory, profile_network

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")

SMALL = eomoo.Skeleton(in_channels=4, n_classes=3, stem_channels=8, n_stacks=2, cells_per_stack=1, image_size=8)
TINY = eomoo.Skeleton(in_channels=2, n_classes=3, stem_channels=5, n_stacks=1, cells_per_stack=1, image_size=4)


@pytest.fixture(scope="module")
def space():
    return eomoo.load_space()


def assert_counts(space, index, skeleton):
    pytest.importorskip("thop", reason="the extra 'live' is not installed")
    counted = profile_network(index, skeleton)
    assert counted.params == space.params(index, skeleton)
    assert counted.macs == space.macs(index, skeleton)
    assert counted.thop_macs == counted.macs + 4 * counted.batch_norm_elements


def test_counts_of_random_cells_on_a_small_skeleton(space):
    for index in np.random.default_rng(0).choice(len(space), 60, replace=False).tolist():
        assert_counts(space, index, SMALL)


def test_counts_of_the_published_cells(space, eo_folder):
    from eomoo.data.eo_table import load_eo_table

    indices = np.unique(load_eo_table(eo_folder)["index"])
    assert len(indices) == 450
    # All of them, on the published skeleton: benchmarks/network_counts.py.
    for index in indices[::15].tolist():
        assert_counts(space, index, SMALL)


@pytest.mark.parametrize("index", np.random.default_rng(1).integers(423_624, size=5).tolist())
@pytest.mark.parametrize("skeleton", [eomoo.SO2SAT, eomoo.CIFAR10], ids=["so2sat", "cifar10"])
def test_counts_on_the_published_skeletons(space, index, skeleton):
    assert_counts(space, index, skeleton)


def test_forward_and_backward_of_every_kind_of_structure(space):
    """One structure for each way in which the output is fed, and every place that an edge can have."""
    adjacency = space.structure_adjacency[space.structure]
    codes = np.packbits(adjacency[:, :, 6], axis=1)[:, 0].astype(np.int64)
    kinds = codes * 256 + np.packbits(adjacency[:, 0, :], axis=1)[:, 0]
    _, chosen = np.unique(kinds, return_index=True)
    assert len(chosen) > 300
    image = torch.ones(2, 2, 4, 4)
    for index in chosen.tolist():
        network = build_network(index, TINY, seed=0)
        network(image).sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def breaking_in_place(space):
    """Which cells have a single convolution before the output, which is also fed by the input."""
    adjacency, ops = space.structure_adjacency[space.structure], space.padded_ops(np.arange(len(space)))
    joined = adjacency[:, 1:6, 6]
    single = (joined.sum(axis=1) == 1) & adjacency[:, 0, 6]
    convolution = np.take_along_axis(ops, joined.argmax(axis=1)[:, None], axis=1)[:, 0] < 2
    return single & convolution


def trains(index):
    network = build_network(index, TINY, seed=0)
    network(torch.ones(2, 2, 4, 4)).square().sum().backward()
    return bool(network.stem[0].weight.grad.isfinite().all())


def test_cells_that_an_addition_in_place_would_break(space):
    breaking = np.flatnonzero(breaking_in_place(space))
    assert len(breaking) > 1000
    assert all(trains(index) for index in breaking[:: len(breaking) // 49].tolist())


def test_the_published_cells_that_an_addition_in_place_would_break(space, eo_folder):
    from eomoo.data.eo_table import load_eo_table

    published = np.unique(load_eo_table(eo_folder)["index"])
    breaking = published[breaking_in_place(space)[published]]
    assert len(breaking) == 49
    assert all(trains(index) for index in breaking.tolist())


def test_a_known_cell_by_hand(space):
    """input -> maxpool -> output and input -> output: the pooled projection plus the projection."""
    cell = eomoo.Cell([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", "maxpool3x3", "output"])
    network = build_network(cell, TINY, seed=3).eval()
    image = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        stem = network.stem(image)
        block = network.stacks[0][0]
        pooled = torch.nn.functional.max_pool2d(block.projections["1"](stem), 3, stride=1, padding=1)
        expected = network.classifier((pooled + block.projections["2"](stem)).mean(dim=(2, 3)))
        assert torch.equal(network(image), expected)


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_weights_depend_on_the_seed_alone(name):
    before = torch.random.get_rng_state()
    first = build_network(100434, SMALL, initialization=name, seed=7).state_dict()
    torch.random.manual_seed(99)
    again = build_network(100434, SMALL, initialization=name, seed=7).state_dict()
    other = build_network(100434, SMALL, initialization=name, seed=8).state_dict()
    torch.random.set_rng_state(before)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["stem.0.weight"], other["stem.0.weight"])


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_nothing_of_a_network_is_what_its_memory_held_before(name, monkeypatch):
    empty = torch.nn.Module.to_empty

    def used(self, **options):
        network = empty(self, **options)
        for value in network.state_dict().values():
            value.fill_(77)
        return network

    monkeypatch.setattr(torch.nn.Module, "to_empty", used)
    network = build_network(100434, SMALL, initialization=name, seed=7)
    assert not any((value == 77).any() for value in network.state_dict().values())


def test_building_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    build_network(100434, SMALL, seed=1)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("he-fan-in", (2 / (9 * 20)) ** 0.5),
        ("he-fan-out", (2 / (9 * 64)) ** 0.5),
        ("pytorch", (1 / (9 * 20)) ** 0.5 / 3**0.5),
    ],
)
def test_initializations_have_their_spread(name, expected):
    skeleton = eomoo.Skeleton(in_channels=20, n_classes=3, stem_channels=64, n_stacks=1, cells_per_stack=1)
    weight = build_network(0, skeleton, initialization=name, seed=0).stem[0].weight
    assert weight.std().item() == pytest.approx(expected, rel=0.03)


def test_an_unknown_initialization_is_named():
    with pytest.raises(KeyError, match=r"xavier.*he-fan-in"):
        build_network(0, SMALL, initialization="xavier")


def test_nothing_of_the_counters_stays_in_a_network():
    pytest.importorskip("thop", reason="the extra 'live' is not installed")
    network = build_network(100434, SMALL, seed=0)
    state = network.state_dict()
    profile_network(100434, SMALL)
    assert set(build_network(100434, SMALL, seed=0).state_dict()) == set(state)
    assert not any("total_" in name for name in state)
    network.load_state_dict(state, strict=True)


def test_memory_grows_with_the_batch_only_where_it_should():
    one, four = measure_memory(100434, SMALL), measure_memory(100434, SMALL, batch_size=4)
    assert one.parameters == four.parameters
    assert four.peak_activations == 4 * one.peak_activations
    # The stem's two feature maps (convolution and batch norm) are alive at once.
    assert one.peak_activations >= 2 * 8 * 64 * 4


def test_a_wider_source_gives_its_first_channels():
    """Five channels shared by two vertices are three and two; the first also feeds the second."""
    cell = eomoo.Cell(
        [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], ["input", "maxpool3x3", "maxpool3x3", "output"]
    )
    network = build_network(cell, TINY, seed=3).eval()
    block = network.stacks[0][0]
    image = torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first = torch.nn.functional.max_pool2d(block.projections["1"](image), 3, stride=1, padding=1)
        second = torch.nn.functional.max_pool2d(first[:, :2], 3, stride=1, padding=1)
        assert torch.equal(block(image), torch.cat((first, second), dim=1))
