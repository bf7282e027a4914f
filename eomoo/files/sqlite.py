"""SQLite files: opened safely on any file system, of a known format, with one sentence for each mistake."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from eomoo.errors import EomooError, SettingError, StoreError
from eomoo.files.files import write_error, writing

# Seconds that a writer waits for another: many times what the largest transaction, a run's trace, takes.
_PATIENCE = 60.0
_LOCK_NAME = "lock.sqlite"
_WORDS = {
    "full": "the disk is full: {path} cannot be written; free some space and start again (nothing is lost)",
    "locked": "{path} is being written by another process; wait for it to end",
    "locking protocol": "{path} cannot be locked: its file system has no file locks; use a local folder",
    "not a database|malformed|no such table|no such column|file is encrypted|decode": (
        "{path} is no {what} of eomoo, or it is damaged; use another folder"
    ),
    "disk I/O|too big": (
        "{path} cannot be written ({text}): the disk may be full, files limited in size, or the file system "
        "without file locks; what was entered before is safe"
    ),
}
_UNWRITABLE = ("unable to open", "readonly")


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a kind of file holds, and how its older formats become today's.

    Attributes:
        what: The kind, for sentences.
        marker: A table that a file of any format has.
        version: Of today's format; it is kept as SQLite's ``user_version``.
        tables: Statements that make an empty file one of today's format.
        upgrades: For each older version, the statements that make a file of it one of the next.
        views: For each older version, temporary tables and views that let a file of it be read
            as one of today's without being changed.
    """

    what: str
    marker: str
    version: int
    tables: Sequence[str]
    upgrades: Mapping[int, Sequence[str]] = field(default_factory=dict)
    views: Mapping[int, Sequence[str]] = field(default_factory=dict)


