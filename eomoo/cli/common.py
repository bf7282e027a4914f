"""What several commands share: the console, bars, a sign of life, how values are shown, options as key=value."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichBars
from rich.table import Column, Table
from rich.text import Text

from eomoo.arrays import Facts
from eomoo.checks import short
from eomoo.errors import SettingError
from eomoo.files import to_json
from eomoo.plots import fit_table
from eomoo.progress import PREPARING, begun, being_done, doing

# A value of a table: a number with its deviation, interval or unit, or none.
_NUMBER = re.compile(r"-|([-+<] ?)?[\d,.]+(e[-+]?\d+)?( (±|to) [\d,.]+)?( \[.*\]| \(.*\))?( ?[%kMG]B?)?")


class _Screen(Console):
    """A terminal in whose tables numbers are on the right, and no name or word is cut.

    The first column stays in one line unless that takes half the room, and the last ones are left out where there is
    none.
    A sentence is broken between words; in a pipe it is one line, and so is what is to be copied (``soft_wrap``).
    """

    def print(self, *objects: object, **options: Any) -> None:
        """As rich does."""
        if not self.is_terminal and all(isinstance(part, str) for part in objects):
            options["soft_wrap"] = True
        for table in objects:
            if isinstance(table, Table):
                for k, column in enumerate(table.columns):
                    if all(_NUMBER.fullmatch(str(value)) for value in column.cells):
                        column.justify = "right"
                    wide = max((len(str(value)) for value in column.cells), default=0)
                    column.overflow = "fold"
                    column.no_wrap = column.no_wrap or (k == 0 and column.width is None and 2 * wide < self.width)
                if self.is_terminal and all(column.width is None for column in table.columns):
                    fit_table(table, self.width)
        super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """Its reader has gone, as with ``| head``: nothing more is shown, and what goes into files still does."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(*, stderr: bool = False) -> Console:
    """The terminal: tables go to stdout, progress to stderr; a pipe is given room for whole tables.

    Text is printed as it is: brackets in a card's title or in a path are no markup.
    """
    found = _Screen(stderr=stderr, highlight=False, markup=False)
    if not found.is_terminal:
        found.width = max(found.width, 160)  # a choice: room for whole tables
    return found


def print_json(value: object) -> None:
    """Print a value as JSON."""
    typer.echo(to_json(value))


# What is silent for longer looks as if it hung; after each line twice as long may pass, so that hours are no scroll.
FIRST_SECONDS, _MOST_SECONDS = 2.0, 60.0
# Letters of a bar's two times, and of the spaces between all its parts.
_TIMES = 19


