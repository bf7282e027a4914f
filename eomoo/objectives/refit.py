"""Models fitted to a table: to the EO table, which gives the shipped ones, or to anybody's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eomoo.checks import choice, known_name
from eomoo.data.datasets import find, get_dataset
from eomoo.data.eo_table import EO_QUANTITIES, load_eo_table
from eomoo.data.user_table import MOST_BYTES, is_target, read_user_table, target_columns
from eomoo.errors import DataError, SettingError
from eomoo.files import sha256_of, write_text
from eomoo.fronts import Quantity
from eomoo.models import EO_RECIPES, Measurements, Models, Target, fit_models, recipe_for
from eomoo.objectives.analytic import AnalyticBackend
from eomoo.objectives.base import errors_of, with_errors
from eomoo.objectives.card import TAKEN_NAMES
from eomoo.space import load_space
from eomoo.space.features import FEATURE_KINDS

if TYPE_CHECKING:
    import pandas as pd


_DATASET = "eo-hwnas"


def load_measurements(folder: str | Path | None = None) -> Measurements:
    """The EO table as its models see it; by default its files are looked for."""
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
    """
    data = load_measurements(folder)
    place = find(_DATASET, folder)
    quantities = {name: EO_QUANTITIES[name] for name in EO_RECIPES}
    return fit_models(
        data,
        targets={name: Target(title=q.title, unit=q.unit, direction=q.direction) for name, q in quantities.items()},
        repeats=repeats,
        files={file.name: sha256_of(place / file.name, max_size=MOST_BYTES) for file in get_dataset(_DATASET).files},
        advance=advance,
    )


def fit_table(
    table: str | Path | pd.DataFrame,
    targets: Sequence[str] | None = None,
    *,
    units: Mapping[str, str] | None = None,
    encoding: str | None = None,
    repeats: int = 3,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Models:
    """Fit models to anybody's table (see ``read_user_table``), its cells held out by a column "walk".

    Args:
        table: CSV or Parquet file, a folder that holds one, or a frame with a column "index".
        targets: Columns to model; by default all that hold measured numbers.
        units: Units by target, where the names do not tell them.
        encoding: What models see of a cell: "17x17" as published, "one-hot" or "structural", for boosted trees alone;
            by default structural features, for a Gaussian process and trees.
        repeats, advance: See ``fit_models``.

    Raises:
        SettingError: A target has fewer than 20 values, or a frame lacks a column.
    """
    files: dict[str, str] = {}
    if isinstance(table, str | Path):
        path = _table_in(Path(table))
        wanted = list(targets) if targets else target_columns(path)
        try:
            read = read_user_table(path, [*wanted, "walk"])
        except DataError:
            # No walks, or whatever else is wrong with the table, which is then said again.
            read = read_user_table(path, wanted)
        indices, columns, files = read.indices, dict(read.columns), {path.name: sha256_of(path, max_size=MOST_BYTES)}
    else:
        wanted = list(targets) if targets else [c for c in map(str, table.columns) if is_target(c, table[c])]
        for name in ("index", *wanted):
            known_name("column", name, [*map(str, table.columns)], error=SettingError)
        indices = load_space().check(table["index"].to_numpy())
        columns = {name: table[name].to_numpy() for name in (*wanted, *table.columns.intersection(["walk"]))}
    walk, chosen = columns.pop("walk", None), {}
    for name in units or ():
        known_name("target", name, wanted, error=SettingError)
    described = {name: Target.named(name, columns[name]) for name in wanted}
    if encoding is not None:
        choice("encoding", encoding, FEATURE_KINDS)
        known = {name: columns[name][np.isfinite(columns[name])] for name in wanted}
        chosen = {name: recipe_for(name, y, encoding=encoding) for name, y in known.items() if len(y)}
    return fit_models(
        Measurements.of(indices, {name: columns[name] for name in wanted}, walk=walk, recipes=chosen),
        targets={
            name: replace(target, unit=(units or {}).get(name, target.unit)) for name, target in described.items()
        },
        repeats=repeats,
        files=files,
        advance=advance,
    )


def _table_in(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted(p for p in path.iterdir() if p.name.endswith((".csv", ".csv.gz", ".parquet", ".pq")))
    if len(found) != 1:
        raise DataError(
            f"{path} holds {len(found)} tables ({', '.join(p.name for p in found) or 'none'}); "
            "name the one that is meant"
        )
    return found[0]


def write_card(models: Models, folder: str | Path) -> Path:
    """Write a problem card of models beside them: their first error and their first cost, minimised.

    A cost is what is no accuracy. Where there is none, or no accuracy, parameters take its place.

    Returns:
        The file ``card.toml``.
    """
    measured = {name: Quantity(**asdict(target)) for name, target in models.targets.items()}
    offered, errors = with_errors(measured), errors_of(measured)
    accuracies = [name for name, q in measured.items() if q.larger_is_better]
    first = next((k for k, name in errors.items() if name in accuracies), next(iter(accuracies), None))
    cost = next((name for name in measured if name not in accuracies), None)
    lines = [
        'title = "Predictions of measured cells"',
        f"# The models offer {', '.join(offered)}.",
        'citation = ""',
        "budget = 500",
    ]
    for name in (first, cost):
        source, quantity = (".", offered[name]) if name else ("", AnalyticBackend.quantities["params"])
        plain = re.sub(r"\W", "_", name or "params")
        facts = {
            "name": plain if plain.isidentifier() and plain not in TAKEN_NAMES else f"predicted_{plain}",
            "title": quantity.title,
            "unit": quantity.unit,
            "direction": quantity.direction,
            "source": f"surrogate:{source}" if source else "analytic",
            "quantity": name or "params",
        }
        lines += ["", "[[objectives]]", *(f"{key} = {json.dumps(value)}" for key, value in facts.items())]
    path = Path(folder) / "card.toml"
    write_text(path, "\n".join(lines) + "\n")
    return path
