"""The published landscape analysis of a measured table: what a sample of cells tells, how surely, beside another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import counted
from eomoo.data.measured_table import MeasuredTable
from eomoo.errors import DataError
from eomoo.fronts import Objective, Objectives, non_dominated
from eomoo.landscape.intervals import CONFIDENCE, Estimates, jackknife, rank_correlations
from eomoo.landscape.ruggedness import Autocorrelation, autocorrelation, walk_autocorrelation
from eomoo.landscape.sample import Sample, sample_of
from eomoo.landscape.values import describe
from eomoo.packages import pandas as pd
from eomoo.space import load_space

# As for whole spaces; of lags beyond half a walk too few pairs are left.
_MAX_LAG = 30


@dataclass(frozen=True, kw_only=True)
class SampleAnalysis:
    """What was found of a sample.

    Attributes:
        sample: The cells and their values.
        numbers: All of it in numbers, for JSON.
        curves: Autocorrelation along all walks together, by quantity; empty without walks.
        by_walk: Each walk's own autocorrelation of lag 1 (n_walks,), by quantity; empty without walks.
        ranks: Rank correlations (m, m) of the quantities, in their order.
        epochs: A row for each accuracy of the learning curves and epoch: quartiles over the cells, and the rank
            correlation with the last epoch.
        beside: Another sample beside this one, if any.
    """

    sample: Sample
    numbers: Facts
    curves: Mapping[str, Autocorrelation]
    by_walk: Mapping[str, Floats]
    ranks: Estimates
    epochs: pd.DataFrame
    beside: Beside | None


def analyse_sample(table: MeasuredTable, *, beside: MeasuredTable | None = None) -> SampleAnalysis:
    """Distributions, trade-offs, rank correlations, noise, and ruggedness along the walks of a measured table.

    Nothing is told of the whole space: which cells are neighbours of which, local optima, basins and the true front
    need all values (``analyse_landscape``). All intervals are of 95 %, from leaving out one walk at a time, or a part
    of the cells where there are no walks (see ``jackknife``).

    Args:
        table: The table.
        beside: Another one to compare it with (see ``set_beside``).

    Raises:
        DataError: (a ValueError) No cell has a value, or walks and steps contradict each other.

    Source: Demir, Traoré, Camero, ESANN 2024; the measures: Traoré, Camero, Zhu, Fitness landscape footprint, 2021.
    """
    sample = sample_of(table)
    curves, by_walk = {}, {}
    length = sample.walks.shape[1]
    for name in sample.quantities if length > 1 else ():
        along = sample.along_walks(name)
        curves[name] = autocorrelation(along, max_lag=min(_MAX_LAG, (length + 1) // 2, length - 1))
        by_walk[name] = walk_autocorrelation(along)
    ranks = rank_correlations(np.column_stack(list(sample.values.values())), sample.groups)
    epochs = _epochs(sample)
    compared = None if beside is None else set_beside(sample, sample_of(beside))
    cells, space, facts = sample.cells, load_space(), table.facts
    pairs = np.triu_indices(len(sample.quantities), 1)
    numbers: Facts = {
        "title": facts["title"],
        "citation": facts.get("citation"),
        "sample": {
            "cells": len(cells),
            "of": len(space),
            "measurements": len(table.rows),
            "failed": _counts(table.rows["status"][table.rows["status"] != "done"].to_numpy()),
            "walks": len(sample.walks),
            "cells_in_walks": int(sample.in_walks.sum()),
            "walk_lengths": [int(n) for n in np.unique((sample.walks >= 0).sum(axis=1))],
            "says": _says(sample),
        },
        "confidence": CONFIDENCE,
        "by_vertices": _counts(space.n_vertices[cells]),
        "by_edges": _counts(space.n_edges[cells]),
        "quantities": [_quantity(sample, name, curves.get(name), by_walk.get(name)) for name in sample.quantities],
        "non_dominated": [
            {"a": a, "b": b, "cells": len(front_of(sample, a, b))}
            for a, b in product(sample.performance(), sample.costs())
        ],
        "rank_correlations": Estimates(*(part[pairs] for part in ranks)).rows(combinations(sample.quantities, 2)),
        "epochs": epochs.to_dict("records"),
        "classes": classes_of(table),
        "beside": compared and compared.numbers,
    }
    return SampleAnalysis(
        sample=sample, numbers=numbers, curves=curves, by_walk=by_walk, ranks=ranks, epochs=epochs, beside=compared
    )


def _says(sample: Sample) -> str:
    if len(sample.cells) == len(load_space()):
        return "The table has all cells: a problem card on it gets what a whole space tells, and this does not."
    walks = "along its walks, how fast values change from step to step"
    if not len(sample.walks):
        walks = "without walks (columns walk and step) nothing of ruggedness"
    n = counted(len(sample.cells), "cell")
    return (
        f"{n} {'is' if len(sample.cells) == 1 else 'are'} a sample, not the space of {len(load_space()):,}. It tells "
        f"how values are distributed and go together, and {walks}. Neutrality, local optima, basins and the true "
        "front need the values of all cells: `eomoo surrogate fit` predicts them."
    )


def _counts(values: NDArray[np.generic]) -> dict[str, int]:
    return {str(value): int(n) for value, n in zip(*np.unique(values.astype(str), return_counts=True), strict=True)}


def _quantity(sample: Sample, name: str, curve: Autocorrelation | None, by_walk: Floats | None) -> Facts:
    values = sample.values[name]
    found: Facts = {"name": name, **asdict(sample.quantities[name]), "values": describe(values[np.isfinite(values)])}
    rows = sample.table.rows
    found["missing"] = int(np.isnan(values).sum())
    found["disturbed"] = int((rows[f"{name}_disturbed"] == 1).sum()) if f"{name}_disturbed" in rows else 0
    if curve is not None and by_walk is not None:
        found["autocorrelation"] = {
            "lag_1": curve.mean[1],
            "lag_1_band": [curve.low[1], curve.high[1]],
            "pairs": curve.pairs[1],
            "correlation_length": curve.length,
            "correlation_length_band": curve.length_band,
        }
        found["ruggedness"] = ruggedness_of(by_walk)
    return found | {"noise": noise_of(sample, name)}


def ruggedness_of(by_walk: Floats) -> Facts:
    """The published ruggedness, 1 / the mean of each walk's own autocorrelation of lag 1 (n_walks,), as a density.

    Returns:
        Of the walks' autocorrelations "walks", "mean", "std", "quartiles" and the mean's "band"; "ruggedness" and its
        "ruggedness_band", None where the band holds 0, since the inverse then has no known sign.
    """
    known = by_walk[np.isfinite(by_walk)]
    if not len(known):
        return {"walks": 0}
    found = jackknife(lambda kept: known[kept].mean(keepdims=True), np.arange(len(known)))
    mean, low, high = (np.clip(part, -1.0, 1.0) for part in found)
    # NaN is on neither side of 0.
    signed = bool(low[0] > 0 or high[0] < 0)
    return {
        "walks": len(known),
        "mean": mean[0],
        "std": known.std(ddof=1) if len(known) > 1 else None,
        "quartiles": np.quantile(known, [0.25, 0.5, 0.75]),
        "band": [low[0], high[0]],
        "ruggedness": 1.0 / mean[0] if mean[0] else None,
        "ruggedness_band": [1.0 / high[0], 1.0 / low[0]] if signed else None,
    }


def noise_of(sample: Sample, name: str) -> Facts | None:
    """Noise against signal of a quantity, where cells were measured several times; None where none was.

    Returns:
        "cells" measured repeatedly; "std" (n - 1, pooled) of single measurements of a cell; "share" of the variance
        of single measurements that is noise, with its "band". One-way analysis of variance with random effects.

    Source: Searle, Casella, McCulloch, Variance components, 1992.
    """
    rows = sample.table.rows
    if sample.table.kinds.get(name) == "counted":
        return None
    measured = rows[name].to_numpy() if name in rows else np.full(len(rows), np.nan)
    there = np.isfinite(measured)
    cell = pd.Index(sample.cells).get_indexer(pd.Index(rows["index"][there]))
    single, repeats = measured[there], np.bincount(cell, minlength=len(sample.cells))
    if repeats.max(initial=0) < 2:
        return None

    def parts(kept: Bools) -> Floats:
        y, (_, row, count) = single[kept], np.unique(cell[kept], return_inverse=True, return_counts=True)
        mean = np.bincount(row, y) / count
        with np.errstate(invalid="ignore", divide="ignore"):
            noise = ((y - mean[row]) ** 2).sum() / (count - 1).sum()
            signal = max(mean.var(ddof=1) - noise * (1.0 / count).mean(), 0.0) if len(mean) > 1 else np.nan
            return np.array([noise, noise / (noise + signal)])

    found = jackknife(parts, sample.groups[cell], link=np.log, inverse=np.exp)
    return {
        "cells": int((repeats > 1).sum()),
        "std": np.sqrt(found.value[0]),
        "share": found.value[1],
        "band": [found.low[1], min(found.high[1], 1.0)],
    }


def front_of(sample: Sample, *names: str) -> Ints:
    """Rows of the sample's cells that no other of its cells dominates, by the first quantity."""
    values = np.column_stack([sample.values[name] for name in names])
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    objectives = Objectives(tuple(Objective(name=name, **asdict(sample.quantities[name])) for name in names))
    best = rows[non_dominated(objectives.minimise(values[rows]))] if len(rows) else rows
    return best[np.argsort(values[best, 0], kind="stable")]


