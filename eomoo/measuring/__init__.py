"""Cells -> trained and timed -> a measured table: benchmarks of a user's own images and device.

- ``cells``: which cells, of walks, of a spread, of a file or folder.
- ``sources``: from a card, images or a skeleton to what trains and times, and what the numbers depend on.
- ``measuring``: the measuring into a folder.
- ``measure``: all of it, from what a user asks for, or a board's kit brings back, to the table.
- ``own_device``: models of the device at hand, once some cells were timed on it.

What cannot be asked for, or does not fit the folder's table, is a SettingError (a ValueError); files are as in
``eomoo.data``. That another process measures there, or that no training ends, is a StoreError (a RuntimeError).
"""

from eomoo.measuring.cells import CellChoice, choose_cells, read_cells, spread_cells
from eomoo.measuring.measure import measure, measure_from_kit
from eomoo.measuring.measuring import MOST_REPEATS, Measuring
from eomoo.measuring.own_device import HERE, latency_models, timing_of
from eomoo.measuring.sources import timing_backend, training_backend

__all__ = [
    "HERE", "MOST_REPEATS", "CellChoice", "Measuring", "choose_cells", "latency_models", "measure", "measure_from_kit",
    "read_cells", "spread_cells", "timing_backend", "timing_of", "training_backend",
]  # fmt: skip
