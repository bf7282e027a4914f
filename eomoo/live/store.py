"""A SQLite store of live results: each kept the moment it exists, found again by what it depends on."""

from __future__ import annotations

import hashlib
import json
import platform
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eomoo.errors import StoreError

__all__ = ["LiveStore", "key_of"]

_VERSION = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY,      -- SHA-256 of kind and setting
    kind TEXT NOT NULL,        -- 'training' or 'latency'
    cell INTEGER NOT NULL,     -- index
    status TEXT NOT NULL,      -- 'done', 'diverged', 'out of memory', 'failed'
    reason TEXT NOT NULL,
    setting TEXT NOT NULL,     -- JSON: everything that the result depends on
    result TEXT NOT NULL,      -- JSON
    created TEXT NOT NULL,     -- UTC
    host TEXT NOT NULL
) STRICT
"""


def key_of(kind: str, setting: Mapping[str, Any]) -> str:
    """SHA-256 of a kind and of everything that a result depends on."""
    text = json.dumps([kind, setting], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class LiveStore:
    """Results of trainings and timings, in one SQLite file that several processes may use at once.

    Args:
        path: The file; it is made when it is not there.

    Raises:
        StoreError: (a RuntimeError) It cannot be opened, or is no store of this version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder {self.path.parent}: {error.strerror}") from error
        with self._connection() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise StoreError(f"{self.path} was made by another version of eomoo; choose another file")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version={_VERSION}")

    def get(self, kind: str, setting: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result that depends on exactly this; None where there is none."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT result FROM results WHERE key = ?", (key_of(kind, setting),)
            ).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def put(
        self,
        kind: str,
        setting: Mapping[str, Any],
        result: Mapping[str, Any],
        *,
        cell: int,
        status: str = "done",
        reason: str = "",
    ) -> None:
        """Keep a result; one that is there already stays as it is."""
        values = (
            key_of(kind, setting),
            kind,
            cell,
            status,
            reason,
            json.dumps(setting, sort_keys=True),
            json.dumps(result),
            datetime.now(UTC).isoformat(timespec="seconds"),
            platform.node(),
        )
        with self._connection() as connection:
            connection.execute("INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def rows(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All results, oldest first, with setting and result as plain data."""
        where, values = ("WHERE kind = ?", (kind,)) if kind else ("", ())
        with self._connection() as connection:
            cursor = connection.execute(f"SELECT * FROM results {where} ORDER BY rowid", values)
            names = [column[0] for column in cursor.description]
            found = [dict(zip(names, row, strict=True)) for row in cursor]
        for row in found:
            row["setting"], row["result"] = json.loads(row["setting"]), json.loads(row["result"])
        return found

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # One connection for each use: it can then be used from any thread, and after a fork.
        try:
            with closing(sqlite3.connect(self.path, timeout=60)) as connection, connection:
                yield connection
        except sqlite3.DatabaseError as error:
            raise StoreError(f"the store {self.path} cannot be used: {error}") from error
