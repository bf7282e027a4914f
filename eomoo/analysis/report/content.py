"""A folder's results as a report: read from the store, nothing is run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from eomoo.analysis.report.comparison import anytime, comparison_sections, rank_section
from eomoo.analysis.report.fronts import FrontData, front_data, front_table
from eomoo.analysis.report.landscape import landscape_sections
from eomoo.analysis.report.model import Report, Section, Table
from eomoo.analysis.report.repeat import repeat_run, repeat_study, sources
from eomoo.analysis.report.wording import algorithm_title, joined, number, shown_unit, values_in_words
from eomoo.analysis.studies import ProblemResults, StudyResults, load_results
from eomoo.analysis.study_tables import StudyTables, study_tables
from eomoo.errors import StoreError
from eomoo.space.enumeration import N_CELLS
from eomoo.study.store import STORE_NAME, RunRow, Store
from eomoo.version import __version__

__all__ = ["report_of"]


def report_of(folder: str | Path) -> Report:
    """The report of a run's or a study's folder.

    Raises:
        StoreError: There are no results in it, or they are damaged.
    """
    place = _folder(Path(folder))
    results = load_results(place)
    with Store(place / STORE_NAME) as store:
        fronts = [
            front_data(store, p.problem, list(zip(p.runs, p.traces, strict=True))) for p in results.problems
        ]
    tables = study_tables(results)
    runs = [run for p in results.problems for run in p.runs]
    made = f"eomoo {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if len(runs) == 1:
        return _run_report(place, results, tables, fronts[0], made)
    return _study_report(place, results, tables, fronts, made)


def _folder(path: Path) -> Path:
    if path.name == STORE_NAME and path.is_file():
        return path.parent
    if not path.exists():
        raise StoreError(f"there is no folder {path}; make one with: eomoo run --out {path}")
    if not (path / STORE_NAME).is_file():
        raise StoreError(
            f"{path} holds no results ({STORE_NAME}); give the folder that was named by --out of "
            "eomoo run or eomoo study run"
        )
    return path


def _run_report(
    place: Path, results: StudyResults, tables: StudyTables, front: FrontData, made: str
) -> Report:
    problem, run = results.problems[0], results.problems[0].runs[0]
    share = _share(tables)
    title = problem.problem.title or problem.name
    trace = problem.traces[0]
    who = algorithm_title(run)
    lead = [
        f"{who[:1].upper()}{who[1:]} looked at {number(len(trace.cells))} of {number(N_CELLS)} cells "
        f"and found {number(front.n_front)} that no other of them beats: its Pareto front.",
        *_quality(problem, share),
        *_knee_words(front),
    ]
    tiles = [
        (number(front.n_front), "cells on the front"),
        (number(len(trace.cells)), "distinct cells evaluated"),
        *([(f"{share:.1%}", _share_name(problem))] if share is not None else []),
        (_duration(run.seconds), "search time"),
    ]
    sections = [
        _front_section(problem, front, "front"),
        Section(
            id="search",
            title="The search",
            text=[_search_words(problem, run)],
            blocks=[anytime(problem, "run"), _run_table(tables)],
        ),
        *landscape_sections(place),
        repeat_run(problem, run),
        sources(results, study=False),
    ]
    return Report(title=title, lead=lead, tiles=tiles, sections=sections, main=front_table(front), made=made)


def _study_report(
    place: Path, results: StudyResults, tables: StudyTables, fronts: list[FrontData], made: str
) -> Report:
    runs = [run for p in results.problems for run in p.runs]
    n_cells = sum(len(trace.cells) for p in results.problems for trace in p.traces)
    one = len(results.problems) == 1
    titles = {run.label: algorithm_title(run) for run in runs}
    lead = [
        f"{joined(titles.values())} compared on "
        f"{joined(p.problem.title or p.name for p in results.problems)}: {number(len(runs))} runs, "
        f"{number(n_cells)} evaluations.",
        *(_winner(tables, p) for p in results.problems),
    ]
    tiles = [
        (number(len(results.labels)), "algorithms"),
        (number(len(results.problems)), "problem" if one else "problems"),
        (number(len(runs)), "runs"),
        (number(n_cells), "evaluations of distinct cells"),
        (_duration(sum(run.seconds for run in runs)), "search time, all runs"),
    ]
    sections: list[Section] = []
    for k, (problem, front) in enumerate(zip(results.problems, fronts, strict=True), 1):
        if not one:
            sections.append(
                Section(
                    id=f"problem-{k}",
                    title=problem.problem.title or problem.name,
                    text=[problem.name],
                    short=problem.name,
                )
            )
        level = 2 if one else 3
        sections += comparison_sections(tables, problem, str(k), level=level)
        sections.append(_front_section(problem, front, f"front-{k}", level=level))
    ranks = rank_section(tables)
    sections += [
        *([ranks] if ranks else []),
        *landscape_sections(place),
        repeat_study(place, results),
        sources(results, study=True),
    ]
    main = Table(
        title="Indicators of every run",
        columns=list(tables.runs.columns),
        rows=tables.runs.to_numpy(dtype=object).tolist(),
        key="runs",
    )
    return Report(title=results.title, lead=lead, tiles=tiles, sections=sections, main=main, made=made)


def _front_section(problem: ProblemResults, front: FrontData, place: str, *, level: int = 2) -> Section:
    text = []
    if front.n_runs > 1:
        text.append(
            f"All {front.n_runs} runs together: the {number(front.n_front)} cells that no cell of any run "
            "beats."
        )
    if front.knee is not None:
        text.append(
            f"The knee, where the trade-off bends most, is cell {front.cells[front.knee]}: it lies furthest "
            "from the plane through the front's extremes, objectives normalised (Das 1999)."
        )
    if front.n_front > len(front.cells):
        text.append(f"{len(front.cells):,} of its {front.n_front:,} cells are shown, chosen evenly.")
    if (front.deviations > 0).any():
        text.append(_uncertainty_words(front))
    title = "The best front of all runs" if front.n_runs > 1 else "The front"
    return Section(id=place, title=title, text=text, blocks=[front], level=level)


def _uncertainty_words(front: FrontData) -> str:
    """How sure the values are, compared with how far the front's cells lie apart."""
    medians, ranges = np.median(front.deviations, axis=0), np.ptp(front.values, axis=0)
    parts = [
        f"{o.title} ± {medians[k]:.2g} {shown_unit(o.unit)}".strip()
        for k, o in enumerate(front.problem.objectives)
        if medians[k] > 0
    ]
    text = f"Values are predictions; ± is one standard deviation, in the median {joined(parts)}."
    vague = [o.title for k, o in enumerate(front.problem.objectives) if medians[k] > ranges[k] / 4 > 0]
    if vague:
        text += (
            f" For {joined(vague)} that is a large part of the front's whole width, so cells close to each "
            "other cannot be told apart."
        )
    return text


