"""``eomoo problems``: the problem cards."""

from __future__ import annotations

import typer

from eomoo.cli.common import Json, console


def problems(as_json: Json = False) -> None:
    """List the problem cards: what each asks for, and where its values come from."""
    from rich.table import Table

    from eomoo.files import to_json
    from eomoo.objectives.card import list_problems, load_card

    cards = [load_card(name) for name in list_problems()]
    if as_json:
        rows = [
            {
                "name": card.name,
                "title": card.title,
                "citation": card.citation,
                "budget": card.budget,
                "objectives": [
                    {"name": o.name, "unit": o.unit, "direction": o.direction, "source": o.source}
                    for o in card.objectives
                ],
            }
            for card in cards
        ]
        typer.echo(to_json(rows))
        return
    table = Table("card", "what it asks for", "objectives", "values from", "budget")
    for card in cards:
        names = ", ".join(o.name for o in card.objectives)
        sources = " + ".join(dict.fromkeys(o.source for o in card.objectives))
        table.add_row(card.name, card.title, names, sources, f"{card.budget:,}")
    console().print(table)
