"""`eomoo run --data`: a live card with a user's own images, by the card `live-data` where none is named."""

import csv
import json
import re
import shlex
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
from raster_files import write_raster

from eomoo.analysis import load_results, write_report
from eomoo.analysis.trained import find_trained
from eomoo.objectives import load_card, with_images
from eomoo.search.problem import get_problem

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
pytest.importorskip("rasterio", reason="the extra 'live' is not installed")

QUICK = ["--set", "latency.seconds=0", "--set", "latency.repetitions=2", "--set", "latency.rounds=2"]
QUICK += ["--set", "skeleton.stem_channels=5", "--set", "skeleton.n_stacks=2"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of class folders of PNGs, of different numbers of images."""
    rng, base = np.random.default_rng(0), tmp_path_factory.mktemp("own")
    for k, name in enumerate(("field", "lake", "town")):
        (base / "fields" / name).mkdir(parents=True)
        for j in range(20 + 5 * k):
            pixels = np.clip(rng.normal(60 + 60 * k, 20, (3, 8, 8)), 1, 255).astype(np.uint8)
            write_raster(base / "fields" / name / f"{j}.png", pixels, driver="PNG")
    return base


@pytest.fixture
def place(images, monkeypatch, tmp_path):
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(images)
    return images


def test_a_folder_of_images_is_searched_with_nothing_else_said(place, call, tmp_path, monkeypatch):
    done = call("run", "--data", "fields", "--budget", 3, "--epochs", 1, *QUICK, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["problem"], found["distinct_cells"]) == ("live-data", 3)
    assert all({"val_macro_error", "latency"} <= row.keys() for row in found["front"])
    again = call("run", "--data", place / "fields", "--budget", 3, "--epochs", 1, *QUICK, "--out", tmp_path / "out")
    assert "nothing was evaluated" in again.out
    assert "validation macro error and latency, images of fields" in again.out
    other = call("run", "--data", "fields", "--budget", 3, "--epochs", 2, *QUICK, "--out", tmp_path / "out")
    assert "epochs 2 was asked, it holds epochs 1; choose another folder" in other.err
    # The algorithm has rungs too, and the search a seed.
    for name, value in (("rungs", "all"), ("seed", "7")):
        changed = ("--epochs", 1, *QUICK, "--set", f"{name}={value}", "--out", tmp_path / "out")
        other = call("run", "--data", "fields", "--budget", 3, *changed)
        said = "trainings' seed" if name == "seed" else name
        assert f"cannot go on with this: {said} {value} was asked, it holds no {said};" in other.err
    cell = found["front"][0]["index"]
    weights = find_trained(tmp_path / "out", cell)
    assert (weights.suffix, weights.parent.name.partition("-")[0]) == (".pt", str(cell))
    # Wherever the folder is taken, what was exported goes with it.
    shutil.rmtree(tmp_path / "cache" / "live")
    assert find_trained(tmp_path / "out", cell) == tmp_path / "out" / "onnx" / f"{cell}.onnx"
    # Who asks for the weights is told why they are not found.
    (tmp_path / "cache" / "live").mkdir(exist_ok=True)
    (tmp_path / "cache" / "live" / "live.sqlite").write_bytes(b"damaged" * 1000)
    assert find_trained(tmp_path / "out", cell).suffix == ".onnx"
    with pytest.raises(RuntimeError, match=r"live\.sqlite"):
        find_trained(tmp_path / "out", cell, exported=False)
    (tmp_path / "cache" / "live" / "live.sqlite").unlink()
    # As the search would have trained it.
    with pytest.raises(FileNotFoundError, match=r"no weights of cell 3 in .*`eomoo train 3 --data \S+ .*--stem-channe"):
        find_trained(tmp_path / "out", 3)
    monkeypatch.setattr("eomoo.analysis.trained.front_cells", lambda place: [cell])
    assert find_trained(tmp_path / "out") == find_trained(tmp_path / "out", cell)
    monkeypatch.setattr("eomoo.analysis.trained.front_cells", lambda place: [3, 5])
    with pytest.raises(ValueError, match="networks of several cells; name one of them after it, such as 3, 5"):
        find_trained(tmp_path / "out")
    monkeypatch.setattr("eomoo.analysis.trained.front_cells", lambda place: [])
    with pytest.raises(ValueError, match="evaluated no feasible cell, so that it has no front; name a cell"):
        find_trained(tmp_path / "out")


def test_every_command_of_the_page_works_as_copied_and_means_the_same_network(place, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sizes = ["--set", "images.n_train=20"]
    arguments = ("run", "--data", place / "fields", "--budget", 2, "--epochs", 2, *QUICK, *sizes, "--out", "out")
    assert call(*arguments).code == 0
    page = json.loads(data_of(write_report("out")))
    (front,) = (block for block in page if block["kind"] == "front")
    cell, params = front["cells"][0], next(c["values"][0] for c in front["columns"] if c["name"] == "params")
    said = {}
    for what, text in front["commands"]:
        done = call(*shlex.split(text.replace("@CELL@", str(cell)))[1:])
        assert done.code == 0, (text, done.err)
        said[what] = done.out
    assert list(said) == ["Show it", "Time it here", "Train it from the start", "Measure it", "Take it away"]
    assert f"{params:,} parameters" in said["Show it"]
    assert torch.load(f"runs/{cell}/weights-2.pt", weights_only=True)["skeleton"] == asdict(stored_skeleton("out"))
    assert front["onnx"][str(cell)] == f"onnx/{cell}.onnx"
    assert (tmp_path / "out" / "onnx" / f"{cell}.onnx").is_file()
    # What was evaluated is on the next page, with how the networks learnt.
    text = write_report("out").read_text()
    assert f"evaluated/{cell}/confusion" in text
    assert "Learning curves" in text
    for words in (str(place / "fields"), "n_train 20", "batches of 1, onnxruntime", "5 channels, 2 stacks of 1"):
        assert words in text, words


def data_of(page):
    return re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL).group(1)


def stored_skeleton(folder):
    return load_results(folder).problems[0].problem.skeleton


def test_a_page_of_published_values_has_the_published_networks_commands(tmp_path, call):
    call("run", "eo-macro-latency", "-a", "random", "--budget", 20, "--out", tmp_path / "out")
    (front, *_) = json.loads(data_of(write_report(tmp_path / "out")))
    commands = [text.replace("@CELL@", "5") for _, text in front["commands"]]
    assert "eomoo show 5" in commands
    assert "eomoo train 5 --data so2sat --recipe published --epochs 108" in commands
    assert commands[-1] == "eomoo export 5 --onnx"
    assert call("show", 5).code == 0
    assert "So2Sat images" in call("show", 5).out


def quiet(cells, skeleton, how):
    plain = {"mean": 6.0, "relative": 3.0, "energy": None, "reference_median": 2.0, "contended": False}
    return [{**plain, "median": 6.0 + cell % 7, "reference_contended": False} for cell in cells]


def test_a_live_run_goes_on_with_the_trainings_that_were_made(place, call, tmp_path, monkeypatch):
    monkeypatch.setattr("eomoo.live.timings._measure", quiet)
    arguments = ("run", "--data", "fields", "--epochs", 1, "-a", "random", "-o", "batch_size=3", *QUICK)
    first = call(*arguments, "--budget", 2, "--out", tmp_path / "out")
    assert "training 2 networks" in first.err
    # However its work is spread, it is the same run.
    second = call(*arguments, "--budget", 4, "--set", "readers=0", "--out", tmp_path / "out", "--hours", 1)
    assert second.code == 0, second.err
    assert "2 of 3 trainings were there already" in second.err
    assert "training 1 network " in second.err
    assert f"its first 2 cells were in {tmp_path / 'out'} already" in second.out
    call(*arguments, "--budget", 4, "--out", tmp_path / "whole")
    traces = [(tmp_path / name / "trace.csv").read_text() for name in ("out", "whole")]
    assert traces[0] == traces[1]


def test_a_live_search_says_what_it_trained_and_what_priors_were_worth(place, call, tmp_path, monkeypatch):
    asked = ["run", "--data", "fields", "--budget", 3, "--rungs", "1,2", "--prior", "eo-hwnas", *QUICK]
    done = call(*asked, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "for 50 % of a full training" in done.out
    assert "What told something of full trainings: val_macro of eo-hwnas: " in done.out
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    short, full = settings["spending"]["trained"]
    assert 2 < len(full) + 0.5 * len(short) <= 3
    assert settings["options"]["rungs"] == "1,2"
    assert call("report", tmp_path / "out", "--format", "md").code == 0
    page = (tmp_path / "out" / "report.md").read_text()
    assert "What was trained" in page
    assert "--rungs 1,2" in page
    assert "--prior eo-hwnas" in page
    assert "nothing was evaluated" in call(*asked, "--out", tmp_path / "out").out
    again = call(*asked, "--repeats", 3, "--out", tmp_path / "out")
    assert again.code == 0, again.err
    assert re.search("repeats: [1-3] cells x 2 more trainings", again.err)
    front = (tmp_path / "out" / "front.csv").read_text().splitlines()
    assert {row["trainings"] for row in csv.DictReader(front)} == {"3"}
    names = ("val_macro_error", "latency")
    means = {row["index"]: [float(row[name]) for name in names] for row in csv.DictReader(front)}
    with monkeypatch.context() as patch:
        # As where all timings were contended, whose scale holds for a campaign only.
        patch.setattr("eomoo.live.timings.Timings._find_baseline", lambda *_: 123.0)
        said = json.loads(call("suggest", tmp_path / "out", "--json").out)["cells"]
    said = {str(cell["index"]): [cell[name] for name in names] for cell in said}
    assert set(said) & set(means)
    for cell in set(said) & set(means):
        assert said[cell] == pytest.approx(means[cell]), "what to measure next goes by the front's own values"
    assert call("report", tmp_path / "out", "--format", "md").code == 0
    page = (tmp_path / "out" / "report.md").read_text()
    assert "are means of 3 trainings each." in page
    assert "--repeats 3" in page
    assert "nothing was evaluated" in call(*asked, "--repeats", 2, "--out", tmp_path / "out").out


def test_images_of_a_live_card_are_replaced_and_its_options_kept_where_they_apply(place):
    problem = get_problem("live-scene", data="fields", **{"skeleton.stem_channels": 32, "latency.batch_size": 8})
    campaign = problem.backends["live"].campaign
    assert campaign.source.name == str(place / "fields")
    # The scene's patch size and gap say nothing of images in folders.
    assert campaign.source.options == {"n_train": 4000, "n_val": 2000, "n_test": 4000}
    assert (problem.skeleton.stem_channels, problem.skeleton.cells_per_stack) == (32, 1)
    assert (problem.skeleton.image_size, problem.skeleton.n_classes) == (8, 3)
    assert (campaign.timing.batch_size, campaign.timing.seconds) == (8, 0.5)
    assert "Landsat" not in problem.card.title + problem.card.citation
    assert problem.options["data"] == str(place / "fields")
    own = load_card("live-scene")
    assert with_images(own, "landsat-nc") is own
    # Numbers of bands are those of the card's own files.
    live = {**own.backends["live"], "images": {"bands": [1, 2], "n_val": 7}}
    other = with_images(replace(own, backends={"live": live}), "fields")
    assert other.backends["live"]["images"] == {"n_val": 7}


def test_a_scene_may_be_named_by_its_file(place, tmp_path):
    rng = np.random.default_rng(0)
    write_raster(tmp_path / "band.tif", rng.normal(size=(40, 40)).astype(np.float32))
    write_raster(tmp_path / "cover.tif", rng.integers(1, 3, (40, 40)).astype(np.uint8))
    (tmp_path / "my-place.toml").write_text('bands = ["band.tif"]\nlabels = "cover.tif"\n')
    settings = {"images.patch_size": 5, "images.gap": 0, "images.blocks": 4}
    problem = get_problem("live-scene", data=tmp_path / "my-place.toml", **settings)
    campaign = problem.backends["live"].campaign
    assert campaign.source.options == {"patch_size": 5, "gap": 0, "blocks": 4, "n_train": 4000, "n_val": 2000,
                                       "n_test": 4000}  # fmt: skip
    assert problem.skeleton.image_size == 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["eo-macro-latency", "--data", "fields"], "eo-macro-latency takes no images: its values come from surrogate"),
        (["eo-macro-params", "--data", "fields"], "values come from surrogate and analytic; with images give a live"),
        (["eo-macro-params", "--repeats", "3"], "trains no networks, so that nothing can be repeated"),
        (["--data", "nowhere"], "there is no data set or folder 'nowhere'"),
        (["live-data", "--budget", "1"], "the live backend needs images: --data FOLDER"),
        (["--data", "fields", "--set", "images.patch_size=3"], "unknown key 'patch_size'"),
        (["--data", "fields", "--set", "latency.batch=3"], "unknown key 'batch'"),
        (["--data", "fields", "--set", "epochs.x=3"], "epochs is no table of settings"),
        (["--data", "fields", "--set", "latency.=3"], "latency is no table of settings"),
        (["live-data", "--set", "data=fields", "--set", "skeleton.image_size=3"], "unknown key 'image_size'"),
    ],
)
def test_what_cannot_be_is_one_sentence(place, refused, arguments, sentence):
    assert sentence in refused("run", *arguments)
