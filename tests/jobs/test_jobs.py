"""The contract of all jobs: every task once, its result at once, one policy for what is lost."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from job_functions import (
    count,
    die,
    hears_an_interrupt,
    others_at_once,
    raise_on,
    seat_of,
    square,
    wait_for,
    where,
    work_for,
)

from eomoo.errors import EomooError, SettingError, StoreError
from eomoo.jobs import ATTEMPTS, DaskJobs, LocalJobs, ProcessJobs, make_jobs, one_thread
from eomoo.progress import being_done

# On a busy machine workers that were killed are not back at once.
pytestmark = pytest.mark.filterwarnings("ignore:the Dask scheduler at")


@contextlib.contextmanager
def start_cluster():
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    import dask

    with (
        # A local cluster gives up workers that take longer than 15 s to be back, as on a busy machine.
        dask.config.set(
            {"distributed.scheduler.allowed-failures": ATTEMPTS - 1, "distributed.deploy.lost-worker-timeout": "1 day"}
        ),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", resources={"SEAT": 1}, silence_logs=50
        ) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def dask_cluster():
    with start_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["here", "processes", "dask"])
def jobs(request):
    if request.param == "here":
        made = LocalJobs()
    elif request.param == "processes":
        made = ProcessJobs(2)
    else:
        cluster = request.getfixturevalue("dask_cluster")
        made = DaskJobs(cluster.scheduler_address, resource="SEAT")
    with made:
        yield made


@pytest.fixture(params=["processes", "dask"])
def workers(request):
    """Jobs whose workers may be killed."""
    with contextlib.ExitStack() as stack:
        if request.param == "processes":
            yield stack.enter_context(ProcessJobs(2))
        else:
            cluster = stack.enter_context(start_cluster())
            yield stack.enter_context(DaskJobs(cluster.scheduler_address, resource="SEAT"))


def collect(jobs, function, tasks, **options):
    results = {}

    def keep(k, result):
        assert k not in results
        results[k] = result

    jobs.run(function, tasks, keep, **options)
    return results


def test_every_task_has_its_result(jobs):
    assert collect(jobs, square, range(20)) == {k: k * k for k in range(20)}
    assert collect(jobs, square, []) == {}
    assert collect(jobs, square, [7]) == {0: 49}
    assert jobs.call(pow, 2, 5) == 32


def test_what_a_call_is_doing_elsewhere_is_known_here(jobs):
    heard = []
    with ThreadPoolExecutor(1) as pool:
        called = pool.submit(jobs.call, work_for, 2.5)
        while not called.done():
            heard.append(being_done())
            time.sleep(0.02)
    assert {*heard} - {""} == {"counting, 3 of 7"}
    assert being_done() == ""


class EnoughError(Exception):
    """What a caller may raise."""


def test_a_result_is_told_before_the_others_are_there(jobs):
    def stop(k, result):
        raise EnoughError

    with pytest.raises(EnoughError):
        jobs.run(square, range(1_000), stop)
    assert collect(jobs, square, [3]) == {0: 9}


def test_an_error_of_one_task_is_an_incident_and_the_others_go_on(jobs):
    tasks, reasons = [("disk", x) for x in range(6)], {}
    results = collect(jobs, raise_on, tasks, on_incident=reasons.__setitem__)
    assert results == {k: k for k in range(6) if k != 3}
    assert reasons == {3: "OSError: [Errno 28] No space left on device"}
    with pytest.raises(OSError, match="No space left"):
        collect(jobs, raise_on, tasks)


def test_an_error_of_ours_ends_the_run(jobs):
    with pytest.raises(SettingError, match="no such setting"):
        collect(jobs, raise_on, [("ours", x) for x in range(6)], on_incident=pytest.fail)


def test_a_task_whose_worker_dies_is_tried_again(workers, tmp_path):
    tasks = [(str(tmp_path), f"t{k}", ATTEMPTS - 1 if k == 2 else 0) for k in range(6)]
    assert collect(workers, die, tasks) == {k: f"t{k}" for k in range(6)}
    assert len((tmp_path / "t2").read_text()) == ATTEMPTS


def test_a_task_that_takes_its_workers_down_is_an_incident(workers, tmp_path):
    tasks, reasons = [(str(tmp_path), "t0", 99)], {}
    assert collect(workers, die, tasks, on_incident=reasons.__setitem__) == {}
    assert reasons == {0: f"its worker died {ATTEMPTS} times (out of memory?)"}
    assert len((tmp_path / "t0").read_text()) == ATTEMPTS
    assert collect(workers, square, [5]) == {0: 25}
    with pytest.raises(StoreError, match="a worker process died"):
        collect(workers, die, [(str(tmp_path), "t1", 99)])


def test_nothing_is_left_of_a_run_that_was_given_up(jobs):
    def stop(k, result):
        raise EnoughError

    with pytest.raises(EnoughError):
        jobs.run(square, range(50), stop)
    assert not jobs._under_way
    assert not jobs._waiting


def test_a_task_that_advances_is_tried_as_often_as_it_does(workers, tmp_path):
    """It dies once more than any other may, and is asked whether it came further."""
    seen = []

    def advanced(task):
        seen.append(task[1])
        return True

    assert collect(workers, die, [(str(tmp_path), "t0", ATTEMPTS + 1)], advanced=advanced) == {0: "t0"}
    assert seen
    assert len((tmp_path / "t0").read_text()) == ATTEMPTS + 2


def test_workers_killed_at_random_cost_neither_results_nor_steps_that_were_kept(tmp_path):
    """Each step is kept as a checkpoint is: after six kills all are there, none of them twice."""
    tasks, killed, rng = [(str(tmp_path), f"t{k}", 20) for k in range(4)], [], np.random.default_rng(0)
    results, stop = {}, threading.Event()

    def kill(jobs):
        while len(killed) < 6 and not stop.wait(rng.uniform(0.1, 0.3)):
            running = [pool for pool in [*jobs._pools] if pool._processes]
            steps = sum(len(path.read_text().split()) for path in tmp_path.iterdir())
            if running and steps > (killed[-1] if killed else 0):
                killed.append(steps)
                os.kill(next(iter(running[rng.integers(len(running))]._processes)), signal.SIGKILL)

    with ProcessJobs(2) as jobs:
        killer = threading.Thread(target=kill, args=(jobs,))
        killer.start()
        try:
            results = collect(jobs, count, tasks, advanced=lambda task: True)
        finally:
            stop.set()
            killer.join()
    assert results == {k: f"t{k}" for k in range(4)}
    assert len(killed) == 6
    for _, name, n in tasks:
        assert (tmp_path / name).read_text().split() == [str(k) for k in range(n)]


# -- processes ---------------------------------------------------------------------------------


def test_an_innocent_neighbour_of_a_death_is_not_charged(tmp_path):
    """The second task waits within the process that dies thrice, and has all its own attempts afterwards."""
    tasks, reasons = [(str(tmp_path), "t0", 99), (str(tmp_path), "t1", ATTEMPTS - 1)], {}
    with ProcessJobs(1) as jobs:
        assert collect(jobs, die, tasks, on_incident=reasons.__setitem__) == {1: "t1"}
    assert list(reasons) == [0]
    assert len((tmp_path / "t1").read_text()) == ATTEMPTS


def test_no_task_waits_behind_a_long_one_while_a_process_is_free(tmp_path):
    """The first waits for a file that the last one writes."""
    with ProcessJobs(2) as jobs:
        found = collect(jobs, wait_for, [(str(tmp_path), 3 if k == 0 else None, k) for k in range(4)])
    assert found == {k: k for k in range(4)}


def test_processes_are_numbered_and_stay(tmp_path):
    with ProcessJobs(2) as jobs:
        first = collect(jobs, where, range(8))
        second = collect(jobs, where, range(8))
    assert {number for _, _, number in first.values()} == {0, 1}
    assert {pid for _, pid, _ in first.values()} == {pid for _, pid, _ in second.values()}
    assert os.getpid() not in {pid for _, pid, _ in first.values()}


def test_processes_without_a_number_find_one_that_no_other_has(tmp_path, monkeypatch):
    """By which the workers of a scheduler that were started by hand choose their device."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with ProcessJobs(2) as jobs:
        found = set(collect(jobs, seat_of, range(8)).values())
    assert {number for _, number in found} == {0, 1}
    assert len(found) == 2


