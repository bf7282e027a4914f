"""The result store: one SQLite file that holds every evaluated cell of every run."""

from __future__ import annotations

import contextlib
import json
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import EomooError, SettingError, StoreError
from eomoo.fronts.objectives import Objectives
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.problem import CellProblem
from eomoo.search.run import RunResult
from eomoo.space import SO2SAT, Skeleton

__all__ = ["STORE_NAME", "ProblemRow", "RunRow", "RunTrace", "Store", "versions"]

STORE_NAME = "results.sqlite"
_FORMAT = 1
_NOT_PROBES = ("surrogate", "ended", "nearest")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS problem (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, noise INTEGER,
    constraints TEXT NOT NULL, facts TEXT NOT NULL, key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, problem INTEGER NOT NULL REFERENCES problem, label TEXT NOT NULL,
    algorithm TEXT NOT NULL, settings TEXT NOT NULL, seed INTEGER NOT NULL, budget INTEGER NOT NULL,
    n_eval INTEGER NOT NULL, seconds REAL NOT NULL, complete INTEGER NOT NULL, versions TEXT NOT NULL,
    extra TEXT NOT NULL,
    UNIQUE (problem, label, settings, seed, budget));
CREATE TABLE IF NOT EXISTS evaluation (
    run INTEGER NOT NULL REFERENCES run, step INTEGER NOT NULL, cell INTEGER NOT NULL,
    PRIMARY KEY (run, step)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS value (
    problem INTEGER NOT NULL REFERENCES problem, cell INTEGER NOT NULL, feasible INTEGER NOT NULL,
    raw BLOB NOT NULL, PRIMARY KEY (problem, cell)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deviation (
    problem INTEGER NOT NULL REFERENCES problem, cell INTEGER NOT NULL, raw BLOB NOT NULL,
    PRIMARY KEY (problem, cell)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS true_front (
    problem INTEGER NOT NULL REFERENCES problem, cell INTEGER NOT NULL, raw BLOB NOT NULL,
    PRIMARY KEY (problem, cell)) WITHOUT ROWID;
"""


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


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A finished run, without its trace; ``extra`` holds figures that only its making could tell."""

    id: int
    problem: int
    label: str
    algorithm: str
    settings: dict[str, Any]
    seed: int
    budget: int
    n_eval: int
    seconds: float
    complete: bool
    versions: dict[str, str]
    extra: dict[str, Any]

    @property
    def probed(self) -> dict[str, dict[str, float]]:
        """Numbers of the study's probes, by probe and name."""
        return {name: found for name, found in self.extra.items() if name not in _NOT_PROBES}


@dataclass(frozen=True, kw_only=True)
class RunTrace:
    """Evaluated cells (n,) of a run in order, raw values (n, m), and which are feasible (n,)."""

    cells: NDArray[np.int64]
    values: NDArray[np.float64]
    feasible: NDArray[np.bool_]


class Store:
    """A result store in WAL mode; whatever was committed outlives a kill.

    Args:
        path: The SQLite file.
        create: Make it when it does not exist.

    Raises:
        StoreError: The file is missing, no store of this kind, or cannot be written.
    """

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        self.path = Path(path)
        if not create and not self.path.is_file():
            raise StoreError(f"there are no results at {self.path}")
        with self._explained():
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=60.0, isolation_level=None)
            try:
                self._prepare(create)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, create: bool) -> None:
        try:
            tables = {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master")}
        except sqlite3.OperationalError:
            # WAL needs a writable folder; without a log that waits, the file alone is the whole store.
            if create or self._has_log():
                raise
            self._connection.close()
            uri = f"{self.path.resolve().as_uri()}?immutable=1"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
            tables = {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master")}
        if tables and "meta" not in tables:
            raise StoreError(f"{self.path} is a database of another program; use another folder")
        if create:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            entry = f"INSERT OR IGNORE INTO meta VALUES ('format', '{_FORMAT}');"
            # At once, so that no other process ever sees half of it.
            self._connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{entry}COMMIT;")
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        if row is None or row[0] != str(_FORMAT):
            raise StoreError(f"{self.path} was written by another version of eomoo; use a new folder")

    def _has_log(self) -> bool:
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.is_file() and log.stat().st_size > 0

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # -- writing -------------------------------------------------------------------------------

    def add_problem(self, problem: CellProblem) -> int:
        """The problem's number in this store, entered if it is new."""
        constraints = [str(c) for c in problem.constraints]
        key = json.dumps([problem.name(), problem.card.digest, problem.noise, constraints, problem.options])
        facts = {
            "title": problem.card.title,
            "citation": problem.card.citation,
            **problem.objectives.to_dict(),
            "skeleton": asdict(problem.skeleton),
        }
        # Before the transaction: it may take seconds, in which no other process could write.
        front = problem.pareto_indices() if problem.enumerable else None
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO problem (name, digest, noise, constraints, facts, key) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    problem.name(),
                    problem.card.digest,
                    problem.noise,
                    json.dumps(constraints),
                    json.dumps(facts),
                    key,
                ),
            )
            row = connection.execute("SELECT id FROM problem WHERE key = ?", (key,)).fetchone()
            if front is not None:
                _insert(connection, "true_front", int(row[0]), front, problem.values(front))
        return int(row[0])

    def add_run(
        self,
        problem: int,
        spec: AlgorithmSpec,
        *,
        seed: int,
        budget: int,
        result: RunResult,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Enter a run with its whole trace, at once or not at all; a run that is in already stays.

        Standard deviations are kept for the cells of its front.
        """
        blobs = np.ascontiguousarray(result.values, dtype="<f8")
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO run (problem, label, algorithm, settings, seed, budget, n_eval, "
                "seconds, complete, versions, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    problem,
                    spec.label,
                    spec.algorithm,
                    _settings(spec),
                    seed,
                    budget,
                    result.n_eval,
                    result.seconds,
                    int(result.complete),
                    json.dumps(versions()),
                    json.dumps({**(extra or {}), **_endings(result)}),
                ),
            )
            if cursor.rowcount == 0:
                return
            run = cursor.lastrowid
            cells = result.cells.tolist()
            connection.executemany(
                "INSERT INTO evaluation VALUES (?, ?, ?)", ((run, k, cell) for k, cell in enumerate(cells))
            )
            connection.executemany(
                "INSERT OR IGNORE INTO value VALUES (?, ?, ?, ?)",
                (
                    (problem, cell, feasible, row.tobytes())
                    for cell, feasible, row in zip(cells, result.feasible.tolist(), blobs, strict=True)
                ),
            )
            _insert(connection, "deviation", problem, result.front, result.front_deviations)

    def discard_incomplete(self) -> None:
        """Drop the runs that were interrupted, so that they can be entered whole."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM evaluation WHERE run IN (SELECT id FROM run WHERE NOT complete)")
            connection.execute("DELETE FROM run WHERE NOT complete")

    # -- reading -------------------------------------------------------------------------------

    def problems(self) -> list[ProblemRow]:
        """All problems, in the order of their entry."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT id, name, digest, noise, constraints, facts FROM problem ORDER BY id"
            ).fetchall()
            return [_problem_row(row) for row in rows]

    def runs(self) -> list[RunRow]:
        """All runs, sorted by problem, label, budget and seed."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT id, problem, label, algorithm, settings, seed, budget, n_eval, seconds, complete, "
                "versions, extra FROM run ORDER BY problem, label, budget, seed"
            ).fetchall()
            return [
                RunRow(
                    id=r[0],
                    problem=r[1],
                    label=r[2],
                    algorithm=r[3],
                    settings=json.loads(r[4]),
                    seed=r[5],
                    budget=r[6],
                    n_eval=r[7],
                    seconds=r[8],
                    complete=bool(r[9]),
                    versions=json.loads(r[10]),
                    extra=json.loads(r[11]),
                )
                for r in rows
            ]

    def has_run(self, problem: int, spec: AlgorithmSpec, *, seed: int, budget: int) -> bool:
        """Whether a run is in, and complete."""
        with self._explained():
            found = self._connection.execute(
                "SELECT 1 FROM run WHERE problem = ? AND label = ? AND settings = ? AND seed = ? "
                "AND budget = ? AND complete",
                (problem, spec.label, _settings(spec), seed, budget),
            ).fetchone()
        return found is not None

    def trace(self, run: RunRow) -> RunTrace:
        """Every evaluated cell of a run in order, with its values."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT e.cell, v.feasible, v.raw FROM evaluation e JOIN value v "
                "ON v.problem = ? AND v.cell = e.cell WHERE e.run = ? ORDER BY e.step",
                (run.problem, run.id),
            ).fetchall()
            if not rows:
                values = np.empty((0, self._n_objectives(run.problem)))
                return RunTrace(cells=np.empty(0, np.int64), values=values, feasible=np.empty(0, bool))
            cells, feasible, blobs = zip(*rows, strict=True)
            values = np.frombuffer(b"".join(blobs), dtype="<f8").reshape(len(rows), -1)
            return RunTrace(
                cells=np.array(cells, dtype=np.int64), values=values, feasible=np.array(feasible, dtype=bool)
            )

    def _n_objectives(self, problem: int) -> int:
        return next((len(p.objectives) for p in self.problems() if p.id == problem), 0)

    def traces(self, problem: int, runs: Sequence[RunRow]) -> Iterator[tuple[RunRow, RunTrace]]:
        """Runs of one problem with their traces; the values are read once, so that many runs are quick."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT cell, feasible, raw FROM value WHERE problem = ? ORDER BY cell", (problem,)
            ).fetchall()
            cells, feasible, blobs = zip(*rows, strict=True) if rows else ((), (), ())
            known = np.array(cells, dtype=np.int64)
            raw = np.frombuffer(b"".join(blobs), dtype="<f8").reshape(
                len(known), -1 if rows else self._n_objectives(problem)
            )
            good = np.array(feasible, dtype=bool)
        for run in runs:
            with self._explained():
                found = self._connection.execute(
                    "SELECT cell FROM evaluation WHERE run = ? ORDER BY step", (run.id,)
                ).fetchall()
                seen = np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found))
                at = np.searchsorted(known, seen)
                if len(seen) and not np.array_equal(known[np.minimum(at, len(known) - 1)], seen):
                    raise ValueError(f"run {run.id} has cells without values")
            yield run, RunTrace(cells=seen, values=raw[at], feasible=good[at])

    def front_deviations(self, problem: int) -> dict[int, NDArray[np.float64]]:
        """Standard deviations (m,) of the raw values, for the cells of the problem's fronts."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT cell, raw FROM deviation WHERE problem = ?", (problem,)
            ).fetchall()
        return {cell: np.frombuffer(raw, dtype="<f8") for cell, raw in rows}

    def true_front(self, problem: int) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """Cells (k,) and raw values (k, m) of the true Pareto front; None where it is not known."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT cell, raw FROM true_front WHERE problem = ? ORDER BY cell", (problem,)
            ).fetchall()
        if not rows:
            return None
        values = np.stack([np.frombuffer(raw, dtype="<f8") for _, raw in rows])
        return np.array([cell for cell, _ in rows], dtype=np.int64), values

    # -- errors --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except EomooError:
            raise
        except OverflowError as error:
            raise SettingError("a seed or a budget is too large: at most 9223372036854775807") from error
        except sqlite3.Error as error:
            raise StoreError(_explain(self.path, error)) from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be opened: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path} is damaged: {error}; start again in a new folder") from error


