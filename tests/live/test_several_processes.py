"""Three processes of torchrun (gloo) against one, at the same total batch; and one that fails among others."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_images import make_data

import eomoo
from eomoo.errors import SettingError
from eomoo.live import together
from eomoo.live.recipes import get_recipe
from eomoo.live.tasks import DataSource, TrainingTask, run_task
from eomoo.live.weights import load_state

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")

SCRIPT = """
import os, sys
from dataclasses import replace
sys.path.insert(0, {tests!r})
from tiny_images import make_data
from eomoo.errors import EomooError
from eomoo.live.training import train
data = make_data()
if os.environ["RANK"] == "1":
    class Spoilt(type(data.train)):
        def batch(self, indices):
            raise IndexError("item 37")
    data = replace(data, train=Spoilt(data.train.images, data.train.labels))
skeleton = data.skeleton(stem_channels=5, n_stacks=2, cells_per_stack=1)
try:
    train(100434, data, skeleton=skeleton, epochs=2, folder=sys.argv[1], device="cpu")
except EomooError as error:
    print(error, flush=True)
    sys.exit(1)
"""


@pytest.fixture
def images(tmp_path):
    data = make_data(n=(90, 6, 6))
    for k, (image, label) in enumerate(zip(data.train.images, data.train.labels, strict=True)):
        place = tmp_path / "images" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        np.save(place / f"{k}.npy", image)
    return str(tmp_path / "images")


def make_task(folder, images, processes):
    # The last batch of training and the validation images are fewer than three processes.
    source = DataSource(name=images, options={"n_train": 50, "n_val": 2, "n_test": 10})
    return TrainingTask(
        cell=100434,
        source=source,
        skeleton=source.open().skeleton(stem_channels=5, n_stacks=2, cells_per_stack=1),
        recipe=get_recipe("nasbench", batch_size=16, learning_rate=0.3, class_weights="balanced"),
        epochs=(2,),
        seed=0,
        device="cpu",
        folder=str(folder),
        threads=1,
        processes=processes,
    )


def test_three_processes_train_a_candidate_as_one_does(images, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(eomoo.__file__).parents[1]))
    one, three = (run_task(make_task(tmp_path / str(n), images, n)) for n in (1, 3))
    assert (one["status"], three["status"]) == ("done", "done"), three["reason"]
    one_state, three_state = (load_state(result["weights"])["model"] for result in (one, three))
    for name, value in one_state.items():
        # What all three have counts thrice in the n of n / (n - 1), by which variances are estimated.
        rtol = 1e-2 if name.endswith("running_var") else 1e-3
        assert torch.allclose(value.float(), three_state[name].float(), rtol=rtol, atol=1e-4), name
    assert three["val"]["confusion"] == one["val"]["confusion"]
    assert three["test"]["loss"] == pytest.approx(one["test"]["loss"], rel=5e-3)
    for name in ("train_loss", "train_micro", "train_macro", "val_loss"):
        assert three["curve"][0][name] == pytest.approx(one["curve"][0][name], rel=5e-3), name


def test_what_a_candidate_of_several_processes_cannot_do_is_an_incident(images, tmp_path, monkeypatch):
    task = replace(make_task(tmp_path, images, 2), device="cuda:99")
    monkeypatch.setattr(TrainingTask, "run_folder", lambda task: tmp_path / "run")
    monkeypatch.setattr(together.sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text(
        "#!/bin/sh\nfor last; do :; done\nprintf 'no such thing' >$last/failed.txt; exit 3\n"
    )
    (tmp_path / "python").chmod(0o755)
    assert (run_task(task)["status"], run_task(task)["reason"]) == ("incident", "no such thing")
    (tmp_path / "python").write_text("#!/bin/sh\necho killed by a signal; exit 3\n")
    assert run_task(task)["reason"] == "torchrun: killed by a signal"
    unnamed = replace(task, source=DataSource(images=make_data()))
    with pytest.raises(SettingError, match="need images with a name"):
        run_task(unnamed)


@pytest.mark.parametrize(
    ("listed", "count", "number", "devices"),
    [
        ("", 4, 0, "0,1"),
        ("", 4, 1, "2,3"),
        ("GPU-a,GPU-b,GPU-c,GPU-d", 4, 1, "GPU-c,GPU-d"),
        # CUDA shows none after a number that is none.
        ("3,2,-1,0", 2, 1, "3,2"),
        ("3,-1,0", 1, 0, None),
    ],
)
def test_each_worker_takes_devices_of_its_own_as_they_are_listed(monkeypatch, listed, count, number, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert together._devices(number, 2) == ({"CUDA_VISIBLE_DEVICES": devices} if devices else {})


def test_one_process_that_fails_ends_all_with_its_own_words(tmp_path):
    script = tmp_path / "fail.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1])))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(eomoo.__file__).parents[1])}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run([*command, str(tmp_path)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    # The other one is ended by torchrun, or says the same.
    assert set(done.stdout.splitlines()) == {"process 1 of 2 failed: IndexError: item 37"}, done.stderr[-2000:]
    assert not (tmp_path / "run.json").exists()
