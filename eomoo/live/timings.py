"""Timings of one setting: read from the store, made, and made again where something disturbed them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from eomoo.arrays import Facts
from eomoo.checks import counted
from eomoo.errors import StoreError
from eomoo.jobs import Jobs, worker_number
from eomoo.live.latency import latency_conditions, measure_latency
from eomoo.live.runners import LatencySetting
from eomoo.live.store import LiveStore, Result
from eomoo.live.tasks import worker_device
from eomoo.space import Skeleton


class Timings(ABC):
    """Latencies of cells under the conditions of a ``Campaign``, of one scale for as long as it lives."""

    timing: LatencySetting
    elsewhere: Facts | None
    report: Callable[[str], None]

    @property
    @abstractmethod
    def jobs(self) -> Jobs:
        """Where candidates are trained and timed; started when it is first needed."""

    @property
    @abstractmethod
    def store(self) -> LiveStore:
        """Where results are kept."""

    @property
    @abstractmethod
    def skeleton(self) -> Skeleton:
        """The network around the cells."""

    def _begin_timings(self) -> None:
        self._conditions: Facts = {}
        self._contended: dict[int, bool] = {}
        self._timed: set[int] = set()
        self._baseline: float | None = None
        self._launch_bound: dict[int, bool] = {}

    def conditions(self) -> Facts:
        """Everything that a timing depends on but the cell, as plain data."""
        if not self._conditions:
            # Asked once: a run that ends because its cluster has gone has to tell what was found.
            self._conditions = self.elsewhere or self.jobs.call(latency_conditions, self.skeleton, self.timing)
        return self._conditions

    def timings(self, cells: Sequence[int], *, again: bool = False) -> dict[int, Result]:
        """Latencies of cells, with "baseline": what the reference cell takes in a quiet round.

        A stored timing that something disturbed is tried again once by each campaign (``again``: now), and
        replaced where nothing disturbs it any more.
        """
        conditions, store, elsewhere = self.conditions(), self.store, self.elsewhere
        wanted = {k: {"cell": k, **conditions} for k in cells}

        def make(fresh: list[int]) -> None:
            if elsewhere:
                raise StoreError(f"cell {fresh[0]} and {len(fresh) - 1} others were not timed on the board yet")
            for k, result in self._time(fresh).items():
                store.put("latency", wanted[k], result, cell=k)

        found = store.obtain("latency", wanted, make)
        disturbed = [k for k, r in found.items() if r.get("contended") and (again or k not in self._timed)]
        disturbed = [] if elsewhere else disturbed
        for k, result in (self._time(disturbed, again=True) if disturbed else {}).items():
            if not result.get("contended"):
                store.put("latency", wanted[k], result, cell=k, replace=True)
                found[k] = result
        self._contended.update({k: bool(result.get("contended")) for k, result in found.items()})
        self._launch_bound.update({k: bool(result.get("launch_bound")) for k, result in found.items()})
        if self._baseline is None:
            self._baseline = self._find_baseline(conditions, list(found.values()))
        return {k: {**result, "baseline": self._baseline} for k, result in found.items()}

    def accept_timings(self, cells: Sequence[int]) -> None:
        """Take the stored timings of cells as they are: ``timings`` tries none of them again unasked."""
        self._timed.update(cells)

    def stored_timings(self, cells: Sequence[int]) -> list[Result | None]:
        """Of each cell the stored timing, with "baseline"; None where there is none. Nothing is timed."""
        conditions = self.conditions()
        found = [self.store.get("latency", {"cell": int(k), **conditions}) for k in cells]
        known = [result for result in found if result is not None]
        if known and self._baseline is None:
            self._baseline = self._find_baseline(conditions, known)
        return [None if result is None else {**result, "baseline": self._baseline} for result in found]

    def timing_notes(self) -> list[str]:
        """Sentences on what was disturbed, for the end of a run."""
        lines = []
        if any(self._contended.values()):
            how = "kit.py there times" if self.elsewhere else "the same command with --retry-failed times"
            lines.append(
                f"{_how_many(self._contended)} contended, however often they were tried: something else used the "
                f"device; {how} them anew"
            )
        if any(self._launch_bound.values()):
            lines.append(
                f"{_how_many(self._launch_bound)} launch-bound, the CPU's that launches the kernels; "
                "--set latency.runtime=graph times the device"
            )
        return lines

    def _time(self, cells: list[int], *, again: bool = False) -> dict[int, Result]:
        why = " again, since something else used the device" if again else ""
        self.report(f"timing {counted(len(cells), 'network')}{why}")
        self._timed.update(cells)
        return dict(zip(cells, self.jobs.call(_measure, cells, self.skeleton, self.timing), strict=True))

    def _find_baseline(self, conditions: Mapping[str, object], results: list[Result]) -> float:
        """What the reference cell takes under these conditions when nothing disturbs it, ms.

        The first quiet timing decides, for good. Until there is one the quietest round of disturbed ones serves, for
        as long as this campaign, whose values have to be of one scale.
        """
        store = self.store
        stored = store.get("reference", conditions)
        if stored is None or stored.get("contended"):
            quiet = [r for r in results if not r.get("reference_contended")]
            least = min(float(r.get("reference_quiet") or r["reference_median"]) for r in quiet or results)
            found = {"median": least, "contended": not quiet}
            if stored is None or quiet:
                reference = self.timing.reference
                store.put("reference", conditions, found, cell=reference, replace=stored is not None)
                # Another process may have been the first.
                stored = store.get("reference", conditions) or found
        return float(stored["median"])


def _measure(cells: list[int], skeleton: Skeleton, how: LatencySetting) -> list[Result]:
    how = how.here()
    # Beside other workers on a device of its own.
    own = replace(how, device=worker_device(how.device, worker_number()))
    return [result.to_dict() for result in measure_latency(cells, skeleton=skeleton, setting=own)]


def _how_many(marked: Mapping[int, bool]) -> str:
    """Such as "2 of 3 timings are"."""
    n = sum(marked.values())
    return f"{n} of {counted(len(marked), 'timing')} {'is' if n == 1 else 'are'}"
