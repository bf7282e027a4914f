"""Arrays and records by what they hold, for annotations; their shapes and names stand in the docstrings."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
# Of whatever kind: features of cells are whole or not, as their encoding has it.
Numbers: TypeAlias = NDArray[np.number]

# Numbers, words and lists of them by name, as JSON holds them.
Facts: TypeAlias = dict[str, Any]
