"""The result store: one SQLite file that holds every evaluated cell of every run."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.errors import StoreError
from eomoo.files import Database, Schema
from eomoo.search.algorithms import AlgorithmSpec, same_settings
from eomoo.search.problem import CellProblem
from eomoo.search.run import RunResult
from eomoo.study.rows import PROBLEM_FACTS, RUN_FACTS, ProblemRow, RunRow, RunTrace, as_bytes, digest_of, versions

STORE_NAME = "results.sqlite"
# How the work of a live card is spread, which changes none of its results.
SPREAD = frozenset(("workers", "readers", "cluster"))


def _statements(name: str) -> tuple[str, ...]:
    """The statements of an SQL file beside this one."""
    text = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
    return tuple(part.strip() for part in text.split(";") if part.strip())


_SECOND_FORMAT = _statements("second_format")
_RESULTS = Schema(
    what="result store",
    marker="meta",
    version=2,
    tables=(*_statements("first_format"), *_SECOND_FORMAT),
    # How 0.1.0's tables become today's, and how they are read as such.
    upgrades={1: _SECOND_FORMAT},
    views={1: _statements("first_as_second")},
)
_COUNT_RUNS = "UPDATE meta SET value = (SELECT count(*) FROM run) WHERE key = 'runs'"


class Store(Database):
    """A result store; whatever was committed outlives a kill, and what has changed since is noticed.

    A store of 0.1.0 is read as it is, its runs unverified; it gets today's format when it is written to.

    Args:
        path: The SQLite file.
        create: Open it for writing, and make it when it does not exist.

    Raises:
        StoreError: The file is missing, no store of this kind, or cannot be written; from what reads, that a problem,
            a run or the list of runs has changed since it was entered: the text names it.
    """

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        if not create and not os.path.isfile(path):
            raise StoreError(f"there are no results at {path}")
        self._is_new = create and not os.path.exists(path)
        super().__init__(path, _RESULTS, create=create)

    def __exit__(self, *exception: object) -> None:
        # What ends before its first result leaves no file that would look like one with results.
        is_empty = self._is_new and not self.rows("SELECT 1 FROM run LIMIT 1")
        super().__exit__(*exception)
        if is_empty:
            self.path.unlink(missing_ok=True)

    # -- writing -------------------------------------------------------------------------------

    def add_problem(self, problem: CellProblem) -> int:
        """The problem's number in this store, entered if it is new.

        It is known by its card, noise, limits and options, and by what the card points to: another table, model or set
        of images makes another problem. One that 0.1.0 entered is taken for the same where its true front is.
        """
        # Before the transaction: it may take seconds, in which no other process could write.
        cells = problem.pareto_indices() if problem.enumerable else None
        with_error = cells is not None and not problem.predicted and bool((problem.deviations(cells) > 0).any())
        facts = {
            "title": problem.card.title,
            "citation": problem.card.citation,
            **({} if problem.card.shipped else {"card": str(problem.card.path)}),
            **problem.objectives.to_dict(),
            "skeleton": asdict(problem.skeleton),
            "predicted": problem.predicted,
            **({"with_error": True} if with_error else {}),
            "limits": _limits(problem),
            # Of a table of some cells, how many; else all are there.
            **({"n_cells": problem.n_cells} if problem.n_cells < len(problem.space) else {}),
            "options": problem.options | ({"latency_from": found} if (found := problem.card.latency_from) else {}),
        }
        limits = [str(c) for c in problem.constraints]
        options = {name: value for name, value in problem.options.items() if name not in SPREAD}
        known = [problem.name(), problem.card.digest, problem.noise, limits, options]
        first_key, key = json.dumps(known), json.dumps([*known, problem.fingerprint])
        columns = [*known[:3], json.dumps(limits), json.dumps(facts), key, problem.fingerprint]
        front = None if cells is None else (cells, problem.values(cells))
        with self.transaction() as connection:
            number = self._number(connection, key, first_key, front)
            if number is not None:
                return number
            proof = None if front is None else _front_digest(*front)
            cursor = connection.execute(
                f"INSERT INTO problem ({', '.join(PROBLEM_FACTS)}, sha256, front_sha256) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*columns, digest_of(columns), proof),
            )
            number = int(cursor.lastrowid or 0)
            if front is not None:
                connection.executemany(
                    "INSERT INTO true_front VALUES (?, ?, ?)",
                    ((number, cell, as_bytes(row)) for cell, row in zip(front[0].tolist(), front[1], strict=True)),
                )
        return number

    def _number(
        self, connection: sqlite3.Connection, key: str, first_key: str, front: tuple[Ints, Floats] | None
    ) -> int | None:
        for number, found in connection.execute(
            "SELECT id, key FROM problem WHERE key IN (?, ?) ORDER BY id DESC", (key, first_key)
        ).fetchall():
            there = self.true_front(number)
            if found == key or there is None or front is None:
                return int(number)
            cells, values = front
            order = np.argsort(cells)
            # Predictions are rounded since: single precision is what they had.
            if np.array_equal(cells[order], there[0]) and np.allclose(values[order], there[1], rtol=1e-6):
                return int(number)
        return None

    def add_run(
        self,
        problem: int,
        spec: AlgorithmSpec,
        *,
        seed: int,
        budget: int,
        result: RunResult,
        extra: Mapping[str, object] | None = None,
        replaces: Sequence[int] = (),
    ) -> None:
        """Enter a run with its whole trace, at once or not at all; a run that is in already stays.

        Standard deviations are kept for the cells of its front. Runs that it replaces, by number, are dropped.
        """
        settings = json.dumps({"algorithm": spec.algorithm, **spec.settings}, sort_keys=True)
        columns = [problem, spec.label, spec.algorithm, settings, seed, budget, result.n_eval, result.seconds]
        columns += [int(result.complete), json.dumps(versions()), json.dumps({**(extra or {}), **_told(result)})]
        trace = RunTrace(cells=result.cells, values=result.values, feasible=result.feasible)
        front = as_bytes(result.front), as_bytes(result.front_deviations)
        dropped = ", ".join(str(int(number)) for number in replaces)
        with self.transaction() as connection:
            for table, key in (("evaluation", "run"), ("own_value", "run"), ("run", "id")):
                connection.execute(f"DELETE FROM {table} WHERE {key} IN ({dropped})")
            # Told by the columns as they will be read again.
            proof = digest_of(RunRow.read(0, columns).facts, *trace.content(), *front)
            cursor = connection.execute(
                f"INSERT OR IGNORE INTO run ({', '.join(RUN_FACTS)}, front, deviations, sha256) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*columns, *front, proof),
            )
            if cursor.rowcount:
                _enter_trace(connection, problem, int(cursor.lastrowid or 0), trace)
            connection.execute(_COUNT_RUNS)

    # -- reading -------------------------------------------------------------------------------

    def problems(self) -> list[ProblemRow]:
        """All problems, in the order of their entry."""
        rows = self.rows(f"SELECT id, sha256, {', '.join(PROBLEM_FACTS)} FROM problem ORDER BY id")
        with self.explained():
            for _, proof, *facts in rows:
                if proof is not None and digest_of(facts) != proof:
                    raise self._changed(f"the problem {facts[0]}")
            return [ProblemRow.read(number, facts) for number, _, *facts in rows]

    def runs(self) -> list[RunRow]:
        """All runs, sorted by problem, label, budget and seed."""
        rows = self.rows(
            f"SELECT id, front, deviations, sha256, {', '.join(RUN_FACTS)} FROM run "
            "ORDER BY problem, label, budget, seed"
        )
        counted = self.rows("SELECT value FROM meta WHERE key = 'runs'")
        with self.explained():
            if counted and int(counted[0][0]) != len(rows):
                raise self._changed(f"the list of runs ({counted[0][0]} were entered, {len(rows)} are there)")
            runs = [RunRow.read(k, facts, front=f, deviations=d, sha256=proof) for k, f, d, proof, *facts in rows]
        if not all(run.verified for run in runs):
            warnings.warn(f"{self.path} holds runs of eomoo 0.1.0, without digests: they are unverified", stacklevel=2)
        return runs

    def has_run(self, problem: int, spec: AlgorithmSpec, *, seed: int, budget: int) -> bool:
        """Whether a run is in, and complete."""
        found = self.rows(
            "SELECT settings FROM run WHERE problem = ? AND label = ? AND seed = ? AND budget = ? AND complete",
            (problem, spec.label, seed, budget),
        )
        with self.explained():
            return any(same_settings(json.loads(settings), spec) for (settings,) in found)

    def trace(self, run: RunRow) -> RunTrace:
        """Every evaluated cell of a run in order, with the values that the run saw."""
        return next(self.traces(run.problem, [run]))[1]

    def traces(self, problem: int, runs: Sequence[RunRow]) -> Iterator[tuple[RunRow, RunTrace]]:
        """Runs of one problem with their traces; the values are read once, so that many runs are quick."""
        rows = self.rows("SELECT cell, feasible, raw FROM value WHERE problem = ? ORDER BY cell", (problem,))
        with self.explained():
            cells, feasible, blobs = zip(*rows, strict=True) if rows else ((), (), ())
            known = np.array(cells, dtype=np.int64)
            m = len(next(p.objectives for p in self.problems() if p.id == problem))
            raw = np.frombuffer(b"".join(blobs), dtype="<f8").reshape(len(known), m)
            good = np.array(feasible, dtype=bool)
        for run in runs:
            found = self.rows("SELECT cell FROM evaluation WHERE run = ? ORDER BY step", (run.id,))
            own = self.rows("SELECT step, feasible, raw FROM own_value WHERE run = ?", (run.id,))
            with self.explained():
                seen = np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found))
                at = np.searchsorted(known, seen)
                there = known[np.minimum(at, len(known) - 1)] if len(known) else known
                if len(seen) and not np.array_equal(there, seen):
                    raise self._changed(_named(run))
                trace = RunTrace(cells=seen, values=raw[at], feasible=good[at])
                for step, feasible_there, values in own:
                    trace.feasible[step] = feasible_there
                    trace.values[step] = np.frombuffer(values, dtype="<f8")
                content = (*trace.content(), run.front or b"", run.deviations or b"")
                if run.sha256 is not None and digest_of(run.facts, *content) != run.sha256:
                    raise self._changed(_named(run))
            yield run, trace

    def front_deviations(self, problem: int, runs: Sequence[RunRow]) -> dict[int, Floats]:
        """Standard deviations (m,) of the raw values, for the cells of the runs' fronts."""
        found: dict[int, Floats] = {}
        if any(run.front is None for run in runs):
            rows = self.rows("SELECT cell, raw FROM deviation WHERE problem = ?", (problem,))
            found = {cell: np.frombuffer(raw, dtype="<f8") for cell, raw in rows}
        with self.explained():
            for run in runs:
                cells, spread = run.front_cells, np.frombuffer(run.deviations or b"", dtype="<f8")
                if len(cells):
                    # Of several runs that saw a cell, the first one's.
                    mine = dict(zip(cells.tolist(), spread.reshape(len(cells), -1), strict=True))
                    found = {**mine, **found}
        return found

    def true_front(self, problem: int) -> tuple[Ints, Floats] | None:
        """Cells (k,) and raw values (k, m) of the true Pareto front; None where it is not known."""
        rows = self.rows("SELECT cell, raw FROM true_front WHERE problem = ? ORDER BY cell", (problem,))
        proofs = self.rows("SELECT name, front_sha256 FROM problem WHERE id = ?", (problem,))
        with self.explained():
            cells = np.array([cell for cell, _ in rows], dtype=np.int64)
            values = np.frombuffer(b"".join(raw for _, raw in rows), dtype="<f8")
            values = values.reshape(len(rows), -1 if rows else 0)
            for name, proof in proofs:
                if proof is not None and _front_digest(cells, values) != proof:
                    raise self._changed(f"the true front of {name}")
        return (cells, values) if rows else None

    def _changed(self, what: str) -> StoreError:
        return StoreError(
            f"{self.path}: {what} has changed since it was written; take the file from a copy, or start "
            "again in a new folder"
        )