def test_processes_beside_others_have_numbers_of_their_own():
    with ProcessJobs(2, first=3) as jobs:
        assert {number for _, _, number in collect(jobs, where, range(8)).values()} == {3, 4}


def test_a_process_that_is_started_again_keeps_its_number(tmp_path):
    with ProcessJobs(2) as jobs:
        collect(jobs, where, range(8))
        # Both die once: each takes tasks as long as there are any.
        collect(jobs, die, [(str(tmp_path), f"t{k}", 1) for k in range(6)])
        found = collect(jobs, where, range(8))
    assert {number for _, _, number in found.values()} == {0, 1}


def test_a_process_that_dies_while_it_has_nothing_to_do_is_started_again():
    with ProcessJobs(1) as jobs:
        assert collect(jobs, square, [2]) == {0: 4}
        (process,) = jobs.pool(0)._processes.values()
        process.kill()
        process.join()
        # Its pool takes note of the death in a thread of its own.
        while not jobs.pool(0)._broken:
            time.sleep(0.01)
        assert collect(jobs, square, [3]) == {0: 9}


def test_an_interrupt_is_answered_by_the_parent_alone_from_a_process_first_moment_on():
    """One that is being started would die of a terminal's Ctrl-C, with a traceback."""
    found = {}
    with ProcessJobs(2) as jobs:
        jobs.run(hears_an_interrupt, range(2), found.__setitem__)
    assert found == {0: False, 1: False}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_what_one_thread_waits_for_another_one_drops(tmp_path):
    """A search that is interrupted lets go of what its threads are waiting for."""
    jobs, said, before = ProcessJobs(1), [], set(multiprocessing.active_children())

    def work():
        with pytest.raises(StoreError) as caught:
            jobs.run(wait_for, [(str(tmp_path), None, 0), (str(tmp_path), "never", 1)], lambda *_: None)
        said.append(str(caught.value))

    thread = threading.Thread(target=work)
    thread.start()
    while not (tmp_path / "0").exists():
        time.sleep(0.02)
    jobs.close()
    thread.join(30)
    assert said == ["the work was dropped while it was waited for"]
    assert not set(multiprocessing.active_children()) - before


