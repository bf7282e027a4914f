"""Where functions run, and what becomes of those whose worker is lost: one interface, one policy."""

from __future__ import annotations

import os
import sys
import tempfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, groupby
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, cast

from eomoo.checks import with_kind
from eomoo.errors import EomooError, StoreError

Task = TypeVar("Task")
Result = TypeVar("Result")
# Of a task whose worker dies: it may have died by another's fault once, and once more by chance. Dask's
# own schedulers allow one more (distributed.scheduler.allowed-failures = 3).
ATTEMPTS = 3


class LostError(Exception):
    """The workers of a task died, however often it was tried."""


@dataclass(eq=False, kw_only=True)
class Work(Generic[Task, Result]):
    """A call of a function that was started, and how it ended.

    Attributes:
        function, task: What is called with what.
        group: Works of one group share what a worker keeps in memory.
        advanced: Asked with the task when its workers died: whether it came further since it was last asked.
        result: What the function returned; None before.
        error: What it raised, or a ``LostError``; None where there is a result.
        deaths: Of workers since it last advanced.
    """

    function: Callable[[Task], Result]
    task: Task
    group: Hashable = None
    advanced: Callable[[Task], bool] | None = None
    result: Result | None = None
    error: BaseException | None = None
    deaths: int = 0

    @property
    def reason(self) -> str:
        """Why there is no result, in a line; "" where there is one."""
        if self.error is None or isinstance(self.error, LostError):
            return str(self.error or "")
        return with_kind(self.error)

    def tried_again(self, deaths: int) -> bool:
        """Count deaths of its workers: whether it is tried again, without end as long as it advances."""
        self.deaths += deaths
        if self.advanced is not None and self.advanced(self.task):
            self.deaths = 0
        if self.deaths >= ATTEMPTS:
            self.error = LostError(f"its worker died {self.deaths} times (out of memory?)")
        return self.error is None


class Jobs(ABC):
    """Calls functions elsewhere.

    A task whose worker dies is tried again, ``ATTEMPTS`` times in all and as often as it advances; one that
    raises is not, since it would again.
    """

    # Works at once; of a scheduler's workers nobody knows how many there will be.
    workers = 1

    def __init__(self) -> None:
        self._under_way: set[Work[Any, Any]] = set()
        # Not handed out yet.
        self._waiting: deque[Work[Any, Any]] = deque()

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_result: Callable[[int, Result], None],
        *,
        on_incident: Callable[[int, str], None] | None = None,
        group: Callable[[Task], Hashable] | None = None,
        advanced: Callable[[Task], bool] | None = None,
    ) -> None:
        """Call a function for all tasks.

        Args:
            function: Importable, since it may travel.
            tasks: Its arguments, one a call.
            on_result: Called as ``on_result(k, result)`` for task k, in any order.
            on_incident: Called as ``on_incident(k, reason)`` where there is no result: its workers
                were lost, or it raised what is no ``EomooError``. By default such an error is raised.
            group: Neighbouring tasks of one group run on one worker, which keeps things in memory, where there are
                groups enough.
            advanced: Asked with the task when its workers died: whether it came further since it was last
                asked. It is tried again as often as it did.

        Raises:
            EomooError: A task raised it: it speaks of all tasks.
            StoreError: (a RuntimeError) A task's workers were lost, and ``on_incident`` is not given.
        """
        marks = _groups(tasks, group, self.workers)
        mine: dict[Work[Task, Result], int] = {}
        try:
            for k, (task, mark) in enumerate(zip(tasks, marks, strict=True)):
                work = Work(function=function, task=task, group=mark, advanced=advanced)
                mine[work] = k
                self._under_way.add(work)
                self._begin(work)
            while mine:
                work, deaths = self._wait()
                if deaths and work.tried_again(deaths):
                    self._begin(work)
                    continue
                self._under_way.remove(work)
                if isinstance(work.error, EomooError):
                    raise work.error
                if work.error is None:
                    on_result(mine.pop(work), cast(Result, work.result))
                elif on_incident is not None:
                    on_incident(mine.pop(work), work.reason)
                elif isinstance(work.error, LostError):
                    raise StoreError(
                        f"a worker process died (out of memory?), {work.deaths} times on one task; what was finished "
                        "is kept, run the same command again to go on, perhaps with fewer at once"
                    )
                else:
                    raise work.error
        except BaseException:
            # Nobody waits for what is under way: training may take hours.
            self.drop()
            raise

    def drop(self) -> None:
        """Forget what was started; what runs is ended where its worker can be."""
        self._under_way.clear()
        self._waiting.clear()

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """The result of a function, called on a machine where tasks run."""
        return function(*arguments)

    def close(self) -> None:
        """Let go of workers that were started, whatever they are doing."""
        self.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin(self, work: Work[Any, Any]) -> None:
        """Have a work wait for a worker; after its worker has died it is the next."""
        (self._waiting.appendleft if work.deaths else self._waiting.append)(work)
        self._feed()

    def _feed(self) -> None:  # noqa: B027  # in this process nothing begins before it is waited for
        """Hand out what waits to workers that are free."""

    @abstractmethod
    def _wait(self) -> tuple[Work[Any, Any], int]:
        """A work that has ended, its result or error set, and 0; or one whose workers died, and how many."""


class LocalJobs(Jobs):
    """One task after another, in this process."""

    def _wait(self) -> tuple[Work[Any, Any], int]:
        work = self._waiting.popleft()
        try:
            work.result = work.function(work.task)
        except Exception as error:
            work.error = error
        return work, 0


def _groups(tasks: Sequence[Task], group: Callable[[Task], Hashable] | None, workers: int) -> list[Hashable]:
    """The group of each task: neighbours share one; None for all where groups would leave workers idle."""
    if group is not None:
        runs = [len(list(found)) for _, found in groupby(tasks, key=group)]
        if len(runs) >= workers:
            return [k for k, n in enumerate(runs) for _ in range(n)]
    return [None] * len(tasks)


_number: int | None = None


def set_worker_number(number: int) -> None:
    """Say which of the workers this process is."""
    global _number
    _number = number


def worker_number() -> int | None:
    """Which of several workers on one machine this process is, from 0; None where that is not known."""
    if _number is not None or "distributed" not in sys.modules:
        return _number
    from distributed import get_worker

    try:
        name = str(get_worker().name)
    except ValueError:
        return None
    # Dask numbers those that it starts itself; others it calls by their address, or by their SLURM job.
    return int(name) if name.isdigit() else seat()


@cache
def seat() -> int:
    """The first number that no other process of this machine, or of this SLURM job, has; kept to the process's end."""
    import fcntl

    job = os.environ.get("SLURM_JOB_ID", "workers")
    place = Path(tempfile.gettempdir()) / f"eomoo-{os.getuid()}-{job}"
    place.mkdir(mode=0o700, exist_ok=True)
    for k in count():
        file = os.open(place / str(k), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        return k
    raise AssertionError
