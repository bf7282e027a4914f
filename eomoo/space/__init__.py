"""The NAS-Bench-101 space of 423,624 cells, with NumPy alone.

- :class:`Cell`: one cell, checked, pruned, hashed.
- :class:`Catalogue`, :func:`load_space`: every cell by index; genotypes, hashes, neighbours, costs.
- :class:`Skeleton`, :data:`SO2SAT`, :data:`CIFAR10`: the network around the cells.
- :class:`Neighborhood`: the neighbours of all cells, in compressed rows.
"""

from eomoo.space.catalogue import Catalogue, load_space
from eomoo.space.cell import Cell
from eomoo.space.cost import CIFAR10, SO2SAT, Skeleton
from eomoo.space.neighbors import Neighborhood

__all__ = ["CIFAR10", "SO2SAT", "Catalogue", "Cell", "Neighborhood", "Skeleton", "load_space"]
