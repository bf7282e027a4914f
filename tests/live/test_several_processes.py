"""Two processes of torchrun (gloo) against one, at the same total batch."""

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
import sys
sys.path.insert(0, {tests!r})
from tiny_images import make_data
import torch
from eomoo.live.recipes import get_recipe
from eomoo.live.training import train
torch.set_num_threads(1)
data = make_data(n=(49, 31, 30))
skeleton = data.skeleton(stem_channels=5, n_stacks=2, cells_per_stack=1)
recipe = get_recipe("nasbench", batch_size=16, learning_rate=0.3, class_weights="balanced")
result = train(100434, data, skeleton=skeleton, recipe=recipe, epochs=2, folder=sys.argv[1], device="cpu")
print(result.status)
"""


def run(folder, processes):
    script = folder.with_suffix(".py")
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1])))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(eomoo.__file__).parents[1])}
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*command, str(script), str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["done"] * processes, done.stderr[-2000:]
    return json.loads((folder / "run.json").read_text())["results"]["2"], load_state(folder / "weights-2.pt")


def test_two_processes_train_as_one_does(tmp_path):
    (one, one_state), (two, two_state) = run(tmp_path / "one", 1), run(tmp_path / "two", 2)
    for name, value in one_state["model"].items():
        assert torch.allclose(value.float(), two_state["model"][name].float(), rtol=1e-3, atol=1e-4), name
    assert two["val"]["confusion"] == one["val"]["confusion"]
    assert two["test"]["loss"] == pytest.approx(one["test"]["loss"], rel=1e-3)
    for name in ("train_loss", "train_micro", "val_loss"):
        assert two["curve"][0][name] == pytest.approx(one["curve"][0][name], rel=1e-3), name
