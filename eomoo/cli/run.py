"""``eomoo run``: one search, its front as a table, figures and files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eomoo.cli.common import Json, console, parse_options, show_value
from eomoo.errors import EomooError, SettingError

if TYPE_CHECKING:
    from eomoo.analysis.runs import StoredRun
    from eomoo.search.algorithms import AlgorithmSpec
    from eomoo.search.problem import CellProblem
    from eomoo.search.run import Progress
    from eomoo.study.store import RunRow

__all__ = ["run"]

_LARGEST = 2**63 - 1  # what the store can hold


def run(
    card: Annotated[
        str, typer.Argument(help="Name of a problem card (see `eomoo problems`), or path to your own.")
    ] = "eo-macro-latency",
    algorithm: Annotated[
        str | None,
        typer.Option(
            "--algorithm",
            "-a",
            help="surrogate-pls (the default), pls, memetic, random, nsga2, nsga3, sms-emoa, moead, spea2, "
            "age-moea or nsga2-integer.",
        ),
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="Where the first cells come from: random or surrogate-pareto.")
    ] = None,
    n_train: Annotated[
        int | None, typer.Option(help="Cells that train the surrogates of a surrogate-pareto start.")
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="Distinct cells to evaluate; by default the card's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed: the same seed gives the same result.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the front, the trace, the settings and figures.")
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option("--constraint", "-c", help="A limit, such as 'latency<=10'; may be repeated."),
    ] = None,
    noise: Annotated[
        int | None, typer.Option(help="Draw values from their uncertainty, with this seed.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="A setting of the algorithm: n_starts=10. May be repeated."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Live cards: epochs of each training.")] = None,
    workers: Annotated[int | None, typer.Option(help="Live cards: candidates trained at once.")] = None,
    device: Annotated[str | None, typer.Option(help="Live cards: auto, cpu, cuda, cuda:1, ...")] = None,
    screen: Annotated[
        int | None,
        typer.Option(help="Live cards: train all for so many epochs, fully only the promising ones."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the card's backend: repeat=random. May be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Search a problem and print the Pareto front that was found.

    With --out, the folder gets the front and the whole trace as CSV, the settings as JSON, a figure of
    the front and drawings of its cells. A finished run in that folder is shown again, not repeated.
    """
    from eomoo.search.algorithms import DEFAULT_ALGORITHM, AlgorithmSpec
    from eomoo.search.operators import check_positive
    from eomoo.search.problem import get_problem

    if seed < 0:
        raise SettingError(f"seed must be a whole number of at least 0; got {seed}")
    options = parse_options(option or [])
    options.update({k: v for k, v in (("init", init), ("n_train", n_train)) if v is not None})
    name = DEFAULT_ALGORITHM if algorithm is None else algorithm
    spec = AlgorithmSpec(label=name, algorithm=name, options=options)
    live = {"epochs": epochs, "workers": workers, "device": device, "screen": screen}
    settings = {**parse_options(setting or []), **{k: v for k, v in live.items() if v is not None}}
    problem = get_problem(card, noise=noise, constraints=constraint or (), **settings)
    spent = check_positive("budget", problem.card.budget if budget is None else budget)
    for what, number in (("seed", seed), ("budget", spent), ("noise", noise or 0)):
        if number > _LARGEST:
            raise SettingError(f"{what} is too large: at most {_LARGEST}; got {number}")
    # A wrong setting is told now, before anything is written.
    spec.build(problem.n_obj)
    with _folder(out) as folder, _closed(problem):
        stored = _run_or_load(problem, spec, spent, seed, folder, quiet=as_json)
        if as_json:
            _print_json(stored)
        else:
            _print_front(stored, problem)
        if out is not None:
            from eomoo.analysis.runs import write_run

            written = write_run(stored, out)
            written += _export(problem, stored, out)
            if not as_json:
                console().print(f"written to {out}: {', '.join(path.name for path in written)}")
    if not stored.run.complete:
        raise typer.Exit(130)


@contextmanager
def _closed(problem: CellProblem) -> Iterator[None]:
    """End what the backends have started, such as workers, however the run ends."""
    try:
        yield
    finally:
        for backend in problem.backends.values():
            if hasattr(backend, "close"):
                backend.close()


def _export(problem: CellProblem, stored: StoredRun, out: Path) -> list[Path]:
    """The front's trained networks as ONNX files, where the problem trains networks."""
    files: list[Path] = []
    for backend in problem.backends.values():
        if hasattr(backend, "export"):
            files += backend.export(stored.front_cells.tolist(), out / "onnx")
    return files


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out
    else:
        with TemporaryDirectory(prefix="eomoo-") as folder:
            yield Path(folder)


