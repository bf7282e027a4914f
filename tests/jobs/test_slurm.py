"""Cluster files and the job scripts that they become; no SLURM is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import eomoo
from eomoo.jobs import ATTEMPTS, make_jobs, slurm_cluster

pytest.importorskip("dask_jobqueue", reason="the extra 'cluster' is not installed")

EXAMPLE = Path(__file__).parents[2] / "examples" / "slurm"


def test_the_job_script_asks_for_what_the_file_says():
    environment = {**os.environ, "PYTHONPATH": str(Path(eomoo.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "job_script.py"), str(EXAMPLE / "cluster.toml")],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    script = done.stdout
    for line in (
        "#SBATCH -p gpu",
        "#SBATCH -A my-project",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH -t 12:00:00",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --constraint=a100",
        "module load cuda",
        "--resources GPU=1",
        "--nthreads 1",
    ):
        assert line in script, line
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_a_batch_script_for_several_gpus_is_valid():
    script = (EXAMPLE / "train.sbatch").read_text()
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('cores = 1\nmemory = "1GB"\nwalltime = "1:00:00"\nqueu = "x"', "unknown key 'queu'"),
        ("cores = 1", "needs memory"),
        ("cores =", "is no TOML file"),
        ('cores = "4"\nmemory = "1GB"\nwalltime = "1:00:00"', "cores must be a whole number.*got '4'"),
        ('cores = 1\nmemory = 8\nwalltime = "1:00:00"', "memory must be a text; got 8"),
        ('cores = 1\nmemory = "1GB"\nwalltime = 01:00:00', 'walltime must be a text, as in "12:00:00"'),
        (
            'cores = 1\nmemory = "1GB"\nwalltime = "1:00:00"\njob_script_prologue = "module load cuda"',
            "job_script_prologue must be a list",
        ),
    ],
)
def test_a_wrong_cluster_file_is_named(tmp_path, text, message):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        slurm_cluster(tmp_path / "c.toml")


def test_on_slurm_a_task_is_tried_as_often_as_elsewhere_and_jobs_are_as_many_as_asked_for(tmp_path, monkeypatch):
    """The cluster's own class in the place of SLURM's: what it is made with, and how it is scaled."""
    dask, made = pytest.importorskip("dask"), []

    class Cluster:
        def __init__(self, **settings):
            self.settings = {**settings, "failures": dask.config.get("distributed.scheduler.allowed-failures")}
            made.append(self)

        def adapt(self, **bounds):
            self.bounds = bounds

    monkeypatch.setattr("dask_jobqueue.SLURMCluster", Cluster)
    monkeypatch.setattr("eomoo.jobs.make.DaskJobs", lambda cluster, resource: (cluster, resource))
    (tmp_path / "c.toml").write_text('cores = 2\nmemory = "1GB"\nwalltime = "1:00:00"')
    jobs, resource = make_jobs(3, cluster=str(tmp_path / "c.toml"))
    assert made == [jobs]
    assert jobs.settings["failures"] == ATTEMPTS - 1
    assert jobs.bounds == {"minimum_jobs": 3, "maximum_jobs": 3}
    assert jobs.settings["worker_extra_args"][:2] == ["--resources", f"{resource}=1"]
