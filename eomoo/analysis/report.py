"""The report of a run's or a study's stored results, which explains itself; nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from os.path import relpath
from pathlib import Path
from shlex import quote
from urllib.parse import quote as quote_url

import numpy as np

from eomoo.analysis.columns import certainty_words, choices_table
from eomoo.analysis.compared import StudyTables, median_table, pair_table, rank_table, study_tables
from eomoo.analysis.curves import anytime, attainment, differences
from eomoo.analysis.definitions import glossary
from eomoo.analysis.fronts import FrontData, front_data, front_table
from eomoo.analysis.network import cell_commands, network_section
from eomoo.analysis.printing.html import to_html
from eomoo.analysis.printing.latex import to_latex
from eomoo.analysis.printing.text import to_csv, to_markdown
from eomoo.analysis.repeat import repeat_run, repeat_study, sources
from eomoo.analysis.results import ProblemResults, StoredRun, StudyResults, load_results, results_of
from eomoo.analysis.spending import repeat_words, spending_tables, spending_words
from eomoo.analysis.standings import pairs_in_words, standing
from eomoo.analysis.tables import Block, Picture, Report, Section, Table
from eomoo.analysis.wording import (
    algorithm_title,
    algorithms_in_words,
    basis_words,
    duration,
    joined,
    sentence,
    shown_unit,
    values_in_words,
)
from eomoo.checks import choice, counted
from eomoo.data.measured_table import BENCHMARK_FILE
from eomoo.errors import StoreError
from eomoo.files import check_digests, read_bytes, read_json, write_text
from eomoo.fronts import FrontSummary, expected_words
from eomoo.plots import number, percent, rounded
from eomoo.space.enumeration import N_CELLS
from eomoo.study.rows import Limit, RunRow
from eomoo.study.store import STORE_NAME
from eomoo.version import __version__

_WRITERS: dict[str, tuple[Callable[[Report], str], str]] = {
    "html": (to_html, "html"),
    "md": (to_markdown, "md"),
    "csv": (to_csv, "csv"),
    "latex": (to_latex, "tex"),
}
FORMATS = tuple(_WRITERS)
"""What a report can be written as."""


def render_report(
    what: str | Path | StoredRun,
    *,
    format: str = "html",  # noqa: A002
    page: str | Path | None = None,
) -> str:
    """The report of a run's or a study's folder, or of a run that lies in none, as text in one of ``FORMATS``.

    Args:
        what: The folder, or the run.
        format: One of ``FORMATS``.
        page: The file that the text will be, from which links lead to the run's networks; without it there are none.

    Raises:
        StoreError: There are no results in the folder, or they are damaged.
        SettingError: (a ValueError) There is no such format.
    """
    write, _ = _writer(format)
    # Commands that need the run's folder say RUN where it has none.
    return write(_report(results_of(what), Path("RUN")) if isinstance(what, StoredRun) else report_of(what, page))


def write_report(folder: str | Path, *, out: str | Path | None = None, format: str = "html") -> Path:  # noqa: A002
    """Write what ``render_report`` gives of a folder, by default as ``report.html`` into that folder; the file.

    Raises:
        DataError: (a ValueError) The file cannot be written.
    """
    ending = _writer(format)[1]
    place = Path(folder)
    path = Path(out) if out is not None else (place if place.is_dir() else place.parent) / f"report.{ending}"
    write_text(path, render_report(folder, format=format, page=path))
    return path


def _writer(name: str) -> tuple[Callable[[Report], str], str]:
    return _WRITERS[choice("the format of a report", name, FORMATS)]


def report_of(folder: str | Path, page: str | Path | None = None) -> Report:
    """The report of a run's or a study's folder; ``page``: where it will lie, see ``render_report``.

    Raises:
        StoreError: There are no results in it, or they are damaged.
        DataError: A file of the run has changed since it was written.
    """
    place = _folder(Path(folder))
    check_digests(place)
    return _report(load_results(place), place, page)


def _report(results: StudyResults, place: Path, page: str | Path | None = None) -> Report:
    """The report of results whose files lie in a folder."""
    files = [] if page is None else [file for file in (place / "onnx").glob("*.onnx") if file.stem.isdigit()]
    links = {int(file.stem): _link(file, Path(page or "")) for file in files}
    fronts = [
        replace(front_data(problem), commands=cell_commands(problem, str(place)), onnx=links)
        for problem in results.problems
    ]
    tables = study_tables(results)
    made = f"eomoo {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if len(results.runs) == 1:
        report = _run_report(place, results, tables, fronts[0], made)
    else:
        report = _study_report(place, results, tables, fronts, made)
    return replace(report, lead=[*report.lead, results.unfinished]) if results.unfinished else report


def _link(file: Path, page: Path) -> str:
    """Where a file lies, as seen from a page; as a link on a page writes it."""
    try:
        return quote_url(Path(relpath(file.resolve(), page.resolve().parent)).as_posix())
    except ValueError:  # on another drive
        return file.resolve().as_uri()


def _folder(path: Path) -> Path:
    if path.name == STORE_NAME and path.is_file():
        return path.parent
    if not path.exists():
        raise StoreError(f"there is no folder {path}; make one with: eomoo run --out {quote(str(path))}")
    if (path / BENCHMARK_FILE).is_file() and not (path / STORE_NAME).is_file():
        raise StoreError(f"{path} holds a measured table; see it with: eomoo report {quote(str(path))} --watch")
    if not (path / STORE_NAME).is_file():
        raise StoreError(
            f"{path} holds no results ({STORE_NAME}); give the folder that was named by --out of "
            "eomoo run or eomoo study run, or by out= in Python"
        )
    return path


def _run_report(place: Path, results: StudyResults, tables: StudyTables, front: FrontData, made: str) -> Report:
    problem, run, known = results.problems[0], results.runs[0], tables.runs.iloc[0]
    share = float(known.get("hypervolume_share", np.nan))
    # Of the best front known a single run has all; NaN where the reference front has no volume within the box.
    told = problem.feasible and problem.reference_is_true and not np.isnan(share)
    reached = percent(share, 2) if told else ""
    kind = "predicted front" if front.problem.predicted else "front"
    tiles = [
        (number(front.n_front), f"{counted(front.n_front, 'cell').split()[1]} on the {kind} found"),
        *_certain_tiles(front),
        (number(len(problem.traces[0].cells)), "distinct cells evaluated"),
        *([(reached, f"of the hypervolume of the {problem.reference_name}")] if reached else []),
        (duration(run.seconds), "search time"),
    ]
    values = [(tables.results.columns[name].title, float(known[name])) for name in results.columns if name in known]
    indicators = Table(title="Indicators", columns=["indicator", "value"], rows=values, key="indicators")
    blocks: list[Block] = [anytime(problem, "run"), indicators] if problem.feasible else []
    sections = [
        _front_section(problem, front, "front"),
        Section(
            id="search",
            title="The search",
            text=[_search_words(problem, run), *spending_words(run), *repeat_words(problem.problem, run, str(place))],
            blocks=[*blocks, *spending_tables(run)],
        ),
        network_section(place, problem),
        *landscape_sections(place),
        repeat_run(problem, run),
        glossary(results.problems),
        sources(results, study=False),
    ]
    title, lead = sentence(problem.problem.title or problem.name), _run_lead(problem, run, front, reached)
    return Report(title=title, lead=lead, tiles=tiles, sections=sections, main=front_table(front), made=made)


def _run_lead(problem: ProblemResults, run: RunRow, front: FrontData, reached: str) -> list[str]:
    """What a run found, in a few sentences; ``reached`` is its share of the true front's hypervolume, if known."""
    there = "cells" if front.problem.n_cells == N_CELLS else "cells that have values"
    looked = f"{sentence(algorithm_title(run))} looked at {number(len(problem.traces[0].cells))}"
    looked += f" of {number(front.problem.n_cells)} {there}"
    looked = looked if run.complete else f"This is what a run has found that is under way, or was interrupted. {looked}"
    if not problem.feasible:
        near = run.extra.get("nearest")
        none = ", none of which is feasible" if len(problem.traces[0].cells) else ""
        return [f"{looked}{none}.", *([f"{sentence(near)}."] if near else [])]
    lead = [f"{looked} and found {number(front.n_front)} that no other of them beats: its Pareto front."]
    if reached:
        # A table knows some cells only.
        there = "all cells" if front.problem.predicted else "all cells with a known value"
        lead.append(f"It reaches {reached} of the hypervolume of the {problem.reference_name} of {there}.")
    if front.knee is not None:
        at = front.values[front.knee], front.deviations[front.knee]
        values_there = joined(values_in_words(front.problem, *at))
        lead.append(f"A good compromise is cell {front.cells[front.knee]}, the front's knee: {values_there}.")
    return lead + _certain_lead(front)


