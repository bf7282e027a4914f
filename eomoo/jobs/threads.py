"""Threads that work ahead; and one alone for linear algebra, where waiting for others costs more than they save."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import lru_cache

from eomoo.jobs.base import Result, Task

# Packages that load such a library of their own, which must be looked for anew once they are imported.
_WITH_THREADS = ("scipy.linalg", "sklearn", "torch", "xgboost")


def one_thread() -> AbstractContextManager[object]:
    """A context in which libraries of linear algebra use one thread, whatever the surroundings say."""
    return _limit(tuple(name in sys.modules for name in _WITH_THREADS))(limits=1)


@lru_cache(maxsize=4)
def _limit(loaded: tuple[bool, ...]) -> Callable[..., AbstractContextManager[object]]:
    # Looking for the libraries takes milliseconds, too long for every step of a search.
    from threadpoolctl import ThreadpoolController

    limit: Callable[..., AbstractContextManager[object]] = ThreadpoolController().limit
    return limit


def worked_ahead(
    function: Callable[[Task], Result], tasks: Iterable[Task], *, threads: int, ahead: int
) -> Iterator[Result]:
    """Results of a function in the order of its tasks; threads make so many of them before they are asked for."""
    coming: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for task in tasks:
                coming.append(pool.submit(function, task))
                if len(coming) > ahead:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
