"""Where candidates are trained: in this process, or on a Dask cluster, one device for each."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from eomoo.errors import DataError, EomooError, SettingError
from eomoo.live.tasks import TrainingTask, run_task
from eomoo.packages import require

__all__ = ["DaskEngine", "Engine", "LocalEngine", "make_engine", "slurm_cluster"]

OnResult = Callable[[int, dict[str, Any]], None]
_RESOURCE = {"cpu": "CANDIDATE", "cuda": "GPU"}
# Dask listens at 8787 even where no dashboard is wanted, and warns when another cluster has that port.
_QUIET = {"dashboard": False, "dashboard_address": ":0"}
_SLURM_KEYS = (
    "queue", "account", "cores", "memory", "walltime", "job_name", "interface", "log_directory",
    "local_directory", "python", "job_script_prologue", "job_extra_directives", "gpus",
)  # fmt: skip


class Engine(Protocol):
    """Runs tasks and hands each result over as soon as it is there."""

    def run(self, tasks: Sequence[TrainingTask], on_result: OnResult) -> None:
        """Run all tasks; ``on_result(k, result)`` for task k, in any order."""
        ...

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a function, called on a machine where candidates are trained, with a device free."""
        ...

    def close(self) -> None:
        """Let go of workers that were started."""
        ...


class LocalEngine:
    """Candidates one after another in this process."""

    def run(self, tasks: Sequence[TrainingTask], on_result: OnResult) -> None:
        """Run all tasks in order."""
        for k, task in enumerate(tasks):
            on_result(k, run_task(task))

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call it here."""
        return function(*arguments)

    def close(self) -> None:
        """Nothing to let go."""


class DaskEngine:
    """Candidates on the workers of a Dask cluster, which goes on without a worker that dies.

    Args:
        cluster: A cluster object or a scheduler's address.
        resource: What each worker has one of, "GPU" or "CANDIDATE"; a candidate takes one. None where
            the workers were started without resources.
        own: Close the cluster with the engine.
        remote: The workers are on other machines than this process.
    """

    def __init__(self, cluster: Any, *, resource: str | None, own: bool, remote: bool = True) -> None:
        distributed = require("distributed", purpose="to train candidates in parallel")
        self.client = distributed.Client(cluster, set_as_default=False)
        self.cluster, self.resource, self.own, self.remote = cluster, resource, own, remote

    def run(self, tasks: Sequence[TrainingTask], on_result: OnResult) -> None:
        """Hand out all tasks at once. A task whose workers die goes on elsewhere from its checkpoint.

        One that takes four workers down with it becomes a failed result.
        """
        distributed = require("distributed", purpose="to train candidates in parallel")
        futures = {
            self.client.submit(
                _on_worker,
                task,
                pure=False,
                retries=2,
                resources=self._resources(),
            ): k
            for k, task in enumerate(tasks)
        }
        try:
            for future in distributed.as_completed(list(futures), loop=self.client.loop):
                k = futures[future]
                on_result(k, self._result(future, tasks[k]))
        finally:
            self.client.cancel(list(futures))

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call it on a worker, or here where the workers are on this machine."""
        if not self.remote:
            return function(*arguments)
        return self.client.submit(function, *arguments, pure=False, resources=self._resources()).result()

    def _resources(self) -> dict[str, float] | None:
        return {self.resource: 1} if self.resource else None

    def close(self) -> None:
        """Leave the cluster; shut it down if it was started for this engine."""
        self.client.close()
        if self.own:
            self.cluster.close()

    def _result(self, future: Any, task: TrainingTask) -> dict[str, Any]:
        distributed = require("distributed", purpose="to train candidates in parallel")
        try:
            return dict(future.result())
        except distributed.KilledWorker as error:
            reason = f"its workers died {error.allowed_failures + 1} times"
            return {
                "status": "failed",
                "reason": reason,
                "epochs": "+".join(map(str, task.epochs)),
                "curve": [],
                "val": None,
                "test": None,
                "seconds": 0.0,
                "weights": None,
            }
        except EomooError:
            raise
        except Exception as error:
            raise SettingError(f"a worker could not train cell {task.cell}: {error}") from error


