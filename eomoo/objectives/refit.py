"""Models fitted to a table: to the EO table, which gives the shipped ones, or to anybody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from eomoo.data.datasets import find, get_dataset
from eomoo.data.eo_table import load_eo_table
from eomoo.files import sha256_of
from eomoo.models import EO_RECIPES, Measurements, Models, Target, fit_models
from eomoo.objectives.table import EO_QUANTITIES

__all__ = ["load_measurements", "refit"]

_DATASET = "eo-hwnas"


def load_measurements(folder: str | Path | None = None) -> Measurements:
    """The EO table as its models see it.

    Args:
        folder: Where its files lie; by default they are looked for.

    Raises:
        DataNotFoundError: The files are not on this machine.
        DataError: A file is damaged.
    """
    table = load_eo_table(folder)
    return Measurements.of(
        table["index"].to_numpy(dtype=np.int64),
        {name: table[name].to_numpy(dtype=np.float64) for name in EO_RECIPES},
        walk=table["walk"].to_numpy(dtype=np.int64),
        recipes=EO_RECIPES,
    )


def refit(
    folder: str | Path | None = None,
    *,
    repeats: int = 3,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Models:
    """Make the models from the EO table; the same versions of packages give the same bits.

    Args:
        folder: Where the EO table's files lie; by default they are looked for.
        repeats: Repetitions of the cross-validation; the models do not depend on it.
        advance: See ``fit_models``.

    Raises:
        DataNotFoundError: The files are not on this machine.
        DataError: A file is damaged.
    """
    data = load_measurements(folder)
    place = find(_DATASET, folder)
    quantities = {name: EO_QUANTITIES[name] for name in EO_RECIPES}
    return fit_models(
        data,
        targets={
            name: Target(title=q.title, unit=q.unit, direction=q.direction) for name, q in quantities.items()
        },
        repeats=repeats,
        files={file.name: sha256_of(place / file.name) for file in get_dataset(_DATASET).files},
        advance=advance,
    )
