"""A stored run in numbers, as files, as tables and as pymoo's Result."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.result import Result

from eomoo.analysis.fronts import front_content, objectives_told
from eomoo.analysis.printing.figures import draw_cells, draw_front
from eomoo.analysis.results import StoredRun, problem_box
from eomoo.arrays import Facts
from eomoo.files import atomic_path, forget_digests, save_figures, write_digests, write_json
from eomoo.fronts import deduplicated, hypervolume
from eomoo.packages import pandas as pd
from eomoo.progress import doing
from eomoo.space import load_space
from eomoo.study.rows import ProblemRow, RunTrace


def summary(stored: StoredRun) -> Facts:
    """What a run did, in numbers."""
    objectives = stored.problem.objectives
    F = objectives.minimise(stored.trace.values[stored.trace.feasible])
    result: Facts = {
        "problem": stored.problem.name,
        "algorithm": stored.run.algorithm,
        "seed": stored.run.seed,
        "budget": stored.run.budget,
        **({} if stored.run.hours is None else {"hours": stored.run.hours}),
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


def trace_content(problem: ProblemRow, trace: RunTrace) -> dict[str, NDArray[np.generic]]:
    """Every evaluation in order, by column."""
    columns = zip(problem.objectives, trace.values.T, strict=True)
    values = {objective.name: objective.counted(column) for objective, column in columns}
    return {"step": np.arange(len(trace.cells)), "index": trace.cells, **values, "feasible": trace.feasible}


def trace_frame(stored: StoredRun) -> pd.DataFrame:
    """Every evaluation as a table, a row each, in order."""
    return objectives_told(pd.DataFrame(trace_content(stored.problem, stored.trace)), stored)


def to_result(stored: StoredRun, problem: Problem) -> Result:
    """A stored run as ``pymoo.optimize.minimize`` would have returned it.

    Returns:
        ``X`` (k, 26) genotypes and ``F`` (k, m) minimised objectives of the front, None where it is empty; ``pop``:
        every evaluated cell, in order, those infeasible with a violation ``G`` of 1; ``opt``: the front;
        individuals also carry "index" and raw values by objective name; ``problem``, ``exec_time`` in seconds.
    """
    trace, objectives = stored.trace, stored.problem.objectives
    violation = np.where(trace.feasible, 0.0, 1.0)[:, None]
    pop = Population.new(X=load_space().genotype(trace.cells), F=objectives.minimise(trace.values), G=violation)
    pop.set("index", trace.cells)
    for name, values in zip(objectives.names, trace.values.T, strict=True):
        pop.set(name, values)
    result = Result()
    result.problem, result.pop, result.opt = problem, pop, pop[stored.front]
    result.success, result.exec_time = len(stored.front) > 0, stored.run.seconds
    result.X, result.F = result.opt.get("X", "F") if result.success else (None, None)
    return result


def write_columns(content: Mapping[str, Any], path: Path) -> None:
    """Write columns as pandas would, whose import takes half a second and 60 MB."""
    rows = zip(*(np.asarray(column).tolist() for column in content.values()), strict=True)
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(content)
        writer.writerows(["" if value != value else value for value in row] for row in rows)


_DRAWN = {"front": draw_front, "cells": draw_cells}


def write_run(
    stored: StoredRun, folder: str | Path, forms: Sequence[str] = ("png",), *, width: str = "column"
) -> list[Path]:
    """Write front and trace as CSV, settings and digests as JSON, figures of front and cells in ``forms``."""
    folder = Path(folder)
    drawn = list(_DRAWN) if len(stored.front) else []
    names = [f"{name}.{form}" for name in drawn for form in forms]
    forget_digests(folder)
    written = []
    trace = trace_content(stored.problem, stored.trace)
    for name, content in (("front.csv", front_content(stored)), ("trace.csv", trace)):
        write_columns(content, folder / name)
        written.append(folder / name)
    settings = {
        **summary(stored),
        "settings": stored.run.settings,
        "constraints": list(stored.problem.constraints),
        "noise": stored.problem.noise,
        "options": dict(stored.problem.options),
        "objectives": stored.problem.objectives.to_dict()["objectives"],
        "card_sha256": stored.problem.digest,
        "versions": stored.run.versions,
        "citation": stored.problem.citation,
        "figures": names,
        **({"spending": stored.run.extra["spending"]} if "spending" in stored.run.extra else {}),
    }
    write_json(folder / "settings.json", settings)
    written.append(folder / "settings.json")
    written.append(write_digests(folder, [path.name for path in written]))
    with doing("drawing figures"):
        figures = {name: _DRAWN[name](stored, width=width) for name in drawn}
    return [*written, *save_figures(figures, folder, forms, all_of="a run")]
