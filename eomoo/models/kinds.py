"""What a column of measurements holds: an accuracy, an error, a time, an energy, a count."""

from __future__ import annotations

import re

FAILED = "failed"
"""The target that is the probability of a cell's failure."""
KINDS = ("accuracy", "error", "time", "energy", "count")
# Of an accuracy and an error larger values and smaller ones are better; they are modelled alike, costs otherwise.
QUALITIES = KINDS[:2]
_UNITS = {
    "time": ("s", "ms", "us", "µs", "ns", "min", "h"),
    "energy": ("J", "mJ", "uJ", "µJ", "kJ", "Wh", "mWh", "kWh"),
    "count": ("B", "kB", "KB", "KiB", "MB", "MiB", "GB", "GiB", "bytes"),
}
# What maps are judged by, as people head their columns: overall and average accuracy, agreement, overlap.
_SCORES = {"oa", "aa", "ba", "kappa", "f1", "iou", "miou", "dice", "mcc", "auc", "precision", "recall"}


def kind_of(name: str, unit: str = "", title: str = "") -> str:
    """The kind of a column by its unit, as in "ms/batch", else by its name or title; "" where neither tells."""
    words = re.split(r"[ /]", unit)
    for kind, units in _UNITS.items():
        if words[0] in units:
            return kind
    said = set(re.findall(r"[a-z]+\d?", name.lower()))
    if name.endswith("error") or "error" in title or "loss" in said:
        return "error"
    return "accuracy" if is_accuracy(name) or "accuracy" in title or said & _SCORES else ""


def is_accuracy(name: str) -> bool:
    """Whether a target of that name is a share of what was right, so that its error is a quantity too."""
    return re.search("acc|_(micro|macro)(_|$)", name.lower()) is not None
