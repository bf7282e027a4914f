"""What every backend offers: raw values of named quantities, by cell index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import UnknownNameError
from eomoo.fronts.objectives import Direction, Objective, Objectives

__all__ = ["Backend", "Quantity", "check_quantities", "objectives_of", "with_errors"]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantity that a backend can tell of a cell.

    Attributes:
        title: A few words for tables and axes.
        unit: Unit of the values, "" for a count.
        direction: Which values are better by nature, "min" or "max".
    """

    title: str
    unit: str
    direction: Direction


@runtime_checkable
class Backend(Protocol):
    """Where values come from. Values are raw: in their own unit and direction.

    Attributes:
        quantities: What it offers, by name.
        total: Whether every cell of the space has values.
    """

    quantities: Mapping[str, Quantity]
    total: bool

    def values(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Values of the named quantities for cells (n,), shape (n, len(names)); NaN where none is known."""
        ...

    def deviations(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Standard deviations of ``values``, same shape; 0 where a value is exact."""
        ...


def objectives_of(quantities: Mapping[str, Quantity], names: Sequence[str]) -> Objectives:
    """Quantities as objectives, each in the direction that is better by nature."""
    wanted = [(name, quantities[name]) for name in names]
    return Objectives(
        tuple(Objective(name=k, title=q.title, unit=q.unit, direction=q.direction) for k, q in wanted)
    )


def with_errors(quantities: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """The quantities and, for each accuracy (a fraction), its error ``NAME_error`` in per cent."""
    errors = {
        f"{name}_error": Quantity(title=q.title.replace("accuracy", "error"), unit="%", direction="min")
        for name, q in quantities.items()
        if "accuracy" in q.title
    }
    return {**quantities, **errors}


def check_quantities(names: Sequence[str], known: Mapping[str, Quantity], *, backend: str) -> None:
    """Raise UnknownNameError (a KeyError) for a quantity that the backend does not offer."""
    for name in names:
        if name not in known:
            raise UnknownNameError(
                f"the {backend} backend has no quantity {name!r}; it offers {', '.join(known)}"
            )
