"""Which process of which machine a thing belongs to, and whether that process lives."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """What tells apart machines, and containers whose process numbers differ."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def lives(process: int) -> bool:
    """Whether a process of this machine, by its number, is there; True where that cannot be told."""
    if os.name != "posix":
        # There signal 0 is no question but an interrupt.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # It is another user's.
    return True
