"""Numbers, values, names and what values rest on, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from eomoo.analysis.tables import Measured, Said
from eomoo.checks import counted
from eomoo.models.applicability import FAR, MARKS, OPERATIONS, VALUE
from eomoo.plots import column_numbers, number
from eomoo.search.algorithms import ALGORITHMS
from eomoo.study.rows import ProblemRow, RunRow


def algorithm_title(run: RunRow) -> str:
    """An algorithm as people call it, with its label where that says more."""
    title = ALGORITHMS[run.algorithm].title if run.algorithm in ALGORITHMS else run.algorithm
    return title if run.label == run.algorithm else f"{run.label} ({title})"


def algorithms_in_words(runs: Sequence[RunRow]) -> str:
    """Who was compared; where all are ways of one algorithm, its name once."""
    labels, kinds = list(dict.fromkeys(run.label for run in runs)), {run.algorithm for run in runs}
    if len(labels) > 1 and len(kinds) == 1 and (kind := kinds.pop()) in ALGORITHMS:
        return f"{joined(labels)}, all {ALGORITHMS[kind].title},"
    return joined(dict.fromkeys(map(algorithm_title, runs)))


def values_in_words(problem: ProblemRow, values: Iterable[float], deviations: Iterable[float]) -> list[str]:
    """Values of a cell, ± their deviations: "error 12.3 ± 0.5 %", "latency 8.2 ms"."""
    parts = zip(problem.objectives, values, deviations, strict=True)
    return [f"{o.title} {number(value, spread)} {shown_unit(o.unit)}".strip() for o, value, spread in parts]


def shown_unit(unit: str) -> str:
    """A unit as it is put after a value: "a fraction" goes without saying."""
    return "" if unit == "fraction" else unit


def value_text(value: object) -> str:
    """A value of a table."""
    if value is None:
        return "-"
    if isinstance(value, Said):
        return value.text
    if isinstance(value, Measured):
        middle, low, high = column_numbers(np.array([value.median, value.q25, value.q75]))
        # Of too few runs there is no interval.
        return f"{middle} [{low}, {high}]" if value.q25 == value.q25 else middle
    return number(value) if isinstance(value, float) else str(value)


def option_text(value: object) -> str:
    """A setting's value as an option of the command line takes it: "true", "3,2,1", "built=1,2;water=17"."""
    if isinstance(value, Mapping):
        return ";".join(f"{key}={option_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(option_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def duration(seconds: float) -> str:
    """A time for people: "0.03 s", "12 s", "1.8 min", "2.5 h"."""
    if seconds < 60:
        return f"{seconds:.2g} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def sentence(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def joined(parts: Iterable[str]) -> str:
    """Parts as an English list."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def basis_word(marks: str) -> str:
    """What a value is, in a word, by what it rests on (see ``CellProblem.basis``)."""
    if marks in ("", "measured"):
        return marks or "predicted"
    return "extrapolated" if set(marks.split(", ")) & {OPERATIONS, FAR, VALUE} else marks


def basis_words(marks: Iterable[str]) -> str:
    """How many cells of a front were measured, are predicted or extrapolated, and why; "" where nothing is to say."""
    every = list(marks)
    words = Counter(map(basis_word, every))
    if set(words) <= {"predicted"}:
        return ""
    words = Counter({word.replace("measured, ", "measured, but ", 1): n for word, n in words.items()})
    counts = joined(f"{n:,} {'is' if n == 1 else 'are'} {word}" for word, n in words.most_common())
    reasons = Counter(mark for text in every for mark in text.split(", ") if mark in MARKS)
    why = "; ".join(f"{MARKS[mark]} ({n:,})" for mark, n in reasons.most_common())
    n = counted(len(every), "cell")
    told = f"Of the front's {n} {counts}"
    if len(words) == 1:
        told = f"The front's {n} {'is' if len(every) == 1 else 'are all'} {next(iter(words))}"
    return f"{told}{f': {why}' if why else ''}."
