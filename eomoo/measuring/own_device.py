"""Models of the latency on the device at hand: some cells timed, once for all that a timing depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from eomoo.data.measured_table import TABLE_FILE
from eomoo.errors import EomooError
from eomoo.files import cache_folder, sha256_of
from eomoo.measuring.measure import measure
from eomoo.measuring.sources import facts_of, timing_backend
from eomoo.models import load_models
from eomoo.objectives import load_card
from eomoo.objectives.latency_from import LATENCY, check_latency
from eomoo.objectives.refit import fit_table
from eomoo.progress import Step

HERE = "here"
"""What stands for the device at hand."""
# From as many all cells are ranked to .96 and latencies known to 6.5 %, on the devices of benchmarks/device.py.
CELLS = 20
# What a timing depends on, among the facts of a table.
_DEPENDS = ("skeleton", "latency", "device", "versions")


def latency_models(
    card: str | Path,
    *,
    data: str | Path | None = None,
    latency: Mapping[str, object] | None = None,
    on_progress: Callable[[Step], None] | None = None,
    report: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """The folder of models of this device's latency of a card's networks; what they need is timed where it is not yet.

    Both are kept in the user's cache, by everything that a timing depends on: skeleton, runtime, batch, threads,
    precision, device and versions.

    Args:
        card: Whose skeleton, and of a live card whose setting of timing, is taken.
        data: Images that say how many bands, pixels and classes there are, for a live card.
        latency: Values of a ``LatencySetting``, such as another device of this machine, instead of the card's.
        on_progress, report: See ``measure``.

    Raises:
        CardError: (a ValueError) The card has no latency.
        SettingError: (a ValueError) Too many timings were disturbed, or a setting cannot be.
        MissingPackageError: (an ImportError) torch or onnxruntime is not installed.
    """
    check_latency(load_card(card))
    place = cache_folder() / "devices"
    facts = facts_of(timing_backend(card, data=data, folder=place, latency=latency), trains=False)
    depends = json.dumps({name: facts.get(name) for name in _DEPENDS}, sort_keys=True)
    folder = place / hashlib.sha256(depends.encode()).hexdigest()[:24]
    timed, fitted = folder / "timed", folder / "models"
    measure(
        card,
        data=data,
        out=timed,
        spread=CELLS,
        only="latency",
        latency=latency,
        on_progress=on_progress,
        report=report,
    )
    if not _are_of(fitted, timed):
        fit_table(timed, [LATENCY]).save(fitted)
    return fitted


def timing_of(settings: Mapping[str, object]) -> dict[str, object]:
    """What a run's settings say of timings, as values of a ``LatencySetting``: its device, and ``latency.KEY``."""
    own = {name.partition(".")[2]: value for name, value in settings.items() if name.startswith("latency.")}
    return {"device": settings["device"], **own} if settings.get("device") is not None else own


def _are_of(models: Path, table: Path) -> bool:
    """Whether there are models, and of this table."""
    try:
        return load_models(models).data == {TABLE_FILE: sha256_of(table / TABLE_FILE)}
    except EomooError:
        # Whatever is wrong with them, they are made again.
        return False
