"""The analytic backend: what a cell's network costs, by exact count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import CardError, SettingError
from eomoo.fronts import Quantity
from eomoo.objectives.base import Backend
from eomoo.space import CIFAR10, SO2SAT, Skeleton, load_space

SKELETONS: Mapping[str, Skeleton] = {"so2sat": SO2SAT, "cifar10": CIFAR10}


class AnalyticBackend(Backend):
    """Parameters and MACs of every cell on a skeleton, exact.

    Quantities: ``params`` (a count), ``macs`` (multiply-accumulates of one image).
    """

    name = "analytic"
    quantities: Mapping[str, Quantity] = {
        "params": Quantity(title="parameters", unit="", direction="min"),
        "macs": Quantity(title="multiply-accumulates", unit="", direction="min"),
    }

    def __init__(self, skeleton: Skeleton = SO2SAT) -> None:
        self._skeleton = skeleton

    @property
    def skeleton(self) -> Skeleton:
        """The network around the cells."""
        return self._skeleton

    def fingerprint(self) -> str:
        """Its name and the skeleton."""
        return f"{self.name} {self._skeleton}"

    def _values(self, cells: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        count = {"params": load_space().params, "macs": load_space().macs}
        values = np.empty((len(cells), len(names)))
        for k, name in enumerate(names):
            values[:, k] = count[name](cells, self._skeleton)
        return values


def skeleton_from_settings(value: object) -> Skeleton:
    """A skeleton from a card: "so2sat", "cifar10" or a table of ``Skeleton``'s fields."""
    if isinstance(value, str) and value in SKELETONS:
        return SKELETONS[value]
    if isinstance(value, Mapping):
        try:
            return Skeleton(**value)
        except (TypeError, SettingError) as error:
            raise CardError(f"skeleton: {error}") from None
    raise CardError(f"unknown skeleton {value!r}; known are {', '.join(SKELETONS)}, or give a table")
