"""The result store: whole runs or none, whatever happens to the process, the file or the disk."""

import contextlib
import json
import os
import sqlite3
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import eomoo
from eomoo.errors import SettingError, StoreError
from eomoo.fronts.objectives import Objective
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.run import RunResult, run_algorithm
from eomoo.study.earlier import another
from eomoo.study.store import STORE_NAME, Store, digest_of, versions

SPEC = AlgorithmSpec(label="mine", algorithm="random", options={"batch_size": 7})


@pytest.fixture(scope="module")
def problem(pose):
    return pose("err", "acc", stem="stored", reference_point=[30, 0.5], constraints=["lat<=22"])


@pytest.fixture(scope="module")
def result(problem):
    return run_algorithm(problem, SPEC, budget=60, seed=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a folder" / STORE_NAME


@pytest.fixture
def filled(path, problem, result):
    with Store(path, create=True) as store:
        store.add_run(store.add_problem(problem), SPEC, seed=1, budget=60, result=result)
    return path


TABLE_CARD = """
title = "my table"

[[objectives]]
name = "error"
unit = "%"
direction = "min"
source = "table"

[backend.table]
file = "table.csv"
"""


def changed(result, **changes):
    return RunResult(**{**result.__dict__, **changes})


def test_what_goes_in_comes_out(filled, problem, result):
    with Store(filled) as store:
        (known,) = store.problems()
        (run,) = store.runs()
        trace = store.trace(run)
        front, values = store.true_front(known.id)
        spread = store.front_deviations(known.id, [run])
        assert run.verified
        assert store.has_run(known.id, SPEC, seed=1, budget=60)
        for other in ({"seed": 2, "budget": 60}, {"seed": 1, "budget": 61}):
            assert not store.has_run(known.id, SPEC, **other)
        for options in ({"batch_size": 8}, {}):
            assert not store.has_run(known.id, replace(SPEC, options=options), seed=1, budget=60)
    assert (known.name, known.digest, known.noise) == ("stored", problem.card.digest, None)
    assert known.constraints == ("lat <= 22",)
    assert known.objectives == problem.objectives
    assert known.objectives[1] == Objective(name="acc", title="accuracy", unit="fraction", direction="max")
    assert known.objectives.reference_point == (30, 0.5)
    assert (run.label, run.algorithm, run.seed, run.budget, run.complete) == ("mine", "random", 1, 60, True)
    assert run.settings == {"algorithm": "random", "batch_size": 7}
    assert run.versions == json.loads(json.dumps(versions()))
    assert {"python", "numpy", "pymoo", "moocore"} <= run.versions.keys()
    assert trace.cells.tolist() == result.cells.tolist()
    assert (trace.values == result.values).all()
    assert trace.feasible.tolist() == result.feasible.tolist()
    assert 0 < trace.feasible.sum() < 60
    assert sorted(front.tolist()) == sorted(problem.pareto_indices().tolist())
    assert (values == problem.values(front)).all()
    assert set(spread) == set(result.front.tolist())
    for k, cell in enumerate(result.front.tolist()):
        assert spread[cell].tolist() == result.front_deviations[k].tolist()


def test_failed_evaluations_are_kept_as_such(path, pose):
    problem = pose("holes", "lat")
    result = run_algorithm(problem, SPEC, budget=60, seed=1)
    with Store(path, create=True) as store:
        store.add_run(store.add_problem(problem), SPEC, seed=1, budget=60, result=result)
        trace = store.trace(store.runs()[0])
    np.testing.assert_array_equal(trace.values, result.values)
    assert np.isnan(trace.values).any()
    assert trace.feasible.tolist() == result.feasible.tolist()


def test_nothing_is_entered_twice(filled, problem, result):
    with Store(filled, create=True) as store:
        known = store.add_problem(problem)
        other = changed(result, cells=result.cells[::-1], seconds=99.0)
        store.add_run(known, SPEC, seed=1, budget=60, result=other)
        assert len(store.problems()) == len(store.runs()) == 1
        assert store.trace(store.runs()[0]).cells.tolist() == result.cells.tolist()


def test_what_makes_another_problem(path, card):
    own = card("err", "lat", stem="one")
    with Store(path, create=True) as store:
        first = store.add_problem(eomoo.get_problem(own))
        assert store.add_problem(eomoo.get_problem(own)) == first
        noisy = store.add_problem(eomoo.get_problem(own, noise=1))
        limited = store.add_problem(eomoo.get_problem(own, constraints=["params<=5123456"]))
        nearly = store.add_problem(eomoo.get_problem(own, constraints=["params<=5123457"]))
        own.write_text(own.read_text() + "# edited\n")
        edited = store.add_problem(eomoo.get_problem(own))
        assert len({first, noisy, limited, nearly, edited}) == 5
        assert [p.noise for p in store.problems()] == [None, 1, None, None, None]


def test_runs_share_values_and_are_sorted(path, problem, result):
    with Store(path, create=True) as store:
        known = store.add_problem(problem)
        for seed in (10, 9, 2):
            store.add_run(known, SPEC, seed=seed, budget=60, result=result, extra={"spearman": 0.5})
        assert [run.seed for run in store.runs()] == [2, 9, 10]
        limited = problem.limited_values(result.front)
        assert store.runs()[0].extra == {"spearman": 0.5, "limited": limited.tolist()}
        assert store.runs()[0].limited == dict(zip(result.front.tolist(), limited.tolist(), strict=True))
        found = list(store.traces(known, store.runs()))
        assert [run.seed for run, _ in found] == [2, 9, 10]
        for run, trace in found:
            alone = store.trace(run)
            assert trace.cells.tolist() == alone.cells.tolist() == result.cells.tolist()
            np.testing.assert_array_equal(trace.values, alone.values)
            assert trace.feasible.tolist() == alone.feasible.tolist()
        assert store.rows("SELECT count(*) FROM value") == [(60,)]
        assert store.rows("SELECT count(*) FROM own_value") == [(0,)]


def test_two_runs_that_saw_different_values_both_keep_theirs(path, problem, result):
    values, feasible = result.values.copy(), result.feasible.copy()
    values[[3, 40]] += 1.5
    values[7, 1] = np.nan
    feasible[9] = not feasible[9]
    other = changed(
        result,
        cells=np.roll(result.cells, 5),
        values=np.roll(values, 5, axis=0),
        feasible=np.roll(feasible, 5),
        front_deviations=result.front_deviations + 1,
    )
    with Store(path, create=True) as store:
        known = store.add_problem(problem)
        for seed, found in ((1, result), (2, other), (3, other)):
            store.add_run(known, SPEC, seed=seed, budget=60, result=found)
        runs = store.runs()
        read = [store.trace(run) for run in runs], [trace for _, trace in store.traces(known, runs)]
        for traces in read:
            for trace, found in zip(traces, (result, other, other), strict=True):
                np.testing.assert_array_equal(trace.cells, found.cells)
                np.testing.assert_array_equal(trace.values, found.values)
                np.testing.assert_array_equal(trace.feasible, found.feasible)
        for run, found in zip(runs, (result, other), strict=False):
            spread = store.front_deviations(known, [run])
            assert [spread[cell].tolist() for cell in found.front.tolist()] == found.front_deviations.tolist()
        # Four cells differ, twice; all others share the first run's rows.
        assert store.rows("SELECT count(*) FROM own_value") == [(8,)]
        assert store.rows("SELECT count(*) FROM value") == [(60,)]


def test_what_a_card_points_to_makes_another_problem(path, tmp_path, space):
    card, cells = tmp_path / "own.toml", np.arange(50)
    card.write_text(TABLE_CARD)
    numbers = []
    with Store(path, create=True) as store:
        for factor in (1.0, 1.0, 2.0):
            error = factor * (25.0 + 0.5 * cells)
            rows = [f"{name},{value}" for name, value in zip(space.hash(cells), error, strict=True)]
            (tmp_path / "table.csv").write_text("\n".join(["hash,error", *rows]))
            numbers.append(store.add_problem(eomoo.get_problem(card)))
        assert len({p.fingerprint for p in store.problems()}) == 2
        assert store.true_front(numbers[2])[1].tolist() == [[50.0]]
        assert store.true_front(max(numbers) + 1) is None, "it is not known"
    assert numbers == [1, 1, 2]


def test_how_work_is_spread_makes_no_other_problem(path, problem):
    known = []
    with Store(path, create=True) as store:
        for options in ({"epochs": 3, "workers": 1}, {"epochs": 3, "workers": 2, "cluster": "tcp://x"}, {"epochs": 9}):
            posed = copy(problem)
            posed.options = options
            known.append(store.add_problem(posed))
    assert known == [1, 1, 2]


def test_interrupted_runs_are_no_results_and_can_be_entered_whole(path, problem, result):
    part = changed(
        result, cells=result.cells[:5], values=result.values[:5], feasible=result.feasible[:5], complete=False
    )
    with Store(path, create=True) as store:
        known = store.add_problem(problem)
        store.add_run(known, SPEC, seed=1, budget=60, result=part)
        assert not store.has_run(known, SPEC, seed=1, budget=60)
        assert not store.runs()[0].complete
        store.add_run(known, SPEC, seed=1, budget=60, result=result, replaces=[store.runs()[0].id])
        assert len(store.trace(store.runs()[0]).cells) == 60


def test_of_a_dropped_run_nothing_is_left_to_the_one_that_takes_its_number(filled, problem, result):
    other = changed(result, values=result.values + 1.0, complete=False)
    with Store(filled, create=True) as store:
        known = store.add_problem(problem)
        store.add_run(known, SPEC, seed=2, budget=60, result=other)
        store.add_run(known, SPEC, seed=3, budget=60, result=result, replaces=[2])
        assert [run.id for run in store.runs()] == [1, 2]
        for run in store.runs():
            np.testing.assert_array_equal(store.trace(run).values, result.values)


def test_a_byte_that_moves_to_the_next_part_changes_a_digest():
    assert digest_of([], b"ab", b"c") != digest_of([], b"a", b"bc")
    assert digest_of([], b"ab", b"c") == digest_of([], b"ab", b"c")


def test_of_several_runs_that_saw_a_cell_the_first_ones_deviation_is_told(filled, problem, result):
    other = changed(result, front_deviations=result.front_deviations + 1)
    with Store(filled, create=True) as store:
        known = store.add_problem(problem)
        store.add_run(known, SPEC, seed=2, budget=60, result=other)
        found = store.front_deviations(known, store.runs())
    assert [found[cell].tolist() for cell in result.front.tolist()] == result.front_deviations.tolist()


def test_a_run_that_evaluated_nothing(path, problem, result):
    nothing = changed(
        result,
        cells=result.cells[:0],
        values=result.values[:0],
        feasible=result.feasible[:0],
        front=result.front[:0],
        front_deviations=result.front_deviations[:0],
        complete=False,
    )
    with Store(path, create=True) as store:
        store.add_run(store.add_problem(problem), SPEC, seed=1, budget=60, result=nothing)
        trace = store.trace(store.runs()[0])
        ((_, same),) = store.traces(1, store.runs())
    assert trace.values.shape == same.values.shape == (0, 2)
    assert len(trace.cells) == len(trace.feasible) == len(same.cells) == 0


def test_a_run_that_cannot_be_entered_leaves_no_trace(path, problem, result):
    twice = changed(result, feasible=result.feasible[:-1])
    with Store(path, create=True) as store:
        known = store.add_problem(problem)
        with pytest.raises(StoreError):
            store.add_run(known, SPEC, seed=1, budget=60, result=twice)
        assert store.runs() == []
        for table in ("evaluation", "value", "own_value"):
            assert store.rows(f"SELECT count(*) FROM {table}") == [(0,)]
        store.add_run(known, SPEC, seed=1, budget=60, result=result)


def test_errors_of_the_problem_stay_its_own(path, problem):
    class Broken(type(problem)):
        def pareto_indices(self):
            raise SettingError("the values are lost")

    with pytest.raises(SettingError, match="the values are lost"), Store(path, create=True) as store:
        store.add_problem(Broken(problem.card))
    assert not path.exists(), "it would look like one with results"
    with Store(path, create=True) as store:
        store.add_problem(problem)
    assert not path.exists()


@pytest.mark.parametrize("key", ["seed", "budget"])
def test_numbers_beyond_sqlite(path, problem, result, key):
    with Store(path, create=True) as store:
        known = store.add_problem(problem)
        numbers = {"seed": 1, "budget": 60, key: 10**20}
        with pytest.raises(SettingError, match="too large"):
            store.has_run(known, SPEC, **numbers)
        with pytest.raises(SettingError, match="too large"):
            store.add_run(known, SPEC, result=result, **numbers)


# -- files that are not what they should be ----------------------------------------------------


def test_nothing_there(tmp_path):
    with pytest.raises(StoreError, match="there are no results at"):
        Store(tmp_path / STORE_NAME)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="there are no results at"):
        Store(tmp_path)


