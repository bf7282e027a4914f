"""Cheap quantities that only a device can tell: measured of some cells, predicted of all others from these."""

from __future__ import annotations

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.errors import SettingError
from eomoo.models.device import LEAST_TIMED, fit_device
from eomoo.models.recipes import device_recipe
from eomoo.search.costs import Costs
from eomoo.search.problem import CellProblem
from eomoo.search.trainings import Log

# A search predicts the whole space after every timing: from more of them that takes longer than 4 s.
MOST_TIMED = 100


class Timed:
    """Cells that were timed, in order, and a device's model of each quantity (see ``models.device``).

    Args:
        costs: Which of its objectives and then its limited quantities are timed.
        log: Where timings are kept as they were seen, since a device is never twice the same.

    Attributes:
        cells: (n,) those that were timed.
        values: (n, k) raw values; NaN where there is none.
        disturbed: (n, k) bool, values that are no surer than a prediction, since something disturbed the timing.
    """

    def __init__(self, problem: CellProblem, costs: Costs, log: Log) -> None:
        self._problem, self._costs, self._columns, self._log = problem, costs, np.flatnonzero(costs.timed), log
        self._names = [costs.names[k] for k in self._columns]
        self.cells: Ints = np.empty(0, dtype=np.int64)
        self.values: Floats = np.empty((0, len(self._columns)))
        self.disturbed: Bools = np.empty(self.values.shape, dtype=bool)

    def measure(self, cells: Ints) -> bool:
        """Time those of the cells (n,) that were not yet, all together; whether there were any."""
        new = cells[~np.isin(cells, self.cells)]
        if not len(new) or not len(self._columns):
            return False
        seen = self._log.recall("timed", len(self.cells))
        if seen is None or seen["cells"] != new.tolist():
            values = self._problem.some_values(new, self._columns.tolist())
            seen = {"cells": new.tolist(), "values": [[v if v == v else None for v in row] for row in values.tolist()]}
            seen["disturbed"] = self._costs.disturbed(new).tolist()
            self._log.note("timed", len(self.cells), seen)
        self.cells = np.concatenate((self.cells, new))
        values = np.array(seen["values"], dtype=np.float64)
        disturbed = np.array(seen.get("disturbed", np.zeros(values.shape)), dtype=bool)
        self.values, self.disturbed = np.concatenate((self.values, values)), np.concatenate((self.disturbed, disturbed))
        return True

    def known(self, cells: Ints) -> Bools:
        """(n,) which of the cells were timed."""
        return np.isin(cells, self.cells)

    def of(self, cell: int) -> Floats:
        """(k,) values of a cell that was timed."""
        return np.asarray(self.values[np.flatnonzero(self.cells == cell)[0]])

    def predict(self, cells: Ints) -> tuple[Floats, Floats]:
        """Raw values (n, k) and their deviations: 0 where they were timed, NaN values where nothing came of it.

        What something disturbed has the deviation of a prediction, and the model is not told of it as long as it is
        of others.

        Raises:
            SettingError: (a ValueError) Too few timings gave positive numbers.
        """
        mean, std = np.empty((len(cells), len(self._columns))), np.empty((len(cells), len(self._columns)))
        if not len(self._columns):
            return mean, std
        space, features = self._problem.space, self._problem.space.features(cells)
        at = np.full(len(space), -1, dtype=np.int64)
        at[self.cells] = np.arange(len(self.cells))
        rows = at[cells]
        for j, values in enumerate(self.values.T):
            quiet = np.flatnonzero((values > 0) & ~self.disturbed[:, j])
            fine = (quiet if len(quiet) >= LEAST_TIMED else np.flatnonzero(values > 0))[-MOST_TIMED:]
            if len(fine) < LEAST_TIMED:
                found = f"{self._names[j]} was measured of {len(fine)} of {len(values)} cells"
                raise SettingError(f"{found}, too few to tell that of others")
            model = fit_device(device_recipe(self._problem.skeleton), space.features(self.cells[fine]), values[fine])
            mean[:, j], std[:, j] = (found[:, 0] for found in model.predict_and_place(features)[:2])
            mean[rows >= 0, j] = values[rows[rows >= 0]]
            std[(rows >= 0) & ~self.disturbed[rows, j], j] = 0.0
        return mean, std
