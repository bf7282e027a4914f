import json

import numpy as np
import pytest
from typer.testing import CliRunner

from eomoo.cli import app

pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("rasterio", reason="the extra 'live' is not installed")

SMALL = ["--stem-channels", "5", "--cells-per-stack", "1", "--stacks", "2"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a folder of images by class."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(("field", "lake", "town")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for j in range(20):
            pixels = rng.normal(k, 0.5, (2, 8, 8)).astype(np.float32)
            np.save(tmp_path / "images" / name / f"{j}.npy", pixels)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.stdout


def trained(*extra):
    return run("train", "77", "--data", "images", "--epochs", "2", "-s", "batch_size=16", *SMALL, *extra)


def test_train_evaluate_export(place):
    values = json.loads(trained("--json"))
    assert values["status"] == "done"
    assert values["index"] == 77
    assert (place / "runs" / "77" / "weights-2.pt").is_file()
    measured = json.loads(run("evaluate", "77", "--data", "images", "--json"))
    assert measured["confusion"] == values["test"]["confusion"]
    on_val = json.loads(run("evaluate", "runs/77", "--data", "images", "--split", "val", "--json"))
    assert on_val["micro"] == values["val"]["micro"]
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    exported = json.loads(run("export", "runs/77/weights-2.pt", "--onnx", "--data", "images", "--json"))
    assert exported["path"] == "77.onnx"
    assert (place / "77.onnx").stat().st_size == exported["file_size"]


def test_tables_for_people(place):
    text = trained("-s", "learning_rate=0.5")
    for word in ("field", "lake", "town", "micro accuracy", "the largest class alone", "runs/77/weights-2.pt"):
        assert word in text
    again = trained("-s", "learning_rate=0.5")
    assert again == text


def test_the_longest_training_is_taken(place):
    trained("--json")
    run("train", "77", "--data", "images", "--epochs", "2+10", "-s", "batch_size=16", *SMALL, "--json")
    assert json.loads(run("evaluate", "77", "--data", "images", "--json"))["weights"].endswith("weights-2+10.pt")


def test_statistics_are_those_of_the_training(place):
    first = json.loads(trained("--json"))
    for path in (place / "images").glob("*/*.npy"):
        pixels = np.load(path)
        np.save(path, pixels * 1.5)
    other = json.loads(run("evaluate", "77", "--data", "images", "--json"))
    assert other["loss"] != pytest.approx(first["test"]["loss"], rel=1e-3)


def test_a_training_that_fails_says_so(place, monkeypatch):
    def fail(*_):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr("eomoo.live.modules.CellNetwork.forward", fail)
    text = run("train", "77", "--data", "images", "--epochs", "1", *SMALL, code=1)
    assert "out of memory" in text


def test_latencies(place):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    quick = ["--seconds", "0", "--rounds", "2", "--repetitions", "2", "--image-size", "8", *SMALL]
    values = json.loads(run("latency", "5", "77", *quick, "--json"))
    assert [row["index"] for row in values] == [5, 77]
    assert values[0]["setting"]["runtime"] == "onnxruntime"
    text = run("latency", "5", "--runtime", "eager", *quick)
    assert "eager on" in text
    assert "reference cell 100434" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "5", "--data", "images"], r"no weights in runs/5; train the cell"),
        (["evaluate", "77", "--data", "images", "--split", "all"], "split must be one of train, val, test"),
        (["train", "x", "--data", "images"], "no cell: 'x'"),
        (["train", "5", "--data", "nowhere"], "no data set or folder 'nowhere'"),
        (["train", "5", "--data", "images", "-s", "lr=1"], "unknown key 'lr'"),
        (["train", "5", "--data", "images", "-i", "blocks=1"], "unknown key 'blocks'"),
        (["latency", "5", "--threads", "0"], "threads must be a whole number from 1 to"),
    ],
)
def test_mistakes_are_named(place, arguments, message):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    with pytest.raises(Exception, match=message):
        raise result.exception
    assert result.output == ""


def test_weights_for_other_classes_are_refused(place):
    trained("--json")
    (place / "images" / "town").rename(place / "images" / "village")
    result = CliRunner().invoke(app, ["evaluate", "77", "--data", "images"])
    assert "class names are not those of images" in str(result.exception)


def test_weights_of_the_first_version_are_used_with_a_sentence(place):
    import subprocess
    import sys

    import torch

    from eomoo.live import load_state

    trained("--json")
    path = place / "runs" / "77" / "weights-2.pt"
    torch.save(load_state(path), path)
    command = [sys.executable, "-m", "eomoo", "evaluate", "77", "--data", "images", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["split"] == "test"
    assert done.stderr == "runs/77/weights-2.pt is of eomoo 0.1.0, without a digest: it is unverified\n"
