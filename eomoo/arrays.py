"""What annotations name: arrays and records by what they hold, types of packages that are slow to import.

And what is done with arrays everywhere: in blocks, in few digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.axis import Axis as Axis
    from matplotlib.collections import PolyCollection as PolyCollection
    from matplotlib.figure import Figure as Figure
    from xgboost import Booster as Booster
else:
    # Who runs, and does not check types, has no need of them.
    Axes = Axis = PolyCollection = Figure = Booster = Any

# Shapes and names stand in the docstrings.
Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
# Of single precision, as images and what networks make of them.
Singles: TypeAlias = NDArray[np.float32]
# Of whatever kind: features of cells are whole or not, as their encoding has it.
Numbers: TypeAlias = NDArray[np.number]

# Numbers, words and lists of them by name, as JSON holds them.
Facts: TypeAlias = dict[str, Any]


def to_digits(values: NDArray[np.floating], digits: int) -> Floats:
    """Values, rounded to so many significant decimal digits: short in files, the same on every processor."""
    return np.array([float(f"{v:.{digits}g}") for v in values.flat]).reshape(values.shape)


def blocks(n: int, size: int) -> Iterator[slice]:
    """Slices of so many rows each, the last of fewer, that cover n rows."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
