"""A measured table as a sample of the space: its cells, what is known of them, and the walks that found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import short
from eomoo.data.measured_table import MeasuredTable
from eomoo.errors import DataError, SettingError
from eomoo.fronts import Quantity
from eomoo.landscape.intervals import blocks
from eomoo.packages import pandas as pd
from eomoo.space import SO2SAT, load_space

# What tells how sure a value is, or counts the same once more, is no quantity of its own.
_COMPANIONS = ("_std", "_lower", "_upper", "_raw", "_disturbed")
_COUNTED_AGAIN = ("thop_macs", "hash")
# 400 MB of one quantity along the walks; a walk of all cells has 423,624 steps.
_MOST_STEPS = 50_000_000


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a table says of n cells.

    Attributes:
        table: The table.
        cells: (n,) indices in the space, each once.
        values: Means over repeats (n,) by name; NaN where nothing was measured or it failed.
        quantities: Title, unit and direction by the same names; parameters and MACs are counted where the table
            lacks them.
        walks: (n_walks, length) rows of ``cells`` in the order of steps; -1 after a walk's end and for steps that the
            table lacks.
        walk_numbers: (n_walks,) what the table calls them.
        groups: (n,) cells of one walk share a number, as do cells of no walk that are left out together.
    """

    table: MeasuredTable
    cells: Ints
    values: Mapping[str, Floats]
    quantities: Mapping[str, Quantity]
    walks: Ints
    walk_numbers: Ints
    groups: Ints

    @property
    def in_walks(self) -> Bools:
        """(n,) which cells a walk has."""
        return np.isin(np.arange(len(self.cells)), self.walks)

    def along_walks(self, name: str) -> Floats:
        """(n_walks, length) values of a quantity along the walks, NaN where there is none."""
        return np.append(self.values[name], np.nan)[self.walks]

    def performance(self) -> list[str]:
        """Names of what says how well a network does, accuracies and errors, those of the validation images first."""
        found = [k for k, q in self.quantities.items() if q.larger_is_better or k.lower().endswith(("error", "loss"))]
        return sorted(found, key=lambda name: not name.startswith("val"))

    def costs(self) -> list[str]:
        """Names of all other quantities."""
        return [name for name in self.quantities if name not in self.performance()]


def sample_of(table: MeasuredTable) -> Sample:
    """The cells of a measured table with the means of their repeats.

    Raises:
        SettingError: (a ValueError) It is no measured table.
        DataError: (a ValueError) No cell has a value, or walks and steps contradict each other.
    """
    if not isinstance(table, MeasuredTable):
        raise SettingError(f"a sample is a measured table, as read_measured and measure give; got {short(table)}")
    frame = table.mean()
    cells = frame["index"].to_numpy(dtype=np.int64)
    companions = {f"{name}{end}" for name in table.quantities for end in _COMPANIONS}
    names = [name for name in table.quantities if name not in companions and name not in _COUNTED_AGAIN]
    values = {name: frame[name].to_numpy(dtype=np.float64) for name in names if frame[name].notna().any()}
    if not values:
        raise DataError(f"{table.facts['title']}: no cell has a value, so that there is no landscape to see")
    quantities = {name: table.quantities[name] for name in values}
    skeleton = table.skeleton or SO2SAT
    around = "" if table.skeleton else " on So2Sat"
    for name, title, count in (("params", "parameters", load_space().params), ("macs", "MACs", load_space().macs)):
        if name not in values:
            values[name] = np.asarray(count(cells, skeleton), dtype=np.float64)
            quantities[name] = Quantity(title=title + around, unit="", direction="min")
    numbers, walks = _walks(table, cells)
    return Sample(
        table=table,
        cells=cells,
        values=values,
        quantities=quantities,
        walks=walks,
        walk_numbers=numbers,
        groups=_groups(walks, len(cells)),
    )


def _walks(table: MeasuredTable, cells: Ints) -> tuple[Ints, Ints]:
    """The walks' numbers (n_walks,), and rows (n_walks, length) of the cells by step; walks of one cell are none."""
    title = table.facts["title"]
    steps = table.rows[["walk", "step", "index"]].dropna().drop_duplicates()
    if len(steps) and not (np.isfinite(steps).all(axis=None) and (steps[["walk", "step"]] % 1 == 0).all(axis=None)):
        raise DataError(f"{title}: walk and step are whole numbers; some are not")
    for _, row in steps[steps.duplicated(["walk", "step"])].iterrows():
        raise DataError(f"{title}: walk {row['walk']:.0f} has two cells in its step {row['step']:.0f}")
    sizes = steps.groupby("walk")["step"].transform("size")
    steps = steps[sizes > 1]
    names, number = np.unique(steps["walk"].to_numpy(dtype=np.int64), return_inverse=True)
    place = (steps["step"] - steps.groupby("walk")["step"].transform("min")).to_numpy(dtype=np.float64)
    shape = (len(names), int(place.max(initial=-1)) + 1)
    if shape[0] * shape[1] > _MOST_STEPS:
        raise DataError(f"{title}: {shape[0]:,} walks of up to {shape[1]:,} steps are more than can be looked at")
    walks = np.full(shape, -1, dtype=np.int64)
    walks[number, place.astype(np.int64)] = pd.Index(cells).get_indexer(pd.Index(steps["index"]))
    return names, walks


def _groups(walks: Ints, n: int) -> Ints:
    groups = np.full(n, -1, dtype=np.int64)
    for number, walk in enumerate(walks):
        groups[walk[walk >= 0]] = number
    alone = np.flatnonzero(groups < 0)
    groups[alone] = len(walks) + blocks(len(alone))
    return groups
