"""Studies: problems x algorithms x seeds, run in parallel, kept in a store.

``plan``: what a study is, from a file or the command line, and what it asks of every run. ``execute``: runs it.
``record``: what a study's folder is for. ``earlier``: the run that is gone on with. ``store``: every evaluated cell of
every run, in one SQLite file, whose tables the SQL files make. ``rows``: what is read from it, and what proves it.

A study that says what cannot be is a CardError (a ValueError), which names the key; a store that is missing, has
changed since it was written or cannot be written is a StoreError (a RuntimeError).
"""

from eomoo.study.execute import Event, perform, run_study
from eomoo.study.plan import (
    PROBES,
    Probe,
    ProblemSpec,
    Study,
    Task,
    find_probe,
    list_studies,
    load_study,
    parse_study,
    study_folder,
)
from eomoo.study.record import record_study, recorded_study
from eomoo.study.rows import ProblemRow, RunRow, RunTrace, versions
from eomoo.study.store import STORE_NAME, Store

__all__ = [
    "PROBES", "STORE_NAME", "Event", "Probe", "ProblemRow", "ProblemSpec", "RunRow", "RunTrace", "Store", "Study",
    "Task", "find_probe", "list_studies", "load_study", "parse_study", "perform", "record_study", "recorded_study",
    "run_study", "study_folder", "versions",
]  # fmt: skip
