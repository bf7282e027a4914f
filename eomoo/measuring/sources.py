"""From a card, images or a skeleton to what trains and times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eomoo.checks import known_keys
from eomoo.images import ImageData
from eomoo.live import Campaign, DataSource, LatencySetting
from eomoo.objectives import OWN_IMAGES, LiveBackend, build_backends, with_images
from eomoo.search.problem import get_problem, live_card
from eomoo.space import SO2SAT, Skeleton


def training_backend(
    card: str | Path | None, *, data: str | Path | ImageData | None, folder: str | Path, settings: Mapping[str, object]
) -> LiveBackend:
    """What trains and times the networks of a live card, into a folder; see ``measure`` for the arguments.

    Raises:
        SettingError: (a ValueError) The card is not live, or a setting is for searches alone.
    """
    known, given = live_card(card), {**settings, "folder": str(folder)}
    if data is None:
        source = None
    elif isinstance(data, str | Path):
        known, source = with_images(known, data), None
    else:
        # The name is never opened.
        given["data"], source = data.name, DataSource(images=data)
    backend = build_backends(known, given)["live"]
    assert isinstance(backend, LiveBackend)
    if source is not None:
        backend.campaign = replace(backend.campaign, source=source)
    return backend


def timing_backend(
    card: str | Path | None,
    *,
    folder: str | Path,
    data: str | Path | ImageData | None = None,
    skeleton: Skeleton | Mapping[str, int] | None = None,
    latency: Mapping[str, Any] | None = None,
) -> LiveBackend:
    """What times networks, into a folder, without any images or training.

    Args:
        card: Whose skeleton, and of a live card whose setting of timing, is taken; by default that of So2Sat.
        folder, skeleton, latency: See ``measure``.
        data: Images that say how many bands, pixels and classes there are, for a live card.

    Raises:
        SettingError: (a ValueError) A setting that cannot be.
    """
    around, how = SO2SAT, LatencySetting()
    if data is not None and not isinstance(data, str | Path):
        around = data.skeleton()
    elif card is not None or data is not None:
        if data is not None:
            live_card(card)
        name = OWN_IMAGES if card is None else card
        problem = get_problem(name) if data is None else get_problem(name, data=data)
        live = problem.backends.get("live")
        how = live.campaign.timing if isinstance(live, LiveBackend) else how
        around = problem.skeleton
    if isinstance(skeleton, Skeleton):
        around = skeleton
    else:
        known_keys("skeleton", skeleton or {}, asdict(around))
        around = replace(around, **skeleton or {})
    known_keys("latency", latency or {}, asdict(how))
    timing = replace(how, **latency or {})
    campaign = Campaign(source=DataSource(), around=around, folder=Path(folder), timing=timing, device=timing.device)
    return LiveBackend(campaign)
