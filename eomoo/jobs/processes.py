"""Tasks on several processes: those of one seed on one process, and no process outlives its parent."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import TypeVar

from eomoo.errors import StoreError
from eomoo.study.plan import Task

__all__ = ["on_processes"]

Result = TypeVar("Result")
_AHEAD = 2


def on_processes(
    function: Callable[[Task], Result], tasks: list[Task], jobs: int
) -> Generator[tuple[Task, Result], None, None]:
    """Call a function for each task on up to ``jobs`` processes; yields (task, result) as they end.

    Raises:
        StoreError: A process died.
    """
    groups = deque(_groups(tasks, jobs))
    # Forked workers would inherit threads and locks of this process in any state.
    context = get_context("spawn")
    # The pipe breaks when this process closes its end, or is killed and cannot say anything.
    lifeline, mine = context.Pipe(duplex=False)
    pools = [
        ProcessPoolExecutor(1, mp_context=context, initializer=_start_worker, initargs=(lifeline,))
        for _ in range(min(jobs, len(groups)))
    ]
    waiting: list[deque[Task]] = [deque() for _ in pools]
    running: dict[Future[Result], tuple[Task, int]] = {}

    def feed(k: int) -> None:
        if not waiting[k] and groups:
            waiting[k].extend(groups.popleft())
        if waiting[k]:
            task = waiting[k].popleft()
            running[pools[k].submit(function, task)] = task, k

    try:
        for k in range(len(pools)):
            for _ in range(_AHEAD):
                feed(k)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task, k = running.pop(future)
                feed(k)
                yield task, future.result()
    except BrokenProcessPool:
        mine.close()
        raise StoreError(
            "a worker process died (out of memory?); what was finished is kept, "
            "run the same command again to go on, perhaps with fewer --jobs"
        ) from None
    except BaseException:
        # Nobody waits for runs that are under way: training may take hours.
        mine.close()
        raise
    finally:
        for pool in pools:
            pool.shutdown(wait=True, cancel_futures=True)
        mine.close()
        lifeline.close()


def _groups(tasks: list[Task], jobs: int) -> list[list[Task]]:
    """Tasks that share a problem and a seed, and so the training of a surrogate start; or single ones."""
    groups = [list(group) for _, group in groupby(tasks, key=lambda task: (task.problem, task.seed))]
    return groups if len(groups) >= jobs else [[task] for task in tasks]


def _start_worker(lifeline: Connection) -> None:
    # The parent answers Ctrl-C, and lets go of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_hold_on, args=(lifeline,), daemon=True).start()


def _hold_on(lifeline: Connection) -> None:
    """End this process when its parent has let go."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
