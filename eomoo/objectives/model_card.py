"""The problem card that is written beside models, so that they can be searched at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from eomoo.data.eo_table import EO_QUANTITIES
from eomoo.files import to_toml, write_text
from eomoo.fronts import Quantity
from eomoo.models import FAILED, Models, use_of
from eomoo.objectives.analytic import AnalyticBackend
from eomoo.objectives.base import errors_of, with_errors
from eomoo.objectives.card import TAKEN_NAMES
from eomoo.space import SO2SAT

# A front is of cells that have not been seen: what was measured on other images comes first, and training last.
_SPLITS = ("val", "", "test", "train")
# What a network costs whenever it is used comes before what it costs once.
_COSTS = ("latency", "energy", "time", "", "count", "train_time")
_Fact = Mapping[str, str]


def write_card(models: Models, folder: str | Path) -> Path:
    """Write a problem card of models beside them: an accuracy's error, or an error, and a cost, minimised.

    Where no accuracy was measured, the error on So2Sat LCZ42 that the models that come with eomoo predict takes its
    place, unless the networks are known to be others; where no cost was, or both lack, parameters do. Cells that
    fail with a probability of one half or more are not feasible, where that was learnt.

    Returns:
        The file ``card.toml``.
    """
    quantities = {name: target.quantity for name, target in models.targets.items()}
    offered = with_errors(quantities)
    objectives = [*_objectives(models, quantities)]
    card = {"title": _title(models, objectives), "citation": "", "budget": 500, "objectives": objectives}
    if FAILED in models.targets:
        card["constraints"] = [{"quantity": FAILED, "source": "surrogate:.", "max": 0.5}]
    path = Path(folder) / "card.toml"
    write_text(path, "\n".join([*_comments(models, offered), to_toml(card)]))
    return path


def _objectives(models: Models, quantities: Mapping[str, Quantity]) -> Iterator[_Fact]:
    """What the card minimises, or maximises: how good a network is, and what it costs."""
    kinds = {name: target.told_kind(name) for name, target in models.targets.items() if name != FAILED}
    good = sorted((name for name, kind in kinds.items() if kind in ("accuracy", "error")), key=_split)
    costs = sorted((name for name in kinds if name not in good), key=lambda name: _cost(name, kinds[name]))
    errors = {accuracy: error for error, accuracy in errors_of(quantities).items()}
    parameters = _fact("params", AnalyticBackend.quantities["params"], "analytic")
    if good:
        name = errors.get(good[0], good[0])
        yield _fact(name, with_errors(quantities)[name], "surrogate:.")
    elif models.skeleton in (None, SO2SAT):
        name = "val_macro_error"
        yield {
            **_fact(name, with_errors(EO_QUANTITIES)[name], "surrogate"),
            "title": "validation macro error on So2Sat",
        }
    else:
        yield parameters
    yield _fact(costs[0], quantities[costs[0]], "surrogate:.") if costs else parameters


def _fact(name: str, quantity: Quantity, source: str) -> _Fact:
    plain = re.sub(r"\W", "_", name)
    return {
        "name": plain if plain.isidentifier() and plain not in TAKEN_NAMES else f"predicted_{plain}",
        "title": quantity.title,
        "unit": quantity.unit,
        "direction": quantity.direction,
        "source": source,
        "quantity": name,
    }


def _split(name: str) -> int:
    return _SPLITS.index(next((split for split in _SPLITS if split and name.startswith(split)), ""))


def _cost(name: str, kind: str) -> int:
    return _COSTS.index(name if name in _COSTS else kind)


def _title(models: Models, objectives: list[_Fact]) -> str:
    parts = " and ".join(o["title"] for o in objectives)
    place = f" ({models.title})" if models.title else ""
    return f"{parts[:1].upper()}{parts[1:]}, predicted from {len(models.cells):,} measured cells{place}"


def _comments(models: Models, offered: Mapping[str, Quantity]) -> Iterator[str]:
    """What else the models offer, and what each is good for."""
    yield f"# The models offer {', '.join(offered)}."
    for name, schemes in models.quality.items():
        yield f"# {name}: {use_of(schemes, models.domain.ranges[name])}."
