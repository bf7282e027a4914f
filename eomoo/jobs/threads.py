"""One thread of linear algebra: after small products, waiting for each other costs more than it saves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache


def one_thread() -> AbstractContextManager[object]:
    """A context in which libraries of linear algebra use one thread, whatever the surroundings say."""
    return _limit()(limits=1)


@lru_cache(maxsize=1)
def _limit() -> Callable[..., AbstractContextManager[object]]:
    # Looking for the libraries takes milliseconds, too long for every step of a search.
    from threadpoolctl import ThreadpoolController

    limit: Callable[..., AbstractContextManager[object]] = ThreadpoolController().limit
    return limit
