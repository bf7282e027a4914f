"""Tables for a paper in LaTeX (package booktabs), of one style; each fits a column, or takes both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from eomoo.analysis.compared import SHIFT, StudyTables, check_indicators, median_table, pair_table
from eomoo.analysis.fronts import FrontData
from eomoo.analysis.tables import Measured, Report, Table, plain
from eomoo.analysis.wording import value_text
from eomoo.arrays import Floats
from eomoo.files import write_text

_Column = tuple[str, list[str], str]
"""A heading and cells, all in LaTeX, and "l" or "r"."""

# What a paper shows of a study where nobody says, with shorter names than figures and pages have room for.
_SHOWN = {
    "share of hypervolume": "HV share", "mean share of hypervolume during the search": "mean HV share", "IGD+": "IGD+"
}  # fmt: skip
_MOST_ROWS = 40  # what fits a printed page
_HEADING = 14  # letters of a line in a heading
# At \footnotesize of a class of 10 points a letter is about 4.3 points wide; a column has 252 (IEEEtran, 88.9 mm), and
# 229.5 in the narrowest of the common classes, article in two columns.
_LETTER, _BETWEEN, _WIDE = 4.3, 6.0, 229.5
# By the first letter's code: pdfLaTeX takes them in mathematics alone.
_GREEK = {
    0x3B1: "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi",
    0x3C0: "pi rho varsigma sigma tau upsilon phi chi psi omega",
}
_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "<": r"$<$",
    ">": r"$>$", "≤": r"$\leq$", "≥": r"$\geq$", "\N{EN DASH}": "--", **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "Δ": r"$\Delta$", "Σ": r"$\Sigma$", "Φ": r"$\Phi$", "Ω": r"$\Omega$",
    **{chr(letter): f"$\\{name}$" for first, some in _GREEK.items() for letter, name in enumerate(some.split(), first)},
}  # fmt: skip


def study_latex(tables: StudyTables, indicators: Sequence[str] = ()) -> str:
    r"""A study's tables for a paper: of each problem medians with quartiles, the best in bold, and pairs compared.

    Args:
        tables: The study's tables.
        indicators: Names of the indicators to show; by default the shares of hypervolume and IGD+.
    """
    check_indicators(indicators, tables)
    columns = tables.results.columns
    shown = indicators or [name for name in tables.indicators if columns[name].title in _SHOWN]
    titles = {
        p.name: f"{p.problem.title or p.name}{', as predicted' if p.problem.predicted else ''}"
        for p in tables.results.problems
    }
    parts = []
    for problem, n in tables.places:
        about, key = _after(titles[problem], n), f"{problem}-{n}"
        parts.append(_medians(median_table(tables, problem, n, shown), about, key))
        tests = pair_table(tables, problem, n, shown)
        parts += [] if tests is None else [_pairs(tests, about, f"{key}-pairs")]
    return "\n".join(parts)


def write_latex(tables: StudyTables, indicators: Sequence[str], path: str | Path) -> None:
    """Write ``study_latex`` to a file."""
    write_text(path, study_latex(tables, indicators))


def to_latex(report: Report) -> str:
    """The report's tables for a paper: the front, the indicators and tests that papers show, the ranks."""
    parts = [f"% {' '.join(report.title.split())}; made by {report.made}\n"]
    for section in report.sections:
        about = section.about or report.title
        for block in section.blocks:
            if isinstance(block, FrontData):
                parts.append(_front(block, about))
            elif isinstance(block, Table) and block.key.startswith("indicators-"):
                wanted = [title for title in block.columns if title in ("algorithm", "runs", *_SHOWN)]
                n = int(block.key.rpartition("-")[2])
                parts.append(_medians(block.pick(*wanted), _after(about, n), block.key))
            elif isinstance(block, Table) and block.key.startswith("tests"):
                after = block.columns.index("cells")
                counts: set[Any] = {row[after] for row in block.rows}
                for n in sorted(counts):
                    pairs = replace(block, rows=[row for row in block.rows if row[after] == n])
                    parts.append(_pairs(pairs, _after(about, n), f"{block.key}-{n}", tuple(_SHOWN)))
            elif isinstance(block, Table) and block.key.startswith(("ranks", "indicators")):
                names, values = ([row[k] for row in block.rows] for k in (0, 1))
                # Of these each row has a unit of its own.
                shown = [_in_powers(value_text(v)) for v in values]
                columns = [_texts(block.columns[0], names), (block.columns[1], [f"${text}$" for text in shown], "r")]
                parts.append(_table(columns, f"{about}. {block.title}. {block.note}", block.key))
    return "\n".join(parts)


