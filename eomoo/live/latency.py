"""Latency of networks, several at once in interleaved rounds with a reference cell in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from eomoo.arrays import Floats
from eomoo.checks import counted
from eomoo.live.devices import current_device, device_name, free_memory, resolve_device, torch_state
from eomoo.live.energy import energy_counter, energy_of
from eomoo.live.network import cell_of
from eomoo.live.nvml import now, open_nvml
from eomoo.live.profile import measure_memory
from eomoo.live.rounds import TRIES, Turns, available_memory, in_memory
from eomoo.live.runners import LatencySetting, Runner, make_runner
from eomoo.packages import torch
from eomoo.progress import doing
from eomoo.space import SO2SAT, Cell, Skeleton, load_space
from eomoo.version import versions_of

# Measured in ONNX Runtime, which takes most: four times the weights, once the feature maps, 10 MB for each network.
_WEIGHTS, _EACH = 4, 10e6
# A choice: less than that and the device was computing most of the time.
_LAUNCH_BOUND = 1.2


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Latency of one network, milliseconds a forward pass (of a whole batch).

    Attributes:
        cell: NAS-Bench-101 hash.
        median, lower, upper, p90, mean, std: Of all repetitions; lower and upper quartile.
        count: Repetitions.
        relative: Median over the rounds of this network's time by the reference cell's in the same
            round: what is left when the machine as a whole becomes slower or faster.
        relative_lower, relative_upper, relative_std: Quartiles and deviation of all times by that of the
            reference cell in their round.
        reference_median, reference_quiet: Of the reference cell in the same rounds, and in the quickest of them, ms.
        wall_by_cpu: Wall time by the process's CPU time and thread; None on a GPU.
        contended: Something else was using the device: ``wall_by_cpu`` above 1.1, the quartiles further
            apart than a tenth of the median, or another process computing on a GPU, as its driver tells; of
            this network or of the reference cell (``reference_contended``).
        tries: The try that this is: what is contended is tried again, and the quietest kept.
        energy: Joules a forward pass, where the device reports them.
        graph_median: Of the same kernels as a CUDA graph, ms; None but for "eager" on a CUDA device.
        launch_bound: Whether the eager median is more than 1.2 times that: it is then the time of a CPU that
            launches kernels, and says little of the device.
        state: Of a CUDA device before and after: clocks (MHz), power (W), temperature (C).
        round_medians, reference_rounds: (rounds,) ms.
        setting: Everything that the numbers depend on, as plain data.
    """

    cell: str
    median: float
    lower: float
    upper: float
    p90: float
    mean: float
    std: float
    count: int
    relative: float
    relative_lower: float
    relative_upper: float
    relative_std: float
    reference_median: float
    reference_quiet: float
    reference_contended: bool
    wall_by_cpu: float | None
    contended: bool
    energy: float | None
    round_medians: tuple[float, ...] = field(repr=False)
    reference_rounds: tuple[float, ...] = field(repr=False)
    setting: dict[str, object] = field(repr=False)
    graph_median: float | None = None
    launch_bound: bool = False
    state: dict[str, object] | None = field(default=None, repr=False)
    tries: int = 1

    @property
    def value(self) -> float:
        """The number to compare: the median, or the mean in the published protocol."""
        return self.mean if self.setting["protocol"] == "published" else self.median

    def to_dict(self) -> dict[str, object]:
        """As plain data for JSON."""
        return asdict(self)


def measure_latency(
    cells: Sequence[Cell | int | str],
    *,
    skeleton: Skeleton = SO2SAT,
    setting: LatencySetting | None = None,
    seed: int | np.random.Generator = 0,
    tries: int = TRIES,
    report: Callable[[int, int], None] | None = None,
) -> list[Latency]:
    """Time the networks of cells on this machine. Nothing else should run on the device meanwhile.

    As many are in memory at once as fit.

    Args:
        cells: Cells, indices or NAS-Bench-101 hashes.
        skeleton: The network around them.
        setting: How; by default ONNX Runtime on one CPU thread, one image.
        seed: Of the order within the rounds.
        tries: Further ones of what something else disturbed.
        report: Called with rounds done and rounds in all.

    Returns:
        One result for each cell, in their order.

    Raises:
        SettingError: (a ValueError) The device is not there, or the runtime cannot do it.
        MissingPackageError: (an ImportError) torch or onnxruntime is not installed.
    """
    how = (setting or LatencySetting()).here()
    device = resolve_device(how.device)
    conditions = latency_conditions(skeleton, how)
    whole = [cell_of(cell) for cell in cells]
    rng = np.random.default_rng(seed)
    results: list[Latency] = []
    groups = _groups(whole, skeleton, how, device)
    done, total = 0, len(groups) * how.rounds
    far = ""

    def say(what: str = "") -> None:
        nonlocal far
        far = what or f"round {min(done + 1, total)} of {total}"

    def on_round(tried: int) -> None:
        nonlocal done
        if tried == 1:
            done += 1
            say()
            if report is not None:
                report(done, total)

    told_of = doing(f"timing {counted(len(cells), 'network')}", lambda: far)
    with told_of, torch_state(threads=how.threads if device.type == "cpu" else None), current_device(device):
        for group in groups:
            session = _Session(group, skeleton, how, device, rng, say)
            say()
            told = session.measured(tries, on_round)
            results += [Latency(cell=c.hash, setting=conditions, **t) for c, t in zip(group, told, strict=True)]
    return results


