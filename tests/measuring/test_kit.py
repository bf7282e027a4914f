"""Networks timed where only onnxruntime and NumPy are, by a kit that is taken there; its result as a table."""

import json
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest

from eomoo.errors import DataError, SettingError
from eomoo.live import kit_script
from eomoo.live.kit import write_kit
from eomoo.measuring import CellChoice, measure_from_kit, timing_backend

pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
pytest.importorskip("thop", reason="the extra 'live' is not installed")

CELLS = (77, 5)
SMALL = {"in_channels": 2, "n_classes": 3, "stem_channels": 5, "n_stacks": 2, "cells_per_stack": 1, "image_size": 8}
QUICK = {"rounds": 3, "repetitions": 3, "seconds": 0.0, "warmup": 1, "batch_size": 2}
# As on a board: nothing of eomoo, and none of what it needs but these two.
BARE = """
import runpy, sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"eomoo", "torch", "onnx", "scipy", "pandas", "pymoo", "typer", "rich", "thop"}:
            raise ImportError(f"{name} is not on this board")
sys.meta_path.insert(0, Nothing())
script, *sys.argv[1:] = sys.argv[1:]
runpy.run_path(script, run_name="__main__")
"""


def backend(folder, **latency):
    return timing_backend(None, folder=folder, skeleton=SMALL, latency={**QUICK, **latency})


def write(folder, choice, **latency):
    campaign = backend(folder, **latency).campaign
    what = {"skeleton": campaign.skeleton, "setting": campaign.timing, "asked": choice.to_facts()}
    return write_kit(folder, choice.frame()["index"], **what)


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    """A kit whose script ran in a process that has nothing else, and what it printed."""
    folder = tmp_path_factory.mktemp("kit")
    script = write(folder, CellChoice(listed=CELLS))
    done = subprocess.run([sys.executable, "-I", "-c", BARE, script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture
def kit(timed, tmp_path):
    """A copy of it, whose result nothing disturbed."""
    for path in timed[0].rglob("*.*"):
        copy = tmp_path / "kit" / path.relative_to(timed[0])
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    change(tmp_path / "kit", lambda content: [told.update(contended=False) for told in content["timings"].values()])
    return tmp_path / "kit"


def change(kit, how):
    """Change the result as the script itself would write it."""
    from eomoo.live.kit_script import digest_of

    content = json.loads((kit / "timings.json").read_text())
    del content["sha256"]
    how(content)
    (kit / "timings.json").write_text(json.dumps({**content, "sha256": digest_of(content)}))


def run(kit, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["kit.py"])
    runpy.run_path(str(kit / "kit.py"), run_name="__main__")
    return capsys.readouterr().out


def test_a_board_needs_nothing_but_numpy_and_onnxruntime(timed):
    from eomoo.live.kit import read_kit

    folder, printed = timed
    assert printed.startswith("2 of 2 networks to time, on ")
    assert "2 of 2 timed, 0 s left" in printed
    imported = re.findall(r"^(?:from|import) (\w+)", (folder / "kit.py").read_text(), re.M)
    assert set(imported) - sys.stdlib_module_names == {"numpy"}
    result, here = read_kit(folder / "timings.json"), backend(folder).campaign
    assert (result.skeleton, result.setting) == (here.skeleton, here.timing.here())
    conditions = json.loads(json.dumps(here.conditions()))
    assert {**result.conditions, "device_name": ""} == {**conditions, "device_name": ""}
    assert set(result.timings) == set(CELLS)
    for told in result.timings.values():
        assert told["count"] == 3
        assert 0 < told["lower"] <= told["median"] <= told["upper"]
        assert len(told["round_medians"]) == len(told["reference_rounds"]) == 3


def test_what_is_timed_is_not_timed_again_but_what_was_disturbed_is(kit, monkeypatch, capsys):
    assert "0 of 2 networks to time" in run(kit, monkeypatch, capsys)
    change(kit, lambda content: content["timings"].pop("77"))
    change(kit, lambda content: content["timings"]["5"].update(contended=True, upper=1e9))
    assert "2 of 2 networks to time" in run(kit, monkeypatch, capsys)
    content = json.loads((kit / "timings.json").read_text())
    assert content["timings"]["5"]["upper"] < 1e6
    assert set(content["timings"]) == {"5", "77"}


def test_a_script_that_is_stopped_keeps_what_it_has_and_says_so(kit, monkeypatch, capsys):
    change(kit, lambda content: content["timings"].pop("77"))

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(np.random, "default_rng", stop)
    with pytest.raises(SystemExit, match="stopped; the same command goes on"):
        run(kit, monkeypatch, capsys)
    assert set(json.loads((kit / "timings.json").read_text())["timings"]) == {"5"}


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda kit: next(kit.glob("networks/77-*")).write_bytes(b"x"), "of cell 77 is missing or damaged"),
        (lambda kit: next(kit.glob("networks/5-*")).unlink(), "of cell 5 is missing or damaged"),
        (lambda kit: (kit / "timings.json").write_text("{}"), "has changed since it was written"),
        (lambda kit: change(kit, lambda content: content["plan"].update(cells=[3])), "is of another plan"),
        (lambda kit: change(kit, lambda content: content["device"].update(name="x")), "is of another device"),
    ],
)
def test_a_script_says_what_is_wrong_with_its_files(kit, monkeypatch, capsys, harm, sentence):
    harm(kit)
    with pytest.raises(SystemExit, match=sentence):
        run(kit, monkeypatch, capsys)


