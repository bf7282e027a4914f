"""What a machine failed at, in `eomoo run`: told at its end, and tried again when that is asked for."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from eomoo.cli import app

pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")

CARD = """
title = "tiny"
citation = "nobody"
budget = 3

[[objectives]]
name = "val_micro_error"
unit = "%"
direction = "min"
source = "live"

[[objectives]]
name = "params"
unit = ""
direction = "min"
source = "live"

[backend.live]
data = "images"
epochs = 1
device = "cpu"
folder = "live"

[backend.live.skeleton]
stem_channels = 5
n_stacks = 2
cells_per_stack = 1

[backend.live.recipe_settings]
batch_size = 16
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for k, name in enumerate(("field", "lake")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for j in range(20 + 10 * k):
            np.save(tmp_path / "images" / name / f"{j}.npy", rng.normal(k, 0.5, (2, 8, 8)).astype(np.float32))
    (tmp_path / "tiny.toml").write_text(CARD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*extra):
    command = ["run", "tiny.toml", "-a", "random", "--seed", "1", "--out", "out", *extra]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


def test_a_run_tells_what_failed_and_tries_it_again_when_asked(place, monkeypatch):
    from eomoo.live.modules import CellNetwork

    forward, cells = CellNetwork.forward, []

    def fail(self, x):
        if self.cell.hash not in cells:
            cells.append(self.cell.hash)
        if self.cell.hash == cells[0]:
            raise OSError(5, "a bad disk")
        return forward(self, x)

    monkeypatch.setattr(CellNetwork, "forward", fail)
    first = run()
    assert "1 training has no trained network:" in first.stderr
    assert "a bad disk (tried once)" in first.stderr
    assert "`--retry-failed` tries again what a machine failed at" in first.stderr
    lines = (place / "out" / "trace.csv").read_text().splitlines()
    monkeypatch.undo()
    monkeypatch.chdir(place)
    left = place / "out" / ".eomoo-0a1b2c3d-1-0a1b2c3d-trace.csv"
    left.write_text("half of a")
    os.utime(left, (0, 0))
    # Shown again, it tells that still, and leaves nothing half-written.
    shown = run().stderr
    assert "a bad disk" in shown
    assert first.stderr.endswith(shown)
    assert not left.exists()
    assert (place / "out" / "trace.csv").read_text().splitlines() == lines
    again = json.loads(run("--retry-failed", "--json").stdout)
    assert again["distinct_cells"] == 3
    told = (place / "out" / "trace.csv").read_text().splitlines()
    assert told != lines
    # The others were read from the store: their values are the same to the last digit.
    assert len(set(told) & set(lines)) >= 3
