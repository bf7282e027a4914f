"""Tasks on jobs that a SLURM cluster starts, one task at a time on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eomoo.checks import known_keys
from eomoo.errors import DataError
from eomoo.files import read_toml
from eomoo.jobs.base import ATTEMPTS
from eomoo.packages import require

_KEYS = (
    "queue", "account", "cores", "memory", "walltime", "job_name", "interface", "log_directory",
    "local_directory", "python", "job_script_prologue", "job_extra_directives", "gpus",
)  # fmt: skip


def slurm_cluster(path: str | Path, *, resource: str = "GPU") -> Any:
    """A SLURM cluster of one task a job, from a TOML file; no job is submitted before it is scaled.

    The file's keys are those of ``dask_jobqueue.SLURMCluster`` that matter here: queue, account,
    cores, memory, walltime, interface, log_directory, local_directory, python,
    job_script_prologue and job_extra_directives (lists of lines), and gpus (of each job).

    Raises:
        DataNotFoundError, DataError: There is no such file, it is no TOML file or has another key.
        MissingPackageError: (an ImportError) dask-jobqueue is not installed.
    """
    jobqueue = require("dask_jobqueue", purpose="to start workers through SLURM")
    dask = require("dask", purpose="to start workers through SLURM")
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


def _read_cluster(path: Path) -> dict[str, Any]:
    settings = read_toml(path)
    known_keys(str(path), settings, _KEYS, error=DataError)
    for key in ("cores", "memory", "walltime"):
        if key not in settings:
            raise DataError(f"{path} needs {key}")
    return settings
