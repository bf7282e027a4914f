"""Analysis: indicators, statistics and figures from what a store holds.

- :mod:`~eomoo.fronts.indicators`: how good a front is.
- :mod:`~eomoo.analysis.figures`: matplotlib figures, each drawn on given axes.
- :mod:`~eomoo.analysis.drawing`: cells as text and as pictures.
"""
