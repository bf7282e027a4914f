"""The real scene, where it is on this machine."""

import runpy
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import eomoo
from eomoo.data import find
from eomoo.errors import DataNotFoundError
from eomoo.images import open_data, open_scene
from eomoo.images.scene import LANDSAT_CLASSES

pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("rasterio", reason="the extra 'live' is not installed")


@pytest.fixture(scope="module")
def scene():
    try:
        find("landsat-nc")
    except DataNotFoundError as error:
        pytest.skip(f"needs the Landsat scene: {error}")
    return open_scene("landsat-nc")


def test_the_scene_is_as_published(scene):
    assert scene.bands.shape == (6, 443, 489)
    counts = np.bincount(scene.labels[scene.labels >= 0], minlength=7)
    assert counts.tolist() == [65_099, 1_433, 23_502, 14_532, 107_643, 4_223, 194]
    assert (scene.labels < 0).sum() == 1
    assert scene.class_names == tuple(LANDSAT_CLASSES.values())
    assert scene.bands[:, scene.valid].min() >= 1
    assert scene.bands.max() == 255


def test_its_splits_are_much_alike_but_for_a_class_that_is_told(scene):
    with pytest.warns(UserWarning, match="there are no test images of sediment"):
        data = open_data("landsat-nc")
    shares = [np.bincount(s.labels, minlength=7) / len(s) for s in (data.train, data.val, data.test)]
    assert np.abs(np.subtract(shares[0], shares[2])).max() < 0.1


@pytest.mark.filterwarnings("ignore:.*no test images of sediment")
def test_the_card_gives_networks_that_beat_the_largest_class(scene, tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    problem = eomoo.get_problem(
        "live-scene", epochs=1, folder=str(tmp_path), latency={"runtime": "eager", "seconds": 0.05}
    )
    values = problem.values(np.array([402624]))
    assert problem.units == ["%", "ms"]
    assert (values > 0).all()
    test = problem.backends["live"].training(402624)["test"]
    largest = max(sum(row) for row in test["confusion"]) / np.sum(test["confusion"])
    assert test["micro"] > largest + 0.1


@pytest.mark.filterwarnings("ignore:.*no test images of sediment")
def test_the_example_draws_its_figures(scene, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    timed_shortly = partial(eomoo.get_problem, latency={"runtime": "eager", "seconds": 0.05})
    monkeypatch.setattr(eomoo, "get_problem", timed_shortly)
    options = ["--budget", "2", "--epochs", "1", "--algorithm", "random", "--stem-channels", "5"]
    places = ["--folder", str(tmp_path / "live"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["live_scene.py", *options, *places])
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "live_scene.py"), run_name="__main__")
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"front.png", "confusion.png", "map.png", "onnx"}
    assert list((tmp_path / "out" / "onnx").glob("*.onnx"))
