"""The analytic backend: what a cell's network costs, by exact count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.checks import short
from eomoo.errors import CardError, SettingError
from eomoo.fronts import Quantity
from eomoo.objectives.base import Backend, Cost
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

    skeleton: Skeleton = SO2SAT

    def __init__(self, skeleton: Skeleton = SO2SAT) -> None:
        self.skeleton = skeleton

    def cost(self, quantity: str) -> Cost:
        """Nothing."""
        return "free"

    def fingerprint(self) -> str:
        """Its name and the skeleton."""
        return f"{self.name} {self.skeleton}"

    def _values(self, cells: Ints, names: Sequence[str]) -> Floats:
        count = {"params": load_space().params, "macs": load_space().macs}
        return np.stack([count[name](cells, self.skeleton) for name in names], axis=1, dtype=np.float64)


def skeleton_from_settings(value: object) -> Skeleton:
    """A skeleton from itself or from a card: "so2sat", "cifar10" or a table of ``Skeleton``'s fields."""
    if isinstance(value, Skeleton):
        return value
    if isinstance(value, str) and value in SKELETONS:
        return SKELETONS[value]
    if isinstance(value, Mapping):
        try:
            return Skeleton(**value)
        except (TypeError, SettingError) as error:
            raise CardError(f"skeleton: {error}") from None
    raise CardError(f"unknown skeleton {short(value)}; known are {', '.join(SKELETONS)}, or give a table")
