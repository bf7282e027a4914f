"""Compute the hash of every cell: ``python benchmarks/space_hashes.py FILE`` (about a minute).

The hashes are the only part of the space that takes longer than a second to make, so they are
shipped, as the file that this module writes: (423_624, 16) uint8, in NAS-Bench-101's order.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.space.cell import _hash_graph
from eomoo.space.enumeration import N_CELLS, edge_bit, enumerate_space

_CHUNK = 20_000


def hashes_of_classes(first: int, last: int) -> NDArray[np.uint8]:
    """NAS-Bench-101 hashes of the classes first..last-1 in enumeration order, shape (n, 16)."""
    space = enumerate_space()
    digests = bytearray()
    for k in range(first, last):
        structure = int(space.class_structure[k])
        n, mask = int(space.vertices[structure]), int(space.mask[structure])
        matrix = [[int(x < y and mask >> edge_bit(x, y) & 1) for y in range(n)] for x in range(n)]
        label = int(space.class_labelling[k])
        labels = [label // 3 ** (n - 3 - j) % 3 for j in range(n - 2)]
        digests += bytes.fromhex(_hash_graph(matrix, (-1, *labels, -2)))
    return np.frombuffer(bytes(digests), dtype=np.uint8).reshape(-1, 16)


def main() -> None:
    """Write the file named on the command line."""
    starts = range(0, N_CELLS, _CHUNK)
    stops = [min(start + _CHUNK, N_CELLS) for start in starts]
    with ProcessPoolExecutor() as pool:
        parts = list(pool.map(hashes_of_classes, starts, stops))
    np.save(Path(sys.argv[1]), np.concatenate(parts))


if __name__ == "__main__":
    main()
