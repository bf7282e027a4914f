"""Problem cards: TOML files that name a problem by its facts."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from shlex import quote
from typing import Any, cast, get_args

import numpy as np

from eomoo.arrays import Bools, Floats
from eomoo.checks import choice, known_keys, line, number, short, text, whole
from eomoo.errors import CardError, EomooError, SettingError, UnknownNameError
from eomoo.files import read_toml, sha256_of
from eomoo.fronts import Direction, Objective
from eomoo.objectives.base import Cost

# About what the published searches were given; a run of it takes seconds.
_BUDGET = 500
# Far above what people write: the longest shipped card has a thousand bytes.
_MOST_BYTES = 2**20
_CARD_KEYS = {"title", "citation", "budget", "reference_point", "objectives", "constraints", "backend"}
_OBJECTIVE_KEYS = {"name", "title", "unit", "direction", "source", "quantity", "cost"}
# Attributes of pymoo's individuals, what its algorithms set there, and columns of eomoo's own tables.
TAKEN_NAMES = {
    *("X", "F", "G", "H", "CV", "FEAS", "dF", "dG", "dH", "ddF", "ddG", "ddH", "x", "f", "cv", "feas"),
    *("feasible", "config", "data", "default_config", "evaluated", "copy", "duplicate", "get", "has"),
    *("new", "reset", "set", "set_by_dict", "n_gen", "n_iter", "rank", "crowding"),
    *("index", "hash", "genotype", "vertices", "step"),
}
# What a letter behind a number counts, as on the page of a run.
_LETTERS = {"k": 1e3, "m": 1e6, "g": 1e9}
_CONSTRAINT_KEYS = {"quantity", "source", "max", "min"}


@dataclass(frozen=True, kw_only=True)
class CardObjective(Objective):
    """One objective of a card; its title is "" where the backend's is taken.

    Attributes:
        source: Name of the backend that its values come from.
        quantity: The backend's name of it.
        cost: "free", "cheap" or "dear"; "" for what the backend says.
    """

    source: str
    quantity: str
    cost: str = ""


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A limit on a quantity, in its raw unit: at most ``most`` and at least ``least``."""

    quantity: str
    source: str
    most: float = math.inf
    least: float = -math.inf

    @property
    def n_limits(self) -> int:
        """How many limits it sets: one, or two where it has both ends."""
        return len(self._ends)

    @property
    def _ends(self) -> list[tuple[str, float]]:
        """The limits that it sets, each with its sign."""
        return [(sign, end) for sign, end in (("<=", self.most), (">=", self.least)) if math.isfinite(end)]

    def keeps(self, values: Floats) -> Bools:
        """Which of some values, of any shape, keep it."""
        return (values <= self.most) & (values >= self.least)

    def excess(self, values: Floats) -> Floats:
        """By how much values (n,) break each limit: (n, limits), at most 0 where one is kept.

        Relative to the limit's own size, so that limits of different quantities can be added.
        """
        beyond = [(values - end if sign == "<=" else end - values, end) for sign, end in self._ends]
        return np.stack([part / (abs(end) or 1.0) for part, end in beyond], axis=1)

    def __str__(self) -> str:
        return " and ".join(f"{self.quantity} {sign} {_exact(end)}" for sign, end in self._ends)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A problem card.

    Attributes:
        name: The file's name without its ending.
        title, citation: What it is; where its data come from.
        objectives: At least one.
        constraints: Limits that a feasible cell keeps.
        reference_point: Raw values, one an objective, that bound the hypervolume; None if unknown.
        budget: Default number of distinct cells that a run may evaluate.
        backends: Settings of each backend by name.
        folder: Where the card lies; files that it names are relative to it.
        digest: SHA-256 of the card's bytes.
        latency_from: Folder of the models that its latency was exchanged for; "" where it is the card's own.
    """

    name: str
    title: str
    citation: str
    objectives: tuple[CardObjective, ...]
    constraints: tuple[Constraint, ...]
    reference_point: tuple[float, ...] | None
    budget: int
    backends: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    folder: Path
    digest: str
    latency_from: str = ""

    @property
    def path(self) -> Path:
        """The card's file."""
        return (self.folder / f"{self.name}.toml").absolute()

    @property
    def shipped(self) -> bool:
        """Whether it comes with the package, and is known by its name."""
        return self.folder == card_folder()

    @property
    def predicted(self) -> bool:
        """Whether values of an objective are predicted by models."""
        return any(o.source == "surrogate" for o in self.objectives)

    @property
    def parts(self) -> list[CardObjective | Constraint]:
        """The objectives and then the constraints: all that has a source and a quantity."""
        return [*self.objectives, *self.constraints]

    @property
    def live(self) -> bool:
        """Whether networks are trained or timed for its values."""
        return any(part.source == "live" for part in self.parts)


