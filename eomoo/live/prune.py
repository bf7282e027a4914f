"""What a store of trainings keeps that no front needs: weights of networks that others dominate, old checkpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eomoo.errors import DataNotFoundError
from eomoo.fronts import Objective, Objectives, non_dominated
from eomoo.live.recipes import parse_epochs
from eomoo.live.results import trained_value
from eomoo.live.runs import progress_of
from eomoo.live.store import LiveStore, Result, key_of, without
from eomoo.live.tasks import TrainingTask
from eomoo.space import Skeleton, load_space

_COMPARED = Objectives(
    tuple(
        Objective(name=name, title=name, unit="", direction="max" if name.startswith("val") else "min")
        for name in ("val_micro", "val_macro", "params", "latency")
    )
)


@dataclass(frozen=True, kw_only=True)
class Unneeded:
    """A file that may go: of which cell (its index), how many bytes, and why."""

    path: Path
    cell: int
    size: int
    why: str


def unneeded_files(store: str | Path, *, keep: Iterable[int] = ()) -> list[Unneeded]:
    """Checkpoints and weights of a store that no front needs, in order of cells.

    Trainings that differ in nothing but cell and seed are compared: needed are the weights of those that no
    other dominates in validation error (micro or macro), parameters and, where it was timed, latency. A
    checkpoint of an ended training serves only to train on. What has not ended is left alone, and so are all
    values: they are in the store.

    Args:
        store: The folder of ``live.sqlite``: a live card's ``folder``, or a measured table.
        keep: Cells whose weights are needed anyway, as those of a run's front.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such store.
    """
    folder = Path(store)
    if not (folder / "live.sqlite").is_file():
        raise DataNotFoundError(f"{folder} holds no live.sqlite; give the folder of a live card, or a measured table's")
    database = LiveStore(folder / "live.sqlite")
    trainings = database.rows("training")
    needed = _on_fronts(trainings, database.rows("latency"))
    needed |= {row["key"] for row in trainings if row["cell"] in set(keep)}
    of_folder: dict[Path, list[Result]] = defaultdict(list)
    for row in trainings:
        of_folder[TrainingTask.folder_of(folder, row["cell"], row["setting"])].append(row)
    found = [file for place, rows in of_folder.items() for file in _unneeded_in(place, rows, needed)]
    return sorted(found, key=lambda file: (file.cell, file.path))


def _unneeded_in(place: Path, rows: Sequence[Result], needed: set[str]) -> list[Unneeded]:
    """Of one training's folder, whose results of several lengths these are."""
    # By name, since a store may have been moved or copied, and the original's files are none of its own.
    named = {row["key"]: place / Path(row["result"].get("weights") or "").name for row in rows}
    wanted = {path for key, path in named.items() if key in needed}
    dominated = {path for path in named.values() if path not in wanted and path.is_file()}
    files = [(path, "others are better in everything") for path in dominated]
    checkpoint = place / "checkpoint.pt"
    # A longer training of the same setting may be on its way.
    if checkpoint.is_file() and progress_of(place) <= max(sum(parse_epochs(row["setting"]["epochs"])) for row in rows):
        files.append((checkpoint, "its training has ended"))
    return [Unneeded(path=path, cell=rows[0]["cell"], size=path.stat().st_size, why=why) for path, why in files]


def _on_fronts(trainings: Sequence[Result], timings: Sequence[Result]) -> set[str]:
    """Keys of the trainings that no other of the same setting dominates."""
    comparable: dict[str, list[Result]] = defaultdict(list)
    for row in trainings:
        if row["status"] == "done":
            comparable[key_of("training", without(row["setting"], "cell", "seed"))].append(row)
    return {key for rows in comparable.values() for key in _fronts(rows, timings)}


def _fronts(rows: Sequence[Result], timings: Sequence[Result]) -> set[str]:
    """Of each setting of timings, as of one image and of batches, among what was timed so and what never was."""
    skeleton = rows[0]["setting"]["skeleton"]
    latencies: dict[str, dict[int, float]] = defaultdict(dict)
    for row in timings:
        if row["setting"]["skeleton"] == skeleton:
            latencies[key_of("latency", without(row["setting"], "cell"))][row["cell"]] = row["result"]["relative"]
    timed = {cell for latency in latencies.values() for cell in latency}
    found: set[str] = set()
    settings: list[dict[int, float]] = [*latencies.values()] or [{}]
    for latency in settings:
        found |= _front([row for row in rows if row["cell"] in latency or row["cell"] not in timed], latency)
    return found


def _front(rows: Sequence[Result], latency: Mapping[int, float]) -> set[str]:
    if not rows:
        return set()
    skeleton = rows[0]["setting"]["skeleton"]
    cells = np.array([row["cell"] for row in rows], dtype=np.int64)
    accuracies = [[trained_value(row["result"], name) for row in rows] for name in ("val_micro", "val_macro")]
    # What was not timed may be the fastest.
    times = [latency.get(int(cell), 0.0) for cell in cells]
    values = np.column_stack([*accuracies, load_space().params(cells, Skeleton(**skeleton)), times])
    best = non_dominated(_COMPARED.minimise(values))
    return {row["key"] for row, kept in zip(rows, best, strict=True) if kept}
