"""The surrogates made from the EO table: fitted, their deviations calibrated, their quality measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eomoo.data.datasets import find, get_dataset
from eomoo.data.eo_table import load_eo_table
from eomoo.files import sha256_of
from eomoo.models.eo_models import Surrogates, fit_surrogates, space_scaling, with_spreads
from eomoo.models.model_files import Qualities, write_surrogates
from eomoo.models.quality import N_FOLDS, SCHEMES, HeldOut, Measurements, Quality, cross_validate, measure
from eomoo.models.recipes import TARGETS
from eomoo.space import load_space

__all__ = ["Refit", "load_measurements", "measure_quality", "n_fits", "refit"]

_DATASET = "eo-hwnas"


@dataclass(frozen=True, kw_only=True)
class Refit:
    """Surrogates with what they were made from.

    Attributes:
        surrogates: The models.
        data: The measured cells.
        quality: Quality on held-out cells by target, then scheme.
        checksums: SHA-256 of the data's files, by name.
    """

    surrogates: Surrogates
    data: Measurements
    quality: Qualities
    checksums: dict[str, str]

    def write(self, folder: str | Path) -> list[Path]:
        """Write the files that ``SurrogateBackend(folder)`` reads; see ``write_surrogates``."""
        return write_surrogates(folder, self.surrogates, self.data, self.quality, checksums=self.checksums)


def load_measurements(folder: str | Path | None = None) -> Measurements:
    """The EO table as the surrogates see it.

    Args:
        folder: Where its files lie; by default they are looked for.

    Raises:
        DataNotFoundError: The files are not on this machine.
        DataError: A file is damaged.
    """
    table = load_eo_table(folder)
    indices = table["index"].to_numpy(dtype=np.int64)
    return Measurements(
        indices=indices,
        walk=table["walk"].to_numpy(dtype=np.int64),
        features=load_space().features(indices).astype(np.float32),
        targets={name: table[name].to_numpy(dtype=np.float64) for name in TARGETS},
    )


def n_fits(repeats: int) -> int:
    """How often ``measure_quality`` fits all targets, for a progress bar."""
    return repeats * len(SCHEMES) * N_FOLDS


def measure_quality(
    data: Measurements, *, repeats: int, advance: Callable[[], None] = lambda: None
) -> tuple[dict[str, dict[str, Quality]], dict[str, HeldOut]]:
    """Cross-validate all targets by walk and by cell.

    Args:
        data: The measured cells.
        repeats: Repetitions, with the folds of seeds 0, 1, ...
        advance: Called after each of ``n_fits(repeats)`` fits.

    Returns:
        Quality by target, then scheme, and the held-out predictions by walk of the first repetition.
    """
    scaling = space_scaling()
    runs = {
        scheme: [
            cross_validate(data, scheme, seed=seed, scaling=scaling, advance=advance)
            for seed in range(repeats)
        ]
        for scheme in SCHEMES
    }
    quality = {
        name: {scheme: measure([run[name] for run in runs[scheme]]) for scheme in SCHEMES}
        for name in data.targets
    }
    return quality, runs["by_walk"][0]


def refit(
    folder: str | Path | None = None, *, repeats: int = 3, advance: Callable[[], None] = lambda: None
) -> Refit:
    """Make the surrogates from the EO table; the same versions of packages give the same bits.

    Deviations are scaled to the errors on walks that were held out.

    Args:
        folder: Where the EO table's files lie; by default they are looked for.
        repeats: Repetitions of the cross-validation; the models do not depend on it.
        advance: See ``measure_quality``.

    Raises:
        DataNotFoundError: The files are not on this machine.
        DataError: A file is damaged.
    """
    data = load_measurements(folder)
    place = find(_DATASET, folder)
    quality, held_out = measure_quality(data, repeats=repeats, advance=advance)
    # Rounded, since the last bits of a prediction depend on the processor.
    spreads = {name: float(f"{h.spread():.3g}") for name, h in held_out.items()}
    return Refit(
        surrogates=with_spreads(fit_surrogates(data.features, data.targets), spreads),
        data=data,
        quality=quality,
        checksums={file.name: sha256_of(place / file.name) for file in get_dataset(_DATASET).files},
    )
