"""A stored run in numbers, as files, as tables and as pymoo's Result."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.result import Result

from eomoo.analysis.fronts import front_content, objectives_told
from eomoo.analysis.printing.figures import draw_cells, draw_front
from eomoo.analysis.results import StoredRun, problem_box
from eomoo.arrays import Facts, Floats, Ints
from eomoo.errors import SettingError, StoreError
from eomoo.files import atomic_path, forget_digests, save_figures, write_digests, write_json
from eomoo.fronts import by_first, deduplicated, hypervolume
from eomoo.space import load_space
from eomoo.space.cell import N_EDGE_GENES, N_GENES
from eomoo.study.rows import ProblemRow, RunTrace
from eomoo.study.store import STORE_NAME, Store

if TYPE_CHECKING:
    import pandas as pd


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
    values = dict(zip(problem.objectives.names, trace.values.T, strict=True))
    return {"step": np.arange(len(trace.cells)), "index": trace.cells, **values, "feasible": trace.feasible}


def trace_frame(stored: StoredRun) -> pd.DataFrame:
    """Every evaluation as a table, a row each, in order."""
    import pandas as pd

    return objectives_told(pd.DataFrame(trace_content(stored.problem, stored.trace)), stored)


def evaluation_frame(folder: str | Path) -> pd.DataFrame:
    """Every evaluation of every run of a folder, a row each.

    Returns:
        Columns ``problem``, ``label``, ``algorithm``, ``seed``, ``budget``, ``step``, ``index``, a
        column for each objective (NaN where a problem does not have it), ``feasible``.

    Raises:
        StoreError: There are no results in the folder, or they are damaged.
    """
    import pandas as pd

    frames = []
    with Store(Path(folder) / STORE_NAME) as store:
        runs = store.runs()
        for problem in store.problems():
            for run, trace in store.traces(problem.id, [run for run in runs if run.problem == problem.id]):
                whose = {"label": run.label, "algorithm": run.algorithm, "seed": run.seed, "budget": run.budget}
                frames.append(pd.DataFrame({"problem": problem.name, **whose, **trace_content(problem, trace)}))
    if not frames:
        raise StoreError(f"{folder} holds no runs")
    joined = pd.concat(frames, ignore_index=True)
    return joined[[*(name for name in joined if name != "feasible"), "feasible"]]


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
    figures = {name: _DRAWN[name](stored, width=width) for name in drawn}
    return [*written, *save_figures(figures, folder, forms, all_of="a run")]


class StoredProblem(Problem):  # type: ignore[misc]  # pymoo has no type information
    """A problem as far as a store knows it: its name, size and true front, but no values of new cells."""

    def __init__(self, stored: StoredRun) -> None:
        self.stored = stored
        most = np.where(np.arange(N_GENES) < N_EDGE_GENES, 1, 2)
        super().__init__(n_var=N_GENES, n_obj=len(stored.problem.objectives), xl=0 * most, xu=most, vtype=int)

    def name(self) -> str:
        """The card's name."""
        return self.stored.problem.name

    def _evaluate(self, X: Ints, out: dict[str, object], **kwargs: object) -> None:
        raise SettingError(
            f"stored results hold no values of new cells; use eomoo.get_problem({self.name()!r}) to evaluate"
        )

    def _calc_pareto_front(self, **kwargs: object) -> Floats | None:
        true = self._true_front()
        return None if true is None else true[1]

    def _calc_pareto_set(self, **kwargs: object) -> Ints | None:
        true = self._true_front()
        return None if true is None else load_space().genotype(true[0])

    def _true_front(self) -> tuple[Ints, Floats] | None:
        """Cells (k,) and ``F`` (k, m) by first objective, as pymoo sorts a front."""
        if self.stored.true_front is None:
            return None
        cells, values = self.stored.true_front
        F = self.stored.problem.objectives.minimise(values)
        order = by_first(F)
        return cells[order], F[order]


def to_result(stored: StoredRun) -> Result:
    """A stored run as ``pymoo.optimize.minimize`` would have returned it.

    Returns:
        ``X`` (k, 26) genotypes and ``F`` (k, m) minimised objectives of the front, None where it is
        empty; ``pop``: every evaluated cell, in order, those infeasible with a violation ``G`` of 1;
        ``opt``: the front; individuals also carry "index" and raw values by objective name;
        ``problem``, ``exec_time`` in seconds.
    """
    trace, objectives = stored.trace, stored.problem.objectives
    violation = np.where(trace.feasible, 0.0, 1.0)[:, None]
    pop = Population.new(X=load_space().genotype(trace.cells), F=objectives.minimise(trace.values), G=violation)
    pop.set("index", trace.cells)
    for k, name in enumerate(objectives.names):
        pop.set(name, trace.values[:, k])
    result, found = Result(), len(stored.front) > 0
    result.problem, result.algorithm = StoredProblem(stored), None
    result.pop, result.opt = pop, pop[stored.front]
    result.X, result.F = result.opt.get("X", "F") if found else (None, None)
    result.success, result.exec_time = found, stored.run.seconds
    return result
