"""Cells -> trained and timed -> a measured table: benchmarks of a user's own images and device.

``cells``: which cells, of walks, of a spread, of a file or folder; ``spread`` over the space.
"""

from eomoo.measuring.cells import CellChoice, choose_cells, read_cells
from eomoo.measuring.spread import spread_cells

__all__ = ["CellChoice", "choose_cells", "read_cells", "spread_cells"]
