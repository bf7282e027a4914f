"""Values from NAS-Bench-101's table: CIFAR-10 results of every cell, with the noise of their runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Floats, Ints, Singles
from eomoo.checks import short, whole
from eomoo.data.nasbench101 import NASBench101Table, pick
from eomoo.errors import SettingError
from eomoo.fronts import Quantity
from eomoo.models.noise import moderated, room
from eomoo.objectives.base import Backend, cost_by_name, drawn, errors_of, with_errors
from eomoo.space import CIFAR10, load_space

# The table's names of what is called otherwise here.
_METRIC = {"val_accuracy": "validation_accuracy", "train_time": "training_time"}
_MEASURED = {
    "val_accuracy": Quantity(title="validation accuracy", unit="fraction", direction="max"),
    "test_accuracy": Quantity(title="test accuracy", unit="fraction", direction="max"),
    "train_accuracy": Quantity(title="training accuracy", unit="fraction", direction="max"),
    "train_time": Quantity(title="training time", unit="s", direction="min"),
    "params": Quantity(title="parameters", unit="", direction="min"),
}
NB101_QUANTITIES: Mapping[str, Quantity] = with_errors(_MEASURED)
"""What the table tells of a cell: val_accuracy, val_accuracy_error (per cent), and so on."""


class NASBench101Backend(Backend):
    """NAS-Bench-101's table; a :class:`~eomoo.objectives.base.Backend` of all cells.

    Args:
        table: The table, or the path of a converted file; by default it is looked for.
        epochs: For how many epochs the networks were trained: 108, or 4, 12 or 36 as a cheaper look.
        halfway: Values after half of these epochs.
        repeat: "mean" of the three runs of a cell; "random", one of them, drawn for each cell by
            `seed`, so that a search meets the noise of real training; or 0, 1 or 2.
        seed: For "random". A cell keeps its run within a seed, in whatever order and however often
            it is evaluated, and gets another draw with another seed.

    Raises:
        SettingError: (a ValueError) There are no runs of so many epochs, or `repeat` is unknown.
    """

    name = "nasbench101"
    quantities = NB101_QUANTITIES
    skeleton = CIFAR10
    cost = staticmethod(cost_by_name)
    _accuracy_of = errors_of(_MEASURED)

    def __init__(
        self,
        table: NASBench101Table | str | Path | None = None,
        *,
        epochs: int = 108,
        halfway: bool = False,
        repeat: Literal["mean", "random"] | int = "mean",
        seed: int = 0,
    ) -> None:
        self.table = table if isinstance(table, NASBench101Table) else NASBench101Table(table)
        if isinstance(repeat, bool) or repeat not in ("mean", "random", 0, 1, 2):
            raise SettingError(f'repeat is "mean", "random", 0, 1 or 2; got {short(repeat)}')
        self._columns = {
            name: self.table.column(_METRIC.get(name, name), epochs=epochs, halfway=halfway)
            for name in _MEASURED
            if name != "params"
        }
        self._cells = np.flatnonzero(np.isfinite(self._columns["train_time"]).all(axis=1))
        self._epochs = epochs
        self._mean_seconds: float | None = None
        self._kept_deviations: dict[str, Singles] = {}
        if not halfway:
            self.rungs = tuple(e / epochs for e in self.table.epochs if e <= epochs)
        self._repeat, self._seed = repeat, whole("seed", seed, least=0)
        self._setting = f"{epochs} {halfway} {repeat} {seed}"

    def known(self, names: Sequence[str]) -> Ints | None:
        """None, as in NAS-Bench-101's own files; else the cells that have values, sorted."""
        return None if len(self._cells) == len(load_space()) else self._cells

    def draw(self, indices: ArrayLike, names: Sequence[str], seed: int, *, share: float = 1.0) -> Floats:
        """As ``at_rung``, of one of its runs for each cell, whatever `repeat` is: the noise of the data."""

        def one(cells: Ints, stored: Sequence[str]) -> Floats:
            return self._gather(cells, stored, drawn(cells, seed, self.table.n_repeats), share)

        return self._told(one, indices, names)

    def fingerprint(self) -> str:
        """A digest of the columns, and the settings."""
        digest = hashlib.sha256(self._setting.encode())
        for column in self._columns.values():
            digest.update(column.tobytes())
        return digest.hexdigest()

    def effort(self, indices: ArrayLike) -> Floats:
        """What a full training of cells (n,) costs, by the mean of all: as long as it took."""
        if self._mean_seconds is None:
            self._mean_seconds = float(np.nanmean(self._columns["train_time"], dtype=np.float64))
        cells, _ = self._checked(indices, ())
        return np.nan_to_num(pick(self._columns["train_time"], cells, "mean") / self._mean_seconds, nan=1.0)

    def _values(self, cells: Ints, names: Sequence[str]) -> Floats:
        return self._at_rung(cells, names, share=1.0)

    def _at_rung(self, cells: Ints, names: Sequence[str], *, share: float) -> Floats:
        return self._gather(cells, names, self._runs_of(cells), share)

    def _deviations(self, cells: Ints, names: Sequence[str]) -> Floats:
        """From the three runs, see ``moderated``; 0 for parameters.

        Of a single run it is that of the runs, of their mean it is smaller by the root of three.
        """
        shrink = np.sqrt(self.table.n_repeats) if self._repeat == "mean" else 1.0
        columns = [np.zeros(len(cells)) if name == "params" else self._deviation(name)[cells] for name in names]
        return np.stack(columns, axis=1, dtype=np.float64) / shrink

    def _at_hand(self, name: str) -> tuple[Ints, Floats, Floats]:
        return self._looked_up(self._cells if name != "params" else self._cells[:0], name)

    def _deviation(self, name: str) -> Singles:
        if name not in self._kept_deviations:
            freedom = np.full(len(self._cells), self.table.n_repeats - 1)
            runs = pick(self._columns[name], self._cells, None)
            scale = room(runs.mean(axis=1), self.quantities[name].best)
            squares = (runs / scale[:, None]).var(axis=1, ddof=1) * freedom
            found = np.full(len(load_space()), np.nan, dtype=np.float32)
            found[self._cells] = scale * np.sqrt(moderated(squares, freedom))
            self._kept_deviations[name] = found
        return self._kept_deviations[name]

    def __repr__(self) -> str:
        return f"NASBench101Backend({self.table!r}, repeat={self._repeat!r})"

    def _runs_of(self, cells: Ints) -> Ints | Literal["mean"]:
        if self._repeat == "mean":
            return "mean"
        if self._repeat == "random":
            return drawn(cells, self._seed, self.table.n_repeats)
        return np.full(len(cells), self._repeat)

    def _gather(self, cells: Ints, names: Sequence[str], runs: Ints | Literal["mean"], share: float) -> Floats:
        found: Mapping[str, NDArray[np.floating]] = self._columns
        if share < 1.0:
            epochs = round(share * self._epochs)
            found = {n: self.table.column(_METRIC.get(n, n), epochs=epochs) for n in names if n != "params"}
        columns = [
            load_space().params(cells, CIFAR10) if name == "params" else pick(found[name], cells, runs)
            for name in names
        ]
        return np.stack(columns, axis=1, dtype=np.float64)
