"""Tables in the terminal, by rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eomoo.analysis.columns import choices_table
from eomoo.analysis.compared import SHIFT, StudyTables, median_table, pair_table, rank_table
from eomoo.analysis.results import StoredRun, StudyResults
from eomoo.analysis.tables import Said, Table
from eomoo.analysis.wording import value_text
from eomoo.plots import fit_table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def to_rich(table: Table, width: int | None = None) -> RichTable:
    """A table as rich prints it: numbers on the right, the best of a column in bold; so wide where that is said."""
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(title=table.title or None, title_justify="left")
    for k, title in enumerate(table.columns):
        made.add_column(title, justify="right" if table.is_numeric(k) else "left")
    for row in table.rows:
        texts = [
            Text(value_text(value), style="bold" if table.is_best(k, value) else "") for k, value in enumerate(row)
        ]
        made.add_row(*texts)
    return made if width is None else fit_table(made, width, keep=table.keep)


def study_lines(tables: StudyTables, indicators: Sequence[str], width: int = 160) -> Iterator[RichTable | str]:
    """A study as tables of so many letters and sentences: medians and tests of each problem, then ranks."""
    yield f"{tables.results.title}\n"
    for problem, n in tables.places:
        medians = median_table(tables, problem, n, indicators)
        title = f"{problem}, {n:,} distinct cells: median and quartiles over seeds"
        yield to_rich(replace(medians, title=title), width)
        tests = pair_table(tables, problem, n, indicators)
        if tests is not None:
            title = "First minus second over seeds; p and word have Holm's correction, intervals none"
            columns = ("indicator", "first", "second", "seeds", SHIFT, "matters from", "p (Holm)", "first is")
            yield to_rich(replace(tests, title=title).pick(*columns), width)
    for ranks in (rank_table(n, test) for n, test in tables.ranks.items() if test.n_problems > 1):
        listed = ", ".join(f"{name} {rank:.2f}" for name, rank in ranks.rows)
        yield f"{ranks.title}: {listed}. {ranks.note}"
    yield from _ended_early(tables.results)
    if tables.results.unfinished:
        yield tables.results.unfinished


def _ended_early(results: StudyResults) -> Iterator[str]:
    """A sentence for each algorithm with runs that evaluated fewer cells than they were allowed."""
    for problem in results.problems:
        for label in results.labels:
            places = problem.places(label)
            n, k = min(((len(problem.traces[k].cells), k) for k in places), default=(0, -1))
            short = sum(len(problem.traces[j].cells) < problem.runs[j].budget for j in places)
            if short:
                reason = problem.runs[k].extra.get("ended", "all was explored")
                yield (
                    f"{problem.name}, {label}: {short} of {len(places)} runs ended before their budget, "
                    f"one of them after {n:,} cells: {reason}"
                )


def front_rows(stored: StoredRun, width: int = 160) -> RichTable:
    """A run's front as a table of so many letters: cells, values, what they cost, and whether they were measured."""
    shown = [column for column in stored.shown.columns if not column.detail]
    cells = stored.front_cells.tolist()
    rows = [
        [Said(value=cell, text=str(cell)), *(c.text(k) if c.is_text else c.said(k) for c in shown)]
        for k, cell in enumerate(cells)
    ]
    keep = [k for k, c in enumerate(shown, 1) if c.objective or c.name.startswith(("front_prob", "prob"))]
    titles = ["cell", *(column.label for column in shown)]
    return to_rich(Table(title="", columns=titles, rows=rows, key="front", keep=keep), width)


def choice_rows(stored: StoredRun, width: int = 160) -> RichTable | None:
    """The choices that a run's front offers, in so many letters, where its values are not exact."""
    front = stored.shown
    return None if front.said is None else to_rich(choices_table(front, front.said), width)
