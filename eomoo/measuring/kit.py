"""Latencies of a board: the measured table of what came back with a kit that was taken there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from eomoo.data import MeasuredTable
from eomoo.live import Campaign, DataSource
from eomoo.live.kit import read_kit
from eomoo.measuring.cells import CellChoice
from eomoo.measuring.measuring import Measuring
from eomoo.objectives import LiveBackend


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
