"""Models fitted to a table: to the EO table, which gives the shipped ones, or to anybody's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eomoo.arrays import Floats
from eomoo.checks import choice
from eomoo.data.datasets import find, get_dataset
from eomoo.data.eo_table import EO_QUANTITIES, load_eo_table
from eomoo.data.measured_table import MeasuredTable
from eomoo.data.user_table import MOST_BYTES
from eomoo.files import sha256_of
from eomoo.models import EO_RECIPES, FAILED, LEAST_CELLS, Measurements, Models, Recipe, Target, fit_models, recipe_for
from eomoo.models.device import MOST_TIMED
from eomoo.models.model_files import check_target_names
from eomoo.models.recipes import device_recipe
from eomoo.objectives.measured_rows import MeasuredRows, rows_of
from eomoo.objectives.model_card import write_card
from eomoo.packages import pandas as pd
from eomoo.progress import Step, shown
from eomoo.space.features import FEATURE_KINDS

_DATASET = "eo-hwnas"
# What one device takes, by the name of its column.
_OF_DEVICES = ("latency", "energy")

_Progress = Callable[[int, int], None]


def load_measurements(folder: str | Path | None = None) -> Measurements:
    """The EO table as its models see it; by default its files are looked for."""
    return _eo_rows(folder).measurements(EO_RECIPES)


def _eo_rows(folder: str | Path | None) -> MeasuredRows:
    rows = rows_of(load_eo_table(folder), list(EO_RECIPES))
    described = {name: EO_QUANTITIES[name] for name in EO_RECIPES}
    targets = {name: Target(title=q.title, unit=q.unit, direction=q.direction) for name, q in described.items()}
    return replace(rows, targets=targets)


def refit(
    folder: str | Path | None = None, *, repeats: int = 3, advance: _Progress = lambda done, total: None
) -> Models:
    """Make the models from the EO table; the same versions of packages give the same bits.

    Args:
        folder: Where the EO table's files lie; by default they are looked for.
        repeats: Repetitions of the cross-validation; the models do not depend on it.
        advance: See ``fit_models``.
    """
    rows, place = _eo_rows(folder), find(_DATASET, folder)
    files = {file.name: sha256_of(place / file.name, max_size=MOST_BYTES) for file in get_dataset(_DATASET).files}
    # The published values stay with their authors, and what is known of the models where they are known by name.
    rows = replace(rows, files=files, skeleton=None)
    return _fitted(rows, EO_RECIPES, repeats=repeats, keep=False, advance=advance)


def fit_table(
    table: str | Path | pd.DataFrame | MeasuredTable,
    targets: str | Sequence[str] | None = None,
    *,
    units: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    encoding: str | None = None,
    repeats: int = 3,
    out: str | Path | None = None,
    on_progress: Callable[[Step], None] | None = None,
) -> Models:
    """Fit models to anybody's table (see ``read_user_table``), its cells held out by a column "walk".

    A cell that was measured several times counts by the mean, which tells the noise of a measurement. Where enough
    cells failed, and enough did not, the probability that a cell fails is one more target, ``failed``. Values that
    a column ``NAME_disturbed`` marks are left out. What a device takes (latency, energy) for up to 500 cells of a known
    skeleton is modelled by physics and a process (see ``models.device``).

    Args:
        table: CSV or Parquet file, a folder that holds one, a measured table or its folder, or a frame.
        targets: Columns to model; by default all that hold measured numbers.
        units: Units by target, where the names do not tell them.
        kinds: What targets are, one of "accuracy", "error", "time", "energy", "count", where unit and name do not tell.
        encoding: What models see of a cell: "17x17" as published, "one-hot" or "structural", for boosted trees alone;
            by default structural features, for a Gaussian process and trees.
        repeats: Repetitions of the cross-validation; the models do not depend on it.
        out: A folder for the models and a card that searches them.
        on_progress: Called with each step: folds done, of how many. A notebook shows a line.

    Raises:
        SettingError: (a ValueError) A target has fewer than 12 values or a name that no file can have, there is no such
            column, or it needs no model.
        DataError: (a ValueError) There is no such file, or a row of it is no cell.

    Examples:
        >>> cells = np.arange(0, 420_000, 15_000)
        >>> table = pd.DataFrame({"index": cells, "energy": 3e-8 * space.macs(cells)})
        >>> models = eomoo.fit_models(table, units={"energy": "mJ"}, repeats=1)
        >>> mean, std = models.predict([5, 76119])
        >>> mean.shape
        (2, 1)
    """
    if encoding is not None:
        choice("encoding", encoding, FEATURE_KINDS)
    rows = _with_failures(rows_of(table, targets, units=units, kinds=kinds))
    check_target_names(rows.targets)  # before minutes of fitting
    rows = _with_device_named(rows) if encoding is None else rows
    known = {name: values[np.isfinite(values)] for name, values in rows.values.items()}
    recipes = {
        name: device_recipe(rows.skeleton)
        if encoding is None and rows.skeleton is not None and _is_of_device(rows, name)
        else recipe_for(name, y, encoding=encoding, kind=rows.targets[name].told_kind(name))
        for name, y in known.items()
        if len(y)
    }
    with shown(on_progress, "fitting models") as tell:
        found = _fitted(
            rows, recipes, repeats=repeats, advance=lambda done, total: tell(Step(what="fits", done=done, total=total))
        )
    if out is not None:
        found.save(out)
        write_card(found, out)
    return found


def _is_of_device(rows: MeasuredRows, name: str) -> bool:
    """Whether a target is what networks of one skeleton take on one device, of not too many cells."""
    known = np.isfinite(rows.values[name])
    n = len(np.unique(rows.cells[known]))
    few_enough = rows.skeleton is not None and LEAST_CELLS <= n <= MOST_TIMED
    return name in _OF_DEVICES and few_enough and bool((rows.values[name][known] > 0).all())


def _with_device_named(rows: MeasuredRows) -> MeasuredRows:
    """Rows whose latency says of which device it is, and from how many timings."""
    targets = dict(rows.targets)
    for name in filter(rows.values.__contains__, _OF_DEVICES):
        n = len(np.unique(rows.cells[np.isfinite(rows.values[name])]))
        if rows.device and _is_of_device(rows, name):
            targets[name] = replace(targets[name], title=f"{name} on {rows.device}, from {n} timings")
    return replace(rows, targets=targets)


def _with_failures(rows: MeasuredRows) -> MeasuredRows:
    """Rows with one more target, whether a measurement failed, where that can be learnt."""
    if not rows.failed.any() or FAILED in rows.values:
        return rows
    failed, tried = failures_of(rows)
    # Fewer failures, or successes, teach nothing of which cells fail.
    if min(failed, tried - failed) < LEAST_CELLS:
        return rows
    told: Floats = np.where(rows.tried, rows.failed.astype(np.float64), np.nan)
    target = Target(title="probability of failure", direction="min", kind="error")
    return replace(rows, values={**rows.values, FAILED: told}, targets={**rows.targets, FAILED: target})


def failures_of(rows: MeasuredRows) -> tuple[int, int]:
    """How many cells failed, at least once, and how many were tried."""
    return len(np.unique(rows.cells[rows.failed])), len(np.unique(rows.cells[rows.tried]))


def _fitted(
    rows: MeasuredRows, recipes: Mapping[str, Recipe], *, repeats: int, advance: _Progress, keep: bool = True
) -> Models:
    measured = rows.measurements(recipes)
    found = fit_models(measured, targets=rows.targets, repeats=repeats, files=rows.files, keep=keep, advance=advance)
    failures = failures_of(rows) if rows.failed.any() else None
    return replace(found, skeleton=rows.skeleton, failures=failures, title=rows.title)
