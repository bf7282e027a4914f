"""A landscape's files: numbers as JSON, curves and distributions as CSV, the sheet as PDF and PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.esann2024.published_landscape import RUGGED, PublishedAnalysis
from eomoo.files import atomic_path, write_json
from eomoo.landscape.analysis import LandscapeAnalysis
from eomoo.landscape.graph import components_among

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["landscape_frames", "published_frames", "write_landscape", "write_published"]

_BINS = 100


def write_landscape(analysis: LandscapeAnalysis, folder: Path) -> list[Path]:
    """Write ``landscape.json``, the CSV of :func:`landscape_frames`, ``landscape.pdf`` and ``.png``."""
    from eomoo.landscape.figures import landscape_sheet

    written = _write_tables(analysis.numbers, landscape_frames(analysis), folder)
    return written + _write_sheet(landscape_sheet(analysis), folder)


def write_published(analysis: PublishedAnalysis, numbers: dict[str, Any], folder: Path) -> list[Path]:
    """Write ``landscape.json`` with ``numbers``, the CSV of :func:`published_frames`, PDF and PNG."""
    from eomoo.esann2024.published_landscape_figures import published_sheet

    written = _write_tables(numbers, published_frames(analysis), folder)
    return written + _write_sheet(published_sheet(analysis), folder)


def _write_tables(numbers: dict[str, Any], frames: dict[str, pd.DataFrame], folder: Path) -> list[Path]:
    write_json(folder / "landscape.json", numbers)
    written = [folder / "landscape.json"]
    for name, frame in frames.items():
        with atomic_path(folder / f"{name}.csv") as path:
            frame.to_csv(path, index=False)
        written.append(folder / f"{name}.csv")
    return written


def _write_sheet(sheet: Figure, folder: Path) -> list[Path]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.image import imsave

    # Figure.savefig would lay out and draw the page five times for two files.
    canvas: Any = FigureCanvasAgg(sheet)
    canvas.draw()
    sheet.set_layout_engine("none")
    picture, page = folder / "landscape.png", folder / "landscape.pdf"
    with atomic_path(picture) as path:
        imsave(path, canvas.buffer_rgba(), format="png", dpi=sheet.dpi)
    vector: Any = FigureCanvasPdf(sheet)
    with atomic_path(page) as path:
        # Without a date the same landscape gives the same bytes.
        vector.print_pdf(path, metadata={"CreationDate": None})
    return [page, picture]


def landscape_frames(analysis: LandscapeAnalysis) -> dict[str, pd.DataFrame]:
    """The curves and distributions as tables, by the name of their file.

    "histograms", "dominance_ranks", "distances", "autocorrelation", "landscape-front", "local_optima" (all
    objectives' and Pareto ones, with their basins) and "searches".
    """
    import pandas as pd

    size = np.bincount(analysis.ranks)
    return {
        "histograms": _histograms(analysis),
        "dominance_ranks": pd.DataFrame({"rank": np.arange(len(size)), "cells": size}),
        "distances": _distances(analysis),
        "autocorrelation": _autocorrelations(analysis),
        "landscape-front": _front(analysis),
        "local_optima": _optima(analysis),
        "searches": _searches(analysis),
    }


def _histograms(analysis: LandscapeAnalysis) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for name, column in zip(_names(analysis), analysis.landscape.values.T, strict=True):
        cells, edges = np.histogram(column, bins=_BINS)
        parts.append(pd.DataFrame({"objective": name, "from": edges[:-1], "to": edges[1:], "cells": cells}))
    return pd.concat(parts)


def _distances(analysis: LandscapeAnalysis) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for row in analysis.numbers["distance_to_front"]["profile"]:
        for k, name in enumerate(_names(analysis)):
            quartiles = {q: row[q][k] for q in ("q25", "median", "q75")}
            rows.append({"distance": row["distance"], "cells": row["cells"], "objective": name, **quartiles})
    return pd.DataFrame(rows)


def _autocorrelations(analysis: LandscapeAnalysis) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for k, (name, curve) in enumerate(zip(_names(analysis), analysis.autocorrelation, strict=True)):
        lags = np.arange(len(curve.mean))
        columns = {"objective": name, "lag": lags, "mean": curve.mean, "low": curve.low, "high": curve.high}
        frame = pd.DataFrame(columns)
        if analysis.exact is not None:
            frame["exact"] = analysis.exact[lags, k]
        parts.append(frame)
    return pd.concat(parts)


def _front(analysis: LandscapeAnalysis) -> pd.DataFrame:
    landscape = analysis.landscape
    frame = _cells(analysis, landscape.front)
    frame["component"] = analysis.component
    return frame


def _optima(analysis: LandscapeAnalysis) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for name, optima in zip(_names(analysis), analysis.optima, strict=True):
        frame = _cells(analysis, optima.cells)
        frame.insert(0, "kind", name)
        frame["basin"], frame["strict"], frame["plateau"] = optima.basin, optima.strict, optima.plateau
        parts.append(frame)
    pareto = analysis.pareto
    frame = _cells(analysis, pareto.cells)
    frame.insert(0, "kind", "pareto")
    frame["basin"] = pareto.basin
    frame["component"] = components_among(analysis.landscape.graph, pareto.cells)
    parts.append(frame)
    return pd.concat(parts).astype({"plateau": "Int64", "component": "Int64"})


def _cells(analysis: LandscapeAnalysis, numbers: NDArray[np.int64]) -> pd.DataFrame:
    import pandas as pd

    landscape = analysis.landscape
    frame = pd.DataFrame(landscape.values[numbers], columns=_names(analysis))
    frame.insert(0, "index", landscape.cells[numbers])
    return frame


def _searches(analysis: LandscapeAnalysis) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for kind, runs in analysis.pls.items():
        for k, run in enumerate(runs):
            evaluations, share = run.curve
            columns = {"neighborhood": kind, "run": k, "evaluations": evaluations.astype(np.int64)}
            parts.append(pd.DataFrame({**columns, "hypervolume_share": share}))
    return pd.concat(parts)


def _names(analysis: LandscapeAnalysis) -> list[str]:
    return list(analysis.landscape.problem.objective_names)


def published_frames(analysis: PublishedAnalysis) -> dict[str, pd.DataFrame]:
    """The published analysis' tables: "cells" (with exact MACs), "walks" and "autocorrelation"."""
    import pandas as pd

    walks = pd.DataFrame({"walk": np.arange(len(analysis.by_walk[RUGGED[0]]))})
    for name in RUGGED:
        walks[f"{name}_autocorrelation"] = analysis.by_walk[name]
        walks[f"{name}_autocorrelation_as_published"] = analysis.by_walk_as_published[name]
    curves = [
        pd.DataFrame(
            {"column": name, "lag": np.arange(len(c.mean)), "mean": c.mean, "low": c.low, "high": c.high}
        )
        for name, c in analysis.curves.items()
    ]
    return {"cells": analysis.table, "walks": walks, "autocorrelation": pd.concat(curves)}