def _run_or_load(
    problem: CellProblem, spec: AlgorithmSpec, budget: int, seed: int, folder: Path, *, quiet: bool
) -> StoredRun:
    from eomoo.analysis.runs import load_run
    from eomoo.search.run import run_algorithm
    from eomoo.study.store import STORE_NAME, Store

    with Store(folder / STORE_NAME, create=True) as store:
        known = store.add_problem(problem)
        wanted = (known, spec.label, {"algorithm": spec.algorithm, **spec.settings}, seed, budget)
        mine, others = _find(store.runs(), wanted)
        if mine is None or not mine.complete:
            if others:
                raise SettingError(
                    f"{folder} holds the results of another run; choose another folder with --out"
                )
            store.discard_incomplete()
            with _progress(problem, budget, quiet=quiet) as update:
                result = run_algorithm(problem, spec, budget=budget, seed=seed, on_progress=update)
            store.add_run(known, spec, seed=seed, budget=budget, result=result)
            mine, _ = _find(store.runs(), wanted)
        assert mine is not None
        return load_run(store, mine)


def _find(runs: list[RunRow], wanted: tuple[Any, ...]) -> tuple[RunRow | None, list[RunRow]]:
    """The run (problem, label, settings, seed, budget), and all others."""
    same = [(run.problem, run.label, run.settings, run.seed, run.budget) == wanted for run in runs]
    mine = next((run for run, found in zip(runs, same, strict=True) if found), None)
    return mine, [run for run, found in zip(runs, same, strict=True) if not found]


@contextmanager
def _progress(problem: CellProblem, budget: int, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar with evaluations, distinct cells, the size of the front and its hypervolume."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    measure = _hypervolume_of(problem)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} cells"),
        TextColumn("{task.fields[state]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True), disable=quiet) as bar:
        for backend in problem.backends.values():
            if hasattr(backend, "report") and not quiet:
                backend.report = bar.console.print
        task = bar.add_task(problem.name(), total=budget, state="")
        last = [0.0]

        def update(progress: Any) -> None:
            now = bar.get_time()
            # A hypervolume for every batch would cost more than the search itself.
            if now - last[0] > 0.1 or progress.n_distinct >= budget:
                last[0] = now
                state = f"{progress.n_eval:,} evaluations, front {len(progress.front)}"
                bar.update(task, completed=progress.n_distinct, state=state + measure(progress.front))

        yield update


def _hypervolume_of(problem: CellProblem) -> Callable[[Any], str]:
    from eomoo.fronts.box import Box
    from eomoo.fronts.indicators import hypervolume

    if problem.reference_point is None or not problem.enumerable or not len(problem.pareto_indices()):
        return lambda front: ""
    try:
        box = Box(ideal=problem.ideal_point(), reference=problem.reference_point)
    except EomooError:
        return lambda front: ""
    best = hypervolume(problem.pareto_front(), box)
    if best == 0:
        # No cell is better than the reference point in every objective.
        return lambda front: ""
    return lambda front: f", hypervolume {hypervolume(front, box) / best:.1%} of the true front's"


def _print_json(stored: StoredRun) -> None:
    from eomoo.analysis.runs import front_frame, summary
    from eomoo.files import to_json

    frame = front_frame(stored)
    typer.echo(to_json({**summary(stored), "front": frame.to_dict(orient="records")}))


def _print_front(stored: StoredRun, problem: CellProblem) -> None:
    from rich.table import Table

    from eomoo.analysis.runs import summary

    numbers = summary(stored)
    table = Table()
    table.add_column("cell", justify="right")
    for o in stored.problem.objectives:
        table.add_column(o.label, justify="right")
    # Where parameters are an objective, they have their column already.
    counted = all(o.title != "parameters" for o in stored.problem.objectives)
    for name in ("parameters", "vertices") if counted else ("vertices",):
        table.add_column(name, justify="right")
    outside = problem.extrapolates(stored.front_cells).tolist()
    space = problem.space
    for k, cell in enumerate(stored.front_cells):
        values = [
            show_value(stored.front_values[k, j], o.unit, deviation=stored.deviations[k, j])
            for j, o in enumerate(stored.problem.objectives)
        ]
        mark = "*" if outside[k] else ""
        params = [f"{space.params(int(cell), stored.problem.skeleton):,}"] if counted else []
        table.add_row(f"{cell}{mark}", *values, *params, str(space.n_vertices[cell]))
    out = console()
    out.print(f"{stored.problem.title}: {len(stored.front)} cells on the front")
    out.print(table)
    if any(outside):
        out.print("* outside what was measured: fewer than 5 vertices, so its values are extrapolated")
    share = numbers.get("share_of_true_hypervolume")
    found = f"; {share:.2%} of the true front's hypervolume" if share is not None else ""
    out.print(
        f"{numbers['distinct_cells']:,} distinct cells in {numbers['evaluations']:,} evaluations, "
        f"{numbers['seconds']:.2g} s, {stored.run.algorithm}, seed {stored.run.seed}{found}"
    )
    if not stored.run.complete:
        out.print("interrupted: this is what was found until then")
