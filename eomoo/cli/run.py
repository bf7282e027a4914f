"""``eomoo run``: one search, its front as a table, figures and files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer import Argument, Option

from eomoo.cli.common import (
    Cluster,
    Figures,
    Json,
    Limits,
    Noise,
    Options,
    Width,
    bars,
    console,
    end_bars,
    given,
    import_xgboost,
    parse_options,
    print_json,
    progress,
)
from eomoo.errors import EomooError, SettingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.status import Status

    from eomoo.analysis import StoredRun
    from eomoo.api import Run
    from eomoo.search.problem import CellProblem
    from eomoo.search.run import Progress


_LINES_S = 5.0  # seconds between lines where there is no terminal


def run(
    card: Annotated[
        str | None,
        Argument(
            help="Name of a problem card (see `eomoo problems`), or path to your own; by default eo-macro-latency, "
            "with --data live-data."
        ),
    ] = None,
    data: Annotated[
        str | None,
        Option(help="Live cards: a folder of images by class, a scene.toml, so2sat:FOLDER or landsat-nc, to train on."),
    ] = None,
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
        Options,
        Option(
            metavar="MODELS|TABLE|RUN|eo-hwnas",
            help="What may tell something of what needs trainings; the search learns how much. May be repeated.",
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
    seed: Annotated[int, Option(help="Seed: the same seed gives the same result.")] = 1,
    out: Annotated[Path | None, Option(help="Folder for the front, the trace, the settings and figures.")] = None,
    constraint: Limits = None,
    noise: Noise = None,
    latency_from: Annotated[
        str | None,
        Option(
            metavar="MODELS|here",
            help="A folder of models that predict the latency on another device, in place of the card's; here: time 20 "
            "cells on this one first.",
        ),
    ] = None,
    option: Annotated[
        Options, Option("--option", "-o", help="A setting of the algorithm: n_starts=10. May be repeated.")
    ] = None,
    epochs: Annotated[int | None, Option(help="Epochs of each training; of nb101s cards 4, 12, 36 or 108.")] = None,
    workers: Annotated[int | None, Option(help="Live cards: candidates trained at once.")] = None,
    cluster: Cluster = None,
    device: Annotated[str | None, Option(help="Live cards: auto, cpu, cuda, cuda:1, ...")] = None,
    setting: Annotated[
        Options,
        Option("--set", help="A setting of the card's backend: repeat=random, latency.batch_size=8. May be repeated."),
    ] = None,
    retry_failed: Annotated[
        bool, Option("--retry-failed", help="Run again what is in --out, and what a machine failed at.")
    ] = False,
    figures: Figures = None,
    width: Width = None,
    as_json: Json = False,
) -> None:
    """Search a problem and print the Pareto front that was found.

    With --out, the folder gets the front and the whole trace as CSV, the settings as JSON, a figure of
    the front and drawings of its cells (for a paper: --figures pdf). A finished run in that folder is shown again,
    not repeated; one that was interrupted goes on, and so does one that is asked for a larger --budget or --hours.
    """
    named = ("eo-macro-latency" if data is None else "live-data") if card is None else card
    with _preparing(named, quiet=as_json) as preparing:
        from eomoo.api import check_noise, check_run
        from eomoo.api import run as search
        from eomoo.files import check_figures
        from eomoo.objectives import load_card
        from eomoo.search.algorithms import AlgorithmSpec, default_name
        from eomoo.search.live_problem import live_problem
        from eomoo.search.priors import prior_option
        from eomoo.search.problem import get_problem

        check_noise(noise)
        forms, wide = check_figures(figures or ["png"], width or "column"), width or "column"
        known = load_card(named)
        options = {**parse_options(option), **given(init=init, n_train=n_train), **prior_option(prior or ())}
        settings = {**parse_options(setting), **given(epochs=epochs, workers=workers, cluster=cluster, device=device)}
        if rungs is not None and known.live:
            if epochs is not None and not rungs.endswith("all"):
                raise SettingError(
                    "--rungs says the epochs of a full training at its end: leave --epochs out, or write all there"
                )
            settings["rungs"] = rungs
        elif rungs is not None:
            options["rungs"] = _shares(rungs)
        posed: dict[str, Any] = {**settings, "noise": noise, "constraints": constraint or ()}
        pose = partial(get_problem, named) if data is None else partial(live_problem, card, data=data)
        chosen = default_name(known) if algorithm is None else algorithm
        if latency_from == "here":
            # What cannot be is told before cells are timed.
            check_run(pose(**posed), AlgorithmSpec(label=chosen, algorithm=chosen, options=options), budget, hours)
            latency_from = str(_timed_here(named, data, preparing, quiet=as_json))
        problem = pose(**posed, latency_from=latency_from)
        import_xgboost()
        expected = budget or (problem.card.budget if hours is None else problem.n_cells)
        bar = _progress(problem, expected, preparing, quiet=as_json)
        with closing(problem), bar as (update, finish):

            def show(found: Run) -> None:
                finish()
                preparing.stop()
                if not as_json:
                    _print_front(found.stored)
                    if out is not None and console(stderr=True).is_terminal:
                        preparing.update(f"{named}: drawing figures")
                        preparing.start()

            found = search(
                problem,
                algorithm=chosen,
                options=options,
                budget=budget,
                hours=hours,
                seed=seed,
                out=out,
                figures=forms,
                width=wide,
                on_progress=update,
                on_found=show,
                retry_failed=retry_failed,
            )
    if as_json:
        _print_json(found.stored)
    elif out is not None:
        if found.repeated:
            console().print(f"this run was in {out} already: nothing was evaluated", soft_wrap=True)
        elif found.n_earlier:
            console().print(f"its first {found.n_earlier:,} cells were in {out} already", soft_wrap=True)
        console().print(f"written to {out}: {', '.join(path.name for path in found.written)}")
    for backend in problem.backends.values():
        for note in backend.notes():
            console(stderr=True).print(note)
    if not found.stored.run.complete:
        raise typer.Exit(130)


def _shares(rungs: str) -> list[float]:
    """Lengths of training as shares of the last."""
    try:
        *lengths, last = map(float, rungs.split(","))
    except ValueError:
        raise SettingError(f"--rungs are lengths of training, the full one last, as in 4,12,108; got {rungs}") from None
    return [length / last if last > 0 else 0.0 for length in lengths]


def _timed_here(card: str, data: str | None, preparing: Status, *, quiet: bool) -> Path:
    """Models of this device's latency, of cells that are timed now where they are not yet."""
    from eomoo.measuring import latency_models

    preparing.stop()
    screen = console(stderr=True)

    def told(sentence: str) -> None:
        if not quiet:
            screen.print(sentence, soft_wrap=True)

    with progress("timing 20 cells on this device", quiet=quiet) as advance:
        folder = latency_models(card, data=data, on_progress=lambda s: advance(s.done, s.total), report=told)
    told(f"latency on this device: models in {folder}")
    if screen.is_terminal and not quiet:
        preparing.start()
    return folder


