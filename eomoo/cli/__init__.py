"""The command line: parse, call, print. Each family of commands is a module of its own."""

from __future__ import annotations

import os
import sys
import warnings
from io import TextIOWrapper
from itertools import pairwise
from typing import Annotated

import typer
from typer import Option

from eomoo.cli import data, deploy, landscape, live, measure, report, run, show, study, suggest, surrogate
from eomoo.cli.common import sign_of_life
from eomoo.errors import EomooError, SettingError
from eomoo.files import write_error

__all__ = ["app", "main"]

app = typer.Typer(
    name="eomoo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Find networks for satellite images that are accurate, fast and small at once.\n\n"
        "Begin with `eomoo run`: within seconds it prints a Pareto front of networks for mapping local "
        "climate zones, found among 423,624 cells."
    ),
)
app.command("run")(run.run)
app.command("measure")(measure.measure)
app.command("problems")(show.problems)
app.command("show")(show.show)
app.command("report")(report.report)
app.command("cite")(report.cite)
app.command("suggest")(suggest.suggest)
app.command("landscape")(landscape.landscape)
app.add_typer(study.app, name="study")
app.command("train")(live.train)
app.command("evaluate")(deploy.evaluate)
app.command("latency")(live.latency)
app.command("export")(deploy.export)
app.command("predict")(deploy.predict)
app.add_typer(surrogate.app, name="surrogate")
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from eomoo.version import __version__

        typer.echo(f"eomoo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; an error of eomoo's becomes one sentence, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without the characters of drawings shows question marks rather than an error.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    warnings.showwarning = _say  # type: ignore[assignment]  # Python gives six, by position
    try:
        try:
            with sign_of_life(sys.argv[1:]):
                _refuse_empty(sys.argv[1:])
                app()
        finally:
            # Here, and not at the interpreter's end, a full disk can still be told.
            if sys.stdout is not None:
                sys.stdout.flush()
    except EomooError as error:
        _fail(str(error), 1)
    except SystemExit as end:
        # So typer ends a command that was interrupted, without a word.
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
            _fail("interrupted", 130)  # 128 + SIGINT, as shells have it
        raise
    except BrokenPipeError:
        # The reader of a pipe has gone, as with `| head`; closing stderr keeps Python from complaining.
        sys.stderr.close()
        sys.exit(141)  # 128 + SIGPIPE
    except OSError as error:
        if error.filename is not None:
            # Such as a name that is too long to look whether there is a file.
            _fail(f"cannot use {error.filename}: {(error.strerror or str(error)).lower()}", 1)
        # Python would try to write the rest again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _fail(str(write_error("the output", error)), 1)
    except MemoryError:
        _fail("out of memory; use a smaller budget or close other programs", 1)


def _refuse_empty(words: list[str]) -> None:
    """SettingError where an option's value is empty, as a shell's variable that is not set: as a path it is ``.``."""
    # After "--" there are no options.
    options = words[: words.index("--")] if "--" in words else words
    for word, following in pairwise([*options, "-"]):
        name, _, value = word.partition("=")
        if word.startswith("--") and (not following if name == word else not value):
            raise SettingError(f"{name} is empty; give a value or leave it out")


def _say(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
    """Show a warning; one of eomoo's own as the sentence that it is."""
    own = category is UserWarning
    sys.stderr.write(f"{message}\n" if own else warnings.formatwarning(message, category, filename, lineno))


def _fail(sentence: str, code: int) -> None:
    typer.echo(f"error: {sentence}", err=True)
    sys.exit(code)
