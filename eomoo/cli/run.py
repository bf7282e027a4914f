"""``eomoo run``: one search, its front as a table, figures and files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

import eomoo.cli.options as opt
from eomoo.checks import counted
from eomoo.cli.common import Bars, console, given, import_xgboost, joined, no_say, parse_options, print_json
from eomoo.errors import SettingError

if TYPE_CHECKING:
    from eomoo.analysis import StoredRun
    from eomoo.api import Run
    from eomoo.arrays import Facts
    from eomoo.objectives.card import Card
    from eomoo.search.algorithms import AlgorithmSpec
    from eomoo.search.problem import CellProblem
    from eomoo.search.run import Progress


def run(
    card: Annotated[
        str | None,
        Argument(
            metavar="CARD",
            help="Name of a problem card (see `eomoo problems`), or path to your own; by default eo-macro-latency, "
            "with --data live-data.",
        ),
    ] = None,
    data: opt.CardImages = None,
    algorithm: Annotated[
        str | None,
        Option(
            "--algorithm",
            "-a",
            help="surrogate-pls (the default), cost-aware (that of live cards), pls, memetic, random, nsga2, nsga3, "
            "sms-emoa, moead, spea2, age-moea or nsga2-integer.",
        ),
    ] = None,
    init: Annotated[
        str | None, Option(help="The first cells: random, walks, surrogate-pareto or surrogate-pareto-as-published.")
    ] = None,
    n_train: Annotated[int | None, Option(help="Cells that train the surrogates of a surrogate-pareto start.")] = None,
    prior: Annotated[
        opt.Options,
        Option(
            metavar="MODELS|TABLE|RUN|eo-hwnas",
            help="What may tell beforehand how well networks train; the search learns how far to believe it. "
            "May be repeated.",
        ),
    ] = None,
    rungs: Annotated[
        str | None,
        Option(help="Epochs of short trainings and of a full one, as 1,3,9 or 1,all; by default a ninth, then all."),
    ] = None,
    budget: Annotated[
        int | None,
        Option(
            help="Cells to evaluate, live: full trainings; by default the card's. With more the run in --out goes on."
        ),
    ] = None,
    hours: Annotated[
        float | None, Option(help="Wall hours after which nothing more is begun; without --budget any number of cells.")
    ] = None,
    repeats: Annotated[
        int,
        Option(
            help="Live cards: after the search, train the best cells so often in all, by other seeds; "
            "beside the budget."
        ),
    ] = 1,
    seed: Annotated[int, Option(help="Seed: the same seed gives the same result.")] = 1,
    out: Annotated[Path | None, Option(help="Folder for the front, the trace, the settings and figures.")] = None,
    constraint: opt.Limits = None,
    noise: opt.Noise = None,
    latency_from: Annotated[
        str | None,
        Option(
            metavar="MODELS|here",
            help="A folder of models that predict the latency on another device, in place of the card's; here: time 20 "
            "cells on this one first, with --device cuda on its GPU.",
        ),
    ] = None,
    option: Annotated[
        opt.Options,
        Option("--option", "-o", metavar="KEY=VALUE", help="A setting of the algorithm: n_starts=10. May be repeated."),
    ] = None,
    epochs: Annotated[int | None, Option(help="Epochs of each training; of nb101s cards 4, 12, 36 or 108.")] = None,
    workers: opt.Workers = None,
    cluster: opt.Cluster = None,
    device: opt.CardDevice = None,
    setting: opt.CardSettings = None,
    retry_failed: Annotated[
        bool, Option("--retry-failed", help="Run again what is in --out, and what a machine failed at.")
    ] = False,
    figures: opt.Figures = None,
    width: opt.FigureWidth = None,
    as_json: opt.Json = False,
) -> None:
    """Search a problem and print the Pareto front that was found.

    With --out, the folder gets the front and the whole trace as CSV, the settings as JSON, a figure of
    the front and drawings of its cells (for a paper: --figures pdf). A finished run in that folder is shown again,
    not repeated; one that was interrupted goes on, and so does one that is asked for a larger --budget or --hours.
    """
    named = ("eo-macro-latency" if data is None else "live-data") if card is None else card
    with Bars(quiet=as_json, stay=True) as shown:
        # A sign of life from the start, since what a search needs takes a second to be imported.
        shown.wait(Path(named).stem)
        from eomoo.files import check_figures
        from eomoo.objectives import load_card
        from eomoo.search.algorithms import AlgorithmSpec, check_asked, default_name
        from eomoo.search.priors import prior_option
        from eomoo.search.problem import live_card

        if out is None:
            no_say("without --out", figures=figures, width=width)
        forms, wide = check_figures(figures or ["png"], width or "column"), width or "column"
        known = load_card(named) if data is None else live_card(named)
        chosen = default_name(known) if algorithm is None else algorithm
        check_asked(chosen, given(init=init, n_train=n_train, priors=prior or None, rungs=rungs))
        if out is None and not known.live:
            no_say("without --out, where nothing is kept", retry_failed=retry_failed)
        options = joined(parse_options(option), given(init=init, n_train=n_train) | prior_option(prior or ()))
        own = given(epochs=epochs, workers=workers, cluster=cluster, device=device)
        settings = joined(parse_options(setting), own)
        if rungs is not None:
            lengths = {"rungs": _lengths(rungs, epochs, known)}
            if known.live:
                settings = joined(settings, lengths)
            else:
                options = joined(options, lengths)
        settings = joined(settings, given(data=data))
        settings |= {"noise": noise, "constraints": constraint or (), "latency_from": latency_from}
        spec = AlgorithmSpec(label=chosen, algorithm=chosen, options=options)
        how = {"seed": seed, "repeats": repeats, "figures": forms, "width": wide, "retry_failed": retry_failed}
        found = _search(shown, named, settings, spec, budget, hours, out=out, as_json=as_json, **how)
    _print(found, out, as_json=as_json)
    # What went wrong in a run that is only shown again is as true as its front.
    notes = list(found.stored.run.network.get("notes", [])) if found.repeated else []
    notes += [note for backend in found.problem.backends.values() for note in backend.notes()]
    for note in dict.fromkeys(notes):
        console(stderr=True).print(note)
    if not found.stored.run.complete:
        raise typer.Exit(130)


def _lengths(rungs: str, epochs: int | None, card: Card) -> str | list[float]:
    """Lengths of training: in epochs, as a live card reads them, or as shares of the last."""
    if card.live:
        if epochs is not None and not rungs.endswith("all"):
            raise SettingError(
                "--rungs says the epochs of a full training at its end: leave --epochs out, or write all there"
            )
        return rungs
    try:
        *lengths, last = map(float, rungs.split(","))
    except ValueError:
        raise SettingError(f"--rungs are lengths of training, the full one last, as in 4,12,108; got {rungs}") from None
    full = epochs or next((told["epochs"] for told in card.backends.values() if "epochs" in told), last)
    if last != full:
        raise SettingError(
            f"a full training of {card.name} has {full:g} epochs, --rungs {rungs} ends with {last:g}: end it with "
            f"{full:g}, or add --epochs {last:g}"
        )
    return [length / last if last > 0 else 0.0 for length in lengths]


def _search(
    shown: Bars,
    card: str,
    settings: Facts,
    spec: AlgorithmSpec,
    budget: int | None,
    hours: float | None,
    *,
    out: Path | None,
    as_json: bool,
    **how: Any,
) -> Run:
    """Search with a bar; the front is printed as soon as it is known. This device's cells are timed where asked for."""
    from eomoo.api import pose
    from eomoo.api import run as search
    from eomoo.measuring import latency_models

    def time_cells(card: str, *, data: str | None, latency: Facts) -> Path:
        told: Facts = {"report": shown.say, "latency": latency}
        told["on_progress"] = lambda step: shown.tell("timing 20 cells on this device", step.done, step.total)
        folder = latency_models(card, data=data, **told)
        shown.say(f"latency on this device: models in {folder}")
        return folder

    def show(found: Run) -> None:
        shown.end()
        if not as_json:
            _print_front(found.stored, "DIR" if out is None else str(out))

    asked = {"budget": budget, "hours": hours, "seed": how["seed"], "repeats": how["repeats"]}
    with closing(pose(card, spec, asked, time_cells, **settings)) as problem:
        # Fits of timed cells, which come before, may use what this leaves out.
        import_xgboost()
        for backend in problem.backends.values():
            backend.report = shown.say
        how |= {"budget": budget, "hours": hours, "out": out, "on_found": show}
        how |= {"algorithm": spec.algorithm, "options": spec.options}
        return search(problem, on_progress=_telling(shown, problem, budget, hours), **how)


