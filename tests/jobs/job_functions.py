"""What jobs are made to do in tests; importable by their workers."""

import os
import signal
import time
from pathlib import Path
from threading import get_ident

from eomoo.errors import SettingError
from eomoo.jobs import worker_number
from eomoo.jobs.base import seat
from eomoo.progress import doing


def square(x):
    time.sleep(0.01 * (x % 3))
    return x * x


def where(x):
    time.sleep(0.05)
    return x, os.getpid(), worker_number()


def seat_of(x):
    time.sleep(0.05)
    return os.getpid(), seat()


def hears_an_interrupt(_):
    """Whether a terminal's Ctrl-C, which goes to all of its processes, would have reached this one since its start."""
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def work_for(seconds):
    """Say what is being done."""
    with doing("counting", lambda: "3 of 7"):
        time.sleep(seconds)


def raise_on(task):
    kind, x = task
    if x == 3:
        raise {"disk": OSError(28, "No space left on device"), "ours": SettingError("no such setting")}[kind]
    return x


def die(task):
    """Note the attempt, and die in the first so many."""
    folder, name, deaths = task
    attempts = Path(folder) / name
    with open(attempts, "a", encoding="ascii") as file:
        file.write("x")
    if len(attempts.read_text(encoding="ascii")) <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return name


def wait_for(task):
    """Leave a file, after the file of another where one is named."""
    folder, other, k = task
    while other is not None and not (Path(folder) / str(other)).exists():
        time.sleep(0.02)
    (Path(folder) / str(k)).touch()
    return k


def count(task):
    """Count to a number from where the last attempt came, as a training goes on from its checkpoint."""
    folder, name, n = task
    place = Path(folder) / name
    if "SLURM_JOB_ID" in os.environ:
        (Path(folder) / "slurm" / f"{os.environ['SLURM_JOB_ID']}.begun").touch()
    done = len(place.read_text(encoding="ascii").split()) if place.exists() else 0
    for k in range(done, n):
        time.sleep(0.1)
        with open(place, "a", encoding="ascii") as file:
            file.write(f"{k}\n")
    return name


def others_at_once(folder):
    """How many other tasks were under way when this one began."""
    mark = Path(folder) / f"{os.getpid()}-{get_ident()}"
    mark.touch()
    found = len(list(Path(folder).iterdir())) - 1
    time.sleep(0.05)
    mark.unlink()
    return found
