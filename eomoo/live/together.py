"""One training by several processes that torchrun starts on a worker: its task as a file, its failure as words."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from eomoo.arrays import Facts
from eomoo.errors import EomooError, StoreError
from eomoo.files import read_json, write_json
from eomoo.images import open_data
from eomoo.jobs.processes import end_with
from eomoo.live.recipes import Recipe
from eomoo.live.runs import CurveSetting
from eomoo.live.training import train
from eomoo.packages import torch
from eomoo.space import Skeleton

_KINDS = {"skeleton": Skeleton, "recipe": Recipe, "curve": CurveSetting}
_TASK, _WORDS = "task.json", "failed.txt"


def train_together(arguments: Facts, processes: int, number: int | None) -> None:
    """Train by several processes; the result is in the folder that they are told.

    Args:
        arguments: Of ``train``, as plain data; name and options of the images.
        processes, number: How many; which of its machine's workers this one is, by which it takes devices.

    Raises:
        StoreError: (a RuntimeError) A process failed; these are its words.
    """
    with tempfile.TemporaryDirectory() as place, open(Path(place) / "output.txt", "wb") as output:
        write_json(Path(place) / _TASK, arguments)
        command = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "-m", "eomoo.live.together", place],
            stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, **_devices(number or 0, processes)},
        )  # fmt: skip
        try:
            code = process.wait()
        finally:
            # Its processes end with this pipe, as they do where this one is killed.
            with contextlib.suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]
        if code:
            words = Path(place) / _WORDS
            said = (Path(place) / "output.txt").read_text(errors="replace").splitlines() or [f"exit status {code}"]
            raise StoreError(words.read_text() if words.exists() else f"torchrun: {said[-1][:200]}")


def _devices(number: int, n: int) -> dict[str, str]:
    """The GPUs of one of several workers that share a machine's or a job's."""
    listed, count = os.environ.get("CUDA_VISIBLE_DEVICES", ""), torch.cuda.device_count()
    # CUDA takes none of those from the first on that it does not know, such as -1.
    there = listed.split(",")[:count] if listed else [str(k) for k in range(count)]
    if not torch.cuda.is_available() or len(there) < n:
        return {}
    return {"CUDA_VISIBLE_DEVICES": ",".join(there[(number * n + k) % len(there)] for k in range(n))}


def main() -> None:
    """One of the processes."""
    place = Path(sys.argv[1])
    end_with(sys.stdin)
    try:
        values = read_json(place / _TASK)
        images = open_data(values.pop("name"), **values.pop("options"))
        made = {name: kind(**values.pop(name)) for name, kind in _KINDS.items()}
        train(values.pop("cell"), images, **made, **values)
    except (EomooError, OSError) as error:
        # The first one's words; the others say the same.
        with contextlib.suppress(FileExistsError), open(place / _WORDS, "x", encoding="utf-8") as file:
            file.write(str(error))
        sys.exit(1)
    # One in about seven ended by SIGABRT when Python took down torch's threads, though all was written.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