def _print(found: Run, out: Path | None, *, as_json: bool) -> None:
    """What is said at the end, once the front has been printed."""
    if as_json:
        print_json({**found.summary, "front": found.front.to_dict(orient="records")})
    elif out is not None:
        if found.repeated:
            console().print(f"this run was in {out} already: nothing was evaluated", soft_wrap=True)
        elif found.n_earlier:
            console().print(f"its first {found.n_earlier:,} cells were in {out} already", soft_wrap=True)
        console().print(f"written to {out}: {', '.join(str(path.relative_to(out)) for path in found.written)}")


def _telling(shown: Bars, problem: CellProblem, budget: int | None, hours: float | None) -> Callable[[Progress], None]:
    """What tells a bar of cells, or else of hours, with evaluations and the size of the front."""
    from eomoo.analysis import duration

    began = monotonic()
    # With hours alone nobody knows how many cells they bring.
    most = budget or (problem.card.budget if hours is None else None)

    def tell(progress: Progress) -> None:
        n, total = progress.n_distinct, None if most is None else float(most)
        done, cells = float(n), f"{n:,} of {most or 0:,} cells"
        if most is None:
            # How long an earlier part took, only its store knows.
            done, total = monotonic() - began, None if progress.n_earlier or hours is None else 3600 * hours
            cells = f"{n:,} cells, {duration(done)} of {hours:g} hours"
        found = f"{counted(progress.n_eval, 'evaluation')}, front {len(progress.front)}"
        shown.tell(problem.name(), done, total, f"{cells}, {found}")

    return tell