def _enter_trace(connection: sqlite3.Connection, problem: int, run: int, trace: RunTrace) -> None:
    """A row for each evaluation; values are shared where they are what earlier runs saw."""
    cells = trace.cells.tolist()
    blobs = (row.tobytes() for row in np.ascontiguousarray(trace.values, dtype="<f8"))
    rows = list(zip(cells, map(int, trace.feasible.tolist()), blobs, strict=True))
    connection.executemany("INSERT INTO evaluation VALUES (?, ?, ?)", ((run, k, cell) for k, cell in enumerate(cells)))
    connection.executemany("INSERT OR IGNORE INTO value VALUES (?, ?, ?, ?)", ((problem, *row) for row in rows))
    shared = connection.execute(
        "SELECT v.cell, v.feasible, v.raw FROM evaluation e "
        "JOIN value v ON v.problem = ? AND v.cell = e.cell WHERE e.run = ? ORDER BY e.step",
        (problem, run),
    ).fetchall()
    connection.executemany(
        "INSERT INTO own_value VALUES (?, ?, ?, ?)",
        ((run, k, *row[1:]) for k, row in enumerate(rows) if row != shared[k]),
    )


def _front_digest(cells: Ints, values: Floats) -> str:
    order = np.argsort(cells)
    return digest_of([], as_bytes(cells[order]), as_bytes(values[order]))


