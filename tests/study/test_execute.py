"""Running a study: jobs, going on, kills, one at a time."""

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import eomoo.esann2024  # noqa: F401  # its probe gets its short name
from eomoo.analysis import load_results, render_report, study_lines, study_tables, write_csv
from eomoo.errors import DataError, SettingError, StoreError
from eomoo.search.run import run_algorithm
from eomoo.study import execute
from eomoo.study.execute import perform, run_study
from eomoo.study.plan import parse_study
from eomoo.study.record import recorded_study
from eomoo.study.store import STORE_NAME, Store


def tables_of(folder):
    """Every table of a study as bytes."""
    paths = write_csv(study_tables(load_results(folder), at=(20, 60)), folder / "csv")
    return {path.name: path.read_bytes() for path in paths}


def count_runs(folder):
    if not (folder / STORE_NAME).exists():
        return 0
    with closing(sqlite3.connect(folder / STORE_NAME)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM run").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def test_every_run_is_kept_and_told_of(small_study, tmp_path):
    study, told = small_study(), []
    assert run_study(study, tmp_path, on_event=told.append) == 6
    assert [(e.done, e.total) for e in told] == [(k, 6) for k in range(1, 7)]
    assert [e.task for e in told] == study.tasks
    with Store(tmp_path / STORE_NAME) as store:
        for run in store.runs():
            task = next(t for t in study.tasks if (t.spec.label, t.seed) == (run.label, run.seed))
            assert store.trace(run).cells.tolist() == perform(task)[0].cells.tolist()


def test_the_result_does_not_depend_on_jobs(small_study, tmp_path):
    study = small_study()
    assert run_study(study, tmp_path / "one") == run_study(study, tmp_path / "two", jobs=2) == 6
    assert tables_of(tmp_path / "one") == tables_of(tmp_path / "two")


def test_the_result_does_not_depend_on_a_cluster(small_study, tmp_path):
    distributed = pytest.importorskip("distributed")
    study = small_study(seeds=2)
    run_study(study, tmp_path / "one")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster:
        assert run_study(study, tmp_path / "dask", cluster=cluster.scheduler_address) == 4
    assert tables_of(tmp_path / "one") == tables_of(tmp_path / "dask")


def test_a_study_goes_on_where_it_stopped(small_study, tmp_path):
    study = small_study()

    def stop(event):
        if event.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path, on_event=stop)
    assert count_runs(tmp_path) == 4
    unfinished = "The study is not finished: 4 of its 6 runs are there; the same command goes on with it."
    assert render_report(tmp_path, format="md").count(unfinished) == 1
    tables = study_tables(load_results(tmp_path))
    assert [*study_lines(tables, ["hypervolume"])][-1] == tables.content["unfinished"] == unfinished
    assert run_study(study, tmp_path) == 2
    assert run_study(study, tmp_path) == 0
    assert not load_results(tmp_path).unfinished
    run_study(study, tmp_path / "whole")
    assert tables_of(tmp_path) == tables_of(tmp_path / "whole")


def test_what_was_done_before_is_counted(small_study, tmp_path):
    told = []
    run_study(small_study(seeds=2), tmp_path)
    run_study(small_study(seeds=3), tmp_path, on_event=told.append)
    assert [(e.done, e.total) for e in told] == [(5, 6), (6, 6)]


def test_a_run_that_was_interrupted_is_not_entered(small_study, tmp_path, monkeypatch):
    def interrupted(*arguments, **keywords):
        return replace(run_algorithm(*arguments, **keywords), complete=False)

    monkeypatch.setattr(execute, "run_algorithm", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(), tmp_path)
    assert count_runs(tmp_path) == 0


def test_an_interrupt_within_a_run_leaves_nothing_of_it(small_study, tmp_path, monkeypatch):
    def interrupted(task, probes):
        result, extra = perform(task)
        if task.spec.label == "random":
            raise KeyboardInterrupt
        return result, extra

    monkeypatch.setattr(execute, "perform", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(), tmp_path)
    assert count_runs(tmp_path) == 1


