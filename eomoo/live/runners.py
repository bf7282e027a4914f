"""How networks are timed, and one ready for it: PyTorch, a CUDA graph, ONNX Runtime, OpenVINO; a CPU or CUDA device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from eomoo.arrays import Floats, Singles
from eomoo.checks import choice, first_line, number, positive, text
from eomoo.errors import SettingError
from eomoo.live.devices import PRECISIONS, resolve_device, resolve_precision, side_stream
from eomoo.live.network import build_network
from eomoo.live.onnx_graph import GRAPH_PRECISIONS, onnx_bytes
from eomoo.live.onnx_network import OnnxNetwork, clocked, timed_image
from eomoo.live.rounds import Timed
from eomoo.packages import require, torch
from eomoo.space import Cell, Skeleton, load_space

REFERENCE = 100_434
"""Index of the cell that is timed in every round, a measured one of medium size."""

RUNTIMES = ("eager", "graph", "onnxruntime", "openvino")
# What OpenVINO calls a precision that it is to compute in; of a quantised graph, the layers that are not.
_HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "f32"}
# Images that ranges of feature maps are found on: a network's time does not depend on them.
_CALIBRATED = 8
# What stands for a device: what networks run in elsewhere, and what does not depend on a CPU that launches kernels.
_USUAL = {"cpu": "onnxruntime", "cuda": "graph"}
# A choice: a million images, threads, passes or rounds are more than anybody waits for.
_MOST = 1_000_000
# Passes before one is captured, in which libraries choose their algorithms (torch's manual on CUDA graphs).
_WARM_UP = 3


class Runner(Timed, Protocol):
    """A network and an input, allocated beforehand.

    Attributes:
        beside: The same kernels as a CUDA graph, without the launches of each; None where there is none.
    """

    beside: Runner | None


def check_runtime(runtime: str, device: str) -> None:
    """SettingError (a ValueError) where a runtime does not compute on devices of a type."""
    if runtime == "graph" and device != "cuda":
        raise SettingError(f"a CUDA graph needs a CUDA device; this one is {device}")
    if runtime == "onnxruntime" and device == "cuda":
        found = require("onnxruntime", purpose="to time a network in ONNX Runtime")
        if "CUDAExecutionProvider" not in found.get_available_providers():
            raise SettingError(
                "this onnxruntime has no CUDA provider: install onnxruntime-gpu, or choose the runtime graph "
                "(PyTorch's kernels) or the device cpu for timings"
            )
    elif runtime in ("onnxruntime", "openvino") and device != "cpu":
        raise SettingError(f"{runtime} is not timed on the device {device}")


@dataclass(frozen=True, kw_only=True)
class LatencySetting:
    """How latency is measured.

    Attributes:
        batch_size: Images in one forward pass.
        runtime: "eager" (PyTorch, channels last), "graph" (the same captured as a CUDA graph: the device's
            own time, without the launch of each kernel), "onnxruntime", "openvino", or "auto": ONNX Runtime on a
            CPU, a graph on a CUDA device, else PyTorch.
        device: As for ``resolve_device``; "auto" is the CPU where the runtime that is asked for has no other.
        threads: On a CPU.
        precision: "float32", "float16", "bfloat16" (not in ONNX Runtime), "auto" (PyTorch), or "int8" (ONNX
            Runtime and OpenVINO): quantised as ``eomoo.live.export`` does.
        protocol: "eomoo", or "published": PyTorch, with the cast to float32 and the copy to the
            device inside of the timed region, and the mean as the value.
        warmup: Least repetitions before any is timed, until two medians in a row agree.
        repetitions, seconds: Least number and time of timed repetitions.
        rounds: Rounds in which the cells take turns.
        reference: Index of the cell that is timed in every round.
    """

    batch_size: int = 1
    runtime: str = "auto"
    device: str = "cpu"
    threads: int = 1
    precision: str = "float32"
    protocol: Literal["eomoo", "published"] = "eomoo"
    warmup: int = 5
    repetitions: int = 30
    seconds: float = 1.0
    rounds: int = 10
    reference: int = REFERENCE

    def __post_init__(self) -> None:
        for name in ("batch_size", "threads", "warmup", "repetitions", "rounds"):
            positive(f"latency: {name}", getattr(self, name), most=_MOST)
        choice("latency: runtime", self.runtime, ("auto", *RUNTIMES))
        choice("latency: protocol", self.protocol, ("eomoo", "published"))
        choice("latency: precision", self.precision, (*PRECISIONS, "int8"))
        if self.protocol == "published" and (self.runtime not in ("auto", "eager") or self.precision != "float32"):
            raise SettingError("the published protocol is of PyTorch: choose runtime eager and precision float32")
        text("latency: device", self.device)
        # A day is longer than any network is timed.
        number("latency: seconds", self.seconds, least=0, most=86_400)
        load_space().check(self.reference)

    def here(self) -> LatencySetting:
        """With the runtime, and the device as far as needed, that "auto" stands for on this machine.

        Raises:
            SettingError: (a ValueError) The device is not there, or the runtime does not compute on it.
        """
        device = resolve_device(self.device).type
        if self.runtime == "auto":
            usual = "eager" if self.protocol == "published" else _USUAL.get(device, "eager")
            return replace(self, runtime=usual)
        try:
            check_runtime(self.runtime, device)
        except SettingError:
            if self.device != "auto":
                raise
            check_runtime(self.runtime, "cpu")
            return replace(self, device="cpu")
        return self


def make_runner(cell: Cell | int, skeleton: Skeleton, how: LatencySetting, device: torch.device) -> Runner:
    """The runner of a cell's network on a device, with weights that do not matter.

    Raises:
        SettingError: (a ValueError) The runtime cannot do it on this device.
    """
    check_runtime(how.runtime, device.type)
    network = build_network(cell, skeleton, seed=0).eval()
    image = timed_image(how.batch_size, skeleton.in_channels, skeleton.image_size)
    if how.runtime in ("onnxruntime", "openvino"):
        known = _HINTS if how.runtime == "openvino" else GRAPH_PRECISIONS
        if how.precision not in known:
            raise SettingError(f"{how.runtime} is timed in {', '.join(known)} only")
        few = timed_image(_CALIBRATED, skeleton.in_channels, skeleton.image_size).astype(np.float32)
        kind = "float32" if how.precision == "bfloat16" else how.precision
        content = onnx_bytes(network, skeleton, precision=kind, calibration=few)
        if how.runtime == "openvino":
            return _OpenvinoRunner(content, image.astype(np.float32), how.threads, how.precision)
        return _onnx_runner(content, image.astype(np.float32), device, how.threads)
    if how.precision == "int8":
        raise SettingError(f"{how.runtime} is not timed in int8; take onnxruntime or openvino")
    half = resolve_precision(how.precision, device)
    if how.protocol == "published":
        return _PublishedRunner(network, image, device)
    if device.type == "cuda":
        eager = _CudaRunner(network, image, device, half)
        eager.beside = graph = _GraphRunner(eager)
        return graph if how.runtime == "graph" else eager
    return _CpuRunner(network, image, device, half)


class _CpuRunner:
    beside: Runner | None = None

    def __init__(self, network: torch.nn.Module, image: Floats, device: torch.device, half: torch.dtype | None) -> None:
        self.half, self.device = half, device
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.image = torch.from_numpy(image).float().to(device, memory_format=torch.channels_last)

    def times(self, repetitions: int) -> Floats:
        def run() -> None:
            self.network(self.image)
            if self.device.type == "mps":
                torch.mps.synchronize()

        with torch.inference_mode(), torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            return clocked(run, repetitions)


class _CudaRunner(_CpuRunner):
    def times(self, repetitions: int) -> Floats:
        with torch.inference_mode(), torch.autocast("cuda", self.half, enabled=self.half is not None):
            return _events(lambda: self.network(self.image), repetitions, self.device)


class _GraphRunner:
    """What an eager runner launches, captured once and replayed."""

    beside: Runner | None = None

    def __init__(self, eager: _CudaRunner) -> None:
        # A graph knows addresses only: what lies there is kept here.
        self.network, self.image, self.device = eager.network, eager.image, eager.device
        eager.times(_WARM_UP)
        self.graph: Any = torch.cuda.CUDAGraph()
        # Half-precision copies of the weights are made inside of the graph, since they do not outlive autocast.
        with (
            torch.inference_mode(),
            torch.cuda.graph(self.graph, stream=side_stream(self.device, "capture")),
            torch.autocast("cuda", eager.half, enabled=eager.half is not None),
        ):
            self.output = eager.network(eager.image)

    def times(self, repetitions: int) -> Floats:
        return _events(self.graph.replay, repetitions, self.device)


def _events(run: Callable[[], object], repetitions: int, device: torch.device) -> Floats:
    """Milliseconds of each run, between events on the current device's stream."""
    event: Any = torch.cuda.Event
    marks = [event(enable_timing=True) for _ in range(2 * repetitions)]
    for begin, end in zip(marks[::2], marks[1::2], strict=True):
        begin.record()
        run()
        end.record()
    # Only here: waiting after each repetition would leave the device idle in between.
    torch.cuda.synchronize(device)
    pairs = zip(marks[::2], marks[1::2], strict=True)
    return np.array([a.elapsed_time(b) for a, b in pairs])


