"""Tasks on the workers of a Dask scheduler, which goes on without a worker that dies."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from eomoo.checks import first_line
from eomoo.errors import StoreError
from eomoo.jobs.base import Jobs, Result, Work
from eomoo.packages import require
from eomoo.progress import being_done, doing

_PURPOSE = "to run on a cluster"
# A scheduler that is there answers within a second, also across a network; Dask's own default is 30.
_ANSWER = "5s"
# Seconds between two looks at the workers: a look costs the scheduler a millisecond.
_LOOK = 1.0
# Seconds without a worker that fits before that is told: one that was lost is started again within a few.
_SILENT = 5.0


def _telling(topic: str, function: Callable[..., Result], *arguments: object) -> Result:
    """A function's result; meanwhile its worker says what is being done."""
    worker, stop = require("distributed", purpose=_PURPOSE).get_worker(), Event()

    def tell() -> None:
        said = ""
        while not stop.wait(_LOOK):
            if (now := being_done()) != said:
                said = now
                worker.log_event(topic, said)

    Thread(target=tell, daemon=True).start()
    try:
        return function(*arguments)
    finally:
        stop.set()


class DaskJobs(Jobs):
    """Tasks on the workers of a Dask cluster. Without one that fits they wait for it, and a warning says so.

    Args:
        cluster: A scheduler's address, or a cluster object, which is closed with this one.
        resource: What a task takes of a worker, such as "GPU", where the workers were started with it; of
            several names the first that is offered now, else the first.
        amount: How much of it.

    Raises:
        StoreError: (a RuntimeError) No scheduler answers.
        MissingPackageError: (an ImportError) The package distributed is not installed.
    """

    def __init__(self, cluster: Any, *, resource: str | tuple[str, ...] | None = None, amount: int = 1) -> None:
        distributed = require("distributed", purpose=_PURPOSE)
        super().__init__()
        self.cluster, self.amount = cluster, amount
        self._futures: dict[Any, tuple[Work[Any, Any], str]] = {}
        self._lost: set[Any] = set()
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self._seats: dict[str, int] = {}
        self._lonely_since: float | None = None
        self._looked, self._told = 0.0, ""
        try:
            self.client = distributed.Client(cluster, timeout=_ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:
            raise StoreError(f"no Dask scheduler answers at {cluster}: {first_line(error)}") from None
        names = [resource] if isinstance(resource, str) or resource is None else resource
        offered = (
            {name for worker in self._workers().values() for name in worker["resources"]} if len(names) > 1 else set()
        )
        self.resource = next((name for name in names if name in offered), names[0])

    def drop(self) -> None:
        """Forget what was started: what waits is never run, what runs goes on to its end in vain."""
        super().drop()
        self._lost.clear()
        futures, self._futures = list(self._futures), {}
        if self.client.status == "running":
            self.client.cancel(futures)

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call it on a worker; what is being done there is said here."""
        ended: SimpleQueue[Any] = SimpleQueue()
        topic, far = f"eomoo-{uuid4()}", ""

        def hear(event: tuple[float, str]) -> None:
            nonlocal far
            far = event[1]

        self.client.subscribe_topic(topic, hear)
        try:
            with doing("", lambda: far):
                future = self._submit(_telling, topic, function, *arguments)
                future.add_done_callback(ended.put)
                self._await(ended)
        finally:
            if self.client.status == "running":
                self.client.unsubscribe_topic(topic)
        try:
            result: Result = future.result()
        except CancelledError:
            raise self._gone() from None
        return result

    def close(self) -> None:
        """Leave the cluster; shut it down where it came as an object."""
        super().close()
        self.client.close()
        if not isinstance(self.cluster, str):
            self.cluster.close()

    def _feed(self) -> None:
        """Hand out as many as run at once, each to a worker of its own.

        Dask would let others wait at a worker, and charge them with its death.
        """
        busy = Counter(address for _, address in self._futures.values())
        for address, seats in self._seats.items():
            for _ in range(min(seats - busy[address], len(self._waiting))):
                work = self._waiting.popleft()
                future = self._submit(work.function, work.task, workers=[address])
                self._futures[future] = work, address
                future.add_done_callback(self._ended.put)

    def _wait(self) -> tuple[Work[Any, Any], int]:
        distributed = require("distributed", purpose=_PURPOSE)
        self._feed()
        while (future := self._await(self._ended)) not in self._futures:
            # One that was dropped.
            pass
        work, address = self._futures.pop(future)
        patience = _LOOK
        while future not in self._lost:
            try:
                work.error = future.exception(timeout=patience)
                work.result = None if work.error else future.result(timeout=patience)
            except TimeoutError:
                # A worker that dies takes its results along, and Dask would wait for the same one to make them again.
                patience *= 2
                if address not in self._workers():
                    self._lost.add(future)
                continue
            except CancelledError:
                raise self._gone() from None
            if isinstance(work.error, distributed.KilledWorker):
                work.error = None
                return work, 1
            return work, 0
        self._lost.discard(future)
        self.client.cancel([future])
        return work, 1

    def _await(self, ended: SimpleQueue[Any]) -> Any:
        """The next future that has ended; meanwhile the workers are looked at."""
        while True:
            if (now := time.monotonic()) - self._looked >= _LOOK:
                self._look()
                self._looked = now
            try:
                return ended.get(timeout=_LOOK)
            except Empty:
                pass

    def _submit(self, function: Callable[..., object], *arguments: object, workers: list[str] | None = None) -> Any:
        resources = {self.resource: self.amount} if self.resource else None
        return self.client.submit(function, *arguments, pure=False, resources=resources, workers=workers)

    def _look(self) -> Mapping[str, Mapping[str, Any]]:
        """The workers that are there; it is told where none of them does what is wanted."""
        workers = self._workers()
        self._seats = {
            address: w["nthreads"]
            if self.resource is None
            else int(w["resources"].get(self.resource, 0) // self.amount)
            for address, w in workers.items()
        }
        for future, (_, address) in self._futures.items():
            if address not in workers and not future.done() and future not in self._lost:
                self._lost.add(future)
                self._ended.put(future)
        self._feed()
        if any(self._seats.values()):
            self._lonely_since = None
            if self._told:
                warnings.warn(f"{self._place()} has workers that fit: it goes on", stacklevel=2)
                self._told = ""
            return workers
        self._lonely_since = self._lonely_since or time.monotonic()
        if time.monotonic() - self._lonely_since >= _SILENT and (text := self._lonely(workers)) != self._told:
            self._told = text
            warnings.warn(text, stacklevel=2)
        return workers

    def _lonely(self, workers: Mapping[str, Mapping[str, Any]]) -> str:
        """Where no worker fits: what is there, and what is wanted."""
        offers = sorted({f"{name}={n:g}" for worker in workers.values() for name, n in worker["resources"].items()})
        there = f"{len(workers)} workers, which offer {', '.join(offers) or 'nothing'}" if workers else "no workers"
        wanted = f' --resources "{self.resource}={self.amount}"' if self.resource else ""
        return (
            f"{self._place()} has {there}; waiting for workers that are started with: dask worker {self.cluster} "
            f"--nthreads 1{wanted}"
        )

    def _place(self) -> str:
        return f"the Dask scheduler at {self.cluster}"

    def _gone(self) -> StoreError:
        return StoreError(
            f"{self._place()} has gone; what was finished is kept: start it and run the same command again to go on"
        )

    def _workers(self) -> Mapping[str, Mapping[str, Any]]:
        """What the scheduler knows of its workers, by address."""
        try:
            # Some versions tell of five workers where no number is given, and the oldest take none.
            found = self.client.scheduler_info(n_workers=-1)
        except TypeError:
            found = self.client.scheduler_info()
        except OSError:
            found = {}
        if "workers" not in found:
            raise self._gone()
        return dict(found["workers"])
