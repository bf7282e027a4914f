"""What a folder of models says of itself, as TOML: what they predict, how well, how they were made."""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from eomoo.arrays import Facts
from eomoo.checks import explained
from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import read_bytes, sha256_of, write_text
from eomoo.models.applicability import Applicability
from eomoo.models.cell_models import Calibration, CellModels, ModelFacts, Quality, Target
from eomoo.space import Skeleton

RECORD_FILE = "models.toml"
# Records and numbers of the shipped models have 0.3 MB at most, of 14,000 cells.
MAX_SIZE = 64_000_000
AGAIN = "; make it again with `eomoo surrogate fit`"
_FORMAT = 3


@dataclass(frozen=True, kw_only=True)
class Record(ModelFacts):
    """What a folder of models says of itself; see ``ModelFacts`` for what it says of the models.

    Attributes:
        text: The TOML file, as it lies there; records are equal where it is.
        files: SHA-256 of the other files, by name.
        made_with: Versions of what made them.
        n_cells: Number of the measured cells.
    """

    text: str
    files: Mapping[str, str]
    made_with: Mapping[str, str]
    n_cells: int

    @property
    def facts(self) -> Facts:
        """What it says of the models, by the names of ``ModelFacts``."""
        return {part.name: getattr(self, part.name) for part in fields(ModelFacts)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def record_text(models: CellModels, sums: Mapping[str, str]) -> str:
    """The record of models whose other files, by name, have these digests."""
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


def _rounded(quality: Quality) -> Facts:
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
    if not path.exists():
        if (path.parent / "surrogates.toml").exists():
            raise DataError(f"the models in {folder} were made by version 0.1 of eomoo; fit them again")
        raise DataNotFoundError(f"there are no models in {folder}; `eomoo surrogate fit TABLE --out MODELS` makes some")
    text = read_bytes(path, max_size=MAX_SIZE)

    with explained(path, "is damaged", AGAIN):
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


def _quality(figures: Mapping[str, Any]) -> Quality:
    facts = ("group", "n", "coverage", "rms_z", "lots")
    groups = (dict(zip(facts[: max(len(row), 4)], row, strict=True)) for row in figures["groups"])
    ends = {name: tuple(figures[name]) for name in ("spearman_interval", "coverage_interval") if name in figures}
    return Quality(**{**figures, **ends, "groups": tuple(Calibration(**group) for group in groups)})


def add_file(folder: str | Path, name: str) -> None:
    """Let the record of a folder vouch for one more file in it."""
    path = Path(folder) / RECORD_FILE
    line = f"{json.dumps(name)} = {json.dumps(sha256_of(Path(folder) / name))}\n"
    write_text(path, read_record(folder).text.replace("[files]\n", f"[files]\n{line}"))
