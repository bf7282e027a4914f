"""`eomoo surrogate`: fit models to measured cells, check how good they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from typer import Argument, Option

from eomoo.checks import listed
from eomoo.cli.common import console, no_say, print_json, progress
from eomoo.cli.options import EOTable, Json, Options
from eomoo.errors import DataNotFoundError, SettingError
from eomoo.plots import number
from eomoo.progress import doing

if TYPE_CHECKING:
    from eomoo.models import Models, Quality, Record
    from eomoo.models.cell_models import Calibration


app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Models that predict the values of every cell from those of measured ones: fit, check.\n\n"
        "Those that come with eomoo are fitted to the EO HW-NAS table (450 cells trained and timed on "
        "So2Sat LCZ42); your own are fitted to a table of yours."
    ),
)

Repeats = Annotated[
    int | None,
    Option(
        min=1, max=100, help="Cross-validations with other folds that are averaged: by default 3 to fit, 1 to check."
    ),
]
_SCHEMES = {"by_walk": "walk", "by_cell": "cell", "by_operations": "operations"}


@app.command()
def fit(
    table: Annotated[
        Path | None,
        Argument(
            metavar="TABLE",
            help="A measured table's folder, or a CSV or Parquet file that names its cells by index, hash, genotype, "
            "or matrix and ops; without it, the EO table.",
        ),
    ] = None,
    out: Annotated[Path | None, Option("--out", metavar="FOLDER", help="Folder for the models.")] = None,
    target: Annotated[
        Options,
        Option("--target", "-t", metavar="COLUMN", help="A column to model; by default all numbers. May be repeated."),
    ] = None,
    unit: Annotated[
        Options, Option("--unit", metavar="COLUMN=UNIT", help="A column's unit, as in seconds=s. May be repeated.")
    ] = None,
    kind: Annotated[
        Options,
        Option(
            "--kind",
            metavar="COLUMN=KIND",
            help="What a column is, as in watts=energy: accuracy, error, time, energy or count.",
        ),
    ] = None,
    source: EOTable = None,
    encoding: Annotated[
        str | None, Option(help="What boosted trees alone see of a cell: 17x17 (as published), one-hot or structural.")
    ] = None,
    repeats: Repeats = None,
    predict: Annotated[
        bool, Option("--predict", help="Predict every cell now, and keep that with the models.")
    ] = False,
    coarse: Annotated[bool, Option("--coarse", help="With --predict: 16 binary digits, in a smaller file.")] = False,
    as_json: Json = False,
) -> None:
    """Fit models to measured cells and write them to a folder, with a problem card that searches them.

    From 12 cells on. Cells measured several times tell the noise; cells that failed, where there are enough of both
    kinds, the probability of a failure. Quality is measured on cells held out, with an interval of 95 %.

    Without a table the shipped models are made again: with the same versions of xgboost and numpy they
    equal the shipped ones bit for bit. From Python: eomoo.models.load_models(FOLDER).
    """
    from eomoo.files import check_folder
    from eomoo.models import write_predictions
    from eomoo.models.recipes import QUALITIES
    from eomoo.objectives.card import load_card
    from eomoo.objectives.model_card import write_card
    from eomoo.objectives.refit import fit_table, refit

    if out is None:
        raise SettingError("say where the models are to be written: --out FOLDER")
    if table is not None and source is not None:
        raise SettingError("a table of your own and --from, the folder of the EO table, exclude each other")
    if table is None:
        why = "on the EO table's models, which are those that are shipped: it needs a table of your own"
        no_say(why, target=target, unit=unit, kind=kind, encoding=encoding)
    if not predict:
        no_say("without --predict", coarse=coarse)
    check_folder(out)  # before minutes of fitting
    with progress("fitting") as advance:
        if table is None:
            models = refit(source, repeats=repeats or 3, advance=advance)
        else:
            models = fit_table(
                table,
                target or None,
                units=_pairs(unit, "unit", "seconds=s"),
                kinds=_pairs(kind, "kind", "watts=energy"),
                encoding=encoding,
                repeats=repeats or 3,
                on_progress=lambda step: advance(step.done, step.total),
            )
    with doing("writing the models"):
        paths = [*models.save(out), write_card(models, out)]
        if predict:
            paths.append(write_predictions(out, coarse=coarse))
    same = _same_as_shipped(paths)
    if as_json:
        found = {"folder": out, "files": [path.name for path in paths], "use": _uses(models, models.quality)}
        print_json(found | ({"same_as_shipped": same} if table is None else {}))
        return
    _print_table(models, models.quality)
    for sentence in _data_words(models):
        console().print(sentence)
    unsure = [name for name, target in models.targets.items() if not target.told_direction(name)]
    if table is not None and unsure:
        console().print(
            f"Nothing tells whether more or less of {listed(unsure)} is better; less is taken to be, "
            "and --kind NAME=accuracy says that more is."
        )
    card = paths[-2 if predict else -1]
    search = f"eomoo run {quote(str(card))}"
    if table is not None and not any(target.told_kind(n) in QUALITIES for n, target in models.targets.items()):
        console().print(
            "No column is known to hold an accuracy or an error (--kind NAME=accuracy says which does); in its place "
            f"the card has {load_card(card).objectives[0].title}."
        )
        if "latency" in models.targets:
            search += f"; with another card's accuracy: eomoo run CARD --latency-from {quote(str(out))}"
    console().print(f"models written to {out}; search them: {search}", soft_wrap=True)
    if table is None:
        differing = ", ".join(name for name, is_same in same.items() if not is_same)
        told = f"differ from the shipped ones: {differing}" if differing else "equal the shipped ones"
        console().print(f"they {told}")


def _same_as_shipped(paths: list[Path]) -> dict[str, bool]:
    """Whether each of these files of models is bit for bit the shipped one of its name."""
    from eomoo.models import shipped_folder

    shipped = {path.name: path.read_bytes() for path in shipped_folder().iterdir()}
    return {p.name: shipped.get(p.name) == p.read_bytes() for p in paths if p.suffix in (".ubj", ".json")}


def _pairs(pairs: list[str] | None, what: str, example: str) -> dict[str, str]:
    found = dict(pair.rpartition("=")[::2] for pair in pairs or ())
    twice = len(found) < len(pairs or ())
    if twice and all(found):
        raise SettingError(f"--{what} names a column twice: {' '.join(pairs or ())}")
    if not all(found):
        raise SettingError(f"a {what} reads like {example}; got {' '.join(pairs or ())}")
    return found


def _data_words(models: Models) -> Iterator[str]:
    """What the models were fitted to, in sentences."""
    from eomoo.models import FAILED, share_interval

    repeated = max((int((p.model.repeats > 1).sum()) for p in models.parts if p.model.repeats is not None), default=0)
    if repeated:
        yield f"{repeated:,} of {len(models.cells):,} cells were measured several times, which tells the noise."
    if models.failures is not None:
        failed, tried = models.failures
        low, high = share_interval(failed, tried)
        yield (
            f"{failed:,} of {tried:,} cells failed: {100 * failed / tried:.2g} %, at 95 % {100 * low:.2g} to "
            f"{100 * high:.2g} %; {'which, is predicted' if FAILED in models.targets else 'too few to predict which'}."
        )
    skeleton = models.skeleton
    if skeleton is not None:
        yield (
            f"Parameters and MACs are counted, of the network with {skeleton.stem_channels} channels, "
            f"{skeleton.n_stacks} x {skeleton.cells_per_stack} cells and {skeleton.n_classes} classes."
        )


@app.command()
def check(
    folder: Annotated[
        Path | None, Argument(metavar="MODELS", help="Folder of models; by default the shipped ones.")
    ] = None,
    source: EOTable = None,
    repeats: Repeats = None,
    as_json: Json = False,
) -> None:
    """Show how well models predict cells that they have not seen.

    Those of a folder are read, have to predict what they predicted when they were written, and tell the
    figures stored with them. The shipped ones are fitted again where the EO table is on this machine,
    without a tenth of the walks, of the cells, or of the combinations of operations, and predict that tenth, ten
    times. Deviations are by a law fitted to the other nine tenths, as for a new cell.
    """
    if folder is None:
        models, quality, how = _check(source, repeats or 1)
    else:
        from eomoo.models import load_models

        no_say("on models of a folder, which are not fitted again", **{"from": source}, repeats=repeats)
        models = load_models(folder)
        quality = models.quality
        how = f"The models in {folder} predict what they did when they were written; {len(models.cells)} cells."
    if as_json:
        typer.echo(how, err=True)
        print_json({n: {s: asdict(q) for s, q in v.items()} for n, v in quality.items()})
        return
    _print_table(models, quality)
    console().print(how)


def _check(source: Path | None, repeats: int) -> tuple[Models | Record, Mapping[str, Mapping[str, Quality]], str]:
    from eomoo.models import load_models, measure_quality, read_record, shipped_folder
    from eomoo.objectives.refit import load_measurements

    record = read_record(shipped_folder())
    try:
        data = load_measurements(source)
    except DataNotFoundError as error:
        if source is not None:
            raise
        models = load_models(shipped_folder())
        return models, models.quality, f"These are the figures stored with the shipped models: {error}."
    with progress("checking") as advance:
        quality, _ = measure_quality(data, repeats=repeats, advance=advance)
    load_models(shipped_folder())
    times = "" if repeats == 1 else f", {repeats} times"
    how = f"Computed here: folds by walk, by cell and by operations{times}, {len(data.indices)} cells."
    return record, quality, how


def _print_table(models: Models | Record, quality: Mapping[str, Mapping[str, Quality]]) -> None:
    caption = "in brackets the interval of 95 %, were other walks, cells or operations measured"
    table = Table("target", "held out", title="Models on held-out cells", title_justify="left", caption=caption)
    for title in ("Spearman", "within two deviations", "rms z", "RMSE"):
        table.add_column(title, justify="right")
    table.add_column("unit")
    for name, schemes in quality.items():
        target = models.targets[name]
        better = "more" if target.quantity.larger_is_better else "less"
        for k, (scheme, q) in enumerate(schemes.items()):
            table.add_row(
                "" if k else f"{target.title} ({better} is better)",
                f"by {_SCHEMES[scheme]}",
                f"{q.spearman:.3f}{_ends(q.spearman_interval, '.3f')}",
                f"{100 * q.coverage:.1f} %{_ends(q.coverage_interval, '.1f', 100)}",
                f"{q.rms_z:.2f}",
                number(q.rmse),
                target.unit,
                end_section=k == len(schemes) - 1,
            )
    console().print(table)
    for name, use in _uses(models, quality).items():
        console().print(f"{models.targets[name].title}: {use}.")
    _print_groups(models, quality)


def _ends(ends: tuple[float, float] | None, form: str, factor: int = 1) -> str:
    return "" if ends is None else f" [{factor * ends[0]:{form}}, {factor * ends[1]:{form}}]"


def _uses(models: Models | Record, quality: Mapping[str, Mapping[str, Quality]]) -> dict[str, str]:
    """What each model may be used for."""
    from eomoo.models import use_of

    return {name: use_of(schemes, models.domain.ranges[name]) for name, schemes in quality.items()}


def _print_groups(models: Models | Record, quality: Mapping[str, Mapping[str, Quality]]) -> None:
    """Calibration by group of cells, of the first way of holding out: a row a group, a column a target."""
    first = {name: next(iter(schemes.items())) for name, schemes in quality.items()}
    groups: dict[str, list[Calibration | None]] = {g.group: [] for _, q in first.values() for g in q.groups}
    if not groups:
        return
    for name, found in groups.items():
        found += [next((g for g in q.groups if g.group == name), None) for _, q in first.values()]
    how = " and ".join(dict.fromkeys(_SCHEMES[scheme] for scheme, _ in first.values()))
    title = f"Values within two deviations, and root mean square of errors in deviations; held out by {how}"
    caption = "groups of at least 30 cells"
    by_walk = how == "walk" and any(g.lots for _, q in first.values() for g in q.groups)
    caption += "; those of one walk err together, so that few walks say little" if by_walk else ""
    table = Table("cells", title=title, title_justify="left", caption=caption)
    for heading in ("n", *(["walks"] * by_walk), *(models.targets[name].title for name in first)):
        table.add_column(heading, justify="right")
    for name, found in groups.items():
        known = [g for g in found if g is not None]
        words = name.removesuffix("s") if name.startswith("1 ") else name
        walks = " to ".join(dict.fromkeys(str(f(g.lots for g in known) or "-") for f in (min, max)))
        figures = ("-" if g is None else f"{100 * g.coverage:.1f} % {g.rms_z:.2f}" for g in found)
        table.add_row(words, str(known[-1].n), *([walks] * by_walk), *figures)
    console().print(table)
