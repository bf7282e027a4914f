"""What the published claims come to, in words: the one source of the page's and the README's sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eomoo.analysis import Comparison, joined
from eomoo.esann2024.verdict import CLAIMS, PUBLISHED, STARTS, Finding

Row = Mapping[str, Any]
"""A right finding in plain data: see ``rows_of``."""
NO_FINDING = ("undecided", "too few seeds")


def verdict(claim: str, word: str, published: str) -> str:
    """What a word on the surrogate start makes of a claim; ``published`` is that on the published code's figure."""
    borne_out = CLAIMS[claim].borne_out
    if word in NO_FINDING:
        return f"**{word}**"
    if word in borne_out:
        return "**holds**"
    artefact = ", though the published figure shows it" if published in borne_out else ""
    if word == "equivalent":
        return f"**does not hold**: no difference that matters{artefact}"
    return f"**does not hold**: the opposite does{artefact}"


def shift_in_words(f: Finding, comparison: Comparison | None = None) -> str:
    """A shift with its unit, and with its interval where there are seeds enough for one."""
    c = f.comparison if comparison is None else comparison
    if np.isnan(c.shift):
        return "-"
    unit = f" {f.measure.unit}" if f.measure.unit else ""
    return f"{c.shift:+.3g}{unit}" + ("" if np.isnan(c.low) else f" [{c.low:+.3g}, {c.high:+.3g}]")


def rows_of(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """The right findings as plain data, NaN as None."""
    published = {(f.claim, f.problem, f.start): f.word for f in found if f.measure.way == PUBLISHED}
    rows = []
    for f in found:
        if f.is_main:
            c = f.comparison
            numbers = {name: getattr(c, name) for name in
                       ("n", "shift", "low", "high", "matters", "p_holm", "p_equivalent_holm")}  # fmt: skip
            rows.append({
                "claim": f.claim, "problem": f.problem, "start": f.start, "unit": f.measure.unit, "word": c.word,
                "as_published": published[f.claim, f.problem, f.start], "column": f.measure.column,
                **{name: None if np.isnan(value) else value for name, value in numbers.items()},
            })  # fmt: skip
    return rows


def conclusion(rows: Sequence[Row], starts: Sequence[Row]) -> str:
    """The published claims and what holds of them, as a Markdown table; what depends on the surrogate below it.

    Args:
        rows: See ``rows_of``.
        starts: Numbers of each ``Beginning``.
    """
    columns = ["problem", "it matters from", *(f"with {STARTS[start]}" for start in _kinds(rows))]
    lines = [_line("claim, as published", *columns), "|---|---|--:" + "|---" * (len(columns) - 2) + "|"]
    for claim in CLAIMS:
        title = f"**{CLAIMS[claim].title}**: {CLAIMS[claim].said}"
        for problem, *cells in _lines_of(claim, rows):
            lines.append(_line(title, f"`{problem}`", *cells))
            title = ""
    said = [_what_depends(rows)] if set(_kinds(rows)) == set(STARTS) else []
    return "\n".join([*lines, "", *said, _where_they_begin(starts)])


def _lines_of(claim: str, rows: Sequence[Row]) -> list[list[str]]:
    """For each problem of a claim its name, the smallest difference that matters, and what each kind of start shows."""
    mine = {(row["problem"], row["start"]): row for row in rows if row["claim"] == claim}
    lines = []
    for problem in dict.fromkeys(problem for problem, _ in mine):
        found = [mine.get((problem, start)) for start in _kinds(rows)]
        known = next(row for row in found if row is not None)
        matters = "" if known["matters"] is None else f"{_short(known['matters']):g} {known['unit']}"
        lines.append([problem, matters, *(_finding(row) for row in found)])
    return lines


def _kinds(rows: Sequence[Row]) -> list[str]:
    return [start for start in STARTS if any(row["start"] == start for row in rows)]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _finding(row: Row | None) -> str:
    """The word, then the shift and its interval in the unit of what matters."""
    if row is None or row["shift"] is None:
        return "" if row is None else f"{row['word']}: no shift can be given"
    ends = "" if row["low"] is None else f" ({_short(row['low']):+g} to {_short(row['high']):+g})"
    return f"{row['word']}: {_short(row['shift']):+g}{ends}"


def _short(value: float) -> float:
    """To two digits, so that it is written without an exponent where it has more before the point."""
    return float(f"{value:.2g}")


def _what_depends(rows: Sequence[Row]) -> str:
    """Which claims get another word from another kind of surrogate on the same problem, as far as that is known."""
    words: dict[str, dict[str, set[str]]] = {claim: {} for claim in CLAIMS}
    for row in (row for row in rows if row["claim"] in CLAIMS):
        words[row["claim"]].setdefault(row["problem"], set()).add(row["word"])
    sides: dict[str, list[str]] = {"depends on the surrogate": [], "does not, on these problems": [], "is open": []}
    for claim, found in words.items():
        # A word that is no finding differs from none.
        differs = any(len(said - set(NO_FINDING)) > 1 for said in found.values())
        known = all(len(said) == 1 and not said & set(NO_FINDING) for said in found.values())
        side = "depends on the surrogate" if differs else "does not, on these problems" if known else "is open"
        sides[side].append(CLAIMS[claim].title.lower())
    parts = [f"what is said of {joined(claims)} {side}" for side, claims in sides.items() if claims]
    return f"- **What transfers** to surrogates of the published quality: {'; '.join(parts)}."


def _where_they_begin(starts: Sequence[Row]) -> str:
    """How close each kind of start is, and how spread: problem by problem, from random cells to the best surrogate."""
    problems = list(dict.fromkeys(row["problem"] for row in starts))
    mine = [[row for row in starts if row["problem"] == problem] for problem in problems]
    shares, distances = ([[row[name] for row in rows] for rows in mine] for name in ("share", "distance"))
    closer = all(sorted(values) == values for values in shares)
    lead = "the better the model, the closer it starts" if closer else "a better model does not always start closer"
    if all(sorted(values, reverse=True) == values for values in distances):
        lead += ", and the less its starts spread"
    elif all(max(values[1:]) < values[0] for values in distances):
        lead += "; surrogate starts spread less than random cells, be the model good or bad"
    parts = [f"{', '.join(f'{x:.2f}' for x in near)} on `{name}`" for name, near in zip(problems, shares, strict=True)]
    kinds = joined(dict.fromkeys(STARTS.get(row["start"], "random cells") for row in starts))
    return (
        f"- **Why**: {lead}. The starts' share of the hypervolume of all cells, for {kinds}: "
        f"{'; '.join(parts)} (medians)."
    )