def _quality(problem: ProblemResults, share: float | None) -> list[str]:
    if share is None or not problem.reference_is_true:
        return []
    return [f"It reaches {share:.2%} of the hypervolume of the true front, which is known for this problem."]


def _knee_words(front: FrontData) -> list[str]:
    if front.knee is None:
        return []
    values = values_in_words(front.problem, front.values[front.knee])
    return [f"A good compromise is cell {front.cells[front.knee]}, the front's knee: {values}."]


def _winner(tables: StudyTables, problem: ProblemResults) -> str:
    summary = tables.summary
    mine = summary[(summary["problem"] == problem.name) & (summary["indicator"] == "hypervolume_share")]
    mine = mine[mine["evaluations"] == mine["evaluations"].max()].sort_values("median", ascending=False)
    if not len(mine):
        return f"On {problem.name} nothing was found."
    best, reference = mine.iloc[0], "true" if problem.reference_is_true else "best known"
    return (
        f"On {problem.name}, {best['label']} reaches the largest median hypervolume after "
        f"{best['evaluations']:,} cells: {best['median']:.2%} of the {reference} front's."
    )


def _share(tables: StudyTables) -> float | None:
    if "hypervolume_share" not in tables.runs:
        return None
    value = float(tables.runs["hypervolume_share"].iloc[0])
    return value if value == value else None


def _share_name(problem: ProblemResults) -> str:
    return "of the true front's hypervolume" if problem.reference_is_true else "of the best hypervolume known"


def _search_words(problem: ProblemResults, run: RunRow) -> str:
    limits = f" under the limits {joined(problem.problem.constraints)}" if problem.problem.constraints else ""
    noise = "" if problem.problem.noise is None else " Values were drawn from their uncertainty."
    goals = joined(
        f"{o.title} ({'more' if o.larger_is_better else 'less'} is better)" for o in problem.objectives
    )
    return (
        f"{algorithm_title(run)} with seed {run.seed} was allowed {number(run.budget)} distinct cells"
        f"{limits} and asked {number(run.n_eval)} times in all. Objectives: {goals}.{noise}"
    )


def _run_table(tables: StudyTables) -> Table:
    row = tables.runs.iloc[0]
    known = [
        (tables.results.columns[name].title, float(row[name]))
        for name in tables.results.columns
        if name in row
    ]
    return Table(title="Indicators", columns=["indicator", "value"], rows=known, key="indicators")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2g} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
