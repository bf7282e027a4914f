"""The jobs that a number of workers and a cluster's name ask for."""

from __future__ import annotations

from eomoo.checks import positive, short, text
from eomoo.errors import SettingError
from eomoo.jobs.base import Jobs, LocalJobs
from eomoo.jobs.dask import DaskJobs
from eomoo.jobs.processes import ProcessJobs
from eomoo.jobs.slurm import SlurmJobs


def make_jobs(
    workers: int = 1, *, cluster: str = "local", resource: str | tuple[str, ...] | None = None, amount: int = 1
) -> Jobs:
    """Jobs for a number of workers.

    Args:
        workers: Tasks at once, on this machine or on SLURM. A scheduler has workers of its own.
        cluster: "local"; a scheduler's address such as "tcp://host:8786"; or a TOML file with the
            settings of a SLURM cluster (see ``slurm_cluster``).
        resource, amount: What a task takes on a cluster, such as one "GPU": see ``DaskJobs``.

    Raises:
        SettingError: (a ValueError) An impossible number of workers or an unknown cluster.
        StoreError: (a RuntimeError) No scheduler answers.
        MissingPackageError: (an ImportError) Dask is needed and not installed.
    """
    positive("workers", workers)
    text("cluster", cluster)
    if cluster == "local":
        return LocalJobs() if workers == 1 else ProcessJobs(workers)
    if "://" in cluster:
        return DaskJobs(cluster, resource=resource, amount=amount)
    if not cluster.endswith(".toml"):
        raise SettingError(
            f'cluster is "local", an address as in tcp://host:8786, or a .toml file; got {short(cluster)}'
        )
    return SlurmJobs(cluster, workers, resource=resource, amount=amount)
