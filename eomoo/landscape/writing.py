"""A landscape's files: numbers as JSON, curves and distributions as CSV, the sheet as PDF and PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.arrays import Ints
from eomoo.files import atomic_path, write_json
from eomoo.landscape.graph import components_among
from eomoo.landscape.measure import LandscapeAnalysis
from eomoo.landscape.sheet import landscape_sheet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


# Narrower than anything that a page shows of a distribution of all cells.
_BINS = 100


def write_landscape(analysis: LandscapeAnalysis, folder: Path) -> list[Path]:
    """Write ``landscape.json``, the CSV of :func:`landscape_frames`, ``landscape.pdf`` and ``.png``."""
    return write_sheet(folder, analysis.numbers, landscape_frames(analysis), landscape_sheet(analysis))


def write_sheet(folder: Path, numbers: dict[str, Any], frames: dict[str, pd.DataFrame], sheet: Figure) -> list[Path]:
    """Write numbers as ``landscape.json``, frames as ``NAME.csv``, a sheet as ``landscape.pdf`` and ``.png``.

    The same content gives the same bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.image import imsave

    written = [folder / "landscape.json", *(folder / f"{name}.csv" for name in frames)]
    write_json(written[0], numbers)
    for place, frame in zip(written[1:], frames.values(), strict=True):
        with atomic_path(place) as path:
            frame.to_csv(path, index=False)
    # Figure.savefig would lay out and draw the page five times for two files.
    canvas: Any = FigureCanvasAgg(sheet)
    canvas.draw()
    sheet.set_layout_engine("none")
    picture, page = folder / "landscape.png", folder / "landscape.pdf"
    with atomic_path(picture) as path:
        imsave(path, canvas.buffer_rgba(), format="png", dpi=sheet.dpi)
    vector: Any = FigureCanvasPdf(sheet)
    with atomic_path(page) as path:
        vector.print_pdf(path, metadata={"CreationDate": None})
    return [*written, page, picture]


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


def _cells(analysis: LandscapeAnalysis, numbers: Ints) -> pd.DataFrame:
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
