"""Run a study: in this process, on several, or on a cluster; results enter the store as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from eomoo.checks import positive
from eomoo.errors import StoreError
from eomoo.files import only_one
from eomoo.jobs import make_jobs, one_thread
from eomoo.search.problem import CellProblem, get_problem
from eomoo.search.run import RunResult, run_algorithm
from eomoo.study.earlier import Asked
from eomoo.study.plan import Probe, ProblemSpec, Study, Task, ask, find_probe, probe_name
from eomoo.study.record import record_study
from eomoo.study.store import STORE_NAME, Store

Performed = tuple[RunResult, dict[str, Mapping[str, object]]]


@dataclass(frozen=True, kw_only=True)
class Event:
    """A run that has ended: how many of all are done, which it was, and what it found."""

    done: int
    total: int
    task: Task
    result: RunResult
    what = "runs"


def run_study(
    study: Study,
    folder: str | Path,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> int:
    """Run what is not yet in the folder's store, or is there with a smaller budget.

    Each run enters the store in one transaction when it ends; one that was interrupted leaves nothing
    and is repeated by the next call. The results do not depend on ``jobs``.

    Args:
        study: The study.
        folder: Where the store lies, made when missing.
        jobs: Processes.
        cluster: Address of a Dask scheduler to run on instead, or a TOML file for SLURM.
        on_event: Called after each run.

    Returns:
        The number of runs that were run.

    Raises:
        SettingError: (a ValueError) The folder holds another study; the text names all that differs.
        StoreError: Another process works on the folder, or the store cannot be written.
    """
    positive("jobs", jobs)
    folder = Path(folder)
    # Workers get the functions themselves, which they import by path; what is not there is told now.
    probes = {probe_name(probe): find_probe(probe) for probe in study.probes}
    run = partial(perform, probes=probes)
    # A cluster that is not there, as data that are missing, is told before anything is written.
    workers = make_jobs(min(jobs, len(study.tasks)), cluster=cluster or "local")
    with workers, only_one(folder, "running a study"):
        with one_thread():
            problems = {spec: _problem(spec) for spec in study.problems}
            deque((problem.fingerprint for problem in problems.values()), maxlen=0)
        record_study(study, folder)
        with Store(folder / STORE_NAME, create=True) as store:
            numbers = {spec: store.add_problem(problem) for spec, problem in problems.items()}
            _check_same_values(store, numbers.values())
            pending = [
                task
                for task in study.tasks
                if not store.has_run(numbers[task.problem], task.spec, seed=task.seed, budget=task.budget)
            ]
            there = store.runs()
            for number in set(numbers.values()):
                # What was entered earlier is proved now, not by who looks at it later.
                deque(store.traces(number, [run for run in there if run.problem == number]), maxlen=0)
            done, total = len(study.tasks) - len(pending), len(study.tasks)

            def keep(k: int, found: Performed) -> None:
                nonlocal done
                task, (result, extra) = pending[k], found
                number, spent = numbers[task.problem], {"seed": task.seed, "budget": task.budget}
                asked = Asked(problem=number, spec=task.spec, **spent)
                shorter = [run.id for run in there if asked.is_same(run)]
                store.add_run(number, task.spec, **spent, result=result, extra=extra, replaces=shorter)
                done += 1
                if on_event is not None:
                    on_event(Event(done=done, total=total, task=task, result=result))

            # Tasks of one problem and seed share the training of a surrogate start.
            workers.run(run, pending, keep, group=lambda task: (task.problem, task.seed))
    return len(pending)


def _check_same_values(store: Store, numbers: Iterable[int]) -> None:
    """What a card points to may have changed since the first runs, which a study would then mix."""
    ran = {run.problem for run in store.runs()}
    known = {problem.id: problem for problem in store.problems()}
    posed = {k: (p.name, p.digest, p.noise, p.constraints) for k, p in known.items()}
    for number in numbers:
        if any(k in ran and k != number and posed[k] == posed[number] for k in known):
            raise StoreError(
                f"{store.path.parent} was begun when the problem card {known[number].name} stood for other "
                "values: its table, models or images have changed since; choose another folder"
            )


def perform(task: Task, probes: Mapping[str, Probe] | None = None) -> Performed:
    """One run, and what the study's probes say of it, by their name."""
    with one_thread():
        problem = _problem(task.problem)
        result = run_algorithm(problem, task.spec, budget=task.budget, seed=task.seed)
        if not result.complete:
            raise KeyboardInterrupt
        told = {name: ask(name, probe, problem, task, result) for name, probe in (probes or {}).items()}
    return result, {name: found for name, found in {"surrogate": result.notes, **told}.items() if found}


@lru_cache(maxsize=8)
def _problem(spec: ProblemSpec) -> CellProblem:
    return get_problem(spec.card, noise=spec.noise, constraints=spec.constraints)
