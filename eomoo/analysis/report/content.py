"""A folder's results as a report: read from the store, nothing is run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eomoo.analysis.report.comparison import anytime, comparison_sections, rank_section
from eomoo.analysis.report.fronts import FrontData, front_data, front_table
from eomoo.analysis.report.model import Code, Facts, Picture, Report, Section, Table
from eomoo.analysis.report.wording import (
    algorithm_title,
    describe_settings,
    joined,
    number,
    problem_argument,
    references,
    run_command,
    values_in_words,
)
from eomoo.analysis.studies import ProblemResults, StudyResults, load_results
from eomoo.analysis.study_tables import StudyTables, study_tables
from eomoo.data.files import read_bytes
from eomoo.errors import DataError, StoreError
from eomoo.space.enumeration import N_CELLS
from eomoo.study.record import RECORD_NAME
from eomoo.study.store import STORE_NAME, RunRow, Store, versions

__all__ = ["report_of"]

_MOST_PNG = 1_500_000


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
    made = f"eomoo {versions().get('eomoo', '')}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
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
    lead = [
        f"{algorithm_title(run)} looked at {number(len(trace.cells))} of {number(N_CELLS)} cells and found "
        f"{number(front.n_front)} that no other of them beats: its Pareto front.",
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
        *_landscape(place),
        _repeat_run(problem, run),
        _sources(results, study=False),
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
                Section(id=f"problem-{k}", title=problem.problem.title or problem.name, text=[problem.name])
            )
        sections += comparison_sections(tables, problem, str(k))
        sections.append(_front_section(problem, front, f"front-{k}", level=3))
    ranks = rank_section(tables)
    sections += [
        *([ranks] if ranks else []),
        *_landscape(place),
        _repeat_study(place, results),
        _sources(results, study=True),
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
            f"All {front.n_runs} runs together: the {number(front.n_front)} cells that no cell of any run beats."
        )
    if front.knee is not None:
        text.append(
            f"The knee, where the trade-off bends most, is cell {front.cells[front.knee]}: it lies furthest "
            "from the plane through the front's extremes, objectives normalised (Das 1999)."
        )
    if front.n_front > len(front.cells):
        text.append(f"{len(front.cells):,} of its {front.n_front:,} cells are shown, chosen evenly.")
    if (front.deviations > 0).any():
        text.append("Values are predictions; ± is one standard deviation.")
    title = "The front" if level == 2 else "The best front of all runs"
    return Section(id=place, title=title, text=text, blocks=[front], level=level)


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
        f"{o['title']} ({'less' if o['direction'] == 'min' else 'more'} is better)"
        for o in problem.problem.objectives
    )
    return (
        f"{algorithm_title(run)} with seed {run.seed} was allowed {number(run.budget)} distinct cells{limits} "
        f"and asked {number(run.n_eval)} times in all. Objectives: {goals}.{noise}"
    )


def _run_table(tables: StudyTables) -> Table:
    row = tables.runs.iloc[0]
    known = [(tables.results.columns[name].title, float(row[name])) for name in tables.results.columns if name in row]
    return Table(title="Indicators", columns=["indicator", "value"], rows=known, key="indicators")


def _landscape(place: Path) -> Iterator[Section]:
    picture, numbers = place / "landscape.png", place / "landscape.json"
    blocks: list[Any] = []
    if picture.is_file():
        alt = "Sheet of the problem's landscape; its numbers are in the table below."
        blocks.append(Picture(title="Landscape sheet", key="landscape", png=_small_png(picture), alt=alt))
    if numbers.is_file():
        try:
            content = json.loads(read_bytes(numbers, max_size=10_000_000))
        except ValueError:
            raise DataError(f"{numbers} is no JSON; write it again with: eomoo landscape --out DIR") from None
        rows = list(_flat(content))[:200]
        blocks.append(
            Table(title="The landscape in numbers", columns=["measure", "value"], rows=rows, key="landscape")
        )
    if blocks:
        yield Section(
            id="landscape", title="The landscape", text=["What kind of problem this is."], blocks=blocks
        )


def _flat(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers and words of nested JSON, each with its path; long lists are left to the file."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{path} › {key}".removeprefix(" › ").replace("_", " "))
    elif isinstance(content, list):
        if all(isinstance(item, dict) and "name" in item for item in content):
            for item in content:
                yield from _flat({k: v for k, v in item.items() if k != "name"}, f"{path} › {item['name']}")
        elif len(content) <= 3 and not any(isinstance(item, dict | list) for item in content):
            yield path, ", ".join(number(v) if isinstance(v, int | float) else str(v) for v in content)
    elif content is not None:
        yield path, content


def _small_png(path: Path) -> bytes:
    """A picture's bytes; a heavy one is made smaller, so that the page stays light."""
    png = read_bytes(path, max_size=50_000_000)
    if len(png) <= _MOST_PNG:
        return png
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(png)) as image:
        image.thumbnail((1800, 2600))
        small = BytesIO()
        image.convert("RGB").quantize(128).save(small, format="PNG", optimize=True)
    return small.getvalue()


