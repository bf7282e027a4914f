"""Results of a store: read, compared, and printed for terminals, papers, pages and figures.

- ``results``: runs, traces and fronts as stored. ``runs``: a run's numbers, files, tables.
- ``tables``: what a table, a curve and a report are. ``claims``: two algorithms compared, in one word; ``standings``:
  in sentences. ``statistics``: effect sizes, ranks over problems.
- ``compared``: indicators, medians, tests, ranks. ``curves``: quality during the search, attainment.
- ``fronts``: the front with all that is said of its cells, in ``columns``.
- ``report``: the report, of which ``repeat``, ``citing`` and ``wording`` write parts. ``drawing``: cells;
  ``styles``: the colours of algorithms.
- ``study_run``: a study, run and told, for scripts and notebooks.
- ``printing``: ``terminal``, ``text`` (Markdown, CSV, LaTeX), ``html`` and ``figures``.
"""

from eomoo.analysis.citing import bibtex, cited_works
from eomoo.analysis.claims import ALPHA, Comparison, compare, judge, needed_seeds, smallest_difference
from eomoo.analysis.columns import certainty_words
from eomoo.analysis.compared import (
    StudyTables,
    check_indicators,
    default_indicators,
    indicator_frame,
    quartiles,
    study_tables,
)
from eomoo.analysis.curves import hypervolume_curves, mean_over, quartile_curves
from eomoo.analysis.drawing import cell_text, draw_cell
from eomoo.analysis.fronts import front_frame
from eomoo.analysis.printing.comparisons import plot_critical_difference, plot_frame, plot_shifts, plot_violins
from eomoo.analysis.printing.figures import draw_front, plot_curves, write_figures
from eomoo.analysis.printing.latex import study_latex, write_latex
from eomoo.analysis.printing.terminal import choice_rows, front_rows, study_lines
from eomoo.analysis.printing.text import write_csv
from eomoo.analysis.report import render_report, report_of, write_report
from eomoo.analysis.results import (
    ProblemResults,
    StoredRun,
    StudyResults,
    load_results,
    load_run,
    problem_box,
    run_fronts,
)
from eomoo.analysis.runs import summary, to_result, trace_frame, write_run
from eomoo.analysis.spending import repeat_words, spending_words
from eomoo.analysis.statistics import rank_test, vargha_delaney
from eomoo.analysis.study_run import StudyRun, run_study
from eomoo.analysis.styles import algorithm_style
from eomoo.analysis.tables import Curves
from eomoo.analysis.wording import basis_words, duration, joined
from eomoo.space.picture import OPERATION_COLORS

__all__ = [
    "ALPHA", "OPERATION_COLORS", "Comparison", "Curves", "ProblemResults", "StoredRun", "StudyResults", "StudyRun",
    "StudyTables", "algorithm_style", "basis_words", "bibtex", "cell_text", "certainty_words", "check_indicators",
    "choice_rows", "cited_works", "compare", "default_indicators", "draw_cell", "draw_front", "duration",
    "front_frame", "front_rows", "hypervolume_curves", "indicator_frame", "joined", "judge", "load_results",
    "load_run", "mean_over", "needed_seeds", "plot_critical_difference", "plot_curves", "plot_frame", "plot_shifts",
    "plot_violins", "problem_box", "quartile_curves", "quartiles", "rank_test", "render_report", "repeat_words",
    "report_of", "run_fronts", "run_study", "smallest_difference", "spending_words", "study_latex", "study_lines",
    "study_tables", "summary", "to_result", "trace_frame", "vargha_delaney", "write_csv", "write_figures",
    "write_latex", "write_report", "write_run",
]  # fmt: skip
