"""From what a user asks for, or what a board's kit timed, to a measured table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from eomoo.checks import by_name, choice, known_keys
from eomoo.data import MeasuredTable
from eomoo.errors import SettingError
from eomoo.images import ImageData
from eomoo.live import Campaign, DataSource
from eomoo.live.kit import read_kit
from eomoo.measuring.cells import CellChoice, choose_cells
from eomoo.measuring.measuring import Measuring
from eomoo.measuring.sources import timing_backend, training_backend
from eomoo.objectives import LiveBackend
from eomoo.progress import Step, shown
from eomoo.space import Skeleton


def measure(
    card: str | Path | ImageData | None = None,
    *,
    out: str | Path,
    data: str | Path | ImageData | None = None,
    cells: str | Path | Iterable[Any] | None = None,
    walks: int = 0,
    length: int = 15,
    spread: int = 0,
    cell_seed: int = 0,
    repeats: int = 1,
    repeats_of: float | None = None,
    only: Literal["latency"] | None = None,
    skeleton: Skeleton | Mapping[str, int] | None = None,
    latency: Mapping[str, object] | None = None,
    on_progress: Callable[[Step], None] | None = None,
    report: Callable[[str], None] = lambda sentence: None,
    retry_failed: bool = False,
    **settings: Any,
) -> MeasuredTable:
    """Train and time cells into a measured table: what ``eomoo measure`` does.

    Interrupted or killed, the same call goes on; asked for more cells or repeats, the table in the folder grows.

    Args:
        card: A live card (by default that for images of one's own), or a task of images.
        out: The table's folder.
        data: Other images than the card's, as for ``eomoo.images.open_data``.
        cells: A file or folder that names cells, indices (n,), or walks as a sequence of arrays of indices.
        walks, length: Random walks, and cells in each.
        spread: Cells spread over vertices, operation counts and MACs.
        cell_seed: Of walks and spread.
        repeats: Trainings of each cell that is named here, with seeds that follow ``seed``; of all where none is.
        repeats_of: Only of so many of these, the first ones; below 1, of this share of them.
        only: "latency": nothing is trained, so that no images are needed, and any card will do.
        skeleton: With ``only``: the network around the cells, or some values of it, instead of the card's or So2Sat's.
        latency: Values of a ``LatencySetting``, instead of the card's.
        on_progress: Called with each step: what is done ("timed", "trained"), of how much. A notebook shows a line.
        report: Told in sentences what goes on, and at the end what failed or was disturbed.
        retry_failed: Try again what a machine failed at, however often.
        settings: Of the card's live backend, such as ``epochs``, ``seed``, ``workers`` or ``**{"curve.at": "1,3"}``.

    Raises:
        SettingError: (a ValueError) A setting that cannot be, a card that is not live, or a folder's table of
            other settings.
        StoreError: (a RuntimeError) Another process measures there, or no training comes to an end.

    Examples:
        >>> table = eomoo.measure("live-scene", out="mine", spread=20)  # doctest: +SKIP
        >>> table.to_dataframe()[["index", "val_macro", "latency"]]  # doctest: +SKIP
    """
    chosen = choose_cells(cells, walks=walks, length=length, spread=spread, seed=cell_seed)
    if card is not None and not isinstance(card, str | Path):
        card, data = None, card
    if only is not None:
        choice("only", only, ("latency",))
        known_keys("only latency", settings, ())
        backend = timing_backend(card, data=data, folder=out, skeleton=skeleton, latency=latency)
    else:
        if skeleton is not None:
            raise SettingError("images say what the skeleton is: give its width and depth as skeleton.stem_channels=16")
        given = {**settings, **{f"latency.{name}": value for name, value in by_name("latency", latency).items()}}
        backend = training_backend(card, data=data, folder=out, settings=given)
    with closing(backend), shown(on_progress, str(out)) as tell:
        backend.report, backend.retry_failed = report, retry_failed
        backend.campaign.report, backend.campaign.retry_failed = report, retry_failed
        measuring = Measuring(
            backend, chosen, repeats=repeats, repeats_of=repeats_of, trains=only is None, on_progress=tell
        )
        try:
            return measuring.run()
        finally:
            for note in measuring.notes:
                report(note)


def measure_from_kit(kit: str | Path, *, out: str | Path, report: Callable[[str], None] = print) -> MeasuredTable:
    """The measured table of what a board's kit timed; read again, it grows by what was timed since.

    Args:
        kit: The script's result, or its folder.
        out: The table's folder.
        report: Told in sentences what is missing or was disturbed.

    Raises:
        DataError: (a ValueError) The result has changed since it was written.
        SettingError: (a ValueError) The folder has a table of other settings.
    """
    told = read_kit(kit)
    campaign = Campaign(
        source=DataSource(), around=told.skeleton, folder=Path(out), timing=told.setting, elsewhere=told.conditions
    )
    for cell, timing in told.timings.items():
        setting = {"cell": cell, **told.conditions}
        known = campaign.store.get("latency", setting)
        better = known is not None and bool(known["contended"]) and not timing["contended"]
        campaign.store.put("latency", setting, timing, cell=cell, replace=better)
    asked = CellChoice.from_facts(told.asked)
    cells = asked.frame()["index"].tolist()
    missing = [k for k in cells if k not in told.timings]
    if missing:
        report(f"{len(missing)} of {len(cells)} cells were not timed yet: run kit.py again")
    # Walks are told as such once they are whole.
    choice = CellChoice(listed=tuple(k for k in cells if k in told.timings)) if missing else asked
    with closing(LiveBackend(campaign)) as backend:
        measuring = Measuring(backend, choice, trains=False)
        table = measuring.run()
        for note in measuring.notes:
            report(note)
    return table
