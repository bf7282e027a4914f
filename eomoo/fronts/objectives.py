"""What is optimised: names, units and directions, and the one place where directions turn round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from eomoo.arrays import Facts, Floats, Ints
from eomoo.checks import array, short
from eomoo.errors import SettingError

Direction = Literal["min", "max"]

_SHARES = {"%": 100.0, "fraction": 1.0}
_COUNTED = ("", "bytes")
_NEVER_NEGATIVE = {"s", "ms", "min", "h", "J", "mJ", "W", "kB", "MB", "MiB", "GB", "GiB"}


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """What can be told of a cell.

    Attributes:
        title: A few words for axes and tables.
        unit: Unit of its raw values, "" for a count.
        direction: Which values are better, by nature or as an objective: "min" or "max".

    Raises:
        SettingError: (a ValueError) The direction is none.
    """

    title: str
    unit: str
    direction: Direction

    def __post_init__(self) -> None:
        if self.direction not in ("min", "max"):
            raise SettingError(f'{short(self.title)}: a direction is "min" or "max"; got {short(self.direction)}')

    @property
    def larger_is_better(self) -> bool:
        """Whether larger values are better."""
        return self.direction == "max"

    def forbids_worse_only(self, least: float, most: float) -> bool:
        """Whether bounds, infinite where there is none, leave the better side open."""
        return most == np.inf if self.larger_is_better else least == -np.inf

    @property
    def label(self) -> str:
        """Title and unit, for headings."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def counted(self, values: Floats) -> Floats | Ints:
        """Values (n,), as whole numbers where the unit is that of a count and all of them are whole."""
        # From 2**53 on not every whole number is a float.
        whole = self.unit in _COUNTED and bool(((values == np.rint(values)) & (np.abs(values) < 2**53)).all())
        return values.astype(np.int64) if whole else values

    @property
    def possible(self) -> tuple[float, float]:
        """The least and the largest value that can be, by the unit: shares end, and no time or size is negative."""
        least = 0.0 if self.unit in _SHARES or self.unit.split("/")[0] in _NEVER_NEGATIVE else -np.inf
        return least, _SHARES.get(self.unit, np.inf)

    @property
    def best(self) -> float:
        """The best value that can be, by the unit; infinite where there is none."""
        least, most = self.possible
        return most if self.larger_is_better else least

    def minimise(self, values: Floats) -> Floats:
        """Raw values (...) as they are minimised; minimised ones as they are raw."""
        return -values if self.larger_is_better else values


@dataclass(frozen=True, kw_only=True)
class Objective(Quantity):
    """A quantity by its name, an identifier, and in the direction in which it is to go."""

    name: str


@dataclass(frozen=True)
class Objectives:
    """The objectives of a problem, in order: a sequence of ``Objective``, equal where all facts are.

    Raw values are in the objectives' own units and directions; minimised ones are what dominance,
    indicators and pymoo see. Nothing else turns one into the other.

    Args:
        parts: At least one objective, each of its own name.
        reference_point: (m,) raw values that bound the hypervolume; None if unknown.

    Raises:
        SettingError: (a ValueError) No objective, two of one name, or a reference point of another length.
    """

    parts: tuple[Objective, ...]
    reference_point: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.parts or len(set(self.names)) < len(self.parts):
            raise SettingError(f"objectives need names that differ, at least one; got {self.names}")
        if self.reference_point is not None and len(self.reference_point) != len(self.parts):
            raise SettingError(f"reference_point needs {len(self.parts)} numbers; got {self.reference_point}")

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Objective]:
        return iter(self.parts)

    def __getitem__(self, k: int) -> Objective:
        return self.parts[k]

    @property
    def names(self) -> list[str]:
        """(m,) names."""
        return [o.name for o in self.parts]

    @property
    def titles(self) -> list[str]:
        """(m,) titles."""
        return [o.title for o in self.parts]

    @property
    def units(self) -> list[str]:
        """(m,) units."""
        return [o.unit for o in self.parts]

    @property
    def directions(self) -> list[Direction]:
        """(m,) "min" or "max"."""
        return [o.direction for o in self.parts]

    @cached_property
    def reference(self) -> Floats | None:
        """(m,) the reference point, minimised; None if unknown."""
        return None if self.reference_point is None else self.minimise(self.reference_point)

    def minimise(self, values: ArrayLike) -> Floats:
        """Raw values (..., m) as they are minimised, an array of its own: maximised ones negated."""
        found = array("values", values, np.float64)
        if found.shape[-1:] != (len(self),):
            raise SettingError(f"values have shape (..., {len(self)}), a column an objective; got {found.shape}")
        return found * self._signs

    def raw(self, F: ArrayLike) -> Floats:
        """Minimised values (..., m) in the objectives' own directions: ``minimise`` undone."""
        return self.minimise(F)

    def within(self, values: ArrayLike, known: Floats) -> Floats:
        """Raw values (n, m) of bands and bars, cut where no value can be; ``known`` ones (k, m) are not beyond."""
        low, high = np.array([o.possible for o in self.parts]).T
        return np.clip(values, np.min([low, *known], axis=0), np.max([high, *known], axis=0))

    def best_so_far(self, values: Floats) -> Floats:
        """The best of the first k raw values (n, m), for each k: (n, m), raw."""
        return self.raw(np.minimum.accumulate(self.minimise(values), axis=0))

    def to_dict(self) -> Facts:
        """As JSON or TOML may hold it; ``from_dict`` reads it."""
        point = self.reference_point
        return {
            "objectives": [{"name": o.name, **asdict(o)} for o in self.parts],
            "reference_point": None if point is None else list(point),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Objectives:
        """From what ``to_dict`` gave; other keys are ignored.

        Raises:
            KeyError, TypeError: Something is missing or of another kind.
            SettingError: See above.
        """
        point = facts["reference_point"]
        return cls(
            tuple(Objective(**o) for o in facts["objectives"]),
            None if point is None else tuple(float(v) for v in point),
        )

    @cached_property
    def _signs(self) -> Floats:
        return np.array([-1.0 if o.larger_is_better else 1.0 for o in self.parts])
