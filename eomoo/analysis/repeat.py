"""How to repeat a run or a study."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from eomoo.analysis.citing import references
from eomoo.analysis.results import ProblemResults, StudyResults
from eomoo.analysis.tables import Code, Facts, Section, Table
from eomoo.analysis.wording import algorithm_title, option_text
from eomoo.objectives.card import list_problems
from eomoo.plots import number
from eomoo.search.algorithms import ALGORITHMS
from eomoo.search.priors import prior_place
from eomoo.study.record import RECORD_NAME
from eomoo.study.rows import ProblemRow, RunRow

# What ``eomoo run`` has an option of its own for; all else that is set beside a card goes by ``--set``.
_OWN_OPTIONS = frozenset({"data", "device", "epochs", "latency_from", "rungs", "workers"})


def repeat_run(problem: ProblemResults, run: RunRow) -> Section:
    """How a run is repeated: the command, its settings, the problem, versions."""
    settings = [("algorithm", algorithm_title(run)), *_settings(run)]
    settings += [("seed", str(run.seed)), ("budget", run.allowed)]
    if run.n_repeats > 1:
        settings.append(("repeats", f"{run.n_repeats} trainings of each of the front's cells and their rivals"))
    if not run.complete:
        settings.append(("interrupted", "yes"))
    blocks = [
        Code(text=run_command(problem.problem, run)),
        Facts(title="Settings", rows=settings),
        Facts(title="Problem", rows=_problem_facts(problem.problem)),
        Facts(title="Versions", rows=_versions([run])),
    ]
    return Section(id="repeat", title="How to repeat this", blocks=blocks)


def repeat_study(place: Path, results: StudyResults) -> Section:
    """How a study is repeated: the command, algorithms, seeds, problems, versions."""
    runs = results.runs
    seeds = sorted({run.seed for run in runs})
    note = f"A copy of the study is in {RECORD_NAME} in its folder." if (place / RECORD_NAME).is_file() else ""
    by_label = {run.label: run for run in runs}
    rows = [(label, "; ".join(map(": ".join, _settings(run))), run.budget) for label, run in by_label.items()]
    blocks = [
        Code(text=_study_command(results, seeds), note=note),
        Table(title="Algorithms", columns=["label", "settings", "budget"], rows=rows, key="algorithms"),
        Facts(title="Seeds", rows=[("seeds", ", ".join(map(str, seeds)))]),
        *(Facts(title=f"Problem {p.name}", rows=_problem_facts(p.problem)) for p in results.problems),
        Facts(title="Versions", rows=_versions(runs)),
    ]
    return Section(id="repeat", title="How to repeat this", blocks=blocks)


def sources(results: StudyResults, *, study: bool) -> Section:
    """Data, algorithms and measures to cite."""
    text = references([p.problem for p in results.problems], results.runs, study=study)
    return Section(id="sources", title="Sources", text=text)


def run_command(problem: ProblemRow, run: RunRow, *, repeats: int = 1, out: str = "DIR") -> str:
    """The command that repeats a run; with more repeats, and into another folder, where they are given."""
    parts = ["eomoo", "run", card_of(problem), "--algorithm", run.algorithm]
    spent = [] if run.cells_allowed is None else ["--budget", str(run.cells_allowed)]
    spent += [] if run.hours is None else ["--hours", f"{run.hours:g}"]
    parts += [*spent, "--seed", str(run.seed), *_run_options(run)]
    if (n := max(repeats, run.n_repeats)) > 1:
        parts += ["--repeats", str(n)]
    for constraint in problem.constraints:
        parts += ["--constraint", constraint]
    if problem.noise is not None:
        parts += ["--noise", str(problem.noise)]
    for name, value in problem.options.items():
        parts += _problem_option(name, value)
    return shlex.join([*parts, "--out", out])


def _problem_option(name: str, value: object) -> list[str]:
    """A setting of the problem as options of the command line."""
    if name in _OWN_OPTIONS:
        return [f"--{name.replace('_', '-')}", option_text(value)]
    if isinstance(value, Mapping) and "." not in name:
        return [part for key, inner in value.items() for part in _problem_option(f"{name}.{key}", inner)]
    return ["--set", f"{name}={option_text(value)}"]


def _study_command(results: StudyResults, seeds: list[int]) -> str:
    """The command that repeats a study; one with settings of its own needs its file."""
    budgets = {run.budget for run in results.runs}
    ordinary = len(budgets) == 1 and all(run.label == run.algorithm and not _run_options(run) for run in results.runs)
    rows = [p.problem for p in results.problems]
    if not ordinary or any(row.constraints or row.options or row.noise is not None for row in rows):
        return "eomoo study run STUDY.toml --out DIR"
    names = ",".join(dict.fromkeys(card_of(p.problem) for p in results.problems))
    labels = ",".join(dict.fromkeys(run.label for run in results.runs))
    plain = seeds == list(range(1, len(seeds) + 1)) and len(seeds) > 1
    count = str(len(seeds)) if plain else ",".join(map(str, seeds))
    parts = ["eomoo", "study", "run", "--problems", names, "--algorithms", labels, "--seeds", count]
    return shlex.join([*parts, "--budget", str(min(budgets)), "--out", "DIR"])


def _settings(run: RunRow) -> list[tuple[str, str]]:
    """Settings of an algorithm as names and values; what is none, or a random start does not use, is left out."""
    unused = {"algorithm"} | ({"n_train"} if run.settings.get("init") == "random" else set())
    said = {key: value for key, value in run.settings.items() if key not in unused and value not in (None, [])}
    return [(key.replace("_", " "), str(value)) for key, value in said.items()]


def _run_options(run: RunRow) -> list[str]:
    """A run's settings as options of the command line, as far as they are not the defaults."""
    defaults = ALGORITHMS[run.algorithm].defaults if run.algorithm in ALGORITHMS else {}
    parts: list[str] = []
    for key, value in run.settings.items():
        if key == "algorithm" or defaults.get(key) == value:
            continue
        if key in ("init", "n_train"):
            parts += [f"--{key.replace('_', '-')}", str(value)]
        elif key == "priors":
            parts += [part for place in value for part in ("--prior", prior_place(place))]
        elif key == "rungs" and isinstance(value, list):
            parts += ["--rungs", ",".join(map(str, [*value, 1]))]
        else:
            parts += ["--option", f"{key}={option_text(value)}"]
    return parts


def card_of(problem: ProblemRow) -> str:
    """A problem's card as the command line takes it: a shipped one's name, or a file where it lay or here."""
    if not problem.card and problem.name in list_problems():
        return problem.name
    here = Path(f"{problem.name}.toml")
    if not problem.card or (here.is_file() and not Path(problem.card).is_file()):
        return str(here)
    path, now = Path(problem.card), Path.cwd()
    return str(path.relative_to(now) if path.is_relative_to(now) else path)


def _versions(runs: Iterable[RunRow]) -> list[tuple[str, str]]:
    found: dict[str, set[str]] = {}
    for run in runs:
        for name, version in run.versions.items():
            found.setdefault(name, set()).add(version)
    return [(name, ", ".join(sorted(known))) for name, known in sorted(found.items())]


def _problem_facts(row: ProblemRow) -> list[tuple[str, str]]:
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