def _study_report(
    place: Path, results: StudyResults, tables: StudyTables, fronts: list[FrontData], made: str
) -> Report:
    runs = results.runs
    n_cells = sum(len(trace.cells) for p in results.problems for trace in p.traces)
    one = len(results.problems) == 1
    names = [p.problem.title or p.name for p in results.problems]
    named = names[0] if one else joined(p.name for p in results.problems)  # titles have commas
    lead = [
        f"{algorithms_in_words(runs)} compared on {named}: {number(len(runs))} runs, {number(n_cells)} evaluations.",
        *(_winner(tables, p) for p in results.problems),
    ]
    tiles = [
        (number(len(results.labels)), "algorithms"),
        (number(len(results.problems)), "problem" if one else "problems"),
        (number(len(runs)), "runs"),
        (number(n_cells), "evaluations of distinct cells"),
        (duration(sum(run.seconds for run in runs)), "search time, all runs"),
    ]
    sections: list[Section] = []
    level = 2 if one else 3
    for k, (problem, front, name) in enumerate(zip(results.problems, fronts, names, strict=True), 1):
        if not one:
            sections.append(Section(id=f"problem-{k}", title=name, text=[problem.name], short=problem.name))
        compared = _comparison_sections(tables, problem, str(k), level)
        told = [*compared, _front_section(problem, front, f"front-{k}", level=level)]
        sections += [replace(section, about=name) for section in told]
    ranks = [rank_table(n, test) for n, test in tables.ranks.items() if test.n_problems > 1]
    sections += [
        *([Section(id="ranks", title="Ranks over problems", blocks=ranks)] if ranks else []),
        *landscape_sections(place),
        repeat_study(place, results),
        glossary(results.problems),
        sources(results, study=True),
    ]
    rows = tables.runs.to_numpy(dtype=object).tolist()
    main = Table(title="Indicators of every run", columns=list(tables.runs.columns), rows=rows, key="runs")
    return Report(title=results.title, lead=lead, tiles=tiles, sections=sections, main=main, made=made)


