"""Results of a study that nobody ran: values by hand, in which no two quantities coincide."""

import numpy as np

from eomoo.analysis import ProblemResults, StudyResults
from eomoo.fronts import Box, Objective, Objectives, non_dominated
from eomoo.study.rows import ProblemRow, RunRow, RunTrace

OBJECTIVES = Objectives(
    (
        Objective(name="acc", title="accuracy", unit="", direction="max"),
        Objective(name="lat", title="latency", unit="ms", direction="min"),
    ),
    (0.2, 10.0),
)


def made(values, *, settings=None, extra=None, seeds=8):
    """Results on one problem; values (cells, 2) by label are a little better with every seed."""
    problem = ProblemRow(
        id=1, name="made", digest="", noise=None, constraints=(), objectives=OBJECTIVES, title="", citation=""
    )
    runs, traces = [], []
    for k, (label, points) in enumerate(values.items()):
        for seed in range(1, seeds + 1):
            mine = np.array(points) + seed * np.array([0.001, -0.01])
            runs.append(
                RunRow(
                    id=len(runs),
                    problem=1,
                    label=label,
                    algorithm="random",
                    settings=(settings or {}).get(label, {}),
                    seed=seed,
                    budget=len(mine),
                    n_eval=len(mine),
                    seconds=1.0,
                    complete=True,
                    versions={},
                    extra=(extra or {}).get((label, seed), {}),
                )
            )
            cells = 100_000 * (k + 1) + 1_000 * seed + np.arange(len(mine))
            traces.append(RunTrace(cells=cells, values=mine, feasible=np.ones(len(mine), dtype=bool)))
    F = OBJECTIVES.minimise(np.concatenate([trace.values for trace in traces]))
    found = ProblemResults(
        name="made",
        problem=problem,
        labels=tuple(values),
        runs=tuple(runs),
        traces=tuple(traces),
        box=Box.up_to(OBJECTIVES.reference, F.min(axis=0)),
        reference=F[non_dominated(F)],
        true_front=None,
        deviations={},
    )
    return StudyResults(title="by hand", problems=(found,))