def test_a_result_becomes_a_measured_table_that_grows(kit, tmp_path):
    change(kit, lambda content: content["device"].update(name="a board"))
    change(kit, lambda content: content["timings"]["5"].update(contended=True, relative=7.0))
    whole = (kit / "timings.json").read_bytes()
    change(kit, lambda content: content["timings"].pop("77"))
    said = []
    table = measure_from_kit(kit, out=tmp_path / "table", report=said.append)
    assert table.cells.tolist() == [5]
    assert said[0] == "1 of 2 cells were not timed yet: run kit.py again"
    assert "kit.py there times them anew" in said[1]
    assert table.facts["title"] == "latency on a board"
    assert table.facts["device"]["timing"] == "a board"
    (kit / "timings.json").write_bytes(whole)
    told = json.loads(whole)["timings"]
    change(kit, lambda content: content["timings"]["5"].update(contended=False, relative=2.0))
    table = measure_from_kit(kit, out=tmp_path / "table")
    frame, reference = table.to_dataframe().set_index("index"), table.facts["latency"]["reference_ms"]
    assert frame["latency"][[5, 77]].tolist() == pytest.approx([2 * reference, told["77"]["relative"] * reference])
    assert frame["latency_disturbed"].tolist() == [0, 0]
    assert (frame["params"] > 0).all()
    change(kit, lambda content: content["device"].update(name="another board"))
    with pytest.raises(SettingError, match=r"cannot grow: measured in other settings: device\.timing"):
        measure_from_kit(kit, out=tmp_path / "table")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda kit: (kit / "timings.json").write_text('{"format": 1}'), "has changed since it was written"),
        (lambda kit: (kit / "timings.json").write_text("[]"), "holds no timings of a kit"),
        (lambda kit: change(kit, lambda content: content.update(timings={})), "holds no timing yet"),
        (lambda kit: change(kit, lambda content: content.update(timings={"x": 1})), "holds no timings of a kit"),
        (lambda kit: change(kit, lambda content: content["timings"]["5"].update(mean=-1)), "timing of cell 5"),
        (lambda kit: change(kit, lambda content: content.pop("device")), "holds no timings of a kit"),
    ],
)
def test_a_result_that_cannot_be_is_one_sentence(kit, tmp_path, harm, sentence):
    harm(kit)
    with pytest.raises(DataError, match=sentence):
        measure_from_kit(kit, out=tmp_path / "table")
    assert not (tmp_path / "table").exists()


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"/proc/device-tree/model": ["Board 5\0"], "/proc/cpuinfo": ["model name\t: Chip"]}, "Board 5"),
        ({"/proc/device-tree/model": ["\0"], "/proc/cpuinfo": ["flags\t: fpu", "model name\t: Chip"]}, "Chip"),
        ({"/proc/cpuinfo": ["processor\t: 0"]}, "other"),
    ],
)
def test_a_machine_is_called_as_its_board_or_else_its_processor(monkeypatch, files, name):
    monkeypatch.setattr(kit_script, "lines_of", lambda path: files.get(path.as_posix(), []))
    monkeypatch.setattr("platform.processor", lambda: "other")
    assert kit_script.machine_name() == name


def test_a_kit_is_made_and_read_by_the_command(kit, tmp_path, monkeypatch, capsys):
    from eomoo import cli

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["eomoo", "measure", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return capsys.readouterr().err if ended.value.code else capsys.readouterr().out

    around = [part for name, value in SMALL.items() for part in ("--skeleton", f"{name}={value}")]
    said = call("--only", "latency", "--spread", 1, "--remote-kit", tmp_path / "new", *around)
    assert "python kit.py" in said
    assert len(list((tmp_path / "new" / "networks").iterdir())) == 2
    table = json.loads(call("--only", "latency", "--from-kit", kit, "--out", tmp_path / "table", "--json"))
    assert table["cells"] == 2
    for arguments, sentence in (
        (["--remote-kit", "x", "--spread", 1], "--remote-kit times networks and trains none: add --only latency"),
        (["--only", "latency", "--remote-kit", "x"], "say which cells are timed"),
        (["--only", "latency", "--remote-kit", "x", "--spread", 1, "--runtime", "eager"], "a kit times with runtime"),
        (["--only", "latency", "--from-kit", kit, "--out", "x", "--walks", 3], "--from-kit has no use for walks"),
        (["--only", "latency", "--spread", 1], "say with --out which folder"),
    ):
        assert sentence in call(*arguments)


def test_a_result_that_cannot_be_written_anew_stays_as_it_was(tmp_path, monkeypatch):
    out = tmp_path / "timings.json"
    kit_script._write(out, {"timings": {}})
    before = out.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kit_script.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        kit_script._write(out, {"timings": {"5": 1.0}})
    assert out.read_bytes() == before