class Database:
    """A connection to a SQLite file of a known kind; whatever was committed outlives a kill.

    The journal is a rollback journal and not SQLite's write-ahead log: that log needs memory shared by all processes,
    which network file systems cannot give (sqlite.org/wal.html), and there the homes of a cluster's users lie. A file
    of an older format is brought to today's when it is opened to be written, and read as it is otherwise.

    Args:
        path: The file.
        schema: What it holds.
        create: Open it for writing, and make it when it is not there.

    Raises:
        StoreError: (a RuntimeError) The file is missing, of another kind or a newer format, or cannot be written.
    """

    def __init__(self, path: str | Path, schema: Schema, *, create: bool = False) -> None:
        self.path, self.schema = Path(path), schema
        with self.explained():
            if self.path.exists() and not self.path.is_file():
                raise StoreError(f"{self.path} cannot be opened: it is no regular file")
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._connect(create)
            try:
                self.version = self._prepare(create)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows that a statement gives."""
        with self.explained():
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written within enters the file, or nothing of it."""
        with self.explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what goes wrong within into one sentence."""
        try:
            yield
        except EomooError:
            raise
        except OverflowError as error:
            # Seeds and budgets are the numbers that a user chooses.
            raise SettingError("a seed or a budget is too large: at most 9223372036854775807") from error
        except sqlite3.Error as error:
            raise StoreError(_explain(self.path, self.schema.what, error)) from error
        except OSError as error:
            raise StoreError(str(write_error(self.path, error))) from error
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise StoreError(f"{self.path} is damaged: {error}; start again in a new folder") from error

    # -- opening -------------------------------------------------------------------------------

    def _connect(self, create: bool, *, options: str = "") -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}{options}"
        connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)
        # Nothing that a foreign file defines is run.
        connection.execute("PRAGMA trusted_schema=OFF")
        return connection

    def _prepare(self, create: bool) -> int:
        try:
            tables = self._tables()
        except sqlite3.OperationalError:
            # The log that 0.1.0 wrote needs a writable folder; where none waits, the file is the whole.
            log = self.path.with_name(f"{self.path.name}-wal")
            if create or (log.is_file() and log.stat().st_size > 0):
                raise
            self.close()
            self._connection = self._connect(create, options="&immutable=1")
            tables = self._tables()
        if create:
            with contextlib.suppress(sqlite3.OperationalError):
                # It fails while another process has a file of 0.1.0 open, whose mode then stays.
                self._connection.execute("PRAGMA journal_mode=DELETE").fetchall()
            # Also the folder is synchronised, in which a journal's end is a deleted file.
            self._connection.execute("PRAGMA synchronous=EXTRA")
            if not tables or self._version(tables) < self.schema.version:
                self._upgrade()
            return self._version(self._tables())
        version = self._version(tables)
        for older in range(version, self.schema.version):
            for statement in self.schema.views[older]:
                self._connection.execute(statement)
        return version

    def _upgrade(self) -> None:
        # At once, so that no other process ever sees half of it.
        with self.transaction() as connection:
            tables = self._tables()
            # Another process may have been faster.
            steps = range(self._version(tables), self.schema.version) if tables else ()
            for statement in () if tables else self.schema.tables:
                connection.execute(statement)
            for older in steps:
                for statement in self.schema.upgrades[older]:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version={self.schema.version}")

    def _tables(self) -> set[str]:
        return {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master")}

    def _version(self, tables: set[str]) -> int:
        if self.schema.marker not in tables:
            kind = "a database of another program" if tables else f"no {self.schema.what} of eomoo, but empty"
            raise StoreError(f"{self.path} is {kind}; use another folder")
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if version > self.schema.version:
            raise StoreError(
                f"{self.path} was written by another version of eomoo, a newer one; update eomoo or use another folder"
            )
        # The first format of results named its version elsewhere.
        return max(version, 1)


@contextlib.contextmanager
def only_one(folder: str | Path, what: str, *, patience: float = 0.2) -> Iterator[None]:
    """Hold a folder for this process; the lock ends with the process, however it ends.

    Where an error comes before anything is written, a folder that was made for it goes again.

    Args:
        folder: It is made when it is not there.
        what: What this process does there, for the sentence of the next one: "running a study".
        patience: Seconds to wait for it. Who holds it mostly does so until the end, so that waiting helps only
            against a lock's last moment.

    Raises:
        StoreError: Another process holds it.
        DataError: It cannot be written.
    """
    place = Path(folder)
    with writing(place):
        made = [path for path in (place, *place.parents) if not path.exists()]
        place.mkdir(parents=True, exist_ok=True)
    with _gone_if_bare(made), contextlib.ExitStack() as held:
        try:
            connection = sqlite3.connect(place / _LOCK_NAME, timeout=patience, isolation_level=None)
            held.callback(connection.close)
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            busy = f"another process is {what} in {place}; wait for it to end, or choose another folder"
            raise StoreError(busy if "locked" in str(error) else _explain(place / _LOCK_NAME, "lock", error)) from None
        yield


@contextlib.contextmanager
def _gone_if_bare(made: Sequence[Path]) -> Iterator[None]:
    """After an error within, folders that were made, the innermost first, go where nothing but a lock is in them."""
    try:
        yield
    except BaseException:
        # Whoever holds the lock has a journal beside it.
        with contextlib.suppress(OSError):
            if made and [path.name for path in made[0].iterdir()] == [_LOCK_NAME]:
                (made[0] / _LOCK_NAME).unlink()
                for path in made:
                    path.rmdir()
        raise


def _explain(path: Path, what: str, error: sqlite3.Error) -> str:
    text = str(error)
    if any(word in text for word in _UNWRITABLE):
        # Of a file that was removed meanwhile SQLite says the same.
        number = errno.EACCES if path.parent.is_dir() else errno.ENOENT
        return str(write_error(path, OSError(number, text)))
    for words, sentence in _WORDS.items():
        if any(word in text for word in words.split("|")):
            return sentence.format(path=path, what=what, text=text)
    return f"{path}: {text}"
