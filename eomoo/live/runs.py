"""A training's folder: what it is of, its learning curve and results, its checkpoint and weights."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import short, truth, whole
from eomoo.errors import DataError, SettingError
from eomoo.files import read_json, to_json, write_json
from eomoo.live.metrics import Accuracy
from eomoo.live.recipes import Recipe, format_epochs
from eomoo.live.store import RESULT_STATES, without
from eomoo.live.weights import load_state, save_state

# 1: as 0.1.0 wrote it, without a digest and with incidents among the results. 2: with a digest.
_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One measurement of a learning curve.

    Attributes:
        epoch: Epochs done.
        learning_rate: Of the last step.
        train_loss, train_micro, train_macro: Over the epoch's own steps, while the weights were changing.
        val_loss, val_micro, val_macro: Over the validation split, after the epoch.
        test_micro, test_macro: Over the test split, where that was asked for.
        seconds: Of training so far, measurements left out.

    ``train_macro`` is None in curves of earlier versions.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_micro: float
    val_loss: float
    val_micro: float
    val_macro: float
    seconds: float
    train_macro: float | None = None
    test_micro: float | None = None
    test_macro: float | None = None


@dataclass(frozen=True, kw_only=True)
class CurveSetting:
    """What of a learning curve is measured. It changes the curve alone, never the training.

    Attributes:
        at: Epochs; by default every ``measure_every``-th of the recipe. The end of each stretch always is.
        test: Measure on the test split too.

    Raises:
        SettingError: (a ValueError) Epochs are no whole numbers from 1.
    """

    at: tuple[int, ...] = ()
    test: bool = False

    def __post_init__(self) -> None:
        # On a command line one number, or several as in 1,2,4.
        given: Any = str(self.at).split(",") if isinstance(self.at, int | str) else self.at
        at = [int(k) if isinstance(k, str) and k.strip().isdecimal() else k for k in given]
        object.__setattr__(self, "at", tuple(whole("curve: at", k, least=1) for k in at))
        truth("curve: test", self.test)

    def epochs(self, recipe: Recipe, stretches: Sequence[int]) -> set[int]:
        """The epochs after which a training is measured."""
        total = sum(stretches)
        asked = [k for k in self.at if k <= total] or range(recipe.measure_every, total + 1, recipe.measure_every)
        return {*asked, *accumulate(stretches)}

    def setting(self) -> dict[str, object]:
        """As part of what a training's result depends on: nothing where the curve is the recipe's own."""
        if not self.at and not self.test:
            return {}
        return {"curve": {"at": sorted(set(self.at)), "test": self.test}}


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a training ended.

    Attributes:
        status: "done", "diverged", "too big" (for a device whose memory was free), or "incident": a
            fault of the machine or of the data, which says nothing of the cell and may pass.
        reason: Why, in a few words; "" when done.
        epochs: Stretches of epochs that were asked for.
        curve: Measurements, in the order of epochs.
        val, test: Accuracy of the last epoch; None unless done.
        seconds: Of training, measurements left out.
        contended: Whether something else used the processors or the device meanwhile, so that ``seconds`` are too
            many; None where nothing tells.
        setting: Everything that the result depends on, as plain data.
        weights: File of the network's weights, where a folder was given.
        file_size: Of that file, in bytes; None in results of earlier versions.
    """

    status: str
    reason: str = ""
    epochs: tuple[int, ...]
    curve: tuple[CurvePoint, ...] = ()
    val: Accuracy | None = None
    test: Accuracy | None = None
    seconds: float = 0.0
    contended: bool | None = None
    setting: Mapping[str, object] = field(default_factory=dict, repr=False)
    weights: Path | None = None
    file_size: int | None = None

    @property
    def done(self) -> bool:
        """Whether there is a trained network."""
        return self.status == "done"

    @property
    def final(self) -> bool:
        """Whether it would end the same again, as all but an incident."""
        return self.status in RESULT_STATES

    def to_dict(self) -> dict[str, object]:
        """As plain data for JSON, without the setting."""
        return {
            **without(vars(self), "setting"),
            "epochs": format_epochs(self.epochs),
            "curve": [asdict(point) for point in self.curve],
            "val": self.val.to_dict() if self.val else None,
            "test": self.test.to_dict() if self.test else None,
            "weights": str(self.weights) if self.weights else None,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], setting: Mapping[str, Any]) -> Training:
        """The inverse of ``to_dict``."""
        return cls(
            status=values["status"],
            reason=values["reason"],
            epochs=tuple(int(part) for part in values["epochs"].split("+")),
            curve=tuple(CurvePoint(**point) for point in values["curve"]),
            val=Accuracy.from_dict(values["val"]) if values["val"] else None,
            test=Accuracy.from_dict(values["test"]) if values["test"] else None,
            seconds=values["seconds"],
            contended=values.get("contended"),
            setting=setting,
            weights=Path(values["weights"]) if values["weights"] else None,
            file_size=values.get("file_size"),
        )


