"""The shape of a problem: all its cells, their neighbours, optima, ruggedness.

``landscape``: the cells, their values and the graph of steps among them. ``graph``: reductions, distances and
components of such graphs. ``values``: distributions, correlations, dominance ranks. ``relations``: neighbours
compared. ``optima``: local optima and their basins. ``front``: the front's connectedness and the way to it.
``ruggedness``: autocorrelation along walks. ``pls``: how deep local search must go. ``measure``: all of it at
once. ``page``, ``sheet``: figures. ``writing``: files.
"""

from eomoo.landscape.landscape import Landscape, landscape_of
from eomoo.landscape.measure import LandscapeAnalysis, analyse_landscape
from eomoo.landscape.page import STYLES, finish, sheet_axes, write_rows
from eomoo.landscape.pls import pls_depth
from eomoo.landscape.ruggedness import Autocorrelation, autocorrelation, walk_autocorrelation
from eomoo.landscape.sheet import landscape_sheet
from eomoo.landscape.values import correlation, describe
from eomoo.landscape.writing import landscape_frames, stacked, write_landscape, write_sheet

__all__ = [
    "STYLES", "Autocorrelation", "Landscape", "LandscapeAnalysis", "analyse_landscape", "autocorrelation",
    "correlation", "describe", "finish", "landscape_frames", "landscape_of", "landscape_sheet", "pls_depth",
    "sheet_axes", "stacked", "walk_autocorrelation", "write_landscape", "write_rows", "write_sheet",
]  # fmt: skip
