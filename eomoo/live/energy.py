"""Energy counters of devices that have one: NVIDIA GPUs through NVML, Intel and AMD CPUs through RAPL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eomoo.live.nvml import open_nvml
from eomoo.packages import torch

_RAPL = Path("/sys/class/powercap")


def energy_counter(device: torch.device, *, rapl: Path = _RAPL) -> Callable[[], float] | None:
    """A function that tells the joules which the device has used since some moment; None without one.

    A CPU's counter is of the whole package, so that other programs count too; it is often readable by
    the administrator only. A GPU's needs the package nvidia-ml-py.
    """
    if device.type != "cuda":
        return _rapl(rapl)
    nvml = open_nvml(device)
    if nvml is None or nvml.energy() is None:
        return None
    return lambda: nvml.energy() or 0.0


def _rapl(folder: Path) -> Callable[[], float] | None:
    counters = []
    for zone in sorted(folder.glob("intel-rapl:?")):
        try:
            int((zone / "energy_uj").read_text())
            span = int((zone / "max_energy_range_uj").read_text())
        except (OSError, ValueError):
            continue
        counters.append(_Unwrapped(zone / "energy_uj", span))
    if not counters:
        return None
    return lambda: sum(counter() for counter in counters)


class _Unwrapped:
    """A counter that begins anew at its span."""

    def __init__(self, path: Path, span: int) -> None:
        self.path, self.span = path, span
        self.last, self.turns = int(path.read_text()), 0

    def __call__(self) -> float:
        now = int(self.path.read_text())
        if now < self.last:
            self.turns += 1
        self.last = now
        return (now + self.turns * self.span) / 1e6
