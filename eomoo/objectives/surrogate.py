"""Predicted values of every cell: XGBoost and Gaussian process models of the EO HW-NAS table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.errors import SettingError
from eomoo.models.model_files import Qualities, read_record, shipped_folder
from eomoo.models.recipes import TARGETS
from eomoo.models.whole_space import Predictions, whole_space
from eomoo.objectives.base import Quantity, check_quantities, with_errors
from eomoo.objectives.table import EO_QUANTITIES
from eomoo.space.enumeration import N_CELLS

__all__ = ["SurrogateBackend"]

_MEASURED_VERTICES = 5


class SurrogateBackend:
    """Predictions for every cell; a :class:`~eomoo.objectives.base.Backend`.

    Accuracies and training times are those of the EO HW-NAS table (So2Sat LCZ42, 108 epochs on four
    A100), latency that of a batch on one A100. Each accuracy is also there as ``NAME_error`` in per
    cent. The first use computes the whole space, which takes some seconds; afterwards it is read from
    the user's cache.

    Args:
        folder: Where the models lie; by default those that come with eomoo.

    Attributes:
        quantities: What it offers, by name.
        total: True, every cell has values.
        folder: Where the models lie.

    Raises:
        DataNotFoundError: (a FileNotFoundError) The folder holds no surrogates.
        DataError: (a ValueError) The surrogates are damaged.

    Source of the table: Demir, Traoré, Camero, ESANN 2024.
    """

    quantities: Mapping[str, Quantity] = with_errors({name: EO_QUANTITIES[name] for name in TARGETS})
    total: bool = True

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = shipped_folder() if folder is None else Path(folder).resolve()
        self._record = read_record(self.folder)
        self._predictions: Predictions | None = None

    @property
    def quality(self) -> Qualities:
        """Quality on held-out cells as stored with the models, by target, then "by_walk" or "by_cell"."""
        return self._record.quality

    def values(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.float64]:
        """Predicted means of the named quantities for cells (n,), shape (n, len(names)), in their units.

        Raises:
            UnknownNameError: (a KeyError) There is no such quantity.
            SettingError: (a ValueError) An index is out of range.
        """
        cells = self._check(indices, names)
        means = self._all_cells().means
        out = np.empty((len(cells), len(names)))
        for k, name in enumerate(names):
            if name in means:
                out[:, k] = means[name][cells]
            else:
                out[:, k] = 100.0 * (1.0 - means[name.removesuffix("_error")][cells].astype(np.float64))
        return out

    def deviations(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.float64]:
        """Standard deviations of ``values``: of a measurement of these cells around the prediction."""
        cells = self._check(indices, names)
        deviations = self._all_cells().deviations
        out = np.empty((len(cells), len(names)))
        for k, name in enumerate(names):
            factor = 1.0 if name in deviations else 100.0
            out[:, k] = factor * deviations[name.removesuffix("_error")][cells].astype(np.float64)
        return out

    def extrapolates(self, indices: ArrayLike) -> NDArray[np.bool_]:
        """Whether cells (n,) lie outside what was measured, (n,): they have fewer than 5 vertices."""
        from eomoo.space import load_space

        outside: NDArray[np.bool_] = load_space().n_vertices[self._check(indices, ())] < _MEASURED_VERTICES
        return outside

    def __repr__(self) -> str:
        return f"SurrogateBackend({', '.join(TARGETS)})"

    def __deepcopy__(self, memo: dict[int, Any]) -> SurrogateBackend:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (None if self.folder == shipped_folder() else self.folder,)

    def _all_cells(self) -> Predictions:
        if self._predictions is None:
            self._predictions = whole_space(self.folder, self._record)
        return self._predictions

    def _check(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.int64]:
        check_quantities(names, self.quantities, backend="surrogate")
        cells = np.atleast_1d(np.asarray(indices))
        if cells.size and cells.dtype.kind not in "iu":
            raise SettingError(f"a cell's index is a whole number; got {cells.dtype} values")
        if cells.size and (cells.min() < 0 or cells.max() >= N_CELLS):
            bad = cells[(cells < 0) | (cells >= N_CELLS)][0]
            raise SettingError(f"no cell has the index {bad}; indices run from 0 to {N_CELLS - 1:,}")
        return cells.astype(np.int64)
