"""NumPy arrays in files, read as nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.checks import explained
from eomoo.errors import DataError
from eomoo.files.files import read_head


def read_array(path: str | Path, *, mapped: bool = False) -> NDArray[Any]:
    """The array in a ``.npy`` file: of numbers, texts or records, never of Python objects.

    ``mapped`` maps it into memory, read-only, instead of reading it.
    """
    magic = np.lib.format.MAGIC_PREFIX
    if read_head(path, len(magic)) != magic:
        raise DataError(f"{path} is no array of NumPy")
    # NumPy reads a header as a Python expression, which fails in any of a dozen ways. Mapped, so that one which
    # claims more than the file holds is noticed before it is allocated.
    with explained(path, "is a damaged array of NumPy"):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return np.asarray(array) if mapped else np.array(array)
