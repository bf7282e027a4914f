"""The whole chain on made-up images: measured, killed, resumed, looked at, modelled, searched, reported."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from raster_files import write_raster

import eomoo
from eomoo import cli
from eomoo.data import read_measured
from eomoo.live import LiveStore

pytest.importorskip("rasterio", reason="the extra 'live' is not installed")
pytestmark = pytest.mark.usefixtures("few_hopeful")

SETTINGS = [
    *("--epochs", "2", "--measure-at", "1,2", "--skeleton", "stem_channels=5", "--skeleton", "n_stacks=2"),
    *(f"--set=latency.{pair}" for pair in ("seconds=0", "repetitions=2", "rounds=2")),
    *("--runtime", "eager", "--walks", "2", "--length", "4", "--spread", "4", "--repeats", "2", "--repeats-of", "0.25"),
]


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["eomoo", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code or 0
        out, err = capsys.readouterr()
        assert code == 0, err
        return SimpleNamespace(out=out, err=err)

    return run


@pytest.fixture
def images(tmp_path):
    """A folder of images by class, made up: brightness and grain tell three classes."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(("field", "lake", "town")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for j in range(30 + 6 * k):
            pixels = np.clip(rng.normal(80 + 30 * k, 10 + 15 * k, (3, 8, 8)), 1, 255).astype(np.uint8)
            write_raster(tmp_path / "images" / name / f"{j}.png", pixels, driver="PNG")
    return tmp_path / "images"


def trained(folder):
    store = folder / "live.sqlite"
    return [(r["cell"], r["setting"]["seed"]) for r in LiveStore(store).rows("training")] if store.exists() else []


def kill_in_the_middle(arguments, folder):
    """Run a command in a process of its own, which is killed when some trainings have ended."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(eomoo.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-m", "eomoo", *map(str, arguments)], env=environment)
    deadline = time.monotonic() + 120
    while len(trained(folder)) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def quiet(monkeypatch):
    """Timings of this process that nothing disturbs, whatever else this machine does."""
    from eomoo.live import timings

    real = timings._measure
    monkeypatch.setattr(timings, "_measure", lambda *how: [{**found, "contended": False} for found in real(*how)])


def test_from_images_to_a_front(images, call, quiet, tmp_path):
    table, models, front = tmp_path / "table", tmp_path / "models", tmp_path / "front"
    command = ["measure", "--data", images, *SETTINGS, "--out", table]
    kill_in_the_middle(command, table)
    before = trained(table)
    assert 3 <= len(before) < 15
    # Who looks in the meantime sees a part.
    assert 0 < len(read_measured(table).to_dataframe()) < 15
    assert "12 cells (2 walks), 15 trainings" in call(*command).out
    after = trained(table)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 15
    measured = read_measured(table)
    assert measured.mean()["repeats"].tolist() == [2] * 3 + [1] * 9

    looked = json.loads(call("landscape", table, "--json").out)
    assert looked["sample"]["cells"] == 12

    assert (
        f"eomoo run {models / 'card.toml'}"
        in call("surrogate", "fit", table, "--target", "val_macro", "--target", "latency", "--out", models).out
    )
    found = json.loads(call("run", models / "card.toml", "--budget", 60, "--out", front, "--json").out)
    assert found["distinct_cells"] == 60
    assert {"val_macro_error", "latency"} <= found["front"][0].keys()
    call("report", front)
    assert (front / "report.html").stat().st_size > 10_000
