"""A store of live results: each kept the moment it exists, found again by what it depends on."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eomoo.checks import choice
from eomoo.errors import HoursOverError, StoreError
from eomoo.files import CLAIMS_TABLE, Claims, Database, Schema
from eomoo.progress import doing

RESULT_STATES = ("done", "diverged", "too big")
# Attempts in which nothing advances. A fault that passes is gone by the third; of one that stays more
# attempts would cost hours.
MOST_STALLED = 3
# Trainings take seconds to hours; looking costs a millisecond.
_POLL_SECONDS = 1.0
_Plain = Mapping[str, object]
Result = dict[str, Any]
"""A training or a timing as plain data: ``Training.to_dict``, ``Latency.to_dict``."""
_RESULTS = """
CREATE TABLE results (
    key TEXT PRIMARY KEY,      -- SHA-256 of kind and setting
    kind TEXT NOT NULL,        -- 'training', 'latency', 'reference', 'search'
    cell INTEGER NOT NULL,     -- index
    status TEXT NOT NULL,      -- 'done', 'diverged', 'too big'
    reason TEXT NOT NULL,
    setting TEXT NOT NULL,     -- JSON: everything that the result depends on
    result TEXT NOT NULL,      -- JSON
    created TEXT NOT NULL,     -- UTC
    host TEXT NOT NULL,
    sha256 TEXT                -- of the columns before 'created'; NULL: written by 0.1.0
) STRICT
"""
_INCIDENTS = """
CREATE TABLE incidents (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    cell INTEGER NOT NULL,
    reason TEXT NOT NULL,      -- of the last one
    setting TEXT NOT NULL,
    count INTEGER NOT NULL,    -- attempts
    stalled INTEGER NOT NULL,  -- of the last attempts, those in which nothing advanced
    progress REAL NOT NULL,    -- epochs done
    updated TEXT NOT NULL,     -- UTC
    host TEXT NOT NULL
) STRICT
"""
_SCHEMA = Schema(
    what="store of live results",
    marker="results",
    version=2,
    tables=(_RESULTS, _INCIDENTS, CLAIMS_TABLE),
    upgrades={
        1: (
            "ALTER TABLE results ADD COLUMN sha256 TEXT",
            _INCIDENTS,
            CLAIMS_TABLE,
            # 0.1.0 took a fault of the machine for a property of the cell.
            "INSERT INTO incidents SELECT key, kind, cell, reason, setting, 1, 1, 0.0, created, host "
            "FROM results WHERE status NOT IN ('done', 'diverged')",
            "DELETE FROM results WHERE status NOT IN ('done', 'diverged')",
        )
    },
)
_PROVED = "key, kind, cell, status, reason, setting, result"


def key_of(kind: str, setting: _Plain) -> str:
    """SHA-256 of a kind and of everything that a result depends on."""
    text = json.dumps([kind, setting], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def without(setting: _Plain, *names: str) -> dict[str, object]:
    """A setting but for these of its values."""
    return {name: value for name, value in setting.items() if name not in names}


@dataclass(frozen=True, kw_only=True)
class Incident:
    """What kept a cell from a result and says nothing of it: a lost worker, a full disk, a broken file.

    Attributes:
        kind, cell, setting: Of the result that there is not.
        reason: Of the last attempt's end.
        count: Attempts so far.
        stalled: How many of the last ones did not advance.
        progress: Epochs done, in a checkpoint.
    """

    kind: str
    cell: int
    setting: dict[str, object]
    reason: str
    count: int
    stalled: int
    progress: float

    @property
    def given_up(self) -> bool:
        """Whether it is tried again only when that is asked for."""
        return self.stalled >= MOST_STALLED

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        after = f" after {self.progress:g} epoch{'s' * (self.progress != 1)}" if self.progress else ""
        return f"cell {self.cell}: {self.reason}{after} (tried {times})"


class LiveStore:
    """Results of trainings and timings, in one SQLite file that several processes may use at once.

    A *result* belongs to the cell and its setting: done, diverged, too big for a device's memory. An
    *incident* is a fault of the machine: it never becomes a result, and the cell is tried again by
    ``obtain``, without end as long as its training advances, else ``MOST_STALLED`` times.

    Args:
        path: The file; it is made when it is not there. One of 0.1.0 is brought to today's format.
        beat_seconds: Between two signs of life for the claims of this process; by default 10.

    Raises:
        StoreError: (a RuntimeError) It cannot be opened, or is no store of this version.
    """

    def __init__(self, path: str | Path, *, beat_seconds: float | None = None) -> None:
        self.path = Path(path)
        self._open().close()
        self._claims = Claims(self._open, **({} if beat_seconds is None else {"beat_seconds": beat_seconds}))

    def _open(self) -> Database:
        # One connection for each use: it can then be used from any thread, and after a fork.
        return Database(self.path, _SCHEMA, create=True)

    # -- results -------------------------------------------------------------------------------

    def get(self, kind: str, setting: _Plain) -> Result | None:
        """The result that depends on exactly this; None where there is none, StoreError where it has changed."""
        with self._open() as database:
            return self._get(database, key_of(kind, setting))

    def put(
        self,
        kind: str,
        setting: _Plain,
        result: _Plain,
        *,
        cell: int,
        status: str = "done",
        reason: str = "",
        replace: bool = False,
    ) -> None:
        """Keep a result, its status one of ``RESULT_STATES``, and forget its incidents.

        One that is there stays, unless it is to be replaced: as a timing that something disturbed.
        """
        choice("the status of a result", status, RESULT_STATES)
        key = key_of(kind, setting)
        texts = json.dumps(setting, sort_keys=True), json.dumps(result)
        proved = (key, kind, int(cell), status, reason, *texts)
        with self._open() as database, database.transaction() as connection:
            connection.execute(
                f"INSERT OR {'REPLACE' if replace else 'IGNORE'} INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*proved, _now(), platform.node(), _digest(proved)),
            )
            connection.execute("DELETE FROM incidents WHERE key = ?", (key,))
        self._claims.drop(key)

    def rows(self, kind: str | None = None) -> list[Result]:
        """All results, oldest first, with setting and result as plain data.

        ``verified`` is False in those that 0.1.0 wrote, without a digest.
        """
        names = [*_PROVED.split(", "), "created", "host", "sha256"]
        with self._open() as database:
            rows = _rows_of(database, "results", names, kind)
            for row in rows:
                self._prove(row[:-3], row[-1])
            with database.explained():
                return [
                    {
                        **dict(zip(names[:-1], row, strict=False)),
                        "setting": json.loads(row[5]),
                        "result": self._result(row),
                        "verified": row[-1] is not None,
                    }
                    for row in rows
                ]

    def count(self, kind: str) -> int:
        """How many results of a kind there are."""
        with self._open() as database:
            return int(database.rows("SELECT count(*) FROM results WHERE kind = ?", (kind,))[0][0])

    def _get(self, database: Database, key: str) -> Result | None:
        for *proved, digest in database.rows(f"SELECT {_PROVED}, sha256 FROM results WHERE key = ?", (key,)):
            self._prove(tuple(proved), digest)
            with database.explained():
                return self._result(proved)
        return None

    def _result(self, row: Sequence[Any]) -> Result:
        """The result in a row of ``_PROVED``, weights where they are now: their folder may have been moved."""
        result = dict(json.loads(row[6]))
        if row[1] == "training" and result.get("weights"):
            told = Path(result["weights"])
            here = self.path.parent / "runs" / told.parent.name / told.name
            if here.is_file() and not told.is_file():
                result["weights"] = str(here)
        return result

    def _prove(self, proved: tuple[object, ...], digest: str | None) -> None:
        if digest is None:
            warnings.warn(
                f"{self.path} holds results of eomoo 0.1.0, without digests: they are unverified", stacklevel=2
            )
        elif _digest(proved) != digest:
            raise StoreError(
                f"{self.path}: the {proved[1]} result of cell {proved[2]} has changed since it was written; "
                "take the file from a copy, or choose another folder"
            )

    # -- incidents -----------------------------------------------------------------------------

    def put_incident(self, kind: str, setting: _Plain, *, cell: int, reason: str, progress: float = 0.0) -> None:
        """Note that an attempt ended without a result, and how many epochs a checkpoint holds."""
        key, text = key_of(kind, setting), json.dumps(setting, sort_keys=True)
        with self._open() as database, database.transaction() as connection:
            connection.execute(
                "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "stalled = CASE WHEN excluded.progress > progress THEN 0 ELSE stalled + 1 END, "
                "progress = max(progress, excluded.progress), reason = excluded.reason, count = count + 1, "
                "updated = excluded.updated, host = excluded.host",
                (key, kind, int(cell), reason, text, int(progress <= 0), float(progress), _now(), platform.node()),
            )
        self._claims.drop(key)

    def incidents(self, kind: str | None = None) -> list[Incident]:
        """Cells and settings that have incidents and no result."""
        names = [field.name for field in fields(Incident)]
        with self._open() as database:
            rows = _rows_of(database, "incidents", names, kind)
            with database.explained():
                told = [dict(zip(names, row, strict=True)) for row in rows]
                return [Incident(**{**row, "setting": json.loads(row["setting"])}) for row in told]

    def retry_failed(self, kind: str, settings: Sequence[_Plain]) -> None:
        """Let these be tried again, however often that was in vain."""
        with self._open() as database, database.transaction() as connection:
            connection.executemany(
                "UPDATE incidents SET stalled = 0 WHERE key = ?", ((key_of(kind, s),) for s in settings)
            )

    # -- work shared by processes ----------------------------------------------------------------

    def obtain(
        self, kind: str, wanted: Mapping[int, _Plain], make: Callable[[list[int]], None], *, until: float = math.inf
    ) -> dict[int, Result]:
        """Results of cells: read, made here, or awaited from another process that is making them.

        Args:
            kind: Of the results.
            wanted: The setting of each cell.
            make: Called with cells that nobody else is making; for each it calls ``put`` or
                ``put_incident`` as soon as its attempt has ended.
            until: When, by ``time.time()``, nobody else is waited for any more.

        Returns:
            Results by cell. A cell without one has an incident: of the attempt here, or of so many
            without an advance that it was not tried again.

        Raises:
            HoursOverError: It is too late to wait for another process.
        """
        keys = {cell: key_of(kind, setting) for cell, setting in wanted.items()}
        found: dict[int, Result] = {}
        tried: set[int] = set()
        while True:
            missing = self._missing({k: keys[k] for k in keys if k not in found}, found)
            left = [k for k in missing if k not in tried]
            if not left:
                return found
            mine = [k for k in left if self._claims.take(keys[k])]
            try:
                # Another process may have ended between the look and the claim.
                fresh = self._missing({k: keys[k] for k in mine}, found)
                if fresh:
                    make(fresh)
            finally:
                for k in mine:
                    self._claims.drop(keys[k])
            tried.update(mine)
            if not mine:
                if time.time() >= until:
                    raise HoursOverError("the hours are over")
                with doing(f"waiting for another process, which has {len(left)} of them"):
                    time.sleep(_POLL_SECONDS)

    def _missing(self, keys: Mapping[int, str], found: dict[int, Result]) -> list[int]:
        """Cells that have no result and may be tried; results that are there go into ``found``."""
        missing = []
        with self._open() as database:
            for cell, key in keys.items():
                result = self._get(database, key)
                if result is not None:
                    found[cell] = result
                    continue
                stalled = database.rows("SELECT stalled FROM incidents WHERE key = ?", (key,))
                if not stalled or stalled[0][0] < MOST_STALLED:
                    missing.append(cell)
        return missing


def stored_so_far(path: str | Path, *, most: int = 30) -> tuple[dict[str, int], list[tuple[str, str, int, str, str]]]:
    """How many results a store holds by kind, and the latest: when, kind, cell, status, reason. Nothing is written."""
    if not Path(path).is_file():
        return {}, []
    with Database(path, _SCHEMA) as database:
        counts = database.rows("SELECT kind, count(*) FROM results WHERE kind != 'reference' GROUP BY kind")
        wanted = "created, kind, cell, status, reason FROM results WHERE kind != 'reference'"
        return dict(counts), database.rows(f"SELECT {wanted} ORDER BY rowid DESC LIMIT ?", (most,))


def _rows_of(database: Database, table: str, names: Sequence[str], kind: str | None) -> list[tuple[Any, ...]]:
    """Columns of a table, oldest rows first: all, or those of a kind."""
    where, values = ("WHERE kind = ?", (kind,)) if kind else ("", ())
    return database.rows(f"SELECT {', '.join(names)} FROM {table} {where} ORDER BY rowid", values)


def _digest(proved: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps(proved).encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
