"""Tasks on jobs that SLURM runs: as many as are wanted, each followed by another one when its time is up."""

from __future__ import annotations

import getpass
import logging
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import first_line, known_keys
from eomoo.errors import DataError, StoreError
from eomoo.files import Place, read_toml
from eomoo.jobs.base import ATTEMPTS
from eomoo.jobs.dask import DaskJobs
from eomoo.packages import require

_NUMBERS, _LINES = ("cores", "gpus"), ("job_script_prologue", "job_extra_directives")
_TEXTS = (
    "queue", "account", "memory", "walltime", "job_name", "interface", "log_directory", "local_directory", "python",
)  # fmt: skip
# Seconds between two questions to SLURM, whose manual asks not to put them in quick loops.
_ASK = 20.0
# A job's share of its walltime after which a worker leaves, give or take: dask-jobqueue's manual takes 55 of 60
# minutes, give or take 4, so that not all leave at once.
_LIFETIME, _STAGGER = 55 / 60, 4 / 60
# Jobs in a row that end before their worker is there: what is wrong in the script is wrong in the next one too.
_BARREN = 3
# For Dask to give up a job; what ended is asked of SLURM.
_LOST_WORKER, _NEVER = "distributed.deploy.lost-worker-timeout", "365 days"
# As Dask reads bytes; of less than some kilobytes dask-jobqueue makes no script.
_MEMORY = re.compile(r"(?=.*[1-9])\d{1,6}(\.\d\d?)? ?[MGTmgt][iI]?[bB]?")
# As sbatch's manual has them: [days-]hours[:minutes[:seconds]] with days, else minutes[:seconds] or with hours.
_WALLTIME = re.compile(r"(?:(\d{1,3})-)?(\d{1,5})(?::(\d{1,2}))?(?::(\d{1,2}))?")
_PATTERNS = {"walltime": (_WALLTIME.pattern, ', as in "12:00:00"'), "memory": (_MEMORY.pattern, ', as in "16GB"')}


