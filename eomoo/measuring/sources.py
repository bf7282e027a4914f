"""From a card, images or a skeleton to what trains and times, and all that the numbers will depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import known_keys
from eomoo.errors import DataNotFoundError
from eomoo.files import to_json
from eomoo.images import ImageData, bands_unseen
from eomoo.live import Campaign, DataSource, LatencySetting, device_name, resolve_device
from eomoo.live.recipes import epochs_in_words, format_epochs
from eomoo.objectives import OWN_IMAGES, LiveBackend, build_backends, with_images
from eomoo.objectives.live_quantities import COUNTED, LIVE_KINDS, LIVE_QUANTITIES, TIMED, TRAINED
from eomoo.search.problem import CellProblem, get_problem, live_card
from eomoo.space import SO2SAT, Skeleton
from eomoo.version import __version__


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
        around = _skeleton_of(problem) if data is None else problem.skeleton
    if isinstance(skeleton, Skeleton):
        around = skeleton
    else:
        known_keys("skeleton", skeleton or {}, asdict(around))
        around = replace(around, **skeleton or {})
    known_keys("latency", latency or {}, asdict(how))
    timing = replace(how, **latency or {})
    campaign = Campaign(source=DataSource(), around=around, folder=Path(folder), timing=timing, device=timing.device)
    return LiveBackend(campaign)


def _skeleton_of(problem: CellProblem) -> Skeleton:
    """The network of a card, also where its own images are not here, as far as these are known."""
    try:
        return problem.skeleton
    except DataNotFoundError:
        live = problem.backends.get("live")
        if not isinstance(live, LiveBackend):
            raise
        source, shape = live.campaign.source, live.campaign.shape
        bands = bands_unseen(source.name, source.options)
        if bands is None:
            raise
        return replace(SO2SAT, in_channels=bands, **shape)


def facts_of(backend: LiveBackend, *, trains: bool) -> Facts:
    """The facts of a table that a backend measures, without its cells: plain data, as TOML gives it back.

    Where nothing ``trains`` there are no images and no recipe.
    """
    campaign = backend.campaign
    timing = campaign.conditions().copy()
    versions, name, gpu = (timing.pop(key, {}) for key in ("versions", "device_name", "gpu"))
    facts: Facts = {
        "title": f"latency on {name}",
        "created_by": f"eomoo {__version__}",
        "columns": columns_of([*TIMED, *COUNTED]),
        "skeleton": asdict(campaign.skeleton),
        "latency": {key: value for key, value in timing.items() if key != "skeleton"},
        "device": {"timing": name, **gpu},
        "versions": versions,
    }
    if trains:
        facts |= _facts_of_training(backend)
    # Tuples become lists, and what is None is left out, as in a file.
    return _without_none(json.loads(to_json(facts)))


def _facts_of_training(backend: LiveBackend) -> Facts:
    campaign = backend.campaign
    images, recipe = campaign.images(), asdict(campaign.recipe)
    del recipe["epochs"]
    return {
        "title": f"{images['name']}, {epochs_in_words(backend.epochs)}",
        "columns": columns_of([*TRAINED, *TIMED, *COUNTED]),
        "data": {"source": campaign.source.name, "options": dict(campaign.source.options), **images},
        "recipe": recipe,
        "training": {
            "epochs": format_epochs(backend.epochs),
            "measured_at": sorted(campaign.curve.epochs(campaign.recipe, backend.epochs)),
            "test_curve": campaign.curve.test,
            "seed": campaign.seed,
            "device": campaign.jobs.call(_device_of, campaign.device),
        },
    }


def columns_of(names: Sequence[str]) -> list[Facts]:
    """The columns of these names, described."""
    return [{"name": name, **asdict(LIVE_QUANTITIES[name]), "kind": LIVE_KINDS[name]} for name in names]


def _device_of(device: str) -> str:
    return device_name(resolve_device(device))


def _without_none(value: Facts) -> Facts:
    return {k: _without_none(v) if isinstance(v, dict) else v for k, v in value.items() if v is not None}
