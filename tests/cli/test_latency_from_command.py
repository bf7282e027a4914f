"""`eomoo run --latency-from`: fronts for a device of which few cells were timed."""

import json

import numpy as np
import pandas as pd
import pytest

import eomoo
from eomoo.data import measured_table, write_measured
from eomoo.measuring import latency_models, spread_cells
from eomoo.progress import Step

pytestmark = pytest.mark.usefixtures("few_hopeful")
LATENCY = {"name": "latency", "title": "latency", "unit": "ms", "direction": "min", "kind": "timed"}


@pytest.fixture(scope="module", autouse=True)
def own_cache_and_few_folds(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EOMOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("eomoo.models.quality.N_FOLDS", 3)
        yield


def write_timings(space, folder, *, facts=None, slow=1.0):
    """A measured table of 20 timings, as `eomoo measure --only latency --spread 20` writes it."""
    from eomoo.space import SO2SAT

    cells = spread_cells(20)
    rows = pd.DataFrame({"index": cells, "latency": slow * (3.0 + space.macs(cells) / 5e8)})
    own = {"device": {"timing": "a board"}, "skeleton": vars(SO2SAT)}
    write_measured(measured_table(rows, {"title": "latency", "columns": [LATENCY], **own, **(facts or {})}), folder)


@pytest.fixture(scope="module")
def models(space, tmp_path_factory):
    """What `eomoo surrogate fit` makes of it."""
    from typer.testing import CliRunner

    from eomoo.cli import app

    folder = tmp_path_factory.mktemp("device")
    write_timings(space, folder / "timed")
    done = CliRunner().invoke(app, ["surrogate", "fit", str(folder / "timed"), "--out", str(folder / "models")])
    assert done.exit_code == 0, done.output
    assert "latency on a board, from 20 timings" in done.output.replace("\n", " ")
    assert "held-out cells were off by" in done.output.replace("\n", " ")
    return folder / "models"


def test_a_front_for_another_device_says_whose_latency_it_is(call, models, space, tmp_path):
    done = call("run", "eo-macro-latency", "--latency-from", models, "--budget", 60, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert "but latency on a board, from 20 timings" in done.out.replace("\n", " ")
    assert "latency on a board, from 20 timings: predicted; held-out cells were off by" in done.err.replace("\n", " ")
    front = pd.read_csv(tmp_path / "run" / "front.csv")
    law = 3.0 + space.macs(front["index"].to_numpy()) / 5e8
    np.testing.assert_allclose(front["latency"], law, rtol=0.2)
    assert (front["latency_std"] > 0).all()
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert "latency on a board, from 20 timings" in json.dumps(settings)
    assert settings["options"] == {"latency_from": str(models.resolve())}
    # The A100's latencies are another problem: the folder holds another run.
    other = call("run", "eo-macro-latency", "--budget", 60, "--out", tmp_path / "run")
    assert other.code == 1
    assert "no latency_from was asked, it holds latency_from" in other.err


def test_what_does_not_fit_is_one_sentence(refused, models, tmp_path):
    assert "has no latency" in refused("run", "eo-macro-params", "--latency-from", models)
    assert "no latency" in refused("run", "eo-macro-params", "--latency-from", "here")
    assert str(tmp_path / "nothing") in refused("run", "eo-macro-latency", "--latency-from", tmp_path / "nothing")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-c", "speed<=10"), "no quantity 'speed'"),
        (("--budget", 0), "budget must be"),
        (("-a", "nsga9"), "there is no algorithm 'nsga9'"),
        (("-o", "colour=3"), "unknown key 'colour'"),
    ],
)
def test_what_cannot_be_is_told_before_cells_are_timed(refused, monkeypatch, arguments, sentence):
    monkeypatch.setattr("eomoo.measuring.own_device.measure", None)
    assert sentence in refused("run", "eo-macro-latency", "--latency-from", "here", *arguments)
    options = {"-c": "constraints", "--budget": "budget", "-a": "algorithm", "-o": "options"}
    value = {"colour": 3} if arguments[0] == "-o" else arguments[1]
    with pytest.raises(eomoo.EomooError, match=sentence):
        eomoo.run("eo-macro-latency", latency_from="here", **{options[arguments[0]]: value})


def test_here_times_cells_once_and_keeps_the_models_by_all_that_timings_depend_on(call, space, tmp_path, monkeypatch):
    for package in ("torch", "onnxruntime"):
        pytest.importorskip(package, reason="the extra 'live' is not installed")
    asked, timing = [], []

    def measure(card, *, out, on_progress, **settings):
        asked.append((card, out, settings["spread"], settings["only"]))
        timing.append(settings["latency"])
        if on_progress is not None:
            on_progress(Step(what="timed", done=20, total=20))
        if not (out / "table.csv").exists():
            write_timings(space, out, slow=2.0)

    monkeypatch.setattr("eomoo.measuring.own_device.measure", measure)
    arguments = ("run", "eo-macro-latency", "--latency-from", "here", "--budget", 40)
    first = call(*arguments, "--out", tmp_path / "a")
    assert first.code == 0, first.err
    card, out, spread, only = asked[0]
    assert (card, spread, only) == ("eo-macro-latency", 20, "latency")
    made = (out.parent / "models" / "models.json").stat().st_mtime_ns
    assert str(out.parent / "models") in first.err.replace("\n", "")
    again = call(*arguments, "--out", tmp_path / "b")
    assert again.code == 0, again.err
    assert (out.parent / "models" / "models.json").stat().st_mtime_ns == made
    assert (tmp_path / "a" / "front.csv").read_text() == (tmp_path / "b" / "front.csv").read_text()
    # Another way of timing is another calibration.
    monkeypatch.setattr("eomoo.live.latency.versions_of", lambda *names: dict.fromkeys(names, "0"))
    assert latency_models("eo-macro-latency") != out.parent / "models"
    assert asked[2][1] != out == asked[1][1]
    # A card that trains nothing takes a device for timings alone.
    other = call(*arguments, "--device", "cpu", "--set", "latency.batch_size=8")
    assert other.code == 0, other.err
    assert timing[-1] == {"device": "cpu", "batch_size": 8}
    eomoo.run("eo-macro-latency", latency_from="here", device="cpu", budget=40)
    assert timing[-1] == {"device": "cpu"}