class SlurmJobs(DaskJobs):
    """Tasks on SLURM jobs, as many as there are tasks, up to a number.

    dask-jobqueue's own ``adapt`` and ``scale`` do not follow a job that has ended by another one, so this does.

    Args:
        path: A cluster file (see ``slurm_cluster``).
        workers: Tasks at once.
        resource, amount: As for ``DaskJobs``; by default "GPU" where the file has ``gpus``.

    Raises:
        StoreError: (a RuntimeError) SLURM does not take a job, or the jobs end before they do anything.
    """

    def __init__(
        self, path: str | Path, workers: int, *, resource: str | tuple[str, ...] | None = None, amount: int = 1
    ) -> None:
        self._barren: list[str] = []
        self._seen: set[str] = set()
        self._asked = 0.0
        # Dask would cancel a job whose worker died and takes more than 15 s to be started again.
        # Once distributed has entered its own settings, or to undo this one would take all of them away.
        for name in ("distributed", "dask"):
            settings = require(name, purpose="to start workers through SLURM")
        # The first of several that are open at once changes it and undoes it.
        given = settings.config.get(_LOST_WORKER) == _NEVER
        self._patience = settings.config.set({} if given else {_LOST_WORKER: _NEVER})
        cluster = slurm_cluster(path, resource=resource, amount=amount)
        super().__init__(cluster, resource=cluster.resource, amount=amount)
        self.workers = workers

    def close(self) -> None:
        """Cancel the jobs."""
        for job in self.cluster.workers.values():
            job.status = _closed()
        super().close()
        self._patience.__exit__(None, None, None)

    def _look(self) -> Mapping[str, Mapping[str, Any]]:
        """Start what jobs are missing."""
        workers = super()._look()
        jobs, seats = self.cluster.worker_spec, self.cluster.seats
        # The workers of a job that has several add their number to its name.
        names = [str(worker["name"]) for worker in workers.values()]
        alive = {job for job in jobs if any(name == job or name.startswith(f"{job}-") for name in names)}
        self._seen |= alive
        if alive:
            self._barren = []
        wanted = -(-min(self.workers, max(len(self._under_way), 1)) // seats)
        if len(alive) < wanted and time.monotonic() - self._asked >= _ASK:
            self._asked = time.monotonic()
            self._forget_ended(alive)
        if len(jobs) < wanted:
            self._submit_jobs(wanted)
        return workers

    def _forget_ended(self, alive: set[str]) -> None:
        queued = _queued()
        if queued is None:
            return
        for name in self.cluster.worker_spec.keys() - alive:
            # Dask itself forgets the job of a worker that was lost, but not that one was wanted.
            job = self.cluster.workers.get(name)
            if job is not None and job.job_id in queued:
                continue
            self.cluster.worker_spec.pop(name, None)
            self.cluster.workers.pop(name, None)
            if job is not None:
                job.status = _closed()
                if name not in self._seen:
                    self._barren.append(str(job.job_id))
            self._seen.discard(name)
        if len(self._barren) >= _BARREN:
            raise StoreError(
                f"the SLURM jobs {', '.join(self._barren[-_BARREN:])} ended before a worker began; what they said is "
                f"in {self.cluster.log_directory or 'slurm-*.out, in the folder where this command was started'}"
            )

    def _submit_jobs(self, jobs: int) -> None:
        async def submit() -> None:
            self.cluster.scale(jobs=jobs)
            await self.cluster

        log = logging.getLogger("tornado.application")  # which tells what is raised here too, as a traceback
        level = log.level
        log.setLevel(logging.CRITICAL)
        try:
            self.cluster.sync(submit)
        except (FileNotFoundError, RuntimeError) as error:
            said = [line for line in str(error).splitlines() if line.strip()][-1]
            if isinstance(error, FileNotFoundError):
                said = f"there is no command {error.filename} here; start this where jobs are submitted"
            raise StoreError(f"SLURM takes no job: {said}") from None
        finally:
            log.setLevel(level)

    def _lonely(self, workers: Mapping[str, Mapping[str, Any]]) -> str:
        return f"none of {len(self.cluster.worker_spec)} SLURM jobs has begun; waiting for them (see squeue --me)"

    def _place(self) -> str:
        return "the SLURM cluster"


def slurm_cluster(path: str | Path, *, resource: str | tuple[str, ...] | None = None, amount: int = 1) -> Any:
    """A SLURM cluster from a TOML file; no job is submitted before it is scaled.

    The file's keys are those of ``dask_jobqueue.SLURMCluster`` that matter here: queue, account,
    cores, memory, walltime, interface, log_directory, local_directory, python, job_name,
    job_script_prologue and job_extra_directives (lists of lines), and gpus (of each job). A job has a
    worker for each ``amount`` of its GPUs, else one; each does one task at a time, and leaves before the
    walltime. ``seats`` of the cluster are the workers of a job, ``resource`` is what they offer.

    Raises:
        DataNotFoundError, DataError: There is no such file, it is no TOML file, has another key or a wrong value.
        MissingPackageError: (an ImportError) dask-jobqueue is not installed.
    """
    interrupt = signal.getsignal(signal.SIGINT)
    jobqueue, dask = (require(name, purpose="to start workers through SLURM") for name in ("dask_jobqueue", "dask"))
    if signal.getsignal(signal.SIGINT) is not interrupt:
        # dask-jobqueue's import has Ctrl-C end this process at once, without a word and as if all were done.
        signal.signal(signal.SIGINT, interrupt)
    settings = _read_cluster(Path(path))
    directives = list(settings.pop("job_extra_directives", []))
    gpus = settings.pop("gpus", amount if resource == "GPU" else 0)
    if gpus < amount and (gpus or resource == "GPU"):
        raise DataError(f"{path}: gpus must be at least {amount}, which a candidate takes; got {gpus}")
    if gpus:
        directives.append(f"--gres=gpu:{gpus}")
    seats, offered = (gpus // amount, "GPU") if gpus else (1, "TASK")
    life = _seconds(settings["walltime"])
    try:
        with dask.config.set({"distributed.scheduler.allowed-failures": ATTEMPTS - 1}):
            cluster = jobqueue.SLURMCluster(
                **settings,
                processes=seats,
                job_extra_directives=directives,
                worker_extra_args=[
                    *("--resources", f"{offered}={amount}", "--nthreads", "1"),
                    *("--lifetime", f"{life * _LIFETIME:.0f}s", "--lifetime-stagger", f"{life * _STAGGER:.0f}s"),
                ],
                scheduler_options={"dashboard": False, "dashboard_address": ":0"},
            )
    except (OSError, RuntimeError, ValueError) as error:
        # A folder that cannot be made, an interface that is not there.
        raise DataError(f"{path} gives no cluster: {first_line(error)}") from None
    cluster.seats, cluster.resource, cluster.log_directory = seats, offered, settings.get("log_directory")
    return cluster


def _read_cluster(path: Path) -> Facts:
    settings = read_toml(path)
    known_keys(str(path), settings, (*_NUMBERS, *_LINES, *_TEXTS), error=DataError)
    for key in ("cores", "memory", "walltime"):
        if key not in settings:
            raise DataError(f"{path} needs {key}")
    for key, place in Place(settings, path).items():
        if key in _NUMBERS:
            # More than any machine has.
            place.integer(int(key == "cores"), 1 << 16)
        for text in place.list("line") if key in _LINES else [place] if key in _TEXTS else []:
            pattern, example = _PATTERNS.get(key, (r"[^\x00-\x08\n-\x1f]+", ""))
            text.text(pattern, f"a text{example}")
    return settings


def _seconds(walltime: str) -> int:
    """Of a walltime as sbatch takes it."""
    days, *rest = _WALLTIME.fullmatch(walltime).groups()  # type: ignore[union-attr]  # read with this pattern
    parts = [int(part) for part in rest if part is not None]
    if days is None and len(parts) < 3:
        parts.insert(0, 0)
    hours, minutes, seconds = (*parts, 0, 0)[:3]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _closed() -> Any:
    """What dask-jobqueue leaves out when it closes a job, and Dask insists on where somebody still knows the job."""
    from distributed import Status

    return Status.closed


def _queued() -> set[str] | None:
    """The user's jobs that wait or run; None where SLURM does not answer, as it may for a while."""
    command = ["squeue", "--noheader", "--format=%A", f"--user={getpass.getuser()}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(done.stdout.split())
