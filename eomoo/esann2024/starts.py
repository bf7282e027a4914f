"""Where the published searches begin: how close to the front of all cells each kind of start is, and how spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eomoo.analysis import StudyResults, indicator_frame
from eomoo.arrays import Floats
from eomoo.esann2024.verdict import STARTS, Samples, n_train, pairs_of, trace_from
from eomoo.fronts import hamming_distances, mean_distance

# Starts that the published sampling picks (n_starts of data-centric).
N_STARTS = 20
_LABELS = {"random": "random", "surrogate-pareto-as-published": "published quality", "surrogate-pareto": "eomoo's"}


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """A kind of start on a problem.

    Attributes:
        problem, start: Names; "random", or a key of ``STARTS``.
        spearman: Medians of the surrogates' held-out rank correlations with two objectives; NaN without any.
        share, distance: (n,) over seeds: share of the reference front's hypervolume of the first 20 cells after
            training, which are the starts but for those that were trained on, and their mean Hamming distance.
        found_share, found_distance: (n,) the same of the front in the end, at the largest budget.
    """

    problem: str
    start: str
    spearman: tuple[float, float]
    share: Floats
    distance: Floats
    found_share: Floats
    found_distance: Floats

    @property
    def label(self) -> str:
        """For axes."""
        return _LABELS[self.start]

    @property
    def title(self) -> str:
        """For tables."""
        return STARTS.get(self.start, "random cells")

    @property
    def numbers(self) -> dict[str, Any]:
        """Medians, for JSON."""
        medians = {
            name: float(np.median(getattr(self, name)))
            for name in ("share", "distance", "found_share", "found_distance")
        }
        return {"problem": self.problem, "start": self.start, "spearman": list(self.spearman), **medians}


def beginnings(samples: Sequence[Samples]) -> list[Beginning]:
    """Every kind of start of each problem: random cells, surrogates from worse to better."""
    found = []
    for mine in samples:
        last = {start: pairs[-1] for start, pairs in pairs_of(mine.problem).items() if pairs}
        labels = {"random": next(iter(last.values())).random}
        labels |= {start: last[start].surrogate for start in reversed(STARTS) if start in last}
        found += [_beginning(mine, start, label) for start, label in labels.items()]
    return found


def _beginning(samples: Samples, start: str, label: str) -> Beginning:
    problem = samples.problem
    runs = [(problem.runs[k], problem.traces[k]) for k in problem.places(label)]
    begun = [trace_from(trace, n_train(run), N_STARTS) for run, trace in runs]
    first = replace(problem, runs=tuple(run for run, _ in runs), traces=tuple(begun))
    shares = indicator_frame(StudyResults(title="", problems=(first,)))["hypervolume_share"]
    ended = samples.frame[samples.frame["label"] == label]
    notes = [run.extra["surrogate"]["spearman"][:2] for run, _ in runs if "surrogate" in run.extra]
    rho = np.median(notes, axis=0) if notes else np.full(2, np.nan)
    return Beginning(
        problem=problem.name,
        start=start,
        spearman=(float(rho[0]), float(rho[1])),
        share=shares.to_numpy(np.float64),
        distance=np.array([mean_distance(hamming_distances(trace.cells)) for trace in begun]),
        found_share=ended["hypervolume_share"].to_numpy(np.float64),
        found_distance=ended["mean_hamming"].to_numpy(np.float64),
    )
