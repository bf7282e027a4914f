"""Joint draws of what models do not know, for as many cells as one likes, block by block."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Floats, Ints, blocks
from eomoo.models.cell_models import CellModels
from eomoo.models.model_files import read_processes
from eomoo.models.record import Record
from eomoo.space import load_space

# Cells whose features are made at a time: those of the whole space take half a gigabyte.
_BLOCK = 1 << 14


class JointDraws:
    """Draws of the expected values of cells around predictions that are at hand, such as those of the whole space.

    They are those of ``CellModels.draw``, without asking the models for means again. A cell has the same
    draws in whatever company it is asked for, so that fronts of drawn values can be found in blocks.

    Args:
        models: The models, as ``load_models`` reads them, or without their trees, as ``read_processes`` does.
    """

    def __init__(self, models: CellModels, n: int, *, seed: int) -> None:
        seeds = np.random.SeedSequence(seed).generate_state(len(models.parts))
        self._n = n
        self._place = {
            name: (part.model, k, int(s))
            for part, s in zip(models.parts, seeds, strict=True)
            for k, name in enumerate(part.names)
        }
        self._errors: dict[str, Callable[[NDArray[np.float32]], Floats]] = {}

    def __call__(
        self, name: str, cells: Ints, mean: Floats, deviation: Floats, *, noise: Floats | None = None
    ) -> Floats:
        """Draws (n, k) of a target at cells (k,) with these predicted means and deviations (k,).

        With standard normal numbers (n, k) for noise, of single measurements.
        """
        model, k, seed = self._place[name]
        if name not in self._errors:
            self._errors[name] = model.errors(k, self._n, seed=seed)
        parts = [cells[here] for here in blocks(len(cells), _BLOCK)] or [cells]
        found = [self._errors[name](load_space().features(part).astype(np.float32)) for part in parts]
        return model.around(k, mean, deviation, np.concatenate(found, axis=1), noise=noise)

    def ignorance(self, name: str, mean: Floats, deviation: Floats) -> Floats:
        """Standard deviations (k,) of a target's expected values where means and deviations (k,) were predicted."""
        model, k, _ = self._place[name]
        return model.ignorance(k, mean, deviation)


# A few are in use at a time: single draws for deviations, hundreds for a front, with a megabyte each.
@lru_cache(maxsize=4)
def joint_draws(folder: Path, record: Record, n: int, *, seed: int) -> JointDraws:
    """Joint draws of the models in a folder, of which ``read_record`` said this; the trees are not read.

    Raises:
        DataNotFoundError: (a FileNotFoundError) A file is missing.
        DataError: (a ValueError) A file is damaged, or of other models.
    """
    return JointDraws(processes(folder, record), n, seed=seed)


@lru_cache(maxsize=4)
def processes(folder: Path, record: Record) -> CellModels:
    """The models in a folder, of which ``read_record`` said this, without their trees; read once."""
    return read_processes(folder)
