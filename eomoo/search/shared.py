"""What a problem shares with its copies and its views."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping

import numpy as np

from eomoo.arrays import Bools, Floats
from eomoo.objectives import Backend
from eomoo.space import load_space


class Shared:
    """What a problem shares with its copies and views: its backends, and the values that they told.

    Attributes:
        backends: By the card's names of them.
        known: (423624,) bool, which cells' values are there.
        raw: (423624, k) those values; memory is only taken for the pages that are written.
    """

    def __init__(self, backends: Mapping[str, Backend], *, n_columns: int) -> None:
        self.backends = backends
        self.known: Bools = np.zeros(len(load_space()), dtype=bool)
        self.raw: Floats = np.empty((len(load_space()), n_columns))
        self._n_holders = 0

    def hold(self, problem: object) -> Callable[[], None]:
        """Count a problem; what is returned, called once or more, or the problem's end, discounts it."""
        self._n_holders += 1
        return weakref.finalize(problem, self._let_go)

    def _let_go(self) -> None:
        self._n_holders -= 1
        if self._n_holders == 0:
            for backend in self.backends.values():
                backend.close()
