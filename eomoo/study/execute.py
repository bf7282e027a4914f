"""Run a study: in this process, on several, or on a Dask cluster; results enter the store as they come."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from eomoo.errors import MissingPackageError, StoreError
from eomoo.files import write_error
from eomoo.jobs.processes import on_processes
from eomoo.search.operators import check_positive
from eomoo.search.problem import CellProblem, get_problem
from eomoo.search.run import RunResult, run_algorithm
from eomoo.study.plan import ProblemSpec, Study, Task, probe_name
from eomoo.study.probes import Probe, ask, find_probe
from eomoo.study.record import record_study
from eomoo.study.store import STORE_NAME, Store

__all__ = ["Event", "perform", "run_study"]

LOCK_NAME = "lock.sqlite"
Performed = tuple[RunResult, dict[str, Any]]
Results = Generator[tuple[Task, Performed], None, None]


@dataclass(frozen=True, kw_only=True)
class Event:
    """A run that has ended: how many of all are done, which it was, and what it found."""

    done: int
    total: int
    task: Task
    result: RunResult


def run_study(
    study: Study,
    folder: Path,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> int:
    """Run what is not yet in the folder's store.

    Each run enters the store in one transaction when it ends; one that was interrupted leaves nothing
    and is repeated by the next call. The results do not depend on ``jobs``.

    Args:
        study: The study.
        folder: Where the store lies, made when missing.
        jobs: Processes.
        cluster: Address of a Dask scheduler to run on instead.
        on_event: Called after each run.

    Returns:
        The number of runs that were run.

    Raises:
        StoreError: Another process works on the folder, it holds another study, or the store cannot be
            written.
    """
    check_positive("jobs", jobs)
    # Workers get the functions themselves, which they import by path; what is not there is told now.
    probes = {probe_name(probe): find_probe(probe) for probe in study.probes}
    run = partial(perform, probes=probes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from None
    with _only_one(folder):
        record_study(study, folder)
        return _run_missing(study, folder, run, jobs=jobs, cluster=cluster, on_event=on_event)


def _run_missing(
    study: Study,
    folder: Path,
    run: Callable[[Task], Performed],
    *,
    jobs: int,
    cluster: str | None,
    on_event: Callable[[Event], None] | None,
) -> int:
    with Store(folder / STORE_NAME, create=True) as store:
        with _one_thread():
            numbers = {spec: store.add_problem(_problem(spec)) for spec in study.problems}
        pending = [
            task
            for task in study.tasks
            if not store.has_run(numbers[task.problem], task.spec, seed=task.seed, budget=task.budget)
        ]
        done, total = len(study.tasks) - len(pending), len(study.tasks)
        with contextlib.closing(_results(run, pending, jobs, cluster)) as results:
            for task, (result, extra) in results:
                store.add_run(
                    numbers[task.problem],
                    task.spec,
                    seed=task.seed,
                    budget=task.budget,
                    result=result,
                    extra=extra,
                )
                done += 1
                if on_event is not None:
                    on_event(Event(done=done, total=total, task=task, result=result))
    return len(pending)


def perform(task: Task, probes: Mapping[str, Probe] | None = None) -> Performed:
    """One run, and what the study's probes say of it, by their name."""
    with _one_thread():
        return _perform(task, probes or {})


def _perform(task: Task, probes: Mapping[str, Probe]) -> Performed:
    problem = _problem(task.problem)
    result = run_algorithm(problem, task.spec, budget=task.budget, seed=task.seed)
    if not result.complete:
        raise KeyboardInterrupt
    extra: dict[str, Any] = {"surrogate": result.notes} if result.notes else {}
    for name, probe in probes.items():
        numbers = ask(name, probe, problem, task, result)
        if numbers:
            extra[name] = numbers
    return result, extra


@lru_cache(maxsize=8)
def _problem(spec: ProblemSpec) -> CellProblem:
    return get_problem(spec.card, noise=spec.noise, constraints=spec.constraints)


def _results(run: Callable[[Task], Performed], tasks: list[Task], jobs: int, cluster: str | None) -> Results:
    if cluster is not None:
        return _on_cluster(run, tasks, cluster)
    if jobs == 1 or len(tasks) < 2:
        return ((task, run(task)) for task in tasks)
    return on_processes(run, tasks, jobs)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep linear algebra on one thread: a core runs one task, and sums come out the same on all of them."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def _on_cluster(run: Callable[[Task], Performed], tasks: list[Task], address: str) -> Results:
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError:
        raise MissingPackageError(
            "a Dask cluster needs the package distributed: pip install 'eomoo[cluster]'"
        ) from None
    try:
        client = Client(address, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise StoreError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        # A run is a function of its task alone, so that a lost worker's runs can go elsewhere.
        futures = {client.submit(run, task, pure=False, retries=2): task for task in tasks}
        try:
            for future in as_completed(list(futures)):  # type: ignore[no-untyped-call]
                yield futures.pop(future), future.result()
        except KilledWorker:
            raise StoreError(
                "the cluster's workers died repeatedly on a run (out of memory?); what was finished is kept, "
                "run the same command again to go on"
            ) from None
        finally:
            client.cancel(list(futures))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the lock ends with the process, however it ends."""
    connection = sqlite3.connect(folder / LOCK_NAME, timeout=0.2, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" in str(error):
            raise StoreError(f"another process is running a study in {folder}; wait for it to end") from None
        raise StoreError(f"{folder} cannot be written: {error}") from None
    try:
        yield
    finally:
        connection.close()
