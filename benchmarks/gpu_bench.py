"""What the sections of ``gpu.py`` share: device, sizes, images, and where figures go."""

import json
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eomoo.files import write_json
from eomoo.images import ArrayImages, ImageData, open_data
from eomoo.live import resolve_device
from eomoo.space import SO2SAT, Skeleton

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from so2sat_files import write_so2sat

CELL = 100_434
"""A mid-size cell: 628 million multiply-accumulates in the published skeleton, whose median is 763 million."""


class Bench:
    """One run of the script.

    Args:
        out: Where figures are written.
        work: For everything else.
        device: By name.
        seconds: After which no section begins.
        dry: Tiny sizes.
    """

    def __init__(self, out: Path, work: Path, *, device: str, seconds: float, dry: bool) -> None:
        self.out, self.work, self.dry = out, work, dry
        self.device = resolve_device(device)
        self.section = ""
        self.findings: dict[str, dict[str, Any]] = {}
        self._started = time.perf_counter()
        self._seconds = seconds
        out.mkdir(parents=True, exist_ok=True)

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU of CUDA's."""
        return self.device.type == "cuda"

    def left(self) -> float:
        """Seconds until no section begins any more."""
        return self._seconds - (time.perf_counter() - self._started)

    def note(self, **figures: Any) -> None:
        """Keep figures of this section."""
        self.findings.setdefault(self.section, {}).update(figures)
        write_json(self.out / "gpu.json", self.findings)
        if not self.dry:
            at = time.perf_counter() - self._started
            print(f"[{at:4.0f} s] {self.section}: " + ", ".join(f"{k}={v}" for k, v in figures.items()), flush=True)

    def want(self, name: str, value: Any, wanted: str, met: bool) -> None:
        """Keep a figure beside what is wanted of it, and whether it is so."""
        self.note(**{name: {"value": value, "wanted": wanted, "met": bool(met)}})

    def table(self) -> str:
        """All figures, in Markdown."""
        lines = ["| section | what | figure | wanted |", "|---|---|---|---|"]
        for section, figures in self.findings.items():
            for name, value in figures.items():
                wanted = ""
                if isinstance(value, dict) and "wanted" in value:
                    wanted = value["wanted"] + ("" if value["met"] else ": missed")
                    value = value["value"]
                text = value if isinstance(value, str) else json.dumps(value, default=str)
                lines.append(f"| {section} | {name.replace('_', ' ')} | {text} | {wanted} |")
        return "\n".join(lines)

    def wait(self) -> None:
        """Until the device has done everything."""
        if self.cuda:
            torch.cuda.synchronize(self.device)

    # -- sizes ---------------------------------------------------------------------------------

    @property
    def skeleton(self) -> Skeleton:
        """The published one."""
        return self._skeleton(8, 1) if self.dry else SO2SAT

    @property
    def small(self) -> Skeleton:
        """One that a search on a small budget trains."""
        return self._skeleton(5, 1) if self.dry else self._skeleton(16, 1)

    @property
    def batch(self) -> int:
        """Images in a step."""
        return 16 if self.dry else 256

    def _skeleton(self, channels: int, cells: int) -> Skeleton:
        return Skeleton(
            in_channels=10, n_classes=17, stem_channels=channels, n_stacks=1 if self.dry else 3, cells_per_stack=cells
        )

    # -- images --------------------------------------------------------------------------------

    @cached_property
    def files(self) -> ImageData:
        """Images that are read from So2Sat's files again and again."""
        n = (34, 17, 17) if self.dry else (4096, 512, 512)
        write_so2sat(self.work / "so2sat", n_train=n[0], n_val=n[1], n_test=n[2])
        return open_data(f"so2sat:{self.work / 'so2sat'}", memory=0)

    @cached_property
    def images(self) -> ImageData:
        """The same in memory."""
        _ = self.files
        return open_data(f"so2sat:{self.work / 'so2sat'}")

    @cached_property
    def many(self) -> ImageData:
        """The training images in memory several times over, so that an epoch takes a while."""
        from dataclasses import replace

        train = self.images.train
        assert isinstance(train, ArrayImages)
        times = 1 if self.dry else 4
        images, labels = np.concatenate([train.images] * times), np.concatenate([train.labels] * times)
        return replace(self.images, train=ArrayImages(images, labels), fingerprint=f"{times} times over")
