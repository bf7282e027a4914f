"""Latency of networks, several at once in interleaved rounds with a reference cell in each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from eomoo.checks import choice, number, positive, text
from eomoo.live.devices import PRECISIONS, current_device, device_name, resolve_device, resolve_precision, torch_state
from eomoo.live.energy import energy_counter
from eomoo.live.network import cell_of
from eomoo.live.nvml import now, open_nvml
from eomoo.live.runners import RUNTIMES, Runner, make_runner
from eomoo.space import SO2SAT, Cell, Skeleton, load_space
from eomoo.version import versions_of

if TYPE_CHECKING:
    import torch


REFERENCE = 100_434
"""Index of the cell that is timed in every round, a measured one of medium size."""

PROTOCOLS = ("eomoo", "published")
"""Ways of timing."""

# A choice: a million images, threads, passes or rounds are more than anybody waits for.
_MOST = 1_000_000
# Networks in memory at once; with more, a round takes so long that the machine changes within it.
_GROUP = 24
# A choice: on a busy machine, where the ranking was destroyed, timings of one cell were spread by 8 %.
_CONTENDED_WALL, _CONTENDED_SPREAD = 1.1, 0.1
# A choice: less than that and the device was computing most of the time.
_LAUNCH_BOUND = 1.2


@dataclass(frozen=True, kw_only=True)
class LatencySetting:
    """How latency is measured.

    Attributes:
        batch_size: Images in one forward pass.
        runtime: "eager" (PyTorch, channels last), "graph" (the same captured as a CUDA graph: the device's
            own time, without the launch of each kernel) or "onnxruntime".
        device: As for ``resolve_device``.
        threads: On a CPU.
        precision: "float32", "bfloat16", "float16" or "auto", in PyTorch.
        protocol: "eomoo", or "published": PyTorch, with the cast to float32 and the copy to the
            device inside of the timed region, and the mean as the value.
        warmup: Least repetitions before any is timed, until two medians in a row agree.
        repetitions, seconds: Least number and time of timed repetitions.
        rounds: Rounds in which the cells take turns.
        reference: Index of the cell that is timed in every round.
    """

    batch_size: int = 1
    runtime: str = "onnxruntime"
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
        choice("latency: runtime", self.runtime, RUNTIMES)
        choice("latency: protocol", self.protocol, PROTOCOLS)
        choice("latency: precision", self.precision, PRECISIONS)
        text("latency: device", self.device)
        # A day is longer than any network is timed.
        number("latency: seconds", self.seconds, least=0, most=86_400)
        load_space().check(self.reference)


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Latency of one network, milliseconds a forward pass (of a whole batch).

    Attributes:
        cell: NAS-Bench-101 hash.
        median, lower, upper, p90, mean: Of all repetitions; lower and upper quartile.
        count: Repetitions.
        relative: Median over the rounds of this network's time by the reference cell's in the same
            round: what is left when the machine as a whole becomes slower or faster.
        reference_median: Of the reference cell in the same rounds, ms.
        wall_by_cpu: Wall time by the process's CPU time and thread; None on a GPU.
        contended: Something else was using the device: ``wall_by_cpu`` above 1.1, the quartiles further
            apart than a tenth of the median, or another process computing on a GPU, as its driver tells.
        energy: Joules a forward pass, where the device reports them.
        graph_median: Of the same kernels as a CUDA graph, ms; None but for "eager" on a CUDA device.
        launch_bound: Whether the eager median is more than 1.2 times that: it is then the time of a CPU that
            launches kernels, and says little of the device.
        state: Of a CUDA device before and after: clocks (MHz), power (W), temperature (C).
        round_medians: (rounds,) ms.
        setting: Everything that the numbers depend on, as plain data.
    """

    cell: str
    median: float
    lower: float
    upper: float
    p90: float
    mean: float
    count: int
    relative: float
    reference_median: float
    wall_by_cpu: float | None
    contended: bool
    energy: float | None
    round_medians: tuple[float, ...] = field(repr=False)
    setting: dict[str, object] = field(repr=False)
    graph_median: float | None = None
    launch_bound: bool = False
    state: dict[str, object] | None = field(default=None, repr=False)

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
    report: Callable[[int, int], None] | None = None,
) -> list[Latency]:
    """Time the networks of cells on this machine. Nothing else should run on the device meanwhile.

    Args:
        cells: Cells, indices or NAS-Bench-101 hashes.
        skeleton: The network around them.
        setting: How; by default ONNX Runtime, one image, one CPU thread.
        seed: Of the order within the rounds.
        report: Called with rounds done and rounds in all.

    Returns:
        One result for each cell, in their order.

    Raises:
        SettingError: (a ValueError) The device is not there, or the runtime cannot do it.
        MissingPackageError: (an ImportError) torch or onnxruntime is not installed.
    """
    how = setting or LatencySetting()
    device = resolve_device(how.device)
    conditions = latency_conditions(skeleton, how)
    whole = [cell_of(cell) for cell in cells]
    groups = [whole[k : k + _GROUP] for k in range(0, len(whole), _GROUP)]
    rng = np.random.default_rng(seed)
    results: list[Latency] = []
    with torch_state(threads=how.threads if device.type == "cpu" else None), current_device(device):
        for done, group in enumerate(groups):
            session = _Session(group, skeleton, how, device, rng)
            for k in range(how.rounds):
                session.turn()
                if report is not None:
                    report(done * how.rounds + k + 1, len(groups) * how.rounds)
            results += session.results(conditions)
    return results


