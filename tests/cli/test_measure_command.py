"""`eomoo measure`, `eomoo data merge`: tables of cells that are trained and timed."""

import json
from dataclasses import asdict, replace
from shlex import split

import numpy as np
import pandas as pd
import pytest
from raster_files import write_raster

from eomoo.cli.measure import _what_comes_next
from eomoo.data import measured_table, read_measured, write_measured
from eomoo.space import SO2SAT

for package in ("torch", "onnxruntime", "rasterio", "thop"):
    pytest.importorskip(package, reason="the extra 'live' is not installed")

QUICK = [f"--set=latency.{pair}" for pair in ("seconds=0", "repetitions=2", "rounds=2")]
SMALL = ["--skeleton", "stem_channels=5", "--skeleton", "n_stacks=2"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of class folders of PNGs, of different numbers of images."""
    rng, base = np.random.default_rng(0), tmp_path_factory.mktemp("own") / "fields"
    for k, name in enumerate(("field", "lake", "town")):
        (base / name).mkdir(parents=True)
        for j in range(20 + 5 * k):
            pixels = np.clip(rng.normal(60 + 60 * k, 20, (3, 8, 8)), 1, 255).astype(np.uint8)
            write_raster(base / name / f"{j}.png", pixels, driver="PNG")
    return base


@pytest.fixture
def measure(call, images):
    def run(*arguments):
        return call("measure", "--data", images, "--epochs", 2, "--measure-at", "1,2", *SMALL, *QUICK, *arguments)

    return run


def test_a_table_of_ones_own_images_grows_and_says_what_comes_next(measure, call, tmp_path, images):
    done = measure("--walks", 1, "--length", 2, "--out", tmp_path / "a", "--repeats", 2, "--repeats-of", 1)
    assert done.code == 0, done.err
    assert "fields, 2 epochs: 2 cells (1 walk), 3 trainings" in done.out
    assert f"eomoo landscape {tmp_path / 'a'}" in done.out
    assert "more cells in this table: models need at least 12" in done.out
    assert "surrogate fit" not in done.out
    (tmp_path / "list.txt").write_text("5\n")
    told = json.loads(measure("--cells", tmp_path / "list.txt", "--out", tmp_path / "a", "--json").out)
    assert (told["cells"], told["walks"], told["trainings"], told["failed"]) == (3, 1, 4, {})
    table = read_measured(tmp_path / "a")
    assert table.curves()["test_macro"].notna().all()
    assert (table.skeleton.stem_channels, table.skeleton.n_stacks, table.skeleton.n_classes) == (5, 2, 3)
    assert table.facts["data"]["source"] == str(images)
    measure("--cells", tmp_path / "a" / "table.csv", "--spread", 1, "--out", tmp_path / "b")
    merged = call("data", "merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c")
    assert merged.out.startswith("4 cells in 5 rows in ")
    assert len(read_measured(tmp_path / "c").cells) == 4
    assert "left out" not in merged.out
    assert "is there already" in call("data", "merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "c").err
    other = read_measured(tmp_path / "b")
    other.facts["device"]["timing"] = "a board"
    write_measured(other, tmp_path / "board")
    mixed = call("data", "merge", tmp_path / "a", tmp_path / "board", "--out", tmp_path / "d")
    assert f"left out of {tmp_path / 'board'}, as another machine's" in mixed.out
    assert "latency_std" in mixed.out
    assert "train_time" not in mixed.out
    grown = measure("--spread", 2, "--out", tmp_path / "c")
    assert "cannot grow: its cells were not chosen by `eomoo measure`" in grown.err


def test_times_alone(call, tmp_path):
    settings = ["--only", "latency", "--spread", 2, "--batch-size", 2, "--runtime", "eager", *SMALL, *QUICK]
    done = call("measure", *settings, "--out", tmp_path / "mine", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["cells"], told["trainings"]) == (2, 0)
    table = read_measured(tmp_path / "mine")
    assert table.facts["latency"]["batch_size"] == 2
    assert table.facts["latency"]["runtime"] == "eager"
    assert (table.skeleton.stem_channels, table.skeleton.in_channels) == (5, 10)


@pytest.mark.parametrize(("stem", "n", "device"), [(128, 12, True), (16, 12, False), (128, 11, False)])
def test_times_of_enough_cells_on_the_published_network_are_for_its_cards(tmp_path, stem, n, device):
    rows = pd.DataFrame({"index": range(n), "latency": np.arange(n) + 1.0})
    column = {"name": "latency", "title": "latency", "unit": "ms", "direction": "min", "kind": "timed"}
    skeleton = asdict(replace(SO2SAT, stem_channels=stem))
    table = measured_table(rows, {"title": "t", "columns": [column], "skeleton": skeleton})
    next_commands = _what_comes_next(table, tmp_path / "my table")
    # They are for a shell, whatever the folder is called.
    places = {str(tmp_path / "my table"), str(tmp_path / "my table-models")}
    assert all(places & {*split(command)} for command in next_commands if n == 12)
    assert any("surrogate fit" in command for command in next_commands) == (n == 12)
    assert any("--latency-from" in command for command in next_commands) == device


def test_what_comes_after_the_last_epoch_is_not_measured(refused, images, tmp_path):
    told = refused(
        "measure", "--data", images, "--walks", 1, "--epochs", 2, "--measure-at", "1,7", "--out", tmp_path / "x"
    )
    assert "curve: at has 7, beyond the last of 2 epochs" in told
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["eo-macro-latency", "--walks", 1], "eo-macro-latency takes no images"),
        (["--walks", 1], "the live backend needs images: --data FOLDER"),
        (["live-scene", "--data", "nowhere", "--walks", 1], "there is no data set or folder 'nowhere'"),
        (["--only", "latency"], "say which cells are measured"),
        (["--only", "latency", "--spread", 1, "--repeats", 2], "--repeats has no say with --only latency"),
        (["--only", "latency", "--spread", 1, "--measure-at", "1"], "--measure-at has no say"),
        (["--only", "latency", "--spread", 1, "--set", "seed=1"], "only latency: unknown key 'seed'"),
        (["--only", "error", "--spread", 1], "only must be one of latency"),
        (["--only", "latency", "--spread", 1, "--skeleton", "width=5"], "skeleton: unknown key 'width'"),
        (["--only", "latency", "--cells", "nothing.txt"], "there is no file nothing.txt"),
        (["--only", "latency", "--walks", -1], "walks must be a whole number"),
        (["--only", "latency", "--spread", 1, "--device", "cuda:99"], "there is no device 'cuda:99'"),
    ],
)
def test_what_cannot_be_is_one_sentence(refused, tmp_path, arguments, sentence):
    assert sentence in refused("measure", *arguments, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()
