"""Predicted values of every cell: XGBoost and Gaussian process models of the EO HW-NAS table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.fronts import Quantity
from eomoo.models import Predictions, Quality, is_at_hand, joint_draws, read_record, shipped_folder, whole_space
from eomoo.objectives.base import Backend, errors_of, with_errors
from eomoo.space import load_space


class SurrogateBackend(Backend):
    """Predictions for every cell; a :class:`~eomoo.objectives.base.Backend`.

    Those that come with eomoo predict the EO HW-NAS table: accuracies and training times on So2Sat LCZ42
    (108 epochs on four A100), latency of a batch on one A100. Each accuracy is also there as
    ``NAME_error`` in per cent. Of a folder without predictions the first use computes the whole space,
    which takes some seconds; afterwards it is read from the user's cache.

    Args:
        folder: Where the models lie; by default those that come with eomoo.

    Source of the table: Demir, Traoré, Camero, ESANN 2024.
    """

    name = "surrogate"
    predicts = True

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = shipped_folder() if folder is None else Path(folder).resolve()
        self._record = read_record(self.folder)
        measured = {name: Quantity(**asdict(target)) for name, target in self._record.targets.items()}
        self.quantities, self._accuracy_of = with_errors(measured), errors_of(measured)
        self._predictions: Predictions | None = None

    @property
    def quality(self) -> Mapping[str, Mapping[str, Quality]]:
        """Quality on held-out cells as stored with the models, by target, then "by_walk" or "by_cell"."""
        return self._record.quality

    def fingerprint(self) -> str:
        """A digest of the models' record, which holds checksums of their files."""
        return hashlib.sha256(self._record.text.encode()).hexdigest()

    def _values(self, cells: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        every = self._all_cells()
        return np.stack([every.mean(name)[cells] for name in names], axis=1, dtype=np.float64)

    def _deviations(self, cells: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        """Of a measurement of these cells around the prediction."""
        every = self._all_cells()
        return np.stack([every.std(name)[cells] for name in names], axis=1, dtype=np.float64)

    def _ignorance(self, cells: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float64]:
        draws = joint_draws(self.folder, self._record, 1, seed=0)
        found = [draws.ignorance(name, *self._predicted(name, cells)) for name in names]
        return np.stack(found, axis=1)

    def _joint_draws(self, cells: NDArray[np.int64], names: Sequence[str], n: int, seed: int) -> NDArray[np.float64]:
        """Cells that are alike err alike, as the models' processes have it."""
        draws = joint_draws(self.folder, self._record, n, seed=seed)
        return np.stack([draws(name, cells, *self._predicted(name, cells)) for name in names], axis=2)

    def extrapolates(self, indices: ArrayLike) -> NDArray[np.bool_]:
        """Whether cells (n,) lie outside what was measured, (n,): no measured one has as many vertices."""
        return ~np.isin(load_space().n_vertices[self._checked(indices, ())[0]], self._record.vertices)

    def __repr__(self) -> str:
        return f"SurrogateBackend({', '.join(self._record.targets)})"

    def __deepcopy__(self, memo: dict[int, object]) -> SurrogateBackend:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (None if self.folder == shipped_folder() else self.folder,)

    def _predicted(self, name: str, cells: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and deviation (k,) of a target at cells (k,)."""
        every = self._all_cells()
        return every.mean(name)[cells].astype(np.float64), every.std(name)[cells].astype(np.float64)

    def _all_cells(self) -> Predictions:
        if self._predictions is None:
            if not is_at_hand(self._record):
                self.report(f"predicting every cell with the models in {self.folder}, once")
            self._predictions = whole_space(self.folder, self._record)
        return self._predictions