class Bars:
    """Bars on stderr, one for each thing that is counted; a pipe or a file gets what ``sign_of_life`` says of them.

    They are shown from the first count on, so that none is left above an error's sentence.

    Args:
        quiet: Whether nothing is to be seen.
        stay: Whether they are left as they were in the end, of which a pipe gets a line.
    """

    def __init__(self, *, quiet: bool = False, stay: bool = False) -> None:
        about, state = TextColumn("{task.description}", markup=False), _State(self._words)
        columns = about, BarColumn(), state, TimeElapsedColumn(), TimeRemainingColumn()
        self.console = console(stderr=True)
        # Until something was told there is nothing that could stay.
        self._shown, self._stay = RichBars(*columns, console=self.console, transient=True, disable=quiet), stay
        self._tasks: dict[str, TaskID] = {}
        self._said, self._now = PREPARING, ""
        self._doing = doing("", lambda: self._said)

    def wait(self, what: str) -> None:
        """Show that something is prepared, of which nobody knows how long it takes."""
        self._task(what, 0.0)

    def tell(self, what: str, done: float, total: float | None, state: str = "") -> None:
        """So much of something is done, of how much where that is known; in words, what else there is to say."""
        state = state or f"{done:,} of {total:,}"
        # What was there already says nothing of how fast it goes.
        task = self._task(what, done)
        self._shown.live.transient = not self._stay
        self._shown.update(task, completed=done, total=total, state=state)
        left = self._shown.tasks[task].time_remaining or 0.0
        self._said = f"{what}: {state}" + (f", {left / 60:.0f} minutes left" if left > 60 else "")

    def say(self, sentence: str) -> None:
        """Print a sentence above them."""
        if not self._shown.disable:
            self.console.print(sentence, soft_wrap=True)

    def end(self) -> None:
        """Leave them as they are; nothing is printed where they were never shown."""
        self._said = ""
        if self._shown.live.is_started:
            self._shown.stop()
        elif self._stay:
            for task in self._shown.tasks:
                if state := task.fields["state"]:
                    seconds = task.finished_time if task.finished else task.elapsed
                    self.say(f"{task.description}: {state}, {seconds or 0.0:.0f} s")
                self._shown.remove_task(task.id)

    def __enter__(self) -> Bars:
        self._doing.__enter__()
        self._outer = begun()
        return self

    def __exit__(self, *exception: object) -> None:
        self._doing.__exit__(None, None, None)
        self.end()

    def _words(self, task: Task) -> str:
        """How far a bar is and what is being done meanwhile: as many parts as have room beside its name."""
        within = being_done(self._outer) if task.description == self._now else ""
        own = f"{task.description}, "
        told = [within.removeprefix(own)] if within.startswith(own) else [task.fields["state"], within]
        parts = (", ".join(filter(None, told)) or PREPARING).split(", ")
        while len(parts) > 1 and len(task.description) + len(", ".join(parts)) + _TIMES > self.console.width:
            parts.pop()
        return ", ".join(parts)

    def _task(self, what: str, done: float) -> TaskID:
        if what not in self._tasks:
            self._tasks[what] = self._shown.add_task(what, total=None, completed=int(done), state="")
        self._now = what
        if self.console.is_terminal:
            self._shown.start()
        return self._tasks[what]


class _State(ProgressColumn):
    """What a bar says in words, asked for whenever it is drawn."""

    def __init__(self, words: Callable[[Task], str]) -> None:
        super().__init__(Column(no_wrap=True))
        self._words = words

    def render(self, task: Task) -> Text:
        return Text(self._words(task))


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar of one thing, which is told what is done, and of how much."""
    with Bars(quiet=quiet) as shown:
        shown.wait(what)
        yield partial(shown.tell, what)


def given(**options: object) -> Facts:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def no_say(where: str, **options: object) -> None:
    """SettingError where an option was given, by its name, that has no say there."""
    for name, value in options.items():
        if value is not None and value is not False and value != []:
            raise SettingError(f"--{name.replace('_', '-')} has no say {where}; leave it out")


def joined(settings: Facts, own: Facts) -> Facts:
    """Settings written as ``key=value`` and those that have options of their own; SettingError where one is both."""
    for name in own:
        if name in settings:
            raise SettingError(f"{name} is given twice, as {name}=... and by an option of its own; leave one out")
    return settings | own


def parse_options(pairs: list[str] | None) -> dict[str, object]:
    """Options written as ``key=value``, each key once; numbers become numbers."""
    options: dict[str, object] = {}
    for pair in pairs or ():
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise SettingError(f"an option reads like n_starts=10; got {short(pair)}")
        name = key.strip().replace("-", "_")
        if name in options:
            raise SettingError(f"{short(name)} is given twice: {short(pair)} is the second; leave one out")
        options[name] = _parse(text.strip())
    return options


def _parse(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def import_xgboost() -> None:
    """Import XGBoost without scikit-learn, whose estimators no search uses: 80 MB and a second less.

    For a process that is ours alone: in it XGBoost's boosters work and scikit-learn does, its estimators not.
    """
    if "sklearn" in sys.modules:
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import xgboost  # noqa: F401
    finally:
        del sys.modules["sklearn"]


# Commands that answer at once; what prints for programs, and what is no work but waits.
_SHORT, _QUIET = ("show", "problems", "cite"), {"--json", "--help", "-h", "--version", "--watch"}


class _Heard:
    """A stream that resets the clock whenever it is written to."""

    def __init__(self, stream: TextIO, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def write(self, text: str) -> int:
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
