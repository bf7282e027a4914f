"""NumPy arrays in files, read as nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.checks import first_line
from eomoo.errors import DataError
from eomoo.files.files import read_head


def read_array(path: str | Path, *, mapped: bool = False) -> NDArray[Any]:
    """The array in a ``.npy`` file: of numbers, texts or records, never of Python objects.

    ``mapped`` maps it into memory, read-only, instead of reading it.
    """
    magic = np.lib.format.MAGIC_PREFIX
    if read_head(path, len(magic)) != magic:
        raise DataError(f"{path} is no array of NumPy")
    try:
        return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))
    except Exception as error:
        # NumPy reads a header as a Python expression, which fails in any of a dozen ways.
        raise DataError(f"{path} is a damaged array of NumPy: {first_line(error)}") from None
