"""What stored results of trainings and timings say, how sure that is, and what others in the store may tell."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from eomoo.live.rounds import CONTENDED_SPREAD
from eomoo.live.store import LiveStore, Result, without

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
    """Whether a trained network is no better on the validation images than the largest class alone.

    One that weighs its classes alike may name the largest less often, and then its recalls tell, which luck alone
    leaves within two deviations.
    """
    counts = np.array(result["val"]["confusion"])
    right, n = np.diag(counts), counts.sum(axis=1)
    recalls = right[n > 0] / n[n > 0]
    lucky = 1 / len(recalls) + 2 * trained_deviation(result, "val_macro")
    return bool(right.sum() <= n.max() and recalls.mean() <= lucky)


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
    least = disturbed_deviation(result, "relative")
    if not result.get("reference_rounds"):
        return least
    rounds = np.array(result["round_medians"]) / np.array(result["reference_rounds"])
    lower, upper = np.quantile(rounds, (0.25, 0.75))
    # Of normal numbers: 1.349 deviations are between the quartiles, and a median errs by 1.253 of a mean's error.
    one = float(upper - lower) / 1.349
    return max(least, one) if result.get("contended") else 1.253 * one / math.sqrt(len(rounds))


def disturbed_deviation(result: Result | None, name: str) -> float:
    """What of a training or timing was disturbed may be off by as much as marks it; 0 of what was not."""
    value = None if result is None else result.get(name)
    return math.nan if value is None else CONTENDED_SPREAD * value * bool(result and result.get("contended"))


# What of a setting is named where it differs; versions and devices go without saying.
_NAMED = {"data": "other images", "skeleton": "another skeleton", "recipe": "another recipe"}


def related_trainings(
    store: LiveStore, wanted: Sequence[Mapping[str, object]], name: str, *, least: int, most: int
) -> list[tuple[str, dict[int, float]]]:
    """A quantity of trainings whose setting is none of those wanted, by setting, those of most cells first.

    Args:
        store, name: Where they are, and which quantity: see ``trained_value``.
        wanted: Settings of trainings that are no news, of any cell.
        least, most: Cells that a setting needs; settings at most.

    Returns:
        Of each what it is in words, and values by cell.
    """
    known = [_text(setting) for setting in wanted]
    groups: dict[str, dict[int, Result]] = defaultdict(dict)
    settings: dict[str, Mapping[str, object]] = {}
    for row in store.rows("training"):
        text = _text(row["setting"])
        if row["status"] == "done" and text not in known:
            groups[text][row["cell"]], settings[text] = row["result"], row["setting"]
    found = []
    for text, results in groups.items():
        values = {cell: trained_value(result, name) for cell, result in results.items()}
        values = {cell: value for cell, value in sorted(values.items()) if math.isfinite(value)}
        if len(values) >= least:
            found.append((_words(settings[text], wanted[-1]), values))
    return sorted(found, key=lambda part: -len(part[1]))[:most]


def _text(setting: Mapping[str, object]) -> str:
    return json.dumps(without(setting, "cell"), sort_keys=True)


def _words(setting: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    other = [words for name, words in _NAMED.items() if setting.get(name) != wanted.get(name)]
    return ", ".join([f"epochs {setting.get('epochs')}", f"seed {setting.get('seed')}", *other])
