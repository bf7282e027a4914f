"""What the values of a front's cells rest on: measured, predicted, extrapolated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from eomoo.analysis.wording import joined
from eomoo.checks import counted
from eomoo.models.applicability import FAR, MARKS, OPERATIONS, VALUE


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
