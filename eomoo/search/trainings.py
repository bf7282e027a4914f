"""Trainings under way on several workers, and the log by which a search that was killed decides the same again."""

from __future__ import annotations

import hashlib
import json
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

import numpy as np

from eomoo.arrays import Facts, Floats
from eomoo.objectives import Backend
from eomoo.search.costs import Costs

Task: TypeAlias = tuple[int, int]
"""A cell and the rung of the ladder that it is trained to."""


class Log:
    """What a search saw, in order, kept by a backend where its trainings are kept.

    Args:
        depends: Everything that the search's decisions depend on, but for what it sees.
    """

    def __init__(self, keeper: Backend, depends: Facts) -> None:
        self._keeper = keeper
        self._search = hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()

    def recall(self, kind: str, k: int) -> Facts | None:
        """The k-th thing of a kind that an earlier run of this search saw; None where it did not come so far."""
        return self._keeper.recall({"search": self._search, "kind": kind, "number": k})

    def note(self, kind: str, k: int, fact: Facts) -> None:
        """Keep the k-th thing of a kind."""
        self._keeper.note({"search": self._search, "kind": kind, "number": k}, fact)


class Trainings:
    """Trainings that were begun and have not been waited for, at most as many as there are workers.

    One worker trains in this process when it is waited for; several do at once, each from a thread of its own. In
    which order they end is logged, and kept to when the search is run again.

    Attributes:
        pending: Those under way, in the order of their beginning.
    """

    def __init__(self, costs: Costs, ladder: tuple[float, ...], log: Log) -> None:
        self._costs, self._ladder, self._log = costs, ladder, log
        self.pending: list[Task] = []
        self._n_ended = 0
        self._threads()

    def _threads(self) -> None:
        self._slots: dict[Task, int] = {}
        self._found: SimpleQueue[tuple[Task, Floats | BaseException]] = SimpleQueue()
        self._ended: dict[Task, Floats] = {}

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""
        return self._costs.workers - len(self.pending)

    def begin(self, task: Task) -> None:
        """Have a worker that is free train a cell."""
        self.pending.append(task)

    def wait(self) -> tuple[Task, Floats]:
        """The first of those under way that ends, and its raw values (m + c,), NaN where they need no training."""
        if self._costs.workers == 1:
            task = self.pending.pop(0)
            return task, self._train(task, 0)
        for task in self.pending:
            if task not in self._slots:
                slot = min(set(range(self._costs.workers)) - set(self._slots.values()))
                self._slots[task] = slot
                Thread(target=self._work, args=(task, slot), daemon=True).start()
        fact = self._log.recall("ended", self._n_ended)
        said = None if fact is None else (fact["cell"], fact["rung"])
        wanted = [said] if said in self.pending else self.pending
        while not any(task in self._ended for task in wanted):
            task, found = self._found.get()
            if isinstance(found, BaseException):
                raise found
            self._ended[task] = found
        # In the order of their arrival.
        first = next(task for task in self._ended if task in wanted)
        self._log.note("ended", self._n_ended, {"cell": first[0], "rung": first[1]})
        self._n_ended += 1
        self.pending.remove(first)
        del self._slots[first]
        return first, self._ended.pop(first)

    def _work(self, task: Task, slot: int) -> None:
        try:
            self._found.put((task, self._train(task, slot)))
        except BaseException as error:  # for who waits
            self._found.put((task, error))

    def _train(self, task: Task, slot: int) -> Floats:
        cell, rung = task
        if not self._costs.measured and rung == len(self._ladder) - 1:
            # What is looked up is so where it counts: by the problem.
            return np.full(len(self._costs.known), np.nan)
        return np.asarray(self._costs.values_at(np.array([cell]), self._ladder[rung], worker=slot)[0])

    def __getstate__(self) -> Facts:
        return {k: v for k, v in vars(self).items() if k not in ("_slots", "_found", "_ended")}

    def __setstate__(self, state: Facts) -> None:
        # What was under way is begun anew where it goes on.
        vars(self).update(state)
        self._threads()