def test_tasks_of_a_group_share_a_process_where_there_are_groups_enough():
    with ProcessJobs(2) as jobs:
        found = collect(jobs, where, range(9), group=lambda x: x // 3)
        for group in range(3):
            assert len({found[k][1] for k in range(3 * group, 3 * group + 3)}) == 1
        assert len({pid for _, pid, _ in collect(jobs, where, range(8), group=lambda x: 0).values()}) == 2


def test_no_process_is_left_behind():
    before = set(multiprocessing.active_children())
    jobs = ProcessJobs(2)
    collect(jobs, square, range(4))
    assert len(set(multiprocessing.active_children()) - before) == 2
    jobs.close()
    assert not set(multiprocessing.active_children()) - before
    with contextlib.suppress(OSError):
        collect(jobs, raise_on, [("disk", 3), ("disk", 4)])
    assert not set(multiprocessing.active_children()) - before


def test_a_task_that_waits_for_a_worker_is_not_charged_with_its_death(workers, tmp_path):
    """One takes its workers down as often as may be; another one, once less, has all its attempts."""
    tasks, reasons = [(str(tmp_path), f"t{k}", {0: 99, 1: ATTEMPTS - 1}.get(k, 0)) for k in range(6)], {}
    assert collect(workers, die, tasks, on_incident=reasons.__setitem__) == {k: f"t{k}" for k in range(1, 6)}
    assert list(reasons) == [0]


# -- Dask ------------------------------------------------------------------------------------------


def test_a_running_scheduler_is_joined_and_left_alone(dask_cluster):
    address = dask_cluster.scheduler_address
    with make_jobs(cluster=address, resource="SEAT") as jobs:
        assert isinstance(jobs, DaskJobs)
        assert jobs.call(os.getpid) != os.getpid()
    with make_jobs(cluster=address) as jobs:
        assert {number for _, _, number in collect(jobs, where, range(8)).values()} == {0, 1}


def test_equal_tasks_are_each_run(dask_cluster, tmp_path):
    with make_jobs(cluster=dask_cluster.scheduler_address) as jobs:
        assert collect(jobs, die, [(str(tmp_path), "t", 0)] * 3) == dict.fromkeys(range(3), "t")
    assert len((tmp_path / "t").read_text()) == 3


def test_what_a_task_takes_one_of_it_has_alone(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=3, processes=False, dashboard_address=":0", resources={"SEAT": 1}
        ) as cluster,
        DaskJobs(cluster.scheduler_address, resource="SEAT") as jobs,
        DaskJobs(cluster.scheduler_address, resource="SEAT") as others,
        ThreadPoolExecutor(1) as beside,
    ):
        # Neither search knows of the other one.
        theirs = beside.submit(collect, others, others_at_once, [str(tmp_path)] * 6)
        assert {*collect(jobs, others_at_once, [str(tmp_path)] * 6).values(), *theirs.result().values()} == {0}


def test_after_an_error_the_scheduler_is_left_without_tasks(dask_cluster):
    def stop(k, result):
        raise EnoughError

    with make_jobs(cluster=dask_cluster.scheduler_address) as jobs:
        tasks = dask_cluster.scheduler.tasks
        # The error is kept, and with it whatever the run had.
        with pytest.raises(EnoughError) as held:
            jobs.run(square, range(600), stop)
        while {"queued", "processing"} & (states := Counter(task.state for task in list(tasks.values()))).keys():
            jobs.client.sync(asyncio.sleep, 0.1)
        assert held.traceback
        # What waited was dropped, not done.
        assert states["memory"] < 400


