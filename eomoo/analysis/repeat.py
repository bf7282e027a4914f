"""How to repeat a run or a study, and whom to cite."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from eomoo.analysis.results import ProblemResults, StudyResults
from eomoo.analysis.tables import Code, Facts, Section, Table
from eomoo.analysis.wording import (
    algorithm_title,
    describe_settings,
    number,
    problem_argument,
    references,
    run_command,
    run_options,
)
from eomoo.study.record import RECORD_NAME
from eomoo.study.rows import RunRow


def repeat_run(problem: ProblemResults, run: RunRow) -> Section:
    """How a run is repeated: the command, its settings, the problem, versions."""
    settings = [("algorithm", algorithm_title(run)), *describe_settings(run.settings)]
    settings += [("seed", str(run.seed)), ("budget", f"{run.budget:,} distinct cells")]
    if not run.complete:
        settings.append(("interrupted", "yes"))
    return Section(
        id="repeat",
        title="How to repeat this",
        blocks=[
            Code(text=run_command(problem.problem, run)),
            Facts(title="Settings", rows=settings),
            Facts(title="Problem", rows=_problem_facts(problem)),
            Facts(title="Versions", rows=sorted(run.versions.items())),
        ],
    )


def repeat_study(place: Path, results: StudyResults) -> Section:
    """How a study is repeated: the command, algorithms, seeds, problems, versions."""
    runs = [run for p in results.problems for run in p.runs]
    by_label = {run.label: run for run in runs}
    seeds = sorted({run.seed for run in runs})
    note = f"A copy of the study is in {RECORD_NAME} in its folder." if (place / RECORD_NAME).is_file() else ""
    blocks: list[Any] = [Code(text=_study_command(results, runs, seeds), note=note)]
    rows = [
        (label, "; ".join(f"{k}: {v}" for k, v in describe_settings(run.settings)), run.budget)
        for label, run in by_label.items()
    ]
    blocks.append(Table(title="Algorithms", columns=["label", "settings", "budget"], rows=rows, key="algorithms"))
    blocks.append(Facts(title="Seeds", rows=[("seeds", ", ".join(map(str, seeds)))]))
    blocks += [Facts(title=f"Problem {p.name}", rows=_problem_facts(p)) for p in results.problems]
    blocks.append(Facts(title="Versions", rows=_versions(runs)))
    return Section(id="repeat", title="How to repeat this", blocks=blocks)


def _study_command(results: StudyResults, runs: list[RunRow], seeds: list[int]) -> str:
    """The command that repeats a study; one with settings of its own needs its file."""
    budgets = {run.budget for run in runs}
    labels = list(dict.fromkeys(run.label for run in runs))
    defaults = all(
        run.label == run.algorithm and run_options(run) == [] and not p.problem.constraints
        for p in results.problems
        for run in p.runs
    )
    if not defaults or len(budgets) > 1 or any(p.problem.noise is not None for p in results.problems):
        return "eomoo study run STUDY.toml --out DIR"
    names = ",".join(dict.fromkeys(problem_argument(p.problem.name) for p in results.problems))
    plain = seeds == list(range(1, len(seeds) + 1)) and len(seeds) > 1
    count = str(len(seeds)) if plain else ",".join(map(str, seeds))
    parts = ["eomoo", "study", "run", "--problems", names, "--algorithms", ",".join(labels)]
    return shlex.join([*parts, "--seeds", count, "--budget", str(min(budgets)), "--out", "DIR"])


def _versions(runs: list[RunRow]) -> list[tuple[str, str]]:
    found: dict[str, set[str]] = {}
    for run in runs:
        for name, version in run.versions.items():
            found.setdefault(name, set()).add(version)
    return [(name, ", ".join(sorted(known))) for name, known in sorted(found.items())]


def _problem_facts(problem: ProblemResults) -> list[tuple[str, str]]:
    row = problem.problem
    rows = [("card", row.name), ("card's SHA-256", row.digest)]
    for o in row.objectives:
        unit = f", {o.unit}" if o.unit else ""
        rows.append((o.title, f"{'maximised' if o.larger_is_better else 'minimised'}{unit}"))
    if row.objectives.reference_point is not None:
        rows.append(("reference point", ", ".join(map(number, row.objectives.reference_point))))
    if row.constraints:
        rows.append(("limits", ", ".join(row.constraints)))
    if row.noise is not None:
        rows.append(("noise", f"drawn with seed {row.noise}"))
    return rows


def sources(results: StudyResults, *, study: bool) -> Section:
    """Data, algorithms and measures to cite."""
    runs = [run for p in results.problems for run in p.runs]
    return Section(
        id="sources", title="Sources", text=references([p.problem for p in results.problems], runs, study=study)
    )
