"""Printers of tables, curves and reports: ``terminal`` (rich), ``text``, ``latex``, ``html`` (a page).

``figures``: with matplotlib; ``comparisons``, ``several``: those of algorithms compared, or of any table.
"""

from eomoo.analysis.printing.comparisons import plot_critical_difference, plot_shifts, plot_violins
from eomoo.analysis.printing.figures import (
    draw_cells,
    draw_front,
    plot_best,
    plot_curves,
    plot_differences,
    plot_front,
    plot_front_matrix,
    write_figures,
)
from eomoo.analysis.printing.html import to_html
from eomoo.analysis.printing.latex import study_latex, to_latex, write_latex
from eomoo.analysis.printing.several import plot_frame, plot_fronts
from eomoo.analysis.printing.terminal import choice_rows, front_rows, study_lines, to_rich
from eomoo.analysis.printing.text import to_csv, to_markdown, write_csv

__all__ = [
    "choice_rows", "draw_cells", "draw_front", "front_rows", "plot_best", "plot_critical_difference",
    "plot_curves", "plot_differences", "plot_frame", "plot_front", "plot_front_matrix", "plot_fronts",
    "plot_shifts", "plot_violins", "study_latex", "study_lines", "to_csv", "to_html", "to_latex", "to_markdown",
    "to_rich", "write_csv", "write_figures", "write_latex",
]  # fmt: skip