def test_a_result_that_is_lost_with_its_worker_is_made_again(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with (
        distributed.LocalCluster(n_workers=2, processes=False, dashboard_address=":0", threads_per_worker=1) as cluster,
        DaskJobs(cluster.scheduler_address) as jobs,
    ):
        wait, lost = jobs._wait, []

        def lose():
            if not lost:
                jobs._look()
                jobs._feed()
                ((future, (_, address)),) = jobs._futures.items()
                future.exception()
                lost.extend(worker for worker in cluster.workers.values() if worker.address == address)
                cluster.sync(lost[0].close)
                # The death comes right after a look.
                jobs._looked = time.monotonic()
            return wait()

        monkeypatch.setattr(jobs, "_wait", lose)
        assert collect(jobs, square, [3]) == {0: 9}
        assert len(lost) == 1


def test_what_a_scheduler_lacks_is_told_and_the_work_goes_on_when_it_comes(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    monkeypatch.setattr("eomoo.jobs.dask._SILENT", 0.2)
    monkeypatch.setattr("eomoo.jobs.dask._LOOK", 0.1)
    options = {"n_workers": 0, "processes": False, "dashboard_address": ":0", "threads_per_worker": 1}
    with distributed.LocalCluster(**options) as cluster:
        address, told = cluster.scheduler_address, []

        def help_out(message, **_):
            told.append(str(message))
            if len(told) < 3:
                cluster.new_spec["options"]["resources"] = {"SEAT": 1} if len(told) == 1 else {"CARD": 2}
                cluster.scale(len(told))

        monkeypatch.setattr("warnings.warn", help_out)
        with make_jobs(cluster=address, resource=("CARD", "SEAT"), amount=2) as jobs:
            assert collect(jobs, square, [3]) == {0: 9}
        with make_jobs(cluster=address, resource=("GPU", "SEAT")) as jobs:
            assert collect(jobs, square, [3]) == {0: 9}
    wanted = f'waiting for workers that are started with: dask worker {address} --nthreads 1 --resources "CARD=2"'
    assert told == [
        f"the Dask scheduler at {address} has no workers; {wanted}",
        f"the Dask scheduler at {address} has 1 workers, which offer SEAT=1; {wanted}",
        f"the Dask scheduler at {address} has workers that fit: it goes on",
    ]


def test_a_scheduler_that_goes_away_is_one_sentence():
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        make_jobs(cluster=cluster.scheduler_address) as jobs,
    ):
        cluster.close()
        with pytest.raises(StoreError, match=r"the Dask scheduler at inproc://.* has gone; what was finished is kept"):
            collect(jobs, square, [3])


def test_a_call_whose_scheduler_goes_away_is_one_sentence(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        make_jobs(cluster=cluster.scheduler_address) as jobs,
    ):
        submit = jobs._submit

        def cancelled(*work):
            (future := submit(*work)).cancel()
            return future

        # As the futures of a client are that lost its scheduler.
        monkeypatch.setattr(jobs, "_submit", cancelled)
        with pytest.raises(StoreError, match=r"the Dask scheduler at inproc://.* has gone; what was finished is kept"):
            jobs.call(square, 3)


def test_no_scheduler_is_one_sentence(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

    def nobody(*args, **kwargs):
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", nobody)
    with pytest.raises(StoreError, match="no Dask scheduler answers at tcp://nowhere:1: timed out"):
        make_jobs(cluster="tcp://nowhere:1")


# -- which ones ------------------------------------------------------------------------------------


def test_one_worker_is_this_process():
    assert isinstance(make_jobs(), LocalJobs)
    assert isinstance(make_jobs(3), ProcessJobs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be a whole number of at least 1; got 0"),
        ({"cluster": "slurm"}, "cluster is"),
        ({"cluster": 3}, "cluster must be a text; got 3"),
        ({"cluster": "none.toml"}, r"there is no file none\.toml"),
    ],
)
def test_impossible_jobs_are_refused(options, message):
    if options.get("cluster") == "none.toml":
        pytest.importorskip("dask_jobqueue", reason="the extra 'cluster' is not installed")
    with pytest.raises(EomooError, match=message):
        make_jobs(**options)


def test_within_one_thread_libraries_of_linear_algebra_use_one():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    np.linalg.inv(np.eye(2))

    def threads():
        return {found["num_threads"] for found in threadpoolctl.threadpool_info()}

    with threadpoolctl.threadpool_limits(3):
        assert threads() == {3}
        with one_thread():
            assert threads() == {1}
        assert threads() == {3}


def test_libraries_that_are_loaded_later_use_one_thread_too():
    pytest.importorskip("threadpoolctl")
    code = (
        "import numpy, threadpoolctl; from eomoo.jobs import one_thread\n"
        "with one_thread(): pass\n"
        "import scipy.linalg\n"
        "with one_thread(): print({found['num_threads'] for found in threadpoolctl.threadpool_info()})"
    )
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == "{1}"