@cache
def card_folder() -> Path:
    """Where the shipped cards lie: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "problems"
    return inside if inside.is_dir() else package.parent / "problems"


def list_problems() -> list[str]:
    """Names of the shipped cards, sorted.

    Examples:
        >>> "eo-macro-latency" in eomoo.list_problems()
        True
    """
    return sorted(path.stem for path in card_folder().glob("*.toml"))


def card_name(named: object) -> str:
    """A card's name or path, as text.

    Raises:
        SettingError: (a ValueError) It is neither, but a problem, say.
    """
    if isinstance(named, str | os.PathLike):
        return os.fspath(named)
    raise SettingError(f"a problem card is given by its name or path; got a {type(named).__name__}")


def load_card(name_or_path: str | Path) -> Card:
    """Read a card.

    Args:
        name_or_path: The name of a shipped card, or a path to a TOML file.

    Raises:
        UnknownNameError: (a KeyError) Neither a shipped card nor a file.
        CardError: (a ValueError) The card says something that it cannot; the text names the key.
        SettingError: (a ValueError) It is neither a name nor a path.
    """
    name = card_name(name_or_path)
    path = Path(name)
    if path.suffix != ".toml":
        if name not in list_problems():
            raise UnknownNameError(f"no problem card is called {name!r}; {_meant(path)}")
        path = card_folder() / f"{name_or_path}.toml"
    try:
        content = read_toml(path, max_size=_MOST_BYTES, error=CardError)
        digest = sha256_of(path, max_size=_MOST_BYTES)
    except EomooError as error:
        raise CardError(f"the problem card cannot be read: {error}") from None
    return _card(path, content, digest)


def _meant(path: Path) -> str:
    """What to give instead of a path that is no card."""
    # Of names that no file can have these say no.
    if os.path.isfile(path / "card.toml"):
        return f"the one in that folder is {path / 'card.toml'}"
    if os.path.isfile(path) or os.path.isfile(path / "benchmark.toml"):
        models = f"`eomoo surrogate fit {quote(str(path))} --out MODELS`"
        return f"a table is searched by models of it: {models}, then `eomoo run MODELS/card.toml`"
    if os.path.isfile(path / "results.sqlite"):
        return f"`eomoo report {quote(str(path))}` shows what lies in that folder; the command that made it goes on"
    return f"shipped are {', '.join(list_problems())}; a card of your own is given as a path that ends in .toml"


def parse_constraint(limit: str, card: Card) -> Constraint:
    """A constraint written as ``latency<=10``, ``params <= 5e6`` or ``params<=5M``, of a card's quantity.

    The quantity is looked up among the card's objectives first; "params" and "macs" are always known.
    """
    for end in ("<=", ">="):
        name, found, bound = limit.partition(end)
        if found:
            break
    name, value, bound = name.strip(), math.nan, bound.replace(" ", "").lower()
    with contextlib.suppress(ValueError):
        value = float(bound[:-1]) * _LETTERS[bound[-1]] if bound[-1:] in _LETTERS else float(bound)
    if not found or not name or not math.isfinite(value):
        has = f"no number alone after {end}" if name else f"no quantity before {end}"
        raise CardError(
            "a constraint reads like 'latency<=10' or 'params<=5M', in the quantity's own unit; "
            f"{short(limit)} has {has if found else 'neither <= nor >='}"
        )
    known = {name: (name, "analytic") for name in ("params", "macs")}
    known |= {o.name: (o.quantity, o.source) for o in card.objectives}
    quantity, source = known.get(name, (name, card.objectives[0].source))
    limits = {"most": value} if end == "<=" else {"least": value}
    return Constraint(quantity=quantity, source=source, **limits)


def _card(path: Path, content: Mapping[str, object], digest: str) -> Card:
    """The card of a file's content; each error names the file and the key."""
    where = f"problem card {path}"
    known_keys(where, content, _CARD_KEYS, error=CardError)
    rows, limits = content.get("objectives"), content.get("constraints", [])
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
        raise CardError(f"{where}: it needs at least one [[objectives]] table")
    objectives = tuple(_objective(row, f"{where}: objective {k}") for k, row in enumerate(rows, 1))
    names = [o.name for o in objectives]
    if len(set(names)) < len(names):
        raise CardError(f"{where}: two objectives have the same name among {', '.join(names)}")
    if not isinstance(limits, list) or not all(isinstance(r, dict) for r in limits):
        raise CardError(f"{where}: constraints are written as [[constraints]] tables")
    backends = content.get("backend", {})
    if not isinstance(backends, dict) or not all(isinstance(v, dict) for v in backends.values()):
        raise CardError(f"{where}: settings of a backend are written as a [backend.NAME] table")
    constraints = tuple(_constraint(row, f"{where}: constraint {k}") for k, row in enumerate(limits, 1))
    unused = set(backends) - {o.source for o in objectives} - {c.source for c in constraints}
    if unused:
        raise CardError(f"{where}: no objective has [backend.{min(unused)}] as its source")
    return Card(
        name=path.stem,
        title=_text(content, "title", where, default=path.stem, read=line),
        citation=_text(content, "citation", where, default=""),
        objectives=objectives,
        constraints=constraints,
        reference_point=_reference_point(content, len(objectives), where),
        budget=whole(f"{where}: budget", content.get("budget", _BUDGET), least=1, error=CardError),
        backends=backends,
        folder=path.resolve().parent,
        digest=digest,
    )


