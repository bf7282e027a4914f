"""How far long work is: what functions tell of it, and the one line that a notebook shows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar

# Seconds between changes of the line: faster ones nobody reads, and each is a message to the browser.
_LINE_S = 0.2


class _Told(Protocol):
    """What ``on_progress`` is called with, whatever the work: how much of what is done, see ``Step``."""

    @property
    def what(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


T = TypeVar("T", bound=_Told)


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a work is: what is counted, how many are done, and of how many."""

    what: str
    done: int
    total: int


# What was begun and is not done, the last within the others, and how far each is.
_DOING: list[tuple[str, Callable[[], str]]] = []


@contextmanager
def doing(what: str, far: Callable[[], str] = str) -> Iterator[None]:
    """Within it ``what`` is being done, as a command says that is silent; ``far`` says how far, as "round 3 of 10"."""
    begun = what, far
    _DOING.append(begun)
    try:
        yield
    finally:
        _DOING.remove(begun)


PREPARING = "preparing"
"""What is done where nobody says more."""


def being_done(beyond: int = 0) -> str:
    """What was begun first and what last, of what is not done yet, and how far each is; "" where nobody said.

    Args:
        beyond: So many of what was begun first are left out.
    """
    # Of a copy, since another thread may end one meanwhile.
    told = [found for what, far in _DOING[beyond:] if (found := ", ".join(filter(None, (what, far()))))]
    told = [found for found in told if found != PREPARING] or told
    # Who counts a work by its own name is told more by the work.
    whole = len(told) > 1 and told[0].startswith(f"{told[-1].split(', ')[0]}:")
    return ", ".join(dict.fromkeys([*([] if whole else told[:1]), *told[-1:]]))


def begun() -> int:
    """How many were begun and are not done."""
    return len(_DOING)


@contextmanager
def shown(
    on_progress: Callable[[T], None] | None, title: str, *, hours: float | None = None
) -> Iterator[Callable[[T], None]]:
    """Whom to tell progress: who asked; else, in a notebook, one line that changes; else nobody. Hours may end it."""
    display = _display() if on_progress is None else None
    if display is None:
        yield on_progress or (lambda step: None)
        return
    began = last = time.monotonic()
    line = display({"text/plain": f"{title}: {PREPARING}"}, raw=True, display_id=True)

    def tell(step: T) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _LINE_S or step.done >= step.total:
            last = now
            of, end = (f" of {step.total:,}", "") if hours is None else ("", f" of {hours:g} hours in all")
            told = f"{title}: {step.done:,}{of} {step.what}, {now - began:.0f} s{end}"
            line.update({"text/plain": told}, raw=True)

    yield tell


def _display() -> Any:
    """IPython's way to show something, where this is a notebook's kernel; else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if ipython is None or not hasattr(shell, "kernel"):
        return None
    return import_module("IPython.display").display
