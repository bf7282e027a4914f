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
# Tables with a row for each cell.
_BY_CELL = ("limit_probability", "regret", "unknown", "luck")


@dataclass(frozen=True, kw_only=True)
class FrontSummary:
    """What is said of the cells (k,) of a front, their values being predicted or measured with some error.

    Attributes:
        cells: (k,) indices.
        probability: (k,) of each to be non-dominated in truth, and to keep all limits.
        limit_probability: (k, c) of each to keep each limit.
        regret: (k, m) how much better each objective could be, expected; see ``FrontUncertainty.regret``.
        unknown: (k, m) standard deviations of the objectives' true values, noise of a measurement apart.
        luck: (k, m) by how much true values are expected to be worse than measured ones; NaN where an earlier version
            did not ask.
        groups: Cells that cannot be told apart, with the one to take.
        band: Surfaces (s, m), raw, by the share of the draws, in per cent, that attain them.
        n_draws, n_candidates: Draws, and cells that could matter in them.
    """

    cells: Ints
    probability: Floats
    limit_probability: Floats
    regret: Floats
    unknown: Floats
    luck: Floats
    groups: tuple[Group, ...]
    band: Mapping[float, Floats]
    n_draws: int
    n_candidates: int

    @classmethod
    def of(cls, found: FrontUncertainty) -> Self:
        """All of it but the draws."""
        names = ("cells", "probability", *_BY_CELL, "groups", "n_draws", "n_candidates")
        return cls(**{name: getattr(found, name) for name in names}, band=found.band())

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
            **{name: short_rows(getattr(self, name), _DIGITS) for name in ("probability", *_BY_CELL)},
            "groups": [
                {"take": g.representative, "cells": g.cells.tolist(), "gain": short_rows(g.gain, _DIGITS)}
                for g in self.groups
            ],
            "band": {f"{percentile:g}": short_rows(surface, _DIGITS) for percentile, surface in self.band.items()},
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """From what ``to_dict`` gave.

        Raises:
            KeyError, TypeError, ValueError: Something is missing or of another kind.
        """
        k = len(facts["cells"])
        facts = {"luck": np.full(np.shape(facts["regret"]), np.nan), **facts}
        return cls(
            cells=np.array(facts["cells"], dtype=np.int64),
            probability=np.array(facts["probability"], dtype=np.float64),
            **{name: np.array(facts[name], dtype=np.float64).reshape(k, -1) for name in _BY_CELL},
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


def short_rows(values: Floats, digits: int) -> list[Any]:
    """Numbers as nested lists, rounded to so many significant digits; None for what is not finite."""
    if values.ndim > 1:
        return [short_rows(row, digits) for row in values]
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values.tolist()]
