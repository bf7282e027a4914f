import json

import numpy as np
import pytest
from raster_files import write_raster
from typer.testing import CliRunner

from eomoo.cli import app
from eomoo.files import only_one

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


def test_a_folder_is_trained_in_by_one_process_alone(place):
    with only_one(place / "runs" / "77", "training"):
        done = CliRunner().invoke(app, ["train", "77", "--data", "images", *SMALL])
    assert "another process is training in runs/77; wait for it to end" in done.output + str(done.exception)
    assert not (place / "runs" / "77" / "run.json").exists()


def test_train_evaluate_export(place):
    values = json.loads(trained("--json"))
    assert values["status"] == "done"
    assert values["index"] == 77
    assert (place / "runs" / "77" / "weights-2.pt").is_file()
    measured = json.loads(run("evaluate", "77", "--data", "images", "--json"))
    assert measured["confusion"] == values["test"]["confusion"]
    assert (measured["cell"], measured["epochs"], measured["skeleton"]["stem_channels"]) == (77, "2", 5)
    on_val = json.loads(run("evaluate", "runs/77", "--data", "images", "--split", "val", "--json"))
    assert on_val["micro"] == values["val"]["micro"]
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    (exported,) = json.loads(run("export", "runs/77/weights-2.pt", "--onnx", "--data", "images", "--json"))
    assert (exported["path"], exported["agreement"]) == ("77.onnx", 1)
    assert (place / "77.onnx").stat().st_size == exported["file_size"]
    again = json.loads(run("evaluate", "77.onnx", "--data", "images", "--json"))
    assert again["confusion"] == values["test"]["confusion"]


def test_a_network_of_another_cell_than_the_one_named_is_refused(place):
    """Nothing is measured or mapped as that cell's, nor written by its name."""
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    trained("--json")
    weights = "runs/77/weights-2.pt"
    for command in (["evaluate", "runs/77", "5"], ["predict", weights, "5", "scene.tif", "--out", "map.tif"]):
        found = CliRunner().invoke(app, command)
        assert f"{weights} is a network of cell 77, not of cell 5: name 77 or no cell" in str(found.exception)
    found = CliRunner().invoke(app, ["export", "runs/77", "5", "--onnx", "--data", "images"])
    assert found.exit_code == 1
    assert "cell 5 was not exported as onnx: runs/77/weights-2.pt is a network of cell 77" in found.stderr
    assert not (place / "5.onnx").exists()
    run("export", "runs/77", "77", "--onnx", "--data", "images")
    assert (place / "77.onnx").is_file()


def test_what_a_folder_holds_is_found_from_any_other(place, monkeypatch):
    """A folder that was named from where it lay is whole by another path, and after a move."""
    first = json.loads(trained("--json"))
    (place / "runs" / "77" / "checkpoint.pt").unlink()
    (place / "runs").rename(place / "moved")
    weights = place / "moved" / "77" / "weights-2.pt"
    before = weights.stat().st_mtime_ns
    monkeypatch.chdir(place / "images")
    again = json.loads(run(
        "train", "77", "--data", place / "images", "--epochs", "2", "-s", "batch_size=16", *SMALL, "--json",
        "--out", weights.parent,
    ))  # fmt: skip
    assert again["seconds"] == first["seconds"]
    assert (again["weights"], weights.stat().st_mtime_ns) == (str(weights), before)


def test_eight_bits_are_calibrated_and_measured(place):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    values = json.loads(trained("--json"))
    both = json.loads(run("export", "77", "--int8", "--fp16", "--data", "images", "--out", "files", "--json"))
    assert [row["path"] for row in both] == ["files/77-fp16.onnx", "files/77-int8.onnx"]
    for row in both:
        assert row["before"] == {"val_micro": values["val"]["micro"], "val_macro": values["val"]["macro"]}
        file, val = row["path"], ("--data", "images", "--split", "val", "--json")
        found = json.loads(run("evaluate", file, *val))
        assert (found["micro"], found["dtype"]) == (row["after"]["val_micro"], row["precision"])
        assert len(found["precision"]) == 3
    refused = [(["evaluate", "--device", "cuda"], "is an ONNX file, which computes on the CPU; only weights are run")]
    refused += [(["export", "--int8"], "files/77-fp16.onnx is an ONNX file already, and other files are made of")]
    for (command, *options), words in refused:
        found = CliRunner().invoke(app, [command, "files/77-fp16.onnx", "--data", "images", *options])
        assert words in f"{found.exception} {found.stderr}"
    text = run("export", "77", "--int8", "--data", "images", "--logits", "--out", "x.onnx")
    assert text.startswith("x.onnx: int8, ")
    assert f"validation micro accuracy {100 * values['val']['micro']:.2f} % before, " in text


def test_a_file_that_cannot_be_written_stops_no_other(place):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    trained("--json")
    (place / "images").rename(place / "elsewhere")
    result = CliRunner().invoke(app, ["export", "77", "--onnx", "--int8", "--out", "files"])
    assert result.exit_code == 1
    gone = "the images that runs/77 was trained on are not found; say with --data where they are: there is no "
    assert f"was not exported as int8: int8 needs the images of its training: {gone}" in result.stderr
    assert f"not checked on real images: {gone}" in result.stderr
    assert [path.name for path in (place / "files").iterdir()] == ["77.onnx"]
    assert gone in str(CliRunner().invoke(app, ["evaluate", "77"]).exception)


