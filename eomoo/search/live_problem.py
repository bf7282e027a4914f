"""The problem of networks that are trained on a user's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eomoo.errors import SettingError
from eomoo.objectives import OWN_IMAGES, Card, load_card
from eomoo.search.problem import CellProblem, get_problem


def live_problem(card: str | Path | None = None, *, data: str | Path | None = None, **options: Any) -> CellProblem:
    """The problem of a live card, of other images where they are given.

    Args:
        card: As for ``get_problem``; by default the card for images of one's own.
        data: Images, as for ``eomoo.images.open_data``; None: the card's.
        options: As for ``get_problem``, constraints and noise among them.

    Raises:
        SettingError: (a ValueError) The card is not live: it trains no networks.
    """
    live_card(card)
    return get_problem(OWN_IMAGES if card is None else card, data=data, **options)


def live_card(name: str | Path | None = None) -> Card:
    """A live card, by default that for images of one's own; SettingError (a ValueError) where it is not live."""
    known = load_card(OWN_IMAGES if name is None else name)
    if not known.live:
        sources = " and ".join(dict.fromkeys(part.source for part in known.parts))
        raise SettingError(
            f"{known.name} takes no images: its values come from {sources}; with images give a live card, "
            f"such as {OWN_IMAGES}"
        )
    return known
