"""Devices: chosen by name, described, and torch's global settings put back after use."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eomoo.checks import positive, short, text, with_kind
from eomoo.errors import SettingError, StoreError
from eomoo.live.kit_script import machine_name
from eomoo.live.rounds import lines_of
from eomoo.packages import require, torch

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
"""Precisions that may be asked for; "auto" is the fastest that a device has."""

_KNOWN_DEVICES = "auto, cpu, cuda, cuda:0 and so on, mps"


def resolve_device(name: str = "auto") -> torch.device:
    """A device by name: "cpu", "cuda", "cuda:1", "mps", or "auto" for the first GPU there is, else the CPU.

    Raises:
        SettingError: (a ValueError) This machine has no such device.
    """
    if text("device", name) == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device: torch.device = torch.device(name)
    except RuntimeError:
        raise SettingError(f"there is no device {short(name)}; known are {_KNOWN_DEVICES}") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        number = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
        if number >= count:
            name = f"cuda:{number}" if number else name
            raise SettingError(f"there is no device {short(name)}: torch sees {count} CUDA devices here")
        return torch.device("cuda", number)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingError("there is no device 'mps' here")
    if device.type not in ("cpu", "mps"):
        raise SettingError(f"there is no device {short(name)}; known are {_KNOWN_DEVICES}")
    return device


def device_name(device: torch.device) -> str:
    """What the device calls itself, such as "NVIDIA A100-SXM4-40GB"."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return machine_name() if device.type == "cpu" else f"{device.type} on {platform.machine()}"


def free_memory(device: torch.device) -> tuple[int, int] | None:
    """Bytes that are free on a device, and all that it has; None where it does not tell."""
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    return int(free), int(total)


def resolve_precision(precision: str, device: torch.device) -> torch.dtype | None:
    """The torch type of mixed precision on a device; None for float32.

    Raises:
        SettingError: (a ValueError) The device does not have it.
    """
    if precision == "float32":
        return None
    if device.type == "cuda":
        half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        return {"auto": half, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    if precision == "auto":
        # Without instructions for it, bfloat16 on a CPU is slower than float32.
        return torch.bfloat16 if device.type == "cpu" and _cpu_has_bfloat16() else None
    if precision == "float16" or device.type != "cpu":
        raise SettingError(f"the device {device.type} has no mixed precision {precision}; choose float32 or auto")
    return torch.bfloat16


@contextlib.contextmanager
def torch_state(*, threads: int | None = None, seed: int | None = None) -> Iterator[None]:
    """Set torch's number of threads and its global seed inside; both are as before afterwards.

    Raises:
        SettingError: (a ValueError) ``threads`` is not positive.
    """
    if threads is not None:
        threads = positive("threads", threads)
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        if seed is not None:
            torch.random.manual_seed(seed)
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch.get_num_threads() != before:
                torch.set_num_threads(before)


def still_answers(device: torch.device) -> bool:
    """Whether a device computes: after some faults, as of an address or its memory, CUDA refuses all that follows."""
    try:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True


def current_device(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Inside, torch's streams, events and graphs are those of the device."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


@cache
def side_stream(device: torch.device, use: str) -> Any:
    """A device's one stream for a use: cuBLAS keeps 65 MB of work space for each that was ever used (measured).

    torch's own for captures is of the device of a process's first capture, and elsewhere captures nothing.
    """
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, kw_only=True)
class Group:
    """The processes that train one network together; one alone where torchrun started none."""

    rank: int = 0
    size: int = 1
    store: Any = field(default=None, repr=False)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What fails in one process fails in all of them, and each says why the first one did.

        Raises:
            StoreError: (a RuntimeError) With those words.
        """
        try:
            yield
        except Exception as error:
            words = f"process {self.rank} of {self.size} failed: {with_kind(error)}"
            # The others learn of it as their connections break, when this one is gone.
            with contextlib.suppress(RuntimeError, AttributeError):
                words = self.store.compare_set("eomoo-failed", "", words).decode()
            raise StoreError(words) from error


@contextlib.contextmanager
def process_group(device: torch.device) -> Iterator[Group]:
    """Join the processes that torchrun started, through NCCL on GPUs and gloo on CPUs."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group()
        return
    distributed = require("torch.distributed", purpose="to train on several devices")
    joined, store = distributed.is_initialized(), None
    if not joined:
        backend = "nccl" if device.type == "cuda" else "gloo"
        store, rank, size = next(distributed.rendezvous("env://"))
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = distributed.PrefixStore(attempt, store)
        distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
    yield Group(rank=distributed.get_rank(), size=distributed.get_world_size(), store=store)
    # After a failure this would wait for processes that are gone.
    if not joined:
        distributed.destroy_process_group()


def _cpu_has_bfloat16() -> bool:
    return any("avx512_bf16" in line or "amx_bf16" in line for line in lines_of(Path("/proc/cpuinfo")))
