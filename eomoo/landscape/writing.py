"""A landscape's files: numbers as JSON, curves and distributions as CSV, the sheet or its panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Facts, Figure, Ints
from eomoo.files import atomic_path, save_figures, write_json
from eomoo.landscape.graph import components_among
from eomoo.landscape.measure import LandscapeAnalysis
from eomoo.landscape.sampled import SampleAnalysis
from eomoo.landscape.sampled_sheet import draw_sample
from eomoo.landscape.sheet import Panel, draw_landscape
from eomoo.packages import pandas as pd

# Narrower than anything that a page shows of a distribution of all cells.
_BINS = 100
_SHEET_FORMS = ("pdf", "png")


def write_landscape(
    analysis: LandscapeAnalysis, folder: str | Path, forms: Sequence[str] = _SHEET_FORMS, *, width: str = "page"
) -> list[Path]:
    """Write ``landscape.json``, the CSV of :func:`landscape_frames`, and the sheet in ``forms``, or its panels.

    Args:
        analysis: What was measured.
        folder: Where to.
        forms: Of the figures: png, pdf, svg.
        width: "page": one sheet, ``landscape.pdf``; "column": a figure for each panel, ``landscape-NAME.pdf``.
    """
    figures = draw_landscape(analysis, width=width)
    return _write(Path(folder), analysis.numbers, landscape_frames(analysis), figures, forms)


def write_sample(
    analysis: SampleAnalysis,
    folder: str | Path,
    *panels: Panel,
    forms: Sequence[str] = _SHEET_FORMS,
    width: str = "page",
) -> list[Path]:
    """As ``write_landscape``, of a sample: the CSV of :func:`sample_frames`, and ``panels`` beside the sheet's own."""
    figures = draw_sample(analysis, *panels, width=width)
    return _write(Path(folder), analysis.numbers, sample_frames(analysis), figures, forms)


def _write(
    folder: Path, numbers: Facts, frames: dict[str, pd.DataFrame], figures: Mapping[str, Figure], forms: Sequence[str]
) -> list[Path]:
    """Write numbers as ``landscape.json``, frames as ``NAME.csv``, figures; the same content gives the same bytes."""
    written = [folder / "landscape.json", *(folder / f"{name}.csv" for name in frames)]
    write_json(written[0], numbers)
    for place, frame in zip(written[1:], frames.values(), strict=True):
        with atomic_path(place) as path:
            frame.to_csv(path, index=False)
    return [*written, *save_figures(figures, folder, forms, all_of="a landscape")]


def landscape_frames(analysis: LandscapeAnalysis) -> dict[str, pd.DataFrame]:
    """The curves and distributions as tables, by the name of their file.

    "histograms", "dominance_ranks", "distances", "autocorrelation", "landscape-front", "local_optima" (all
    objectives' and Pareto ones, with their basins) and "searches".
    """

    def cells(numbers: Ints, **more: NDArray[np.generic]) -> pd.DataFrame:
        found = pd.DataFrame(landscape.values[numbers], columns=names)
        found.insert(0, "index", landscape.cells[numbers])
        return found.assign(**more)

    landscape, pareto = analysis.landscape, analysis.pareto
    names, size = landscape.problem.objective_names, np.bincount(analysis.ranks)
    histograms = {}
    for name, column in zip(names, landscape.values.T, strict=True):
        n, edges = np.histogram(column, bins=_BINS)
        histograms[name] = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "cells": n})
    distances = {
        (row["distance"], row["cells"], name): pd.DataFrame({q: [row[q][k]] for q in ("q25", "median", "q75")})
        for row in analysis.numbers["distance_to_front"]["profile"]
        for k, name in enumerate(names)
    }
    curves = {}
    for k, (name, curve) in enumerate(zip(names, analysis.autocorrelation, strict=True)):
        exact = {} if analysis.exact is None else {"exact": analysis.exact[: len(curve.mean), k]}
        curves[name] = curve.frame.assign(**exact)
    optima = {
        name: cells(found.cells, basin=found.basin, strict=found.strict, plateau=found.plateau)
        for name, found in zip(names, analysis.optima, strict=True)
    }
    optima["pareto"] = cells(
        pareto.cells, basin=pareto.basin, component=components_among(landscape.graph, pareto.cells)
    )
    searches = {
        (kind, k): pd.DataFrame({"evaluations": run.curve[0].astype(np.int64), "hypervolume_share": run.curve[1]})
        for kind, runs in analysis.pls.items()
        for k, run in enumerate(runs)
    }
    return {
        "histograms": stacked(histograms, "objective"),
        "dominance_ranks": pd.DataFrame({"rank": np.arange(len(size)), "cells": size}),
        "distances": stacked(distances, "distance", "cells", "objective"),
        "autocorrelation": stacked(curves, "objective"),
        "landscape-front": cells(landscape.front, component=analysis.component),
        "local_optima": stacked(optima, "kind").astype({"plateau": "Int64", "component": "Int64"}),
        "searches": stacked(searches, "neighborhood", "run"),
    }


def sample_frames(analysis: SampleAnalysis) -> dict[str, pd.DataFrame]:
    """The tables of a sample by the name of their file, those left out that would be empty.

    "cells" (means over repeats, with exact MACs), "rank_correlations", "autocorrelation", "walks" (each one's own
    autocorrelation of lag 1), "epochs", "beside" and "beside_autocorrelation".
    """
    sample, numbers = analysis.sample, analysis.numbers
    frame = sample.table.mean()
    cells = frame[["index", "hash", "walk", "step", "repeats"]].assign(**sample.values)
    found = {
        "cells": cells.astype({"walk": "Int64", "step": "Int64"}),
        "rank_correlations": _flat(numbers["rank_correlations"]),
        "epochs": analysis.epochs,
    }
    if analysis.curves:
        found["autocorrelation"] = stacked({name: curve.frame for name, curve in analysis.curves.items()}, "quantity")
        found["walks"] = pd.DataFrame({"walk": sample.walk_numbers, **analysis.by_walk})
    if analysis.beside is not None:
        found["beside"] = _flat(numbers["beside"]["rank_correlations"])
        found["beside_autocorrelation"] = _flat(analysis.beside.rugged)
    return {name: frame for name, frame in found.items() if len(frame)}


def _flat(rows: list[Facts]) -> pd.DataFrame:
    """Rows as a table, the two ends of each band in columns of their own."""
    flat = [{**row, "low": row["band"][0], "high": row["band"][1]} for row in rows]
    return pd.DataFrame(flat).drop(columns="band", errors="ignore")


def stacked(frames: Mapping[Any, pd.DataFrame], *keys: str) -> pd.DataFrame:
    """Tables one below the other, with what each is called in the first columns."""
    joined: pd.DataFrame = pd.concat(frames, names=list(keys))
    return joined.reset_index(level=list(range(len(keys))))