@contextmanager
def _preparing(card: str, *, quiet: bool) -> Iterator[Status]:
    """A sign of life from the start, since what a search needs takes a second to be imported."""
    screen = console(stderr=True)
    status = screen.status(f"{card}: preparing")
    if screen.is_terminal and not quiet:
        status.start()
    try:
        yield status
    finally:
        status.stop()


@contextmanager
def _progress(
    problem: CellProblem, budget: int, preparing: Status, *, quiet: bool
) -> Iterator[tuple[Callable[[Progress], None], Callable[[], None]]]:
    """A bar with evaluations, distinct cells, the size of the front and its hypervolume: to update, to end."""
    measure = _hypervolume_of(problem)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} cells"),
        TextColumn("{task.fields[state]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with bars(*columns, quiet=quiet, transient=False) as bar:
        task = bar.add_task(problem.name(), total=budget, state="")
        for backend in problem.backends.values():
            if not quiet:
                backend.report = bar.console.print
        shown, told = 0.0, 0.0

        def update(progress: Progress) -> None:
            nonlocal shown, told
            now = bar.get_time()
            if not shown:
                preparing.stop()
                bar.start()
            if not bar.console.is_terminal and not quiet and now - told > _LINES_S:
                # A pipe or a file sees no bar.
                told = now
                bar.console.print(f"{problem.name()}: {progress.n_distinct:,} of {budget:,} cells")
            # A hypervolume for every batch would cost more than the search itself.
            if now - shown > 0.1 or progress.n_distinct >= budget:
                shown = now
                state = f"{progress.n_eval:,} evaluations, front {len(progress.front)}"
                bar.update(task, completed=progress.n_distinct, state=state + measure(progress.front))

        yield update, lambda: end_bars(bar)


def _hypervolume_of(problem: CellProblem) -> Callable[[NDArray[np.float64]], str]:
    from eomoo.fronts import Box, hypervolume

    best = 0.0
    if problem.reference_point is not None and problem.enumerable and len(problem.pareto_indices()):
        with suppress(EomooError):
            box = Box(ideal=problem.ideal_point(), reference=problem.reference_point)
            best = hypervolume(problem.pareto_front(), box)
    if best == 0:
        # Not known, or no cell is better than the reference point in every objective.
        return lambda front: ""
    whose = "predicted" if problem.predicted else "true"
    return lambda front: f", hypervolume {hypervolume(front, box) / best:.2%} of the {whose} front's"


def _print_json(stored: StoredRun) -> None:
    from eomoo.analysis import front_frame, summary

    print_json({**summary(stored), "front": front_frame(stored).to_dict(orient="records")})


def _print_front(stored: StoredRun) -> None:
    from eomoo.analysis import (
        basis_words,
        certainty_words,
        choice_rows,
        duration,
        front_rows,
        spending_words,
        summary,
    )  # fmt: skip

    numbers = summary(stored)
    out = console()
    kind = "predicted front" if stored.problem.predicted else "front"
    out.print(f"{stored.problem.title}: {len(stored.front)} cells on the {kind} found")
    out.print(front_rows(stored))
    if words := basis_words(stored.run.basis.values()):
        out.print(words, soft_wrap=True)
    said, choices = stored.run.uncertainty, choice_rows(stored)
    if said is not None and choices is not None:
        out.print(choices)
        known = "predicted" if stored.problem.predicted else "measured, some with a known error"
        out.print(f"Values are {known}. {certainty_words(stored.problem, said)}", soft_wrap=True)
    share = numbers.get("share_of_true_hypervolume")
    found = f"; {share:.2%} of the {stored.problem.best_front}'s hypervolume" if share is not None else ""
    out.print(
        f"{numbers['distinct_cells']:,} distinct cells in {numbers['evaluations']:,} evaluations, "
        f"{duration(numbers['seconds'])}, {stored.run.algorithm}, seed {stored.run.seed}{found}"
    )
    for name in ("ended", "nearest"):
        if name in stored.run.extra and stored.run.complete:
            out.print(f"{stored.run.extra[name]}")
    for line in spending_words(stored.run):
        out.print(line, soft_wrap=True)
    if not stored.run.complete:
        out.print("interrupted: this is what was found until then")
