"""The tables of a result store, and how 0.1.0's become today's."""

from __future__ import annotations

from eomoo.files import Schema

_FIRST_FORMAT = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE problem (id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, noise INTEGER, "
    "constraints TEXT NOT NULL, facts TEXT NOT NULL, key TEXT NOT NULL UNIQUE)",
    "CREATE TABLE run (id INTEGER PRIMARY KEY, problem INTEGER NOT NULL REFERENCES problem, "
    "label TEXT NOT NULL, algorithm TEXT NOT NULL, settings TEXT NOT NULL, seed INTEGER NOT NULL, "
    "budget INTEGER NOT NULL, n_eval INTEGER NOT NULL, seconds REAL NOT NULL, complete INTEGER NOT NULL, "
    "versions TEXT NOT NULL, extra TEXT NOT NULL, UNIQUE (problem, label, settings, seed, budget))",
    "CREATE TABLE evaluation (run INTEGER NOT NULL REFERENCES run, step INTEGER NOT NULL, "
    "cell INTEGER NOT NULL, PRIMARY KEY (run, step)) WITHOUT ROWID",
    "CREATE TABLE value (problem INTEGER NOT NULL REFERENCES problem, cell INTEGER NOT NULL, "
    "feasible INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (problem, cell)) WITHOUT ROWID",
    "CREATE TABLE deviation (problem INTEGER NOT NULL REFERENCES problem, cell INTEGER NOT NULL, "
    "raw BLOB NOT NULL, PRIMARY KEY (problem, cell)) WITHOUT ROWID",
    "CREATE TABLE true_front (problem INTEGER NOT NULL REFERENCES problem, cell INTEGER NOT NULL, "
    "raw BLOB NOT NULL, PRIMARY KEY (problem, cell)) WITHOUT ROWID",
)
# What a run saw belongs to it: where that is not what the problem's first run saw, the run has a row of
# its own, so that the runs of an unchanged landscape share theirs.
_OWN_VALUE = (
    "TABLE own_value (run INTEGER NOT NULL, step INTEGER NOT NULL, feasible INTEGER NOT NULL, "
    "raw BLOB NOT NULL, PRIMARY KEY (run, step)) WITHOUT ROWID"
)
_SECOND_FORMAT = (
    "ALTER TABLE problem ADD COLUMN fingerprint TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE problem ADD COLUMN sha256 TEXT",
    "ALTER TABLE problem ADD COLUMN front_sha256 TEXT",
    "ALTER TABLE run ADD COLUMN front BLOB",
    "ALTER TABLE run ADD COLUMN deviations BLOB",
    "ALTER TABLE run ADD COLUMN sha256 TEXT",
    f"CREATE {_OWN_VALUE}",
    "DELETE FROM meta WHERE key = 'format'",
    "INSERT INTO meta SELECT 'runs', count(*) FROM run",
)
RESULTS = Schema(
    what="result store",
    marker="meta",
    version=2,
    tables=(*_FIRST_FORMAT, *_SECOND_FORMAT),
    upgrades={1: _SECOND_FORMAT},
    views={
        1: (
            "CREATE TEMP VIEW problem AS SELECT *, '' AS fingerprint, NULL AS sha256, NULL AS front_sha256 "
            "FROM main.problem",
            "CREATE TEMP VIEW run AS SELECT *, NULL AS front, NULL AS deviations, NULL AS sha256 FROM main.run",
            f"CREATE TEMP {_OWN_VALUE}",
        )
    },
)