def test_a_study_may_grow_and_a_part_of_it_be_asked_for(small_study, tmp_path):
    run_study(small_study(seeds=2), tmp_path)
    assert run_study(small_study(seeds=3), tmp_path) == 2
    assert run_study(small_study(seeds=1), tmp_path) == 0
    assert recorded_study(tmp_path).seeds == (1, 2, 3)
    run_study(small_study(seeds=3), tmp_path / "whole")
    assert tables_of(tmp_path) == tables_of(tmp_path / "whole")


def test_a_study_goes_on_to_larger_budgets_more_seeds_and_algorithms(small_study, tmp_path):
    run_study(small_study(budget=40, seeds=2), tmp_path)
    more = {
        "budget": 60,
        "seeds": 3,
        "algorithms": [{"algorithm": "random"}, {"algorithm": "pls"}, {"algorithm": "nsga2"}],
    }
    told = []

    def stop(event):
        told.append(event)
        if event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(**more), tmp_path, on_event=stop)
    with Store(tmp_path / STORE_NAME) as store:
        # What is not gone on with yet is as it was.
        assert sorted(run.budget for run in store.runs()) == [40, 40, 60, 60]
    assert run_study(small_study(**more), tmp_path) == 7
    run_study(small_study(**more), tmp_path / "whole")
    assert tables_of(tmp_path) == tables_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seeds": [8, 9]}, "seeds 8, 9 was asked, it holds seeds 1, 2, 3;"),
        ({"budget": 50}, "budget of pls 50 was asked, it holds budget of pls 60; budget of random 50 was asked"),
        (
            {"algorithms": [{"algorithm": "nsga2"}], "noise": 1},
            "noise 1 was asked, it holds no noise; algorithms nsga2",
        ),
        ({"as_published": True}, "probes as_published was asked, it holds no probes;"),
    ],
)
def test_of_another_study_all_that_differs_is_named(small_study, tmp_path, change, text):
    run_study(small_study(), tmp_path)
    with pytest.raises(SettingError) as error:
        run_study(small_study(**change), tmp_path)
    assert text in str(error.value)
    assert count_runs(tmp_path) == 6


def test_a_changed_card_is_refused(small_card, tmp_path):
    card = tmp_path / "changing.toml"
    text = small_card.read_text().replace("table.csv", str(small_card.parent / "table.csv"))
    card.write_text(text)
    study = parse_study({"problems": [str(card)], "algorithms": [{"algorithm": "random"}], "seeds": 1})
    run_study(study, tmp_path / "out")
    card.write_text(text.replace("60.0", "70.0"))
    with pytest.raises(StoreError, match=r"another version of the problem card .*changing\.toml"):
        run_study(study, tmp_path / "out")


def test_a_changed_table_is_refused_until_it_is_as_before(small_card, tmp_path):
    for name in ("small.toml", "table.csv"):
        (tmp_path / name).write_text((small_card.parent / name).read_text())
    table = (tmp_path / "table.csv").read_text()
    content = {"problems": [str(tmp_path / "small.toml")], "algorithms": [{"algorithm": "random"}]}
    run_study(parse_study({**content, "seeds": 1, "budget": 20}), tmp_path / "out")
    head, row, rest = table.split("\n", 2)
    (tmp_path / "table.csv").write_text("\n".join([head, row.replace(row.split(",")[1], "41.5"), rest]))
    execute._problem.cache_clear()
    more = parse_study({**content, "seeds": 2, "budget": 20})
    with pytest.raises(StoreError, match="card small stood for other values"):
        run_study(more, tmp_path / "out")
    (tmp_path / "table.csv").write_text(table)
    execute._problem.cache_clear()
    assert run_study(more, tmp_path / "out") == 1


def test_results_of_something_else_are_refused(small_study, tmp_path):
    Store(tmp_path / STORE_NAME, create=True).close()
    with pytest.raises(StoreError, match="not of a study"):
        run_study(small_study(), tmp_path)


