"""Which colour, marker and dash stand for an algorithm, in every figure and on every page."""

from __future__ import annotations

from collections.abc import Mapping

from eomoo.arrays import Facts
from eomoo.plots import COLORS, line_style

# Colours and dashes of those most often compared are the furthest apart.
_NUMBERS = {
    "pls": 0, "surrogate-pls": 1, "memetic": 2, "nsga2": 3, "cost-aware": 4, "sms-emoa": 5, "random": 6, "moead": 7,
    "nsga3": 8, "spea2": 9, "age-moea": 10, "nsga2-integer": 11,
}  # fmt: skip


def style_numbers(algorithms: Mapping[str, str]) -> dict[str, int]:
    """For each label the number of its look, see ``line_style``, given the algorithm behind each label.

    An algorithm under its own name looks the same everywhere; variants beside it take what is left, in order.
    """
    found = {label: _NUMBERS[label] for label, name in algorithms.items() if label == name and label in _NUMBERS}
    for label, name in algorithms.items():
        if label not in found:
            wanted = [_NUMBERS.get(name, 0), *range(len(COLORS)), len(found) + len(COLORS)]
            found[label] = next(number for number in wanted if number not in found.values())
    return {label: found[label] for label in algorithms}


def algorithm_style(name: str) -> Facts:
    """Colour, marker and dash of an algorithm, as keywords of ``Axes.plot``."""
    return line_style(style_numbers({name: name})[name])
