"""A card whose latency is that of another device, as models of its timings predict it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from eomoo.errors import CardError
from eomoo.objectives.base import Backend
from eomoo.objectives.card import Card
from eomoo.objectives.surrogate import SurrogateBackend
from eomoo.space import load_space

LATENCY = "latency"
"""The quantity, by every backend's name of it."""
# Of all cells so many lie below the reference point, as on the shipped cards of the A100's latency: 18 ms are its
# quantile of .947.
_BELOW_REFERENCE = 0.95


def with_latency_from(card: Card, folder: str | Path) -> Card:
    """The card, its latency predicted by models in a folder, such as ``eomoo surrogate fit`` wrote of timings.

    Objectives and limits on latency have the models as their source, in the models' unit; all else stays. Of the
    reference point, what is the latency's becomes what 95 % of all cells are predicted to take less than.
    """
    check_latency(card)
    models = SurrogateBackend(folder)
    if LATENCY not in models.quantities:
        raise CardError(f"the models in {folder} predict no latency; they predict {', '.join(models.quantities)}")
    if models.skeleton is None:
        raise CardError(
            f"the models in {folder} do not say of which skeleton their latency is; fit them to a table that "
            "`eomoo measure --only latency` wrote"
        )
    source, what = f"surrogate:{models.folder}", models.quantities[LATENCY]
    own = [o.quantity == LATENCY for o in card.objectives]
    reference = card.reference_point
    if reference is not None and any(own):
        everything = models.values(np.arange(len(load_space())), [LATENCY])[:, 0]
        worst = float(f"{np.quantile(everything, _BELOW_REFERENCE):.2g}")
        reference = tuple(worst if mine else value for mine, value in zip(own, reference, strict=True))
    return replace(
        card,
        title=f"{card.title}; but {what.title}",
        objectives=tuple(
            replace(o, source=source, title="", unit=what.unit) if mine else o
            for o, mine in zip(card.objectives, own, strict=True)
        ),
        constraints=tuple(replace(c, source=source) if c.quantity == LATENCY else c for c in card.constraints),
        reference_point=reference,
        latency_from=str(models.folder),
    )


def check_latency(card: Card) -> None:
    """Raise CardError (a ValueError) where neither an objective nor a limit of the card is latency."""
    if not any(part.quantity == LATENCY for part in card.parts):
        names = ", ".join(dict.fromkeys(part.quantity for part in card.parts))
        raise CardError(f"{card.name} has no latency that another device could have; it has {names}")


def check_one_skeleton(card: Card, backends: Mapping[str, Backend]) -> None:
    """Raise CardError (a ValueError) where latency is of another skeleton than what else the card is about."""
    source = next(part.source for part in card.parts if part.quantity == LATENCY)
    mine = backends[source].skeleton
    for name, backend in backends.items():
        if backend.skeleton not in (None, mine):
            raise CardError(
                f"the latency of {source.partition(':')[2]} is that of networks on another skeleton ({mine}) than the "
                f"card's {name} values ({backend.skeleton}); time cells on that one: `eomoo measure {card.name} --only "
                "latency`"
            )
