"""Functions on processes, Dask or SLURM, with one retry policy; nothing here knows a problem or a network.

``base``: the interface ``Jobs``, and work in this process.
``processes``: on several of this machine. ``dask``: on the workers of a Dask scheduler. ``slurm``: on jobs of a
SLURM cluster. ``make``: those that a number of workers and a cluster's name ask for. ``threads``: some that work
ahead, and one for linear algebra.

A scheduler that does not answer and jobs that SLURM does not take are a StoreError (a RuntimeError); a cluster that
cannot be is a SettingError, its file a DataError (both ValueErrors); Dask is needed for both, else it is a
MissingPackageError (an ImportError).
"""

from eomoo.jobs.base import ATTEMPTS, Jobs, LocalJobs, LostError, worker_number
from eomoo.jobs.dask import DaskJobs
from eomoo.jobs.make import make_jobs
from eomoo.jobs.processes import ProcessJobs
from eomoo.jobs.slurm import SlurmJobs, slurm_cluster
from eomoo.jobs.threads import one_thread, worked_ahead

__all__ = [
    "ATTEMPTS", "DaskJobs", "Jobs", "LocalJobs", "LostError", "ProcessJobs", "SlurmJobs", "make_jobs",
    "one_thread", "slurm_cluster", "worked_ahead", "worker_number",
]  # fmt: skip
