import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_images import make_data

import eomoo
from eomoo.live.engine import DaskEngine, LocalEngine, _worker_device, make_engine, slurm_cluster
from eomoo.live.recipes import get_recipe
from eomoo.live.runs import load_state
from eomoo.live.tasks import DataSource, TrainingTask

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")
distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "slurm"


def make_task(folder, cell=100434, *, n_train=48, epochs=2):
    images = make_data(n=(n_train, 30, 30))
    return TrainingTask(
        cell=cell,
        source=DataSource(images=images),
        skeleton=images.skeleton(stem_channels=5, n_stacks=2, cells_per_stack=1),
        recipe=get_recipe("nasbench", batch_size=16),
        epochs=(epochs,),
        seed=0,
        device="cpu",
        folder=str(folder),
        threads=1,
    )


def collect(engine, tasks):
    results = {}
    engine.run(tasks, results.__setitem__)
    return results


@pytest.fixture(scope="module")
def cluster():
    engine = make_engine(workers=2)
    yield engine
    engine.close()


def test_one_worker_needs_no_cluster(tmp_path):
    engine = make_engine(workers=1)
    assert isinstance(engine, LocalEngine)
    assert collect(engine, [make_task(tmp_path)])[0]["status"] == "done"
    engine.close()


def test_a_cluster_trains_as_one_process_does(cluster, tmp_path):
    assert isinstance(cluster, DaskEngine)
    cells = [100434, 5, 77]
    alone = collect(LocalEngine(), [make_task(tmp_path / "alone", cell) for cell in cells])
    together = collect(cluster, [make_task(tmp_path / "together", cell) for cell in cells])
    for k in range(len(cells)):
        assert together[k]["val"] == alone[k]["val"]
        first, second = (load_state(results[k]["weights"])["model"] for results in (alone, together))
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_killed_worker_costs_only_time(cluster, tmp_path):
    """The candidate goes on from its checkpoint and ends with the same weights."""
    import threading

    task = make_task(tmp_path / "killed", n_train=1600, epochs=8)
    other = make_task(tmp_path / "killed", 5)
    results = {}
    runner = threading.Thread(target=cluster.run, args=([task, other], results.__setitem__))
    runner.start()
    checkpoint = task.run_folder() / "checkpoint.pt"
    while not checkpoint.is_file() and runner.is_alive():
        time.sleep(0.005)
    before = load_state(checkpoint)["epoch"]
    busy = [worker for worker, keys in cluster.client.processing().items() if keys]
    pids = cluster.client.run(os.getpid, workers=busy)
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    runner.join()
    assert pids
    assert 1 <= before < 8
    assert results[0]["status"] == results[1]["status"] == "done"
    whole = collect(LocalEngine(), [make_task(tmp_path / "whole", n_train=1600, epochs=8)])[0]
    first, second = (load_state(result["weights"])["model"] for result in (results[0], whole))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_candidate_that_takes_its_workers_down_is_a_failed_result(cluster, tmp_path, monkeypatch):
    class Dying:
        def result(self):
            raise distributed.KilledWorker("task", None, 3)

    result = cluster._result(Dying(), make_task(tmp_path))
    assert (result["status"], result["reason"]) == ("failed", "its workers died 4 times")


def test_a_running_scheduler_is_joined_and_left_alone(cluster, tmp_path):
    engine = make_engine(cluster=cluster.cluster.scheduler_address)
    assert collect(engine, [make_task(tmp_path, 5)])[0]["status"] == "done"
    assert engine.call(os.getpid) != os.getpid()
    engine.close()
    assert collect(cluster, [make_task(tmp_path, 77)])[0]["status"] == "done"


def test_each_worker_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert [_worker_device("cuda", k) for k in range(6)] == [f"cuda:{k % 4}" for k in range(6)]
    assert _worker_device("cuda", "SLURMCluster-3") == "cuda"
    assert _worker_device("cpu", 1) == "cpu"
    assert _worker_device("cuda:2", 1) == "cuda:2"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be at least 1; got 0"),
        ({"cluster": "slurm"}, "cluster is"),
        ({"cluster": "none.toml"}, r"there is no cluster file none\.toml"),
    ],
)
def test_impossible_engines_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_engine(**options)


def test_the_job_script_asks_for_what_the_file_says():
    pytest.importorskip("dask_jobqueue", reason="the extra 'cluster' is not installed")
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
    ],
)
def test_a_wrong_cluster_file_is_named(tmp_path, text, message):
    pytest.importorskip("dask_jobqueue", reason="the extra 'cluster' is not installed")
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        slurm_cluster(tmp_path / "c.toml")