def latency_conditions(skeleton: Skeleton, setting: LatencySetting) -> dict[str, object]:
    """Everything that a latency depends on but the cell, as plain data."""
    setting = setting.here()
    device = resolve_device(setting.device)
    return {
        **asdict(setting),
        **({"gpu": _gpu_conditions(device)} if device.type == "cuda" else {}),
        "skeleton": asdict(skeleton),
        "device": device.type,
        "device_name": device_name(device),
        "threads": setting.threads if device.type == "cpu" else None,
        "layout": "channels_last"
        if setting.runtime in ("eager", "graph") and setting.protocol == "eomoo"
        else "contiguous",
        "versions": versions_of("torch", "onnxruntime", *(["openvino"] if setting.runtime == "openvino" else [])),
    }


def _gpu_conditions(device: torch.device) -> dict[str, object]:
    nvml = open_nvml(device)
    return {
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        # What float32 means: convolutions with 10 bits of mantissa, unless it is switched off.
        "tf32": bool(torch.backends.cudnn.allow_tf32),
        **(nvml.conditions() if nvml else {}),
    }


def half_split_spearman(results: Sequence[Latency]) -> float:
    """Rank correlation of the cells' latencies in the even rounds with those in the odd rounds."""
    from scipy.stats import spearmanr

    table = np.array([result.round_medians for result in results])
    halves = np.median(table[:, ::2], axis=1), np.median(table[:, 1::2], axis=1)
    return float(spearmanr(*halves).statistic)


class _Session(Turns):
    """A group of networks that take turns on a device, with its counters."""

    def __init__(
        self,
        cells: list[Cell],
        skeleton: Skeleton,
        how: LatencySetting,
        device: torch.device,
        rng: np.random.Generator,
        say: Callable[[str], None],
    ) -> None:
        self.say = say
        self.networks: list[Runner] = []
        for k, cell in enumerate([*cells, load_space().cell(how.reference)]):
            say(f"making network {k + 1} of {len(cells) + 1}")
            self.networks.append(make_runner(cell, skeleton, how, device))
        say("warming up")
        self.counter, self.nvml = energy_counter(device), open_nvml(device)
        # A GPU raises its clocks within a tenth of a second.
        warmup, settle = (max(how.warmup, 10), 0.2) if device.type == "cuda" else (how.warmup, 0.0)
        threads = how.threads if device.type == "cpu" else None
        super().__init__(self.networks, {**asdict(how), "warmup": warmup, "threads": threads}, rng=rng, settle=settle)

    def begin(self) -> None:
        """Forget what was timed."""
        super().begin()
        self.beside: list[list[Floats]] = [[] for _ in self.networks]
        self.neighbour = False
        self.before, self.since = self.nvml.state() if self.nvml else None, now()

    def pause(self, tried: int) -> None:
        """Wait before that try."""
        self.say(f"again (try {tried}), since something else used the device")
        super().pause(tried)

    def turn(self, chosen: Sequence[int]) -> None:
        """One round, after which the driver, which keeps few samples, is asked for neighbours."""
        super().turn(chosen)
        self.neighbour = self.neighbour or bool(self.nvml and self.nvml.neighbour(self.since))

    def take(self, k: int) -> None:
        """One network's turn, and the graph beside it."""
        super().take(k)
        beside = self.networks[k].beside
        if beside is not None:
            self.beside[k].append(beside.times(self.plan[k]))

    def told(self, k: int) -> dict[str, Any]:
        """With what the device tells beside."""
        told = super().told(k)
        graph = float(np.median(np.concatenate(self.beside[k]))) if self.beside[k] else None
        energy = energy_of(self.networks[k], self.counter, median=told["median"]) if self.counter else None
        # Who came meanwhile was in that energy.
        self.neighbour = self.neighbour or bool(self.nvml and self.nvml.neighbour(self.since))
        return {
            **told,
            "contended": told["contended"] or self.neighbour,
            "energy": energy,
            "graph_median": graph,
            "launch_bound": graph is not None and told["median"] > _LAUNCH_BOUND * graph,
            "state": {"before": self.before, "after": self.nvml.state()} if self.nvml else None,
        }


def _groups(cells: list[Cell], skeleton: Skeleton, how: LatencySetting, device: torch.device) -> list[list[Cell]]:
    """Cells that are in memory at once."""
    free = free_memory(device)
    reference = bytes_of(load_space().cell(how.reference), skeleton, how)
    sizes = [bytes_of(cell, skeleton, how) for cell in cells]
    groups = in_memory(sizes, reference, available_memory() if free is None else free[0])
    return [[cells[k] for k in group] for group in groups]


def bytes_of(cell: Cell, skeleton: Skeleton, setting: LatencySetting) -> float:
    """What a cell's network takes of memory while it is timed, at most."""
    memory = measure_memory(cell, skeleton, batch_size=setting.batch_size)
    return _WEIGHTS * memory.parameters + memory.peak_activations + _EACH
