"""What a store holds as plain records, and the digests that prove them unchanged."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.fronts import FrontSummary, Objectives, Quantity
from eomoo.space import SO2SAT, Skeleton
from eomoo.space.enumeration import N_CELLS
from eomoo.version import versions_of

OWN_FACTS = (
    "surrogate", "ended", "nearest", "limited", "uncertainty", "basis", "measured", "evaluated", "drawn", "hours",
    "network", "spending", "repeats",
)  # fmt: skip
"""Names of what a run keeps of itself in ``RunRow.extra``, beside which a study's probes have names of their own."""


@dataclass(frozen=True, kw_only=True)
class Limit(Quantity):
    """A quantity that a problem limits, in its unit.

    Attributes:
        name: The quantity.
        objective: The objective that it is as well; "" where it is none.
        most, least: The limits; infinite where there is none.
    """

    name: str
    objective: str
    most: float
    least: float

    @classmethod
    def read(cls, facts: Facts) -> Self:
        """A limit from JSON, which has None where there is none."""
        none = {"most": math.inf, "least": -math.inf}
        return cls(**facts | {end: value for end, value in none.items() if facts[end] is None})

    def slack(self, values: Floats) -> Floats:
        """How far values (n,) are within the limits; negative where one is broken."""
        return np.minimum(self.most - values, values - self.least)


