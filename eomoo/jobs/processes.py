"""Tasks on several processes of this machine; no process outlives its parent."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import Generic

from eomoo.jobs.base import ATTEMPTS, Jobs, Result, Task, Work, set_worker_number

# One that runs and one that waits, so that no process idles while this one handles a result.
_AHEAD = 2


class ProcessJobs(Jobs):
    """Tasks on processes, which stay between calls of ``run`` and keep what they have in memory.

    A script that uses them guards its own work with ``if __name__ == "__main__"``, since they import it.

    Args:
        workers: How many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        # Forked workers would inherit threads and locks of this process in any state.
        self._context = get_context("spawn")
        self._pools: list[ProcessPoolExecutor] = []
        self._lifeline: tuple[Connection, Connection] | None = None

    def _run(self, work: Work[Task, Result]) -> None:
        try:
            _Round(self, work).run()
        except BaseException:
            # Nobody waits for what is under way: training may take hours.
            self.close()
            raise

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        if self._lifeline is not None:
            self._lifeline[1].close()
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)
        if self._lifeline is not None:
            self._lifeline[0].close()
        self._pools, self._lifeline = [], None

    def pool(self, k: int) -> ProcessPoolExecutor:
        """The k-th process, started when it is first needed."""
        while len(self._pools) <= k:
            self._pools.append(self._start(len(self._pools)))
        return self._pools[k]

    def replace(self, k: int) -> None:
        """Start the k-th process again after its death."""
        self._pools[k].shutdown(wait=True)
        self._pools[k] = self._start(k)

    def _start(self, k: int) -> ProcessPoolExecutor:
        if self._lifeline is None:
            # The pipe breaks when this process closes its end, or is killed and cannot say anything.
            self._lifeline = self._context.Pipe(duplex=False)
        return ProcessPoolExecutor(
            1, mp_context=self._context, initializer=_start_worker, initargs=(self._lifeline[0], k)
        )


class _Round(Generic[Task, Result]):
    """One call of ``run``: which task runs on which process, and which have died."""

    def __init__(self, jobs: ProcessJobs, work: Work[Task, Result]) -> None:
        self.jobs, self.work, self.groups = jobs, work, _groups(work, jobs.workers)
        n = min(jobs.workers, len(self.groups))
        self.waiting: list[deque[int]] = [deque() for _ in range(n)]
        # Oldest first: that one runs, the next waits within the process.
        self.running: list[deque[tuple[int, Future[Result]]]] = [deque() for _ in range(n)]
        self.deaths: Counter[int] = Counter()

    def run(self) -> None:
        for _ in range(_AHEAD):
            for p in range(len(self.running)):
                self._feed(p)
        while futures := [future for row in self.running for _, future in row]:
            wait(futures, return_when=FIRST_COMPLETED)
            for p in range(len(self.running)):
                self._collect(p)

    def _feed(self, p: int) -> None:
        if not self.waiting[p] and self.groups:
            self.waiting[p].extend(self.groups.popleft())
        if self.waiting[p]:
            k = self.waiting[p].popleft()
            try:
                future = self.jobs.pool(p).submit(self.work.function, self.work.tasks[k])
            except BrokenProcessPool as error:
                future = Future()
                future.set_exception(error)
            self.running[p].append((k, future))

    def _collect(self, p: int) -> None:
        row = self.running[p]
        while row and row[0][1].done():
            k, future = row.popleft()
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                self._bury(p, k)
                return
            self._feed(p)
            if error is not None:
                self.work.failed(k, error)
            else:
                self.work.on_result(k, future.result())

    def _bury(self, p: int, k: int) -> None:
        """Start a process again; the task that ran on it counts the death, the next one does not."""
        others = [other for other, _ in self.running[p]]
        self.running[p].clear()
        self.waiting[p].extendleft(reversed(others))
        self.jobs.replace(p)
        self.deaths[k] += 1
        if self.deaths[k] < ATTEMPTS:
            self.waiting[p].appendleft(k)
        else:
            self.work.lost(k, ATTEMPTS)
        for _ in range(_AHEAD):
            self._feed(p)


def _groups(work: Work[Task, Result], workers: int) -> deque[list[int]]:
    """Positions of neighbouring tasks of one group; single ones where groups would leave workers idle."""
    positions = range(len(work.tasks))
    if work.group is not None:
        marks = [work.group(task) for task in work.tasks]
        groups = [list(found) for _, found in groupby(positions, key=marks.__getitem__)]
        if len(groups) >= workers:
            return deque(groups)
    return deque([k] for k in positions)


def _start_worker(lifeline: Connection, number: int) -> None:
    # The parent answers Ctrl-C, and lets go of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_worker_number(number)
    Thread(target=_hold_on, args=(lifeline,), daemon=True).start()


def _hold_on(lifeline: Connection) -> None:
    """End this process when its parent has let go."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