def _insert(
    connection: sqlite3.Connection,
    table: str,
    problem: int,
    cells: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    rows = np.ascontiguousarray(values, dtype="<f8")
    connection.executemany(
        f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)",
        ((problem, cell, row.tobytes()) for cell, row in zip(cells.tolist(), rows, strict=True)),
    )


def versions() -> dict[str, str]:
    """Versions of Python, eomoo and the packages that a result depends on."""
    found = {"python": platform.python_version()}
    for name in ("eomoo", "numpy", "pymoo", "moocore", "xgboost"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _endings(result: RunResult) -> dict[str, str]:
    """What a run says of itself in a sentence, where it does."""
    return {name: text for name in ("ended", "nearest") if (text := getattr(result, name))}


def _settings(spec: AlgorithmSpec) -> str:
    return json.dumps({"algorithm": spec.algorithm, **spec.settings}, sort_keys=True)


def _problem_row(row: tuple[Any, ...]) -> ProblemRow:
    facts = json.loads(row[5])
    return ProblemRow(
        id=row[0],
        name=row[1],
        digest=row[2],
        noise=row[3],
        constraints=tuple(json.loads(row[4])),
        objectives=Objectives.from_dict(facts),
        title=facts["title"],
        citation=facts["citation"],
        skeleton=Skeleton(**facts["skeleton"]) if "skeleton" in facts else SO2SAT,
    )


def _explain(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "full" in text:
        return (
            f"the disk is full: {path} cannot be written; free some space and start again (nothing is lost)"
        )
    if "locked" in text:
        return f"{path} is being written by another process; wait for it to end"
    if "not a database" in text or "malformed" in text or "no such table" in text or "no such column" in text:
        return f"{path} is no result store of eomoo, or it is damaged; use another folder"
    if "disk I/O" in text or "too big" in text:
        return (
            f"{path} cannot be written ({text}): the disk may be full, or files limited in size; "
            "what was entered before is safe"
        )
    if "unable to open" in text or "readonly" in text:
        return f"{path} cannot be opened for writing; check the folder and its permissions"
    return f"{path}: {text}"
