"""Values from NAS-Bench-101's table: CIFAR-10 results of every cell, with the noise of their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eomoo.data.nasbench101 import NASBench101Table, pick
from eomoo.errors import SettingError
from eomoo.objectives.base import Quantity, check_quantities, with_errors
from eomoo.space import CIFAR10, load_space

__all__ = ["NB101_QUANTITIES", "NASBench101Backend"]

_METRIC = {
    "val_accuracy": "validation_accuracy",
    "test_accuracy": "test_accuracy",
    "train_accuracy": "train_accuracy",
    "train_time": "training_time",
}

NB101_QUANTITIES: Mapping[str, Quantity] = with_errors(
    {
        "val_accuracy": Quantity(title="validation accuracy", unit="fraction", direction="max"),
        "test_accuracy": Quantity(title="test accuracy", unit="fraction", direction="max"),
        "train_accuracy": Quantity(title="training accuracy", unit="fraction", direction="max"),
        "train_time": Quantity(title="training time", unit="s", direction="min"),
        "params": Quantity(title="parameters", unit="", direction="min"),
    }
)
"""What the table tells of a cell: val_accuracy, val_accuracy_error (per cent), and so on."""


class NASBench101Backend:
    """NAS-Bench-101's table; a :class:`~eomoo.objectives.base.Backend` of all cells.

    Args:
        table: The table, or the path of a converted file; by default it is looked for.
        epochs: For how many epochs the networks were trained: 108, or 4, 12 or 36 as a cheaper look.
        halfway: Values after half of these epochs.
        repeat: "mean" of the three runs of a cell; "random", one of them, drawn for each cell by
            `seed`, so that a search meets the noise of real training; or 0, 1 or 2.
        seed: For "random". A cell keeps its run within a seed, in whatever order and however often
            it is evaluated, and gets another draw with another seed.

    Attributes:
        quantities: What it offers, by name.
        known: Indices of the cells that have values, sorted.
        total: Whether all have, as in NAS-Bench-101's own files.
        skeleton: The network around the cells.

    Raises:
        DataNotFoundError: The table is not on this machine; the text says how to make it.
        SettingError: (a ValueError) There are no runs of so many epochs, or `repeat` is unknown.
    """

    skeleton = CIFAR10

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
            raise SettingError(f'repeat is "mean", "random", 0, 1 or 2; got {repeat!r}')
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise SettingError(f"seed is a whole number from 0 up; got {seed!r}")
        self.quantities: Mapping[str, Quantity] = NB101_QUANTITIES
        self._columns = {
            name: self.table.column(metric, epochs=epochs, halfway=halfway)
            for name, metric in _METRIC.items()
        }
        self.known: NDArray[np.int64] = np.flatnonzero(np.isfinite(self._columns["train_time"]).all(axis=1))
        self.total: bool = len(self.known) == len(self.table)
        self._repeat, self._seed = repeat, seed

    def values(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Values of the named quantities for cells (n,), shape (n, len(names)), in their own units.

        Raises:
            UnknownNameError: (a KeyError) No such quantity.
            SettingError: (a ValueError) An index is out of range.
        """
        cells = self._checked(indices, names)
        return self._gather(cells, names, self._runs_of(cells))

    def draw(self, indices: NDArray[np.int64], names: Sequence[str], seed: int) -> NDArray[np.float64]:
        """As ``values``, of one of its runs for each cell, whatever `repeat` is: the noise of the data."""
        cells = self._checked(indices, names)
        return self._gather(cells, names, _drawn(cells, seed, self.table.n_repeats))

    def deviations(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Standard deviations of ``values``, same shape, from the three runs; 0 for parameters.

        Of a single run it is that of the runs, of their mean it is smaller by the root of three.
        """
        cells = self._checked(indices, names)
        shrink = np.sqrt(self.table.n_repeats) if self._repeat == "mean" else 1.0
        out = np.zeros((len(cells), len(names)))
        for k, name in enumerate(names):
            if name != "params":
                scale = 1.0 if name in self._columns else 100.0
                column = self._columns[name if scale == 1.0 else name.removesuffix("_error")]
                out[:, k] = scale / shrink * pick(column, cells, None).std(axis=1, ddof=1)
        return out

    def seconds(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """What evaluating cells (n,) would have cost: seconds of training of the runs that are told of."""
        cells = self._checked(indices, ())
        column = self._columns["train_time"]
        if self._repeat == "mean":
            return np.asarray(pick(column, cells, None).sum(axis=1))
        return pick(column, cells, self._runs_of(cells))

    def __repr__(self) -> str:
        return f"NASBench101Backend({self.table!r}, repeat={self._repeat!r})"

    def _checked(self, indices: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.int64]:
        check_quantities(names, self.quantities, backend="nasbench101")
        return np.atleast_1d(load_space().check(indices))

    def _runs_of(self, cells: NDArray[np.int64]) -> NDArray[np.int64] | Literal["mean"]:
        if self._repeat == "mean":
            return "mean"
        if self._repeat == "random":
            return _drawn(cells, self._seed, self.table.n_repeats)
        return np.full(len(cells), self._repeat)

    def _gather(
        self, cells: NDArray[np.int64], names: Sequence[str], runs: NDArray[np.int64] | Literal["mean"]
    ) -> NDArray[np.float64]:
        out = np.empty((len(cells), len(names)))
        for k, name in enumerate(names):
            if name == "params":
                out[:, k] = load_space().params(cells, CIFAR10)
            elif name in self._columns:
                out[:, k] = pick(self._columns[name], cells, runs)
            else:
                accuracy = pick(self._columns[name.removesuffix("_error")], cells, runs)
                out[:, k] = 100.0 * (1.0 - accuracy)
        return out


def _drawn(cells: NDArray[np.int64], seed: int, n: int) -> NDArray[np.int64]:
    """A number below n for each cell, by a mixing function of seed and cell (SplitMix64)."""
    key = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    x = (cells.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) ^ key
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x ^ (x >> np.uint64(31))) % np.uint64(n), dtype=np.int64)
