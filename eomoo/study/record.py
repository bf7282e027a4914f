"""What a study folder is for: a copy of its study, so that no other one is mixed in."""

from __future__ import annotations

import json
from pathlib import Path

from eomoo.arrays import Facts
from eomoo.errors import CardError, DataError, StoreError
from eomoo.files import check_digests, forget_digests, read_bytes, to_json, write_digests, write_json
from eomoo.objectives.card import load_card
from eomoo.study.plan import Study, parse_study, probe_name
from eomoo.study.store import STORE_NAME

RECORD_NAME = "study.json"
# As many seeds as a study may have take a hundredth of it.
_MOST_BYTES = 10_000_000


def record_study(study: Study, folder: str | Path) -> None:
    """Write a study into its folder; the folder of the same study, or of a part of it, is taken over.

    So a study may grow by seeds, algorithms or problems, and what was run before is kept.

    Raises:
        StoreError: The folder holds another study, results of something else, or a card has changed.
    """
    folder, digests = Path(folder), {spec.card: load_card(spec.card).digest for spec in study.problems}
    old = _read(folder)
    if old is None:
        if (folder / STORE_NAME).exists():
            raise StoreError(f"{folder} holds results that are not of a study; choose another folder")
    else:
        before, now = _keys(parse_study(old["study"])), _keys(study)
        if not (before <= now or before > now):
            title = old["study"]["title"] or "without a title"
            raise StoreError(f"{folder} holds another study ({title}); choose another folder")
        for card, digest in old["cards"].items():
            if digests.get(card, digest) != digest:
                raise StoreError(
                    f"{folder} was begun with another version of the problem card {card}; choose another folder"
                )
        if before >= now:
            return
    forget_digests(folder)
    write_json(folder / RECORD_NAME, {"study": study.content, "cards": digests})
    write_digests(folder, [RECORD_NAME])


def recorded_study(folder: str | Path) -> Study | None:
    """The study that a folder is of; None where there is none."""
    content = _read(Path(folder))
    return None if content is None else parse_study(content["study"])


def _read(folder: Path) -> Facts | None:
    path = folder / RECORD_NAME
    if not path.exists():
        return None
    check_digests(folder)
    try:
        content = json.loads(read_bytes(path, max_size=_MOST_BYTES))
        parse_study(content["study"])
        cards = dict(content["cards"])
    except (ValueError, KeyError, TypeError, CardError, DataError):
        raise StoreError(f"{path} is damaged; start again in a new folder") from None
    return {"study": content["study"], "cards": cards}


def _keys(study: Study) -> set[str]:
    """Every run of a study as text."""
    return {
        to_json(
            [
                [task.problem.card, task.problem.noise, task.problem.constraints],
                [task.spec.label, task.spec.algorithm, sorted(task.spec.settings.items())],
                [task.budget, task.seed, sorted(map(probe_name, study.probes))],
            ]
        )
        for task in study.tasks
    }
