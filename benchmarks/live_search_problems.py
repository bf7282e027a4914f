"""The problems of live_search.py: tables as whole spaces, and shipped cards with all cells."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import eomoo
from eomoo.arrays import Floats
from eomoo.data import MeasuredTable, read_measured

EPOCHS = (4, 12, 36, 108)
UNITS = {"train_time": "s", "params": "", "latency": "ms"}
SHORT = {"train_time": "time", "params": "params", "latency": "latency"}
# Points of error that are none.
_SAME = 0.1
CARD = """
reference_point = [{error!r}, {second!r}]
[[objectives]]
name = "{name}"
unit = "%"
direction = "min"
source = "table"
[[objectives]]
name = "{second_name}"
unit = "{unit}"
direction = "min"
source = "table"
[backend.table]
file = "cells.csv"
effort = "train_time"
"""
RUNG = '[[backend.table.rungs]]\nshare = {share!r}\ncolumns = {{ {name} = "{column}" }}\n'

Make = Callable[[bool], eomoo.CellProblem]
"""The problem, with shorter trainings that tell something, or with shuffled ones."""


def from_sample(path: Path) -> tuple[pd.DataFrame, list[float]]:
    """Cells of NAS-Bench-101 with "val_error", costs and "val_error_K" of the k-th rung; the rungs."""
    table = pd.read_csv(path)
    cells = pd.DataFrame({"hash": table["hash"], "params": table["params"], "train_time": table["train_time_108"]})
    cells["val_error"] = 100.0 * (1.0 - table["val_accuracy_108"])
    for k, epochs in enumerate(EPOCHS[:-1]):
        cells[f"val_error_{k}"] = 100.0 * (1.0 - table[f"val_accuracy_{epochs}"])
    return cells, [epochs / EPOCHS[-1] for epochs in EPOCHS[:-1]]


def from_measured(folder: Path, short: Sequence[Path]) -> tuple[pd.DataFrame, list[float]]:
    """The same of a measured table, repeats averaged, and of others of the same cells with fewer epochs."""
    table = read_measured(folder)
    cells = table.mean().set_index("hash")[["params", "train_time", "latency"]]
    rungs = []
    for k, measured in enumerate([table, *map(read_measured, short)]):
        mean = measured.mean().set_index("hash")
        for which in ("micro", "macro"):
            column = f"val_{which}_error" + (f"_{k - 1}" if k else "")
            cells[column] = 100.0 * (1.0 - mean[f"val_{which}"])
        if k:
            rungs.append(int(measured.facts["training"]["epochs"]) / int(table.facts["training"]["epochs"]))
    return cells.dropna().reset_index(), rungs


def seed_noise(table: MeasuredTable) -> str:
    """How much of what tells cells apart is the seed's, from cells that were trained more than once."""
    lines = []
    for which in ("micro", "macro"):
        of = (100.0 * (1.0 - table.rows[f"val_{which}"])).groupby(table.rows["index"])
        mean, variance = of.mean().dropna(), of.var().dropna()
        parts = []
        for title, part in (("all cells", mean), ("the better half", mean[mean <= mean.median()])):
            repeated = variance[variance.index.isin(part.index)]
            noise = float(repeated.mean()) if len(repeated) else np.nan
            parts.append(
                f"{title}: deviation of a seed {noise**0.5:.2f} ({len(repeated)} of {len(part)} cells repeated), "
                f"between cells {part.std():.2f}, the seed's variance over that {noise / part.var():.2f}"
            )
        lines.append(f"val_{which}_error, {mean.min():.1f} to {mean.max():.1f} %; {'; '.join(parts)}")
    return "\n".join(lines)


def table_problems(cells: pd.DataFrame, rungs: list[float], folder: Path) -> dict[str, Make]:
    """A card for each error with each cost, beside a copy of the table."""
    rng = np.random.default_rng(0)
    errors = [name for name in cells if name.endswith("_error")]
    if len(errors) == 2 and np.abs(cells[errors[0]] - cells[errors[1]]).max() < _SAME:
        # As many images of each class.
        print(f"{errors.pop()} is the same as {errors[0]}")
    for error in errors:
        for k in range(len(rungs)):
            cells[f"{error}_shuffled_{k}"] = rng.permutation(cells[f"{error}_{k}"])
    cells.to_csv(folder / "cells.csv", index=False)
    worst = cells.quantile(0.9, numeric_only=True)
    found: dict[str, Make] = {}
    for error in errors:
        for cost in [name for name in UNITS if name in cells]:
            label = SHORT[cost] if error == "val_error" else f"{error.split('_')[1]}-{SHORT[cost]}"
            for kind in ("", "_shuffled"):
                text = CARD.format(
                    name=error, error=float(worst[error]), second_name=cost, second=float(worst[cost]),
                    unit=UNITS[cost],
                )  # fmt: skip
                for k, share in enumerate(rungs):
                    text += RUNG.format(share=share, name=error, column=f"{error}{kind}_{k}")
                (folder / f"{label}{kind}.toml").write_text(text)
            found[label] = lambda shuffled, label=label: eomoo.get_problem(
                folder / f"{label}{'_shuffled' if shuffled else ''}.toml"
            )
    return found


def card_problem(name: str) -> Make:
    """A shipped card of models as if it were measured: what is not known of its values, and noise, drawn once."""
    kept: list[eomoo.CellProblem] = []

    def make(shuffled: bool) -> eomoo.CellProblem:
        if not kept:
            problem = eomoo.get_problem(name, noise=0)
            values = problem.values(problem.cells)
            # Drawn once for all runs; to draw them anew takes longer than a search.
            problem.some_values = lambda i, columns: values[np.atleast_1d(i)][:, list(columns)]
            # The card's own point bounds what is worse than anything; here as with the tables.
            problem.reference_point = np.nanquantile(problem.objectives.minimise(values), 0.9, axis=0)
            kept.append(problem)
        return kept[0]

    return make


def shares_of_true(problem: eomoo.CellProblem, cells: Sequence[int]) -> Floats:
    """(n,) share of the true hypervolume after each of the cells."""
    from eomoo.fronts import Box, hypervolume

    box = Box(ideal=problem.ideal_point(), reference=np.asarray(problem.reference_point))
    F, true = problem.objectives_at(np.array(cells)), hypervolume(problem.pareto_front(), box)
    return np.array([hypervolume(F[: k + 1], box) / true for k in range(len(cells))])
