"""``eomoo report``: stored results as a page that people open, or as text for papers."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from eomoo.cli.common import console
from eomoo.errors import SettingError
from eomoo.progress import doing


def report(
    folder: Annotated[
        Path, Argument(metavar="RUN_OR_STUDY", help="Folder that `eomoo run --out` or `eomoo study run` wrote.")
    ],
    format: Annotated[  # noqa: A002
        str,
        Option("--format", "-f", help="html: a page; md: Markdown; csv: the main table; latex: tables for a paper."),
    ] = "html",
    out: Annotated[
        Path | None, Option(help="File to write, or - to print; by default report.html (.md, ...) in the folder.")
    ] = None,
    open_page: Annotated[bool, Option("--open", help="Open it in the web browser.")] = False,
    watch: Annotated[
        bool,
        Option(help="Serve pages of all that runs in and below the folder to this machine's browsers, until Ctrl-C."),
    ] = False,
    port: Annotated[int, Option(help="With --watch: the port; 0 for any.")] = 8750,
) -> None:
    """Make one page of a run or a study: the front, the choice under limits, curves, tests, sources.

    The page holds everything it needs: it opens offline, in light and dark, on a phone, and can be sent
    to others. Nothing is run again. A landscape sheet in the folder (eomoo landscape CARD --out DIR)
    is shown too. With --watch pages of runs, studies and measurements follow what happens, and nothing is written.
    """
    from eomoo.analysis import render_report, write_report

    if watch:
        _serve(folder, port, open_page=open_page)
        return

    if out is not None and str(out) == "-":
        if open_page:
            raise SettingError("a report that is printed (--out -) cannot be opened; name a file")
        typer.echo(render_report(folder, format=format), nl=False)
        return
    with doing("making the page"):
        path = write_report(folder, out=out, format=format)
    console().print(f"written: {path} ({max(1, path.stat().st_size // 1000):,} kB)", soft_wrap=True, markup=False)
    if open_page:
        _open(path.resolve().as_uri(), path)


def _serve(folder: Path, port: int, *, open_page: bool) -> None:
    from eomoo.analysis.watch import Watch

    with Watch(folder, port=port) as server:
        console().print(f"watching {folder} at {server.address} (Ctrl-C ends it)", soft_wrap=True)
        if open_page:
            _open(server.address, server.address)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _open(address: str, what: object) -> None:
    try:
        opened = webbrowser.open(address)
    except webbrowser.Error:
        opened = False
    if not opened:
        console(stderr=True).print(f"no web browser was found; open {what} yourself", soft_wrap=True, markup=False)