class RunFolder:
    """The files of one training: ``run.json``, ``checkpoint.pt`` and ``weights-EPOCHS.pt``.

    Every file is written whole or not at all, so that a training that was killed goes on from its
    last checkpoint, and with a digest. Only plain tensors and numbers are in them.

    Args:
        path: The folder; None keeps nothing.
        setting: What the training depends on, its epochs left out.
        images: How its images are opened again, as ``ImageData.told``, with their ``faults``.

    Raises:
        SettingError: (a ValueError) The folder holds a training with another setting.
        DataError: (a ValueError) Its ``run.json`` has changed since it was written.
    """

    def __init__(
        self, path: str | Path | None, setting: Mapping[str, object], images: Mapping[str, object] | None = None
    ) -> None:
        self.path = Path(path) if path is not None else None
        self.setting, self.images = dict(setting), images
        self.results: dict[str, Any] = {}
        if self.path is not None and (self.path / "run.json").is_file():
            self._read(self.path / "run.json")

    def result(self, epochs: Sequence[int]) -> Training | None:
        """The result of these epochs, if it is there, with its weights where it was done."""
        values = self.results.get(format_epochs(epochs))
        # 0.1.0 kept faults of the machine too.
        if values is None or values["status"] not in RESULT_STATES:
            return None
        result = Training.from_dict(values, self.setting)
        if result.done and self.path is not None:
            # By name: the folder may have been moved since, or was named from another one.
            result = replace(result, weights=self.path / (result.weights or Path()).name)
        return None if result.done and not (result.weights and result.weights.is_file()) else result

    def save_result(self, result: Training) -> None:
        """Keep a result (and make the folder); an incident is none."""
        if self.path is not None and result.final:
            self.results[format_epochs(result.epochs)] = result.to_dict()
            self._write(self.path / "run.json")

    def save_weights(self, state: Mapping[str, object], epochs: Sequence[int]) -> Path | None:
        """Keep a network's weights; their file."""
        if self.path is None:
            return None
        path = self.path / f"weights-{format_epochs(epochs)}.pt"
        save_state(path, state)
        return path

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Keep the state of a training in place of an earlier one."""
        if self.path is not None:
            if not (self.path / "run.json").is_file():
                # Without it another training would go on from this checkpoint.
                self._write(self.path / "run.json")
            save_state(self.path / "checkpoint.pt", state)

    def load_checkpoint(self, epochs: Sequence[int]) -> dict[str, Any] | None:
        """The last checkpoint, if a training of these epochs passes through it and it is whole."""
        state = _checkpoint(self.path)
        if state is None:
            return None
        done, wanted = tuple(state["epochs"]), tuple(epochs)
        # One stretch stands for a schedule that does not depend on it: any shorter one is on its way.
        free = len(wanted) == 1 and bool(state["free"]) and state["epoch"] <= wanted[0]
        same = wanted[: len(done)] == done
        return state if free or same else None

    def _write(self, path: Path) -> None:
        images = {"data": self.images} if self.images else {}
        content = {"format": _FORMAT, "setting": self.setting, **images, "results": self.results}
        write_json(path, {**content, "sha256": _digest(content)})

    def _read(self, path: Path) -> None:
        content = _record(path)
        for name, value in self.setting.items():
            there = content.get("setting", {}).get(name)
            if there != value:
                name, there, value = _first_apart(name, there, value)
                raise SettingError(
                    f"{path.parent} holds another training: its {name} is {short(there)}, "
                    f"not {short(value)}; choose another folder, or remove this one"
                )
        self.results = content["results"]


def _first_apart(name: str, there: object, here: object) -> tuple[str, object, object]:
    """What two settings of a name that differ are called where they are tables, and both values."""
    if not isinstance(there, dict) or not isinstance(here, dict):
        return name, there, here
    key = min(key for key in {**there, **here} if there.get(key) != here.get(key))
    return _first_apart(f"{name}.{key}", there.get(key), here.get(key))


def images_told(folder: Path) -> Facts | None:
    """How the images of the training in a folder are opened again, as ``ImageData.told``; None where nothing tells.

    Raises:
        DataError: (a ValueError) Its ``run.json`` has changed since it was written.
    """
    return _record(folder / "run.json").get("data") if (folder / "run.json").is_file() else None


def progress_of(folder: Path) -> float:
    """Epochs that a training's checkpoint holds, parts of one included; 0 without one."""
    state = _checkpoint(folder)
    return 0.0 if state is None else float(state.get("progress", state["epoch"]))


def _record(path: Path) -> Facts:
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") not in (1, _FORMAT):
        raise DataError(f"{path} is no record of a training by this version of eomoo")
    if content["format"] == 1:
        warnings.warn(f"{path} is of eomoo 0.1.0, without a digest: it is unverified", stacklevel=3)
    elif content.pop("sha256", None) != _digest(content):
        raise DataError(
            f"{path} has changed since it was written; remove {path.parent} to train again, or take it from a copy"
        )
    return content


def _checkpoint(folder: Path | None) -> dict[str, Any] | None:
    if folder is None or not (folder / "checkpoint.pt").is_file():
        return None
    if not (folder / "run.json").is_file():
        # Earlier versions wrote it later; without it nothing tells which cell and images a checkpoint is of.
        warnings.warn(f"a training begins anew: {folder / 'checkpoint.pt'} has no run.json beside it", stacklevel=3)
        return None
    try:
        return load_state(folder / "checkpoint.pt")
    except DataError as error:
        # What it held can be computed again.
        warnings.warn(f"a training begins anew: {error}", stacklevel=3)
        return None


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(to_json(content).encode()).hexdigest()
