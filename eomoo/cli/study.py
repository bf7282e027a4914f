"""``eomoo study``: compare algorithms on problems over many seeds, with the statistics."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from typer import Argument, Option

from eomoo.arrays import Facts
from eomoo.checks import counted, short
from eomoo.cli.common import Bars, console, no_say, print_json
from eomoo.cli.options import Cluster, Figures, FigureWidth, Json, Options
from eomoo.errors import SettingError
from eomoo.progress import doing

if TYPE_CHECKING:
    from eomoo.study.execute import Event
    from eomoo.study.plan import Study


app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Compare algorithms on problems over many seeds: run, show, list, verdict.\n\n"
        "For example: eomoo study run --problems eo-macro-latency,eo-macro-params "
        "--algorithms pls,nsga2,random --seeds 10 --budget 500 --out mystudy, then "
        "eomoo study show mystudy."
    ),
)
Folder = Annotated[Path, Argument(metavar="DIR", help="Folder of a study.")]


@app.command()
def run(
    study: Annotated[
        str | None,
        Argument(metavar="STUDY", help="Name of a shipped study (see `eomoo study list`), or your own STUDY.toml."),
    ] = None,
    problems: Annotated[str | None, Option(help="Problem cards, separated by commas; instead of the study's.")] = None,
    algorithms: Annotated[str | None, Option(help="Algorithms, separated by commas, without a study file.")] = None,
    seeds: Annotated[str | None, Option(help="A number of seeds (10: 1 to 10), or seeds separated by commas.")] = None,
    budget: Annotated[
        int | None, Option(help="Distinct cells that each run may evaluate, without a study file.")
    ] = None,
    jobs: Annotated[int | None, Option("--jobs", "-j", help="Runs at the same time; by default one a core.")] = None,
    cluster: Cluster = None,
    out: Annotated[Path | None, Option(help="Folder of the study; by default ./study-NAME.")] = None,
) -> None:
    """Run a study: problems x algorithms x seeds.

    Interrupt it whenever you like: what has ended is kept, and the same command goes on. The results
    do not depend on --jobs. A study may grow: larger budgets, more seeds, algorithms or problems in the same folder.
    """
    import eomoo.esann2024  # noqa: F401  # its probe gets its short name
    from eomoo.study.execute import run_study

    planned = _plan(study, problems, algorithms, seeds, budget)
    folder = out if out is not None else Path(f"study-{Path(study).stem}" if study else "study")
    if cluster is not None and "://" in cluster:
        no_say("with a scheduler, which has workers of its own", jobs=jobs)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        # A bar in a log file would be noise; the lines of the runs count as well.
        with Bars(quiet=not console(stderr=True).is_terminal) as shown:

            def update(event: Event) -> None:
                shown.console.print(_line(event, planned), soft_wrap=True)
                shown.tell("study", event.done, event.total, f"{event.done:,} of {event.total:,} runs")

            n = run_study(planned, folder, jobs=cores if jobs is None else jobs, cluster=cluster, on_event=update)
    except KeyboardInterrupt:
        console(stderr=True).print("interrupted; what has ended is kept, the same command goes on")
        raise typer.Exit(130) from None
    done = f"all {len(planned.tasks):,} runs were there already" if n == 0 else counted(n, "run")
    console().print(f"{done}; see them with: eomoo study show {quote(str(folder))}", soft_wrap=True)


@app.command()
def show(
    folder: Folder,
    at: Annotated[
        str | None, Option(metavar="N,N", help="Look at these numbers of evaluated cells; by default the budgets.")
    ] = None,
    indicators: Annotated[
        str | None, Option(metavar="NAME,NAME", help="Indicators to print; a wrong name lists them all.")
    ] = None,
    as_json: Json = False,
    latex: Annotated[Path | None, Option(metavar="FILE", help="Write tables for a paper.")] = None,
    csv: Annotated[Path | None, Option(metavar="FOLDER", help="Write every run, the summary, tests and ranks.")] = None,
    figures: Annotated[
        Options,
        Option(
            metavar="png|pdf|svg|FOLDER",
            help="Draw anytime curves, attainment surfaces, shifts, ranks, as what (by default png), and by a name "
            "where to; by default into DIR/figures. May be repeated.",
        ),
    ] = None,
    width: FigureWidth = None,
) -> None:
    """Print a study's tables: medians and quartiles, pairwise tests, ranks over problems."""
    from eomoo import analysis
    from eomoo.files import check_figures
    from eomoo.plots import FORMS

    if not figures:
        no_say("without --figures", width=width)
    wide, forms = width or "column", [name for name in figures or () if name in FORMS]
    place = Path(next((name for name in figures or () if name not in FORMS), folder / "figures"))
    check_figures(forms, wide)
    with doing("comparing runs"):
        tables = analysis.study_tables(analysis.load_results(folder), at=_numbers("at", at) if at else ())
    shown = _names(indicators) if indicators else analysis.default_indicators(tables)
    analysis.check_indicators(shown, tables)
    written: list[Path] = []
    if csv is not None:
        written += analysis.write_csv(tables, csv)
    if latex is not None:
        analysis.write_latex(tables, _names(indicators) if indicators else (), latex)
        written.append(latex)
    if figures:
        own = place == folder / "figures"
        with doing("drawing figures"):
            written += analysis.write_figures(tables.results, place, forms or ("png",), width=wide, own=own)
    if as_json:
        print_json(tables.content)
        return
    for part in analysis.study_lines(tables, shown, console().width):
        console().print(part)
    for path in written:
        console().print(f"written: {path}", soft_wrap=True)


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the studies that eomoo ships."""
    from eomoo.study.plan import list_studies, load_study

    studies = {name: load_study(name) for name in list_studies()}
    if as_json:
        print_json([{"name": name, **study.content, "runs": len(study.tasks)} for name, study in studies.items()])
        return
    table = Table("study", "what it asks", "problems", "algorithms", "seeds", "runs")
    table.columns[2].no_wrap = True
    for name, study in studies.items():
        cards = "\n".join(p.card for p in study.problems)
        counts = [str(len(study.algorithms)), str(len(study.seeds)), f"{len(study.tasks):,}"]
        table.add_row(name, study.title, cards, *counts)
    console().print(table)


@app.command()
def verdict(
    folder: Folder,
    out: Annotated[Path, Option(metavar="PAGE.md", help="The page, or a folder for it.")],
    figures: Figures = None,
    width: FigureWidth = None,
) -> None:
    """Say which of the published claims hold, from the data-centric study's folder, and write the page on them."""
    from rich.markdown import Markdown

    from eomoo.analysis import load_results
    from eomoo.esann2024 import write_verdict
    from eomoo.esann2024.conclusion import conclusion
    from eomoo.files import check_figures, read_json

    forms = check_figures(figures or ["png"], width or "page")
    results = load_results(folder)
    paths = write_verdict(results, out, forms, width=width or "page")
    content: Facts = read_json(paths[1])
    if results.unfinished:
        console().print(results.unfinished, soft_wrap=True)
    console().print(Markdown(conclusion(content["claims"], content["starts"])))
    for path in paths:
        console().print(f"written: {path}", soft_wrap=True)


