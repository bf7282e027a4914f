"""Stored results as what other tools read: one table of all evaluations, pymoo's Result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.result import Result

from eomoo.analysis.results import StoredRun
from eomoo.analysis.runs import trace_frame
from eomoo.arrays import Floats, Ints
from eomoo.errors import SettingError, StoreError
from eomoo.fronts import by_first
from eomoo.space import load_space
from eomoo.study.store import STORE_NAME, Store

if TYPE_CHECKING:
    import pandas as pd


_XU = np.array([1] * 21 + [2] * 5)


class StoredProblem(Problem):  # type: ignore[misc]  # pymoo has no type information
    """A problem as far as a store knows it: its name, size and true front, but no values of new cells."""

    def __init__(self, stored: StoredRun) -> None:
        self.stored = stored
        super().__init__(n_var=len(_XU), n_obj=len(stored.problem.objectives), xl=0 * _XU, xu=_XU, vtype=int)

    def name(self) -> str:
        """The card's name."""
        return self.stored.problem.name

    def _evaluate(self, X: Ints, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        raise SettingError(
            f"stored results hold no values of new cells; use eomoo.get_problem({self.name()!r}) to evaluate"
        )

    def _calc_pareto_front(self, *args: Any, **kwargs: Any) -> Floats | None:
        true = self.stored.true_front
        return None if true is None else self.stored.problem.objectives.minimise(true[1])[self._order()]

    def _calc_pareto_set(self, *args: Any, **kwargs: Any) -> Ints | None:
        true = self.stored.true_front
        return None if true is None else load_space().genotype(true[0][self._order()])

    def _order(self) -> Ints:
        """By first objective, as pymoo sorts a front, so that front and set have the same order."""
        assert self.stored.true_front is not None
        return by_first(self.stored.problem.objectives.minimise(self.stored.true_front[1]))


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
    result = Result()
    result.problem = StoredProblem(stored)
    result.pop = pop
    result.opt = pop[stored.front]
    found = len(stored.front) > 0
    result.X = result.opt.get("X") if found else None
    result.F = result.opt.get("F") if found else None
    result.success = found
    result.exec_time = stored.run.seconds
    result.algorithm = None
    return result


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
        for problem in store.problems():
            mine = [run for run in store.runs() if run.problem == problem.id]
            for run, trace in store.traces(problem.id, mine):
                stored = StoredRun(
                    problem=problem,
                    run=run,
                    trace=trace,
                    front=np.empty(0, dtype=np.int64),
                    true_front=None,
                    deviations=np.empty((0, len(problem.objectives))),
                )
                frame = trace_frame(stored)
                frame[["problem", "label", "algorithm"]] = problem.name, run.label, run.algorithm
                frame[["seed", "budget"]] = run.seed, run.budget
                frames.append(frame)
    if not frames:
        raise StoreError(f"{folder} holds no runs")
    joined = pd.concat(frames, ignore_index=True)
    first = ["problem", "label", "algorithm", "seed", "budget", "step", "index"]
    objectives = [name for name in joined if name not in (*first, "feasible")]
    return joined[[*first, *objectives, "feasible"]]
