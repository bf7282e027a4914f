"""The shape of a problem: all its cells, their neighbours, optima, ruggedness.

``landscape``: the cells, their values and the graph of steps among them. ``graph``: reductions, distances and
components of such graphs. ``values``: distributions, correlations, dominance ranks, the front's connectedness and
the way to it. ``optima``: neighbours compared, local optima and their basins.
``ruggedness``: autocorrelation along walks. ``pls``: how deep local search must go. ``measure``: all of it at
once. ``sheet``: figures. ``writing``: files.
"""

from eomoo.landscape.landscape import Landscape, landscape_of
from eomoo.landscape.measure import LandscapeAnalysis, analyse_landscape
from eomoo.landscape.pls import pls_depth
from eomoo.landscape.ruggedness import Autocorrelation, autocorrelation, walk_autocorrelation
from eomoo.landscape.sheet import STYLES, finish, landscape_sheet, sheet_axes, write_rows
from eomoo.landscape.values import correlation, describe
from eomoo.landscape.writing import landscape_frames, stacked, write_landscape, write_sheet

__all__ = [
    "STYLES", "Autocorrelation", "Landscape", "LandscapeAnalysis", "analyse_landscape", "autocorrelation",
    "correlation", "describe", "finish", "landscape_frames", "landscape_of", "landscape_sheet", "pls_depth",
    "sheet_axes", "stacked", "walk_autocorrelation", "write_landscape", "write_rows", "write_sheet",
]  # fmt: skip
