"""The published errors, reproduced: hand-worked cases."""

from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest

from eomoo.esann2024.published_search import (
    _front,
    _Record,
    _Walker,
    as_published,
    figures_as_published,
    hypervolume_as_published,
    mean_pareto_distance_as_published,
    search_as_published,
)
from eomoo.fronts.indicators import hamming_distances, mean_distance


def test_only_distances_above_the_maximum_so_far_are_added(space):
    cells = np.random.default_rng(1).choice(len(space), 12, replace=False)
    codes = space.features(cells, "17x17").astype(int)
    largest, total = 0, 0
    for a in codes:
        for b in codes:
            distance = int(np.abs(a - b).sum())
            if distance > largest:
                largest, total = distance, total + distance
    assert mean_pareto_distance_as_published(cells) == (pytest.approx(total / 12), largest)
    assert total / 12 < mean_distance(hamming_distances(cells))


def test_a_worked_case(space):
    # Cell b is one operation away from a: 17x17 distances 0, d, d, 0, of which only the first d is new.
    cell = int(np.flatnonzero(space.n_vertices == 7)[5])
    pair = np.array([cell, int(space.neighbors(cell)[0])])
    d = int(hamming_distances(pair)[0, 1])
    assert mean_pareto_distance_as_published(pair) == (d / 2, d)
    assert mean_pareto_distance_as_published(pair[:1]) == (0.0, 0.0)
    # A repetition of a record lengthens the front and adds no distance.
    assert mean_pareto_distance_as_published(np.repeat(pair, 5)) == (d / 10, d)


@pytest.mark.parametrize(("n", "published"), [(10, 4.85), (40, 1.41), (120, 0.47)])
def test_the_published_distance_is_a_constant_over_the_fronts_length(eo_folder, n, published):
    """Random subsets of the 330 seven-vertex cells of the EO table; the true mean hardly changes."""
    from eomoo.data.eo_table import load_eo_table
    from eomoo.space import load_space

    cells = load_eo_table(eo_folder)["index"].to_numpy()
    seven = cells[load_space().n_vertices[cells] == 7]
    assert len(seven) == 330
    rng = np.random.default_rng(0)
    subsets = [rng.choice(seven, n, replace=False) for _ in range(200)]
    wrong = np.mean([mean_pareto_distance_as_published(subset)[0] for subset in subsets])
    right = np.mean([mean_distance(hamming_distances(subset)) for subset in subsets])
    assert wrong == pytest.approx(published, rel=0.05)
    assert right == pytest.approx(13.2, abs=0.3)


def test_the_published_hypervolume_is_inverted():
    best, worst = np.array([0.0, 100.0]), np.array([1.0, 1100.0])
    ideal, poor = np.array([[0.0, 100.0]]), np.array([[0.8, 900.0]])
    assert hypervolume_as_published(ideal, best, worst) == 0
    # "Quality" 0.2 and "speed" 0.2 * 1000 + 100, minimised against (1, 1100).
    assert hypervolume_as_published(poor, best, worst) == pytest.approx(0.8 * 800)
    assert hypervolume_as_published(np.concatenate((ideal, poor)), best, worst) == pytest.approx(640)


def test_two_records_of_one_cell_remove_each_other():
    a, again, worse = _Record(1, 0.0, 1.0), _Record(1, 0.0, 1.0), _Record(2, 2.0, 2.0)
    assert _front([a, worse]) == [a]
    assert _front([a, again, worse]) == []
    # The same record repeated stays, as often as it is in the list.
    assert _front([a, worse, a]) == [a, a]


def test_a_cell_that_is_looked_up_again_takes_its_own_place(monkeypatch):
    near, F = {0: [1, 2], 1: [2, 0], 2: [1]}, np.array([[2.0, 2.0], [0.0, 1.0], [1.0, 0.0]])
    monkeypatch.setattr("eomoo.esann2024.published_search._neighbors", lambda space, cell: near[cell])
    start = _Record(0, *F[0])
    walker = _Walker(archive=[start], queue=deque([start]), known={0})
    for paid in (2, 4, 5):
        assert sorted(record.cell for record in walker.step(None, F)) == [1, 2]
        assert walker.paid == paid


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "lat")


def test_no_budget_returns_the_picks_unfiltered(problem):
    starts = np.array([5, 400_000, 77])
    cells, paid = search_as_published(problem, starts, 0)
    assert cells.tolist() == starts.tolist()
    assert paid == 0


def test_the_budget_is_looked_at_once_a_sweep(problem, space):
    starts = np.flatnonzero(space.n_vertices == 7)[[10, 20_000, 200_000]]
    _, paid = search_as_published(problem, starts, 1)
    assert paid == sum(len(near(space, cell)) for cell in starts)


def near(space, cell):
    """Seven-vertex results of all one-gene changes, once for each change."""
    found = space.one_gene_changes(space.genotype([int(cell)]))[0]
    found = found[found >= 0]
    return found[space.n_vertices[found] == 7]


def test_a_start_of_fewer_vertices_is_dead(problem, space):
    starts = np.flatnonzero(space.n_vertices == 6)[[3, 30_000]]
    cells, paid = search_as_published(problem, starts, 500)
    assert paid == 0
    assert set(cells.tolist()) <= set(starts.tolist())


def test_the_probe_gives_the_published_search_what_is_left_of_the_budget(problem, pose, space):
    starts = np.flatnonzero(space.n_vertices == 7)[[10, 20_000, 200_000]]

    def asked(of, init, starts=starts):
        settings = {"init": init, "n_train": 400}
        task = SimpleNamespace(spec=SimpleNamespace(settings=settings), budget=700)
        return as_published(of, task, SimpleNamespace(starts=starts))

    assert asked(problem, "surrogate-pareto") == figures_as_published(problem, starts, 300)
    assert asked(problem, "random") == figures_as_published(problem, starts, 700)
    assert asked(problem, "random")["paid"] > asked(problem, "surrogate-pareto")["paid"]
    # It was written for two objectives, known everywhere, and a search that has starts.
    assert asked(problem, "random", starts=None) is None
    assert asked(pose("err", "lat", "size"), "random") is None
    assert asked(pose("err", "lat", source="part"), "random") is None


def test_figures_are_of_the_front_with_its_repetitions(problem, space):
    starts = np.flatnonzero(space.n_vertices == 7)[[10, 20_000, 200_000, 300_000]]
    cells, paid = search_as_published(problem, starts, 300)
    figures = figures_as_published(problem, starts, 300)
    assert len(set(cells.tolist())) < len(cells)
    assert (figures["front_size"], figures["paid"]) == (len(cells), paid)
    assert figures["n_distinct"] == len(set(cells.tolist()))
    assert figures["mean_hamming"] == pytest.approx(mean_distance(hamming_distances(np.unique(cells))))
    assert figures["mean_pareto_distance"] == mean_pareto_distance_as_published(cells)[0]
    assert figures["best_err"] == problem.values(cells)[:, 0].min()
