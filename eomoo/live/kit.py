"""Networks timed on a board that has onnxruntime and NumPy alone: a folder to take there, and what comes back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import short, with_kind
from eomoo.errors import DataError, SettingError
from eomoo.files import atomic_path, read_json, sha256_of, write_json, write_text
from eomoo.live.kit_script import FORMAT, PLAN, TIMINGS, digest_of
from eomoo.live.latency import bytes_of, latency_conditions
from eomoo.live.network import build_network
from eomoo.live.onnx_graph import onnx_bytes
from eomoo.live.runners import LatencySetting
from eomoo.space import Skeleton, load_space

# What the script is put together of: the first says what it is for, and uses the others once all are there.
_PARTS = ("kit_script", "rounds", "onnx_network")
# Timings of all cells of the space would have 2 GB; those that anybody makes on a board far less.
_MOST_BYTES = 1 << 28
# How a kit can time.
_NEEDED = {"runtime": ("onnxruntime", "auto"), "protocol": ("eomoo",), "precision": ("float32",), "device": ("cpu",)}
_TOLD = (
    *("median", "lower", "upper", "p90", "mean", "std", "relative", "relative_lower", "relative_upper"),
    *("relative_std", "reference_median", "reference_quiet"),
)


@dataclass(frozen=True, kw_only=True)
class KitResult:
    """What a kit's script wrote.

    Attributes:
        skeleton, setting: Of the networks, and how they were timed.
        conditions: Everything that a timing depends on but the cell, as ``latency_conditions``.
        timings: By cell, as ``Latency.to_dict``.
        asked: Which cells were asked for, as ``write_kit`` was told.
    """

    skeleton: Skeleton
    setting: LatencySetting
    conditions: Facts
    timings: Mapping[int, Facts]
    asked: Facts


def write_kit(
    folder: str | Path,
    cells: Sequence[int],
    *,
    skeleton: Skeleton,
    setting: LatencySetting,
    asked: Mapping[str, object] | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write a folder with networks as ONNX and ``kit.py``, which times them elsewhere; the script.

    A network that is there already is not exported again.

    Args:
        folder: Where.
        cells: Indices (n,).
        skeleton: The network around them.
        setting: How they are timed; in ONNX Runtime on a CPU by eomoo's protocol.
        asked: Why these cells, kept for who reads the result.
        report: Called with networks done and in all.

    Raises:
        SettingError: (a ValueError) There is no cell, or the kit cannot time that way.
        MissingPackageError: (an ImportError) onnx or torch is not installed.
    """
    for name, needed in _NEEDED.items():
        if getattr(setting, name) not in needed:
            raise SettingError(f"a kit times with {name} {needed[0]}; got {short(getattr(setting, name))}")
    folder, indices = Path(folder), list(dict.fromkeys(int(k) for k in cells))
    if not indices:
        raise SettingError("say which cells are timed: walks, a spread, or a list of them")
    wanted = list(dict.fromkeys([*indices, setting.reference]))
    networks: Facts = {}
    for done, k in enumerate(wanted, 1):
        file = folder / "networks" / f"{k}-{digest_of(vars(skeleton))[:8]}.onnx"
        if not file.is_file():
            content = onnx_bytes(build_network(k, skeleton, seed=0), skeleton)
            with atomic_path(file) as temporary:
                temporary.write_bytes(content)
        size = bytes_of(load_space().cell(k), skeleton, setting)
        networks[str(k)] = {"file": f"networks/{file.name}", "sha256": sha256_of(file), "bytes": size}
        report(done, len(wanted))
    conditions = latency_conditions(skeleton, setting)
    plan = {"cells": indices, "reference": setting.reference, "networks": networks, "asked": dict(asked or {})}
    write_json(folder / PLAN, {**plan, "conditions": {k: v for k, v in conditions.items() if k != "device_name"}})
    write_text(folder / "kit.py", script())
    return folder / "kit.py"


def script() -> str:
    """The text of ``kit.py``: modules of this package in one file, without their imports of each other."""
    texts = [resources.files("eomoo.live").joinpath(f"{part}.py").read_text(encoding="utf-8") for part in _PARTS]
    # Python takes it at a file's beginning alone.
    others = [text.replace("from __future__ import annotations\n", "") for text in texts[1:]]
    whole = "\n\n".join([texts[0], *others, 'if __name__ == "__main__":\n    main()\n'])
    return re.sub(r"^from eomoo\..*\n", "", whole, flags=re.MULTILINE)


def read_kit(path: str | Path) -> KitResult:
    """What a kit's script wrote: ``timings.json``, or the folder that it is in.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such file.
        DataError: (a ValueError) It has changed since it was written, or is of another version.
    """
    path = Path(path) / TIMINGS if Path(path).is_dir() else Path(path)
    content: Any = read_json(path, max_size=_MOST_BYTES)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} holds no timings of a kit by this version of eomoo")
    if content.pop("sha256", None) != digest_of(content):
        raise DataError(f"{path} has changed since it was written; take it from the board again")
    try:
        plan, conditions = content["plan"], content["plan"]["conditions"]
        versions = {**conditions["versions"], "onnxruntime": content["versions"]["onnxruntime"]}
        own = {name: conditions[name] for name in LatencySetting.__dataclass_fields__}
        found = KitResult(
            skeleton=Skeleton(**conditions["skeleton"]),
            setting=LatencySetting(**own),
            conditions={**conditions, "device_name": str(content["device"]["name"]), "versions": versions},
            timings={int(k): _timing(int(k), told, conditions) for k, told in content["timings"].items()},
            asked=dict(plan["asked"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} holds no timings of a kit: {with_kind(error)}") from None
    if not found.timings:
        raise DataError(f"{path} holds no timing yet; run kit.py on the board")
    return found


def _timing(cell: int, told: Facts, conditions: Facts) -> Facts:
    """As ``Latency.to_dict``, its numbers looked at."""
    values = [float(told[name]) for name in _TOLD] + [float(x) for x in told["round_medians"]]
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise ValueError(f"the timing of cell {cell} is no number")
    beside = {"energy": None, "graph_median": None, "launch_bound": False, "state": None, "setting": conditions}
    return {"cell": load_space().cell(cell).hash, **told, "contended": bool(told["contended"]), **beside}
