"""Three processes of torchrun (gloo) against one, at the same total batch; and one that fails among others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import eomoo
from eomoo.live.weights import load_state

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")

SCRIPT = """
import os, sys
from dataclasses import replace
sys.path.insert(0, {tests!r})
from tiny_images import make_data
import torch
from eomoo.errors import EomooError
from eomoo.live.recipes import get_recipe
from eomoo.live.training import train
torch.set_num_threads(1)
# The last batch of training and the validation images are fewer than three processes.
data = make_data(n=(50, 2, 30))
skeleton = data.skeleton(stem_channels=5, n_stacks=2, cells_per_stack=1)
recipe = get_recipe("nasbench", batch_size=16, learning_rate=0.3, class_weights="balanced")
if sys.argv[2] == os.environ.get("RANK"):
    class Spoilt(type(data.train)):
        def batch(self, indices):
            raise IndexError("item 37")
    data = replace(data, train=Spoilt(data.train.images, data.train.labels))
try:
    result = train(100434, data, skeleton=skeleton, recipe=recipe, epochs=2, folder=sys.argv[1], device="cpu")
except EomooError as error:
    print(error, flush=True)
    sys.exit(1)
print(result.status)
"""


def run(folder, processes, failing=None):
    script = folder.with_suffix(".py")
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1])))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(eomoo.__file__).parents[1])}
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run(
        [*command, str(script), str(folder), str(failing)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def trained(folder, processes):
    done = run(folder, processes)
    assert done.stdout.split() == ["done"] * processes, done.stdout + done.stderr[-2000:]
    return json.loads((folder / "run.json").read_text())["results"]["2"], load_state(folder / "weights-2.pt")


def test_three_processes_train_as_one_does(tmp_path):
    (one, one_state), (three, three_state) = trained(tmp_path / "one", 1), trained(tmp_path / "three", 3)
    for name, value in one_state["model"].items():
        # What all three have counts thrice in the n of n / (n - 1), by which variances are estimated.
        rtol = 1e-2 if name.endswith("running_var") else 1e-3
        assert torch.allclose(value.float(), three_state["model"][name].float(), rtol=rtol, atol=1e-4), name
    assert three["val"]["confusion"] == one["val"]["confusion"]
    assert three["test"]["loss"] == pytest.approx(one["test"]["loss"], rel=1e-3)
    for name in ("train_loss", "train_micro", "train_macro", "val_loss"):
        assert three["curve"][0][name] == pytest.approx(one["curve"][0][name], rel=5e-3), name


def test_one_process_that_fails_ends_all_with_its_own_words(tmp_path):
    done = run(tmp_path / "two", 2, failing=1)
    assert done.returncode != 0
    # The other one is ended by torchrun, or says the same.
    assert set(done.stdout.splitlines()) == {"process 1 of 2 failed: IndexError: item 37"}, done.stderr[-2000:]
    assert not (tmp_path / "two" / "run.json").exists()
