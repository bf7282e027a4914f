"""Networks timed in turns, as many as memory has room for; NumPy alone, since a kit carries this file to boards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# A choice: on a busy machine, where the ranking was destroyed, timings of one cell were spread by 8 %.
CONTENDED_WALL, CONTENDED_SPREAD = 1.1, 0.1
# Further tries of what was disturbed. A choice, as is the longest pause before one: a page that loads and a
# program that starts are over by then; what goes on for longer would disturb a fourth try too.
TRIES, PAUSE_S = 2, 5.0

# Networks in memory at once; with more, a round takes so long that the machine changes within it.
_GROUP = 24
# Of the memory that is free: what the libraries of the first network (0.1 GB) and others need is left.
_SHARE = 0.6


class Timed(Protocol):
    """What can be timed."""

    def times(self, repetitions: int) -> NDArray[np.float64]:
        """Milliseconds (repetitions,) of one forward pass each."""
        ...


class Turns:
    """Networks that take turns, the reference last among them.

    Args:
        runners: The networks and the reference, ready to be timed.
        how: "rounds"; least "repetitions" and "seconds" in all of them; "warmup", least repetitions before any is
            timed; "threads" of a CPU, None where the time of the CPU says nothing.
        rng: Of the order in the rounds.
        settle: Seconds that a network is warmed up at least, as a GPU needs that raises its clocks.
    """

    def __init__(
        self, runners: Sequence[Timed], how: Mapping[str, Any], *, rng: np.random.Generator, settle: float = 0.0
    ) -> None:
        self.runners, self.rng, self.rounds, self.threads = runners, rng, how["rounds"], how["threads"]
        self.plan = [self._warm_up(runner, how, settle) for runner in runners]
        self.begin()

    def begin(self) -> None:
        """Forget what was timed."""
        self.times: list[list[NDArray[np.float64]]] = [[] for _ in self.runners]
        self.wall, self.cpu = np.zeros(len(self.runners)), np.zeros(len(self.runners))
        self.start = time.perf_counter()

    def measured(self, tries: int, on_round: Callable[[int], None]) -> list[dict[str, Any]]:
        """What each network's times say; the disturbed ones are tried again, and the quietest of the tries is told.

        ``on_round`` is called after each round with the number of the try.
        """
        found: dict[int, dict[str, Any]] = {}
        left = list(range(len(self.runners) - 1))
        for tried in range(1, tries + 2):
            if tried > 1:
                self.pause(tried)
                self.begin()
            for _ in range(self.rounds):
                self.turn(left)
                on_round(tried)
            for k in left:
                new = {**self.told(k), "tries": tried}
                if k not in found or disturbance(new) < disturbance(found[k]):
                    found[k] = new
            left = [k for k in left if found[k]["contended"]]
            if not left:
                break
        return [found[k] for k in sorted(found)]

    def turn(self, chosen: Sequence[int]) -> None:
        """One round: each of the chosen networks (by position) and the reference once, in random order."""
        for k in self.rng.permutation([*chosen, len(self.runners) - 1]):
            self.take(int(k))

    def take(self, k: int) -> None:
        """One network's turn."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.times[k].append(self.runners[k].times(self.plan[k]))
        self.wall[k] += time.perf_counter() - wall
        self.cpu[k] += time.process_time() - cpu

    def pause(self, tried: int) -> None:
        """Wait before that try, as long as the last one took, within ``PAUSE_S``."""
        time.sleep(min(max(time.perf_counter() - self.start, 0.0), PAUSE_S))

    def told(self, k: int) -> dict[str, Any]:
        """What the times of a network say, as plain data; see ``eomoo.live.Latency``."""
        mine, reference = self._told(k), self._told(-1)
        rounds = np.array([np.median(part) for part in self.times[-1]])
        medians = np.array([np.median(part) for part in self.times[k]])
        # What the machine as a whole did to a round is taken out of each of its times.
        relative = np.concatenate([part / at for part, at in zip(self.times[k], rounds, strict=True)])
        lower, upper = np.quantile(relative, (0.25, 0.75)).tolist()
        disturbed = reference["contended"]
        return {
            **mine,
            "contended": mine["contended"] or disturbed,
            "relative": float(np.median(medians / rounds)),
            "relative_lower": lower,
            "relative_upper": upper,
            "relative_std": float(relative.std()),
            "reference_median": reference["median"],
            "reference_quiet": float(rounds.min()),
            "reference_contended": disturbed,
            "round_medians": tuple(medians.tolist()),
            "reference_rounds": tuple(rounds.tolist()),
        }

    def _told(self, k: int) -> dict[str, Any]:
        times = np.concatenate(self.times[k])
        lower, median, upper, p90 = np.quantile(times, (0.25, 0.5, 0.75, 0.9)).tolist()
        by_cpu = None if self.threads is None else float(self.wall[k] * self.threads / max(self.cpu[k], 1e-9))
        spread = (upper - lower) / median
        return {
            "median": median,
            "lower": lower,
            "upper": upper,
            "p90": p90,
            "mean": float(times.mean()),
            "std": float(times.std()),
            "count": len(times),
            "wall_by_cpu": by_cpu,
            "contended": spread > CONTENDED_SPREAD or (by_cpu or 1.0) > CONTENDED_WALL,
        }

    def _warm_up(self, runner: Timed, how: Mapping[str, Any], settle: float) -> int:
        """Run until two medians in a row agree within 5 %; how many repetitions make a turn."""
        start, before, tries, steady = time.perf_counter(), 0.0, 0, False
        while not (steady or tries >= 10) or time.perf_counter() - start < settle:
            median = float(np.median(runner.times(how["warmup"])))
            steady = abs(median - before) <= 0.05 * before
            before, tries = median, tries + 1
        return int(np.ceil(max(how["repetitions"], how["seconds"] * 1e3 / before) / self.rounds))


