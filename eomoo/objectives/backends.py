"""Backends by name: from a card's settings to the object that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eomoo.errors import CardError
from eomoo.objectives.base import Backend, Quantity
from eomoo.objectives.card import Card

__all__ = ["BACKENDS", "build_backends"]

Builder = Callable[[Card, dict[str, Any], dict[str, Quantity]], Backend]


def build_backends(card: Card, options: Mapping[str, Any] | None = None) -> dict[str, Backend]:
    """The backends that a card's objectives and constraints name.

    Args:
        card: The card.
        options: Settings that override the card's, for the backends that have them ("epochs",
            "device", ...); None values are ignored.

    Raises:
        CardError: (a ValueError) An unknown backend, a setting that it does not have, or a unit
            that is not the backend's.
    """
    wanted: dict[str, dict[str, Quantity]] = {}
    for o in card.objectives:
        quantity = Quantity(title=o.title or o.name, unit=o.unit, direction=o.direction)
        wanted.setdefault(o.source, {})[o.quantity] = quantity
    for c in card.constraints:
        known = wanted.setdefault(c.source, {})
        known.setdefault(c.quantity, Quantity(title=c.quantity, unit="", direction="min"))
    backends = {}
    for name, quantities in wanted.items():
        if name not in BACKENDS:
            raise CardError(
                f"problem card {card.name}: unknown source {name!r}; known are {', '.join(BACKENDS)}"
            )
        settings = dict(card.backends.get(name, {}))
        settings.update({k: v for k, v in (options or {}).items() if v is not None})
        backends[name] = BACKENDS[name](card, settings, quantities)
    _check_units(card, backends)
    return backends


def _check_units(card: Card, backends: Mapping[str, Backend]) -> None:
    for part in card.parts:
        known = backends[part.source].quantities
        if part.quantity not in known:
            raise CardError(
                f"problem card {card.name}: the {part.source} backend has no quantity "
                f"{part.quantity!r}; it offers {', '.join(known)}"
            )
    for o in card.objectives:
        unit = backends[o.source].quantities[o.quantity].unit
        if unit != o.unit:
            raise CardError(
                f"problem card {card.name}: objective {o.name!r} has the unit {o.unit!r}, "
                f"but the {o.source} backend gives {o.quantity!r} in {unit!r}"
            )


def _take(card: Card, name: str, settings: dict[str, Any], known: set[str]) -> None:
    for key in settings:
        if key not in known:
            raise CardError(
                f"problem card {card.name}: the {name} backend has no setting {key!r}"
                + (f"; known are {', '.join(sorted(known))}" if known else "")
            )


def _analytic(card: Card, settings: dict[str, Any], quantities: dict[str, Quantity]) -> Backend:
    from eomoo.objectives.analytic import AnalyticBackend, skeleton_from_settings

    _take(card, "analytic", settings, {"skeleton"})
    return AnalyticBackend(skeleton_from_settings(settings.get("skeleton", "so2sat")))


def _surrogate(card: Card, settings: dict[str, Any], quantities: dict[str, Quantity]) -> Backend:
    from eomoo.objectives.surrogate import SurrogateBackend

    _take(card, "surrogate", settings, set())
    return SurrogateBackend()


def _table(card: Card, settings: dict[str, Any], quantities: dict[str, Quantity]) -> Backend:
    from eomoo.objectives.table import TableBackend

    _take(card, "table", settings, {"data", "file"})
    if settings.get("data") == "eo-hwnas":
        return TableBackend.from_eo()
    if not isinstance(settings.get("file"), str):
        raise CardError(
            f"problem card {card.name}: [backend.table] needs file = a table's path beside the card, "
            'or data = "eo-hwnas"'
        )
    return TableBackend.from_file(card.folder / settings["file"], quantities)


def _nasbench101(card: Card, settings: dict[str, Any], quantities: dict[str, Quantity]) -> Backend:
    from eomoo.objectives.nasbench101 import NASBench101Backend

    _take(card, "nasbench101", settings, {"file", "epochs", "halfway", "repeat", "seed"})
    file = settings.pop("file", None)
    return NASBench101Backend(None if file is None else card.folder / file, **settings)


def _live(card: Card, settings: dict[str, Any], quantities: dict[str, Quantity]) -> Backend:
    from eomoo.objectives.live import LiveBackend

    return LiveBackend.from_card(settings, base=card.folder)


BACKENDS: Mapping[str, Builder] = {
    "analytic": _analytic,
    "live": _live,
    "nasbench101": _nasbench101,
    "surrogate": _surrogate,
    "table": _table,
}
