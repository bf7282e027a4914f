"""The shape of a problem: of all its cells, or what a sampled table tells of it.

Of a whole space. ``landscape``: the cells, their values and the graph of steps among them. ``graph``: reductions,
distances and components of such graphs. ``values``: distributions, correlations, dominance ranks, the front's
connectedness and the way to it. ``optima``: neighbours compared, local optima and their basins. ``pls``: how deep
local search must go. ``measure``: all of it at once. ``sheet``: figures.

Of a measured table. ``sample``: its cells, values and walks. ``sampled``: all that it tells, with intervals,
also beside another over their common cells. ``sampled_sheet``: figures.

Of both. ``ruggedness``: autocorrelation along walks. ``intervals``: how sure that is. ``writing``: files.

What cannot be asked of a problem is a SettingError, a table that tells nothing a DataError, both ValueErrors.
"""

from eomoo.landscape.landscape import Landscape, is_sample, landscape_of
from eomoo.landscape.measure import LandscapeAnalysis, analyse_landscape
from eomoo.landscape.pls import pls_depth
from eomoo.landscape.ruggedness import Autocorrelation, autocorrelation, walk_autocorrelation
from eomoo.landscape.sample import Sample, sample_of
from eomoo.landscape.sampled import Beside, SampleAnalysis, analyse_sample, set_beside
from eomoo.landscape.sampled_sheet import draw_sample
from eomoo.landscape.sheet import draw_landscape, finish
from eomoo.landscape.values import correlation, describe
from eomoo.landscape.writing import landscape_frames, write_landscape, write_sample

__all__ = [
    "Autocorrelation", "Beside", "Landscape", "LandscapeAnalysis", "Sample", "SampleAnalysis", "analyse_landscape",
    "analyse_sample", "autocorrelation", "correlation", "describe", "draw_landscape", "draw_sample", "finish",
    "is_sample", "landscape_frames", "landscape_of", "pls_depth", "sample_of", "set_beside", "walk_autocorrelation",
    "write_landscape", "write_sample",
]  # fmt: skip
