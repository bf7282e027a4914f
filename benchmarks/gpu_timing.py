"""Sections of ``gpu.py``: networks timed, exported and searched."""

import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import torch
from gpu_bench import CELL, Bench
from scipy.stats import spearmanr

import eomoo
from eomoo.live import (
    Latency,
    LatencySetting,
    device_name,
    export_onnx,
    get_recipe,
    half_split_spearman,
    load_trained,
    measure_latency,
    train,
)
from eomoo.version import versions_of

_PROVIDERS = ("CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider")
# Another program that keeps the device busy until it is ended.
_NEIGHBOUR = """
import torch
a = torch.randn(4096, 4096, device="cuda")
print("busy", flush=True)
while True:
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
"""


def environment(bench: Bench) -> None:
    """What the figures are of."""
    bench.note(device=device_name(bench.device), **versions_of("torch", "onnxruntime", "onnx", "numpy"))
    bench.note(python=sys.version.split()[0], nvml=find_spec("pynvml") is not None)
    if bench.cuda:
        bench.note(
            cuda=torch.version.cuda,
            cudnn=torch.backends.cudnn.version(),
            tf32=[torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32],
        )


def _timed(bench: Bench, cells: list[int], **changes: object) -> list[Latency]:
    setting = LatencySetting(device=str(bench.device), runtime="eager", seconds=0.2, rounds=6)
    if bench.dry:
        setting = replace(setting, seconds=0, rounds=2, repetitions=2, warmup=1)
    return measure_latency(cells, skeleton=bench.skeleton, setting=replace(setting, **changes))


def _told(results: list[Latency]) -> dict[str, object]:
    medians = np.array([r.median for r in results])
    spread = [(r.upper - r.lower) / r.median for r in results]
    return {
        "ms": [round(float(v), 3) for v in (medians.min(), np.median(medians), medians.max())],
        "spread": round(float(np.median(spread)), 4),
        "contended": sum(r.contended for r in results),
        "millijoules": None
        if results[0].energy is None
        else round(float(np.median([r.energy for r in results])) * 1e3),
    }


def latency(bench: Bench) -> None:
    """Whether latencies repeat, over 20 cells: within one measurement, from one to the next, by batch size."""
    space = eomoo.load_space()
    cells = np.random.default_rng(0).choice(len(space), 3 if bench.dry else 20, replace=False)
    macs = space.macs(cells, bench.skeleton)
    graph = "graph" if bench.cuda else "eager"
    for runtime, batch in ((graph, 64), (graph, 1), ("eager", 1)):
        name = f"{runtime}_{batch}"
        first, again = (_timed(bench, cells.tolist(), runtime=runtime, batch_size=batch) for _ in range(2))
        rho = half_split_spearman(first)
        bench.want(f"{name}_halves_agree", round(rho, 4), "at least 0.98", rho >= 0.98)
        ratios = np.array([b.relative / a.relative for a, b in zip(first, again, strict=True)])
        joules = np.array([b.energy / a.energy for a, b in zip(first, again, strict=True) if a.energy and b.energy])
        if joules.size:
            off = float(np.abs(joules - 1.0).max())
            bench.want(f"{name}_energy_again", round(off, 3), "at most 0.1 off", off <= 0.1)
        bench.note(
            **{
                name: _told(first),
                f"{name}_again_by_first": [round(float(v), 4) for v in (ratios.min(), np.median(ratios), ratios.max())],
                f"{name}_with_macs": round(float(spearmanr(macs, [r.median for r in first]).statistic), 3),
            }
        )
    bench.note(conditions={k: v for k, v in first[0].setting.items() if k != "skeleton"}, state=first[0].state)


def launches(bench: Bench) -> None:
    """Whether the time of one network is that of its launches: eager beside a CUDA graph of the same kernels."""
    for batch in (1, 2) if bench.dry else (1, 64, 512):
        for precision in ("float32", "bfloat16"):
            (result,) = _timed(bench, [CELL], batch_size=batch, precision=precision)
            figures = {"eager_ms": round(result.median, 3), "launch_bound": result.launch_bound}
            if result.graph_median is not None:
                figures["graph_ms"] = round(result.graph_median, 3)
            bench.note(**{f"batch_{batch}_{precision}": figures})


