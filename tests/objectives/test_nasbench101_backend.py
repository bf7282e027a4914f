"""NAS-Bench-101's table as a backend: means, the noise of the data, fidelities, cost."""

import numpy as np
import pytest

from eomoo import CIFAR10, load_space
from eomoo.data.nasbench101 import NASBench101Table
from eomoo.data.nasbench_convert import METRICS, STAGES, column_name
from eomoo.errors import SettingError
from eomoo.objectives.nasbench101 import NB101_QUANTITIES, NASBench101Backend

CELLS = np.array([5, 423_623, 0, 5])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A whole table of made-up values, written as the converter does."""
    n, rng = len(load_space()), np.random.default_rng(0)
    names = [column_name(m, e, s) for e in (4, 108) for s in STAGES for m in METRICS]
    record = np.zeros(1, dtype=[(name, "<f4", (n, 3)) for name in names])
    for name in names:
        record[name] = rng.random((n, 3)) * (1000 if "time" in name else 1)
    path = tmp_path_factory.mktemp("nb101") / "made_up.npy"
    np.save(path, record)
    return path


@pytest.fixture(scope="module")
def table(path):
    return NASBench101Table(path)


def test_it_is_a_backend_of_all_cells(table):
    backend = NASBench101Backend(table)
    assert backend.known(["val_accuracy"]) is None
    assert {"val_accuracy_error", "test_accuracy_error", "train_time", "params"} < set(backend.quantities)
    assert NB101_QUANTITIES["val_accuracy_error"].unit == "%"


def test_the_mean_of_three_runs(table):
    got = NASBench101Backend(table).values(CELLS, ["val_accuracy_error", "train_time", "params", "test_accuracy"])
    np.testing.assert_allclose(got[:, 0], 100 * (1 - table.query(CELLS, repeat="mean")))
    np.testing.assert_allclose(got[:, 1], table.query(CELLS, metric="training_time").mean(axis=1))
    assert got[:, 2].tolist() == load_space().params(CELLS, CIFAR10).tolist()
    np.testing.assert_allclose(got[:, 3], table.query(CELLS, metric="test_accuracy").mean(axis=1))


def test_a_lower_fidelity_and_a_run_by_number(table):
    backend = NASBench101Backend(table, epochs=4, halfway=True, repeat=2)
    expected = table.query(CELLS, epochs=4, halfway=True, metric="train_accuracy", repeat=2)
    np.testing.assert_array_equal(backend.values(CELLS, ["train_accuracy"])[:, 0], expected)


def test_shorter_trainings_are_rungs_and_effort_is_training_time(table):
    backend = NASBench101Backend(table, repeat=1)
    assert backend.rungs == (4 / 108, 1.0)
    short = backend.at_rung(CELLS, ["val_accuracy"], 4 / 108)[:, 0]
    np.testing.assert_allclose(short, table.query(CELLS, epochs=4, repeat=1))
    effort = backend.effort(np.arange(len(table)))
    assert effort.mean() == pytest.approx(1.0, rel=1e-5)
    told = table.query(CELLS, metric="training_time").mean(axis=1)
    np.testing.assert_allclose(effort[CELLS] / effort[5], told / told[0], rtol=1e-5)
    assert NASBench101Backend(table, epochs=4).rungs == (1.0,)


def test_a_random_run_for_each_cell_whatever_the_order(table):
    cells = np.random.default_rng(1).integers(0, len(load_space()), 30_000)
    names = ["val_accuracy", "train_time"]
    backend = NASBench101Backend(table, repeat="random", seed=3)
    got = backend.values(cells, names)
    runs = table.query(cells, metric=["validation_accuracy", "training_time"])
    chosen = (got[:, None, :] == runs).all(axis=2)
    assert (chosen.sum(axis=1) == 1).all()
    assert np.abs(chosen.mean(axis=0) - 1 / 3).max() < 0.02
    np.testing.assert_array_equal(got[::-1], backend.values(cells[::-1], names))
    other = NASBench101Backend(table, repeat="random", seed=4).values(cells, names)
    assert 0.6 < (other != got).all(axis=1).mean() < 0.73
    np.testing.assert_array_equal(NASBench101Backend(table).draw(cells, names, 3), got)


def test_deviations_are_those_of_the_runs_drawn_towards_a_common_one(table):
    names = ["val_accuracy", "val_accuracy_error", "params"]
    every = np.arange(len(table))
    single = NASBench101Backend(table, repeat="random").deviations(every, names)
    np.testing.assert_allclose(single[:, 1:], np.stack([100 * single[:, 0], 0 * every], axis=1))
    mean = NASBench101Backend(table).deviations(CELLS, names)
    np.testing.assert_allclose(mean, single[CELLS] / np.sqrt(3))
    # Made up, they are all drawn from one distribution: three runs say little of their own.
    runs = table.query(every)
    own = runs.std(axis=1, ddof=1)
    wrong = 1 - runs.mean(axis=1)
    assert (single[:, 0] / wrong).std() < 0.5 * (own / wrong).std()
    assert ((single[:, 0] / wrong) ** 2).mean() == pytest.approx(((own / wrong) ** 2).mean(), rel=0.1)


def test_what_is_expected_of_a_cell_is_told_by_others_too(table):
    backend, cells = NASBench101Backend(table), np.arange(0, 2000, 5)
    values, expected = (
        backend.values(cells, ["val_accuracy", "params"]),
        backend.expected(cells, ["val_accuracy", "params"]),
    )
    # Made up without regard to the cell: most of what three runs differ by is luck.
    assert expected[:, 0].std() < 0.8 * values[:, 0].std()
    assert (backend.ignorance(cells, ["val_accuracy"]) < backend.deviations(cells, ["val_accuracy"])).mean() > 0.5
    np.testing.assert_array_equal(expected[:, 1], values[:, 1])


def test_a_table_with_gaps_is_partial(path, tmp_path):
    record = np.load(path)
    record["training_time_108_final"][0, 9, 1] = np.nan
    record["training_time_108_final"][0, ::2] *= 100
    np.save(tmp_path / "gap.npy", record)
    backend = NASBench101Backend(tmp_path / "gap.npy")
    known = backend.known(["train_time"])
    assert len(known) == len(load_space()) - 1
    assert 9 not in known
    loud, quiet = (backend.deviations(np.arange(k, 2000, 2), ["train_time"])[:, 0] for k in (10, 11))
    assert loud.mean() > 50 * quiet.mean()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"epochs": 36}, "no runs of 36 epochs"),
        ({"repeat": "max"}, "got 'max'"),
        ({"repeat": True}, "got True"),
        ({"seed": -1}, "got -1"),
        ({"seed": 1.5}, "got 1.5"),
    ],
)
def test_wrong_settings_are_refused(table, options, match):
    with pytest.raises(SettingError, match=match):
        NASBench101Backend(table, **options)


@pytest.mark.parametrize("name", ["nb101-error-traintime", "nb101-error-params", "nb101-error-params-traintime"])
def test_the_cards_are_problems(path, tmp_path, monkeypatch, name):
    import eomoo

    monkeypatch.setenv("EOMOO_DATA", str(tmp_path))
    (tmp_path / "nasbench_only108.npy").symlink_to(path)
    problem = eomoo.get_problem(name)
    table = NASBench101Table(path)
    value = {
        "val_error": 100 * (1 - table.query(CELLS, repeat="mean")),
        "params": table.params(CELLS),
        "train_time": table.query(CELLS, metric="training_time", repeat="mean"),
    }
    expected = np.stack([value[objective] for objective in problem.objective_names], axis=1)
    np.testing.assert_allclose(problem.values(CELLS), expected)
    assert problem.enumerable
    if "params" in problem.objective_names:
        most = table.params(np.arange(len(load_space()))).max()
        assert problem.reference_point[problem.objective_names.index("params")] > most
    noisy = eomoo.get_problem(name, repeat="random", seed=1)
    assert (noisy.values(CELLS)[:, 0] != problem.values(CELLS)[:, 0]).all()


def test_the_noise_of_a_problem_is_that_of_the_runs(path, tmp_path, monkeypatch):
    import eomoo

    monkeypatch.setenv("EOMOO_DATA", str(tmp_path))
    (tmp_path / "nasbench_only108.npy").symlink_to(path)
    cells = np.arange(200)
    runs = NASBench101Table(path).query(cells, metric=["validation_accuracy", "training_time"])
    values = eomoo.get_problem("nb101-error-traintime", noise=7).values(cells)
    runs[:, :, 0] = 100 * (1 - runs[:, :, 0])
    assert ((values[:, None] == runs).all(axis=2).sum(axis=1) == 1).all()
    assert (values != eomoo.get_problem("nb101-error-traintime", noise=8).values(cells)).any()