def _comparison_sections(tables: StudyTables, problem: ProblemResults, key: str, level: int) -> Iterator[Section]:
    """On one problem: anytime curves, indicators with tests, attainment."""
    if not problem.feasible:
        return
    medians = [
        replace(median_table(tables, name, n), key=f"indicators-{key}-{n}")
        for name, n in sorted(tables.places)
        if name == problem.name
    ]
    blocks: list[Block] = [anytime(problem, key), *medians]
    yield Section(id=f"compared-{key}", title="Algorithms compared", blocks=blocks, level=level)
    tests = pair_table(tables, problem.name)
    if tests is not None:
        words, blocks = pairs_in_words(tables, problem.name), [replace(tests, key=f"tests-{key}")]
        yield Section(id=f"tests-{key}", title="Are the differences chance?", text=[words], blocks=blocks, level=level)
    surfaces = attainment(problem, key) if len(problem.runs) > 1 else None
    if surfaces is not None:
        title, blocks = "What is attained, and how surely", [surfaces, *differences(problem, key)]
        yield Section(id=f"attainment-{key}", title=title, blocks=blocks, level=level)


def _certain_lead(front: FrontData) -> list[str]:
    """That a predicted front is none of true values, and which cell stands for the knee."""
    if front.said is None:
        return []
    at = "" if front.knee is None else _stands_for(front.said, int(front.cells[front.knee]))
    kind = "predicted" if front.problem.predicted else "measured, some with a known error"
    several = len(front.said.cells) > 1
    choices = f", and at 95 % they are {counted(len(front.said.groups), 'choice')}" if several else ""
    return [f"Its values are {kind}: {expected_words(front.said.probability, front.said.n_draws)}{choices}.{at}"]


def _stands_for(said: FrontSummary, knee: int) -> str:
    group = next((g for g in said.groups if knee in g.cells), None)
    if group is None or group.representative == knee:
        return ""
    return f" The knee cannot be told from cell {group.representative}, which costs less."


def _certain_tiles(front: FrontData) -> list[tuple[str, str]]:
    """How many of the front's cells are real choices, where its values are not exact."""
    if front.said is None:
        return []
    expected = f"{front.said.probability.sum():.1f}"
    return [(number(len(front.said.groups)), "told apart at 95 %"), (expected, "expected on the true front")]


