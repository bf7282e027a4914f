"""Tables and reports as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eomoo.analysis.compared import StudyTables, check_indicators, median_table, pair_table
from eomoo.analysis.fronts import FrontData, front_table
from eomoo.analysis.tables import Code, Curves, Facts, Report, Table
from eomoo.analysis.wording import value_text
from eomoo.files import atomic_path, write_text

# What fits a printed page.
_MOST_ROWS = 40
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "<": r"$<$",
    ">": r"$>$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}
# Test statistics as they are written in papers.
_HEADINGS = {"U": "$U$", "p": "$p$", "p (Holm)": "$p$ (Holm)", "A12": r"$\hat{A}_{12}$"}


def to_csv(report: Report) -> str:
    """The report's main table: the front of a run, the indicators of every run of a study."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_guarded(title) for title in report.main.columns])
    writer.writerows([_guarded(value) for value in row] for row in report.main.rows)
    return text.getvalue()


def to_latex(report: Report) -> str:
    r"""The report's tables for a paper (package booktabs): the front, the indicators, the tests."""
    wanted = ("front", "indicators", "tests", "ranks")
    tables = [table for table in _tables(report) if table.key.startswith(wanted)]
    return f"% {_one_line(report.title)}; made by {report.made}\n" + "\n".join(map(_latex_table, tables))


def study_latex(tables: StudyTables, indicators: Sequence[str]) -> str:
    r"""A study's tables for a paper (package booktabs): medians with quartiles, the best in bold, and tests.

    Args:
        tables: The study's tables.
        indicators: Names of the indicators to show.
    """
    check_indicators(indicators, tables)
    parts = []
    for problem, n in tables.places:
        medians = median_table(tables, problem, n, indicators)
        parts.append(replace(medians, title=f"{problem}, {n:,} distinct cells evaluated"))
        tests = pair_table(tables, problem, n, indicators)
        if tests is not None:
            shown = tests.pick("indicator", "first", "second", "U", "p", "p (Holm)", "A12", "effect")
            parts.append(replace(shown, title=f"{problem}, {n:,} distinct cells evaluated: {tests.title}"))
    return "\n".join(map(_latex_table, parts))


def write_latex(tables: StudyTables, indicators: Sequence[str], path: Path) -> None:
    """Write ``study_latex`` to a file."""
    write_text(path, study_latex(tables, indicators))


def write_csv(tables: StudyTables, folder: Path) -> list[Path]:
    """Write ``runs.csv``, ``summary.csv``, ``tests.csv`` and ``ranks.csv``."""
    import pandas as pd

    ranks = [
        (n, label, rank, test.n_problems, test.statistic, test.p, test.critical_difference)
        for n, test in tables.ranks.items()
        for label, rank in zip(test.names, test.mean_ranks, strict=True)
    ]
    columns = ["evaluations", "label", "mean_rank", "n_problems", "friedman", "p", "critical_difference"]
    frames = {
        "runs.csv": tables.runs,
        "summary.csv": tables.summary,
        "tests.csv": tables.tests,
        "ranks.csv": pd.DataFrame(ranks, columns=columns),
    }
    for name, frame in frames.items():
        with atomic_path(folder / name) as path:
            frame.to_csv(path, index=False)
    return [folder / name for name in frames]


def to_markdown(report: Report) -> str:
    """The report's text and tables, curves at a few points; long tables are cut."""
    parts = [f"# {_escaped(report.title)}", *map(_escaped, report.lead)]
    parts.append("\n".join(f"- **{_escaped(value)}** {_escaped(what)}" for value, what in report.tiles))
    for section in report.sections:
        parts.append(f"{'#' * section.level} {_escaped(section.title)}")
        mark = "- " if section.id == "sources" else ""
        parts.append(("\n" if mark else "\n\n").join(mark + _escaped(text) for text in section.text))
        parts += [_markdown_block(block) for block in section.blocks]
    parts.append(f"Made by {_escaped(report.made)}, from stored results.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _tables(report: Report) -> list[Table]:
    found = []
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, FrontData):
                found.append(front_table(block))
            elif isinstance(block, Table):
                found.append(block)
    return found


