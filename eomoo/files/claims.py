"""Claims with a heartbeat: of several processes that want the same thing, one makes it."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable

from eomoo.errors import EomooError
from eomoo.files.owners import lives, machine
from eomoo.files.sqlite import Database

CLAIMS_TABLE = """
CREATE TABLE IF NOT EXISTS claims (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,      -- machine, process and a random part
    beats INTEGER NOT NULL    -- grows as long as the owner lives
) STRICT
"""
# A stale claim costs the others a minute, a training hours; a beat is a small write.
_BEAT_SECONDS = 10.0
# A beat may be late by as long as writers wait for one another.
_MISSED = 6


class Claims:
    """Keys claimed in a database, each by one owner at a time.

    A claim is held as long as its owner counts beats into it. Who waits looks at that count by a clock
    of its own, so that machines whose clocks differ agree. A claim whose owner has died on this machine
    is free at once, any other after six missed beats.

    Args:
        connect: Opens the database, which has ``CLAIMS_TABLE``.
        beat_seconds: Between two beats.
    """

    def __init__(self, connect: Callable[[], Database], *, beat_seconds: float = _BEAT_SECONDS) -> None:
        self._connect, self.beat_seconds = connect, beat_seconds
        self._owner = f"{machine()} {os.getpid()} {secrets.token_hex(8)}"
        self._held: set[str] = set()
        self._seen: dict[str, tuple[str, int, float]] = {}
        self._lock = threading.Lock()
        self._beating: threading.Thread | None = None
        self._stop = threading.Event()

    def take(self, key: str) -> bool:
        """Claim a key; False where another owner has it, who may be another user of this object."""
        with self._lock:
            if key in self._held:
                return False
            with self._connect() as database, database.transaction() as connection:
                row = connection.execute("SELECT owner, beats FROM claims WHERE key = ?", (key,)).fetchone()
                if row is not None and not self._is_stale(key, *row):
                    return False
                connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, 0)", (key, self._owner))
            self._held.add(key)
            self._seen.pop(key, None)
            if self._beating is None:
                self._stop = threading.Event()
                self._beating = threading.Thread(target=self._beat, daemon=True)
                self._beating.start()
            return True

    def drop(self, key: str) -> None:
        """Let a key go; one that another owner has taken over stays theirs."""
        with self._lock:
            if key not in self._held:
                return
            self._held.discard(key)
            with self._connect() as database, database.transaction() as connection:
                connection.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (key, self._owner))
            if not self._held and self._beating is not None:
                self._stop.set()
                self._beating = None

    def _is_stale(self, key: str, owner: str, beats: int) -> bool:
        place, process, _ = owner.rsplit(" ", 2)
        if owner == self._owner or (place == machine() and not lives(int(process))):
            return True
        before = self._seen.get(key)
        if before is None or before[:2] != (owner, beats):
            self._seen[key] = owner, beats, time.monotonic()
            return False
        return time.monotonic() - before[2] > _MISSED * self.beat_seconds

    def _beat(self) -> None:
        stop = self._stop
        while not stop.wait(self.beat_seconds):
            # A full disk or a busy file ends no training: the next beat may come through.
            with contextlib.suppress(EomooError), self._connect() as db, db.transaction() as connection:
                connection.execute("UPDATE claims SET beats = beats + 1 WHERE owner = ?", (self._owner,))
