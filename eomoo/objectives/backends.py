"""Backends by name: from a card's settings to the object that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eomoo.checks import known_keys, number, short, text
from eomoo.data.user_table import TABLE_ENDINGS
from eomoo.errors import CardError
from eomoo.fronts import Quantity
from eomoo.objectives.analytic import AnalyticBackend, skeleton_from_settings
from eomoo.objectives.base import Backend
from eomoo.objectives.card import Card, Constraint
from eomoo.objectives.live import LIVE_SETTINGS, LiveBackend
from eomoo.objectives.nasbench101 import NASBench101Backend
from eomoo.objectives.surrogate import SurrogateBackend
from eomoo.objectives.table import TableBackend
from eomoo.space import SO2SAT

# Checked by the backend that takes them.
_Settings = dict[str, Any]
_Asked = dict[str, Quantity]


@dataclass(frozen=True, kw_only=True)
class BackendKind:
    """How a backend is built from a card.

    Attributes:
        build: Makes it of the card, its settings and the quantities that are asked of it.
        settings: Those that its table on the card may have.
        place: The setting that PLACE is in a source "KIND:PLACE"; None where no such source can be.
    """

    build: Callable[[Card, _Settings, _Asked], Backend]
    settings: frozenset[str]
    place: str | None = None


def build_backends(card: Card, options: Mapping[str, object] | None = None) -> dict[str, Backend]:
    """The backends that a card's objectives and constraints name.

    Args:
        card: The card.
        options: Settings that override the card's, for each backend that has them ("epochs",
            "device", ...), or one value of a table of settings ("latency.batch_size"); None values are ignored.
    """
    wanted: dict[str, dict[str, Quantity]] = {}
    for o in card.objectives:
        quantity = Quantity(title=o.title or o.name, unit=o.unit, direction=o.direction)
        wanted.setdefault(o.source, {})[o.quantity] = quantity
    for c in card.constraints:
        wanted.setdefault(c.source, {}).setdefault(c.quantity, Quantity(title=c.quantity, unit="", direction="min"))
    kinds = {source: _kind_of(card, source) for source in wanted}
    given = {k: v for k, v in (options or {}).items() if v is not None}
    known = sorted({name for kind in kinds.values() for name in kind.settings})
    for key in given:
        if key.partition(".")[0] not in known:
            raise CardError(
                f"problem card {card.name}: its values come from {' and '.join(wanted)}, which has no setting "
                f"{short(key)}; known are {', '.join(known) or 'none'}"
            )
    backends: dict[str, Backend] = {}
    # Counts are of the network that the others tell of, unless the card says which: so they come last.
    for source, quantities in sorted(wanted.items(), key=lambda item: item[0] == "analytic"):
        kind = kinds[source]
        settings = dict(card.backends.get(source, {}))
        known_keys(f"problem card {card.name}: the {source} backend", settings, kind.settings, error=CardError)
        if kind.place is not None and ":" in source:
            settings[kind.place] = source.partition(":")[2]
        if source == "analytic":
            found = (backend.skeleton for backend in backends.values())
            skeleton = next((skeleton for skeleton in found if skeleton is not None), SO2SAT)
            settings.setdefault("skeleton", asdict(skeleton))
        for key, value in given.items():
            if key.partition(".")[0] in kind.settings:
                _override(settings, key, value, where=f"problem card {card.name}: the {source} backend")
        backends[source] = kind.build(card, settings, quantities)
    _check_units(card, backends)
    return {source: backends[source] for source in wanted}


def _override(settings: _Settings, key: str, value: object, *, where: str) -> None:
    """Set a setting, or one value of a table of settings, whose name follows a dot."""
    table, dot, name = key.partition(".")
    if not dot:
        settings[key] = value
        return
    known = settings.get(table, {})
    if not isinstance(known, dict) or not name:
        raise CardError(f"{where}: {table} is no table of settings, so that {short(key)} cannot be set")
    settings[table] = {**known, name: value}


def _check_units(card: Card, backends: Mapping[str, Backend]) -> None:
    for part in card.parts:
        known = backends[part.source].quantities
        if part.quantity not in known:
            counted = f"; {' and '.join(AnalyticBackend.quantities)} are counted for any"
            raise CardError(
                f"problem card {card.name}: the {part.source} backend has no quantity {short(part.quantity)}; "
                f"it offers {', '.join(known)}"
                f"{counted if isinstance(part, Constraint) and part.source != 'analytic' else ''}"
            )
    for o in card.objectives:
        unit = backends[o.source].quantities[o.quantity].unit
        if unit != o.unit:
            raise CardError(
                f"problem card {card.name}: objective {short(o.name)} has the unit {short(o.unit)}, "
                f"but the {o.source} backend gives {short(o.quantity)} in {short(unit)}"
            )


def _kind_of(card: Card, source: str) -> BackendKind:
    name, colon, place = source.partition(":")
    kind = BACKENDS.get(name)
    if kind is None or (colon and (kind.place is None or not place)):
        places = ", ".join(f"{name}:PLACE" for name, kind in BACKENDS.items() if kind.place is not None)
        if source.endswith(TABLE_ENDINGS):
            places += f"; a table is meant by table:{place or source}"
        raise CardError(
            f"problem card {card.name}: unknown source {short(source)}; known are {', '.join(BACKENDS)}, {places}"
        )
    return kind


def _surrogate(card: Card, settings: _Settings, quantities: _Asked) -> Backend:
    folder = settings.pop("folder", None)
    place = None if folder is None else card.folder / text("folder", folder, error=CardError)
    return SurrogateBackend(place, **settings)


def _table(card: Card, settings: _Settings, quantities: _Asked) -> Backend:
    if settings.get("data") == "eo-hwnas":
        return TableBackend.from_eo()
    settings["rungs"] = _rungs(card, settings.pop("rungs", []))
    file = settings.pop("file", None)
    if not isinstance(file, str) or "data" in settings:
        raise CardError(
            f"problem card {card.name}: [backend.table] needs file = a table's path beside the card, "
            'or data = "eo-hwnas"'
        )
    return TableBackend.from_file(card.folder / file, quantities, **settings)


def _rungs(card: Card, rows: object) -> dict[float, Mapping[str, str]]:
    """Shorter trainings, written as [[backend.table.rungs]] with a share and, by quantity, their columns."""
    where = f"problem card {card.name}: [[backend.table.rungs]]"
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CardError(f"{where} are tables of a share and columns; got {short(rows)}")
    found: dict[float, Mapping[str, str]] = {}
    for row in rows:
        known_keys(where, row, ("share", "columns"), error=CardError)
        columns = row.get("columns")
        if not isinstance(columns, dict):
            raise CardError(f"{where} needs columns = {{QUANTITY = COLUMN}}; got {short(columns)}")
        share = number(f"{where}: share", row.get("share"), error=CardError)
        found[share] = {k: text(f"{where}: {k}", v, error=CardError) for k, v in columns.items()}
    return found


def _nasbench101(card: Card, settings: _Settings, quantities: _Asked) -> Backend:
    file = settings.pop("file", None)
    return NASBench101Backend(None if file is None else card.folder / file, **settings)


BACKENDS: Mapping[str, BackendKind] = {
    "analytic": BackendKind(
        build=lambda card, settings, _: AnalyticBackend(skeleton_from_settings(settings["skeleton"])),
        settings=frozenset({"skeleton"}),
    ),
    "live": BackendKind(
        build=lambda card, settings, _: LiveBackend.from_card(settings, base=card.folder), settings=LIVE_SETTINGS
    ),
    "nasbench101": BackendKind(build=_nasbench101, settings=frozenset({"file", "epochs", "halfway", "repeat", "seed"})),
    "surrogate": BackendKind(build=_surrogate, settings=frozenset({"folder", "data", "epochs"}), place="folder"),
    "table": BackendKind(
        build=_table, settings=frozenset({"data", "file", "status", "rungs", "effort", "repeat", "seed"}), place="file"
    ),
}
