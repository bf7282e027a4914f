"""Trainings as tasks on several processes: the same results, whatever happens to a process."""

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from tiny_images import make_data

from eomoo.errors import SettingError
from eomoo.files import only_one
from eomoo.jobs import LocalJobs, ProcessJobs
from eomoo.live import tasks, timings
from eomoo.live.recipes import get_recipe
from eomoo.live.runners import LatencySetting
from eomoo.live.tasks import DataSource, TrainingTask, run_task, worker_device
from eomoo.live.weights import load_state

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")


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


def collect(jobs, tasks):
    results = {}
    jobs.run(run_task, tasks, results.__setitem__)
    return results


@pytest.fixture(scope="module")
def processes():
    with ProcessJobs(2) as jobs:
        yield jobs


def test_a_worker_says_nothing_of_images_that_were_opened_before_it(tmp_path, monkeypatch):
    for k, image in enumerate(make_data().train.images[:12]):
        (tmp_path / str(k % 2)).mkdir(exist_ok=True)
        np.save(tmp_path / str(k % 2) / f"{k}.npy", image)
    (tmp_path / "notes").mkdir()
    with pytest.warns(UserWarning, match="are no classes: notes"):
        DataSource(name=str(tmp_path)).open()
    monkeypatch.setattr(tasks, "worker_number", lambda: 0)
    DataSource(name=str(tmp_path), options={"seed": 1}).open()


def test_processes_train_as_one_does(processes, tmp_path):
    cells = [100434, 5, 77]
    alone = collect(LocalJobs(), [make_task(tmp_path / "alone", cell) for cell in cells])
    together = collect(processes, [make_task(tmp_path / "together", cell) for cell in cells])
    for k in range(len(cells)):
        assert together[k]["status"] == "done"
        assert together[k]["val"] == alone[k]["val"]
        first, second = (load_state(results[k]["weights"])["model"] for results in (alone, together))
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_killed_process_costs_only_time(processes, tmp_path):
    """The candidate goes on from its checkpoint and ends with the same weights."""
    task = make_task(tmp_path / "killed", n_train=320, epochs=8)
    other = make_task(tmp_path / "killed", 5)
    results = {}
    pids = [processes.pool(k).submit(os.getpid).result() for k in range(2)]
    runner = threading.Thread(target=processes.run, args=(run_task, [task, other], results.__setitem__))
    runner.start()
    checkpoint = task.run_folder() / "checkpoint.pt"
    while not checkpoint.is_file() and runner.is_alive():
        time.sleep(0.005)
    before = load_state(checkpoint)["epoch"]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    runner.join()
    assert 1 <= before < 8
    assert results[0]["status"] == results[1]["status"] == "done"
    whole = collect(LocalJobs(), [make_task(tmp_path / "whole", n_train=320, epochs=8)])[0]
    first, second = (load_state(result["weights"])["model"] for result in (results[0], whole))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_no_two_processes_are_at_one_training(tmp_path, monkeypatch):
    monkeypatch.setattr("eomoo.live.tasks._PATIENCE", 0.1)
    task = make_task(tmp_path)
    with only_one(task.run_folder(), "training"):
        result = run_task(task)
    assert (result["status"], result["seconds"]) == ("incident", 0.0)
    assert "another process is training" in result["reason"]


def test_each_worker_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert [worker_device("cuda", k) for k in range(6)] == [f"cuda:{k % 4}" for k in range(6)]
    assert worker_device("cuda", None) == "cuda"
    assert worker_device("cpu", 1) == "cpu"
    assert worker_device("cuda:2", 1) == "cuda:2"


def test_results_of_devices_of_two_kinds_are_not_mixed(tmp_path):
    task = make_task(tmp_path)
    with pytest.raises(
        SettingError, match="a worker trains on cpu, others on NVIDIA A100; give this search devices of"
    ):
        run_task(replace(task, hardware="NVIDIA A100"))
    assert run_task(replace(task, hardware="cpu"))["status"] == "done"


def test_a_worker_times_on_its_own_device(monkeypatch, tiny_skeleton):
    used = []
    monkeypatch.setattr(timings, "worker_number", lambda: 3)
    monkeypatch.setattr(timings, "measure_latency", lambda cells, skeleton, setting: used.append(setting.device) or [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for device in ("cuda", "cpu"):
        timings._measure([0], tiny_skeleton, LatencySetting(device=device))
    # A GPU is no device of a runtime that has no use for it.
    timings._measure([0], tiny_skeleton, LatencySetting(device="auto", runtime="openvino"))
    assert used == ["cuda:3", "cpu", "cpu"]