def _repeat_run(problem: ProblemResults, run: RunRow) -> Section:
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


def _repeat_study(place: Path, results: StudyResults) -> Section:
    runs = [run for p in results.problems for run in p.runs]
    by_label = {run.label: run for run in runs}
    seeds = sorted({run.seed for run in runs})
    budgets = sorted({run.budget for run in runs})
    blocks: list[Any] = []
    if (place / RECORD_NAME).is_file():
        note = f"A copy of the study is in {RECORD_NAME} in its folder."
    else:
        note = ""
    plain = all(run.label == run.algorithm for run in by_label.values()) and len(budgets) == 1
    if plain:
        names = ",".join(dict.fromkeys(problem_argument(p.problem.name) for p in results.problems))
        count = len(seeds) if seeds == list(range(1, len(seeds) + 1)) else ",".join(map(str, seeds))
        text = (
            f"eomoo study run --problems {names} --algorithms {','.join(by_label)} --seeds {count} "
            f"--budget {budgets[0]} --out DIR"
        )
    else:
        text = "eomoo study run STUDY.toml --out DIR"
    blocks.append(Code(text=text, note=note))
    rows = [
        (label, "; ".join(f"{k}: {v}" for k, v in describe_settings(run.settings)), run.budget)
        for label, run in by_label.items()
    ]
    blocks.append(
        Table(title="Algorithms", columns=["label", "settings", "budget"], rows=rows, key="algorithms")
    )
    blocks.append(Facts(title="Seeds", rows=[("seeds", ", ".join(map(str, seeds)))]))
    blocks += [Facts(title=f"Problem {p.name}", rows=_problem_facts(p)) for p in results.problems]
    found: dict[str, set[str]] = {}
    for run in runs:
        for name, version in run.versions.items():
            found.setdefault(name, set()).add(version)
    blocks.append(Facts(title="Versions", rows=[(k, ", ".join(sorted(v))) for k, v in sorted(found.items())]))
    return Section(id="repeat", title="How to repeat this", blocks=blocks)


def _problem_facts(problem: ProblemResults) -> list[tuple[str, str]]:
    row = problem.problem
    rows = [("card", row.name), ("card's SHA-256", row.digest)]
    for o in row.objectives:
        unit = f", {o['unit']}" if o["unit"] else ""
        rows.append((o["title"], f"{'minimised' if o['direction'] == 'min' else 'maximised'}{unit}"))
    if row.reference_point is not None:
        rows.append(("reference point", ", ".join(number(v) for v in row.reference_point)))
    if row.constraints:
        rows.append(("limits", ", ".join(row.constraints)))
    if row.noise is not None:
        rows.append(("noise", f"drawn with seed {row.noise}"))
    return rows


def _sources(results: StudyResults, *, study: bool) -> Section:
    runs = [run for p in results.problems for run in p.runs]
    return Section(
        id="sources",
        title="Sources",
        text=references([p.problem for p in results.problems], runs, study=study),
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2g} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
