"""``eomoo report`` and ``cite``: stored results as a page that people open or as text for papers, and what to cite."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from eomoo.cli.common import console, no_say, print_json
from eomoo.cli.options import Json
from eomoo.errors import SettingError
from eomoo.progress import doing


def report(
    folder: Annotated[
        Path, Argument(metavar="RUN_OR_STUDY", help="Folder that `eomoo run --out` or `eomoo study run` wrote.")
    ],
    format: Annotated[  # noqa: A002
        str | None,
        Option("--format", "-f", help="html (the default): a page; md: Markdown; csv: the main table; latex: tables."),
    ] = None,
    out: Annotated[
        Path | None, Option(help="File to write, or - to print; by default report.html (.md, ...) in the folder.")
    ] = None,
    open_page: Annotated[bool, Option("--open", help="Open it in the web browser.")] = False,
    watch: Annotated[
        bool,
        Option(help="Serve pages of all that runs in and below the folder to this machine's browsers, until Ctrl-C."),
    ] = False,
    port: Annotated[int | None, Option(help="With --watch: the port, by default 8750; 0 for any.")] = None,
) -> None:
    """Make one page of a run or a study: the front, the choice under limits, curves, tests, sources.

    The page holds everything it needs: it opens offline, in light and dark, on a phone, and can be sent
    to others. Nothing is run again. A landscape sheet in the folder (eomoo landscape CARD --out DIR)
    is shown too. With --watch pages of runs, studies and measurements follow what happens, and nothing is written.
    """
    from eomoo.analysis import render_report, write_report

    if watch:
        no_say("with --watch, which writes nothing", format=format, out=out)
        _serve(folder, 8750 if port is None else port, open_page=open_page)
        return
    no_say("without --watch", port=port)
    format = format or "html"  # noqa: A001
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


def cite(
    what: Annotated[str, Argument(metavar="CARD|DIR", help="A problem card, or the folder of a run or a study.")],
    out: Annotated[Path | None, Option(metavar="FILE.bib", help="Write into a file instead of printing.")] = None,
    as_json: Json = False,
) -> None:
    """Print BibTeX of all that a card, a run or a study stands on: data, algorithms, measures, packages."""
    from eomoo.analysis import bibtex, cited_works, load_results
    from eomoo.errors import DataNotFoundError
    from eomoo.files import write_text
    from eomoo.objectives.card import list_problems, load_card

    if what in list_problems() or what.endswith(".toml"):
        found: tuple[list[Any], list[Any]] = [load_card(what)], []
    elif not Path(what).is_dir():
        raise DataNotFoundError(
            f"{what} is neither a problem card (see `eomoo problems`) nor the folder of a run or a study"
        )
    else:
        results = load_results(what)
        found = [p.problem for p in results.problems], results.runs
    study = len(found[1]) > 1
    if out is not None:
        write_text(out, bibtex(*found, study=study))
    if as_json:
        print_json(cited_works(*found, study=study))
    else:
        typer.echo(bibtex(*found, study=study) if out is None else f"written: {out}\n", nl=False)
