"""Tasks on the workers of a Dask scheduler, which goes on without a worker that dies."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from eomoo.errors import StoreError
from eomoo.jobs.base import Jobs, Result, Work
from eomoo.packages import require

_PURPOSE = "to run on a cluster"
# A scheduler that is there answers within a second, also across a network; Dask's own default is 30.
_ANSWER = "10s"
# Seconds: a worker that was lost is started again within a few, on a busy machine within some tens.
_START = 60


class DaskJobs(Jobs):
    """Tasks on the workers of a Dask cluster.

    Args:
        cluster: A scheduler's address, or a cluster object, which is closed with this one.
        resource: What a task takes one of, such as "GPU", where the workers were started with it.

    Raises:
        StoreError: (a RuntimeError) No scheduler answers.
        MissingPackageError: (an ImportError) The package distributed is not installed.
    """

    def __init__(self, cluster: Any, *, resource: str | None = None) -> None:
        distributed = require("distributed", purpose=_PURPOSE)
        super().__init__()
        self.cluster, self.resource = cluster, resource
        self._futures: dict[Any, Work[Any, Any]] = {}
        self._ended: SimpleQueue[Any] = SimpleQueue()
        try:
            self.client = distributed.Client(cluster, timeout=_ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:
            raise StoreError(f"no Dask scheduler answers at {cluster}: {error}") from None

    def drop(self) -> None:
        """Forget what was started: what waits is never run, what runs goes on to its end in vain."""
        super().drop()
        futures, self._futures = list(self._futures), {}
        self.client.cancel(futures)

    def _begin(self, work: Work[Any, Any]) -> None:
        if not self._futures:
            self._check_workers()
        future = self._submit(work.function, work.task)
        self._futures[future] = work
        future.add_done_callback(self._ended.put)

    def _wait(self) -> tuple[Work[Any, Any], int]:
        distributed = require("distributed", purpose=_PURPOSE)
        while (future := self._ended.get()) not in self._futures:
            # One that was dropped.
            pass
        work, error = self._futures.pop(future), future.exception()
        if isinstance(error, distributed.KilledWorker):
            return work, error.allowed_failures + 1
        work.error, work.result = error, None if error else future.result()
        return work, 0

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call it on a worker."""
        self._check_workers()
        result: Result = self._submit(function, *arguments).result()
        return result

    def close(self) -> None:
        """Leave the cluster; shut it down where it came as an object."""
        super().close()
        self.client.close()
        if not isinstance(self.cluster, str):
            self.cluster.close()

    def _submit(self, function: Callable[..., object], *arguments: object) -> Any:
        resources = {self.resource: 1} if self.resource else None
        return self.client.submit(function, *arguments, pure=False, resources=resources)

    def _check_workers(self) -> None:
        """A running scheduler's workers are there already; without one that fits, it would wait for ever."""
        if not isinstance(self.cluster, str):
            return
        until = time.monotonic() + _START
        while not (fitting := self._offers()) and time.monotonic() < until:
            time.sleep(0.2)  # a choice: often enough not to be noticed
        if fitting is None:
            raise StoreError(f"the Dask scheduler at {self.cluster} has no workers; start some first")
        if not fitting:
            raise StoreError(
                f"no worker of the Dask scheduler at {self.cluster} offers {self.resource}; start them with "
                f'--resources "{self.resource}=1"'
            )

    def _offers(self) -> bool | None:
        """Whether a worker has what a task takes; None where there is no worker."""
        workers = self.client.scheduler_info()["workers"].values()
        if not workers:
            return None
        return self.resource is None or any(self.resource in worker["resources"] for worker in workers)
