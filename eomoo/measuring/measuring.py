"""Cells trained and timed into a folder: nothing twice, killed anywhere, grown by asking for more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from eomoo.arrays import Facts
from eomoo.checks import number, positive
from eomoo.data.measured_table import (
    SETTINGS,
    MeasuredTable,
    check_same,
    is_measured,
    measured_table,
    read_facts,
    read_measured,
    write_facts,
    write_measured,
)
from eomoo.errors import EomooError, SettingError
from eomoo.files import only_one
from eomoo.live import Campaign
from eomoo.live.results import trained_value
from eomoo.measuring.cells import CellChoice
from eomoo.measuring.sources import facts_of
from eomoo.objectives.live import LiveBackend
from eomoo.objectives.live_quantities import COUNTED, TIMED, TRAINED
from eomoo.packages import pandas as pd
from eomoo.progress import Step

# Timings are kept when all that take turns have ended: half of what one session holds costs a kill little.
_TURNS = 12
# How old the table may be while trainings go on, for who looks at it; the store is always up to date.
_SAVE_SECONDS = 60.0
MOST_REPEATS = 1000
"""More than anybody repeats."""
_TIMED, _TRAINED, _COUNTED = [*TIMED], [*TRAINED], [*COUNTED]


class Measuring:
    """The measuring of cells into a folder, whose live store is the cache that nothing is measured twice by.

    A training that diverged or is too big is a row with its status; a fault of the machine is none: it is tried
    again by the next call.

    Args:
        backend: What is trained and timed, how, on what, and in which folder.
        choice: Which cells, beside those that the folder was asked for before.
        repeats: Trainings of a chosen cell, by seeds that follow the campaign's own; where none is chosen, of all.
        repeats_of: Of how many of these, the first ones, or of what share of them (below 1); None: of all.
        trains: False times alone, which needs no images.
        on_progress: Told of each step, "timed" or "trained".

    Raises:
        SettingError: (a ValueError) A number that cannot be.
    """

    def __init__(
        self,
        backend: LiveBackend,
        choice: CellChoice,
        *,
        repeats: int = 1,
        repeats_of: float | None = None,
        trains: bool = True,
        on_progress: Callable[[Step], None] = lambda step: None,
    ) -> None:
        self.backend, self.campaign, self.choice = backend, backend.campaign, choice
        self.folder = Path(self.campaign.folder)
        self.trains, self._tell = trains, on_progress
        self.repeats = positive("repeats", repeats, most=MOST_REPEATS)
        self.repeats_of = math.inf if repeats_of is None else number("repeats_of", repeats_of, least=0)
        self._timed: dict[int, Facts] = {}
        self._counted: dict[int, Facts] = {}
        self._trained: dict[tuple[int, int], Facts] = {}
        self._saved = 0.0
        self.notes: list[str] = []

    def run(self) -> MeasuredTable:
        """Measure what is missing; the whole table, which the folder has too, also where this is interrupted.

        Raises:
            SettingError: (a ValueError) The folder's table has other settings, or there is no cell.
            StoreError: (a RuntimeError) Another process measures there, or no training comes to an end.
        """
        with only_one(self.folder, "measuring"):
            self._begin()
            self._time()
            try:
                if self.trains:
                    self._train()
                # What was disturbed, now that nothing is training.
                self._time(again=True)
            finally:
                self.notes = [*self.campaign.notes(), *self.notes]
                table = self._save()
        return table

    def _begin(self) -> None:
        """Join what was asked for with what the folder has; say it in ``benchmark.toml`` where there is none."""
        known = read_facts(self.folder) if is_measured(self.folder) else {}
        chosen = self.choice.frame()
        self.facts = facts_of(self.backend, trains=self.trains)
        if known:
            try:
                self.choice = CellChoice.from_facts(known.get("cells", {})).joined(self.choice)
                for name in SETTINGS:
                    check_same(name, known, self.facts)
                if "training" in known and not self.trains:
                    raise SettingError(
                        "it holds trainings, so that these would be missing of cells that are only timed"
                    )
            except SettingError as error:
                raise SettingError(f"{self.folder} cannot grow: {error}; measure into another folder") from None
        self.cells = self.choice.frame()
        if not len(self.cells):
            raise SettingError("say which cells are measured: walks, a spread, or a list of them")
        self._chosen: list[int] = (chosen if len(chosen) else self.cells)["index"].tolist()
        self.facts["cells"] = self.choice.to_facts()
        seeds = known.get("training", {}).get("seeds", [])
        repeats = max(self.repeats, len(seeds) if isinstance(seeds, list) else 1)
        self.seeds = [self.campaign.seed + k for k in range(min(repeats, MOST_REPEATS))]
        if self.trains:
            self.facts["training"]["seeds"] = self.seeds
        if known:
            self._remember_counts()
        else:
            # So that whoever goes on after a kill is held to the same settings.
            write_facts(self.facts, self.folder)

    def _remember_counts(self) -> None:
        try:
            rows = read_measured(self.folder).to_dataframe().drop_duplicates("index").dropna(subset=_COUNTED)
        except (EomooError, KeyError):
            # It was never written, or a kill came in between: counted anew.
            return
        self._counted = {int(row["index"]): {k: row[k] for k in _COUNTED} for row in rows.to_dict(orient="records")}

    def _time(self, *, again: bool = False) -> None:
        """Time all cells, some at once; or those again that something disturbed."""
        cells = self.cells["index"].tolist()
        if again:
            cells = [k for k in cells if self._timed[k]["latency_disturbed"] > 0]
        else:
            self._tell(Step(what="timed", done=0, total=len(cells)))
        for start in range(0, len(cells), _TURNS):
            some = cells[start : start + _TURNS]
            told = self.campaign.timings(some, again=again)
            self.facts["latency"]["reference_ms"] = told[some[0]]["baseline"]
            for cell, values in zip(some, self.backend.values(some, _TIMED).tolist(), strict=True):
                self._timed[cell] = dict(zip(_TIMED, values, strict=True))
            if not again:
                self._tell(Step(what="timed", done=start + len(some), total=len(cells)))

    def _train(self) -> None:
        """Train all cells, then the repeats of those that have some, a seed at a time."""
        cells = self.cells["index"].tolist()
        share = self.repeats_of * len(self._chosen) if self.repeats_of < 1 else self.repeats_of
        repeated = self._chosen[: math.ceil(min(share, len(self._chosen)))]
        wanted = [cells, *[repeated] * (self.repeats - 1), *[[]] * (len(self.seeds) - self.repeats)]
        campaigns = [self.campaign, *(self.campaign.with_seed(seed) for seed in self.seeds[1:])]
        for repeat, campaign in enumerate(campaigns):
            # There may be repeats of more cells than are asked for now.
            for cell in cells:
                self._take(campaign, cell, repeat)
        missing = [[k for k in some if (k, repeat) not in self._trained] for repeat, some in enumerate(wanted)]
        total = sum(map(len, wanted))
        done = total - sum(map(len, missing))
        self._tell(Step(what="trained", done=done, total=total))
        for repeat, campaign in enumerate(campaigns):

            def ended(cell: int, campaign: Campaign = campaign, repeat: int = repeat) -> None:
                nonlocal done
                self._take(campaign, cell, repeat)
                done += 1
                self._tell(Step(what="trained", done=done, total=total))
                if time.monotonic() - self._saved > _SAVE_SECONDS:
                    self._save()

            campaign.ended = ended
            try:
                campaign.trainings(missing[repeat], self.backend.epochs)
            finally:
                self.notes += campaign.notes() if repeat else []

    def _take(self, campaign: Campaign, cell: int, repeat: int) -> None:
        """Take over the stored result of a training, where there is one."""
        result = campaign.stored(cell, self.backend.epochs)
        if result is not None:
            values = {name: trained_value(result, name) for name in _TRAINED}
            ended = {"status": result["status"], "reason": result["reason"]}
            self._trained[cell, repeat] = {**values, **ended, "curve": result["curve"]}

    def _save(self) -> MeasuredTable:
        table = self._table()
        write_measured(table, self.folder)
        self._saved = time.monotonic()
        return table

    def _table(self) -> MeasuredTable:
        """What is known so far: a row for each training that ended, or for each timing where nothing is trained."""
        records: list[Facts] = []
        curves: list[Facts] = []
        for cell, walk, step in self.cells.itertuples(index=False, name=None):
            place = {"index": cell, "walk": walk, "step": step}
            for repeat, seed in enumerate(self.seeds if self.trains else [None]):
                if (self.trains and (cell, repeat) not in self._trained) or cell not in self._timed:
                    continue
                told = {**self._trained.get((cell, repeat), {})}
                curves += [{"index": cell, "repeat": repeat, "seed": seed, **point} for point in told.pop("curve", [])]
                # A timing is of the cell, whose repeats it would make look alike.
                timed = {} if repeat else self._timed[cell]
                records.append({**place, "repeat": repeat, "seed": seed, **told, **timed, **self._counts(cell)})
        rows = pd.DataFrame(records, columns=None if records else ["index"])
        return measured_table(rows, self.facts, pd.DataFrame(curves) if curves else None)

    def _counts(self, cell: int) -> Facts:
        if cell not in self._counted:
            values = self.backend.values([cell], _COUNTED)[0].tolist()
            self._counted[cell] = dict(zip(_COUNTED, values, strict=True))
        return self._counted[cell]
