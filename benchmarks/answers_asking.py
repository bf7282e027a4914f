"""How answers are asked for and digested: by the command line and its files, as hashes, cells and numbers."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "Cases",
    "asked",
    "cells",
    "columns",
    "command",
    "floats",
    "ints",
    "own_card",
    "run",
    "text",
    "tree",
    "varies",
]

Cases = Iterator[tuple[str, Callable[[], dict[str, Any]]]]
_FIRST = 10
_VOLATILE = re.compile(
    r"seconds|versions|sha256|digest|title|citation|folder|path|weights|per_second|device|host|memory|created"
)

# -- digests ---------------------------------------------------------------------------------------


def _sha(data: bytes) -> str:
    """The first 12 of a SHA-256's 64 digits, which keeps a record small."""
    return hashlib.sha256(data).hexdigest()[:12]


def cells(values: Any) -> dict[str, Any]:
    """Cells in an order: how many, the first of them, and digests of the sequence and of the set."""
    flat = np.ascontiguousarray(values, dtype="<i8").ravel()
    in_order, as_set = _sha(flat.tobytes()), _sha(np.sort(flat).tobytes())
    return {"cells": len(flat), "first": flat[:_FIRST].tolist(), "sha": in_order, "set": as_set}


def floats(values: Any) -> dict[str, Any]:
    """Numbers (n,) or (n, m): digests of their exact values, and of six digits of some 10,000 rows."""
    array = np.ascontiguousarray(values, dtype="<f8")
    some = array[:: max(1, len(array) // 10_000)].ravel().tolist()
    return {
        "floats": array.size,
        "first": [_number(value) for value in some[:1]],
        "exact": _sha(array.tobytes()),
        "rounded": _sha(" ".join(f"{value:.6g}" for value in some).encode()),
    }


def ints(values: Any) -> str:
    """Whole numbers of any shape, as shape and digest."""
    array = np.ascontiguousarray(values, dtype="<i8")
    return f"{'x'.join(map(str, array.shape))} numbers, {_sha(array.tobytes())}"


def text(lines: Iterable[str]) -> str:
    """Texts, one after another, as their number and digest."""
    found = list(lines)
    return f"{len(found)} texts, {_sha(chr(10).join(found).encode())}"


def tree(value: Any) -> Any:
    """What a command prints as JSON: numbers as they are, long lists as digests, nothing that varies."""
    if isinstance(value, Mapping):
        return {key: tree(item) for key, item in value.items() if not varies(key)}
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and "name" in item for item in value):
            return {item["name"]: tree(item) for item in value}
        if len(value) > 6 and all(type(item) is int for item in value):
            return ints(value)
        if len(value) > 6 and all(isinstance(item, int | float) for item in value):
            return floats(value)
        return [tree(item) for item in value]
    return _number(value)


def varies(name: str) -> bool:
    """Whether what a name stands for depends on the clock, the machine or the wording."""
    return bool(_VOLATILE.search(name))


def _number(value: Any) -> Any:
    """JSON has no infinity, and NaN equals nothing."""
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


# -- the command line ------------------------------------------------------------------------------


def command(*arguments: Any) -> str:
    """Standard output of ``python -m eomoo ARGUMENTS``, run in this process to spare the imports."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["eomoo", *map(str, arguments)]
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_module("eomoo", run_name="__main__")
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    if code:
        raise RuntimeError(f"exit {code}: {err.getvalue().strip().splitlines()[-1:]}")
    return out.getvalue()


def asked(*arguments: Any) -> Any:
    """What a command prints with ``--json``."""
    return json.loads(command(*arguments, "--json"))


def columns(path: Path) -> dict[str, list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


_runs = iter(range(1_000_000))


def run(*arguments: Any) -> dict[str, Any]:
    """Front and trace of ``eomoo run``, from the files that it writes."""
    folder = Path(f"run-{next(_runs)}")
    with _without_figures():
        command("run", *arguments, "--out", folder)
    front, trace = columns(folder / "front.csv"), columns(folder / "trace.csv")
    said = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    names = [o["name"] for o in said["objectives"]]
    share = "share_of_true_hypervolume"
    numbers = ("evaluations", "distinct_cells", share if share in said else "hypervolume")
    deviations = [front[f"{name}_std"] for name in names if f"{name}_std" in front]
    return {
        "front": cells(_ints(front.get("index", []))),
        "deviations": floats(_matrix(deviations)),
        "named": text([*front.get("hash", []), *front.get("genotype", [])]),
        "trace": cells(_ints(trace["index"])),
        "values": floats(_matrix([trace[name] for name in names])),
        "feasible": text(trace["feasible"]),
        **({} if said["complete"] else {"complete": False}),
        "settings": text(f"{key}={value}" for key, value in sorted(said["settings"].items())),
        **{name: _number(said[name]) for name in numbers if name in said},
    }


@contextlib.contextmanager
def _without_figures() -> Iterator[None]:
    """Figures are not answers, and drawing them would take most of the time."""
    from matplotlib.figure import Figure

    kept = Figure.savefig
    Figure.savefig = lambda figure, path, *args, **kwargs: Path(path).write_bytes(b"")  # type: ignore[method-assign]
    try:
        yield
    finally:
        Figure.savefig = kept  # type: ignore[method-assign]


def _ints(column: list[str]) -> list[int]:
    return [int(value) for value in column]


def _matrix(found: list[list[str]]) -> np.ndarray:
    return np.array([[float(value or "nan") for value in column] for column in found]).T


def own_card(name: str, objectives: Iterable[tuple[str, str, str, str]], more: str = "", head: str = "") -> Path:
    """A card's file: objectives are (name, unit, direction, source)."""
    parts = [f'title = "{name}"\ncitation = "none"\n{head}']
    for quantity, unit, direction, source in objectives:
        parts.append(f'[[objectives]]\nname = "{quantity}"\nunit = "{unit}"\n'
                     f'direction = "{direction}"\nsource = "{source}"\n')  # fmt: skip
    path = Path(f"{name}.toml")
    path.write_text("\n".join([*parts, more]), encoding="utf-8")
    return path
