"""Models as a user holds them, and as files: XGBoost's UBJSON, the rest as JSON, and the record of them."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eomoo import notebook
from eomoo.arrays import Booster, Facts, Ints, to_digits
from eomoo.checks import counted, explained, short
from eomoo.errors import DataError, DataNotFoundError, EomooError, SettingError
from eomoo.files import atomic_path, read_bytes, sha256_of, write_text
from eomoo.models.cell_models import CellModels, Part
from eomoo.models.deviations import Law
from eomoo.models.device import DeviceModel
from eomoo.models.gaussian_process import Kernel
from eomoo.models.recipes import Recipe
from eomoo.models.record import AGAIN, MAX_SIZE, RECORD_FILE, Record, read_record, record_text
from eomoo.models.regression import Model
from eomoo.models.scaling import NUMBERS_FILE, SHIPPED, Scaling, selected, shipped_folder
from eomoo.models.trees import Trees
from eomoo.models.usefulness import use_of
from eomoo.packages import pandas as pd
from eomoo.plots import number
from eomoo.space import Skeleton, load_space
from eomoo.space.enumeration import N_CELLS
from eomoo.space.features import feature_names

PREDICTIONS_FILE = "predictions.npz"
# Predictions of thirty targets, uncompressed, have 0.1 GB; the shipped boosters 0.1 MB each.
MOST_BYTES = 1 << 30
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_N_REFERENCES = 16
# In deviations. Another xgboost's rounding gives 1e-6; a base score that was misread gave 0.2 and more.
_TOLERANCE = 1e-3
# Seconds of the processor, and of the clock: reading and asking models takes 5 of it, and took 67 on a busy machine.
_PATIENCE, _LONGEST = 60, 600.0
# What a process of its own does with a folder: without scikit-learn, which XGBoost imports for its own estimators only.
_TRY = (
    "import sys; folder, *sys.path = sys.argv[1:]; sys.modules['sklearn'] = None\n"
    "from eomoo.models.model_files import _load_or_tell\n_load_or_tell(folder)"
)
# Address space of that process: reading the shipped models takes 1 GB of it, most of which is never touched.
_MEMORY = 3 << 30
_FACTS = ("mean", "std", "noise", "slow_share", "slow_factor", "spread")
_DEVICE_FACTS = ("base", "odds", "weights")
# Of a recipe, what files of models that have no use for it lack.
_LATER = ("device_of", "each_operation")


def check_target_names(names: Iterable[str]) -> None:
    """Refuse targets whose names cannot be those of files by a SettingError."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise SettingError(f"a target is named by at most 80 letters, digits, '_', '-' and '.'; got {short(name)}")


class Models(CellModels):
    """Models of named targets, asked by cell; see :class:`CellModels` for what they hold."""

    def check(self) -> pd.DataFrame:
        """How well cells were predicted that the models had not seen: a row for each target and scheme.

        Columns: target, unit, held_out ("by_walk", "by_cell", "by_operations") and those of ``Quality`` but groups.
        """
        rows = [
            {"target": name, "unit": self.targets[name].unit, "held_out": scheme, **asdict(quality)}
            for name, schemes in self.quality.items()
            for scheme, quality in schemes.items()
        ]
        return pd.DataFrame(rows).drop(columns="groups", errors="ignore")

    def __repr__(self) -> str:
        return f"Models({', '.join(self.targets)}; {counted(len(self.cells), 'measured cell')})"

    def _repr_html_(self) -> str:
        first = {name: next(iter(schemes.values())) for name, schemes in self.quality.items()}
        rows = [
            (name, self.targets[name].unit, f"{q.spearman:.3f}", f"{100 * q.coverage:.1f} %", number(q.rmse))
            for name, q in first.items()
        ]
        uses = (f"{name}: {use_of(self.quality[name], self.domain.ranges[name])}." for name in first)
        shown = notebook.table(["held-out cells", "unit", "Spearman", "within two deviations", "RMSE"], rows)
        return notebook.to_html(repr(self), *([shown] if rows else []), *uses)

    def save(self, folder: str | Path) -> list[Path]:
        """Write the models to a folder, which a problem card names as ``source = "surrogate:FOLDER"``.

        There are one UBJSON file a target, a JSON file and a TOML file; files of these names are replaced.

        Returns:
            The files.

        Raises:
            SettingError: A target's name cannot be that of a file.
            DataError: A file cannot be written.
        """
        folder = Path(folder)
        check_target_names(self.targets)
        boosters = {
            name: booster
            for part in self.parts
            if isinstance(part.model, Model)
            for name, booster in zip(part.names, part.model.boosters, strict=True)
        }
        paths = []
        for name, booster in boosters.items():
            paths.append(folder / f"{name}.ubj")
            with atomic_path(paths[-1]) as temporary:
                temporary.write_bytes(bytes(booster.save_raw("ubj")))
        paths.append(folder / NUMBERS_FILE)
        write_text(paths[-1], _numbers_text(self))
        # Last, since it vouches for the others.
        paths.append(folder / RECORD_FILE)
        write_text(paths[-1], record_text(self, {path.name: sha256_of(path) for path in paths[:-1]}))
        return paths


