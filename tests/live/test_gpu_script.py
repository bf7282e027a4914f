"""The script that checks a GPU, in its dry run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
pytest.importorskip("h5py", reason="the extra 'live' is not installed")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_every_section_of_the_gpu_script_works_without_one(tmp_path):
    done = run("--dry-run", "--device", "cpu", "--out", tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert len(found) == 12
    assert all("section_seconds" in figures for figures in found.values())
    assert found["numerics"]["device_by_cpu"] == {
        "value": 0.0, "wanted": "at most 0.01 of the largest logit", "met": True
    }  # fmt: skip
    assert found["training"]["captured_steps_are_the_same"]["met"]
    assert found["export"]["CPUExecutionProvider"]["met"]
    assert found["search"]["cells"] == {"value": 2, "wanted": "finite values", "met": True}
    assert done.stdout.count("\n") > 50
    assert "| search | cells | 2 | finite values |" in done.stdout


def test_a_section_that_fails_is_a_line_and_the_next_one_runs(tmp_path):
    # The time is up before the first section.
    late = run("--dry-run", "--device", "cpu", "--out", tmp_path, "--only", "numerics", "--seconds", "0")
    assert "| numerics | skipped | the time was up |" in late.stdout
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import gpu
    finally:
        sys.path.remove(str(SCRIPT.parent))
    bench = gpu.Bench(tmp_path, tmp_path / "work", device="cpu", seconds=60, dry=True)

    def broken(bench):
        bench.note(before=1)
        raise ValueError("no such kernel")

    def whole(bench):
        bench.want("share", 0.9, "at least 0.95", False)

    gpu.SECTIONS = {"broken": broken, "whole": whole}
    assert gpu.run(bench, ["broken", "whole"]) == 1
    table = bench.table()
    assert "| broken | failed | ValueError: no such kernel |  |" in table
    assert "| broken | before | 1 |  |" in table
    assert "| whole | share | 0.9 | at least 0.95: missed |" in table
    assert "no such kernel" in (tmp_path / "broken.txt").read_text()