def _front_section(problem: ProblemResults, front: FrontData, place: str, *, level: int = 2) -> Section:
    kind = "predicted front" if front.problem.predicted else "front"
    title = f"The best {kind} of all runs" if front.n_runs > 1 else f"The {kind}"
    if not problem.feasible:
        return Section(id=place, title=title, text=["No feasible cell was found."], level=level)
    text = []
    if front.n_runs > 1:
        text.append(
            f"All {front.n_runs} runs together: {counted(front.n_front, 'cell')} that no cell of any run beats."
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
    if words := basis_words(front.basis.get(int(cell), "measured") for cell in front.cells):
        text.append(words)
    blocks: list[Block | FrontData] = [front]
    if front.said is not None:
        text.append(certainty_words(front.problem, front.said))
        blocks.append(choices_table(front, front.said))
    return Section(id=place, title=title, text=text, blocks=blocks, level=level)


def _uncertainty_words(front: FrontData) -> str:
    """How sure the values are, compared with how far the front's cells lie apart."""
    # Some cells of a table may be exact.
    medians = [float(np.median(d[d > 0])) if (d > 0).any() else 0.0 for d in front.deviations.T]
    ranges = np.ptp(front.values, axis=0)
    parts = [
        f"{o.title} ± {rounded(medians[k])} {shown_unit(o.unit)}".strip()
        for k, o in enumerate(front.problem.objectives)
        if medians[k] > 0
    ]
    kind = "predictions" if front.problem.predicted else "measured"
    text = f"Values are {kind}; ± is one standard deviation, in the median {joined(parts)}."
    vague = [o.title for k, o in enumerate(front.problem.objectives) if medians[k] > ranges[k] / 4 > 0]
    if vague and front.said is None:
        text += (
            f" For {joined(vague)} that is a large part of the front's whole width, so cells close to each "
            "other cannot be told apart."
        )
    return text


def _winner(tables: StudyTables, problem: ProblemResults) -> str:
    summary = tables.summary
    mine = summary[(summary["problem"] == problem.name) & (summary["indicator"] == "hypervolume_share")]
    mine = mine[mine["evaluations"] == mine["evaluations"].max()].sort_values("median", ascending=False)
    if not len(mine):
        near = problem.runs[0].extra.get("nearest", "no hypervolume was reached")
        return f"On {problem.name} nothing was found: {near} ({problem.runs[0].label}, seed {problem.runs[0].seed})."
    best = mine.iloc[0]
    equal = mine["label"][mine["median"] == best["median"]].tolist()[1:]
    beside = f", equal to that of {joined(equal)}" if equal else ""
    return (
        f"On {problem.name}, {best['label']} reaches the largest median hypervolume after "
        f"{best['evaluations']:,} cells{beside}: {100 * best['median']:.2f} % of that of the {problem.reference_name}."
        f"{standing(tables, problem.name, str(best['label']))}"
    )


def _search_words(problem: ProblemResults, run: RunRow) -> str:
    posed = [_limit_words(limit) for limit in problem.problem.limits] or problem.problem.constraints
    limits = f" under the limits {joined(posed)}" if posed else ""
    noise = "" if problem.problem.noise is None else " Values were drawn from their uncertainty."
    goals = joined(f"{o.title} ({'more' if o.larger_is_better else 'less'} is better)" for o in problem.objectives)
    return (
        f"{sentence(algorithm_title(run))} with seed {run.seed} was allowed {run.allowed}"
        f"{limits} and made {number(run.n_eval)} evaluations. Objectives: {goals}.{noise}"
    )


def _limit_words(limit: Limit) -> str:
    bounds = (("at most", limit.most), ("at least", limit.least))
    told = joined(f"{word} {number(bound)}" for word, bound in bounds if np.isfinite(bound))
    return f"{limit.title} {told} {shown_unit(limit.unit)}".strip()


def landscape_sections(place: Path) -> Iterator[Section]:
    """A section with the sheet and numbers that ``eomoo landscape`` wrote there; none where it did not."""
    picture, numbers = place / "landscape.png", place / "landscape.json"
    blocks: list[Block] = []
    text = ["What kind of problem this is."]
    if picture.is_file():
        alt = "Sheet of the problem's landscape; its numbers are in the table below."
        blocks.append(
            Picture(title="Landscape sheet", key="landscape", png=read_bytes(picture, max_size=50_000_000), alt=alt)
        )
    if numbers.is_file():
        content = read_json(numbers, max_size=10_000_000)
        if isinstance(content, dict) and isinstance(content.get("sample"), dict):
            text = [str(content["sample"].pop("says", ""))]
        # A sheet of four objectives has fewer; a file may be anybody's.
        rows = list(_flat(content))[:200]
        blocks.append(Table(title="The landscape in numbers", columns=["measure", "value"], rows=rows, key="landscape"))
    if blocks:
        yield Section(id="landscape", title="The landscape", text=text, blocks=blocks)


def _flat(content: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Numbers and words of nested JSON, each with its path; long lists are left to the file."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{path} / {key}".removeprefix(" / ").replace("_", " "))
    elif isinstance(content, list):
        if all(isinstance(item, dict) and "name" in item for item in content):
            for item in content:
                yield from _flat({k: v for k, v in item.items() if k != "name"}, f"{path} / {item['name']}")
        elif len(content) <= 3 and not any(isinstance(item, dict | list) for item in content):
            yield path, ", ".join(number(v) if isinstance(v, int | float) else str(v) for v in content)
    elif content is not None:
        yield path, content
