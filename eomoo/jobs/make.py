"""The jobs that a number of workers and a cluster's name ask for."""

from __future__ import annotations

from eomoo.checks import positive
from eomoo.errors import SettingError
from eomoo.jobs.base import Jobs, LocalJobs
from eomoo.jobs.dask import DaskJobs
from eomoo.jobs.processes import ProcessJobs
from eomoo.jobs.slurm import slurm_cluster


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
        raise SettingError(f'cluster is "local", an address as in tcp://host:8786, or a .toml file; got {cluster!r}')
    jobs = slurm_cluster(cluster, resource=resource or "TASK")
    # A job that has reached its walltime is followed by another one, as long as there is work.
    jobs.adapt(minimum_jobs=workers, maximum_jobs=workers)
    return DaskJobs(jobs, resource=resource or "TASK")
