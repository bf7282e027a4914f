"""Trainings in a store that were made otherwise than those that are wanted: for other epochs, on other images."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from eomoo.live.results import trained_value
from eomoo.live.store import LiveStore, Result

# What of a setting is named where it differs; versions and devices go without saying.
_NAMED = {"data": "other images", "skeleton": "another skeleton", "recipe": "another recipe"}


def related_trainings(
    store: LiveStore, wanted: Sequence[Mapping[str, object]], name: str, *, least: int, most: int
) -> list[tuple[str, dict[int, float]]]:
    """A quantity of trainings whose setting is none of those wanted, by setting, those of most cells first.

    Args:
        store: Where they are.
        wanted: Settings of trainings that are no news, of any cell.
        name: The quantity, see ``trained_value``.
        least: Cells that a setting needs.
        most: Settings at most.

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
    return json.dumps({name: value for name, value in setting.items() if name != "cell"}, sort_keys=True)


def _words(setting: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    other = [words for name, words in _NAMED.items() if setting.get(name) != wanted.get(name)]
    return ", ".join([f"epochs {setting.get('epochs')}", f"seed {setting.get('seed')}", *other])
