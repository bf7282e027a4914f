"""Whole searches compared, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eomoo.analysis.claims import ALPHA, WORDS, needed_seeds
from eomoo.analysis.compared import StudyTables
from eomoo.analysis.results import AREA
from eomoo.analysis.wording import joined
from eomoo.checks import counted

_MOST_SAID = 6
# How a word is said of the first of two.
_AGAINST = {
    "ahead": "is ahead of",
    "behind": "is behind",
    "equivalent": "is equivalent to",
    "undecided": "may be ahead of or behind",
    "too few seeds": "was run with too few seeds to be compared with",
}
_TURNED = {"ahead": "behind", "behind": "ahead"}


def standing(tables: StudyTables, problem: str, label: str) -> str:
    """What can be said of an algorithm's whole search beside the others'."""
    found = tables.tests
    rows = found[(found["problem"] == problem) & (found["indicator"] == AREA)].to_dict(orient="records")
    said: dict[str, list[str]] = {}
    for row in rows:
        if label in (row["first"], row["second"]):
            mine = row["first"] == label
            word = row["word"] if mine else _TURNED.get(row["word"], row["word"])
            said.setdefault(_AGAINST[word], []).append(row["second"] if mine else row["first"])
    parts = [f"{text} {joined(said[text])}" for text in _AGAINST.values() if text in said]
    return f" As a whole search it {'; it '.join(parts)}." if parts else ""


def pairs_in_words(tables: StudyTables, problem: str) -> str:
    """What the whole searches come to, pair by pair."""
    found = tables.tests
    rows = found[(found["problem"] == problem) & (found["indicator"] == AREA)].to_dict(orient="records")
    n_all = int((found["indicator"] == AREA).sum())
    if rows and all(row["word"] == "too few seeds" for row in rows):
        needed = needed_seeds(n_all)
        return (
            f"Whether these differences are chance cannot be told: so few seeds, even if all differ in "
            f"one direction, do so by chance in more than {100 * ALPHA:g} % of studies with "
            f"{counted(n_all, 'comparison')}. {needed} seeds of each algorithm could tell: `eomoo study run` with "
            f"--seeds {needed} adds those that are missing."
        )
    said = [
        f"{row['first']} {_AGAINST[row['word']]} {row['second']} ({_shift_in_words(row)})"
        for row in sorted(rows, key=lambda row: WORDS.index(row["word"]))
    ]
    text = "By the mean share of hypervolume during the search, pairs tested with Holm's correction (intervals without)"
    more = f", and {len(said) - _MOST_SAID} pairs more in the table" if len(said) > _MOST_SAID else ""
    return f"{text}: {'; '.join(said[:_MOST_SAID])}{more}." if said else f"{text}: nothing can be compared."


def _shift_in_words(row: Mapping[Any, Any]) -> str:
    ends = "" if np.isnan(row["low"]) else f", 95 % interval {row['low']:+.3f} to {row['high']:+.3f}"
    return f"shift {row['shift']:+.3f}{ends}; matters from {row['matters']:g}"