def disturbance(told: dict[str, Any]) -> tuple[bool, float]:
    """How disturbed a timing is, to be compared: whether it is marked, then its spread."""
    return bool(told["contended"]), (told["upper"] - told["lower"]) / told["median"]


def in_memory(sizes: Sequence[float], reference: float, room: float | None) -> list[list[int]]:
    """Positions of networks that are in memory at once: few enough for a round, and no more than fit.

    Args:
        sizes: Bytes of each network (n,).
        reference: Of the reference's, which is in every group.
        room: Bytes that are free; None where that is not known.
    """
    # Making a network takes its memory twice.
    rest = np.inf if room is None else _SHARE * room - reference - max(sizes, default=0)
    groups: list[list[int]] = []
    left = 0.0
    for k, size in enumerate(sizes):
        if not groups or len(groups[-1]) == _GROUP or size > left:
            groups.append([])
            left = rest
        groups[-1].append(k)
        left -= size
    return groups


_ROOT = Path("/")


def available_memory(root: Path = _ROOT) -> int | None:
    """Bytes that can be taken without anything being swapped out; None where the system (not Linux) tells nothing."""
    known = [*_of_the_machine(root / "proc/meminfo"), *_of_control_groups(root)]
    return max(0, min(known)) if known else None


def _of_the_machine(path: Path) -> list[int]:
    for line in lines_of(path):
        if line.startswith("MemAvailable:"):
            return [1024 * int(line.split()[1])]
    return []


def _of_control_groups(root: Path) -> list[int]:
    """What each limit on the way from this process's group to the root leaves, of version 2 and 1."""
    found = []
    for line in lines_of(root / "proc/self/cgroup"):
        _, controllers, place = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        limit, used = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
        )
        folder = base / place.strip("/")
        for group in (folder, *folder.parents):
            if group.is_relative_to(base):
                found += _left(group, limit, used)
    return found


def _left(group: Path, limit: str, used: str) -> list[int]:
    most, now = lines_of(group / limit), lines_of(group / used)
    if not most or not now or not most[0].isdecimal():
        return []  # no limit: "max"
    # Pages of files that are not in use are given back at once.
    idle = [int(line.split()[1]) for line in lines_of(group / "memory.stat") if line.startswith("inactive_file ")]
    return [int(most[0]) - int(now[0]) + sum(idle)]


def lines_of(path: Path) -> list[str]:
    """What the system tells in a file, line by line; none where it does not."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