def test_a_training_tells_its_images_to_whatever_lies_in_its_folder(place, monkeypatch):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    values = json.loads(trained("-i", "seed=3", "-i", "n_val=7", "--json"))
    (place / "later").mkdir()
    monkeypatch.chdir(place / "later")
    (row,) = json.loads(run("export", "../runs/77", "--int8", "--out", "../runs/77/int8", "--json"))
    assert row["before"]["val_micro"] == values["val"]["micro"]
    for file in ("weights-2.pt", "int8/77-int8.onnx"):
        told = json.loads(run("evaluate", f"../runs/77/{file}", "--split", "val", "--json"))
        assert np.sum(told["confusion"]) == 7
    record = place / "runs" / "77" / "run.json"
    record.write_text(record.read_text().replace(str(place / "images"), str(place)))
    refused = ["run.json has changed since it was written", "does not tell which images it was trained on; say it with"]
    for words in refused:
        assert words in str(CliRunner().invoke(app, ["evaluate", "../runs/77"]).exception)
        # Without it as a training of an earlier version, which does not tell.
        record.unlink(missing_ok=True)


def test_what_is_measured_is_written_for_people_and_programs(place):
    trained("--json")
    text = run("evaluate", "77", "--data", "images", "--out", "measured")
    for word in ("recall", "precision", "kappa", "macro (balanced) accuracy", "expected calibration error"):
        assert word in text
    assert "cell 77, 5 channels, 2 x 1 cells, trained on images for 2 epochs; " in text
    told = json.loads((place / "measured" / "evaluation.json").read_text())
    assert told["class_names"] == ["field", "lake", "town"]
    assert {path.name for path in (place / "measured").iterdir()} == {
        "evaluation.json", "confusion.png", "reliability.png"
    }  # fmt: skip


def test_a_full_disk_leaves_no_part_of_an_evaluation(place, small_disk):
    trained()
    # Room for what is read by programs, not for the larger figure.
    with small_disk(60_000):
        done = CliRunner().invoke(app, ["evaluate", "77", "--data", "images", "--out", "measured"])
    assert "cannot write measured/" in str(done.exception)
    assert not (place / "measured").exists()


def test_safetensors_are_weights_too(place):
    safetensors = pytest.importorskip("safetensors.torch", reason="the extra 'live' is not installed")
    values = json.loads(trained("--json"))
    named = CliRunner().invoke(app, ["export", "77", "--weights", "--data", "images", "--out", "x.onnx"])
    assert not (place / "x.onnx").exists()
    assert "weights is written as .safetensors, so that x.safetensors would be its name" in str(named.exception)
    run("export", "77", "--weights", "--data", "images")
    told = json.loads(run("evaluate", "77.safetensors", "--data", "images", "--json"))
    assert told["micro"] == values["test"]["micro"]
    assert safetensors.load_file("77.safetensors")["classifier.weight"].shape[0] == 3
    content = (place / "77.safetensors").read_bytes()
    (place / "other.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match="has changed since it was written"):
        raise CliRunner().invoke(app, ["evaluate", "other.safetensors", "--data", "images"]).exception


def test_a_trained_network_maps_a_scene(place):
    trained("--json")
    pixels = np.random.default_rng(1).normal(1, 1, (2, 24, 32)).astype(np.float32)
    write_raster("scene.tif", pixels, crs="EPSG:32632")
    told = json.loads(run("predict", "77", "scene.tif", "--out", "maps/map.tif", "--json"))
    assert (told["shape"], sum(told["pixels"].values())) == ([3, 4], 12)
    assert set(told["pixels"]) == {"field", "lake", "town"}
    text = run("predict", "runs/77", "scene.tif", "--bands", "2,1", "--stride", "4", "--out", "maps/fine.tif")
    assert "6 x 8 pixels" in text
    assert {path.name for path in (place / "maps").iterdir()} == {
        f"{name}{ending}" for name in ("map", "fine") for ending in (".tif", "-probability.tif", ".png")
    }
    pixels[0, :, 8:16] = np.nan
    write_raster("gap.tif", pixels, crs="EPSG:32632")
    assert "25.0 % have no class: of what they cover" in run("predict", "77", "gap.tif", "--out", "gap.tif.map.tif")
    assert run("predict", "77", "--out", "m.tif", code=1) == ""
    assert not (place / "m.tif").exists()


def test_tables_for_people(place):
    text = trained("-s", "learning_rate=0.5")
    for word in ("validation micro", "test micro", "the largest class alone", "runs/77/weights-2.pt"):
        assert word in text
    again = trained("-s", "learning_rate=0.5")
    assert again == text


def test_the_longest_training_is_taken(place):
    trained("--json")
    run("train", "77", "--data", "images", "--epochs", "2+10", "-s", "batch_size=16", *SMALL, "--json")
    assert json.loads(run("evaluate", "77", "--data", "images", "--json"))["file"].endswith("weights-2+10.pt")


def test_other_images_than_those_of_the_training_are_refused(place):
    """Another draw of the same folder too: some of its test images were trained on."""
    trained("--json")
    other = CliRunner().invoke(app, ["evaluate", "77", "--data", "images", "-i", "seed=1"])
    assert "was trained on other images than these of images: the fingerprints" in str(other.exception)
    assert "\n" not in str(other.exception)
    for path in (place / "images").glob("*/*.npy"):
        np.save(path, np.load(path) * 1.5)
    for command in (["evaluate"], ["export", "--int8"]):
        found = CliRunner().invoke(app, [*command, "77", "--data", "images"])
        assert "was trained on other images" in f"{found.exception} {found.stderr}"


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
        (["evaluate", "5", "--data", "images"], r"no weights in runs/5; train one with `eomoo train 5 "),
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