class _PublishedRunner:
    """As the EO HW-NAS table was timed: cast to float32 and copy to the device included."""

    beside: Runner | None = None

    def __init__(self, network: torch.nn.Module, image: Floats, device: torch.device) -> None:
        self.network, self.device = network.to(device), device
        self.image = torch.from_numpy(image)

    def times(self, repetitions: int) -> Floats:
        def run() -> None:
            self.network(self.image.float().to(self.device))
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)

        with torch.no_grad():
            return clocked(run, repetitions)


class _OpenvinoRunner:
    beside: Runner | None = None

    def __init__(self, content: bytes, image: Singles, threads: int, precision: str) -> None:
        openvino = require("openvino", purpose="to time a network in OpenVINO")
        core, hint = openvino.Core(), _HINTS[precision]
        how = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": hint}
        network = core.compile_model(core.read_model(content), "CPU", how)
        used = network.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if used != hint:
            # Where a CPU lacks a precision OpenVINO takes another one.
            raise SettingError(f"openvino computes {precision} in {used} on this CPU; choose float32 or int8")
        self.image = openvino.Tensor(image)
        self.request = network.create_infer_request()
        self.request.set_input_tensor(self.image)

    def times(self, repetitions: int) -> Floats:
        return clocked(self.request.infer, repetitions)


def _onnx_runner(content: bytes, image: Singles, device: torch.device, threads: int) -> OnnxNetwork:
    number = device.index or 0
    provider: Any = "CPUExecutionProvider"
    if device.type == "cuda":
        provider = ("CUDAExecutionProvider", {"device_id": number})
    try:
        return OnnxNetwork(content, image, threads=threads, provider=provider, device=device.type, number=number)
    except RuntimeError as error:
        raise SettingError(f"onnxruntime cannot compute on {device}: {first_line(error)}") from error
