"""Time the networks beside this script: python kit.py. Python 3.10, NumPy and onnxruntime are enough.

Nothing else should run meanwhile. Stopped, it goes on when it is started again; what something disturbed is then
timed again. Take the result, timings.json, back: eomoo measure --only latency --from-kit timings.json --out TABLE
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from eomoo.live.onnx_network import OnnxNetwork, timed_image
from eomoo.live.rounds import TRIES, Turns, available_memory, disturbance, in_memory, lines_of

FORMAT = 1
PLAN, TIMINGS = "plan.json", "timings.json"


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Time what is not timed yet; stopped, say how it goes on."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit("\nstopped; the same command goes on")


def _run() -> None:
    place = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=place / TIMINGS, help="the result; timings.json beside the script")
    out = parser.parse_args().out
    plan = json.loads((place / PLAN).read_text(encoding="utf-8"))
    done = _begun(plan, out)
    for name, network in plan["networks"].items():
        file = place / network["file"]
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != network["sha256"]:
            sys.exit(f"{file} of cell {name} is missing or damaged: copy the kit again")
    timings = done["timings"]
    cells = [k for k in plan["cells"] if str(k) not in timings or timings[str(k)]["contended"]]
    sizes = [plan["networks"][str(k)]["bytes"] for k in cells]
    groups = in_memory(sizes, plan["networks"][str(plan["reference"])]["bytes"], available_memory())
    print(f"{len(cells)} of {len(plan['cells'])} networks to time, on {done['device']['name']}", flush=True)
    begun, n_done = time.monotonic(), 0
    for group in groups:
        some = [cells[k] for k in group]
        told = _turns(plan, place, some).measured(TRIES, lambda _: print(".", end="", flush=True))
        for cell, new in zip(some, told, strict=True):
            old = timings.get(str(cell))
            if old is None or disturbance(new) < disturbance(old):
                timings[str(cell)] = new
        _write(out, done)
        n_done += len(some)
        left = (time.monotonic() - begun) / n_done * (len(cells) - n_done)
        print(f" {n_done} of {len(cells)} timed, {left:.0f} s left", flush=True)
    disturbed = sum(bool(told["contended"]) for told in timings.values())
    if disturbed:
        print(f"{disturbed} were disturbed by something else on this machine; the same command times them again")
    print(f"written to {out}")


def _turns(plan: dict[str, Any], place: Path, cells: list[int]) -> Turns:
    how = plan["conditions"]
    size, bands = how["skeleton"]["image_size"], how["skeleton"]["in_channels"]
    image = timed_image(how["batch_size"], bands, size).astype(np.float32)
    files = [str(place / plan["networks"][str(k)]["file"]) for k in [*cells, plan["reference"]]]
    networks = [OnnxNetwork(file, image, threads=how["threads"]) for file in files]
    return Turns(networks, how, rng=np.random.default_rng(0))


def _begun(plan: dict[str, Any], out: Path) -> dict[str, Any]:
    """The result as far as it is there, made by this plan on this device."""
    import onnxruntime

    versions = {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__, "python": platform.python_version()}
    device = {"name": machine_name(), "machine": platform.machine(), "processors": os.cpu_count()}
    fresh = {"format": FORMAT, "plan": plan, "device": device, "versions": versions, "timings": {}}
    if not out.exists():
        return fresh
    known = json.loads(out.read_text(encoding="utf-8"))
    proof = known.pop("sha256", None)
    if proof != digest_of(known):
        sys.exit(f"{out} has changed since it was written: remove it to begin anew")
    for name in ("format", "plan", "device", "versions"):
        if known[name] != fresh[name]:
            sys.exit(f"{out} is of another {name}: give another file with --out, or remove it to begin anew")
    return dict(known)


def _write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps({**content, "sha256": digest_of(json.loads(json.dumps(content)))})
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def machine_name() -> str:
    """Of a board or a processor, as Linux tells it."""
    for file, key in (("/proc/device-tree/model", ""), ("/proc/cpuinfo", "model name")):
        for line in lines_of(Path(file)):
            if line.startswith(key) and line.strip("\0").strip():
                return (line.partition(":")[2] if key else line).strip("\0").strip()
    return platform.processor() or platform.machine()
