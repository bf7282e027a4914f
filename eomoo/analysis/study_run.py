"""A study, run and told, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from eomoo import notebook
from eomoo.analysis.compared import StudyTables, default_indicators, median_table, study_tables
from eomoo.analysis.curves import anytime
from eomoo.analysis.printing.comparisons import plot_fronts
from eomoo.analysis.printing.figures import plot_curves, write_figures
from eomoo.analysis.printing.latex import study_latex, write_latex
from eomoo.analysis.printing.text import write_csv
from eomoo.analysis.results import ProblemResults, load_results, run_fronts
from eomoo.analysis.standings import pairs_in_words
from eomoo.analysis.wording import value_text
from eomoo.arrays import Axes, Figure
from eomoo.checks import several, short
from eomoo.errors import SettingError
from eomoo.fronts import deduplicated
from eomoo.objectives.card import card_name
from eomoo.packages import pandas as pd
from eomoo.plots import axes_of, look
from eomoo.progress import shown
from eomoo.study import Event, Study, execute, parse_study


@dataclass(frozen=True, kw_only=True)
class StudyRun:
    """A study that has been run, with its tables.

    Attributes:
        tables: All that ``eomoo study show`` says, and ``results``, what was read from the store.

    Examples:
        >>> eomoo.run_study("eo-macro-params", ["random"], seeds=2, budget=10)
        StudyRun(random on eo-macro-params: 1 problem, 2 runs)
    """

    tables: StudyTables

    @property
    def runs(self) -> pd.DataFrame:
        """Every indicator of every run, a row each."""
        return self.tables.runs

    @property
    def summary(self) -> pd.DataFrame:
        """Median and quartiles of each indicator, by problem, evaluations and algorithm."""
        return self.tables.summary

    @property
    def tests(self) -> pd.DataFrame:
        """Every pair of algorithms compared, by problem and indicator."""
        return self.tables.tests

    @look()
    def plot(self, problem: str | None = None, *, axes: Axes | None = None) -> Figure:
        """The share of hypervolume against cells evaluated on a problem, by default the first.

        Raises:
            SettingError: (a ValueError) No run found a feasible cell.
        """
        found = self._drawn_problem(problem)
        figure, ax = axes_of(axes)
        plot_curves(ax, anytime(found, "study")).set_title(found.name)
        return figure

    @look()
    def plot_front(self, problem: str | None = None, *, axes: Axes | None = None) -> Figure:
        """The joint front of each algorithm's runs on a problem of two objectives, by default the first.

        Raises:
            SettingError: (a ValueError) It has another number of objectives, or no run found a feasible cell.
        """
        found = self._drawn_problem(problem)
        if len(found.objectives) != 2:
            raise SettingError(f"{found.name} has {len(found.objectives)} objectives; a front is drawn of two")
        figure, ax = axes_of(axes)
        joint = {label: deduplicated(np.concatenate(run_fronts(found, label))) for label in found.labels}
        fronts = {label: found.objectives.raw(points) for label, points in joint.items()}
        plot_fronts(ax, fronts, found.objectives, algorithms=found.algorithms).set_title(found.name)
        return figure

    def latex(self, indicators: Sequence[str] = ()) -> str:
        """The tables for a paper (package booktabs); see ``eomoo.analysis.study_latex``."""
        return study_latex(self.tables, indicators)

    def write(self, folder: str | Path) -> list[Path]:
        """Write tables as CSV and LaTeX, figures as PNG; the files.

        Raises:
            DataError: (a ValueError) A file cannot be written.
        """
        latex = Path(folder) / "tables.tex"
        write_latex(self.tables, (), latex)
        return [*write_csv(self.tables, folder), latex, *write_figures(self.tables.results, folder)]

    def __repr__(self) -> str:
        return repr(self.tables.results).replace("StudyResults", "StudyRun", 1)

    def _repr_html_(self) -> str:
        title = notebook.element("b", self.tables.results.title)
        parts: list[object] = [title, "Medians over seeds, in brackets the quartiles."]
        for problem, n in self.tables.places:
            # As many as a notebook is wide; ``summary`` has all.
            medians = median_table(self.tables, problem, n, default_indicators(self.tables)[:5])
            # Quartiles stay together, below the median.
            rows = [[value_text(v).replace(", ", ",\N{NO-BREAK SPACE}") for v in row] for row in medians.rows]
            parts += [f"{problem}, {n:,} distinct cells evaluated", notebook.table(medians.columns, rows)]
            parts.append(pairs_in_words(self.tables, problem))
        if self.tables.results.problems[0].feasible:
            parts.append(notebook.picture(self.plot(), "share of hypervolume during the search"))
        return notebook.to_html(*parts)

    def _drawn_problem(self, name: str | None) -> ProblemResults:
        results = self.tables.results
        found = results.problems[0] if name is None else results.problem(name)
        if not found.feasible:
            raise SettingError(f"no run on {found.name} found a feasible cell, so that there is nothing to draw")
        return found


def run_study(
    problems: str | Path | Sequence[str | Path] | Study,
    algorithms: str | Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
    *,
    seeds: int | Sequence[int] = 10,
    budget: int = 500,
    out: str | Path | None = None,
    title: str = "",
    jobs: int = 1,
    cluster: str | None = None,
    on_progress: Callable[[Event], None] | None = None,
) -> StudyRun:
    """Compare algorithms on problems over seeds: what ``eomoo study run`` does.

    Interrupted or killed, the same call goes on; asked for more, the study in the folder grows. The results do not
    depend on ``jobs``.

    Args:
        problems: Names of cards, or paths of your own; or a study, as ``eomoo.study.load_study`` reads it, which says
            algorithms, seeds and budgets itself.
        algorithms: Names among ``eomoo.search.ALGORITHMS``, or one; or by label what a study file says of each, such
            as ``{"small": {"algorithm": "nsga2", "options": {"pop_size": 20}}}``.
        seeds: A number (10: 1 to 10), or seeds.
        budget: Distinct cells that each run may evaluate.
        out: A folder for the store, which grows; without it nothing is kept.
        title: A few words.
        jobs, cluster: Runs at once, in processes or on a cluster; see ``eomoo.study.run_study``.
        on_progress: Called after each run: runs done, of how many. A notebook shows a line.

    Raises:
        UnknownNameError: (a KeyError) No such card or algorithm.
        CardError, SettingError: (a ValueError) A setting that cannot be.
        StoreError: (a RuntimeError) Another process works on the folder, or it holds another study.

    Examples:
        >>> study = eomoo.run_study("eo-macro-params", ["pls", "random"], seeds=2, budget=20)
        >>> study.runs["label"].tolist()
        ['pls', 'pls', 'random', 'random']
    """
    if isinstance(problems, Study):
        study = problems
    else:
        cards = [card_name(card) for card in several(problems)]
        by_label = [*algorithms.items()] if isinstance(algorithms, Mapping) else None
        given = [(name, {"algorithm": name}) for name in several(algorithms)] if by_label is None else by_label
        for label, settings in given:
            if not (isinstance(label, str) and isinstance(settings, Mapping)):
                what = short(settings if isinstance(label, str) else label)
                raise SettingError(
                    f"a study knows no algorithm {what}; give names, or by "
                    'label what a study file says, such as {"algorithm": "nsga2"}; objects are run by pymoo\'s minimize'
                )
        content = {
            "title": title
            or f"{', '.join(label for label, _ in given)} on {', '.join(Path(card).stem for card in cards)}",
            "problems": cards,
            "algorithms": [{"label": label, **settings} for label, settings in given],
            "seeds": list(seeds) if isinstance(seeds, Iterable) else seeds,
            "budget": budget,
        }
        study = parse_study(content)
    place = TemporaryDirectory(prefix="eomoo-") if out is None else nullcontext(out)
    with place as folder, shown(on_progress, study.title) as tell:
        execute.run_study(study, folder, jobs=jobs, cluster=cluster, on_event=tell)
        return StudyRun(tables=study_tables(load_results(folder)))
