"""``eomoo landscape``: what kind of problem a card poses, as numbers and as a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.table import Table
from typer import Argument, Option

from eomoo.arrays import Facts
from eomoo.cli.common import Json, Limits, Noise, console, print_json
from eomoo.errors import SettingError

if TYPE_CHECKING:
    from eomoo.search.problem import CellProblem


def landscape(
    card: Annotated[str | None, Argument(help="A problem card, as for run; by default eo-macro-latency.")] = None,
    published: Annotated[bool, Option("--published", help="The published analysis of the EO table instead.")] = False,
    out: Annotated[Path | None, Option(help="Folder for landscape.json, the curves as CSV, and the sheet.")] = None,
    neighborhood: Annotated[
        str, Option(help="symmetric, hamming or published: which cells are one step apart.")
    ] = "symmetric",
    walks: Annotated[int, Option(help="Random walks that ruggedness is measured on.")] = 500,
    walk_length: Annotated[int, Option(help="Cells in each random walk.")] = 500,
    searches: Annotated[int, Option(help="Pareto local searches from random cells.")] = 20,
    seed: Annotated[int, Option(help="Seed of walks and searches.")] = 1,
    constraint: Limits = None,
    noise: Noise = None,
    as_json: Json = False,
) -> None:
    """Measure a problem's landscape: front, local optima, basins, ruggedness, how deep a search must go.

    All cells are looked at, none is sampled. Cards on the EO table (eo-table-...) give the published
    landscape analysis instead, as --published does: its 450 cells are a sample along random walks, not a
    space.
    """
    from eomoo.search.problem import get_problem

    default = "eo-table-macro-latency" if published else "eo-macro-latency"
    problem = get_problem(card or default, noise=noise, constraints=constraint or ())
    if published and not _is_eo_table(problem):
        raise SettingError(f"--published is about the EO table; {problem.name()} is not a card on it")
    if _is_eo_table(problem):
        if constraint or noise is not None:
            raise SettingError("the published analysis is of the whole table: no --constraint, no --noise")
        numbers, written = _published(problem, out)
        show = _print_published
    else:
        from eomoo.landscape import analyse_landscape, write_landscape

        with console(stderr=True).status(f"measuring the landscape of {problem.name()} ..."):
            analysis = analyse_landscape(
                problem,
                neighborhood=neighborhood,
                n_walks=walks,
                walk_length=walk_length,
                n_searches=searches,
                seed=seed,
            )
            numbers = analysis.numbers
            written = write_landscape(analysis, out) if out is not None else []
        show = _print
    if as_json:
        print_json(numbers)
        return
    show(numbers)
    if written:
        console().print(f"written to {out}: {', '.join(path.name for path in written)}")


def _is_eo_table(problem: CellProblem) -> bool:
    """Whether the values are the EO table's own, which are a sample along walks."""
    settings = problem.card.backends.get("table", {})
    return "table" in problem.backends and settings.get("data") == "eo-hwnas"


def _published(problem: CellProblem, out: Path | None) -> tuple[Facts, list[Path]]:
    from eomoo.data import load_eo_table
    from eomoo.esann2024 import analyse_published, write_published

    analysis = analyse_published(load_eo_table())
    header = {"problem": problem.name(), "title": problem.card.title, "citation": problem.card.citation}
    numbers = {**header, "published_analysis": analysis.numbers}
    return numbers, write_published(analysis, numbers, out) if out is not None else []


def _print(numbers: Facts) -> None:
    title = f"{numbers['title']}: {numbers['cells']:,} cells, neighbourhood {numbers['neighborhood']}"
    table = Table(title=title, title_justify="left")
    for k, o in enumerate(numbers["objectives"]):
        optima, walk = o["local_optima"], o["autocorrelation"]
        low, high = walk["correlation_length_band"]
        row = {
            "objective": o["title"],
            "local optima": f"{optima['number']:,}",
            "plateaus": f"{optima['plateaus']:,}",
            "in global basin": f"{optima['share_of_cells_in_global_basins']:.1%}",
            "neutral neighbours": f"{numbers['neighbours']['by_objective'][o['name']]['equal']:.1%}",
            "fitness-distance": f"{o['fitness_distance']['pearson']:.2f}",
            "autocorrelation": f"{walk['lag_1']:.3f}",
            "correlation length": f"{walk['correlation_length']:.2f} ({low:.2f} to {high:.2f}) steps",
        }
        if k == 0:
            for name in row:
                table.add_column(name)
        table.add_row(*row.values())
    out = console()
    out.print(table)
    front, pareto, away = numbers["front"], numbers["pareto_local_optima"], numbers["distance_to_front"]
    joined, kind = front["joining_steps"], "Predicted" if numbers["predicted"] else "Pareto"
    joins = f", joined by {joined} step{'s' if joined != 1 else ''}" if joined else ""
    out.print(
        f"{kind} front: {front['size']} cells in {front['components']} components{joins}; "
        f"{away['mean']:.2f} steps away on average, {away['max']} at most"
    )
    out.print(
        f"Pareto local optima: {pareto['number']:,} ({pareto['share_of_cells']:.2%} of the cells); "
        f"{pareto['share_of_descents_to_the_front']:.1%} of dominance descents end on the front"
    )
    for kind, found in numbers["pareto_local_search"].items():
        spent, share = found["evaluations"], found["hypervolume_share"]
        out.print(
            f"Pareto local search ({kind}) stops after {spent['median']:,.0f} cells "
            f"(median of {found['runs']} runs, {spent['min']:,} to {spent['max']:,}) with "
            f"{share['median']:.1%} of the hypervolume ({share['min']:.1%} to {share['max']:.1%})"
        )


def _print_published(numbers: Facts) -> None:
    found = numbers["published_analysis"]
    table = Table("quantity", "mean", "minimum", "maximum", title="EO HW-NAS table", title_justify="left")
    for name, values in found["distributions"].items():
        table.add_row(name, *(f"{values[key]:,.5g}" for key in ("mean", "min", "max")))
    out = console()
    out.print(table)
    table = Table("along the walks", "autocorrelation", "ruggedness", "as published", "as published")
    for name, values in found["ruggedness"].items():
        right = f"{values['autocorrelation']:.3f}", f"{values['ruggedness']:.2f}"
        published = (f"{values['autocorrelation_as_published']:.3f}", f"{values['ruggedness_as_published']:.2f}")
        table.add_row(name, *right, *published)
    out.print(table)
    for pair, count in found["non_dominated"].items():
        out.print(f"non-dominated cells, {pair}: {count}")
