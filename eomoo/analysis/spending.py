"""What a search that trains sparingly spent, skipped, and learnt of its priors; what was trained several times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eomoo.analysis.columns import amounts_in_words
from eomoo.analysis.repeat import run_command
from eomoo.analysis.tables import Block, Table
from eomoo.arrays import Facts
from eomoo.checks import counted
from eomoo.study.rows import ProblemRow, RunRow

# Trainings that are suggested of each cell: the fewest that tell a deviation with two degrees of freedom.
_SUGGESTED = 3


def spending_words(run: RunRow) -> list[str]:
    """What was trained at which rung, what was skipped and why, what priors were worth; [] for other searches."""
    said: Facts = run.extra.get("spending", {})
    if not said:
        return []
    trained = [f"{len(cells):,} {_length(share)}" for share, cells in zip(said["ladder"], said["trained"], strict=True)]
    # Runs of earlier versions do not say.
    failed = f"; {said['failed']:,} of them failed" if said.get("failed") else ""
    timed = f"; {said['timed']:,} timed" if said["timed"] else ""
    # What is left is less than a full training, which alone counts; nor do they say that.
    budget = f" of {run.budget:,}" if run.hours is None else ""
    spent = f" That took {said['spent']:.4g}{budget} full trainings." if "spent" in said else ""
    skipped = []
    if said["broke_known_limits"]:
        skipped.append(f"{said['broke_known_limits']:,} cells that break a limit known beforehand")
    if said["could_not_win"]:
        hopeless, candidates = said["could_not_win"], said["candidates"]
        skipped.append(f"{hopeless:,} of the last {candidates:,} candidates, which could not enter the front")
    worth = [f"{row['prior']}: {_worth(row)}" for row in said["worth"]]
    return [
        f"Trained: {', '.join(trained)}{failed}{timed}.{spent}",
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


def repeat_words(problem: ProblemRow, run: RunRow, out: str = "DIR") -> list[str]:
    """Of how many trainings values are means, what another seed changes; [] where nothing was trained.

    Where one training each does not tell the front's cells apart, the command that repeats them, into ``out``.
    """
    facts, said, lines = run.repeats, run.uncertainty, []
    if not facts:
        return []
    several, n = run.trainings, len(facts["contenders"])
    for k in sorted(set(several.values()), reverse=True):
        mine = [cell for cell, times in several.items() if times == k]
        lines.append(f"Values of {counted(len(mine), 'cell')} are means of {k} trainings each.")
    by_seed = np.array([facts["by_seed"].get(o.name) or 0.0 for o in problem.objectives])
    if known := amounts_in_words(problem, by_seed):
        lines.append(f"Another seed changes values by {' or '.join(known)} (one deviation, pooled over repeats).")
    elif set(facts["by_seed"].values()) == {None} and run.evaluated.get("deviations"):
        lines.append("Deviations are of finitely many images alone: nothing was repeated that tells of other seeds.")
    if said is not None and run.n_repeats == 1 and (n > len(said.cells) or any(len(g.cells) > 1 for g in said.groups)):
        command = run_command(problem, run, repeats=_SUGGESTED, out=out)
        times = f"{n:,} cells x {_SUGGESTED - 1} more trainings"
        lines.append(f"One training each does not tell the best cells apart; {times}: {command}")
    return lines


def _length(share: float) -> str:
    return "in full" if share == 1.0 else f"for {100 * share:.3g} % of a full training"


def _worth(row: Facts) -> str:
    weight = "" if row["weight"] is None else f"weight {row['weight']:.3g}, "
    rank = "rank correlation not known yet" if row["spearman"] is None else f"rank correlation {row['spearman']:.2f}"
    return f"{weight}{rank} over {row['cells']} cells ({row['objective']})"
