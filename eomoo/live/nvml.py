"""What NVIDIA's management library says of a CUDA device: energy, clocks, limits, and who else is computing."""

from __future__ import annotations

import os
import time
from importlib import import_module
from typing import Any

from eomoo.packages import torch


class Nvml:
    """One device, by the package's handle of it; what the library or the device does not tell is None."""

    def __init__(self, library: Any, handle: Any) -> None:
        self.library, self.handle = library, handle

    def conditions(self) -> dict[str, object]:
        """What stays as it is while a program runs: driver, limits, partitioning."""
        told = self._told
        limit = told("nvmlDeviceGetEnforcedPowerLimit")
        driver = self._try(lambda: self.library.nvmlSystemGetDriverVersion())
        return {
            "driver": driver.decode() if isinstance(driver, bytes) else driver,
            "power_limit_W": None if limit is None else round(limit / 1e3),
            "max_sm_clock_MHz": told("nvmlDeviceGetMaxClockInfo", self.library.NVML_CLOCK_SM),
            "mig": self._parted(),
        }

    def state(self) -> dict[str, object]:
        """What changes with load and heat."""
        told = self._told
        power = told("nvmlDeviceGetPowerUsage")
        return {
            "sm_clock_MHz": told("nvmlDeviceGetClockInfo", self.library.NVML_CLOCK_SM),
            "memory_clock_MHz": told("nvmlDeviceGetClockInfo", self.library.NVML_CLOCK_MEM),
            "power_W": None if power is None else round(power / 1e3),
            "temperature_C": told("nvmlDeviceGetTemperature", self.library.NVML_TEMPERATURE_GPU),
        }

    def energy(self) -> float | None:
        """Joules since the driver was loaded; the counter moves on every tenth of a second or so."""
        # That of a device in parts is of all of them.
        used = None if self._parted() else self._told("nvmlDeviceGetTotalEnergyConsumption")
        return None if used is None else used / 1e3

    def neighbour(self, since: int) -> bool | None:
        """Whether a process beside this one has computed on the device since a time (microseconds, Unix)."""
        if self._parted():
            # Those in other parts do not disturb.
            return None
        try:
            samples = self.library.nvmlDeviceGetProcessUtilization(self.handle, since)
        except getattr(self.library, "NVMLError_NotFound", ()):
            return False
        except Exception:
            return None
        busy = {s.pid for s in samples if s.smUtil > 0 and s.timeStamp >= since}
        # In a container this process has another number outside; it is one of those that are busy.
        return bool(busy - {os.getpid()}) if os.getpid() in busy else len(busy) > 1

    def _parted(self) -> bool | None:
        """Whether it is a part of a device (MIG), or a device in parts; None where it does not tell."""
        if self._told("nvmlDeviceIsMigDeviceHandle"):
            return True
        mode = self._told("nvmlDeviceGetMigMode")
        return None if mode is None else bool(mode[0])

    def _told(self, name: str, *arguments: Any) -> Any:
        return self._try(lambda: getattr(self.library, name)(self.handle, *arguments))

    @staticmethod
    def _try(ask: Any) -> Any:
        try:
            return ask()
        except Exception:
            # Each device tells other things; what it does not tell is just not known.
            return None


def open_nvml(device: torch.device) -> Nvml | None:
    """The library on a CUDA device; None without the package nvidia-ml-py or the driver."""
    if device.type != "cuda":
        return None
    try:
        library: Any = import_module("pynvml")
        library.nvmlInit()
        return Nvml(library, _handle(library, device))
    except Exception:
        return None


def now() -> int:
    """The present as the library counts it, in microseconds."""
    return time.time_ns() // 1000


def _handle(library: Any, device: torch.device) -> Any:
    # The library counts all devices, torch those that it is shown: by number it would tell of another one.
    # Its oldest releases take bytes only.
    ask, uuid = library.nvmlDeviceGetHandleByUUID, torch.cuda.get_device_properties(device).uuid
    try:
        return ask(f"GPU-{uuid}".encode())
    except Exception:
        return ask(f"MIG-{uuid}".encode())
