"""Models as files: XGBoost's UBJSON, the rest as JSON, what they are and how they were made as TOML."""

from __future__ import annotations

import contextlib
import json
import platform
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eomoo.checks import short
from eomoo.errors import DataError, DataNotFoundError, EomooError, SettingError
from eomoo.files import atomic_path, read_bytes, sha256_of, write_text
from eomoo.models.applicability import Applicability
from eomoo.models.cell_models import Calibration, CellModels, Part, Quality, Target
from eomoo.models.deviations import Law
from eomoo.models.device import DeviceModel
from eomoo.models.gaussian_process import Kernel
from eomoo.models.recipes import Recipe
from eomoo.models.regression import Model
from eomoo.models.scaling import NUMBERS_FILE, SHIPPED, Scaling, selected, shipped_folder
from eomoo.models.trees import Trees
from eomoo.space import Skeleton, load_space
from eomoo.space.enumeration import N_CELLS
from eomoo.space.features import feature_names

if TYPE_CHECKING:
    from xgboost import Booster


RECORD_FILE, PREDICTIONS_FILE = "models.toml", "predictions.npz"
# Predictions of thirty targets, uncompressed, have 0.1 GB; the shipped boosters 0.1 MB each.
MOST_BYTES = 1 << 30
_MAX_SIZE = 64_000_000
_FORMAT = 3
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_N_REFERENCES = 16
# In deviations. Another xgboost's rounding gives 1e-6; a base score that was misread gave 0.2 and more.
_TOLERANCE = 1e-3
# Reading and asking models takes two seconds on a slow machine.
_PATIENCE = 120.0
# What a process of its own does with a folder.
_TRY = (
    "import sys; folder, *sys.path = sys.argv[1:]\n"
    "from eomoo.models.model_files import _load_or_tell\n_load_or_tell(folder)"
)
# Address space of that process: reading the shipped models takes 1 GB of it, most of which is never touched.
_MEMORY = 3 << 30
_FACTS = ("mean", "std", "noise", "slow_share", "slow_factor", "spread")
_DEVICE_FACTS = ("values", "base", "odds")

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a folder of models says of itself.

    Attributes:
        text: The TOML file, as it lies there.
        targets: What the models predict.
        quality: Cross-validated quality by target and scheme.
        files: SHA-256 of the other files, by name.
        made_with: Versions of what made them.
        data: SHA-256 of the files that they were fitted to, by name.
        domain: What was measured.
        n_cells: Number of these cells.
        skeleton: The network around the cells; None where nobody said.
        failures: How many cells failed, of how many that were tried; None where none did.
    """

    text: str
    targets: Mapping[str, Target]
    quality: Mapping[str, Mapping[str, Quality]]
    files: Mapping[str, str]
    made_with: Mapping[str, str]
    data: Mapping[str, str]
    domain: Applicability
    n_cells: int
    skeleton: Skeleton | None = None
    failures: tuple[int, int] | None = None


def check_target_names(names: Iterable[str]) -> None:
    """Refuse targets whose names cannot be those of files by a SettingError."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise SettingError(f"a target is named by letters, digits, '_', '-' and '.'; got {short(name)}")


def write_models(models: CellModels, folder: str | Path) -> list[Path]:
    """Write models to a folder: one UBJSON file a target, a JSON file and a TOML file.

    Args:
        models: The models.
        folder: Made where missing; files of these names are replaced.

    Returns:
        The files.

    Raises:
        SettingError: A target's name cannot be that of a file.
        DataError: A file cannot be written.
    """
    folder = Path(folder)
    check_target_names(models.targets)
    boosters = {
        name: booster
        for part in models.parts
        if isinstance(part.model, Model)
        for name, booster in zip(part.names, part.model.boosters, strict=True)
    }
    paths = []
    for name in boosters:
        paths.append(folder / f"{name}.ubj")
        with atomic_path(paths[-1]) as temporary:
            temporary.write_bytes(bytes(boosters[name].save_raw("ubj")))
    paths.append(folder / NUMBERS_FILE)
    write_text(paths[-1], _numbers_text(models))
    # Last, since it vouches for the others.
    paths.append(folder / RECORD_FILE)
    write_text(paths[-1], _record_text(models, {path.name: sha256_of(path) for path in paths[:-1]}))
    return paths


def add_file(folder: str | Path, name: str) -> None:
    """Let the record of a folder vouch for one more file in it."""
    path = Path(folder) / RECORD_FILE
    line = f"{json.dumps(name)} = {json.dumps(sha256_of(Path(folder) / name))}\n"
    write_text(path, read_record(folder).text.replace("[files]\n", f"[files]\n{line}"))