def test_an_empty_file_is_filled_or_refused(tmp_path):
    path = tmp_path / STORE_NAME
    path.touch()
    with pytest.raises(StoreError, match="no result store"):
        Store(path)
    with Store(path, create=True) as store:
        assert store.runs() == []


def after(path, *statements):
    """Change a file as any other program may."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE problem SET facts = 'x'",
        "UPDATE problem SET facts = '{}'",
        "UPDATE problem SET facts = replace(facts, 'max', 'min')",
        "UPDATE run SET settings = '{'",
        "UPDATE run SET budget = 61",
        "UPDATE run SET seconds = 0.5",
        "UPDATE run SET deviations = zeroblob(length(deviations))",
        "UPDATE value SET raw = x'0102'",
        "UPDATE value SET raw = zeroblob(16) WHERE cell = (SELECT min(cell) FROM value)",
        "UPDATE value SET feasible = 1 - feasible WHERE cell = (SELECT min(cell) FROM value)",
        "UPDATE evaluation SET cell = (SELECT max(cell) FROM value) WHERE step = 0",
        "UPDATE evaluation SET step = 99 WHERE step = 1",
        "DELETE FROM value WHERE cell % 2 = 0",
        "DELETE FROM evaluation WHERE step = 59",
        "DELETE FROM evaluation",
        "DELETE FROM run",
        "DELETE FROM true_front WHERE cell = (SELECT min(cell) FROM true_front)",
        "INSERT INTO own_value VALUES (1, 0, 1, zeroblob(16))",
        "INSERT INTO own_value VALUES (1, 77, 1, zeroblob(16))",
        "DROP TABLE problem",
        "ALTER TABLE run DROP COLUMN extra",
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_what_was_changed_within_is_told(filled, statement, together):
    after(filled, statement)

    def read():
        with Store(filled) as store:
            (known,) = store.problems()
            store.true_front(known.id)
            runs = store.runs()
            list(store.traces(known.id, runs)) if together else [store.trace(run) for run in runs]
        return "nothing was noticed"

    try:
        told = read()
    except StoreError as error:
        told = str(error)
    assert str(filled) in told
    if "DELETE FROM value" in statement:
        assert "the run of mine with seed 1 and a budget of 60 cells has changed since it was written" in told


# -- stores of the first format ------------------------------------------------------------------

FIRST = Path(__file__).parent / "first_format"


@pytest.fixture
def first(tmp_path):
    """A store that version 0.1.0 wrote: two runs of 12 cells on the card beside it."""
    path = tmp_path / "first" / STORE_NAME
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.executescript((FIRST / "results.sql").read_text())
    return path


def what_was_written(store):
    (known,) = store.problems()
    with pytest.warns(UserWarning, match=r"runs of eomoo 0\.1\.0, without digests: they are unverified"):
        runs = store.runs()
    assert [(run.seed, run.budget, run.n_eval, run.complete) for run in runs] == [
        (seed, 12, 12, True) for seed in (1, 2)
    ]
    traces = [store.trace(run) for run in runs]
    for (_, same), trace in zip(store.traces(known.id, runs), traces, strict=True):
        assert (same.values == trace.values).all()
    assert traces[0].cells[:4].tolist() == [226136, 348103, 314805, 268660]
    assert traces[1].values[:2].tolist() == [[31564561.0, 4642316800.0], [7432721.0, 1098129920.0]]
    assert len(store.true_front(known.id)[0]) == 32
    assert set(store.front_deviations(known.id, runs)) == {44529, 382732}
    return runs


def test_a_store_of_the_first_format_is_read_as_it_is_and_unverified(first):
    content = first.read_bytes()
    with Store(first) as store:
        assert not any(run.verified for run in what_was_written(store))
        assert store.problems()[0].fingerprint == ""
    assert first.read_bytes() == content


def test_a_store_of_the_first_format_is_gone_on_with(first, result):
    problem = eomoo.get_problem(FIRST / "small.toml")
    spec = AlgorithmSpec(label="mine", algorithm="random")
    with Store(first, create=True) as store:
        assert not any(run.verified for run in what_was_written(store))
        known = store.add_problem(problem)
        assert known == 1
        new = run_algorithm(problem, spec, budget=12, seed=3)
        store.add_run(known, spec, seed=3, budget=12, result=new)
    with Store(first) as store:
        with pytest.warns(UserWarning, match="unverified"):
            runs = store.runs()
        assert [run.verified for run in runs] == [False, False, True]
        assert store.trace(runs[2]).cells.tolist() == new.cells.tolist()


def test_a_problem_of_the_first_format_whose_front_differs_is_another_one(first):
    after(first, "UPDATE true_front SET raw = zeroblob(16) WHERE cell = 3044")
    with Store(first, create=True) as store:
        assert store.add_problem(eomoo.get_problem(FIRST / "small.toml")) == 2


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*: a part of that path is a file"):
        Store(tmp_path / "file" / STORE_NAME, create=True)
    (tmp_path / STORE_NAME).mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / STORE_NAME, create=True)


def in_child(action):
    """Run in a forked process without root's powers; its exit code, and what it printed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(write, str(action()).encode())
            code = 0
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as file:
        text = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


@pytest.fixture
def open_folder(tmp_path_factory):
    """A folder that others may enter but not write to."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield name
        os.chmod(name, 0o755)


def test_a_read_only_folder_can_be_read(filled, open_folder, result):
    path = os.path.join(open_folder, STORE_NAME)
    with open(path, "wb") as file:
        file.write(filled.read_bytes())
    os.chmod(path, 0o444)
    os.chmod(open_folder, 0o555)

    def read():
        with Store(path) as store:
            return store.trace(store.runs()[0]).cells.tolist()

    assert in_child(read) == (0, str(result.cells.tolist()))


def test_what_lies_behind_a_problem_is_said_to_have_changed(tmp_path):
    there = {"problem": "p", "data": "1234abcd", "seed": 1}
    said = str(another(tmp_path, {**there, "data": "abcd1234"}, there))
    assert (
        "data abcd1234 was asked, it holds data 1234abcd; its images, tables or models are others, or have changed;"
        in said
    )
    assert "have changed" not in str(another(tmp_path, {**there, "seed": 2}, there))
