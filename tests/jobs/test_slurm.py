"""Cluster files and the job scripts that they become; no SLURM is needed."""

import os
import subprocess
import sys
from pathlib import Path

import fake_slurm
import pytest
from job_functions import count

import eomoo
from eomoo.errors import StoreError
from eomoo.jobs import make_jobs, slurm_cluster

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
        ('cores = 1\nmemory = 8\nwalltime = "1:00:00"', 'memory must be a text, as in "16GB"; got 8'),
        *(
            (
                f'cores = 1\nmemory = "{memory}"\nwalltime = "1"',
                f"memory must be a text, as in \"16GB\"; got '{memory}'",
            )
            for memory in ("much", "0GB", "-5GB", "1e400GB", "8", "1:00:00")
        ),
        (
            'cores = 1\nmemory = "1GB"\nwalltime = "1"\ngpus = 2\ninterface = "ib7"',
            "c.toml gives no cluster: .*'ib7' is not a valid network interface",
        ),
        ('cores = 1\nmemory = "1GB"\nwalltime = "1"\nqueue = "a\\u0000b"', "queue must be a text; got"),
        ('cores = 1\nmemory = "1GB"\nwalltime = 01:00:00', 'walltime must be a text, as in "12:00:00"'),
        ('cores = 1\nmemory = "1GB"\nwalltime = "an hour"', "walltime must be"),
        ('cores = 1\nmemory = "1GB"\nwalltime = "1"\ngpus = 1', "gpus must be at least 2, which a candidate takes"),
        (
            'cores = 1\nmemory = "1GB"\nwalltime = "1:00:00"\njob_script_prologue = "module load cuda"',
            "job_script_prologue must be a list",
        ),
    ],
)
def test_a_wrong_cluster_file_is_named(tmp_path, text, message):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        slurm_cluster(tmp_path / "c.toml", amount=2)


CLUSTER = 'cores = 1\nmemory = "1GB"\nwalltime = "00:10:00"\nlog_directory = "."\n'


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster file, and what else is to be in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{Path(eomoo.__file__).parents[1]}{os.pathsep}{Path(__file__).parent}")
    monkeypatch.setattr("eomoo.jobs.slurm._ASK", 0.2)

    def write(more=""):
        (tmp_path / "c.toml").write_text(CLUSTER + more)
        return str(tmp_path / "c.toml")

    return write


@pytest.mark.filterwarnings("ignore:none of .* SLURM jobs", "ignore:the SLURM cluster has workers")
def test_jobs_at_their_walltime_are_followed_by_others_until_the_work_is_done(cluster, tmp_path, monkeypatch):
    """A task longer than any job goes on where it was; the one beside it has a job of its own."""
    slurm = fake_slurm.install(tmp_path, monkeypatch, walltime=1.5)
    tasks = [(str(tmp_path), "long", 35), (str(tmp_path), "short", 5)]
    with make_jobs(2, cluster=cluster()) as jobs:
        found = {}
        jobs.run(count, tasks, found.__setitem__, advanced=lambda task: True)
        assert jobs.client.call_stack() == {}
    assert found == {0: "long", 1: "short"}
    counted = (tmp_path / "long").read_text().split()
    assert sorted(set(counted), key=int) == [str(k) for k in range(35)]
    # Four seconds of work in jobs of one and a half.
    assert len(list(slurm.glob("*.sh"))) >= 3
    # What waited or ran at the end was cancelled.
    assert subprocess.run(["squeue"], capture_output=True, text=True, check=True).stdout == ""


@pytest.mark.parametrize(("gpus", "tasks", "wanted"), [(0, 0, 1), (0, 1, 1), (0, 5, 3), (4, 5, 2), (4, 2, 1)])
def test_as_many_jobs_are_asked_for_as_tasks_need_and_workers_may_be(cluster, monkeypatch, gpus, tasks, wanted):
    """Three workers; a job of four GPUs has two of them."""
    asked = []
    with make_jobs(3, cluster=cluster(f"gpus = {gpus}"), amount=2 if gpus else 1) as jobs:
        monkeypatch.setattr(jobs, "_submit_jobs", asked.append)
        jobs._under_way.update(range(tasks))
        jobs._look()
    assert asked == [wanted]


def test_dask_does_not_cancel_a_job_whose_worker_is_being_started_again(cluster):
    """By default it would after 15 s, less than PyTorch takes from a slow disk, and another job would queue again."""
    dask = pytest.importorskip("dask")
    name = "distributed.deploy.lost-worker-timeout"
    before = dask.config.get(name)
    # Two, as a live search of two workers has them, and neither undone in the order of the other.
    first, second = (make_jobs(3, cluster=cluster()) for _ in range(2))
    assert dask.config.get(name) == "365 days"
    first.close()
    assert dask.config.get("distributed.scheduler.allowed-failures") > 0
    second.close()
    assert dask.config.get(name) == before


def test_ctrl_c_and_settings_stay_what_they_were(cluster):
    """dask-jobqueue's import would have Ctrl-C end the process as if all were done."""
    script = f"""
import signal
from eomoo.jobs import make_jobs
signal.signal(signal.SIGINT, signal.default_int_handler)
with make_jobs(2, cluster={cluster()!r}):
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
import dask
print("events-cleanup-delay" in dask.config.get("distributed.scheduler"))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\nTrue\n"


def test_what_slurm_does_not_take_is_one_sentence(cluster, tmp_path, monkeypatch, caplog):
    fake_slurm.install(tmp_path, monkeypatch, sbatch="#!/bin/bash\necho 'sbatch: error: Invalid account' >&2; exit 1\n")
    with make_jobs(cluster=cluster()) as jobs, pytest.raises(StoreError, match=r"SLURM takes no job.*Invalid account"):
        jobs.call(os.getpid)
    (tmp_path / "bin" / "sbatch").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with (
        make_jobs(cluster=cluster()) as jobs,
        pytest.raises(StoreError, match="takes no job: there is no command sbatch here"),
    ):
        jobs.call(os.getpid)
    assert not [record for record in caplog.records if record.name == "tornado.application"]


def test_jobs_that_end_before_they_begin_are_told(cluster, tmp_path, monkeypatch):
    fake_slurm.install(tmp_path, monkeypatch)
    monkeypatch.setattr("eomoo.jobs.dask._LOOK", 0.3)
    with (
        make_jobs(2, cluster=cluster('job_script_prologue = ["exit 1"]')) as jobs,
        pytest.raises(StoreError, match=r"the SLURM jobs \d+, \d+, \d+ ended before a worker began; .* is in \."),
    ):
        jobs.run(count, [(str(tmp_path), "a", 1), (str(tmp_path), "b", 1)], print)


@pytest.mark.parametrize(
    ("walltime", "life"),
    [("30", "1650s"), ("1:30:00", "4950s"), ("2-12", "198000s"), ("10:30", "578s"), ("1-00:00:30", "79228s")],
)
def test_workers_leave_before_their_walltime(cluster, tmp_path, walltime, life):
    file = tmp_path / "other.toml"
    file.write_text(f'cores = 8\nmemory = "8GB"\nwalltime = "{walltime}"\ngpus = 4')
    # Of two searches at once, as on a login node, neither wants the other's port.
    with slurm_cluster(file, amount=2) as made, slurm_cluster(file, amount=2):
        script = made.job_script()
        assert (made.seats, made.resource) == (2, "GPU")
    assert f"--lifetime {life}" in script
    for part in ("--nworkers 2", "--nthreads 1", "--resources GPU=2", "--gres=gpu:4"):
        assert part in script
