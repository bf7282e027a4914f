"""What values cannot be: costs below 0, accuracies and errors that are no shares, fractions among per cent."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from eomoo.arrays import Floats
from eomoo.errors import DataError

# A latency in ms, but no change of latency.
NEVER_NEGATIVE = re.compile(r"(latency|energy|memory|params|macs|(train_?)?time|seconds)([_ \[(]+\w{1,3}[\])]?)?", re.I)
_WHOLE = {"%": 100.0, "percent": 100.0, "pct": 100.0, "fraction": 1.0}
# By the whole name or title: no change of an accuracy, and no kappa, which may be below 0. `f1` alone is a first
# objective as often as a score.
_SHARE = re.compile(
    r"(?:(?:train|training|val|valid|validation|test|final|best|overall|balanced|top_?[15]|micro|macro)_?)*"
    r"(?:(?P<accuracy>acc|accuracy|micro|macro|oa|aa|(?!^)f1|iou|miou)|err|error)(?:_(?P<unit>percent|pct|fraction))?"
)
_BOUNDS = {1.0: "between 0 and 1, as a fraction", 100.0: "between 0 and 100 %"}
# Sums of rounded parts, and single precision.
_ROUNDED = 1e-5
# In per cent an error, or an accuracy by chance, may be 1 and less; a fraction among them is this much smaller.
_APART = 10.0


def check_values(values: Floats, name: str, where: str | Path, *, unit: str = "", title: str = "") -> None:
    """Whether values (n,), NaN where there is none, can be the costs, accuracies or errors that their column is called.

    Values of other columns are not looked at. A warning tells of a few that may be fractions among per cent, or the
    reverse, since an accuracy of 0.8 % or an error of 30 % may exist.

    Args:
        name, unit, title: The column's, as far as they are known; "" where not.
        where: The table, for the sentence.

    Raises:
        DataError: A value is below 0 or above the whole, or most accuracies are at most 1 and others above.
    """
    for row in np.flatnonzero(values < 0).tolist() if NEVER_NEGATIVE.fullmatch(name) else ():
        raise DataError(f"{_at(where, row, name, values)}, below 0; leave empty what was not measured")
    said = next(filter(None, (_SHARE.fullmatch(re.sub(r"[- ]", "_", text.lower())) for text in (name, title))), None)
    unit = unit or (said and said["unit"]) or ""
    if said is None or unit not in ("", *_WHOLE):
        return
    # An error without a unit may be one of metres.
    most = _WHOLE.get(unit, 100.0 if said["accuracy"] else np.inf)
    for row in np.flatnonzero((values < 0) | (values > most * (1 + _ROUNDED))).tolist():
        bounds = _BOUNDS.get(most, "at least 0")
        mend = "correct it, say % of its unit" if most == 1.0 else "correct it"
        what = "an accuracy" if said["accuracy"] else "an error"
        raise DataError(f"{_at(where, row, name, values)}; {what} is {bounds}: {mend}, or leave it empty")
    low = (values > 0) & (values <= 1 + _ROUNDED)
    high = values > 1 + _ROUNDED
    if said["accuracy"] and most == 100.0 and unit and low.any() and not high.any():
        warnings.warn(
            f"{where}: {name} is at most {np.nanmax(values):.6g} %; if these are fractions, say that of its unit",
            stacklevel=3,
        )
    if not (low.any() and high.any()):
        return
    most_low = low.sum() > high.sum()
    few, others = (high, low) if most_low else (low, high)
    told = (
        f"{_at(where, int(np.flatnonzero(few)[0]), name, values)}, while {others.sum():,} of {(low | high).sum():,} "
        f"values are {'at most' if most_low else 'above'} 1"
    )
    if said["accuracy"] and most_low:
        raise DataError(f"{told}; write either fractions or per cent in the whole column")
    if values[high].min() >= _APART * values[low].max():
        warnings.warn(f"{told}; if it mixes fractions and per cent, write the whole column in either", stacklevel=3)


def _at(where: str | Path, row: int, name: str, values: Floats) -> str:
    return f"{where}, row {row + 1}: {name} is {values[row]:.6g}"
