"""What a script gives by mistake: every public function refuses it in one sentence, and makes nothing else of it."""

import numpy as np
import pandas as pd
import pytest

import eomoo
from eomoo.errors import SettingError, UnknownNameError
from eomoo.fronts import attainment_difference, attainment_surfaces
from eomoo.landscape import analyse_landscape, analyse_sample
from eomoo.search import distinct_walks, make_algorithm, random_walks


@pytest.fixture(scope="module")
def problem():
    return eomoo.get_problem("eo-macro-latency")


@pytest.fixture(scope="module")
def models():
    from eomoo.models import shipped_folder

    return eomoo.load_models(shipped_folder())


GRID, RAGGED = [[1, 2], [3, 4]], [[1, 2], [3]]


@pytest.mark.parametrize(
    "method",
    ["genotype", "cell", "hash", "params", "macs", "features", "neighbors", "neighbor_lists", "index", "decode"],
)
def test_rows_of_different_lengths_are_no_array(space, method):
    with pytest.raises(SettingError, match="must be numbers, in rows of one length; got "):
        getattr(space, method)(RAGGED)


def test_hashes_of_a_grid_of_cells_would_lose_its_shape(space):
    with pytest.raises(SettingError, match=r"indices have shape \(n,\); got \(2, 2\)"):
        space.hash(GRID)


@pytest.mark.parametrize(
    "method",
    [
        "all_deviations",
        "expected",
        "ignorance",
        "extrapolates",
        "marks",
        "basis",
        "measured_values",
        "violations_at",
        "limited_values",
        "conditions",
    ],
)
def test_what_is_told_of_cells_is_told_of_a_row_of_them(problem, method):
    with pytest.raises(SettingError, match=r"indices have shape \(n,\); got \(2, 2\)"):
        getattr(problem, method)(GRID)


def test_deviations_have_the_shape_of_the_values(problem):
    assert problem.deviations(GRID).shape == problem.values(GRID).shape == (2, 2, 2)
    assert np.array_equal(problem.deviations(GRID)[1], problem.deviations(GRID[1]))


@pytest.mark.parametrize("kind", [["hamming"], {}, None, 3])
@pytest.mark.parametrize("method", ["neighbors", "neighbor_lists", "neighborhood"])
def test_a_neighbourhood_has_a_name(space, method, kind):
    with pytest.raises(UnknownNameError, match=r"there is no neighbourhood .*; known are hamming"):
        getattr(space, method)(*([] if method == "neighborhood" else [3]), kind=kind)


@pytest.mark.parametrize("method", ["params", "macs"])
def test_a_skeleton_is_one(space, method):
    with pytest.raises(SettingError, match=r"skeleton must be a Skeleton, such as eomoo\.SO2SAT; got 'so2sat'"):
        getattr(space, method)(3, "so2sat")


@pytest.mark.parametrize("given", [None, 7, 1.5])
def test_what_is_no_hash_is_named(space, given):
    with pytest.raises(UnknownNameError, match=f"no NAS-Bench-101 hash: {given}"):
        space.find(given)


@pytest.mark.parametrize("given", [-1, 1.5, None, "x", np.array([1, 2]), [3], True])
def test_draws_are_so_many_by_a_seed(problem, models, given):
    for draw in (problem.joint_draws, models.draw):
        with pytest.raises(SettingError, match="n must be a whole number"):
            draw([3], given, seed=1)
        with pytest.raises(SettingError, match="seed must be a whole number"):
            draw([3], 2, seed=given)
    with pytest.raises(SettingError, match="n must be a whole number"):
        problem.random_cells(given, np.random.default_rng(1))


@pytest.mark.parametrize("seed", [-1, 1.5, "x", [1], np.array([1, 2])])
def test_a_seed_is_a_whole_number_or_a_generator(seed):
    for walk in (random_walks, distinct_walks):
        with pytest.raises(SettingError, match="seed must be a whole number"):
            walk(2, 3, seed=seed)


