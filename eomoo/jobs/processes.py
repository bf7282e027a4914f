"""Tasks on several processes of this machine; no process outlives its parent."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Hashable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import RLock, Thread
from typing import Any, TextIO

from eomoo.errors import StoreError
from eomoo.jobs.base import Jobs, Work, set_worker_number


class ProcessJobs(Jobs):
    """Tasks on processes, which stay between calls of ``run`` and keep what they have in memory.

    A script that uses them guards its own work with ``if __name__ == "__main__"``, since they import it.

    Args:
        workers: How many.
        first: Number of the first, where several of these share a machine.
    """

    def __init__(self, workers: int, *, first: int = 0) -> None:
        super().__init__()
        self.workers, self._first = workers, first
        # Forked workers would inherit threads and locks of this process in any state.
        self._context = get_context("spawn")
        self._pools: list[ProcessPoolExecutor] = []
        self._lifeline: tuple[Connection, Connection] | None = None
        # One work a process: a task that waited in a process would wait for the one before, which may take hours.
        self._running: dict[int, tuple[Work[Any, Any], Future[Any]]] = {}
        self._groups: dict[int, Hashable] = {}
        # What one thread waits for another one may drop, as a search that is interrupted does.
        self._held = RLock()

    def drop(self) -> None:
        """Forget what was started, and end the processes, whatever they are doing."""
        with self._held:
            super().drop()
            self._running.clear()
            self._groups.clear()
            if self._lifeline is not None:
                self._lifeline[1].close()
            for pool in self._pools:
                pool.shutdown(wait=True, cancel_futures=True)
            if self._lifeline is not None:
                self._lifeline[0].close()
            self._pools, self._lifeline = [], None

    def _wait(self) -> tuple[Work[Any, Any], int]:
        with self._held:
            futures = [future for _, future in self._running.values()]
        wait(futures, return_when=FIRST_COMPLETED)
        with self._held:
            p = next((p for p, (_, future) in self._running.items() if future.done()), None)
            if p is None:
                raise StoreError("the work was dropped while it was waited for")
            work, future = self._running.pop(p)
            work.error = future.exception()
            died = isinstance(work.error, BrokenProcessPool)
            if died:
                work.error = None
                self._replace(p)
            elif work.error is None:
                work.result = future.result()
            self._feed()
        return work, int(died)

    def _feed(self) -> None:
        """Give each free process a work."""
        with self._held:
            for p in range(self.workers):
                if p not in self._running and (work := self._choose(p)) is not None:
                    self._waiting.remove(work)
                    self._groups[p] = work.group
                    try:
                        future = self._submit(p, work)
                    except BrokenProcessPool:
                        # It died while it had nothing to do, which is no task's fault.
                        self._replace(p)
                        future = self._submit(p, work)
                    self._running[p] = work, future

    def _submit(self, p: int, work: Work[Any, Any]) -> Future[Any]:
        """Hand a work to the p-th process, which is started with the first one.

        A terminal's Ctrl-C goes to all processes: one that is being started would die of it with a traceback, and this
        one would lose hold of it.
        """
        # The first pool starts multiprocessing's own helper, which takes the block away.
        pool = self.pool(p)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return pool.submit(work.function, work.task)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _choose(self, p: int) -> Work[Any, Any] | None:
        """The next work for a process: of its own group, else of one that no other process has."""
        own = self._groups.get(p)
        if own is not None and (work := next((w for w in self._waiting if w.group == own), None)) is not None:
            return work
        others = {group for q, group in self._groups.items() if q != p} - {None}
        return next((work for work in self._waiting if work.group not in others), None)

    def pool(self, p: int) -> ProcessPoolExecutor:
        """The p-th process, started when it is first needed."""
        while len(self._pools) <= p:
            self._pools.append(self._start(len(self._pools)))
        return self._pools[p]

    def _replace(self, p: int) -> None:
        """Start the p-th process again after its death."""
        self._pools[p].shutdown(wait=True)
        self._pools[p] = self._start(p)

    def _start(self, p: int) -> ProcessPoolExecutor:
        if self._lifeline is None:
            # The pipe breaks when this process closes its end, or is killed and cannot say anything.
            self._lifeline = self._context.Pipe(duplex=False)
        return ProcessPoolExecutor(
            1, mp_context=self._context, initializer=_start_worker, initargs=(self._lifeline[0], p + self._first)
        )


def _start_worker(lifeline: Connection, number: int) -> None:
    # The parent answers Ctrl-C, and lets go of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_worker_number(number)
    end_with(lifeline)


def end_with(lifeline: Connection | TextIO) -> None:
    """End this process when its parent has let go of the other end of a pipe, whatever is being done."""

    def hold_on() -> None:
        with contextlib.suppress(OSError):
            while os.read(lifeline.fileno(), 1):
                pass
        os._exit(1)

    Thread(target=hold_on, daemon=True).start()
