"""What a search that trains sparingly spent, skipped, and learnt of its priors."""

from __future__ import annotations

from collections.abc import Iterator

from eomoo.analysis.tables import Block, Table
from eomoo.arrays import Facts
from eomoo.study.rows import RunRow


def spending_words(run: RunRow) -> list[str]:
    """What was trained at which rung, what was skipped and why, what priors were worth; [] for other searches."""
    said: Facts = run.extra.get("spending", {})
    if not said:
        return []
    trained = [f"{len(cells):,} {_length(share)}" for share, cells in zip(said["ladder"], said["trained"], strict=True)]
    timed = f"; {said['timed']:,} timed" if said["timed"] else ""
    skipped = []
    if said["broke_known_limits"]:
        skipped.append(f"{said['broke_known_limits']:,} cells that break a limit known beforehand")
    if said["could_not_win"]:
        hopeless, candidates = said["could_not_win"], said["candidates"]
        skipped.append(f"{hopeless:,} of the last {candidates:,} candidates, which could not enter the front")
    worth = [f"{row['prior']}: {_worth(row)}" for row in said["worth"]]
    return [
        f"Trained: {', '.join(trained)}{timed}.",
        *([f"Never trained: {'; '.join(skipped)}."] if skipped else []),
        *([f"What told something of full trainings: {'; '.join(worth)}."] if worth else []),
    ]


def spending_tables(run: RunRow) -> Iterator[Block]:
    """The same as tables: trainings by rung, cell by cell, and what each prior was worth."""
    said: Facts = run.extra.get("spending", {})
    if not said:
        return
    rows: list[tuple[object, ...]] = [
        (_length(share), len(cells), ", ".join(map(str, cells)))
        for share, cells in zip(said["ladder"], said["trained"], strict=True)
    ]
    yield Table(title="What was trained", columns=["training", "number", "cells"], rows=rows, key="trained")
    if said["worth"]:
        names = ("objective", "prior", "weight", "spearman", "cells")
        columns = ["objective", "prior", "weight", "rank correlation", "cells"]
        rows = [tuple("" if row[name] is None else row[name] for name in names) for row in said["worth"]]
        note = (
            "The weight is what a deviation of the prior changes in the expected objective, in its unit; 0 where the "
            "search left it out. The correlation is with what full trainings of so many cells gave."
        )
        yield Table(title="What told something of full trainings", columns=columns, rows=rows, key="worth", note=note)


def _length(share: float) -> str:
    return "in full" if share == 1.0 else f"for {100 * share:.3g} % of a full training"


def _worth(row: Facts) -> str:
    weight = "" if row["weight"] is None else f"weight {row['weight']:.3g}, "
    rank = "rank correlation not known yet" if row["spearman"] is None else f"rank correlation {row['spearman']:.2f}"
    return f"{weight}{rank} over {row['cells']} cells ({row['objective']})"
