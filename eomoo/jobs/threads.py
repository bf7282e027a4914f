"""One thread of linear algebra: after small products, waiting for each other costs more than it saves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache

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
