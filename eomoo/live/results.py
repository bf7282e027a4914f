"""What stored results of trainings say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from eomoo.live.store import Result


def weights_of(result: Result | None) -> Path | None:
    """The file of a training's weights; None where there is none."""
    path = Path(result["weights"]) if result and result.get("weights") else None
    return path if path is not None and path.is_file() else None


def trained_value(result: Result | None, name: str) -> float:
    """A quantity of a training by the name of ``LIVE_QUANTITIES``, such as "val_micro"; NaN where there is none."""
    if result is None or result["status"] != "done":
        return math.nan
    if name == "train_time":
        return float(result["seconds"])
    if name == "file_size":
        value = result.get(name)
    else:
        split, kind = name.split("_")
        # Of the training images the last epoch's own steps, as the curve has them.
        value = result["curve"][-1].get(name) if split == "train" else result[split][kind]
    return math.nan if value is None else float(value)


def learnt_nothing(result: Result) -> bool:
    """Whether a trained network is no better on the validation images than the largest class alone."""
    counts = np.array(result["val"]["confusion"])
    return bool(np.trace(counts) <= counts.sum(axis=1).max())
