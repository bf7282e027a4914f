import os
import sys
from types import SimpleNamespace

import pytest

from eomoo.live.energy import energy_counter
from eomoo.live.nvml import Nvml, open_nvml

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")


ME, OTHER, ANOTHER = os.getpid(), os.getpid() + 1, os.getpid() + 2


class NotFoundError(Exception):
    pass


class Library:
    """What pynvml has, of one device without MIG whose temperature is unknown."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0
    NVMLError_NotFound = NotFoundError

    def __init__(self, samples=()):
        self.samples, self.millijoules = samples, 5000

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if uuid not in (b"GPU-the-second", b"MIG-a-part"):
            raise ValueError(uuid)
        return uuid

    def nvmlSystemGetDriverVersion(self):
        return b"580.1"

    def nvmlDeviceGetEnforcedPowerLimit(self, handle):
        return 700_000

    def nvmlDeviceGetMaxClockInfo(self, handle, kind):
        return {1: 1980}[kind]

    def nvmlDeviceGetClockInfo(self, handle, kind):
        return {1: 1755, 2: 2619}[kind]

    def nvmlDeviceGetPowerUsage(self, handle):
        return 433_400

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        self.millijoules += 1500
        return self.millijoules

    def nvmlDeviceGetProcessUtilization(self, handle, since):
        if isinstance(self.samples, Exception):
            raise self.samples
        return [SimpleNamespace(pid=pid, smUtil=util, timeStamp=stamp) for pid, util, stamp in self.samples]


def test_what_a_device_tells_is_kept_and_what_it_does_not_is_none():
    nvml = Nvml(Library(), "device 0")
    assert nvml.conditions() == {"driver": "580.1", "power_limit_W": 700, "max_sm_clock_MHz": 1980, "mig": None}
    assert nvml.state() == {
        "sm_clock_MHz": 1755, "memory_clock_MHz": 2619, "power_W": 433, "temperature_C": None
    }  # fmt: skip


def show(monkeypatch, uuid):
    """What torch tells of the devices that it is shown."""
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid=uuid))


def test_the_library_is_asked_for_the_device_that_torch_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Library())
    for uuid, handle in (("the-second", b"GPU-the-second"), ("a-part", b"MIG-a-part")):
        show(monkeypatch, uuid)
        assert open_nvml(torch.device("cuda:0")).handle == handle
    # Another one's energy would be worse than none.
    show(monkeypatch, "unknown")
    assert open_nvml(torch.device("cuda:0")) is None


@pytest.mark.parametrize("method", ["nvmlDeviceIsMigDeviceHandle", "nvmlDeviceGetMigMode"])
def test_of_a_device_in_parts_neither_energy_nor_neighbours_are_told(method):
    library = Library([(ME, 90, 60), (OTHER, 5, 70)])
    setattr(library, method, lambda handle: [1, 1])
    nvml = Nvml(library, "device 0")
    assert nvml.conditions()["mig"] is True
    assert nvml.energy() is None
    assert nvml.neighbour(50) is None
    library.nvmlDeviceGetMigMode = lambda handle: [0, 0]
    library.nvmlDeviceIsMigDeviceHandle = lambda handle: 0
    assert nvml.conditions()["mig"] is False
    assert nvml.energy() is not None


def test_energy_of_a_gpu_is_counted_in_joules(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Library())
    show(monkeypatch, "the-second")
    counter = energy_counter(torch.device("cuda:0"))
    first = counter()
    assert counter() - first == 1.5
    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace())
    assert energy_counter(torch.device("cuda:0")) is None
    assert open_nvml(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("samples", "neighbour"),
    [
        ([(ME, 90, 60)], False),
        ([(ME, 90, 60), (OTHER, 5, 70)], True),
        # One that holds memory only, and one that had finished before.
        ([(ME, 90, 60), (OTHER, 0, 70), (ANOTHER, 50, 40)], False),
        # In a container this process has a number that it does not know.
        ([(OTHER, 90, 60)], False),
        ([(OTHER, 90, 60), (ANOTHER, 5, 70)], True),
        ([], False),
        (NotFoundError("no samples"), False),
        (RuntimeError("not supported"), None),
    ],
)
def test_a_neighbour_is_a_process_that_computed_meanwhile(samples, neighbour):
    assert Nvml(Library(samples), "device 0").neighbour(50) is neighbour
