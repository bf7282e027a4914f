"""Latencies of a board: a kit that is taken there, and the measured table of what comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from eomoo.data import MeasuredTable
from eomoo.errors import SettingError
from eomoo.measuring.cells import CellChoice
from eomoo.measuring.measuring import Measuring
from eomoo.objectives import LiveBackend


def write_board_kit(
    folder: str | Path,
    backend: LiveBackend,
    choice: CellChoice,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write a kit that times cells on a board; its script.

    Args:
        folder: Where.
        backend: Of which skeleton, and how it is timed (see ``timing_backend``).
        choice: Which cells.
        report: Called with networks exported and in all.

    Raises:
        SettingError: (a ValueError) There is no cell, or the kit cannot time that way.
    """
    from eomoo.live.kit import write_kit

    cells, campaign = choice.frame()["index"].tolist(), backend.campaign
    if not cells:
        raise SettingError("say which cells are timed: walks, a spread, or a list of them")
    around, how, asked = campaign.skeleton, campaign.timing, choice.to_facts()
    return write_kit(folder, cells, skeleton=around, setting=how, asked=asked, report=report)


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
    from eomoo.live import Campaign, DataSource
    from eomoo.live.kit import read_kit

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