def make_engine(
    *,
    workers: int = 1,
    cluster: str = "local",
    device: str = "cpu",
    own_resources: bool = True,
) -> Engine:
    """The engine for a number of workers and a cluster.

    Args:
        workers: Candidates trained at once; 1 on a local cluster needs no Dask. A script that uses
            more has to guard its own work with ``if __name__ == "__main__"``, since they import it.
        cluster: "local"; a scheduler's address such as "tcp://host:8786"; or a TOML file with the
            settings of a SLURM cluster (see ``slurm_cluster``).
        device: "cpu" or "cuda", which decides the resource that a candidate takes.
        own_resources: Workers offer that resource; False for a scheduler whose workers do not.

    Raises:
        SettingError: (a ValueError) An impossible number of workers or an unknown cluster.
        MissingPackageError: (an ImportError) Dask is needed and not installed.
    """
    if workers < 1:
        raise SettingError(f"workers must be at least 1; got {workers}")
    resource = _RESOURCE.get(device.partition(":")[0], "CANDIDATE")
    if cluster == "local":
        if workers == 1:
            return LocalEngine()
        return DaskEngine(_local_cluster(workers, resource), resource=resource, own=True, remote=False)
    if "://" in cluster:
        return DaskEngine(cluster, resource=resource if own_resources else None, own=False)
    if not cluster.endswith(".toml"):
        raise SettingError(
            f'cluster is "local", an address as in tcp://host:8786, or a .toml file; got {cluster!r}'
        )
    jobs = slurm_cluster(cluster, resource=resource)
    jobs.scale(jobs=workers)
    return DaskEngine(jobs, resource=resource, own=True)


def slurm_cluster(path: str | Path, *, resource: str = "GPU") -> Any:
    """A SLURM cluster of one candidate a job, from a TOML file; no job is submitted before it is scaled.

    The file's keys are those of ``dask_jobqueue.SLURMCluster`` that matter here: queue, account,
    cores, memory, walltime, interface, log_directory, local_directory, python,
    job_script_prologue and job_extra_directives (lists of lines), and gpus (of each job).

    Raises:
        DataError: (a ValueError) It is no TOML file or has another key.
        MissingPackageError: (an ImportError) dask-jobqueue is not installed.
    """
    jobqueue = require("dask_jobqueue", purpose="to start workers through SLURM")
    settings = _read_cluster(Path(path))
    directives = list(settings.pop("job_extra_directives", []))
    gpus = settings.pop("gpus", 1 if resource == "GPU" else 0)
    if gpus:
        directives.append(f"--gres=gpu:{gpus}")
    return jobqueue.SLURMCluster(
        **settings,
        processes=1,
        job_extra_directives=directives,
        worker_extra_args=["--resources", f"{resource}=1", "--nthreads", "1"],
        scheduler_options=_QUIET,
    )


def _read_cluster(path: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(f"there is no cluster file {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} is no TOML file: {error}") from error
    for key in settings:
        if key not in _SLURM_KEYS:
            raise DataError(f"{path}: unknown key {key!r}; known are {', '.join(_SLURM_KEYS)}")
    for key in ("cores", "memory", "walltime"):
        if key not in settings:
            raise DataError(f"{path} needs {key}")
    return settings


def _local_cluster(workers: int, resource: str) -> Any:
    distributed = require("distributed", purpose="to train candidates in parallel")
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        resources={resource: 1},
        scheduler_kwargs=_QUIET,
        silence_logs=50,
    )


def _on_worker(task: TrainingTask) -> dict[str, Any]:
    return run_task(task, device=_worker_device(task.device))


def _worker_device(device: str, name: Any = None) -> str:
    """The GPU of this worker, where a machine has several: workers are numbered by the local cluster."""
    if device not in ("cuda", "auto"):
        return device
    require("torch", purpose="to train a network")
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        name = require("distributed", purpose="to train candidates in parallel").get_worker().name
    if count < 2 or not str(name).isdigit():
        return device
    return f"cuda:{int(name) % count}"