def _after(title: str, n: int) -> str:
    return f"{title}, after {n:,} distinct cells"


def _medians(table: Table, about: str, key: str) -> str:
    runs = {row[1] for row in table.rows}
    columns = [_texts("algorithm", [row[0] for row in table.rows])]
    columns += [_numbers("runs", [row[1] for row in table.rows])] if len(runs) > 1 else []
    for k, title in list(enumerate(table.columns))[2:]:
        values = [row[k] for row in table.rows]
        better = table.best[k].larger_is_better if k in table.best else None
        bold = [table.is_best(k, value) for value in values]
        columns.append(_numbers(_SHOWN.get(title, title), values, better=better, bold=bold))
    over = f"over {runs.pop()} runs" if len(runs) == 1 else "over runs"
    return _table(columns, f"{about}: medians {over} between first and third quartiles; best medians in bold.", key)


def _pairs(table: Table, about: str, key: str, indicators: Sequence[str] = ()) -> str:
    """Pairs compared, grouped by indicator; what matters of it says how exact a shift need be."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    rows = [row for row in rows if not indicators or row["indicator"] in indicators][:_MOST_ROWS]
    numbers = [(plain(row[SHIFT]) or 0.0, plain(row["matters from"]) or np.nan) for row in rows]
    shifts = [_math(row[SHIFT], _decimals(least / 10, abs(x))) for row, (x, least) in zip(rows, numbers, strict=True)]
    columns = [
        _texts("pair", [f"{row['first']} \N{EN DASH} {row['second']}" for row in rows]),
        ("shift", shifts, "r"),
        ("$p$", [_p(row["p (Holm)"]) for row in rows], "r"),
        (r"$p_\equiv$", [_p(row["p equivalent (Holm)"]) for row in rows], "r"),
        _texts("first is", [row["first is"] for row in rows]),
    ]
    groups = [f"{row['indicator']} (from {value_text(row['matters from'])})" for row in rows]
    note = (
        r": pairs compared. Shift: first minus second (Hodges--Lehmann, with 95 \% interval), in brackets "
        r"from where it matters; $p$: Wilcoxon's signed-rank test, $p_\equiv$: two one-sided "
        r"tests for equivalence, both with Holm's correction, intervals without."
    )
    return _table(columns, about, key, note=note, groups=groups)


def _front(front: FrontData, about: str) -> str:
    columns: list[_Column] = [("cell", [str(cell) for cell in front.cells], "r")]
    better = {o.name: o.larger_is_better for o in front.problem.objectives}
    for c in front.columns:
        if c.objective or c.name in ("front_probability", "params"):
            values = c.values.tolist()
            head, cells, side = _numbers(c.label, values, better=better.get(c.name), spreads=c.deviations)
            if c.least:
                cells = [f"${c.text(k).replace(' ', '')}$" if v in (0, 1) else cells[k] for k, v in enumerate(values)]
            columns.append((head, cells, side))
    kind = "predicted front" if front.problem.predicted else "front"
    more = f", {_MOST_ROWS} of its {len(front.cells)} cells" if len(front.cells) > _MOST_ROWS else ""
    return _table(columns, f"{about}: the {kind}{more}.", f"{front.problem.name}-front")


def _table(columns: Sequence[_Column], caption: str, key: str, *, note: str = "", groups: Sequence[str] = ()) -> str:
    widths = [max(map(_letters, [*head.split(r"\\"), *cells])) for head, cells, _ in columns]
    place = "table" if sum(widths) * _LETTER + _BETWEEN * (len(columns) - 1) <= _WIDE else "table*"
    heads, cells, sides = zip(*columns, strict=True)
    # The plain classes leave no room below a caption, which here stands above its table.
    lines = [rf"\begin{{{place}}}[t]", r"\centering\setlength{\belowcaptionskip}{4pt}"]
    lines += [rf"\caption{{{_latex(caption)}{note}}}"]
    lines += [rf"\label{{tab:{re.sub(r'[^A-Za-z0-9:-]+', '-', key)}}}"]
    lines += [r"\footnotesize\setlength{\tabcolsep}{3pt}\renewcommand{\arraystretch}{1.3}"]
    lines += [rf"\begin{{tabular}}{{@{{}}{''.join(sides)}@{{}}}}", r"\toprule", " & ".join(heads) + r" \\"]
    for k, row in enumerate(list(zip(*cells, strict=True))[:_MOST_ROWS]):
        if k == 0 or (groups and groups[k] != groups[k - 1]):
            lines.append(r"\midrule")
            lines += [rf"\multicolumn{{{len(columns)}}}{{@{{}}l}}{{\emph{{{_latex(groups[k])}}}}} \\"] if groups else []
        lines.append(" & ".join(row) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", rf"\end{{{place}}}", ""])


def _texts(heading: str, cells: Iterable[object]) -> _Column:
    return _latex(heading), [_latex(str(cell)) for cell in cells], "l"


def _numbers(
    title: str,
    values: Sequence[object],
    *,
    better: bool | None = None,
    bold: Sequence[bool] = (),
    spreads: Floats | None = None,
) -> _Column:
    """A column of values, Measured or with deviations, in one power of ten and with one number of decimals."""
    middles = np.array([plain(value) for value in values], dtype=np.float64)
    finite = np.abs(middles[np.isfinite(middles)])
    largest = float(finite.max(initial=0.0))
    power = 0 if largest == 0 or 1e-2 <= largest < 1e5 else 3 * int(np.floor(np.log10(largest) / 3))
    widths = np.array([v.q75 - v.q25 for v in values if isinstance(v, Measured)] if spreads is None else spreads)
    known, scale = widths[np.isfinite(widths) & (widths > 0)], 10.0**-power
    # Two digits of a spread are known at most.
    typical = float(np.median(known)) * scale / 10 if len(known) else np.nan
    whole = power == 0 and bool((finite == np.rint(finite)).all())
    decimals = 0 if whole else _decimals(typical, largest * scale)
    shown = finite * scale  # shares of so many draws end earlier
    while decimals > 2 and not len(known) and np.allclose(shown, shown.round(decimals - 1), rtol=0, atol=1e-9):
        decimals -= 1
    bold = bold or [False] * len(values)
    cells = [_math(value, decimals, bold=marked, scale=scale) for value, marked in zip(values, bold, strict=True)]
    if spreads is not None:
        known_by = [rf" \pm {s * scale:.{decimals}f}$" if s > 0 else "$" for s in spreads]
        cells = [text[:-1] + known for text, known in zip(cells, known_by, strict=True)]
    lines = [_latex(line).replace("IGD+", "IGD$^+$") for line in wrap(title, _HEADING, break_long_words=False)]
    lines += [rf"($10^{{{power}}}$)"] if power else []
    arrow = {None: "", True: r" $\uparrow$", False: r" $\downarrow$"}[better]
    head = r"\\".join(lines) + arrow
    return rf"\shortstack[r]{{{head}}}" if len(lines) > 1 else head, cells, "r"


def _decimals(least: float, largest: float) -> int:
    """Decimals that show ``least``, as far as five digits of ``largest`` do; four digits where it is not known."""
    digits = int(np.floor(np.log10(largest))) if largest > 0 else 0
    wanted = 3 - digits if not least > 0 else -int(np.floor(np.log10(least)))
    return max(0, min(wanted, 4 - digits, 5))


def _math(value: object, decimals: int, *, bold: bool = False, scale: float = 1.0) -> str:
    """A number between dollars, with quartiles or the ends of an interval below and above it."""
    ends = (value.q75, value.q25) if isinstance(value, Measured) else ()
    numbers = [x * scale for x in (plain(value), *ends) if x is not None and np.isfinite(x)]
    if not numbers:
        return "--"
    text, *around = (f"{number:,.{decimals}f}".replace(",", "{,}") for number in numbers)
    text = rf"\mathbf{{{text}}}" if bold else text
    return f"${text}^{{{around[0]}}}_{{{around[1]}}}$" if len(around) == 2 else f"${text}$"


def _p(p: object) -> str:
    value = plain(p)
    if value is None or not np.isfinite(value):
        return "--"
    return "$<0.001$" if value < 0.001 else f"${value:.3g}$"


def _letters(cell: str) -> float:
    """About how many letters wide it is; raised and lowered ones share their place, at two thirds of the size."""
    small = [0.7 * max(map(len, pair)) for pair in re.findall(r"\^\{([^}]*)\}_\{([^}]*)\}", cell)]
    return len(re.sub(r"\^\{[^}]*\}_\{[^}]*\}|\\mathbf|\\shortstack\[r\]|\\[a-z]+|[${}\\]", "", cell)) + sum(small)


def _in_powers(number: str) -> str:
    return re.sub(r"e\+?(-?)0*(\d+)", r"\\times 10^{\1\2}", number).replace(",", "{,}")


def _latex(text: str) -> str:
    shown = " ".join(text.split()).replace("<=", "≤").replace(">=", "≥")
    return "".join(_LATEX.get(mark, mark) for mark in shown)
