"""What the numbers of a measured table depend on, as the facts that go beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from eomoo.arrays import Facts
from eomoo.files import to_json
from eomoo.live import device_name, resolve_device
from eomoo.live.recipes import format_epochs
from eomoo.objectives.live import LiveBackend
from eomoo.objectives.live_quantities import COUNTED, LIVE_KINDS, LIVE_QUANTITIES, TIMED, TRAINED
from eomoo.version import __version__


def facts_of(backend: LiveBackend, *, trains: bool) -> Facts:
    """The facts of a table that a backend measures, without its cells: plain data, as TOML gives it back.

    Args:
        backend: What trains and times.
        trains: False where it only times: there are no images and no recipe then.
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
        "title": f"{images['name']}, {format_epochs(backend.epochs)} epochs",
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
