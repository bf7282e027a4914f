"""Runs and studies in plain words: what was done, how to do it again, whom to cite."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from eomoo.analysis.tables import Measured
from eomoo.objectives.card import list_problems
from eomoo.search.algorithms import ALGORITHMS
from eomoo.study.rows import ProblemRow, RunRow


def algorithm_title(run: RunRow) -> str:
    """An algorithm as people call it, with its label where that says more."""
    title = ALGORITHMS[run.algorithm].title if run.algorithm in ALGORITHMS else run.algorithm
    return title if run.label == run.algorithm else f"{run.label} ({title})"


def describe_settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings of an algorithm as names and values; what a random start does not use is left out."""
    unused = {"algorithm"} | ({"n_train"} if settings.get("init") == "random" else set())
    return [(key.replace("_", " "), str(value)) for key, value in settings.items() if key not in unused]


def run_command(problem: ProblemRow, run: RunRow) -> str:
    """The command that repeats a run."""
    parts = ["eomoo", "run", problem_argument(problem.name), "--algorithm", run.algorithm]
    parts += ["--budget", str(run.budget), "--seed", str(run.seed)]
    parts += run_options(run)
    for constraint in problem.constraints:
        parts += ["--constraint", constraint]
    if problem.noise is not None:
        parts += ["--noise", str(problem.noise)]
    return shlex.join([*parts, "--out", "DIR"])


def run_options(run: RunRow) -> list[str]:
    """A run's settings as options of the command line, as far as they are not the defaults."""
    defaults = ALGORITHMS[run.algorithm].defaults if run.algorithm in ALGORITHMS else {}
    parts = []
    for key, value in run.settings.items():
        if key == "algorithm" or defaults.get(key) == value:
            continue
        if key in ("init", "n_train"):
            parts += [f"--{key.replace('_', '-')}", str(value)]
        else:
            parts += ["--option", f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
    return parts


def problem_argument(name: str) -> str:
    """A problem as the command line takes it: a shipped card's name, or a file."""
    return name if name in list_problems() else f"{name}.toml"


def references(problems: Iterable[ProblemRow], runs: Iterable[RunRow], *, study: bool) -> list[str]:
    """What to cite: the problems' data, the algorithms, the measures."""
    cited = read_toml(Path(__file__).with_name("sources.toml"))
    algorithms, measures = cited["algorithms"], cited["measures"]
    found = [f"Data of {p.name}: {p.citation}" for p in problems if p.citation]
    for run in runs:
        if run.algorithm in algorithms:
            found.append(f"{ALGORITHMS[run.algorithm].title}: {algorithms[run.algorithm]}")
        if run.settings.get("init") == "surrogate-pareto":
            found.append(f"Surrogate starts: {measures['surrogate_start']}")
    return list(dict.fromkeys([*found, *measures["always"], *(measures["compared"] if study else ())]))


def values_in_words(problem: ProblemRow, values: Iterable[float]) -> str:
    """Values of a cell: "error 12.3 %, latency 8.2 ms"."""
    parts = [
        f"{o.title} {number(value)} {shown_unit(o.unit)}".strip()
        for o, value in zip(problem.objectives, values, strict=True)
    ]
    return joined(parts)


def shown_unit(unit: str) -> str:
    """A unit as it is put after a value: "a fraction" goes without saying."""
    return "" if unit == "fraction" else unit


def number(value: float) -> str:
    """A number for people: whole or large ones with thousands, others to four digits."""
    if value != value or value in (float("inf"), float("-inf")):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1e4 or value == round(value) else f"{value:,.4g}"


def compact(value: float) -> str:
    """A number for a table: a tiny one with its power of ten."""
    return f"{value:.2e}" if 0 < abs(value) < 1e-4 else number(value)


def value_text(value: Any) -> str:
    """A value of a table."""
    if value is None:
        return "-"
    if isinstance(value, Measured):
        return f"{number(value.median)} [{number(value.q25)}, {number(value.q75)}]"
    return compact(value) if isinstance(value, float) else str(value)


def joined(parts: Iterable[str]) -> str:
    """Parts as an English list."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last