def _told(result: RunResult) -> dict[str, object]:
    """What a run says of itself in a sentence, where it does, and what is known of its front besides values."""
    told: dict[str, object] = {name: text for name in ("ended", "nearest") if (text := getattr(result, name))}
    told |= {name: dict(facts) for name in ("spending", "repeats") if (facts := getattr(result, name))}
    told |= {"limited": result.front_limited.tolist()} if result.front_limited.size else {}
    told |= {"basis": list(result.front_basis)} if set(result.front_basis) - {"measured"} else {}
    if np.isfinite(result.front_measured).any():
        told["measured"] = [[v if np.isfinite(v) else None for v in row] for row in result.front_measured.tolist()]
    return told


def _limits(problem: CellProblem) -> list[dict[str, object]]:
    """What a problem's constraints are on, as plain data for ``Limit``."""
    objectives = {(o.source, o.quantity): o.name for o in problem.card.objectives}
    found = []
    for c in problem.constraints:
        quantity = problem.backends[c.source].quantities[c.quantity]
        bounds = {"most": None if c.most == math.inf else c.most, "least": None if c.least == -math.inf else c.least}
        objective = objectives.get((c.source, c.quantity), "")
        found.append({"name": c.quantity, "objective": objective, **asdict(quantity), **bounds})
    return found


def _named(run: RunRow) -> str:
    return f"the run of {run.label} with seed {run.seed} and a budget of {run.budget:,} cells"
