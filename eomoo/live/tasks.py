"""One candidate's training as a task that can travel to another process or machine."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import with_kind
from eomoo.errors import DataError, EomooError, SettingError, StoreError
from eomoo.images import ImageData, open_data
from eomoo.jobs import worker_number
from eomoo.live.devices import resolve_device
from eomoo.live.recipes import Recipe, format_epochs
from eomoo.live.runs import CurveSetting, Training
from eomoo.live.store import key_of, without
from eomoo.live.together import train_together
from eomoo.live.training import train, training_setting
from eomoo.packages import torch
from eomoo.space import Skeleton, load_space

# What a kill costs at most. The checkpoint of the largest network (50 million parameters) takes 4 s.
_CHECKPOINT_SECONDS = 60.0
# A worker that leaves, or that its scheduler takes for lost, may be at it for a while: Dask gives it 30 s.
_PATIENCE = 90.0
NOT_BEGUN = "not begun"
"""The status of a task that came too late."""


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Images by name and options, or themselves.

    Attributes:
        name: As for ``open_data``; "" where ``images`` is given.
        options: For ``open_data``.
        images: The images themselves, which then travel with each task.
    """

    name: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    images: ImageData | None = None

    def open(self) -> ImageData:
        """The images; opened once in each process."""
        if self.images is not None:
            return self.images
        return _opened(self.name, json.dumps(dict(self.options), sort_keys=True))


@lru_cache(maxsize=2)
def _opened(name: str, options: str) -> ImageData:
    with warnings.catch_warnings():
        if worker_number() is not None:
            # Whoever gives the tasks has told it.
            warnings.simplefilter("ignore", UserWarning)
        return open_data(name, **json.loads(options))


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """Everything that a worker needs to train one candidate; see ``train`` and ``Campaign`` for what is not said here.

    Attributes:
        cell: Index.
        epochs: As stretches.
        folder: That all workers share; each training has a folder of its own in it.
        workers: Processes that read images ahead.
        processes: That train together, each on a device of its own.
        hardware: What the result is kept as that of, as ``setting`` says; "" where nobody has asked yet.
    """

    cell: int
    source: DataSource
    skeleton: Skeleton
    recipe: Recipe
    epochs: tuple[int, ...]
    seed: int
    device: str
    folder: str
    workers: int = 0
    threads: int | None = None
    curve: CurveSetting = field(default_factory=CurveSetting)
    until: float = math.inf
    processes: int = 1
    hardware: str = ""

    def setting(self) -> dict[str, object]:
        """Everything that the result depends on, as plain data."""
        return {**self._base_setting(), "epochs": format_epochs(self.recipe.stretches(self.epochs))}

    def arguments(self) -> dict[str, Any]:
        """Of ``train``, but the images and where it runs."""
        names = ("cell", "skeleton", "recipe", "epochs", "seed", "workers", "threads", "curve")
        how = {"checkpoint_seconds": _CHECKPOINT_SECONDS, "patience": _PATIENCE}
        return {name: getattr(self, name) for name in names} | how

    def run_folder(self) -> Path:
        """The folder of this training; the same whatever its epochs, so that it can be continued."""
        return self.folder_of(self.folder, self.cell, self._base_setting())

    @staticmethod
    def folder_of(folder: str | Path, cell: int, setting: Mapping[str, object]) -> Path:
        """The folder of a cell's training of a setting, in one that all workers share."""
        return Path(folder) / "runs" / f"{cell}-{key_of('training', without(setting, 'epochs'))[:12]}"

    def _base_setting(self) -> dict[str, object]:
        cell, place = load_space().cell(self.cell), resolve_device(worker_device(self.device, worker_number()))
        how: Facts = {"seed": self.seed, "device": place, "curve": self.curve}
        return training_setting(cell, self.source.open(), self.skeleton, self.recipe, **how)


def run_task(task: TrainingTask) -> dict[str, object]:
    """Train a candidate, or go on where it was left; the result as plain data.

    What happens to this candidate alone (an image or a file that cannot be read or written) is an incident.
    """
    if time.time() >= task.until:
        return Training(status=NOT_BEGUN, epochs=task.epochs).to_dict()
    images = task.source.open()
    if task.hardware and (own := task.setting()["device"]) != task.hardware:
        raise SettingError(f"a worker trains on {own}, others on {task.hardware}; give this search devices of one kind")
    try:
        if task.processes > 1:
            _together(task)
        device = worker_device(task.device, worker_number())
        result = train(data=images, device=device, folder=task.run_folder(), **task.arguments())
    except (DataError, OSError, StoreError) as error:
        reason = str(error) if isinstance(error, EomooError) else with_kind(error)
        result = Training(status="incident", reason=reason, epochs=task.epochs)
    return result.to_dict()


def _together(task: TrainingTask) -> None:
    if task.source.images is not None:
        raise SettingError("several GPUs for each candidate need images with a name, such as a folder")
    kinds = {name: asdict(getattr(task, name)) for name in ("skeleton", "recipe", "curve")}
    where = {"folder": str(task.run_folder()), "device": task.device}
    images = {"name": task.source.name, "options": dict(task.source.options)}
    train_together({**task.arguments(), **kinds, **where, **images}, task.processes, worker_number())


def worker_device(device: str, number: int | None) -> str:
    """The GPU of one of several workers, where their machine has several."""
    if device not in ("cuda", "auto") or number is None:
        return device
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return f"cuda:{number % count}" if count > 1 else device