def test_cells_are_drawn_by_a_seed_as_by_its_generator(problem):
    assert np.array_equal(problem.random_cells(5, 1), problem.random_cells(5, np.random.default_rng(1)))


@pytest.mark.parametrize("values", [None, 3.0, [1.0], [[1.0, 2.0, 3.0]], "x", RAGGED, {"latency": 1.0}])
def test_values_have_a_column_an_objective(problem, values):
    for turned in (problem.raw, problem.objectives.minimise):
        with pytest.raises(SettingError, match=r"^values "):
            turned(values)


def test_attainment_is_that_of_runs():
    with pytest.raises(SettingError, match="attainment is that of the fronts of runs; got none"):
        attainment_surfaces([])
    with pytest.raises(SettingError, match="attainment is that of the fronts of runs; got none"):
        attainment_difference([], [])
    with pytest.raises(SettingError, match="attainment is that of two objectives"):
        attainment_surfaces([[1.0, 2.0]])
    with pytest.raises(SettingError, match="a front must be numbers, in rows of one length"):
        attainment_surfaces([RAGGED])
    for share in (-1, 101, np.nan, "half"):
        with pytest.raises(SettingError, match="a percentile must be a finite number from 0 to 100"):
            attainment_surfaces([[[1.0, 2.0]]], percentiles=[share])


def test_fronts_may_be_lists():
    fronts = [[[1, 2], [2, 1]], [[3, 3]]]
    found, same = (
        attainment_surfaces(f, percentiles=(50, 100)) for f in (fronts, [np.array(f, float) for f in fronts])
    )
    assert all(np.array_equal(found[p], same[p]) for p in (50, 100))
    assert found[50].tolist() == [[1, 2], [2, 1]]
    assert found[100].tolist() == [[3, 3]]


@pytest.mark.parametrize("search", [eomoo.SurrogatePLS, eomoo.SurrogateParetoSampling])
def test_a_model_is_a_function(search):
    with pytest.raises(SettingError, match="model must be a function; got 'xgboost'"):
        search(model="xgboost")


@pytest.mark.parametrize("given", ["eo-macro-latency", None, 3, pd.DataFrame({"index": [3]})])
def test_a_landscape_is_of_a_problem_or_of_a_measured_table(given):
    with pytest.raises(SettingError, match="a landscape takes a CellProblem"):
        analyse_landscape(given)
    with pytest.raises(SettingError, match="a sample is a measured table, as read_measured and measure give; got"):
        analyse_sample(given)


@pytest.mark.parametrize("options", [[1], "n_starts=3", 5])
def test_options_are_by_name(options):
    with pytest.raises(SettingError, match=r"options must be values by name, such as .*; got "):
        eomoo.run("eo-macro-params", algorithm="pls", budget=5, options=options)
    with pytest.raises(SettingError, match=r"latency must be values by name, such as .*; got "):
        eomoo.measure("live-data", out="nowhere", cells=[3], latency=options)


def test_no_options_are_none():
    assert eomoo.search.AlgorithmSpec(label="pls", algorithm="pls", options=None).options == {}
    assert make_algorithm("pls", 2).n_starts == 20


def test_a_network_needs_skeleton_seed_and_device():
    pytest.importorskip("torch", reason="needs torch")
    small = eomoo.Skeleton(in_channels=1, n_classes=2, stem_channels=5, image_size=8)
    with pytest.raises(SettingError, match="skeleton must be a Skeleton"):
        eomoo.build_network(3, None)
    for seed in (-1, 1.5, "x"):
        with pytest.raises(SettingError, match="seed must be a whole number"):
            eomoo.build_network(3, small, seed=seed)
    with pytest.raises(SettingError, match="there is no device 'gpu'; known are"):
        eomoo.build_network(3, small, seed=0, device="gpu")
    with pytest.raises(SettingError, match="device must be a text; got 0"):
        eomoo.build_network(3, small, seed=0, device=0)