@dataclass(frozen=True, kw_only=True)
class ProblemRow:
    """A problem as the store knows it.

    Attributes:
        id: Its number in this store.
        name, title, citation: As on the card.
        digest: SHA-256 of the card.
        noise: Seed of the noise, or None.
        constraints: Limits as text.
        objectives: Names, titles, units, directions and the reference point.
        skeleton: The network around the cells, for counts of parameters.
        fingerprint: Of what the card points to: tables, models, images; "" in a store of 0.1.0.
        predicted: Whether values are predicted; else they are measured, or counted.
        with_error: Whether some measured values of the front of all cells have a known error.
        limits: What the constraints are on, in their order; none in a store of 0.1.0.
        options: What was set beside the card: settings of its backends, other images, another device's latency.
        n_cells: How many cells have values; in a store of an earlier version all.
        card: Where the card lay; "" of a shipped one, and in a store of an earlier version.
    """

    id: int
    name: str
    digest: str
    noise: int | None
    constraints: tuple[str, ...]
    objectives: Objectives
    title: str
    citation: str
    skeleton: Skeleton = SO2SAT
    fingerprint: str = ""
    predicted: bool = False
    with_error: bool = False
    limits: tuple[Limit, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    n_cells: int = N_CELLS
    card: str = ""

    @classmethod
    def read(cls, number: int, facts: Sequence[Any]) -> Self:
        """A problem from its columns, ``PROBLEM_FACTS``."""
        name, digest, noise, constraints, text, _, fingerprint = facts
        content = json.loads(text)
        told = {key: content[key] for key in ("with_error", "options", "n_cells", "card") if key in content}
        return cls(
            id=number,
            name=name,
            digest=digest,
            noise=noise,
            constraints=tuple(json.loads(constraints)),
            objectives=Objectives.from_dict(content),
            title=content["title"],
            citation=content["citation"],
            skeleton=Skeleton(**content["skeleton"]) if "skeleton" in content else SO2SAT,
            fingerprint=fingerprint,
            # 0.1.0 did not say so; of its cards these alone had no predictions.
            predicted=content.get("predicted", not name.startswith(("eo-table", "nb101", "live"))),
            limits=tuple(Limit.read(limit) for limit in content.get("limits", ())),
            **told,
        )

    @property
    def best_front(self) -> str:
        """What the front of all cells is: true only where values are counted, or measured with no known error."""
        return "predicted front" if self.predicted else "measured front" if self.with_error else "true front"


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A finished run, without its trace; ``extra`` holds figures that only its making could tell.

    Attributes:
        front, deviations: Bytes of its front's cells (k,) and of their values' standard deviations (k, m).
        sha256: Of the run and its trace, checked when that is read; None where 0.1.0 wrote it.
    """

    id: int
    problem: int
    label: str
    algorithm: str
    settings: Facts
    seed: int
    budget: int
    n_eval: int
    seconds: float
    complete: bool
    versions: dict[str, str]
    extra: Facts = field(repr=False)
    front: bytes | None = field(default=None, repr=False)
    deviations: bytes | None = field(default=None, repr=False)
    sha256: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, number: int, facts: Sequence[Any], **proof: Any) -> Self:
        """A run from its columns: ``RUN_FACTS``, and by name what proves it: front, deviations, sha256."""
        found = dict(zip(RUN_FACTS, facts, strict=True))
        found |= {name: json.loads(found[name]) for name in ("settings", "versions", "extra")}
        found["complete"] = bool(found["complete"])
        return cls(id=number, **found, **proof)

    @property
    def verified(self) -> bool:
        """Whether a change of the run since it was written would be noticed."""
        return self.sha256 is not None

    @property
    def facts(self) -> list[object]:
        """All but the trace, as plain data in the order of ``RUN_FACTS``."""
        return [getattr(self, name) for name in RUN_FACTS]

    @property
    def front_cells(self) -> Ints:
        """(k,) the cells of its front, as they are kept."""
        return np.frombuffer(self.front or b"", dtype="<i8").astype(np.int64)

    @property
    def limited(self) -> dict[int, list[float]]:
        """Values of the limited quantities by cell of its front; empty where nothing is limited."""
        return self._of_front("limited")

    @property
    def basis(self) -> dict[int, str]:
        """What values of its front rest on, by cell, see ``CellProblem.basis``; empty where all are measured."""
        return self._of_front("basis")

    @property
    def measured(self) -> dict[int, list[float | None]]:
        """What was measured of cells of its front whose values are predicted; empty where nothing was."""
        return self._of_front("measured")

    @property
    def repeats(self) -> Facts:
        """Of how many trainings its values are means, see ``with_repeats``; empty where nothing was trained."""
        return self._said("repeats")

    @property
    def n_repeats(self) -> int:
        """Trainings of each of its front's cells."""
        return int(self.repeats.get("repeats", 1))

    @property
    def trainings(self) -> dict[int, int]:
        """Of how many trainings a cell's values are the mean, by cell; empty where of one each."""
        return {int(cell): int(n) for cell, n in self.repeats.get("trainings", {}).items()}

    def _said(self, name: str) -> Facts:
        found: Facts = self.extra.get(name, {})
        return found

    def _of_front(self, name: str) -> dict[int, Any]:
        rows = self.extra.get(name, [])
        return dict(zip(self.front_cells.tolist(), rows, strict=True)) if rows else {}

    @property
    def hours(self) -> float | None:
        """The wall hours that it was allowed; None where they were not limited."""
        return self.extra.get("hours")

    @property
    def cells_allowed(self) -> int | None:
        """The distinct cells that it was allowed; None where its hours alone ended it, or could."""
        by_hours = self.hours is not None and ("ended" in self.extra or self.budget >= N_CELLS)
        return None if by_hours else self.budget

    @property
    def allowed(self) -> str:
        """What it might spend, in words."""
        cells = "" if self.cells_allowed is None else f"{self.cells_allowed:,} distinct cells"
        return " and ".join(filter(None, (cells, "" if self.hours is None else f"{self.hours:g} hours")))

    @property
    def uncertainty(self) -> FrontSummary | None:
        """What can be said of its front, where values are not exact and it was asked."""
        facts = self.extra.get("uncertainty")
        return FrontSummary.from_dict(facts) if facts else None

    @property
    def network(self) -> Facts:
        """How its networks were trained and timed, see ``Backend.conditions``; empty where nobody said."""
        return self._said("network")

    @property
    def evaluated(self) -> dict[str, list[list[float | None]]]:
        """What is kept of every cell of its trace, a row each, where it was asked; see ``evaluated_facts``."""
        return self._said("evaluated")

    @property
    def drawn(self) -> Facts:
        """Joint draws of the true values of cells that it evaluated; see ``drawn_facts``, empty where none are."""
        return self._said("drawn")

    @property
    def probed(self) -> dict[str, dict[str, float]]:
        """Numbers of the study's probes, by probe and name."""
        return {name: found for name, found in self.extra.items() if name not in OWN_FACTS}


@dataclass(frozen=True, kw_only=True)
class RunTrace:
    """Evaluated cells (n,) of a run in order, raw values (n, m), and which are feasible (n,)."""

    cells: Ints
    values: Floats
    feasible: Bools

    def content(self) -> tuple[bytes, bytes, bytes]:
        """As bytes that are the same on every machine."""
        return as_bytes(self.cells), as_bytes(self.values), as_bytes(self.feasible)


PROBLEM_FACTS = ("name", "digest", "noise", "constraints", "facts", "key", "fingerprint")
RUN_FACTS = (
    "problem", "label", "algorithm", "settings", "seed", "budget", "n_eval", "seconds", "complete",
    "versions", "extra",
)  # fmt: skip


def digest_of(facts: Sequence[object], *content: bytes) -> str:
    """SHA-256 of plain data and of bytes: against accidents, not against forgery."""
    found = hashlib.sha256(json.dumps(facts).encode())
    for part in content:
        # Their lengths, so that no byte can move from one part to the next.
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()


def as_bytes(values: NDArray[np.generic]) -> bytes:
    """An array's numbers in the byte order of the file."""
    kinds = {"i": "<i8", "f": "<f8", "b": "u1"}
    return np.ascontiguousarray(values, dtype=kinds[values.dtype.kind]).tobytes()


def versions() -> dict[str, str]:
    """Versions of Python, eomoo and the packages that a result depends on."""
    packages = "eomoo", "numpy", "pymoo", "moocore", "xgboost"
    return {"python": platform.python_version(), **versions_of(*packages)}
