"""``eomoo problems``: the problem cards."""

from __future__ import annotations

from rich.table import Table

from eomoo.cli.common import Json, console, print_json


def problems(as_json: Json = False) -> None:
    """List the problem cards: what each asks for, and where its values come from."""
    from eomoo.objectives.card import list_problems, load_card

    cards = [load_card(name) for name in list_problems()]
    if as_json:
        parts = ("name", "unit", "direction", "source")
        rows = [
            {name: getattr(card, name) for name in ("name", "title", "citation", "budget")}
            | {"objectives": [{part: getattr(o, part) for part in parts} for o in card.objectives]}
            for card in cards
        ]
        print_json(rows)
        return
    table = Table("card", "what it asks for", "objectives", "values from", "budget")
    for card in cards:
        names = ", ".join(o.name for o in card.objectives)
        sources = " + ".join(dict.fromkeys(o.source for o in card.objectives))
        table.add_row(card.name, card.title, names, sources, f"{card.budget:,}")
    console().print(table)
