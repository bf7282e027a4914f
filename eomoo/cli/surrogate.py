"""`eomoo surrogate`: fit the shipped surrogates again, check how good they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eomoo.cli.common import Json, console, show_value
from eomoo.data import to_json
from eomoo.errors import DataNotFoundError

if TYPE_CHECKING:
    from eomoo.models.model_files import Qualities

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "The surrogates that predict accuracy, latency and training time of every cell: fit, check.\n\n"
        "They come with eomoo and are fitted to the EO HW-NAS table (450 cells trained and timed on "
        "So2Sat LCZ42)."
    ),
)

From = Annotated[
    Path | None,
    typer.Option("--from", metavar="FOLDER", help="Folder of the EO table, instead of the usual places."),
]
Repeats = Annotated[
    int, typer.Option(min=1, max=100, help="Cross-validations with other folds that are averaged.")
]
_SCHEMES = {"by_walk": "walk", "by_cell": "cell"}


@app.command()
def fit(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the models.")],
    source: From = None,
    repeats: Repeats = 3,
    as_json: Json = False,
) -> None:
    """Fit the surrogates to the EO table again and write them to a folder.

    With the same versions of xgboost and numpy the models equal the shipped ones bit for bit. Use
    them from Python: SurrogateBackend(FOLDER).
    """
    from eomoo.models.model_files import shipped_folder
    from eomoo.objectives.refit import refit

    with _progress("fitting", repeats) as advance:
        made = refit(source, repeats=repeats, advance=advance)
    paths = made.write(out)
    models = [path for path in paths if path.suffix != ".toml"]
    same = {path.name: _same(path, shipped_folder() / path.name) for path in models}
    if as_json:
        typer.echo(to_json({"folder": out, "files": [p.name for p in paths], "same_as_shipped": same}))
        return
    _print_table(made.quality)
    equal = "equal the shipped ones" if all(same.values()) else "differ from the shipped ones"
    differing = [name for name, is_same in same.items() if not is_same]
    console().print(
        f"models written to {out}; they {equal}{': ' + ', '.join(differing) if differing else ''}"
    )


@app.command()
def check(source: From = None, repeats: Repeats = 1, as_json: Json = False) -> None:
    """Show how well the surrogates predict cells that they have not seen.

    Where the EO table is on this machine, the models are fitted again without a tenth of the walks, or
    of the cells, and predict that tenth, ten times. Otherwise the figures stored with the shipped
    models are shown.
    """
    quality, how = _check(source, repeats)
    if as_json:
        typer.echo(how, err=True)
        typer.echo(to_json({n: {s: asdict(q) for s, q in v.items()} for n, v in quality.items()}))
        return
    _print_table(quality)
    console().print(how, soft_wrap=True)


def _check(source: Path | None, repeats: int) -> tuple[Qualities, str]:
    from eomoo.models.model_files import read_record, shipped_folder
    from eomoo.models.quality import N_FOLDS
    from eomoo.objectives.refit import load_measurements, measure_quality

    try:
        data = load_measurements(source)
    except DataNotFoundError as error:
        if source is not None:
            raise
        stored = read_record(shipped_folder()).quality
        return stored, f"These are the figures stored with the shipped models: {error}."
    with _progress("checking", repeats) as advance:
        quality, _ = measure_quality(data, repeats=repeats, advance=advance)
    times = "" if repeats == 1 else f", {repeats} times"
    return quality, f"Computed here: {N_FOLDS} folds by walk and by cell{times}, {len(data.indices)} cells."


def _same(path: Path, other: Path) -> bool:
    return other.is_file() and path.read_bytes() == other.read_bytes()


def _print_table(quality: Qualities) -> None:
    from rich.table import Table

    from eomoo.objectives.surrogate import SurrogateBackend

    table = Table(title="Surrogates on held-out cells", caption="± over repetitions with other folds")
    table.add_column("target")
    table.add_column("held out", justify="left")
    for title in ("Spearman", "within two deviations", "RMSE", "unit"):
        table.add_column(title, justify="left" if title == "unit" else "right")
    for name, schemes in quality.items():
        quantity = SurrogateBackend.quantities[name]
        for k, (scheme, q) in enumerate(schemes.items()):
            spread = f" ± {q.spearman_std:.3f}" if q.repeats > 1 else ""
            table.add_row(
                "" if k else quantity.title,
                f"by {_SCHEMES[scheme]}",
                f"{q.spearman:.3f}{spread}",
                f"{100 * q.coverage:.1f} %",
                show_value(q.rmse, quantity.unit),
                quantity.unit,
                end_section=k == len(schemes) - 1,
            )
    console().print(table)


@contextmanager
def _progress(what: str, repeats: int) -> Iterator[Callable[[], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from eomoo.objectives.refit import n_fits

    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=n_fits(repeats))
        yield lambda: bar.advance(task)
