"""What is known, before it is printed: tables, curves, boxes, pictures, and reports made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from eomoo.fronts import Indicator


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A median with its quartiles, or a shift with the ends of its interval: a value of a table."""

    median: float
    q25: float
    q75: float


@dataclass(frozen=True, kw_only=True)
class Said:
    """A number with how people write it, such as with its deviation: a value of a table."""

    value: float
    text: str


def plain(value: object) -> float | None:
    """A value of a table as a number, a median for what was measured; None for a text."""
    if isinstance(value, Measured):
        return value.median
    if isinstance(value, Said):
        return value.value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of a report: what it shows, a short name for files, and how to read it."""

    title: str
    key: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Table(Block):
    """Rows of texts, numbers, :class:`Said` and :class:`Measured` values.

    Attributes:
        columns: Headings.
        rows: As many values as columns; numbers stay numbers, so that they sort.
        best: For a column's position, what it holds: the best value is set in bold.
        keep: Positions of columns that are shown however narrow the place is, beside the first.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    best: dict[int, Indicator] = field(default_factory=dict)
    keep: Sequence[int] = ()

    def is_numeric(self, k: int) -> bool:
        """Whether column k holds numbers."""
        return any(plain(row[k]) is not None for row in self.rows)

    def pick(self, *columns: str) -> Table:
        """The same table with some of its columns, in their order here."""
        places = [list(self.columns).index(name) for name in columns]
        return replace(
            self,
            columns=columns,
            rows=[[row[k] for k in places] for row in self.rows],
            best={j: self.best[k] for j, k in enumerate(places) if k in self.best},
            keep=[j for j, k in enumerate(places) if k in self.keep],
        )

    def is_best(self, k: int, value: object) -> bool:
        """Whether a value of column k is to stand out; nothing does in a table of one row."""
        if k not in self.best:
            return False
        known = [v for v in (plain(row[k]) for row in self.rows) if v is not None]
        return len(known) > 1 and plain(value) == self.best[k].best(np.array(known))


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line: points ``x``, ``y``, a band from ``low`` to ``high`` where given, over so many ``runs``.

    Series of one ``group`` share a colour; a ``faint`` one is thin and not in the legend.
    """

    name: str
    runs: int
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    group: int = 0
    faint: bool = False


@dataclass(frozen=True, kw_only=True)
class Curves(Block):
    """Lines over a common axis, or ``outlines`` of regions, which have no one value at an x."""

    x_label: str
    y_label: str
    series: Sequence[Series]
    outlines: bool = False


@dataclass(frozen=True, kw_only=True)
class Differences(Block):
    """Where two algorithms' attainment differs: boxes of the objective space with the difference.

    Attributes:
        boxes: (x0, y0, x1, y1, difference) each; a positive difference favours ``first``.
        groups: Numbers of the two's looks, see ``style_numbers``.
    """

    x_label: str
    y_label: str
    first: str
    second: str
    boxes: Sequence[tuple[float, float, float, float, float]]
    groups: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Names with their values, as short lists of settings."""

    title: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Code:
    """A command to copy."""

    text: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Picture(Block):
    """A PNG with a description for those who cannot see it."""

    png: bytes
    alt: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """A titled part of a report: sentences, then blocks; one of ``level`` 3 belongs to that before it.

    ``short`` stands for the title where there is little room; ``about`` is the title of the one problem that it tells
    of, where the report has another title.

    A block is a Table, Curves, Differences, Facts, Code, Picture, or the FrontData of a problem.
    """

    id: str
    title: str
    text: Sequence[str] = ()
    blocks: Sequence[object] = ()
    level: int = 2
    short: str = ""
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole report.

    Attributes:
        title: What was solved.
        lead: What came out, in a few sentences.
        tiles: The figures to remember: value and what it is.
        sections: In reading order.
        main: The table that stands for the report where only one fits (CSV, LaTeX).
        made: When and with what the report was made.
    """

    title: str
    lead: Sequence[str]
    tiles: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    main: Table
    made: str