def contention(bench: Bench) -> None:
    """Whether another program on the device is noticed."""
    if not bench.cuda:
        bench.note(skipped="needs a CUDA device")
        return
    cells, how = [CELL, 5], {"runtime": "graph", "batch_size": 256}
    alone = _timed(bench, cells, **how)
    process = subprocess.Popen([sys.executable, "-c", _NEIGHBOUR], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        busy = _timed(bench, cells, **how)
    finally:
        process.kill()
        process.wait()
    bench.want("alone", _told(alone), "none contended", not any(r.contended for r in alone))
    bench.want("beside_another", _told(busy), "all contended", all(r.contended for r in busy))
    bench.note(relative_moved=[round(b.relative / a.relative, 3) for a, b in zip(alone, busy, strict=True)])


def export(bench: Bench) -> None:
    """Whether a network trained on the device says the same from its ONNX file, under each provider."""
    import onnxruntime

    recipe = get_recipe("nasbench", batch_size=bench.batch // 2)
    folder = bench.work / "export"
    result = train(
        CELL, bench.images, skeleton=bench.small, recipe=recipe, epochs=1, device=str(bench.device), folder=folder
    )
    exported = export_onnx(result.weights, bench.work / "network.onnx", logits=True)
    bench.want("difference", exported.difference, "at most 1e-4 of the largest logit", exported.difference <= 1e-4)
    size = bench.small.image_size
    x = np.random.default_rng(0).standard_normal((16, 10, size, size)).astype(np.float32)
    with torch.inference_mode():
        expected = load_trained(result)(torch.from_numpy(x)).numpy()
    # The file normalises by itself.
    mean, std = (np.array(v, dtype=np.float32)[:, None, None] for v in (bench.images.mean, bench.images.std))
    raw = x * std + mean
    for provider in _PROVIDERS:
        if provider not in onnxruntime.get_available_providers():
            bench.note(**{provider: "not installed"})
            continue
        session = onnxruntime.InferenceSession(str(exported.path), providers=[provider])
        if session.get_providers()[0] != provider:
            bench.note(**{provider: "does not start"})
            continue
        apart = float(np.abs(session.run(None, {"image": raw})[0] - expected).max() / np.abs(expected).max())
        # TF32 has 10 bits.
        most = 1e-4 if provider.startswith("CPU") else 1e-2
        bench.want(provider, apart, f"at most {most:g}", apart <= most)


_CARD = """\
title = "a small live search"
citation = "none"
budget = 4
[[objectives]]
name = "val_micro_error"
unit = "%"
direction = "min"
source = "live"
[[objectives]]
name = "latency"
unit = "ms"
direction = "min"
source = "live"
[backend.live]
data = "so2sat:{folder}"
epochs = 1
recipe = "nasbench"
[backend.live.skeleton]
stem_channels = {skeleton.stem_channels}
n_stacks = {skeleton.n_stacks}
cells_per_stack = 1
[backend.live.recipe_settings]
precision = "{precision}"
batch_size = {batch}
[backend.live.latency]
runtime = "eager"
batch_size = {timed}
seconds = {seconds}
rounds = 4
"""


def search(bench: Bench) -> None:
    """A whole live search of four cells, and how its time is spent."""
    _ = bench.files
    card = bench.work / "card.toml"
    card.write_text(
        _CARD.format(
            folder=bench.work / "so2sat",
            skeleton=bench.small,
            precision="auto" if bench.cuda else "float32",
            batch=bench.batch,
            timed=2 if bench.dry else 64,
            seconds=0 if bench.dry else 0.2,
        )
    )
    started = time.perf_counter()
    out = bench.work / "search"
    found = eomoo.run(card, budget=2 if bench.dry else 4, seed=1, algorithm="random", out=out, device=str(bench.device))
    values = found.trace[["val_micro_error", "latency"]].to_numpy()
    bench.want("cells", len(values), "finite values", np.isfinite(values).all())
    bench.note(front=len(found.front), onnx=len(list(out.glob("onnx/*.onnx"))))
    bench.note(seconds=round(time.perf_counter() - started, 1))