def latency_conditions(skeleton: Skeleton, setting: LatencySetting) -> dict[str, object]:
    """Everything that a latency depends on but the cell, as plain data."""
    device = resolve_device(setting.device)
    return {
        **asdict(setting),
        **({"gpu": _gpu_conditions(device)} if device.type == "cuda" else {}),
        "skeleton": asdict(skeleton),
        "device": device.type,
        "device_name": device_name(device),
        "threads": setting.threads if device.type == "cpu" else None,
        "layout": "channels_last" if setting.runtime != "onnxruntime" and setting.protocol == "eomoo" else "contiguous",
        "versions": versions_of("torch", "onnxruntime"),
    }


def _gpu_conditions(device: torch.device) -> dict[str, object]:
    import torch

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


class _Session:
    """A group of networks that take turns, the reference among them."""

    def __init__(
        self, cells: list[Cell], skeleton: Skeleton, how: LatencySetting, device: torch.device, rng: np.random.Generator
    ) -> None:
        self.cells, self.how, self.device, self.rng = cells, how, device, rng
        reference = load_space().cell(how.reference)
        self.runners: list[Runner] = [
            make_runner(
                cell,
                skeleton,
                batch_size=how.batch_size,
                runtime=how.runtime,
                device=device,
                threads=how.threads,
                precision=resolve_precision(how.precision, device),
                published=how.protocol == "published",
            )
            for cell in [*cells, reference]
        ]
        self.repetitions = [self._warm_up(runner) for runner in self.runners]
        self.times: list[list[NDArray[np.float64]]] = [[] for _ in self.runners]
        self.beside: list[list[NDArray[np.float64]]] = [[] for _ in self.runners]
        self.wall, self.cpu, self.joules = (np.zeros(len(self.runners)) for _ in range(3))
        self.counter, self.nvml = energy_counter(device), open_nvml(device)
        self.neighbour = False
        self.before, self.since = self.nvml.state() if self.nvml else None, now()

    def turn(self) -> None:
        """One round: every network once, in random order."""
        for k in self.rng.permutation(len(self.runners)):
            joules = self.counter() if self.counter else 0.0
            wall, cpu = time.perf_counter(), time.process_time()
            self.times[k].append(self.runners[k].times(self.repetitions[k]))
            self.wall[k] += time.perf_counter() - wall
            self.cpu[k] += time.process_time() - cpu
            if self.counter:
                self.joules[k] += self.counter() - joules
            beside = self.runners[k].beside
            if beside is not None:
                self.beside[k].append(beside.times(self.repetitions[k]))
        # The driver keeps few samples, so it is asked in every round.
        self.neighbour = self.neighbour or bool(self.nvml and self.nvml.neighbour(self.since))

    def results(self, conditions: dict[str, object]) -> list[Latency]:
        """One for each network but the reference."""
        reference = np.array([np.median(times) for times in self.times[-1]])
        return [self._result(k, cell, reference, conditions) for k, cell in enumerate(self.cells)]

    def _result(self, k: int, cell: Cell, reference: NDArray[np.float64], conditions: dict[str, object]) -> Latency:
        times = np.concatenate(self.times[k])
        lower, median, upper, p90 = np.quantile(times, (0.25, 0.5, 0.75, 0.9)).tolist()
        medians = np.array([np.median(part) for part in self.times[k]])
        by_cpu = None
        if self.device.type == "cpu":
            by_cpu = float(self.wall[k] * self.how.threads / max(self.cpu[k], 1e-9))
        spread = (upper - lower) / median
        graph = float(np.median(np.concatenate(self.beside[k]))) if self.beside[k] else None
        return Latency(
            cell=cell.hash,
            median=median,
            lower=lower,
            upper=upper,
            p90=p90,
            mean=float(times.mean()),
            count=len(times),
            relative=float(np.median(medians / reference)),
            reference_median=float(np.median(np.concatenate(self.times[-1]))),
            wall_by_cpu=by_cpu,
            contended=spread > _CONTENDED_SPREAD or (by_cpu or 1.0) > _CONTENDED_WALL or self.neighbour,
            energy=float(self.joules[k] / len(times)) if self.counter else None,
            round_medians=tuple(medians.tolist()),
            setting=conditions,
            graph_median=graph,
            launch_bound=graph is not None and median > _LAUNCH_BOUND * graph,
            state={"before": self.before, "after": self.nvml.state()} if self.nvml else None,
        )

    def _warm_up(self, runner: Runner) -> int:
        """Run until two medians in a row agree within 5 %; how many repetitions make a turn."""
        # A GPU raises its clocks within a tenth of a second.
        least, seconds = (10, 0.2) if self.device.type == "cuda" else (self.how.warmup, 0.0)
        start, before, tries, steady = time.perf_counter(), np.inf, 0, False
        while not (steady or tries >= 10) or time.perf_counter() - start < seconds:
            median = float(np.median(runner.times(max(least, self.how.warmup))))
            steady = abs(median - before) <= 0.05 * before
            before, tries = median, tries + 1
        turns = self.how.rounds
        return max(-(-self.how.repetitions // turns), int(np.ceil(self.how.seconds * 1e3 / turns / before)))