def _epochs(sample: Sample) -> pd.DataFrame:
    """Quartiles of each accuracy of the learning curves at each epoch, repeats averaged."""
    curves, rows = sample.table.curve_rows, []
    for name in [k for k in map(str, curves.columns) if k.endswith(("_micro", "_macro", "accuracy", "error"))]:
        cells = curves.pivot_table(index="index", columns="epoch", values=name).dropna(axis=1, how="all")
        cells = cells.reindex(sample.cells)
        ranks = rank_correlations(cells.to_numpy(dtype=np.float64), sample.groups)
        for k, epoch in enumerate(cells.columns):
            found = describe(cells[epoch].dropna().to_numpy())
            last = {
                f"{part}_with_last": array[k, -1]
                for part, array in zip(("spearman", "low", "high"), ranks, strict=True)
            }
            # Of one epoch alone nothing is told of a last one.
            rows.append({"quantity": name, "epoch": int(epoch), **found, **(last if len(cells.columns) > 1 else {})})
    return pd.DataFrame(rows)


def classes_of(table: MeasuredTable) -> Facts:
    """Class balance by split: "images", "classes" and the shares of the smallest and the largest class."""
    found = {}
    for split, images in table.facts.get("data", {}).get("images", {}).items():
        # Of some tables only the number of all is known.
        counts = np.array(images, dtype=np.float64)
        if counts.ndim == 1 and counts.sum() > 0:
            shares = {"smallest": counts.min() / counts.sum(), "largest": counts.max() / counts.sum()}
            found[split] = {"images": int(counts.sum()), "classes": len(counts), **shares}
    return found