def _print_front(stored: StoredRun, place: str) -> None:
    from eomoo import analysis
    from eomoo.plots import percent

    numbers, out = analysis.summary(stored), console()
    kind = "predicted front" if stored.problem.predicted else "front"
    out.print(f"{stored.problem.title}: {counted(len(stored.front), 'cell')} on the {kind} found")
    if len(stored.front):
        out.print(analysis.front_rows(stored, out.width))
    if words := analysis.basis_words(stored.run.basis.values()):
        out.print(words)
    said, choices = stored.run.uncertainty, analysis.choice_rows(stored, out.width)
    if said is not None and choices is not None:
        out.print(choices)
        known = "predicted" if stored.problem.predicted else "measured, some with a known error"
        out.print(f"Values are {known}. {analysis.certainty_words(stored.problem, said)}")
    share = numbers.get("share_of_true_hypervolume")
    found = f"; {percent(share, 2)} of the {stored.problem.best_front}'s hypervolume" if share is not None else ""
    out.print(
        f"{counted(numbers['distinct_cells'], 'distinct cell')} in {counted(numbers['evaluations'], 'evaluation')}, "
        f"{analysis.duration(numbers['seconds'])}, {stored.run.algorithm}, seed {stored.run.seed}{found}"
    )
    for name in ("ended", "nearest"):
        if name in stored.run.extra and stored.run.complete:
            out.print(f"{stored.run.extra[name]}")
    for line in analysis.spending_words(stored.run):
        out.print(line)
    for line in analysis.repeat_words(stored.problem, stored.run, place):
        out.print(line, soft_wrap=True)
    if not stored.run.complete:
        out.print("interrupted: this is what was found until then")