def _numbers_text(models: CellModels) -> str:
    content: Facts = {
        "cells": models.cells.tolist(),
        "features": list(feature_names("structural")),
        "feature_means": models.scaling.mean.tolist(),
        "feature_stds": models.scaling.std.tolist(),
    }
    for k, part in enumerate(models.parts):
        content[f"part_{k}"] = {
            "targets": part.names,
            "recipe": {k: v for k, v in asdict(part.model.recipe).items() if k not in _LATER or v},
            "cells": None if np.array_equal(part.cells, models.cells) else part.cells.tolist(),
            **_facts_of(part),
        }
    if models.measured:
        content["measured"] = {
            name: [v if np.isfinite(v) else None for v in values.tolist()] for name, values in models.measured.items()
        }
    cells = np.linspace(0, N_CELLS - 1, _N_REFERENCES).astype(np.int64)
    mean, std = models.predict(cells)
    content["references"] = {
        "cells": cells.tolist(), "mean": to_digits(mean, 7).tolist(), "std": to_digits(std, 7).tolist()
    }  # fmt: skip
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _facts_of(part: Part) -> Facts:
    """The numbers of a part's model."""
    model = part.model
    if isinstance(model, DeviceModel):
        return {fact: getattr(model, fact).tolist() for fact in _DEVICE_FACTS}
    return {
        "n_train": model.n_train,
        "reach": part.reach,
        "growth": part.growth.tolist(),
        **{fact: getattr(model, fact).tolist() for fact in _FACTS},
        "level": model.law.level.tolist(),
        "slopes": model.law.slopes.tolist(),
        "weights": model.weights.T.tolist(),
    } | ({} if model.repeats is None else {"repeats": model.repeats.tolist()})


def load_models(folder: str | Path) -> Models:
    """Read models from a folder, and check that they predict what they predicted when they were written.

    Those that did not come with eomoo are read and asked by another process first: XGBoost can die of a
    file that is not its own.

    Raises:
        DataNotFoundError: (a FileNotFoundError) A file is missing.
        DataError: (a ValueError) A file is damaged or belongs to other models, or this xgboost reads it otherwise.

    Examples:
        >>> from eomoo.models import shipped_folder
        >>> models = eomoo.load_models(shipped_folder())
        >>> "latency" in models.targets
        True
    """
    folder = Path(folder)
    record = read_record(folder)
    trees = any(name.endswith(".ubj") for name in record.files)
    if trees and folder.resolve() not in map(shipped_folder, SHIPPED):
        # The other process would say the same, seconds later.
        check_files(folder, record)
        _try_elsewhere(folder)
    return _load(folder)


def read_processes(folder: str | Path) -> Models:
    """Read models without their trees, which is quick and safe: they draw errors, and predict nothing."""
    return _load(Path(folder), trees=False)


def check_files(folder: Path, record: Record, *, trees: bool = True) -> None:
    """Raise DataError (a ValueError) unless the models' files, or those without trees, are the recorded ones."""
    for name, wanted in record.files.items():
        if (trees or name == NUMBERS_FILE) and sha256_of(folder / name, max_size=MOST_BYTES) != wanted:
            other = f"{folder / name} is not the file that {RECORD_FILE} beside it describes"
            raise DataError(f"{other}; copy the folder again, or fit the models again")


