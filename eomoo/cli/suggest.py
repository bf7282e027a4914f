"""``eomoo suggest``: the cells whose measurement would tell most of where the front lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from typer import Argument, Option

from eomoo.arrays import Facts
from eomoo.cli.common import console, print_json
from eomoo.cli.options import Json, Limits
from eomoo.errors import DataNotFoundError, SettingError
from eomoo.plots import number
from eomoo.progress import doing

if TYPE_CHECKING:
    from eomoo.arrays import Ints
    from eomoo.search.problem import CellProblem
    from eomoo.search.suggest import Suggestion


def suggest(
    what: Annotated[
        str, Argument(metavar="CARD|RUN|MODELS", help="A problem card, a run's folder, or a folder of models.")
    ] = "eo-macro-latency",
    n: Annotated[int | None, Option("--n", "-n", help="Cells to measure, as one batch; by default up to 8.")] = None,
    constraint: Limits = None,
    seed: Annotated[int, Option(help="Of the draws: the same seed suggests the same.")] = 0,
    out: Annotated[Path | None, Option(help="Write the cells to this CSV file.")] = None,
    as_json: Json = False,
) -> None:
    """Suggest which cells to measure next, and say why.

    Measured together, they are expected to narrow the uncertainty of the front most: each may be on it, or
    tells of others that may, and none tells what those before it tell already.
    """
    from eomoo.files import check_folder
    from eomoo.search.suggest import suggest_cells

    if out is not None:
        check_folder(out.parent)  # before minutes of drawing
    with doing("reading what is known"):
        problem, front = _asked(what, constraint or [])
    if not as_json:
        for backend in problem.backends.values():
            backend.report = console(stderr=True).print
    with doing("weighing cells"):
        found = suggest_cells(problem, n, cells=front, seed=seed)
    rows = _rows(problem, found)
    if out is not None:
        from eomoo.analysis.runs import write_columns

        names = problem.objective_names
        # For whoever measures them to fill in: what is known now, predicted or measured so far, is no new measurement.
        columns: dict[str, list[Any]] = {name: [""] * len(rows) for name in names}
        columns |= {f"{name}_now" if name in names else name: [row[name] for row in rows] for name in rows[0]}
        write_columns(columns, out)
    if as_json:
        print_json({"problem": problem.name(), "cells": rows})
        return
    _print(problem, found)
    if out is not None:
        console().print(f"written: {out}")


def _asked(what: str, constraints: list[str]) -> tuple[CellProblem, Ints | None]:
    """The problem of a card, of a run or of models, and the front of the run."""
    from eomoo.analysis.results import load_results
    from eomoo.analysis.trained import pose_again
    from eomoo.objectives.card import list_problems
    from eomoo.search.problem import get_problem
    from eomoo.study.store import STORE_NAME

    place = Path(what)
    if (place / "card.toml").is_file():
        return get_problem(place / "card.toml", constraints=constraints), None
    if not (place / STORE_NAME).is_file():
        if place.is_dir() and what not in list_problems():
            raise DataNotFoundError(f"{place} holds neither the results of a run nor models with a card.toml")
        return get_problem(what, constraints=constraints), None
    results = load_results(place).problems[0]
    row = results.problem
    if row.noise is not None:
        raise SettingError(f"{place} was run with noise; suggest for its card {row.name}")
    if not len(results.traces[0].cells):
        raise SettingError(f"{place} has evaluated no cell yet; go on with its search, or suggest for {row.name}")
    problem = pose_again(row, constraints=tuple(constraints))
    # As the run's own front tells them: means of its repeats.
    problem.tell_repeats(results.runs[0].n_repeats)
    trace, (front,) = results.traces[0], results.fronts(0, [results.runs[0].budget])
    # What was contended would be timed anew, and be another value than the front's.
    limited = results.runs[0].evaluated.get("limited", [[]] * len(trace.cells))
    for cell, values, more in zip(trace.cells.tolist(), trace.values.tolist(), limited, strict=True):
        if len(more) == len(problem.constraints) and None not in more:
            problem.keep_values(cell, np.array([*values, *more], dtype=np.float64))
    return problem, trace.cells[front] if not constraints else None


def _rows(problem: CellProblem, found: list[Suggestion]) -> list[Facts]:
    from eomoo.space import load_space

    space = load_space()
    return [
        {
            "index": s.cell,
            "hash": space.cell(s.cell).hash,
            "front_probability": s.probability,
            **dict(zip(problem.objective_names, s.values.tolist(), strict=True)),
            **{f"{name}_unknown": u for name, u in zip(problem.objective_names, s.unknown.tolist(), strict=True)},
            "tells_of": s.tells_of,
            "uncertainty_left": s.left,
            "why": s.why,
        }
        for s in found
    ]


def _print(problem: CellProblem, found: list[Suggestion]) -> None:
    from eomoo.analysis.printing.terminal import to_rich
    from eomoo.analysis.tables import Said, Table

    labels = [o.label for o in problem.objectives]
    rows = [
        [
            s.cell,
            *(number(v, u) for v, u in zip(s.values.tolist(), s.unknown.tolist(), strict=True)),
            Said(value=s.probability, text=s.chance),
            s.tells_of,
            f"{100 * s.left:.1f} %",
        ]
        for s in found
    ]
    columns = ["measure", *labels, "P(front)", "tells of", "uncertainty left"]
    out = console()
    title = f"{problem.card.title or problem.name()}: what to measure next"
    out.print(to_rich(Table(title=title, columns=columns, rows=rows, key="suggestions")))
    out.print(
        "± is one standard deviation of what is not known of a cell; the noise of a measurement is not in it. "
        "Tells of: how many other cells that may be on the front are known better with it, beyond what those above "
        "tell (correlation 0.5 or more). Uncertainty left: the share of the variance of all cells that may be on the "
        "front, once this cell and those above are measured.",
        soft_wrap=True,
    )
