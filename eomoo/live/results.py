"""What stored results of trainings and timings say, and how sure that is."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from eomoo.live.rounds import CONTENDED_SPREAD
from eomoo.live.store import Result

# Of a training what earlier versions may not have stored.
_AS_STORED = {"file_size": "file_size", "train_time_disturbed": "contended"}


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
    if name in _AS_STORED:
        value = result.get(_AS_STORED[name])
    else:
        split, kind = name.split("_")
        # Of the training images the last epoch's own steps, as the curve has them.
        value = result["curve"][-1].get(name) if split == "train" else result[split][kind]
    return math.nan if value is None else float(value)


def learnt_nothing(result: Result) -> bool:
    """Whether a trained network is no better on the validation images than the largest class alone."""
    counts = np.array(result["val"]["confusion"])
    return bool(np.trace(counts) <= counts.sum(axis=1).max())


def trained_deviation(result: Result | None, name: str) -> float:
    """Standard deviation of an accuracy as a share of finitely many images (binomial); 0 of other quantities.

    What another seed of the training would change is not in it (see ``repeats``). As one more image, half of it
    right, were in each share, so that one that is all right is not certain (Jeffreys).
    """
    split, _, kind = name.partition("_")
    if split not in ("val", "test"):
        return 0.0
    if result is None or result["status"] != "done":
        return math.nan
    confusion = np.array(result[split]["confusion"], dtype=np.float64)
    right, n = np.diag(confusion), confusion.sum(axis=1)
    if kind == "micro":
        right, n = right.sum(keepdims=True), n.sum(keepdims=True)
    right, n = right[n > 0], n[n > 0]
    share = (right + 0.5) / (n + 1)
    return float(np.sqrt((share * (1 - share) / n).sum()) / len(n))


def timed_deviation(result: Result | None) -> float:
    """Standard error of a timing's ``relative``, the median of its rounds; 0 in results of earlier versions.

    What something disturbed may be off by as much as marks it, and more rounds under the same disturbance tell no more.
    """
    if result is None:
        return math.nan
    least = CONTENDED_SPREAD * result["relative"] if result.get("contended") else 0.0
    if not result.get("reference_rounds"):
        return least
    rounds = np.array(result["round_medians"]) / np.array(result["reference_rounds"])
    lower, upper = np.quantile(rounds, (0.25, 0.75))
    # Of normal numbers: 1.349 deviations are between the quartiles, and a median errs by 1.253 of a mean's error.
    one = float(upper - lower) / 1.349
    return max(least, one) if result.get("contended") else 1.253 * one / math.sqrt(len(rounds))