def _plan(
    study: str | None, problems: str | None, algorithms: str | None, seeds: str | None, budget: int | None
) -> Study:
    from eomoo.study.plan import load_study, parse_study

    if study is None:
        if problems is None or algorithms is None:
            raise SettingError(
                "name a study, such as data-centric, or give --problems and --algorithms, such as "
                "--problems eo-macro-latency --algorithms pls,nsga2"
            )
        return parse_study(
            {
                "title": f"{algorithms.replace(',', ', ')} on {problems.replace(',', ', ')}",
                "problems": _names(problems),
                "algorithms": [{"algorithm": name} for name in _names(algorithms)],
                "budget": 500 if budget is None else budget,
                "seeds": 10 if seeds is None else _seeds(seeds),
            }
        )
    if algorithms is not None or budget is not None:
        name = "algorithms" if algorithms is not None else "budget"
        raise SettingError(f"--{name} has no say here: a study file says its algorithms and budgets; change them there")
    planned = load_study(study)
    if problems is not None:
        planned = planned.with_problems(_names(problems))
    if seeds is not None:
        chosen = _seeds(seeds)
        # A number takes that many of the study's own seeds, so that a small trial is a part of the whole.
        first = planned.seeds[:chosen] if isinstance(chosen, int) else tuple(chosen)
        planned = replace(planned, seeds=first)
    return planned


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _seeds(text: str) -> int | list[int]:
    numbers = _numbers("seeds", text, least=0)
    if len(numbers) == 1 and "," not in text:
        if numbers[0] < 1:
            raise SettingError("a study needs at least one seed; --seeds 10 means the seeds 1 to 10")
        return numbers[0]
    return numbers


def _numbers(option: str, text: str, *, least: int = 1) -> list[int]:
    try:
        numbers = [int(part) for part in _names(text)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < least:
        raise SettingError(
            f"--{option} takes whole numbers of at least {least}, separated by commas; got {short(text)}"
        )
    return numbers


def _line(event: Event, study: Study) -> str:
    """What is told of a run that has ended."""
    from eomoo.analysis import duration

    run, found = event.task, event.result
    label = max(len(spec.label) for spec, _ in study.algorithms)
    card = max(len(Path(problem.card).stem) for problem in study.problems)
    return (
        f"[{event.done:>{len(str(event.total))}}/{event.total}] {Path(run.problem.card).stem:<{card}}  "
        f"{run.spec.label:<{label}}  seed {run.seed:<4} {len(found.cells):>6,} cells, front {len(found.front):>3}, "
        f"{duration(found.seconds)}"
    )