def _load(folder: Path, *, trees: bool = True) -> Models:
    record = read_record(folder)
    check_files(folder, record, trees=trees)
    content = read_bytes(folder / NUMBERS_FILE, max_size=MAX_SIZE)
    with explained(f"the folder of models {folder}", "is damaged", AGAIN):
        numbers = json.loads(content)
        if tuple(numbers["features"]) != feature_names("structural"):
            raise DataError(f"the models in {folder} were made for other features; fit them again")
        scaling, cells = Scaling.of_numbers(numbers), np.array(numbers["cells"], dtype=np.int64)
        own = [facts for key, facts in numbers.items() if key.startswith("part_")]
        models = Models(
            **record.facts,
            cells=cells,
            parts=tuple(_part(folder, facts, cells, scaling, trees=trees) for facts in own),
            scaling=scaling,
            measured={name: np.array(y, dtype=np.float64) for name, y in numbers.get("measured", {}).items()},
        )
        if trees:
            _check_references(models, numbers["references"], folder, record)
    return models


def _part(folder: Path, facts: Mapping[str, Any], cells: Ints, scaling: Scaling, *, trees: bool) -> Part:
    names = tuple(facts["targets"])
    recipe = _recipe(facts["recipe"])
    own = cells if facts["cells"] is None else np.array(facts["cells"], dtype=np.int64)
    if recipe.device_of is not None:
        numbers = {fact: np.array(facts[fact], dtype=np.float64) for fact in _DEVICE_FACTS}
        device = DeviceModel(recipe=recipe, features=load_space().features(own).astype(np.float32), **numbers)
        return Part(names=names, cells=own, model=device, reach=1.0, growth=np.ones(1))
    if recipe.kernel is None:
        part_scaling, known = None, np.empty((0, 0))
    else:
        part_scaling = scaling.of(recipe.columns)
        known = part_scaling(selected(load_space().features(own), recipe.columns))
    model = Model(
        recipe=recipe,
        boosters=tuple(_booster(folder / f"{name}.ubj") for name in names) if trees else (),
        scaling=part_scaling,
        known=known,
        weights=np.array(facts["weights"], dtype=np.float64).reshape(len(names), -1).T,
        rows=np.arange(len(own)),
        spearman=np.full(len(names), np.nan),
        n_train=int(facts["n_train"]),
        law=Law(level=np.array(facts["level"]), slopes=np.array(facts["slopes"])),
        repeats=np.array(facts["repeats"]) if "repeats" in facts else None,
        **{fact: np.array(facts[fact], dtype=np.float64) for fact in _FACTS},
    )
    return Part(names=names, cells=own, model=model, reach=float(facts["reach"]), growth=np.array(facts["growth"]))


def _recipe(facts: Facts) -> Recipe:
    kinds: dict[str, Callable[..., object]] = {
        "trees": Trees, "many": Trees, "kernel": Kernel, "device_of": Skeleton
    }  # fmt: skip
    parts: Facts = {name: kind(**facts[name]) for name, kind in kinds.items() if facts.get(name) is not None}
    columns = None if facts["columns"] is None else tuple(facts["columns"])
    return Recipe(**{**facts, **parts, "columns": columns, "noises": tuple(facts["noises"])})


def _booster(path: Path) -> Booster:
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(path)
    return booster


def _check_references(models: CellModels, references: Mapping[str, Any], folder: Path, record: Record) -> None:
    import xgboost

    mean, std = models.predict(np.array(references["cells"], dtype=np.int64))
    wanted, scale = np.array(references["mean"]), np.array(references["std"])
    wrong = (np.abs(mean - wanted) > _TOLERANCE * scale) | (np.abs(std - scale) > _TOLERANCE * scale)
    if wrong.any() or wrong.shape != (len(references["cells"]), len(models.targets)):
        name = list(models.targets)[int(np.argmax(wrong.any(axis=0)))]
        raise DataError(
            f"xgboost {xgboost.__version__} does not predict {name} as the models in {folder} did when they "
            f"were written with xgboost {record.made_with.get('xgboost', '?')}; install that version"
        )


def _try_elsewhere(folder: Path) -> None:
    """Read models in another process, which may die of them; raises what was wrong with them, as ``load_models``."""
    command = [sys.executable, "-c", _TRY, str(folder), *sys.path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    except subprocess.TimeoutExpired:
        raise DataError(f"the models in {folder} cannot be read within {_LONGEST:.0f} seconds") from None
    if done.returncode:
        kind, _, said = done.stdout.strip().partition(" ")
        if kind == DataNotFoundError.__name__:
            raise DataNotFoundError(said)
        raise DataError(said or f"the models in {folder} cannot be read: xgboost died of them")


def _load_or_tell(folder: str) -> None:
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_PATIENCE, _PATIENCE))
    try:
        _load(Path(folder))
    except EomooError as error:
        print(type(error).__name__, error)
        sys.exit(1)
