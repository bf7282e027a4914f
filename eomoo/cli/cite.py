"""``eomoo cite``: what to cite, as BibTeX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def cite(
    what: Annotated[str, Argument(metavar="CARD|DIR", help="A problem card, or the folder of a run or a study.")],
    out: Annotated[Path | None, Option(metavar="FILE.bib", help="Write into a file instead of printing.")] = None,
) -> None:
    """Print BibTeX of all that a card, a run or a study stands on: data, algorithms, measures, packages."""
    from eomoo.analysis import bibtex, load_results
    from eomoo.errors import DataNotFoundError
    from eomoo.files import write_text
    from eomoo.objectives.card import list_problems, load_card

    if what in list_problems() or what.endswith(".toml"):
        text = bibtex([load_card(what)], [], study=False)
    elif not Path(what).is_dir():
        raise DataNotFoundError(
            f"{what} is neither a problem card (see `eomoo problems`) nor the folder of a run or a study"
        )
    else:
        results = load_results(what)
        text = bibtex([p.problem for p in results.problems], results.runs, study=len(results.runs) > 1)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
        typer.echo(f"written: {out}")
