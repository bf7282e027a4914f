"""What a study folder is for: a copy of its study, so that no other one is mixed in."""

from __future__ import annotations

from pathlib import Path

from eomoo.arrays import Facts
from eomoo.checks import listed
from eomoo.errors import CardError, DataError, StoreError
from eomoo.files import check_digests, forget_digests, read_json, to_json, write_digests, write_json
from eomoo.objectives.card import load_card
from eomoo.study.earlier import another
from eomoo.study.plan import Study, parse_study, probe_name
from eomoo.study.store import STORE_NAME

RECORD_NAME = "study.json"
# As many seeds as a study may have take a hundredth of it.
_MOST_BYTES = 10_000_000


def record_study(study: Study, folder: str | Path) -> None:
    """Write a study into its folder; the folder of the same study, or of a part of it, is taken over.

    So a study may grow by seeds, algorithms, problems or budgets, and what was run before is kept.

    Raises:
        SettingError: (a ValueError) The folder holds another study; the text names all that differs.
        StoreError: It holds results of something else, or a card has changed.
    """
    folder, digests = Path(folder), {spec.card: load_card(spec.card).digest for spec in study.problems}
    old = _read(folder)
    if old is None:
        if (folder / STORE_NAME).exists():
            raise StoreError(f"{folder} holds results that are not of a study; choose another folder")
    else:
        known = parse_study(old["study"])
        before, now = _budgets(known), _budgets(study)
        grows = all(budget <= now.get(run, 0) for run, budget in before.items())
        part = all(budget == before.get(run) for run, budget in now.items())
        if not (grows or part):
            raise another(folder, _facts(study), _facts(known))
        for card, digest in old["cards"].items():
            if digests.get(card, digest) != digest:
                raise StoreError(
                    f"{folder} was begun with another version of the problem card {card}; choose another folder"
                )
    if old is None or not part:
        forget_digests(folder)
        write_json(folder / RECORD_NAME, {"study": study.content, "cards": digests})
    # Also where a kill came between the two.
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
        content = read_json(path, max_size=_MOST_BYTES)
        parse_study(content["study"])
        cards = dict(content["cards"])
    except (ValueError, KeyError, TypeError, CardError, DataError):
        raise StoreError(f"{path} is damaged; start again in a new folder") from None
    return {"study": content["study"], "cards": cards}


def _budgets(study: Study) -> dict[str, int]:
    """The budget of every run of a study, by all else that it is, as text."""
    return {
        to_json(
            [
                [task.problem.card, task.problem.noise, task.problem.constraints],
                [task.spec.label, task.spec.algorithm, sorted(task.spec.settings.items())],
                [task.seed, sorted(map(probe_name, study.probes))],
            ]
        ): task.budget
        for task in study.tasks
    }


def _facts(study: Study) -> Facts:
    """What a study is, in words."""
    first = study.problems[0]
    settings = {f"{s.label} {name}": value for s, _ in study.algorithms for name, value in s.settings.items()}
    return {
        "problems": listed(problem.card for problem in study.problems),
        "noise": first.noise,
        "limits": ", ".join(first.constraints),
        "algorithms": listed(spec.label for spec, _ in study.algorithms),
        **settings,
        **{f"budget of {spec.label}": budget for spec, budget in study.algorithms},
        "seeds": listed(study.seeds),
        "probes": listed(study.probes),
    }
