"""Two measured tables side by side: rank correlations over their common cells, ruggedness along the same walks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from eomoo.arrays import Facts, Floats, Ints
from eomoo.errors import DataError
from eomoo.landscape.intervals import Estimates, rank_correlations
from eomoo.landscape.ruggedness import autocorrelation
from eomoo.landscape.sample import Sample

# Of fewer steps an autocorrelation may be anything, and so may its interval.
_LEAST_PAIRS = 30


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A sample beside another one.

    Attributes:
        first, second: The samples.
        rows: (2, k) where the k common cells stand in each.
        ranks: Rank correlations (m1, m2) of the first's quantities with the second's, over the common cells, with
            intervals from leaving out the first's walks.
        common_steps: Steps of the first's walks between common cells.
        rugged: Autocorrelation of lag 1 of each quantity of both, where there are at least 30 steps: along own walks,
            and of common cells alone along the first's.
    """

    first: Sample
    second: Sample
    rows: Ints
    ranks: Estimates
    common_steps: int
    rugged: list[Facts]

    @property
    def numbers(self) -> Facts:
        """All of it in numbers, for JSON."""
        names = product(self.first.quantities, self.second.quantities)
        return {
            "title": self.second.table.facts["title"],
            "common_cells": self.rows.shape[1],
            "common_steps": self.common_steps,
            "rank_correlations": Estimates(*map(np.ravel, self.ranks)).rows(names),
            "autocorrelation": self.rugged,
        }


def set_beside(first: Sample, second: Sample) -> Beside:
    """Compare two samples, such as one on So2Sat and one on CIFAR-10.

    Raises:
        DataError: (a ValueError) They have no cell in common, and the second no walks of its own.
    """
    _, *places = np.intersect1d(first.cells, second.cells, assume_unique=True, return_indices=True)
    rows, m = np.array(places), len(first.quantities)
    if rows.shape[1] == 0 and not len(second.walks):
        titles = [sample.table.facts["title"] for sample in (first, second)]
        raise DataError(f"{titles[0]} and {titles[1]} have no cell in common, and the second has no walks")
    columns = [*(v[rows[0]] for v in first.values.values()), *(v[rows[1]] for v in second.values.values())]
    ranks = rank_correlations(np.column_stack(columns), first.groups[rows[0]])
    walked = np.isin(first.walks, rows[0])
    return Beside(
        first=first,
        second=second,
        rows=rows,
        ranks=Estimates(*(part[:m, m:] for part in ranks)),
        common_steps=int((walked[:, 1:] & walked[:, :-1]).sum()),
        rugged=list(_rugged(first, second, rows)),
    )


def _rugged(first: Sample, second: Sample, rows: Ints) -> Iterator[Facts]:
    for table, sample in (("first", first), ("second", second)):
        for name in sample.quantities:
            yield from _row(table, name, "own", sample.along_walks(name))
    for table, sample, places in (("first", first, rows[0]), ("second", second, rows[1])):
        if table == "first" and len(places) == len(first.cells):
            # That is what its own walks say.
            continue
        for name, values in sample.values.items():
            common = np.full(len(first.cells) + 1, np.nan)
            common[rows[0]] = values[places]
            yield from _row(table, name, "of the first, common cells", common[first.walks])


def _row(table: str, name: str, walks: str, along: Floats) -> Iterator[Facts]:
    if (np.isfinite(along[:, 1:]) & np.isfinite(along[:, :-1])).sum() < _LEAST_PAIRS:
        return
    curve, cells = autocorrelation(along, max_lag=1), int(np.isfinite(along).sum())
    found = {"lag_1": curve.mean[1], "band": [curve.low[1], curve.high[1]], "pairs": int(curve.pairs[1])}
    yield {"table": table, "quantity": name, "walks": walks, "cells": cells, **found}
