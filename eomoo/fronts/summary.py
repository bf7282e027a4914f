"""What was said of a front by joint draws, without the draws: plain data that a store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from eomoo.arrays import Facts, Floats, Ints
from eomoo.fronts.uncertainty import FrontUncertainty, Group

# Digits of what is kept: of 200 draws no probability has more than three.
_DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class FrontSummary:
    """What is said of the cells (k,) of a front, their values being predicted or measured with some error.

    Attributes:
        cells: (k,) indices.
        probability: (k,) of each to be non-dominated in truth, and to keep all limits.
        limit_probability: (k, c) of each to keep each limit.
        regret: (k, m) how much better each objective could be, expected; see ``FrontUncertainty.regret``.
        unknown: (k, m) standard deviations of the objectives' true values, noise of a measurement apart.
        groups: Cells that cannot be told apart, with the one to take.
        band: Surfaces (s, m), raw, by the share of the draws, in per cent, that attain them.
        n_draws, n_candidates: Draws, and cells that could matter in them.
    """

    cells: Ints
    probability: Floats
    limit_probability: Floats
    regret: Floats
    unknown: Floats
    groups: tuple[Group, ...]
    band: Mapping[float, Floats]
    n_draws: int
    n_candidates: int

    @classmethod
    def of(cls, found: FrontUncertainty) -> Self:
        """All of it but the draws."""
        return cls(
            cells=found.cells,
            probability=found.probability,
            limit_probability=found.limit_probability,
            regret=found.regret,
            unknown=found.unknown,
            groups=found.groups,
            band=found.band(),
            n_draws=found.n_draws,
            n_candidates=found.n_candidates,
        )

    @property
    def takes(self) -> list[int]:
        """The cell to take of each group."""
        return [group.representative for group in self.groups]

    def place(self, cells: Ints) -> Ints:
        """Where cells (n,) are among these, (n,); -1 for those that are not."""
        known = {int(cell): k for k, cell in enumerate(self.cells)}
        return np.array([known.get(int(cell), -1) for cell in cells], dtype=np.int64)

    def to_dict(self) -> Facts:
        """As JSON may hold it; ``from_dict`` reads it."""
        return {
            "draws": self.n_draws,
            "candidates": self.n_candidates,
            "cells": self.cells.tolist(),
            "probability": _short(self.probability),
            "limit_probability": _short(self.limit_probability),
            "regret": _short(self.regret),
            "unknown": _short(self.unknown),
            "groups": [
                {"take": g.representative, "cells": g.cells.tolist(), "gain": _short(g.gain)} for g in self.groups
            ],
            "band": {f"{percentile:g}": _short(surface) for percentile, surface in self.band.items()},
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """From what ``to_dict`` gave.

        Raises:
            KeyError, TypeError, ValueError: Something is missing or of another kind.
        """
        k = len(facts["cells"])
        return cls(
            cells=np.array(facts["cells"], dtype=np.int64),
            probability=np.array(facts["probability"], dtype=np.float64),
            limit_probability=np.array(facts["limit_probability"], dtype=np.float64).reshape(k, -1),
            regret=np.array(facts["regret"], dtype=np.float64).reshape(k, -1),
            unknown=np.array(facts["unknown"], dtype=np.float64).reshape(k, -1),
            groups=tuple(
                Group(
                    representative=int(g["take"]),
                    cells=np.array(g["cells"], dtype=np.int64),
                    gain=np.array(g["gain"], dtype=np.float64),
                )
                for g in facts["groups"]
            ),
            band={float(p): np.array(s, dtype=np.float64) for p, s in facts["band"].items()},
            n_draws=int(facts["draws"]),
            n_candidates=int(facts["candidates"]),
        )


def _short(values: Floats) -> Any:
    """Values as nested lists, rounded to some significant digits."""
    if values.ndim > 1:
        return [_short(row) for row in values]
    return [float(f"{v:.{_DIGITS}g}") for v in values.tolist()]