def _objective(row: Mapping[str, object], where: str) -> CardObjective:
    known_keys(where, row, _OBJECTIVE_KEYS, error=CardError)
    name = _text(row, "name", where)
    if not name.isidentifier() or name in TAKEN_NAMES:
        raise CardError(
            f"{where}: the name {short(name)} must be a plain identifier, not one that pymoo or eomoo's tables use; "
            "choose another one, and let the key quantity say what the source calls it"
        )
    direction = choice(f"{where}: direction", row.get("direction"), ("min", "max"), error=CardError)
    return CardObjective(
        name=name,
        title=_text(row, "title", where, default="", read=line),
        unit=_text(row, "unit", where, read=line),
        direction=cast(Direction, direction),
        source=_text(row, "source", where),
        quantity=_text(row, "quantity", where, default=name),
        cost=choice(f"{where}: cost", row["cost"], get_args(Cost), error=CardError) if "cost" in row else "",
    )


def _constraint(row: Mapping[str, object], where: str) -> Constraint:
    known_keys(where, row, _CONSTRAINT_KEYS, error=CardError)
    if not {"max", "min"} & set(row):
        raise CardError(f"{where} needs a key max or min")
    limits = {key: number(f"{where}: {key}", row[key], error=CardError) for key in ("max", "min") if key in row}
    return Constraint(
        quantity=_text(row, "quantity", where),
        source=_text(row, "source", where),
        most=limits.get("max", math.inf),
        least=limits.get("min", -math.inf),
    )


def _reference_point(content: Mapping[str, object], n: int, where: str) -> tuple[float, ...] | None:
    values = content.get("reference_point")
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != n:
        raise CardError(f"{where}: reference_point needs {n} numbers, one an objective; got {short(values)}")
    return tuple(number(f"{where}: reference_point", value, error=CardError) for value in values)


def _text(
    table: Mapping[str, object], key: str, where: str, *, default: str | None = None, read: Callable[..., str] = text
) -> str:
    if default is None and key not in table:
        hint = '; that of a count is unit = ""' if key == "unit" else ""
        raise CardError(f"{where}: {key} is missing{hint}")
    return read(f"{where}: {key}", table.get(key, default), error=CardError)


def _exact(value: float) -> str:
    """The shortest text that means this number and no other."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))
