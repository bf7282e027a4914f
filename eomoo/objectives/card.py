"""Problem cards: TOML files that name a problem by its facts."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import CardError, UnknownNameError
from eomoo.fronts.objectives import Direction, Objective

__all__ = [
    "Card",
    "CardObjective",
    "Constraint",
    "card_folder",
    "list_problems",
    "load_card",
    "parse_constraint",
]

_CARD_KEYS = {
    "title",
    "citation",
    "budget",
    "reference_point",
    "objectives",
    "constraints",
    "backend",
}
_OBJECTIVE_KEYS = {"name", "title", "unit", "direction", "source", "quantity"}
# Attributes of pymoo's individuals, what its algorithms set there, and columns of eomoo's own tables.
_TAKEN_NAMES = {
    *("X", "F", "G", "H", "CV", "FEAS", "dF", "dG", "dH", "ddF", "ddG", "ddH", "x", "f", "cv", "feas"),
    *("feasible", "config", "data", "default_config", "evaluated", "copy", "duplicate", "get", "has"),
    *("new", "reset", "set", "set_by_dict", "n_gen", "n_iter", "rank", "crowding"),
    *("index", "hash", "genotype", "vertices", "step"),
}
_CONSTRAINT_KEYS = {"quantity", "source", "max", "min"}


@dataclass(frozen=True, kw_only=True)
class CardObjective(Objective):
    """One objective of a card; its title is "" where the backend's is taken.

    Attributes:
        source: Name of the backend that its values come from.
        quantity: The backend's name of it.
    """

    source: str
    quantity: str


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
        return (self.most < math.inf) + (self.least > -math.inf)

    def excess(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much values (n,) break each limit: (n, n_limits), at most 0 where one is kept.

        Relative to the limit's own size, so that limits of different quantities can be added.
        """
        parts = []
        if self.most < math.inf:
            parts.append((values - self.most) / (abs(self.most) or 1.0))
        if self.least > -math.inf:
            parts.append((self.least - values) / (abs(self.least) or 1.0))
        return np.stack(parts, axis=1)

    def __str__(self) -> str:
        limits = []
        if self.most < math.inf:
            limits.append(f"{self.quantity} <= {_exact(self.most)}")
        if self.least > -math.inf:
            limits.append(f"{self.quantity} >= {_exact(self.least)}")
        return " and ".join(limits)


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

    @property
    def parts(self) -> list[CardObjective | Constraint]:
        """The objectives and then the constraints: all that has a source and a quantity."""
        return [*self.objectives, *self.constraints]


