"""A stored run in numbers and as files: its front, its trace, its figures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.analysis.fronts import front_content
from eomoo.analysis.printing.figures import draw_cells, draw_front
from eomoo.analysis.results import StoredRun, problem_box
from eomoo.files import atomic_path, forget_digests, write_digests, write_json
from eomoo.fronts import deduplicated, hypervolume

if TYPE_CHECKING:
    import pandas as pd


def summary(stored: StoredRun) -> dict[str, Any]:
    """What a run did, in numbers."""
    objectives = stored.problem.objectives
    F = objectives.minimise(stored.trace.values[stored.trace.feasible])
    result: dict[str, Any] = {
        "problem": stored.problem.name,
        "algorithm": stored.run.algorithm,
        "seed": stored.run.seed,
        "budget": stored.run.budget,
        "distinct_cells": len(stored.trace.cells),
        "evaluations": stored.run.n_eval,
        "front_size": len(stored.front),
        "seconds": round(stored.run.seconds, 3),
        "complete": stored.run.complete,
    }
    if len(F):
        box = problem_box(objectives, stored.true_front, F)
        result["hypervolume"] = hypervolume(deduplicated(F), box)
        if stored.true_front is not None:
            best = hypervolume(objectives.minimise(stored.true_front[1]), box)
            result["share_of_true_hypervolume"] = result["hypervolume"] / best if best else None
    said = stored.run.uncertainty
    result["predicted"] = stored.problem.predicted
    if said is not None:
        result["uncertainty"] = {
            "draws": said.n_draws,
            "candidates": said.n_candidates,
            "expected_on_true_front": float(said.probability.sum()),
            "choices": [
                {
                    "take": group.representative,
                    "cells": group.cells,
                    "likely_gain": dict(zip(objectives.names, group.gain.tolist(), strict=True)),
                }
                for group in said.groups
            ],
            "band": {f"{percentile:g}": surface for percentile, surface in said.band.items()},
        }
    return result


def trace_content(stored: StoredRun) -> dict[str, Any]:
    """Every evaluation in order, by column."""
    names, trace = stored.problem.objectives.names, stored.trace
    values = dict(zip(names, trace.values.T, strict=True))
    return {"step": np.arange(len(trace.cells)), "index": trace.cells, **values, "feasible": trace.feasible}


def trace_frame(stored: StoredRun) -> pd.DataFrame:
    """Every evaluation as a table, a row each, in order."""
    import pandas as pd

    return pd.DataFrame(trace_content(stored))


def write_columns(content: Mapping[str, Any], path: Path) -> None:
    """Write columns as pandas would, whose import takes half a second and 60 MB."""
    rows = zip(*(np.asarray(column).tolist() for column in content.values()), strict=True)
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(content)
        writer.writerows(["" if value != value else value for value in row] for row in rows)


def write_run(stored: StoredRun, folder: Path) -> list[Path]:
    """Write front and trace as CSV, settings and digests as JSON, figures of front and cells as PNG."""
    forget_digests(folder)
    written = []
    for name, content in (("front.csv", front_content(stored)), ("trace.csv", trace_content(stored))):
        write_columns(content, folder / name)
        written.append(folder / name)
    settings = {
        **summary(stored),
        "settings": stored.run.settings,
        "constraints": list(stored.problem.constraints),
        "noise": stored.problem.noise,
        "objectives": stored.problem.objectives.to_dict()["objectives"],
        "card_sha256": stored.problem.digest,
        "versions": stored.run.versions,
        "citation": stored.problem.citation,
    }
    write_json(folder / "settings.json", settings)
    written.append(folder / "settings.json")
    written.append(write_digests(folder, [path.name for path in written]))
    if len(stored.front):
        figures = {"front.png": draw_front(stored), "cells.png": draw_cells(stored)}
        for name, figure in figures.items():
            with atomic_path(folder / name) as path:
                figure.savefig(path)
        written += [folder / name for name in figures]
    return written
