"""Tables and reports as Markdown and CSV."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from eomoo.analysis.compared import StudyTables
from eomoo.analysis.fronts import FrontData, front_table
from eomoo.analysis.tables import Code, Curves, Facts, Report, Table
from eomoo.analysis.wording import value_text
from eomoo.files import atomic_path
from eomoo.packages import pandas as pd

# What fits a printed page.
_MOST_ROWS = 40


def to_csv(report: Report) -> str:
    """The report's main table: the front of a run, the indicators of every run of a study."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_guarded(title) for title in report.main.columns])
    writer.writerows([_guarded(value) for value in row] for row in report.main.rows)
    return text.getvalue()


def write_csv(tables: StudyTables, folder: str | Path) -> list[Path]:
    """Write ``runs.csv``, ``summary.csv``, ``tests.csv`` and ``ranks.csv``."""
    folder = Path(folder)
    ranks = [
        (n, label, rank, test.n_problems, test.n_families, test.statistic, test.p, test.critical_difference)
        for n, test in tables.ranks.items()
        for label, rank in zip(test.names, test.mean_ranks, strict=True)
    ]
    columns = ["evaluations", "label", "mean_rank", "n_problems", "n_families", "friedman", "p", "critical_difference"]
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


def _markdown_block(block: object) -> str:
    """A block as text; "" for what has to be drawn."""
    if isinstance(block, FrontData):
        return _markdown_table(front_table(block))
    if isinstance(block, Curves) and not block.outlines:
        return _markdown_table(_sampled(block))
    if isinstance(block, Table):
        return _markdown_table(block)
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
    columns = [curves.x_label, *(line.name for line in lines)]
    return Table(title=curves.title, columns=columns, rows=rows, key=curves.key, note=curves.note)


def _markdown_table(table: Table) -> str:
    lines = [f"**{_escaped(table.title)}**", ""]
    lines.append("| " + " | ".join(_escaped(title) for title in table.columns) + " |")
    numeric = map(table.is_numeric, range(len(table.columns)))
    lines.append("|" + "|".join("---:" if right else "---" for right in numeric) + "|")
    for row in table.rows[:_MOST_ROWS]:
        lines.append("| " + " | ".join(_marked(table, k, v) for k, v in enumerate(row)) + " |")
    if len(table.rows) > _MOST_ROWS:
        lines += ["", f"{_MOST_ROWS} of {len(table.rows):,} rows; all are in the HTML report and in its CSV."]
    return "\n".join([*lines, *(["", _escaped(table.note)] if table.note else [])])


def _marked(table: Table, k: int, value: object) -> str:
    """A value of column k as text, in bold where it is the best."""
    text = _escaped(value_text(value))
    return f"**{text}**" if table.is_best(k, value) else text


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, HTML in it included."""
    plain = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", plain)


def _guarded(value: object) -> object:
    """A value for CSV; a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