def test_a_damaged_record_is_refused(small_study, tmp_path):
    run_study(small_study(seeds=1), tmp_path)
    # As a kill between a record and its digest leaves it.
    (tmp_path / "digests.json").unlink()
    run_study(small_study(seeds=1), tmp_path)
    record = tmp_path / "study.json"
    record.write_text(record.read_text().replace('"seeds": [', '"seeds": [ ', 1))
    with pytest.raises(DataError, match=r"study\.json has changed since it was written"):
        run_study(small_study(seeds=1), tmp_path)
    # One of 0.1.0 has no digest.
    (tmp_path / "digests.json").unlink()
    record.write_text('{"study": {}}')
    with pytest.raises(StoreError, match=r"study\.json is damaged"):
        run_study(small_study(seeds=1), tmp_path)


def test_two_at_once_are_refused(small_study, tmp_path):
    study = small_study()

    def start_again(event):
        with pytest.raises(StoreError, match="another process is running a study"):
            run_study(study, tmp_path)

    assert run_study(study, tmp_path, on_event=start_again) == 6


def test_impossible_jobs_and_folders_are_refused(small_study, tmp_path):
    with pytest.raises(SettingError, match="jobs"):
        run_study(small_study(), tmp_path, jobs=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="is a file or a broken link, not a folder"):
        run_study(small_study(), tmp_path / "file")


def test_twenty_kills_change_nothing(small_study, tmp_path):
    """SIGKILL at twenty random moments; then the tables are those of an uninterrupted study."""
    study, folder = small_study(seeds=60), tmp_path / "killed"
    # Forked from a process that has all modules and cells, a start takes no longer than a few runs.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["eomoo.study.execute", "eomoo.search.pls", "loaded_space"])
    rng, seen, until_first = random.Random(1), [], 0.0
    for kill in range(20):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=run_study, args=(study, folder), kwargs={"on_event": sender.send})
        started = time.perf_counter()
        process.start()
        sender.close()
        if kill % 2:
            # Any moment from the first line of code on, by the time that the start before took.
            process.join(rng.uniform(0.0, until_first))
        else:
            # Some runs later, within or between the following ones.
            for k in range(rng.randint(1, 6)):
                receiver.recv()
                until_first = time.perf_counter() - started if k == 0 else until_first
            time.sleep(rng.uniform(0.0, 0.1))
        process.kill()
        process.join()
        receiver.close()
        assert process.exitcode == -signal.SIGKILL
        seen.append(count_runs(folder))
    assert seen == sorted(seen)
    assert 10 <= seen[-1] < len(study.tasks)
    run_study(study, folder)
    assert count_runs(folder) == len(study.tasks)
    run_study(study, tmp_path / "whole", jobs=2)
    assert tables_of(folder) == tables_of(tmp_path / "whole")
    with closing(sqlite3.connect(folder / STORE_NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


SCRIPT = """
from pathlib import Path
from eomoo.study.execute import run_study
from eomoo.study.plan import load_study
if __name__ == "__main__":
    run_study(load_study("many.toml"), Path("out"), jobs=2, on_event=lambda e: print(e.done, flush=True))
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(small_card, tmp_path, sign):
    (tmp_path / "many.toml").write_text(
        f'problems = ["{small_card}"]\nbudget = 60\nseeds = 5000\n[[algorithms]]\nalgorithm = "pls"\n'
    )
    (tmp_path / "script.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(execute.__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    process.send_signal(sign)
    # The pipe ends when the last process that can write to it has ended.
    process.communicate(timeout=30)
    assert process.returncode == -sign
    assert count_runs(tmp_path / "out") > 0


def test_a_worker_that_dies_costs_only_time(small_study, tmp_path):
    killed = []

    def kill_a_worker(event):
        if event.done in (2, 9):
            killed.append(multiprocessing.active_children()[0])
            killed[-1].kill()

    study = small_study(seeds=15)
    assert run_study(study, tmp_path / "killed", jobs=2, on_event=kill_a_worker) == 30
    assert len(killed) == 2
    run_study(study, tmp_path / "whole")
    assert tables_of(tmp_path / "killed") == tables_of(tmp_path / "whole")


def test_a_study_does_not_go_on_with_a_changed_run(small_study, tmp_path):
    run_study(small_study(), tmp_path)
    with closing(sqlite3.connect(tmp_path / STORE_NAME)) as connection, connection:
        connection.execute("DELETE FROM evaluation WHERE run = 2 AND step = 7")
    with pytest.raises(StoreError, match="run"):
        run_study(small_study(), tmp_path)
