"""Runs and studies in plain words: what was done, how to do it again, whom to cite."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from eomoo.analysis.tables import Measured
from eomoo.objectives.card import list_problems
from eomoo.search.algorithms import ALGORITHMS
from eomoo.study.rows import ProblemRow, RunRow

_SOURCES = {
    "pls": "Dubois-Lacoste, López-Ibáñez, Stützle: Pareto local search algorithms for anytime bi-objective "
    "optimization. EvoCOP 2012",
    "surrogate-pls": "Paquete, Chiarandini, Stützle: Pareto local optimum sets in the biobjective traveling "
    "salesman problem. Metaheuristics for Multiobjective Optimisation, 2004; Emmerich, Giannakoglou, "
    "Naujoks: Single- and multiobjective evolutionary optimization assisted by Gaussian random field "
    "metamodels. IEEE Transactions on Evolutionary Computation 10(4), 2006; Zhang, Golovin: Random "
    "hypervolume scalarizations for provable multi-objective black box optimization. ICML 2020",
    "nsga2": "Deb, Pratap, Agarwal, Meyarivan: A fast and elitist multiobjective genetic algorithm: NSGA-II. "
    "IEEE Transactions on Evolutionary Computation 6(2), 2002",
    "nsga3": "Deb, Jain: An evolutionary many-objective optimization algorithm using reference-point-based "
    "nondominated sorting approach. IEEE Transactions on Evolutionary Computation 18(4), 2014",
    "sms-emoa": "Beume, Naujoks, Emmerich: SMS-EMOA: Multiobjective selection based on dominated "
    "hypervolume. European Journal of Operational Research 181(3), 2007",
    "moead": "Zhang, Li: MOEA/D: A multiobjective evolutionary algorithm based on decomposition. IEEE "
    "Transactions on Evolutionary Computation 11(6), 2007",
    "spea2": "Zitzler, Laumanns, Thiele: SPEA2: Improving the strength Pareto evolutionary algorithm. "
    "TIK-Report 103, ETH Zürich, 2001",
    "age-moea": "Panichella: An adaptive evolutionary algorithm based on non-Euclidean geometry for "
    "many-objective optimization. GECCO 2019",
}
_SOURCES["nsga2-integer"] = _SOURCES["nsga2"]
_SOURCES["memetic"] = _SOURCES["nsga2"] + "; " + _SOURCES["pls"]
_SURROGATE_START = (
    "Demir, Traoré, Camero: Leveraging performance-based metadata for designing multi-objective NAS "
    "strategies for efficient models in Earth Observation. ESANN 2024"
)
_ALWAYS = (
    "Cells and their numbers: Ying, Klein, Christiansen, Real, Murphy, Hutter: NAS-Bench-101: Towards "
    "reproducible neural architecture search. ICML 2019",
    "Optimization: Blank, Deb: pymoo: Multi-objective optimization in Python. IEEE Access 8, 2020",
    "Hypervolume: Zitzler, Thiele: Multiobjective optimization using evolutionary algorithms. PPSN 1998",
    'Knee: Das: On characterizing the "knee" of the Pareto curve based on normal-boundary intersection. '
    "Structural Optimization 18, 1999",
)
_COMPARED = (
    "IGD+: Ishibuchi, Masuda, Tanigaki, Nojima: Modified distance calculation in generational distance and "
    "inverted generational distance. EMO 2015",
    "Tests and ranks: Mann, Whitney 1947; Holm 1979; Vargha, Delaney 2000; Demšar: Statistical comparisons "
    "of classifiers over multiple data sets. JMLR 7, 2006",
    "Attainment surfaces: Grunert da Fonseca, Fonseca, Hall: Inferential performance assessment of "
    "stochastic optimisers and the attainment function. EMO 2001",
)


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
    found = [f"Data of {p.name}: {p.citation}" for p in problems if p.citation]
    listed = list(runs)
    for run in listed:
        if run.algorithm in _SOURCES:
            found.append(f"{ALGORITHMS[run.algorithm].title}: {_SOURCES[run.algorithm]}")
        if run.settings.get("init") == "surrogate-pareto":
            found.append(f"Surrogate starts: {_SURROGATE_START}")
    return list(dict.fromkeys([*found, *_ALWAYS, *(_COMPARED if study else ())]))


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
