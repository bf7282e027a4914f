"""``eomoo cite``: what to cite, as BibTeX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from eomoo.cli.common import print_json
from eomoo.cli.options import Json


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