def card_folder() -> Path:
    """Where the shipped cards lie: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "problems"
    return inside if inside.is_dir() else package.parent / "problems"


def list_problems() -> list[str]:
    """Names of the shipped cards, sorted."""
    return sorted(path.stem for path in card_folder().glob("*.toml"))


def load_card(name_or_path: str | Path) -> Card:
    """Read a card.

    Args:
        name_or_path: The name of a shipped card, or a path to a TOML file.

    Raises:
        UnknownNameError: (a KeyError) Neither a shipped card nor a file.
        CardError: (a ValueError) The card says something that it cannot; the text names the key.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in list_problems():
            raise UnknownNameError(
                f"no problem card is called {str(name_or_path)!r}; shipped are {', '.join(list_problems())}; "
                "a card of your own is given as a path that ends in .toml"
            )
        path = card_folder() / f"{name_or_path}.toml"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CardError(f"the problem card {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CardError(f"the problem card {path} cannot be read: {error}") from None
    try:
        content = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CardError(f"the problem card {path} is no text file in UTF-8") from None
    except (ValueError, RecursionError) as error:
        # Not only TOMLDecodeError: numbers of thousands of digits and deep nesting raise others.
        raise CardError(f"the problem card {path} is no valid TOML: {error}") from None
    return _Reader(path).card(content, hashlib.sha256(data).hexdigest())


def parse_constraint(text: str, card: Card) -> Constraint:
    """A constraint written as ``latency<=10`` or ``params <= 5e6``, of a card's quantity.

    The quantity is looked up among the card's objectives first; "params" and "macs" are always known.
    """
    for sign in ("<=", ">="):
        name, found, limit = text.partition(sign)
        if found:
            break
    name, value = name.strip(), _number(limit)
    if not found or not name or value is None:
        raise CardError(f"a constraint reads like 'latency<=10' or 'params<=5e6'; got {text!r}")
    known = {o.name: (o.quantity, o.source) for o in card.objectives}
    others = {"params": ("params", "analytic"), "macs": ("macs", "analytic")}
    if name not in known and name not in others:
        source = card.objectives[0].source
        quantity = name
    else:
        quantity, source = known.get(name) or others[name]
    limits = {"most": value} if sign == "<=" else {"least": value}
    return Constraint(quantity=quantity, source=source, **limits)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class _Reader:
    """Turns a card's content into a ``Card``, naming the file and the key that is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, text: str) -> CardError:
        return CardError(f"problem card {self.path}: {text}")

    def card(self, content: dict[str, Any], digest: str) -> Card:
        self._known_keys(content, _CARD_KEYS, "the card")
        rows = content.get("objectives")
        if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
            raise self.fail("it needs at least one [[objectives]] table")
        objectives = tuple(self._objective(row, k) for k, row in enumerate(rows, 1))
        names = [o.name for o in objectives]
        if len(set(names)) < len(names):
            raise self.fail(f"two objectives have the same name among {', '.join(names)}")
        limits = content.get("constraints", [])
        if not isinstance(limits, list) or not all(isinstance(r, dict) for r in limits):
            raise self.fail("constraints are written as [[constraints]] tables")
        backends = content.get("backend", {})
        if not isinstance(backends, dict) or not all(isinstance(v, dict) for v in backends.values()):
            raise self.fail("settings of a backend are written as a [backend.NAME] table")
        constraints = tuple(self._constraint(row, k) for k, row in enumerate(limits, 1))
        used = {o.source for o in objectives} | {c.source for c in constraints}
        unused = set(backends) - used
        if unused:
            raise self.fail(f"no objective has [backend.{min(unused)}] as its source")
        return Card(
            name=self.path.stem,
            title=self._text(content, "title", "the card", default=self.path.stem),
            citation=self._text(content, "citation", "the card", default=""),
            objectives=objectives,
            constraints=constraints,
            reference_point=self._reference_point(content, len(objectives)),
            budget=self._budget(content),
            backends=backends,
            folder=self.path.resolve().parent,
            digest=digest,
        )

    def _objective(self, row: dict[str, Any], k: int) -> CardObjective:
        where = f"objective {k}"
        self._known_keys(row, _OBJECTIVE_KEYS, where)
        name = self._text(row, "name", where)
        if not name.isidentifier() or name in _TAKEN_NAMES:
            raise self.fail(
                f"{where}: the name {name!r} must be a plain identifier, "
                "not one that pymoo or eomoo's tables use"
            )
        direction = self._text(row, "direction", where)
        if direction not in ("min", "max"):
            raise self.fail(f'{where}: direction must be "min" or "max"; got {direction!r}')
        return CardObjective(
            name=name,
            title=self._text(row, "title", where, default=""),
            unit=self._text(row, "unit", where),
            direction=cast(Direction, direction),
            source=self._text(row, "source", where),
            quantity=self._text(row, "quantity", where, default=name),
        )

    def _constraint(self, row: dict[str, Any], k: int) -> Constraint:
        where = f"constraint {k}"
        self._known_keys(row, _CONSTRAINT_KEYS, where)
        if not {"max", "min"} & set(row):
            raise self.fail(f"{where} needs a key max or min")
        return Constraint(
            quantity=self._text(row, "quantity", where),
            source=self._text(row, "source", where),
            most=self._finite(row, "max", where, default=math.inf),
            least=self._finite(row, "min", where, default=-math.inf),
        )

    def _reference_point(self, content: dict[str, Any], n: int) -> tuple[float, ...] | None:
        if "reference_point" not in content:
            return None
        values = content["reference_point"]
        if not isinstance(values, list) or len(values) != n or not all(map(_is_finite, values)):
            raise self.fail(f"reference_point needs {n} finite numbers, one an objective; got {values!r}")
        return tuple(float(v) for v in values)

    def _budget(self, content: dict[str, Any]) -> int:
        value = content.get("budget", 500)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.fail(f"budget must be a whole number of at least 1; got {value!r}")
        return value

    def _known_keys(self, table: dict[str, Any], known: set[str], where: str) -> None:
        for key in table:
            if key not in known:
                raise self.fail(f"unknown key {key!r} in {where}; known are {', '.join(sorted(known))}")

    def _text(self, table: dict[str, Any], key: str, where: str, *, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self.fail(f"{where} needs a text for {key!r}; got {value!r}")
        return value

    def _finite(self, table: dict[str, Any], key: str, where: str, *, default: float) -> float:
        value = table.get(key, default)
        if key in table and not _is_finite(value):
            raise self.fail(f"{where} needs a finite number for {key!r}; got {value!r}")
        return float(value)


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _exact(value: float) -> str:
    """The shortest text that means this number and no other."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))
