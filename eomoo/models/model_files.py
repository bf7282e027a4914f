"""Surrogates as files: XGBoost's UBJSON, the Gaussian process as JSON, how they were made as TOML."""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eomoo.errors import DataError, EomooError
from eomoo.files import atomic_path, read_bytes, sha256_of, write_text
from eomoo.models.eo_models import Scaling, Surrogates, TargetModel
from eomoo.models.gaussian_process import Kernel
from eomoo.models.quality import SCHEMES, Measurements, Quality
from eomoo.models.recipes import Recipe, Trees
from eomoo.space import load_space
from eomoo.space.features import feature_names

__all__ = ["RECORD_FILE", "Record", "read_record", "read_surrogates", "shipped_folder", "write_surrogates"]

RECORD_FILE = "surrogates.toml"
_PROCESS_FILE = "gaussian_process.json"
_MAX_SIZE = 32_000_000
_FORMAT = 1
_FACTS = ("mean", "std", "slow_share", "slow_factor", "spread")

Qualities = Mapping[str, Mapping[str, Quality]]


@dataclass(frozen=True, kw_only=True)
class Record:
    """How surrogates were made.

    Attributes:
        text: The TOML file, as it lies there.
        values: What it says.
        quality: Cross-validated quality by target and scheme.
    """

    text: str
    values: Mapping[str, Any]
    quality: Qualities


def shipped_folder() -> Path:
    """The folder with the models that come with eomoo."""
    return Path(__file__).parent / "eo_hwnas"


def write_surrogates(
    folder: str | Path,
    surrogates: Surrogates,
    data: Measurements,
    quality: Qualities,
    *,
    checksums: Mapping[str, str],
) -> list[Path]:
    """Write surrogates to a folder: one UBJSON file a target, a JSON file and a TOML file.

    Args:
        folder: Made where missing; files of these names are replaced.
        surrogates: The models.
        data: What they were fitted to.
        quality: Their quality by target and scheme.
        checksums: SHA-256 of the data's files, by name.

    Returns:
        The files.

    Raises:
        DataError: A file cannot be written.
    """
    folder = Path(folder)
    paths = []
    for name, model in surrogates.models.items():
        paths.append(folder / f"{name}.ubj")
        with atomic_path(paths[-1]) as temporary:
            temporary.write_bytes(bytes(model.trees.save_raw("ubj")))
    paths.append(folder / _PROCESS_FILE)
    write_text(paths[-1], _process_text(surrogates, data))
    sums = {path.name: sha256_of(path) for path in paths}
    # Last, since it vouches for the others.
    write_text(folder / RECORD_FILE, _record_text(surrogates, data, quality, checksums, sums))
    return [*paths, folder / RECORD_FILE]


def _process_text(surrogates: Surrogates, data: Measurements) -> str:
    columns = {
        "cells": data.indices.tolist(),
        "features": list(feature_names("structural")),
        "feature_means": surrogates.scaling.mean.tolist(),
        "feature_stds": surrogates.scaling.std.tolist(),
        **{f"columns_{name}": model.recipe.columns for name, model in surrogates.models.items()},
        **{f"weights_{name}": model.weights.tolist() for name, model in surrogates.models.items()},
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in columns.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _record_text(
    surrogates: Surrogates,
    data: Measurements,
    quality: Qualities,
    checksums: Mapping[str, str],
    sums: Mapping[str, str],
) -> str:
    import xgboost

    versions = {"xgboost": xgboost.__version__, "numpy": np.__version__, "python": platform.python_version()}
    lines = [
        "# How these surrogates of the EO HW-NAS table were made; `eomoo surrogate fit` makes them again.",
        f"format = {_FORMAT}",
        f"cells = {len(data.indices)}",
        *_table("made_with", versions),
        *_table("data", checksums),
        *_table("files", sums),
    ]
    for name, model in surrogates.models.items():
        choices = {"log": model.recipe.log, "slow_runs": model.recipe.slow_runs}
        fitted = {fact: getattr(model, fact) for fact in _FACTS}
        lines += _table(f"targets.{name}", {**choices, **fitted})
        lines += _table(f"targets.{name}.kernel", asdict(model.recipe.kernel))
        lines += _table(f"targets.{name}.trees", asdict(model.recipe.trees))
    for name, schemes in quality.items():
        for scheme, figures in schemes.items():
            lines += _table(f"quality.{name}.{scheme}", _rounded(figures))
    return "\n".join(lines) + "\n"


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    # JSON's numbers, texts, booleans and arrays of texts are TOML's too.
    return [
        "",
        f"[{name}]",
        *(f"{json.dumps(k) if '.' in k else k} = {json.dumps(v)}" for k, v in values.items()),
    ]


def _rounded(quality: Quality) -> dict[str, Any]:
    return {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in asdict(quality).items()}


def read_record(folder: str | Path) -> Record:
    """Read how the surrogates of a folder were made.

    Raises:
        DataNotFoundError: The folder holds no surrogates.
        DataError: The file is damaged.
    """
    path = Path(folder) / RECORD_FILE
    try:
        text = read_bytes(path, max_size=_MAX_SIZE).decode()
        values = tomllib.loads(text)
        quality = {
            name: {scheme: Quality(**schemes[scheme]) for scheme in SCHEMES}
            for name, schemes in values["quality"].items()
        }
        if values["format"] != _FORMAT:
            raise DataError(f"{path} has the format {values['format']}, which this version cannot read")
    except EomooError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged ({error}); make it again with `eomoo surrogate fit`") from error
    return Record(text=text, values=values, quality=quality)


def read_surrogates(folder: str | Path) -> Surrogates:
    """Read surrogates from a folder.

    Raises:
        DataNotFoundError: A file is missing.
        DataError: A file is damaged or belongs to other surrogates.
    """
    folder, record = Path(folder), read_record(folder)
    try:
        for name, wanted in record.values["files"].items():
            if sha256_of(folder / name) != wanted:
                raise DataError(f"{folder / name} is not the file that {RECORD_FILE} beside it describes")
        process = json.loads(read_bytes(folder / _PROCESS_FILE, max_size=_MAX_SIZE))
        if tuple(process["features"]) != feature_names("structural"):
            raise DataError(f"the surrogates in {folder} were made for other features; fit them again")
        models = {
            name: _model(
                folder / f"{name}.ubj", facts, process[f"columns_{name}"], process[f"weights_{name}"]
            )
            for name, facts in record.values["targets"].items()
        }
        return Surrogates(
            features=load_space().features(np.array(process["cells"], dtype=np.int64)),
            scaling=Scaling(mean=np.array(process["feature_means"]), std=np.array(process["feature_stds"])),
            models=models,
        )
    except EomooError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the surrogates in {folder} are damaged ({error}); make them again with `eomoo surrogate fit`"
        ) from error


def _model(path: Path, facts: Mapping[str, Any], columns: list[str], weights: list[float]) -> TargetModel:
    import xgboost

    trees = xgboost.Booster({"nthread": 1})
    trees.load_model(path)
    recipe = Recipe(
        columns=tuple(columns),
        kernel=Kernel(**facts["kernel"]),
        trees=Trees(**facts["trees"]),
        log=facts["log"],
        slow_runs=facts["slow_runs"],
    )
    fitted = {fact: float(facts[fact]) for fact in _FACTS}
    return TargetModel(recipe=recipe, weights=np.array(weights), trees=trees, **fitted)
