"""The problem of networks that are trained on a user's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eomoo.errors import SettingError
from eomoo.objectives import OWN_IMAGES, load_card
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
    name = OWN_IMAGES if card is None else card
    known = load_card(name)
    if not known.live:
        sources = " and ".join(dict.fromkeys(part.source for part in known.parts))
        raise SettingError(
            f"{known.name} takes no images: its values come from {sources}; with images give a live card, "
            f"such as {OWN_IMAGES}"
        )
    return get_problem(name, data=data, **options)