def _markdown_block(block: Any) -> str:
    if isinstance(block, FrontData):
        return _markdown_table(front_table(block))
    if isinstance(block, Table):
        return _markdown_table(block)
    if isinstance(block, Curves) and not block.outlines:
        return _markdown_table(_sampled(block))
    if isinstance(block, Facts):
        rows = "\n".join(f"- {_escaped(name)}: {_escaped(value)}" for name, value in block.rows)
        return f"**{_escaped(block.title)}**\n\n{rows}"
    if isinstance(block, Code):
        # Longer than any run of backticks in the text, so that the text cannot end it.
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.text)), default=0))
        return f"{fence}\n{block.text}\n{fence}"
    return ""


def _sampled(curves: Curves, points: int = 6) -> Table:
    """A few points of curves as a table."""
    longest = max((line.x for line in curves.series), key=len, default=())
    places = sorted({longest[round(k * (len(longest) - 1) / points)] for k in range(points + 1)}) if longest else []
    lines = [line for line in curves.series if not line.faint]
    rows = [[x, *(dict(zip(line.x, line.y, strict=True)).get(x) for line in lines)] for x in places]
    return Table(
        title=curves.title,
        columns=[curves.x_label, *(line.name for line in lines)],
        rows=rows,
        key=curves.key,
        note=curves.note,
    )


def _markdown_table(table: Table) -> str:
    lines = [f"**{_escaped(table.title)}**", ""]
    lines.append("| " + " | ".join(_escaped(title) for title in table.columns) + " |")
    numeric = map(table.is_numeric, range(len(table.columns)))
    lines.append("|" + "|".join("---:" if right else "---" for right in numeric) + "|")
    lines += [
        "| " + " | ".join(_markdown_value(table, k, v) for k, v in enumerate(row)) + " |"
        for row in table.rows[:_MOST_ROWS]
    ]
    if len(table.rows) > _MOST_ROWS:
        lines += ["", f"{_MOST_ROWS} of {len(table.rows):,} rows; all are in the HTML report and in its CSV."]
    return "\n".join([*lines, *(["", _escaped(table.note)] if table.note else [])])


def _latex_table(table: Table) -> str:
    # Hashes are too wide for a page, and the cell's number says the same.
    shown = [k for k, title in enumerate(table.columns) if title != "hash"]
    numeric = [table.is_numeric(k) for k in shown]
    lines = [r"\begin{table}", rf"\caption{{{_latex(table.title)}. {_latex(table.note)}}}"]
    lines += [rf"\begin{{tabular}}{{{''.join('r' if n else 'l' for n in numeric)}}}", r"\toprule"]
    headings = [_HEADINGS.get(table.columns[k]) or _latex(table.columns[k]) for k in shown]
    lines += [" & ".join(headings) + r" \\", r"\midrule"]
    lines += [" & ".join(_latex_value(table, k, row[k]) for k in shown) + r" \\" for row in table.rows[:_MOST_ROWS]]
    if len(table.rows) > _MOST_ROWS:
        lines.append(rf"\multicolumn{{{len(shown)}}}{{l}}{{{_MOST_ROWS} of {len(table.rows)} rows}} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _markdown_value(table: Table, k: int, value: Any) -> str:
    text = _escaped(value_text(value))
    return f"**{text}**" if table.is_best(k, value) else text


def _latex_value(table: Table, k: int, value: Any) -> str:
    text = _latex(value_text(value))
    return rf"\textbf{{{text}}}" if table.is_best(k, value) else text


def _one_line(text: str) -> str:
    return " ".join(str(text).split())


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, HTML in it included."""
    plain = _one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", plain)


def _latex(text: str) -> str:
    plain = _one_line(text).replace("<=", "≤").replace(">=", "≥")
    return "".join(_LATEX.get(mark, mark) for mark in plain)


def _guarded(value: Any) -> Any:
    """A value for CSV; a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
