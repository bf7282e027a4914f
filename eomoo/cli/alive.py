"""A sign of life of a command that has said nothing for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import Any, TextIO

from eomoo.progress import being_done

# What is silent for longer looks as if it hung; after each line twice as long may pass, so that hours are no scroll.
FIRST_SECONDS = 2.0
_MOST_SECONDS = 60.0
# Commands that answer at once, and what prints for programs.
_SHORT, _QUIET = ("show", "problems", "cite"), {"--json", "--help", "-h", "--version"}


class _Heard:
    """A stream that resets the clock whenever it is written to."""

    def __init__(self, stream: TextIO, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def write(self, text: str) -> int:
        """As the stream does."""
        self._clock.last, self._clock.pause = monotonic(), FIRST_SECONDS
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Clock:
    def __init__(self) -> None:
        self.began = self.last = monotonic()
        self.pause = FIRST_SECONDS

    def beat(self, stop: Event, stream: TextIO, words: str) -> None:
        while not stop.wait(FIRST_SECONDS / 10):
            now = monotonic()
            if now - self.last > self.pause:
                self.last, self.pause = now, min(2 * self.pause, _MOST_SECONDS)
                with suppress(OSError, ValueError):
                    stream.write(f"{words}: {being_done() or 'working'}, {now - self.began:.0f} s\n")
                    stream.flush()


@contextmanager
def sign_of_life(arguments: list[str]) -> Iterator[None]:
    """A line on stderr whenever a command has said nothing for a while."""
    out, err = sys.stdout, sys.stderr
    if not arguments or out is None or err is None or arguments[0] in _SHORT or not _QUIET.isdisjoint(arguments):
        yield
        return
    clock, stop = _Clock(), Event()
    sys.stdout, sys.stderr = _Heard(out, clock), _Heard(err, clock)
    Thread(target=clock.beat, args=(stop, err, f"eomoo {arguments[0]}"), daemon=True).start()
    try:
        yield
    finally:
        stop.set()
        sys.stdout, sys.stderr = out, err
