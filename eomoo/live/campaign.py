"""Networks trained and timed for a search: read from the store, shared with other searches, or made."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from eomoo.arrays import Facts
from eomoo.checks import counted, known_keys, positive, whole
from eomoo.errors import DataError, DataNotFoundError, HoursOverError, StoreError
from eomoo.images import SPLITS, describe, labels_of
from eomoo.jobs import Jobs, ProcessJobs, make_jobs
from eomoo.live.recipes import RECIPES, Recipe, epochs_in_words
from eomoo.live.runners import LatencySetting
from eomoo.live.runs import CurveSetting, progress_of
from eomoo.live.store import RESULT_STATES, LiveStore, Result, key_of
from eomoo.live.tasks import NOT_BEGUN, DataSource, TrainingTask, run_task
from eomoo.live.timings import Timings
from eomoo.progress import doing
from eomoo.space import Skeleton, load_space
from eomoo.space.enumeration import N_CELLS

# Trainings that may end in incidents before any succeeds. A fault that hits the first three hits all, and
# a training may take hours.
_MOST_UNLUCKY = 3
# Multiply-accumulates of an epoch's images, forward, above which `auto` asks a cluster for a GPU: a minute of two
# CPU cores, which take 154 s for 1,984 images of 1.117e9 each (measured).
_SLOW_EPOCH = 8.6e11
# A cell and its epochs.
_Key = tuple[int, tuple[int, ...]]


def _silent(told: object) -> None:
    """Nobody waits for it."""


@dataclass(kw_only=True)
class Campaign(Timings):
    """Trainings and timings of one setting, in a folder that several searches may share at once.

    Attributes:
        source: Images.
        folder: Store, checkpoints and weights.
        shape: Of the skeleton: ``stem_channels``, ``n_stacks``, ``cells_per_stack``.
        around: The whole skeleton, where there are no images, so that networks are only timed.
        recipe: How networks are trained.
        seed: Of trainings.
        device: As for ``eomoo.live.devices.resolve_device``.
        curve: What of learning curves is measured.
        timing: How latency is measured.
        workers: Candidates trained at once.
        threads: Of torch for each on a CPU; by default the processors shared among the workers.
        readers: Processes that read images ahead, for each candidate.
        cluster: "local", a Dask scheduler's address, or a TOML file for SLURM.
        gpus_per_candidate: GPUs that train one candidate together, through torchrun on its worker; on CPUs processes.
        elsewhere: What timings that were made elsewhere depend on but the cell, as ``latency_conditions``: those in
            the store are read, and nothing is timed.
        report: Called with a sentence on what is being done.
        ended: Called with a cell when its training has ended, with a result or an incident.
        retry_failed: Try again what was given up.
        until: When, by ``time.time()``, no training is begun any more.

    Raises:
        SettingError: (a ValueError) A setting that cannot be.
    """

    source: DataSource
    folder: Path
    shape: Mapping[str, int] = field(default_factory=dict)
    around: Skeleton | None = None
    recipe: Recipe = RECIPES["nasbench"]
    seed: int = 0
    device: str = "auto"
    curve: CurveSetting = field(default_factory=CurveSetting)
    timing: LatencySetting = field(default_factory=LatencySetting)
    workers: int = 1
    threads: int | None = None
    readers: int = 0
    cluster: str = "local"
    gpus_per_candidate: int = 1
    elsewhere: Facts | None = None
    report: Callable[[str], None] = field(default=_silent, repr=False)
    ended: Callable[[int], None] = field(default=_silent, repr=False)
    retry_failed: bool = False
    until: float = math.inf

    def __post_init__(self) -> None:
        known_keys("skeleton", self.shape, ("stem_channels", "n_stacks", "cells_per_stack"))
        positive("workers", self.workers)
        positive("gpus_per_candidate", self.gpus_per_candidate)
        for name, least in (("seed", 0), ("readers", 0), ("threads", 1)):
            value = getattr(self, name)
            if value is not None:
                whole(name, value, least=least)
        self._jobs: Jobs | None = None
        self._lender: Campaign | None = None
        self._store: LiveStore | None = None
        self._skeleton: Skeleton | None = self.around
        self._faults: tuple[str, ...] = ()
        self._settings: dict[_Key, dict[str, object]] = {}
        self._failures: dict[_Key, str] = {}
        self._unmeasured: set[_Key] = set()
        self._made: set[_Key] = set()
        self._reused: set[_Key] = set()
        self._begin_timings()
        self._progress: dict[int, float] = {}
        self._unlucky = 0

    def __getstate__(self) -> dict[str, object]:
        # Workers and files stay with the process that opened them.
        return {**self.__dict__, "_jobs": None, "_store": None, "report": _silent, "ended": _silent}

    @property
    def jobs(self) -> Jobs:
        """Where candidates are trained; started when it is first needed."""
        if self._lender is not None:
            return self._lender.jobs
        if self._jobs is None:
            self._jobs = self._make_jobs(self.workers)
        return self._jobs

    def _wants_gpu(self) -> bool:
        """Whether a CPU would be slow, which only a cluster needs to know; as it does where nobody here can tell."""
        if self.cluster == "local" or self.gpus_per_candidate > 1:
            return self.cluster != "local"
        try:
            n, (around, _) = len(self.source.open().train), _skeleton_of(self.source, self.shape)
        except (DataError, DataNotFoundError):
            return True
        some = np.arange(0, N_CELLS, 1_000)
        return float(n * np.median(load_space().macs(some, around))) > _SLOW_EPOCH

    @property
    def store(self) -> LiveStore:
        """Where results are kept."""
        if self._store is None:
            self._store = LiveStore(self.folder / "live.sqlite")
        return self._store

    @property
    def skeleton(self) -> Skeleton:
        """The network around the cells: bands and classes of the images, width and depth as set."""
        if self._skeleton is None:
            self._skeleton, self._faults = self.jobs.call(_skeleton_of, self.source, self.shape)
        return self._skeleton

    def images(self) -> Facts:
        """What the images are, as plain data: ``describe`` of them, and the images of each split by class."""
        return self.jobs.call(_facts_of, self.source)

    def with_seed(self, seed: int) -> Campaign:
        """The same with another seed of trainings, on the same workers; that one need not be closed."""
        other = replace(self, seed=seed)
        other._lender, other._skeleton = self, self._skeleton
        return other

    def worker(self, number: int) -> Campaign:
        """The same for one of several threads, on a worker of its own."""
        twin = copy(self)
        twin.report, twin.ended = self.report, self.ended
        twin._begin_timings()
        twin._jobs = ProcessJobs(1, first=number) if self.cluster == "local" else self._make_jobs(1)
        return twin

    def _make_jobs(self, workers: int) -> Jobs:
        each = self.gpus_per_candidate
        if self.device.startswith("cuda") or (self.device == "auto" and self._wants_gpu()):
            return make_jobs(workers, cluster=self.cluster, resource="GPU", amount=each)
        names = ("CANDIDATE", "GPU")[: 2 if self.device == "auto" else 1]
        return make_jobs(workers, cluster=self.cluster, resource=names)

    def close(self) -> None:
        """Let go of the workers."""
        if self._jobs is not None:
            self._jobs.close()
            self._jobs = None

    # -- trainings -----------------------------------------------------------------------------

    def trainings(self, cells: Sequence[int], epochs: tuple[int, ...]) -> dict[int, Result]:
        """How the trainings of cells ended, by cell; a cell without a result had an incident."""
        wanted = self._wanted(cells, epochs)
        if self.retry_failed:
            self.store.retry_failed("training", list(wanted.values()))
        make = partial(self._train, epochs=epochs)
        found: dict[int, Result] = dict(self.store.obtain("training", wanted, make, until=self.until))
        # Those that this campaign made, or has told of, are asked for again where they are evaluated.
        old = {(k, epochs) for k in found} - self._made - self._reused
        if old:
            self._reused |= old
            self.report(f"{len(old)} of {len(wanted)} trainings were there already")
        self._unmeasured -= {(k, epochs) for k in found}
        self._unmeasured |= {(k, epochs) for k in wanted.keys() - found.keys()}
        for k, result in found.items():
            if result["status"] == "done":
                self._failures.pop((k, epochs), None)
            else:
                self._failures[k, epochs] = f"cell {k}: {result['status']}: {result['reason']}"
        if len(found) < len(wanted):
            keys = {key_of("training", setting): k for k, setting in wanted.items() if k not in found}
            for incident in self.store.incidents("training"):
                key = key_of("training", incident.setting)
                if key in keys:
                    given_up = ", given up" if incident.given_up else ""
                    self._failures[keys[key], epochs] = f"{incident}{given_up}"
        return found

    def stored(self, cell: int, epochs: tuple[int, ...]) -> Result | None:
        """The stored result of a cell's training; None where there is none."""
        return self.store.get("training", self.setting(cell, epochs))

    def setting(self, cell: int, epochs: tuple[int, ...]) -> dict[str, object]:
        """What the result of a cell's training depends on."""
        return self._wanted([cell], epochs)[cell]

    def asked_for(self, epochs: tuple[int, ...]) -> list[int]:
        """Cells whose trainings for so many epochs this campaign made or found, ascending."""
        return sorted(k for k, trained in self._made | self._reused if trained == epochs)

    def notes(self) -> list[str]:
        """Sentences on what went wrong or was disturbed, for the end of a run."""
        lines = [text for _, text in sorted(self._failures.items())]
        if lines:
            have = "has" if len(lines) == 1 else "have"
            lines.insert(0, f"{counted(len(lines), 'training')} {have} no trained network:")
        old = len(self._failures.keys() - self._made)
        if old:
            lines.append(f"{old} of them failed in earlier runs, and this is what was stored")
        if self._unmeasured:
            lines.append("`--retry-failed` tries again what a machine failed at")
        return [*self._faults, *lines, *self.timing_notes()]

    def _train(self, cells: list[int], epochs: tuple[int, ...]) -> None:
        """Train cells, each until it ends or does not advance.

        Raises:
            HoursOverError: It is too late to begin all of them.
        """
        if time.time() >= self.until:
            raise HoursOverError("the hours are over")
        long = epochs_in_words(epochs)
        self.report(f"training {counted(len(cells), 'network')} for {long}")
        self._made.update((k, epochs) for k in cells)
        tasks = [self._task(k, epochs, hardware=str(self._settings[k, epochs]["device"])) for k in cells]
        late = False

        def keep(position: int, result: Result) -> None:
            nonlocal late
            cell = tasks[position].cell
            if result["status"] == NOT_BEGUN:
                late = True
                return
            if result["status"] not in RESULT_STATES:
                self._put_incident(cell, epochs, result["reason"])
                return
            self._unlucky = -1
            setting = self._settings[cell, epochs]
            status, reason = result["status"], result["reason"]
            self.store.put("training", setting, result, cell=cell, status=status, reason=reason)
            self.report(f"cell {cell}: {_summary(result)}")
            self.ended(cell)

        def lost(position: int, reason: str) -> None:
            self._put_incident(tasks[position].cell, epochs, reason)

        def advanced(task: TrainingTask) -> bool:
            # A job at its walltime, a machine that is taken away: what advances comes to an end.
            before, now = self._progress.get(task.cell, 0.0), progress_of(self._folder_of(task.cell, epochs))
            self._progress[task.cell] = now
            return now > before

        with doing(f"training {counted(len(cells), 'network')} for {long}"):
            self.jobs.run(run_task, tasks, keep, on_incident=lost, advanced=advanced)
        if late:
            raise HoursOverError("the hours are over")

    def _put_incident(self, cell: int, epochs: tuple[int, ...], reason: str) -> None:
        setting, progress = self._settings[cell, epochs], progress_of(self._folder_of(cell, epochs))
        self.store.put_incident("training", setting, cell=cell, reason=reason, progress=progress)
        self.report(f"cell {cell}: {reason}")
        self.ended(cell)
        if self._unlucky >= 0:
            self._unlucky += 1
        if self._unlucky >= _MOST_UNLUCKY:
            raise StoreError(
                f"none of {self._unlucky} trainings came to an end, the last one for this reason: {reason}; "
                "mend it and run the same command again"
            )

    def _task(self, cell: int, epochs: tuple[int, ...], hardware: str = "") -> TrainingTask:
        return TrainingTask(
            cell=cell,
            source=self.source,
            skeleton=self.skeleton,
            recipe=self.recipe,
            epochs=epochs,
            seed=self.seed,
            device=self.device,
            folder=str(self.folder.resolve()),
            workers=self.readers,
            threads=self.threads or _threads(self.workers, self.cluster),
            curve=self.curve,
            processes=self.gpus_per_candidate,
            until=self.until,
            hardware=hardware,
        )

    def _wanted(self, cells: Sequence[int], epochs: tuple[int, ...]) -> dict[int, dict[str, object]]:
        """What the results of cells depend on, asked once, where candidates are trained."""
        new = [k for k in cells if (k, epochs) not in self._settings]
        if new:
            tasks = [self._task(k, epochs) for k in new]
            for k, setting in zip(new, self.jobs.call(_settings_of, tasks), strict=True):
                self._settings[k, epochs] = setting
        return {k: self._settings[k, epochs] for k in cells}

    def _folder_of(self, cell: int, epochs: tuple[int, ...]) -> Path:
        return TrainingTask.folder_of(self.folder.resolve(), cell, self._settings[cell, epochs])


def _settings_of(tasks: list[TrainingTask]) -> list[dict[str, object]]:
    return [task.setting() for task in tasks]


def _skeleton_of(source: DataSource, shape: Mapping[str, int]) -> tuple[Skeleton, tuple[str, ...]]:
    """The network around the cells, and the faults of the images."""
    images = source.open()
    return images.skeleton(**shape), images.faults


def _facts_of(source: DataSource) -> Facts:
    data = source.open()
    counts = {s: np.bincount(labels_of(getattr(data, s)), minlength=data.n_classes).tolist() for s in SPLITS}
    return {**describe(data), "images": counts}


def _summary(result: Result) -> str:
    if result["status"] != "done":
        return f"{result['status']} ({result['reason']})"
    micro, macro = (f"{100 * (1 - result['val'][name]):.1f} %" for name in ("micro", "macro"))
    return f"validation error micro {micro}, macro {macro}, {result['seconds']:.0f} s"


def _threads(workers: int, cluster: str) -> int | None:
    """On one machine, the processors shared among the workers; None leaves it to torch."""
    if cluster != "local" or workers == 1:
        return None
    return max(1, (os.cpu_count() or 1) // workers)
