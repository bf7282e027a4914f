"""Where functions run, and what becomes of those whose worker is lost: one interface, one policy."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from eomoo.errors import EomooError, StoreError

Task = TypeVar("Task")
Result = TypeVar("Result")
# Of a task whose worker dies: it may have died by another's fault once, and once more by chance. Dask's
# own schedulers allow one more (distributed.scheduler.allowed-failures = 3).
ATTEMPTS = 3


@dataclass(frozen=True)
class Work(Generic[Task, Result]):
    """The arguments of one call of ``Jobs.run``, and what is told where a task has no result."""

    function: Callable[[Task], Result]
    tasks: Sequence[Task]
    on_result: Callable[[int, Result], None]
    on_incident: Callable[[int, str], None] | None
    group: Callable[[Task], Hashable] | None

    def failed(self, k: int, error: BaseException) -> None:
        """Tell of a task that raised; an ``EomooError`` speaks of all tasks and ends the run."""
        if self.on_incident is None or isinstance(error, EomooError):
            raise error
        self.on_incident(k, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}")

    def lost(self, k: int, times: int) -> None:
        """Tell of a task whose workers died."""
        if self.on_incident is None:
            raise StoreError(
                f"a worker process died (out of memory?), {times} times on one task; what was finished is kept, "
                "run the same command again to go on, perhaps with fewer at once"
            )
        self.on_incident(k, f"its worker died {times} times (out of memory?)")


class Jobs(ABC):
    """Runs a function for each of many tasks, and hands each result over as soon as it is there.

    A task whose worker dies is tried again, ``ATTEMPTS`` times in all; one that raises is not, since it
    would again.
    """

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_result: Callable[[int, Result], None],
        *,
        on_incident: Callable[[int, str], None] | None = None,
        group: Callable[[Task], Hashable] | None = None,
    ) -> None:
        """Call a function for all tasks.

        Args:
            function: Importable, since it may travel.
            tasks: Its arguments, one a call.
            on_result: Called as ``on_result(k, result)`` for task k, in any order.
            on_incident: Called as ``on_incident(k, reason)`` where there is no result: its workers
                were lost, or it raised what is no ``EomooError``. By default such an error is raised.
            group: Neighbouring tasks of one group share what a worker keeps in memory, so that they
                run on one worker where there are groups enough.

        Raises:
            StoreError: (a RuntimeError) A task's workers were lost, and ``on_incident`` is not given.
        """
        self._run(Work(function, tasks, on_result, on_incident, group))

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """The result of a function, called on a machine where tasks run."""
        return function(*arguments)

    def close(self) -> None:  # noqa: B027  # work in this process has nothing to let go
        """Let go of workers that were started, whatever they are doing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @abstractmethod
    def _run(self, work: Work[Task, Result]) -> None:
        """As ``run``."""


class LocalJobs(Jobs):
    """One task after another, in this process."""

    def _run(self, work: Work[Task, Result]) -> None:
        for k, task in enumerate(work.tasks):
            try:
                result = work.function(task)
            except Exception as error:
                work.failed(k, error)
                continue
            work.on_result(k, result)


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
    # Dask numbers those of one machine; a SLURM job's worker has a name, and devices of its own.
    return int(name) if name.isdigit() else None