def _numbers_text(models: CellModels) -> str:
    content: dict[str, Any] = {
        "cells": models.cells.tolist(),
        "features": list(feature_names("structural")),
        "feature_means": models.scaling.mean.tolist(),
        "feature_stds": models.scaling.std.tolist(),
    }
    for k, part in enumerate(models.parts):
        content[f"part_{k}"] = {
            "targets": part.names,
            "recipe": {k: v for k, v in asdict(part.model.recipe).items() if k != "device_of" or v},
            "cells": None if np.array_equal(part.cells, models.cells) else part.cells.tolist(),
            **_facts_of(part),
        }
    if models.measured:
        content["measured"] = {
            name: [v if np.isfinite(v) else None for v in values.tolist()] for name, values in models.measured.items()
        }
    cells = np.linspace(0, N_CELLS - 1, _N_REFERENCES).astype(np.int64)
    mean, std = ([[float(f"{v:.7g}") for v in row] for row in values] for values in models.predict(cells))
    content["references"] = {"cells": cells.tolist(), "mean": mean, "std": std}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _facts_of(part: Part) -> dict[str, Any]:
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


def _record_text(models: CellModels, sums: Mapping[str, str]) -> str:
    import xgboost

    versions = {"xgboost": xgboost.__version__, "numpy": np.__version__, "python": platform.python_version()}
    lines = [
        "# What these models predict and how they were made; `eomoo surrogate fit` makes them again.",
        f"format = {_FORMAT}",
        f"cells = {len(models.cells)}",
        f"operations = {models.domain.operations.tolist()}",
        *([f"anywhere = {json.dumps(sorted(models.domain.anywhere))}"] if models.domain.anywhere else []),
        *_table("made_with", versions),
        *_table("data", models.data),
        *_table("files", sums),
        *_table("ranges", {name: list(ends) for name, ends in models.domain.ranges.items()}),
    ]
    if models.skeleton is not None:
        lines += _table("skeleton", asdict(models.skeleton))
    if models.failures is not None:
        lines += _table("failures", dict(zip(("failed", "tried"), models.failures, strict=True)))
    for name, target in models.targets.items():
        lines += _table(f"targets.{json.dumps(name)}", {k: v for k, v in asdict(target).items() if k != "kind" or v})
    for name, schemes in models.quality.items():
        for scheme, figures in schemes.items():
            lines += _table(f"quality.{json.dumps(name)}.{scheme}", _rounded(figures))
    return "\n".join(lines) + "\n"


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    # JSON's numbers, texts, booleans and arrays of texts are TOML's too.
    return ["", f"[{name}]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in values.items())]


def _rounded(quality: Quality) -> dict[str, Any]:
    facts = {name: value for name, value in asdict(quality).items() if value is not None}
    groups = [[_short(v) for v in asdict(group).values()] for group in quality.groups]
    return {**{k: _short(v) for k, v in facts.items()}, "groups": groups}


def _short(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_short(v) for v in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def read_record(folder: str | Path) -> Record:
    """Read what a folder of models says of itself.

    Raises:
        DataNotFoundError: The folder holds no models.
        DataError: The file is damaged.
    """
    path = Path(folder) / RECORD_FILE
    if not path.exists() and (path.parent / "surrogates.toml").exists():
        raise DataError(f"the models in {folder} were made by version 0.1 of eomoo; fit them again")
    text = read_bytes(path, max_size=_MAX_SIZE)

    def read() -> Record:
        values = tomllib.loads(text.decode())
        if values["format"] != _FORMAT:
            raise DataError(f"{path} has the format {values['format']}, which this version cannot read")
        return Record(
            text=text.decode(),
            targets={name: Target(**facts) for name, facts in values["targets"].items()},
            quality={
                name: {scheme: _quality(figures) for scheme, figures in schemes.items()}
                for name, schemes in values.get("quality", {}).items()
            },
            files={name: str(digest) for name, digest in values["files"].items()},
            made_with=dict(values["made_with"]),
            data=dict(values["data"]),
            domain=Applicability(
                operations=np.array(values["operations"], dtype=np.int64).reshape(-1, 4),
                ranges={name: (float(least), float(most)) for name, (least, most) in values["ranges"].items()},
                anywhere=frozenset(values.get("anywhere", [])),
            ),
            n_cells=int(values["cells"]),
            skeleton=Skeleton(**values["skeleton"]) if "skeleton" in values else None,
            failures=(int(failed["failed"]), int(failed["tried"])) if (failed := values.get("failures")) else None,
        )

    return _reading(str(path), read)


def _quality(figures: Mapping[str, Any]) -> Quality:
    groups = (dict(zip(("group", "n", "coverage", "rms_z"), row, strict=True)) for row in figures["groups"])
    ends = {name: tuple(figures[name]) for name in ("spearman_interval", "coverage_interval") if name in figures}
    return Quality(**{**figures, **ends, "groups": tuple(Calibration(**facts) for facts in groups)})


def _scaling(numbers: Mapping[str, Any]) -> Scaling:
    return Scaling(mean=np.array(numbers["feature_means"]), std=np.array(numbers["feature_stds"]))


def read_models(folder: str | Path) -> CellModels:
    """Read models from a folder, and check their references; see ``load_models``."""
    folder = Path(folder)
    trees = any(name.endswith(".ubj") for name in read_record(folder).files)
    if trees and folder.resolve() not in map(shipped_folder, SHIPPED):
        _try_elsewhere(folder)
    return _load(folder)


def read_processes(folder: str | Path) -> CellModels:
    """Read models without their trees, which is quick and safe: they draw errors, and predict nothing."""
    return _load(Path(folder), trees=False)


def _load(folder: Path, *, trees: bool = True) -> CellModels:
    record = read_record(folder)
    for name, wanted in record.files.items():
        if (trees or name == NUMBERS_FILE) and sha256_of(folder / name, max_size=MOST_BYTES) != wanted:
            raise DataError(f"{folder / name} is not the file that {RECORD_FILE} beside it describes")
    content = read_bytes(folder / NUMBERS_FILE, max_size=_MAX_SIZE)

    def read() -> CellModels:
        numbers = json.loads(content)
        if tuple(numbers["features"]) != feature_names("structural"):
            raise DataError(f"the models in {folder} were made for other features; fit them again")
        scaling, cells = _scaling(numbers), np.array(numbers["cells"], dtype=np.int64)
        parts = [
            _part(folder, facts, cells, scaling, trees=trees)
            for key, facts in numbers.items()
            if key.startswith("part_")
        ]
        models = CellModels(
            targets=record.targets,
            cells=cells,
            parts=tuple(parts),
            scaling=scaling,
            domain=record.domain,
            quality=record.quality,
            data=record.data,
            measured={name: np.array(y, dtype=np.float64) for name, y in numbers.get("measured", {}).items()},
            skeleton=record.skeleton,
            failures=record.failures,
        )
        if trees:
            _check_references(models, numbers["references"], folder, record)
        return models

    return _reading(f"the models in {folder}", read)


def _part(folder: Path, facts: Mapping[str, Any], cells: NDArray[np.int64], scaling: Scaling, *, trees: bool) -> Part:
    names = tuple(facts["targets"])
    recipe = Recipe(**{**facts["recipe"], **_parts_of_recipe(facts["recipe"])})
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


def _parts_of_recipe(facts: Mapping[str, Any]) -> dict[str, Any]:
    many, kernel, columns = facts["many"], facts["kernel"], facts["columns"]
    return {
        "trees": Trees(**facts["trees"]),
        "many": None if many is None else Trees(**many),
        "kernel": None if kernel is None else Kernel(**kernel),
        "columns": None if columns is None else tuple(columns),
        "noises": tuple(facts["noises"]),
        "device_of": Skeleton(**facts["device_of"]) if facts.get("device_of") else None,
    }


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


def _reading(what: str, read: Callable[[], _T]) -> _T:
    """What a function reads; whatever is wrong with it is a DataError."""
    try:
        return read()
    except EomooError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(f"{what} is damaged ({reason}); make it again with `eomoo surrogate fit`") from error


def _try_elsewhere(folder: Path) -> None:
    """Read models in another process, which may die of them; raises what was wrong with them.

    Raises:
        DataNotFoundError: A file is missing.
        DataError: They cannot be read.
    """
    read_record(folder)
    command = [sys.executable, "-c", _TRY, str(folder), *sys.path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise DataError(f"the models in {folder} cannot be read within {_PATIENCE:.0f} seconds") from None
    if done.returncode:
        kind, _, said = done.stdout.strip().partition(" ")
        if kind == DataNotFoundError.__name__:
            raise DataNotFoundError(said)
        raise DataError(said or f"the models in {folder} cannot be read: xgboost died of them")


def _load_or_tell(folder: str) -> None:
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        _load(Path(folder))
    except EomooError as error:
        print(type(error).__name__, error)
        sys.exit(1)
