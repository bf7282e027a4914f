"""What several commands share: the console, bars, how values are shown, options as key=value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from eomoo.arrays import Facts
from eomoo.checks import short
from eomoo.errors import SettingError
from eomoo.files import to_json

# Columns of a terminal below which frames take room that numbers need.
_NARROW = 100


class _Screen(Console):
    """A terminal in whose tables no name is cut: the first column stays in one line, in others words are broken."""

    def print(self, *objects: object, **options: Any) -> None:
        """As rich does."""
        for table in objects:
            if isinstance(table, Table):
                for k, column in enumerate(table.columns):
                    column.overflow, column.no_wrap = "fold", column.no_wrap or (k == 0 and column.width is None)
                if self.width < _NARROW:
                    table.box, table.pad_edge, table.show_edge, table.padding = SIMPLE_HEAD, False, False, (0, 1, 0, 0)
        super().print(*objects, **options)


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


@contextmanager
def bars(*columns: ProgressColumn, quiet: bool = False, transient: bool = True) -> Iterator[Progress]:
    """Bars on stderr, shown when they are started; one never shown leaves no line above an error's sentence."""
    shown = Progress(*columns, console=console(stderr=True), transient=transient, disable=quiet)
    try:
        yield shown
    finally:
        end_bars(shown)


def end_bars(shown: Progress) -> None:
    """Leave bars as they are; nothing is printed where they were never started."""
    if shown.live.is_started:
        shown.stop()


def lines(shown: Progress, seconds: float, *, at_once: bool = False) -> Callable[[str], None]:
    """How a pipe or a file, which sees no bar, is told: a line at most every so many seconds, if at once the first."""
    due = shown.get_time() + (0 if at_once else seconds)

    def tell(line: str) -> None:
        nonlocal due
        if not shown.console.is_terminal and not shown.disable and shown.get_time() > due:
            due = shown.get_time() + seconds
            shown.console.print(line)

    return tell


_LINES_S = 2.0  # seconds between lines where there is no terminal: longer silence looks like a hang


@contextmanager
def progress(what: str, *, quiet: bool = False, at_once: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar; it is told what is done, and of how much. A pipe or a file sees lines.

    With ``at_once`` it is shown before anything is told, where that takes a while.
    """
    with bars(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), quiet=quiet) as bar:
        task, tell = bar.add_task(what, total=None), lines(bar, _LINES_S)
        if at_once:
            bar.start()

        def advance(done: int, total: int) -> None:
            bar.start()
            bar.update(task, completed=done, total=total)
            tell(f"{what}: {done:,} of {total:,}")

        yield advance


def given(**options: object) -> Facts:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def parse_options(pairs: list[str] | None) -> dict[str, object]:
    """Options written as ``key=value``; numbers become numbers."""
    options: dict[str, object] = {}
    for pair in pairs or ():
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise SettingError(f"an option reads like n_starts=10; got {short(pair)}")
        options[key.strip().replace("-", "_")] = _parse(text.strip())
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
