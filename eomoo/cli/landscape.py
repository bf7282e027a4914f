"""``eomoo landscape``: what kind of problem a card poses, as numbers and as a sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.table import Table
from typer import Argument, Option

from eomoo.arrays import Facts
from eomoo.checks import counted
from eomoo.cli.common import console, given, no_say, print_json
from eomoo.cli.options import Figures, FigureWidth, Json, Limits, Noise
from eomoo.errors import SettingError
from eomoo.plots import number, with_band
from eomoo.progress import doing

if TYPE_CHECKING:
    from eomoo.search.problem import CellProblem


# What a terminal of 160 columns has room for; all of it is in the JSON.
_MOST_COLUMNS, _MOST_ROWS = 5, 8


def landscape(
    card: Annotated[
        str | None,
        Argument(
            metavar="CARD|TABLE",
            help="A problem card, as for run (by default eo-macro-latency), or a table of measured cells: a folder of "
            "measure, a CSV or Parquet file that names cells, or eo-hwnas.",
        ),
    ] = None,
    published: Annotated[bool, Option("--published", help="The EO table, with its ruggedness as published.")] = False,
    beside: Annotated[
        str | None, Option(metavar="TABLE", help="Compare a table with another one, such as nasbench101 or eo-hwnas.")
    ] = None,
    out: Annotated[Path | None, Option(help="Folder for landscape.json, the curves as CSV, and the sheet.")] = None,
    neighborhood: Annotated[
        str | None, Option(help="symmetric (default), hamming or published: which cells are one step apart.")
    ] = None,
    walks: Annotated[
        int | None, Option(min=1, help="Random walks that ruggedness is measured on; by default 500.")
    ] = None,
    walk_length: Annotated[int | None, Option(min=2, help="Cells in each random walk; by default 500.")] = None,
    searches: Annotated[
        int | None, Option(min=1, help="Pareto local searches from random cells; by default 20.")
    ] = None,
    seed: Annotated[int | None, Option(help="Seed of walks and searches; by default 1.")] = None,
    constraint: Limits = None,
    noise: Noise = None,
    figures: Figures = None,
    width: FigureWidth = None,
    as_json: Json = False,
) -> None:
    """Measure a problem's landscape: front, local optima, basins, ruggedness, how deep a search must go.

    Of a card whose values are all known, all cells are looked at. A table of some cells, and a card on one
    (eo-table-...), is a sample: it gets the published analysis, distributions, trade-offs, rank correlations, noise
    and ruggedness along its walks, each with its interval, and nothing that needs the whole space. Figures are one
    sheet, or with --width column each of its panels.
    """
    from eomoo.files import check_figures, check_folder

    if out is None:
        no_say("without --out", figures=figures, width=width)
    wide = width or "page"
    forms = check_figures(figures or ("pdf", "png"), wide)
    if out is not None:
        check_folder(out)  # before minutes of measuring
    settings = given(neighborhood=neighborhood, n_walks=walks, walk_length=walk_length, n_searches=searches, seed=seed)
    problem, source = (None, card) if _names_table(card) else _problem(card, published, noise, constraint)
    if source is not None:
        if settings or constraint or noise is not None:
            raise SettingError(
                f"{source} is a sample of cells, which is looked at as it is: no --neighborhood, --walks, "
                "--walk-length, --searches, --seed, --constraint, --noise"
            )
        if published and source != "eo-hwnas":
            raise SettingError(f"--published is about the EO table, not {source}")
        numbers, written = _sampled(source, beside, out, forms, wide)
        show = _print_sample
    else:
        from eomoo.landscape import analyse_landscape, write_landscape

        assert problem is not None
        if beside is not None:
            raise SettingError(f"--beside compares tables of measured cells; {problem.name()} is none")
        work = f"measuring the landscape of {problem.name()}"
        with doing(work), console(stderr=True).status(f"{work} ..."):
            analysis = analyse_landscape(problem, **settings)
            numbers = analysis.numbers
            written = write_landscape(analysis, out, forms, width=wide) if out is not None else []
        show = _print
    if as_json:
        print_json(numbers)
        return
    show(numbers)
    if written:
        console().print(f"written to {out}: {', '.join(path.name for path in written)}")


def _names_table(name: str | None) -> bool:
    """Whether what is named is no card."""
    from eomoo.data.published_tables import PUBLISHED
    from eomoo.data.user_table import TABLE_ENDINGS
    from eomoo.objectives import list_problems

    # A run of a shipped card may lie in a folder of its name.
    if name is None or name in list_problems():
        return False
    return name in PUBLISHED or name.lower().endswith(TABLE_ENDINGS) or Path(name).is_dir()


def _problem(
    card: str | None, published: bool, noise: int | None, constraint: list[str] | None
) -> tuple[CellProblem, str | None]:
    """The problem of a card, and the table that it is a sample of, if it is one."""
    from eomoo.landscape import is_sample
    from eomoo.search.problem import get_problem

    default = "eo-table-macro-latency" if published else "eo-macro-latency"
    problem = get_problem(card or default, noise=noise, constraints=constraint or ())
    settings = problem.card.backends.get("table", {})
    if "table" not in problem.backends or not is_sample(problem):
        if published:
            raise SettingError(f"--published is about the EO table; {problem.name()} is not a card on it")
        return problem, None
    return problem, settings.get("data") or str(problem.card.folder / settings["file"])


def _sampled(
    source: str, beside: str | None, out: Path | None, forms: Sequence[str], width: str
) -> tuple[Facts, list[Path]]:
    from eomoo.data.published_tables import open_table
    from eomoo.esann2024 import plot_walk_ruggedness, ruggedness_as_published
    from eomoo.landscape import analyse_sample, write_sample

    table = open_table(source)
    analysis = analyse_sample(table, beside=None if beside is None else open_table(beside, cells=table.cells))
    panels = []
    if source == "eo-hwnas":
        analysis.numbers["ruggedness_as_published"] = ruggedness_as_published(analysis)
        panels.append(plot_walk_ruggedness)
    written = [] if out is None else write_sample(analysis, out, *panels, forms=forms, width=width)
    return analysis.numbers, written


def _print(numbers: Facts) -> None:
    title = f"{numbers['title']}: {numbers['cells']:,} cells, neighbourhood {numbers['neighborhood']}"
    rows = []
    for o in numbers["objectives"]:
        optima, walk = o["local_optima"], o["autocorrelation"]
        rows.append({
            "objective": o["title"],
            "local optima": f"{optima['number']:,}",
            "plateaus": f"{optima['plateaus']:,}",
            "in global basin": f"{100 * optima['share_of_cells_in_global_basins']:.1f} %",
            "neutral neighbours": f"{100 * numbers['neighbours']['by_objective'][o['name']]['equal']:.1f} %",
            "fitness-distance": with_band(o["fitness_distance"]["pearson"], None),
            "autocorrelation": number(walk["lag_1"]),
            "correlation length (steps)": with_band(walk["correlation_length"], walk["correlation_length_band"]),
        })  # fmt: skip
    table, out = Table(*rows[0], title=title, title_justify="left"), console()
    for row in rows:
        table.add_row(*row.values())
    out.print(table)
    front, pareto, away = numbers["front"], numbers["pareto_local_optima"], numbers["distance_to_front"]
    joined, kind = front["joining_steps"], "Predicted" if numbers["predicted"] else "Pareto"
    joins = f", joined by {counted(joined, 'step')}" if joined else ""
    out.print(
        f"{kind} front: {counted(front['size'], 'cell')} in {counted(front['components'], 'component')}{joins}; "
        f"{away['mean']:.2f} steps away on average, {away['max']} at most"
    )
    out.print(
        f"Pareto local optima: {pareto['number']:,} ({100 * pareto['share_of_cells']:.2f} % of the cells); "
        f"{100 * pareto['share_of_descents_to_the_front']:.1f} % of dominance descents end on the front"
    )
    for kind, found in numbers["pareto_local_search"].items():
        spent, share = found["evaluations"], found["hypervolume_share"]
        out.print(
            f"Pareto local search ({kind}) stops after {spent['median']:,.0f} cells "
            f"(median of {found['runs']} runs, {spent['min']:,} to {spent['max']:,}) with "
            f"{100 * share['median']:.1f} % of the hypervolume ({100 * share['min']:.1f} to {100 * share['max']:.1f} %)"
        )


def _print_sample(numbers: Facts) -> None:
    out, about = console(), numbers["sample"]
    walked = any("autocorrelation" in q for q in numbers["quantities"])
    noisy = any(q["noise"] for q in numbers["quantities"])
    heads = ["quantity", "unit", "mean", "minimum", "maximum", "missing"]
    heads += ["autocorrelation", "mean of walks", "ruggedness"] * walked + ["noise / variance"] * noisy
    table = Table(*heads, title=f"{numbers['title']}: {counted(about['cells'], 'cell')}", title_justify="left")
    for q in numbers["quantities"]:
        row = [q["name"], q["unit"], *(number(q["values"][key]) for key in ("mean", "min", "max"))]
        row.append(str(q["missing"]))
        if walked:
            curve, rugged = q["autocorrelation"], q["ruggedness"]
            row.append(with_band(curve["lag_1"], curve["lag_1_band"]))
            row.append(with_band(rugged.get("mean"), rugged.get("band")))
            signed = rugged.get("ruggedness_band") is not None
            row.append(f"{rugged['ruggedness']:.2f}" if signed else "of unknown sign" if rugged["walks"] else "-")
        if noisy:
            row.append(with_band(q["noise"]["share"], q["noise"]["band"]) if q["noise"] else "-")
        table.add_row(*row)
    out.print(table)
    _print_tradeoffs(numbers)
    _print_epochs(numbers["epochs"])
    if numbers["beside"]:
        _print_beside(numbers["beside"])
    for split, row in numbers["classes"].items():
        out.print(
            f"{split}: {row['images']:,} images of {row['classes']} classes; the smallest has "
            f"{100 * row['smallest']:.1f} % of them, the largest {100 * row['largest']:.1f} %"
        )
    for name, values in numbers.get("ruggedness_as_published", {}).items():
        right, wrong = values["ruggedness"], values["ruggedness_as_published"]
        out.print(f"ruggedness of {name}: {right:.2f}, as published (first cells counted twice) {wrong:.2f}")
    for q in numbers["quantities"]:
        if q["disturbed"]:
            out.print(f"{q['disturbed']:,} of {about['measurements']:,} measurements of {q['name']} were disturbed")
    for status, count in about["failed"].items():
        out.print(f"{count:,} of {about['measurements']:,} measurements ended as {status!r}")
    out.print(f"Intervals of {100 * numbers['confidence']:.0f} % in brackets. {about['says']}")


def _print_tradeoffs(numbers: Facts) -> None:
    found, ranks = numbers["non_dominated"], {(row["a"], row["b"]): row for row in numbers["rank_correlations"]}
    costs = list(dict.fromkeys(row["b"] for row in found))[: _MOST_COLUMNS - 1]
    if not found:
        return
    heads = (*costs, "non-dominated of these cells")
    table = Table("Spearman", *heads, title="Trade-offs: rank correlations", title_justify="left")
    for name in list(dict.fromkeys(row["a"] for row in found))[:_MOST_ROWS]:
        pairs = [ranks.get((name, cost)) or ranks[cost, name] for cost in costs]
        counts = ", ".join(str(row["cells"]) for row in found if row["a"] == name and row["b"] in costs)
        table.add_row(name, *(with_band(row["spearman"], row["band"]) for row in pairs), counts)
    console().print(table)


def _print_beside(found: Facts) -> None:
    pairs = [row for row in found["rank_correlations"] if not {row["a"], row["b"]} & {"params", "macs"}]
    names = list(dict.fromkeys(row["b"] for row in pairs))[:_MOST_COLUMNS]
    title = f"Spearman over {counted(found['common_cells'], 'cell')} in common with {found['title']}"
    table = Table("quantity", *names, title=title, title_justify="left")
    for name in dict.fromkeys(row["a"] for row in pairs):
        row = [pair for pair in pairs if pair["a"] == name and pair["b"] in names]
        table.add_row(name, *(with_band(pair["spearman"], pair["band"]) for pair in row))
    out = console()
    if found["common_cells"]:
        out.print(table)
    else:
        out.print(f"There are no cells in common with {found['title']}")
    if not any(row["table"] == "second" for row in found["autocorrelation"]):
        steps = f"{found['common_steps']} steps of the walks are between cells in common"
        out.print(f"{steps}: too few to tell how rugged {found['title']} is along them")
        return
    heads = ("quantity", "walks", "cells", "steps", "autocorrelation, lag 1")
    table = Table("table", *heads, title="Ruggedness side by side", title_justify="left")
    for row in found["autocorrelation"]:
        counts = f"{row['cells']:,}", f"{row['pairs']:,}"
        table.add_row(row["table"], row["quantity"], row["walks"], *counts, with_band(row["lag_1"], row["band"]))
    out.print(table)


def _print_epochs(rows: list[Facts]) -> None:
    sizes = Counter(row["quantity"] for row in rows)
    rows = [row for row in rows if sizes[row["quantity"]] > 1]
    # All are in the JSON; the validation images are what a search looks at.
    rows = [row for row in rows if row["quantity"].startswith("val")] or rows
    if not rows:
        return
    names = ("epoch", "median", "quartiles", "Spearman with the last")
    table = Table("accuracy", *names, title="Learning curves", title_justify="left")
    for row in rows:
        band = [float(row.get(f"{end}_with_last", "nan")) for end in ("low", "high")]
        ends = f"{number(row['q25'])} to {number(row['q75'])}"
        last = with_band(row.get("spearman_with_last"), band)
        table.add_row(row["quantity"], str(row["epoch"]), number(row["median"]), ends, last)
    console().print(table)
