"""How much memory this process may still take, limits of its control groups counted."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/")


def available_memory(root: Path = _ROOT) -> int | None:
    """Bytes that can be taken without anything being swapped out; None where the system (not Linux) tells nothing."""
    known = [*_of_the_machine(root / "proc/meminfo"), *_of_control_groups(root)]
    return max(0, min(known)) if known else None


def _of_the_machine(path: Path) -> list[int]:
    for line in _lines(path):
        if line.startswith("MemAvailable:"):
            return [1024 * int(line.split()[1])]
    return []


def _of_control_groups(root: Path) -> list[int]:
    """What each limit on the way from this process's group to the root leaves, of version 2 and 1."""
    found = []
    for line in _lines(root / "proc/self/cgroup"):
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
    most, now = _lines(group / limit), _lines(group / used)
    if not most or not now or not most[0].isdecimal():
        return []  # no limit: "max"
    # Pages of files that are not in use are given back at once.
    idle = [int(line.split()[1]) for line in _lines(group / "memory.stat") if line.startswith("inactive_file ")]
    return [int(most[0]) - int(now[0]) + sum(idle)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
