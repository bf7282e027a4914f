"""A training's folder: what it is of, its learning curve and results, its checkpoint and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eomoo.errors import DataError, SettingError
from eomoo.files import atomic_path, read_json, write_json
from eomoo.live.metrics import Accuracy
from eomoo.live.recipes import format_epochs
from eomoo.packages import require

__all__ = ["CurvePoint", "RunFolder", "Training"]

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One measurement of a learning curve.

    Attributes:
        epoch: Epochs done.
        learning_rate: Of the last step.
        train_loss, train_micro: Over the epoch's own steps, while the weights were changing.
        val_loss, val_micro, val_macro: Over the validation split, after the epoch.
        seconds: Of training so far, measurements left out.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_micro: float
    val_loss: float
    val_micro: float
    val_macro: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a training ended.

    Attributes:
        status: "done", "diverged", "out of memory" or "failed".
        reason: Why, in a few words; "" when done.
        epochs: Stretches of epochs that were asked for.
        curve: Measurements, in the order of epochs.
        val, test: Accuracy of the last epoch; None unless done.
        seconds: Of training, measurements left out.
        setting: Everything that the result depends on, as plain data.
        weights: File of the network's weights, where a folder was given.
    """

    status: str
    reason: str = ""
    epochs: tuple[int, ...]
    curve: tuple[CurvePoint, ...] = ()
    val: Accuracy | None = None
    test: Accuracy | None = None
    seconds: float = 0.0
    setting: Mapping[str, Any] = field(default_factory=dict, repr=False)
    weights: Path | None = None

    @property
    def done(self) -> bool:
        """Whether there is a trained network."""
        return self.status == "done"

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON, without the setting."""
        return {
            "status": self.status,
            "reason": self.reason,
            "epochs": format_epochs(self.epochs),
            "curve": [asdict(point) for point in self.curve],
            "val": self.val.to_dict() if self.val else None,
            "test": self.test.to_dict() if self.test else None,
            "seconds": self.seconds,
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
            setting=setting,
            weights=Path(values["weights"]) if values["weights"] else None,
        )


class RunFolder:
    """The files of one training: ``run.json``, ``checkpoint.pt`` and ``weights-EPOCHS.pt``.

    Every file is written whole or not at all, so that a training that was killed goes on from its
    last checkpoint. Only plain tensors and numbers are in them.

    Args:
        path: The folder; None keeps nothing.
        setting: What the training depends on, its epochs left out.

    Raises:
        SettingError: (a ValueError) The folder holds a training with another setting.
    """

    def __init__(self, path: str | Path | None, setting: Mapping[str, Any]) -> None:
        self.path = Path(path) if path is not None else None
        self.setting = dict(setting)
        self.results: dict[str, Any] = {}
        if self.path is not None and (self.path / "run.json").is_file():
            self._read(self.path / "run.json")

    def result(self, epochs: Sequence[int]) -> Training | None:
        """The result of these epochs, if it is there, with its weights where it was done."""
        values = self.results.get(format_epochs(epochs))
        if values is None:
            return None
        result = Training.from_dict(values, self.setting)
        if result.done and (result.weights is None or not result.weights.is_file()):
            return None
        return result

    def save_result(self, result: Training) -> None:
        """Keep a result (and make the folder)."""
        if self.path is not None:
            self.results[format_epochs(result.epochs)] = result.to_dict()
            content = {"format": _FORMAT, "setting": self.setting, "results": self.results}
            write_json(self.path / "run.json", content)

    def save_weights(self, state: Mapping[str, Any], epochs: Sequence[int]) -> Path | None:
        """Keep a network's weights; their file."""
        return self._save(state, f"weights-{format_epochs(epochs)}.pt")

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Keep the state of a training in place of an earlier one."""
        self._save(state, "checkpoint.pt")

    def load_checkpoint(self, epochs: Sequence[int]) -> dict[str, Any] | None:
        """The last checkpoint, if a training of these epochs passes through it."""
        if self.path is None or not (self.path / "checkpoint.pt").is_file():
            return None
        state = load_state(self.path / "checkpoint.pt")
        done, wanted = tuple(state["epochs"]), tuple(epochs)
        # One stretch stands for a schedule that does not depend on it: any shorter one is on its way.
        free = len(wanted) == 1 and bool(state["free"]) and state["epoch"] <= wanted[0]
        same = wanted[: len(done)] == done
        return state if free or same else None

    def _save(self, state: Mapping[str, Any], name: str) -> Path | None:
        if self.path is None:
            return None
        require("torch", purpose="to save weights")
        import torch

        with atomic_path(self.path / name) as temporary:
            torch.save(dict(state), temporary)
        return self.path / name

    def _read(self, path: Path) -> None:
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise DataError(f"{path} is no record of a training by this version of eomoo")
        for name, value in self.setting.items():
            there = content["setting"].get(name)
            if there != value:
                raise SettingError(
                    f"{path.parent} holds another training: its {name} is {_short(there)}, "
                    f"not {_short(value)}; choose another folder"
                )
        self.results = content["results"]


def load_state(path: str | Path) -> dict[str, Any]:
    """Plain tensors and numbers of a file that torch saved; nothing in it is executed.

    Raises:
        DataError: (a ValueError) The file is damaged or holds something else.
    """
    require("torch", purpose="to load weights")
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, KeyError, ValueError) as error:
        raise DataError(
            f"{path} is damaged or is no file of weights: {str(error).splitlines()[0][:100]}"
        ) from error
    if not isinstance(state, dict):
        raise DataError(f"{path} is no file of weights")
    return state


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
