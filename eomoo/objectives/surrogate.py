"""Predicted values of every cell: XGBoost and Gaussian process models of measured tables."""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Floats, Ints
from eomoo.checks import whole
from eomoo.errors import SettingError
from eomoo.models import (
    FAILED,
    SHIPPED,
    Predictions,
    Quality,
    check_files,
    error_of,
    is_at_hand,
    joint_draws,
    processes,
    read_record,
    shipped_folder,
    whole_space,
)
from eomoo.objectives.base import Backend, cost_by_name, errors_of, standard_normal, with_errors
from eomoo.space import CIFAR10, SO2SAT, Skeleton

_OF_EPOCHS = re.compile(r"(.+)_([0-9]{1,6})")


class SurrogateBackend(Backend):
    """Predictions for every cell; a :class:`~eomoo.objectives.base.Backend`.

    Those that come with eomoo predict the EO HW-NAS table: accuracies and training times on So2Sat LCZ42
    (108 epochs on four A100), latency of a batch on one A100; or, of 14,000 cells of NAS-Bench-101, validation
    accuracy on CIFAR-10 after 4, 12, 36 and 108 epochs and training time of 108. Each accuracy is also there as
    ``NAME_error`` in per cent. Of a folder without predictions the first use computes the whole space,
    which takes some seconds; afterwards it is read from the user's cache.

    Args:
        folder: Where the models lie; by default those that come with eomoo.
        data: Which of these, by the data that they were fitted to: "eo-hwnas" or "nb101-sample".
        epochs: ``NAME_EPOCHS`` is offered as ``NAME`` too: of models of several lengths of training, these.

    Attributes:
        quantities: What it offers, by name.
        folder: Where the models lie.

    Raises:
        SettingError: (a ValueError) No target is of so many epochs, or both a folder and data are given.

    Sources of the tables: Demir, Traoré, Camero, ESANN 2024; Ying et al., ICML 2019.
    """

    name = "surrogate"
    predicts = True
    cost = staticmethod(cost_by_name)

    def __init__(self, folder: str | Path | None = None, *, data: str | None = None, epochs: int | None = None) -> None:
        if folder is not None and data is not None:
            raise SettingError("models lie in a folder or come with eomoo: folder and data exclude each other")
        self.folder = shipped_folder(data or "eo-hwnas") if folder is None else Path(os.path.realpath(folder))
        self._epochs = None if epochs is None else whole("epochs", epochs, least=1)
        self._record = read_record(self.folder)
        # Here, and not after a search, once its front's uncertainty is asked for.
        check_files(self.folder, self._record, trees=False)
        self._target_of = self._find_targets()
        measured = {name: self._record.targets[t].quantity for name, t in self._target_of.items()}
        self.quantities, self._accuracy_of = with_errors(measured), errors_of(measured)
        self._predictions: Predictions | None = None
        self._told_of: set[str] = set()

    def _find_targets(self) -> dict[str, str]:
        """The models' targets by the name that they are offered by."""
        found = [(m[1], int(m[2]), m[0]) for m in map(_OF_EPOCHS.fullmatch, self._record.targets) if m]
        plain = {name: target for name, epochs, target in found if epochs == self._epochs}
        lengths = {epochs for _, epochs, _ in found}
        if self._epochs is not None and not plain:
            known = ", ".join(map(str, sorted(lengths)))
            there = f"there are {known}" if known else "they are of one length of training: leave epochs out"
            raise SettingError(f"no model in {self.folder} is of {self._epochs} epochs; {there}")
        # Shorter trainings are there where every dear target has models of them.
        dear = [name for name in plain if cost_by_name(name) == "dear"]
        shorter = [e for e in sorted(lengths) if all(f"{name}_{e}" in self._record.targets for name in dear)]
        self.rungs = (*(e / (self._epochs or 1) for e in shorter if 0 < e < (self._epochs or 0)), 1.0)
        return {name: name for name in self._record.targets} | plain

    @property
    def skeleton(self) -> Skeleton | None:
        """The network around the cells, of models that come with eomoo, or whose table told it."""
        return {shipped_folder("nb101-sample"): CIFAR10, shipped_folder(): SO2SAT}.get(
            self.folder, self._record.skeleton
        )

    @property
    def quality(self) -> Mapping[str, Mapping[str, Quality]]:
        """Quality on held-out cells as stored with the models, by target, then "by_walk" or "by_cell"."""
        return self._record.quality

    def notes(self) -> list[str]:
        """How far off predictions of a device are that were asked for."""
        told = {name: error_of(schemes) for name, schemes in self.quality.items() if name in self._told_of}
        return [f"{self._record.targets[name].title}: predicted; {words}" for name, words in told.items() if words]

    def fingerprint(self) -> str:
        """A digest of the models' record, which holds checksums of their files."""
        return hashlib.sha256(f"{self._record.text}{self._epochs or ''}".encode()).hexdigest()

    def _values(self, cells: Ints, names: Sequence[str]) -> Floats:
        self._told_of.update(names)
        return np.stack([self._predicted(name, cells)[0] for name in names], axis=1)

    def effort(self, indices: ArrayLike) -> Floats:
        """What a full training of cells (n,) costs, by that of a mean cell: its predicted time, where there is one."""
        cells, _ = self._checked(indices, ())
        if "train_time" not in self._target_of:
            return np.ones(len(cells))
        seconds = self._all_cells().mean(self._target_of["train_time"])
        return seconds[cells].astype(np.float64) / float(seconds.mean(dtype=np.float64))

    def is_measured(self, indices: ArrayLike) -> Bools:
        """Whether the models were fitted to cells (n,), (n,)."""
        return np.isin(self._checked(indices, ())[0], processes(self.folder, self._record).cells)

    def _measured(self, cells: Ints, names: Sequence[str]) -> Floats:
        models = processes(self.folder, self._record)
        order = np.argsort(models.cells)
        place = order[np.minimum(np.searchsorted(models.cells, cells, sorter=order), len(order) - 1)]
        here = models.cells[place] == cells
        nothing = np.full(len(models.cells), np.nan)
        return np.stack([np.where(here, models.measured.get(name, nothing)[place], np.nan) for name in names], axis=1)

    def _deviations(self, cells: Ints, names: Sequence[str]) -> Floats:
        """Of a measurement of these cells around the prediction."""
        return np.stack([self._predicted(name, cells)[1] for name in names], axis=1)

    def _ignorance(self, cells: Ints, names: Sequence[str]) -> Floats:
        draws = joint_draws(self.folder, self._record, 1, seed=0)
        found = [draws.ignorance(name, *self._predicted(name, cells)) for name in names]
        return np.stack(found, axis=1)

    def _joint_draws(self, cells: Ints, names: Sequence[str], n: int, seed: int) -> Floats:
        """Cells that are alike err alike, as the models' processes have it."""
        draws = joint_draws(self.folder, self._record, n, seed=seed)
        return np.stack([draws(name, cells, *self._predicted(name, cells)) for name in names], axis=2)

    def draw(self, indices: ArrayLike, names: Sequence[str], seed: int, *, share: float = 1.0) -> Floats:
        """As ``at_rung``, of one measurement of each cell: what is unknown is one joint draw, noise is each cell's."""
        return self._told(partial(self._drawn, seed=seed, share=share), indices, names)

    def _at_rung(self, cells: Ints, names: Sequence[str], *, share: float) -> Floats:
        return self._values(cells, self._shorter(names, share))

    def _shorter(self, names: Sequence[str], share: float) -> list[str]:
        """Targets after a share of the epochs; what does not depend on them stays."""
        epochs = round(share * (self._epochs or 0))
        shorter = [_OF_EPOCHS.sub(rf"\1_{epochs}", name) for name in names]
        return [new if new in self._record.targets else name for new, name in zip(shorter, names, strict=True)]

    def _drawn(self, cells: Ints, names: Sequence[str], *, seed: int, share: float) -> Floats:
        draws, found = joint_draws(self.folder, self._record, 1, seed=seed), np.empty((len(cells), len(names)))
        for k, name in enumerate(self._shorter(names, share)):
            own = standard_normal(cells, [seed, zlib.crc32(name.encode())])
            found[:, k] = draws(name, cells, *self._predicted(name, cells), noise=own[None])[0]
        return found

    def extrapolates(self, indices: ArrayLike) -> Bools:
        """Whether cells (n,) lie outside what was measured, (n,): of other operations, or far from all."""
        cells, _ = self._checked(indices, ())
        if self._record.domain.anywhere >= self._record.targets.keys():
            return np.zeros(len(cells), dtype=bool)
        return ~self._record.domain.has_operations(cells) | (self._all_cells().distance()[cells] > 1.0)

    def marks(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.str_]:
        """What lessens the worth of predictions, (n, len(names)): "" or words of ``models.applicability``."""
        cells, stored = self._checked(indices, names)
        values = {name: self._predicted(name, cells)[0] for name in stored}
        fails = self._predicted(FAILED, cells)[0] if FAILED in self._record.targets else np.zeros(len(cells))
        distance = self._all_cells().distance()[cells].astype(np.float64)
        found = self._record.domain.marks(cells, values, distance, fails=fails)
        return np.array([found[name] for name in stored], dtype=np.str_).reshape(len(stored), len(cells)).T

    def _checked(self, indices: ArrayLike, names: Sequence[str]) -> tuple[Ints, list[str]]:
        cells, stored = super()._checked(indices, names)
        return cells, [self._target_of[name] for name in stored]

    def __repr__(self) -> str:
        return f"SurrogateBackend({', '.join(self._record.targets)})"

    def __deepcopy__(self, memo: dict[int, object]) -> SurrogateBackend:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        shipped = next((data for data in SHIPPED if self.folder == shipped_folder(data)), None)
        where = {"folder": self.folder} if shipped is None else {"data": shipped}
        return partial(type(self), **where, epochs=self._epochs), ()

    def _predicted(self, name: str, cells: Ints) -> tuple[Floats, Floats]:
        """Mean and deviation (k,) of a target at cells (k,)."""
        every = self._all_cells()
        mean, std = every.mean(name)[cells].astype(np.float64), every.std(name)[cells].astype(np.float64)
        return (np.clip(mean, 0.0, 1.0) if name == FAILED else mean), std

    def _all_cells(self) -> Predictions:
        if self._predictions is None:
            if not is_at_hand(self._record):
                self.report(f"predicting every cell with the models in {self.folder}, once")
            self._predictions = whole_space(self.folder, self._record)
        return self._predictions
