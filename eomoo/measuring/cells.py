"""Which cells are measured: those of random walks, cells spread over the space, and cells that were asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from eomoo.arrays import Facts, Ints
from eomoo.checks import listed, positive, short, whole
from eomoo.data.measured_table import TABLE_FILE
from eomoo.data.user_table import MOST_BYTES, TABLE_ENDINGS, cells_of, read_frame
from eomoo.errors import DataError, DataNotFoundError, EomooError, SettingError
from eomoo.files import read_bytes
from eomoo.models.applicability import operation_combinations
from eomoo.packages import pandas as pd
from eomoo.search.starts import in_order
from eomoo.search.walks import distinct_walks
from eomoo.space import load_space

# More than anybody trains; each takes some microseconds to find.
_MOST = 20_000
# With so many to choose from, 20 cells leave no gap of more than 12.4 % of the space by MACs (20 seeds; 27 % with one,
# 10 % with sixteen).
_CANDIDATES = 8


def spread_cells(n: int, *, seed: int = 0) -> Ints:
    """Distinct cells (n,) spread over vertices, operation counts and MACs; the first are the same however many.

    The space falls into 56 combinations of the number of vertices, 3x3 and 1x1 convolutions and max pools. Each
    comes once, those of most cells first, before any comes again; afterwards the next is the one with the fewest for
    the square root of its cells (Adams' apportionment), between as often as cells, which would leave small networks
    out, and all equally often. Of some cells of the combination, drawn at random, that is taken whose rank by MACs is
    farthest from those before it (Mitchell, Spectrally optimal sampling, SIGGRAPH 1991).

    Args:
        n: Number of cells; from 56 on every combination is among them.
        seed: Of the cells drawn.

    Raises:
        SettingError: (a ValueError) n is not from 1 to 20,000.
    """
    positive("spread", n, most=_MOST)
    everything = np.arange(len(load_space()))
    _, group, sizes = np.unique(operation_combinations(everything), return_inverse=True, return_counts=True)
    members, first = np.argsort(group, kind="stable"), np.cumsum(sizes) - sizes
    rank = np.argsort(np.argsort(load_space().macs(everything), kind="stable"))
    rng, weights = np.random.default_rng(seed), np.sqrt(sizes)
    seats, chosen, ranks = np.zeros(len(sizes), dtype=np.int64), np.empty(n, dtype=np.int64), np.full(n, np.inf)
    taken = np.zeros(len(everything), dtype=bool)
    for k in range(n):
        due = np.where(seats == 0, np.inf, weights / np.maximum(seats, 1))
        g = max(np.flatnonzero(seats < sizes), key=lambda g: (due[g], weights[g]))
        here = members[first[g] : first[g] + sizes[g]]
        free = here[~taken[here]]
        drawn = free[rng.integers(len(free), size=_CANDIDATES)]
        room = np.abs(rank[drawn, None] - ranks[: max(k, 1)]).min(axis=1)
        chosen[k] = drawn[room.argmax()]
        ranks[k], taken[chosen[k]] = rank[chosen[k]], True
        seats[g] += 1
    return chosen


# As published: 30 walks of 15.
_LENGTH = 15
# What a folder may hold that names cells: a measured table's, or those of a run's front.
_IN_FOLDERS = (TABLE_FILE, "front.csv")


@dataclass(frozen=True, kw_only=True)
class CellChoice:
    """Which cells; the same choice is the same cells in the same order, and a larger one begins with them.

    Attributes:
        walks: Self-avoiding random walks in the Hamming neighbourhood, none through a cell of another.
        length: Cells in each.
        spread: Cells of ``spread_cells``.
        seed: Of walks and spread.
        given: Walks that are given, cells in order.
        listed: Cells that are given.

    Raises:
        SettingError: (a ValueError) A number that cannot be, or what is no cell.
    """

    walks: int = 0
    length: int = _LENGTH
    spread: int = 0
    seed: int = 0
    given: tuple[tuple[int, ...], ...] = ()
    listed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("walks", "spread", "seed"):
            whole(name, getattr(self, name), least=0, most=2**63 - 1)
        positive("length", self.length)
        object.__setattr__(self, "given", tuple(tuple(map(int, load_space().check(walk))) for walk in self.given))
        object.__setattr__(self, "listed", tuple(map(int, load_space().check(self.listed))))
        if self.walks and self.given:
            raise SettingError("walks are drawn or given, not both")
        steps = [cell for walk in self.given for cell in walk]
        if len(set(steps)) < len(steps):
            raise SettingError("a cell is in two places of the walks that are given; a measured table has one for each")

    @classmethod
    def from_facts(cls, facts: Facts) -> CellChoice:
        """What a measured table says of its cells; SettingError where it is not of this kind."""
        if facts.keys() - {field.name for field in fields(cls)}:
            raise SettingError("its cells were not chosen by `eomoo measure`")
        try:
            return cls(**facts)
        except TypeError:
            raise SettingError("its list of cells is damaged") from None

    def to_facts(self) -> Facts:
        """As plain data, without what says nothing."""
        lists = {"given": [list(walk) for walk in self.given], "listed": list(self.listed)}
        said = {name: value for name, value in {**asdict(self), **lists}.items() if value}
        return {name: value for name, value in said.items() if name != "length" or self.walks}

    def joined(self, other: CellChoice) -> CellChoice:
        """The choice that has the cells of both; SettingError where the two have other walks or spreads."""
        for name, counts in (("length", ("walks",)), ("seed", ("walks", "spread"))):
            mine, others = getattr(self, name), getattr(other, name)
            if mine != others and all(any(getattr(c, count) for count in counts) for c in (self, other)):
                raise SettingError(f"its cells were chosen with {name} {mine}, not {others}")
        return CellChoice(
            walks=max(self.walks, other.walks),
            length=(self if self.walks else other).length,
            spread=max(self.spread, other.spread),
            seed=(self if self.walks or self.spread else other).seed,
            given=tuple(dict.fromkeys(self.given + other.given)),
            listed=tuple(dict.fromkeys(self.listed + other.listed)),
        )

    def frame(self) -> pd.DataFrame:
        """Each cell once: index, and walk and step where it is in one (else NaN); walks first, then spread and list."""
        walks = distinct_walks(self.walks, self.length, seed=self.seed) if self.walks else []
        walks = [*walks, *(np.array(walk, dtype=np.int64) for walk in self.given)]
        rest = [spread_cells(self.spread, seed=self.seed)] if self.spread else []
        cells = np.concatenate([*walks, *rest, np.array(self.listed, dtype=np.int64)])
        place = np.full((len(cells), 2), np.nan)
        steps = [(k, step) for k, walk in enumerate(walks) for step in range(len(walk))]
        place[: len(steps)] = np.array(steps).reshape(-1, 2)
        frame = pd.DataFrame({"index": cells, "walk": place[:, 0], "step": place[:, 1]})
        return frame.drop_duplicates("index", ignore_index=True)


def choose_cells(
    cells: str | Path | Iterable[Any] | None = None,
    *,
    walks: int = 0,
    length: int = _LENGTH,
    spread: int = 0,
    seed: int = 0,
) -> CellChoice:
    """The choice of what a user asks for.

    Args:
        cells: A file or folder (see ``read_cells``), indices (n,), or walks: a sequence of arrays of indices, a
            cell in no two of them.
        walks, length, spread, seed: See ``CellChoice``.
    """
    given: list[Ints] = []
    found = np.empty(0, dtype=np.int64)
    if isinstance(cells, str | Path):
        found = read_cells(cells)
    elif cells is not None:
        rows: list[Any] = list(cells)
        if rows and np.ndim(rows[0]) > 0:
            # As `random_walks` fills the rows of walks that end early.
            given = [load_space().check([cell for cell in row if cell != -1]) for row in rows]
        else:
            found = load_space().check(rows)
    told, listed = tuple(tuple(walk.tolist()) for walk in given), tuple(in_order(found).tolist())
    return CellChoice(walks=walks, length=length, spread=spread, seed=seed, given=told, listed=listed)


def read_cells(place: str | Path) -> Ints:
    """The cells (n,) that a file or a folder names.

    Args:
        place: A table (CSV, Parquet) as for ``read_user_table``, what ``eomoo suggest --out`` wrote among them;
            any other file as a list of indices or NAS-Bench-101 hashes, separated by white space or commas; the folder
            of a measured table, or that of a run, for the cells of its front.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is no such file, or nothing of that kind in the folder.
        DataError: (a ValueError) A row or a word is no cell, or there is none.
    """
    path = Path(place)
    if path.is_dir():
        found = [path / name for name in _IN_FOLDERS if (path / name).is_file()]
        if not found:
            raise DataNotFoundError(f"{path} is no folder of a measured table or a run: no {' or '.join(_IN_FOLDERS)}")
        path = found[0]
    named = cells_of(read_frame(path), path) if path.name.lower().endswith(TABLE_ENDINGS) else _listed_in(path)
    if not len(named):
        raise DataError(f"{path} names no cell")
    return named


def _listed_in(path: Path) -> Ints:
    try:
        words = re.findall(r"[^\s,]+", read_bytes(path, max_size=MOST_BYTES).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DataError(f"{path} is no list of cells: it is no text") from None
    cells = np.array([int(word) if re.fullmatch(r"[0-9]{1,6}", word) else -1 for word in words], dtype=np.int64)
    hashes = [word for word, cell in zip(words, cells, strict=True) if cell < 0]
    wrong = [word for word in hashes if not re.fullmatch(r"[0-9a-f]{32}", word)]
    if wrong:
        raise DataError(f"{path} is a list of cells by index or hash, not {listed(map(short, wrong[:3]))}")
    try:
        cells[cells < 0] = load_space().find(hashes)
        return load_space().check(cells)
    except EomooError as error:
        raise DataError(f"{path}: {error}") from None