# Of fewer steps an autocorrelation may be anything, and so may its interval.
_LEAST_PAIRS = 30


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A sample beside another one.

    Attributes:
        first, second: The samples.
        rows: (2, k) where the k common cells stand in each.
        ranks: Rank correlations (m1, m2) of the first's quantities with the second's, over the common cells, with
            intervals from leaving out the first's walks.
        common_steps: Steps of the first's walks between common cells.
        rugged: Autocorrelation of lag 1 of each quantity of both, where there are at least 30 steps: along own walks,
            and of common cells alone along the first's.
    """

    first: Sample
    second: Sample
    rows: Ints
    ranks: Estimates
    common_steps: int
    rugged: list[Facts]

    @property
    def numbers(self) -> Facts:
        """All of it in numbers, for JSON."""
        names = product(self.first.quantities, self.second.quantities)
        return {
            "title": self.second.table.facts["title"],
            "common_cells": self.rows.shape[1],
            "common_steps": self.common_steps,
            "rank_correlations": Estimates(*map(np.ravel, self.ranks)).rows(names),
            "autocorrelation": self.rugged,
        }


def set_beside(first: Sample, second: Sample) -> Beside:
    """Compare two samples, such as one on So2Sat and one on CIFAR-10.

    Raises:
        DataError: (a ValueError) They have no cell in common, and the second no walks of its own.
    """
    _, *places = np.intersect1d(first.cells, second.cells, assume_unique=True, return_indices=True)
    rows, m = np.array(places), len(first.quantities)
    if rows.shape[1] == 0 and not len(second.walks):
        titles = [sample.table.facts["title"] for sample in (first, second)]
        raise DataError(f"{titles[0]} and {titles[1]} have no cell in common, and the second has no walks")
    columns = [*(v[rows[0]] for v in first.values.values()), *(v[rows[1]] for v in second.values.values())]
    ranks = rank_correlations(np.column_stack(columns), first.groups[rows[0]])
    walked = np.isin(first.walks, rows[0])
    return Beside(
        first=first,
        second=second,
        rows=rows,
        ranks=Estimates(*(part[:m, m:] for part in ranks)),
        common_steps=int((walked[:, 1:] & walked[:, :-1]).sum()),
        rugged=list(_rugged(first, second, rows)),
    )


def _rugged(first: Sample, second: Sample, rows: Ints) -> Iterator[Facts]:
    for table, sample in (("first", first), ("second", second)):
        for name in sample.quantities:
            yield from _row(table, name, "own", sample.along_walks(name))
    for table, sample, places in (("first", first, rows[0]), ("second", second, rows[1])):
        if table == "first" and len(places) == len(first.cells):
            # That is what its own walks say.
            continue
        for name, values in sample.values.items():
            common = np.full(len(first.cells) + 1, np.nan)
            common[rows[0]] = values[places]
            yield from _row(table, name, "of the first, common cells", common[first.walks])


def _row(table: str, name: str, walks: str, along: Floats) -> Iterator[Facts]:
    if (np.isfinite(along[:, 1:]) & np.isfinite(along[:, :-1])).sum() < _LEAST_PAIRS:
        return
    curve, cells = autocorrelation(along, max_lag=1), int(np.isfinite(along).sum())
    found = {"lag_1": curve.mean[1], "band": [curve.low[1], curve.high[1]], "pairs": int(curve.pairs[1])}
    yield {"table": table, "quantity": name, "walks": walks, "cells": cells, **found}
