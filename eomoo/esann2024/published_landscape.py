"""What the published landscape analysis of the EO HW-NAS table says of ruggedness, right and as published."""

from __future__ import annotations

from typing import Any

import numpy as np

from eomoo.arrays import Axes, Facts, Floats
from eomoo.landscape import Sample, SampleAnalysis, finish, walk_autocorrelation

RUGGED = ("val_macro", "val_micro", "test_macro", "test_micro", "latency")
"""Columns whose ruggedness along the walks is measured."""
_SHOWN = {"val_macro": "macro", "val_micro": "micro", "latency": "latency"}


def first_cells_twice(sample: Sample, name: str) -> Floats:
    """Each walk's autocorrelation of lag 1 (n_walks,) as published: its first cell counts twice, which raises it."""
    along = sample.along_walks(name)
    return walk_autocorrelation(np.hstack((along[:, :1], along)))


def ruggedness_as_published(analysis: SampleAnalysis) -> dict[str, Facts]:
    """Ruggedness, 1 / the mean over walks of each one's autocorrelation of lag 1, right and as published, by column.

    Source: Demir, Traoré, Camero, ESANN 2024; the measure: Traoré, Camero, Zhu, Fitness landscape footprint, 2021.
    """
    found = {}
    for name in RUGGED:
        right, doubled = (
            float(of_walks.mean()) for of_walks in (analysis.by_walk[name], first_cells_twice(analysis.sample, name))
        )
        found[name] = {
            "autocorrelation": right,
            "ruggedness": 1.0 / right,
            "autocorrelation_as_published": doubled,
            "ruggedness_as_published": 1.0 / doubled,
        }
    return found


def plot_walk_ruggedness(ax: Axes, analysis: SampleAnalysis) -> Axes:
    """Each walk's autocorrelation of lag 1, right and as published (first cell counted twice)."""
    thin = {"linewidth": 0.6}
    look: dict[str, Any] = {"widths": 0.3, "patch_artist": True, "whiskerprops": thin, "capprops": thin}
    look |= {"flierprops": {"markersize": 2}, "medianprops": {"color": "black", "linewidth": 0.9}}
    look |= {"showmeans": True, "meanprops": {"marker": "D", "markersize": 3, "mfc": "black", "mec": "black"}}
    published = {name: first_cells_twice(analysis.sample, name) for name in _SHOWN}
    ways = (("right", analysis.by_walk, "#8FC1E3", ""), ("as published", published, "#E8E8E8", "////"))
    for k, column in enumerate(_SHOWN):
        for j, (name, values, color, hatch) in enumerate(ways):
            box, label = {"facecolor": color, "hatch": hatch, **thin}, name if k == 0 else None
            ax.boxplot(values[column], positions=[k + 0.38 * (j - 0.5)], boxprops=box, label=label, **look)
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.set_xticks(range(len(_SHOWN)), list(_SHOWN.values()))
    ax.margins(y=0.22)
    ax.legend(loc="upper left")
    return finish(ax, title="each walk", y="autocorrelation, lag 1")
