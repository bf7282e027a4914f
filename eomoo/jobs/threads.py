"""One thread of linear algebra: after small products, waiting for each other costs more than it saves."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """A context in which libraries of linear algebra use one thread, whatever the surroundings say."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limit


@lru_cache(maxsize=1)
def _controller() -> Any:
    # Looking for the libraries takes milliseconds, too long for every step of a search.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
