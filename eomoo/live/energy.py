"""Energy of a forward pass on devices that have a counter: NVIDIA GPUs by NVML, Intel and AMD CPUs by RAPL."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from eomoo.live.nvml import open_nvml
from eomoo.live.rounds import Timed
from eomoo.packages import torch

_RAPL = Path("/sys/class/powercap")
# Milliseconds of passes between two looks at a counter, short beside the 20 to 100 ms after which a GPU renews its own.
_LOOK = 5.0
# And in which the energy is counted at least: of some renewals, so that one look more or less is 1 %.
_SPAN = 500.0
# A counter that shows the same for so long tells nothing.
_PATIENCE = 2000.0


def energy_of(runner: Timed, counter: Callable[[], float], *, median: float) -> float | None:
    """Joules of a forward pass that takes some milliseconds (median); None where the counter stands still.

    Counters are renewed now and then: what they show is exact just after that, and up to a whole step wrong else, so
    that passes are counted from one renewal to another.
    """
    n = max(1, round(_LOOK / median))

    def renewed(span: float) -> tuple[float, int]:
        """What a counter shows as soon as it is renewed after some milliseconds, and passes until then, 0 if never."""
        shown, spent, passes = counter(), 0.0, 0
        while spent < span + _PATIENCE:
            spent += float(runner.times(n).sum())
            passes += n
            before, shown = shown, counter()
            if spent >= span and shown != before:
                return shown, passes
        return shown, 0

    begin, passed = renewed(0.0)
    end, passes = renewed(_SPAN) if passed else (begin, 0)
    joules = (end - begin) / passes if passes else math.nan
    # A driver that fails tells nothing, not a network's energy.
    return joules if joules > 0 else None


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

    def counter() -> float:
        found = nvml.energy()
        return math.nan if found is None else found

    return counter


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
