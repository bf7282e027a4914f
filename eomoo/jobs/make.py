"""The jobs that a number of workers and a cluster's name ask for; on SLURM one task at a time on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import known_keys, positive, short
from eomoo.errors import DataError, SettingError
from eomoo.files import Place, read_toml
from eomoo.jobs.base import ATTEMPTS, Jobs, LocalJobs
from eomoo.jobs.dask import DaskJobs
from eomoo.jobs.processes import ProcessJobs
from eomoo.packages import require

_NUMBERS, _LINES = ("cores", "gpus"), ("job_script_prologue", "job_extra_directives")
_TEXTS = (
    "queue",
    "account",
    "memory",
    "walltime",
    "job_name",
    "interface",
    "log_directory",
    "local_directory",
    "python",
)


def make_jobs(workers: int = 1, *, cluster: str = "local", resource: str | None = None) -> Jobs:
    """Jobs for a number of workers.

    Args:
        workers: Tasks at once, on this machine or on SLURM. A scheduler has workers of its own.
        cluster: "local"; a scheduler's address such as "tcp://host:8786"; or a TOML file with the
            settings of a SLURM cluster (see ``slurm_cluster``).
        resource: What a task takes one of on a cluster, such as "GPU"; its workers must offer it.

    Raises:
        SettingError: (a ValueError) An impossible number of workers or an unknown cluster.
        StoreError: (a RuntimeError) No scheduler answers.
        MissingPackageError: (an ImportError) Dask is needed and not installed.
    """
    positive("workers", workers)
    if cluster == "local":
        return LocalJobs() if workers == 1 else ProcessJobs(workers)
    if "://" in cluster:
        return DaskJobs(cluster, resource=resource)
    if not cluster.endswith(".toml"):
        raise SettingError(
            f'cluster is "local", an address as in tcp://host:8786, or a .toml file; got {short(cluster)}'
        )
    jobs = slurm_cluster(cluster, resource=resource or "TASK")
    # A job that has reached its walltime is followed by another one, as long as there is work.
    jobs.adapt(minimum_jobs=workers, maximum_jobs=workers)
    return DaskJobs(jobs, resource=resource or "TASK")


def slurm_cluster(path: str | Path, *, resource: str = "GPU") -> Any:
    """A SLURM cluster of one task a job, from a TOML file; no job is submitted before it is scaled.

    The file's keys are those of ``dask_jobqueue.SLURMCluster`` that matter here: queue, account,
    cores, memory, walltime, interface, log_directory, local_directory, python,
    job_script_prologue and job_extra_directives (lists of lines), and gpus (of each job).

    Raises:
        DataNotFoundError, DataError: There is no such file, it is no TOML file, has another key or a wrong value.
        MissingPackageError: (an ImportError) dask-jobqueue is not installed.
    """
    jobqueue, dask = (require(name, purpose="to start workers through SLURM") for name in ("dask_jobqueue", "dask"))
    settings = _read_cluster(Path(path))
    directives = list(settings.pop("job_extra_directives", []))
    gpus = settings.pop("gpus", 1 if resource == "GPU" else 0)
    if gpus:
        directives.append(f"--gres=gpu:{gpus}")
    with dask.config.set({"distributed.scheduler.allowed-failures": ATTEMPTS - 1}):
        return jobqueue.SLURMCluster(
            **settings,
            processes=1,
            job_extra_directives=directives,
            worker_extra_args=["--resources", f"{resource}=1", "--nthreads", "1"],
            scheduler_options={"dashboard": False},
        )


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
            text.text(r".+", 'a text, as in "12:00:00"' if key == "walltime" else "a text")
    return settings
