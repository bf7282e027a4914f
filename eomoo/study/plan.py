"""What a study is: problems x algorithms x seeds, from a file or from the command line."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eomoo.arrays import Facts
from eomoo.checks import LARGEST, known_keys, known_name, line, positive, short, text, truth, whole
from eomoo.errors import CardError, EomooError, SettingError, UnknownNameError
from eomoo.files import read_toml
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.study.rows import OWN_FACTS

if TYPE_CHECKING:
    from eomoo.search.problem import CellProblem
    from eomoo.search.run import RunResult

_KEYS = {"title", "problems", "algorithms", "budget", "seeds", "noise", "constraints", "probes"}
# Of 0.1.0, which knew this one probe.
_OLD_PROBE = "as_published"
_ALGORITHM_KEYS = {"label", "algorithm", "budget", "options"}


@dataclass(frozen=True, kw_only=True)
class ProblemSpec:
    """A problem by its card, with a noise seed and limits; small enough to send to a worker."""

    card: str
    noise: int | None = None
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run of a study."""

    problem: ProblemSpec
    spec: AlgorithmSpec
    budget: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Study:
    """Problems x algorithms x seeds.

    Attributes:
        title: A few words.
        problems: At least one.
        algorithms: At least one, under distinct labels, each with its budget of distinct cells.
        seeds: At least one.
        probes: What is asked of every run beside its trace (see ``find_probe``): short names, or import
            paths such as "mymodule:function".
    """

    title: str
    problems: tuple[ProblemSpec, ...]
    algorithms: tuple[tuple[AlgorithmSpec, int], ...]
    seeds: tuple[int, ...]
    probes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.problems or not self.algorithms or not self.seeds:
            raise CardError("a study needs at least one problem, one algorithm and one seed")
        named: dict[str, Sequence[object]] = {"label": [spec.label for spec, _ in self.algorithms]}
        named |= {"seed": self.seeds, "problem": self.problems, "probe": list(map(probe_name, self.probes))}
        for what, names in named.items():
            for name, times in Counter(names).items():
                if times > 1:
                    raise CardError(f"a study names a {what} twice: {getattr(name, 'card', name)}")

    @property
    def tasks(self) -> list[Task]:
        """All runs, problem by problem, seed by seed, so that early results compare all algorithms."""
        return [
            Task(problem=problem, spec=spec, budget=budget, seed=seed)
            for problem in self.problems
            for seed in self.seeds
            for spec, budget in self.algorithms
        ]

    @property
    def content(self) -> Facts:
        """The study as a study file says it, for ``parse_study``."""
        first = self.problems[0]
        return {
            "title": self.title,
            "problems": [problem.card for problem in self.problems],
            "noise": first.noise,
            "constraints": list(first.constraints),
            "algorithms": [
                {"label": s.label, "algorithm": s.algorithm, "budget": budget, "options": s.settings}
                for s, budget in self.algorithms
            ],
            "seeds": list(self.seeds),
            "probes": list(self.probes),
        }

    def with_problems(self, cards: Sequence[str]) -> Study:
        """The same study on other problems: names of cards, or paths to some."""
        return replace(self, problems=tuple(_problem(card, Path(), self.problems[0]) for card in cards))


def probe_name(probe: str) -> str:
    """The name under which a probe's numbers are stored: "energy" for "mypackage.probes:energy"."""
    return probe.rpartition(":")[2]


def study_folder() -> Path:
    """Where the shipped study files lie: in the installed package, or in a checkout's benchmarks."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "studies"
    return inside if inside.is_dir() else package.parent / "benchmarks" / "studies"


def list_studies() -> list[str]:
    """Names of the shipped studies, sorted."""
    return sorted(path.stem for path in study_folder().glob("*.toml"))


def load_study(name_or_path: str | Path) -> Study:
    """Read a study file, a shipped one by its name or your own by its path.

    Raises:
        UnknownNameError: (a KeyError) Neither a shipped study nor a file.
        CardError: (a ValueError) The file says something that it cannot; the text names the key.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = study_folder() / f"{name_or_path}.toml"
        if path.parent != study_folder() or not path.is_file():
            raise UnknownNameError(
                f"no study is called {str(name_or_path)!r}; shipped are {', '.join(list_studies())}; "
                "a study of your own is given as a path that ends in .toml"
            )
    try:
        content = read_toml(path, error=CardError)
        return parse_study({"title": path.stem, **content}, folder=path.parent)
    except EomooError as error:
        raise CardError(f"study file {path}: {error}") from None


def parse_study(content: Mapping[str, object], *, folder: str | Path | None = None) -> Study:
    """A study from the content of a study file.

    Args:
        content: ``problems``, ``algorithms`` and the optional keys of a study file.
        folder: What paths of cards are relative to; by default the working folder.

    Raises:
        CardError: (a ValueError) The content says something that it cannot; the text names the key.
    """
    known_keys("the study", content, _KEYS | {_OLD_PROBE}, error=CardError)
    rows = content.get("algorithms", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CardError("algorithms are written as [[algorithms]] tables")
    noise = content.get("noise")
    noise = None if noise is None else whole("noise, a seed,", noise, error=CardError)
    common = ProblemSpec(card="", noise=noise, constraints=_texts(content, "constraints", "texts such as latency<=10"))
    budget = positive("budget", content.get("budget", 1000))
    names = _texts(content, "problems", "card names or paths")
    return Study(
        title=line("title", str(content.get("title", "")), error=CardError),
        problems=tuple(_problem(name, Path(folder or "."), common) for name in names),
        algorithms=tuple(_algorithm(row, budget) for row in rows),
        seeds=_seeds(content.get("seeds", 10)),
        probes=_probes(content),
    )


def _probes(content: Mapping[str, object]) -> tuple[str, ...]:
    probes = _texts(content, "probes", "names such as mymodule:function")
    if not all(map(probe_name, probes)):
        raise CardError(f"probes must be names such as mymodule:function; got {short(probes)}")
    for name in map(probe_name, probes):
        if name in OWN_FACTS:
            raise CardError(f"a probe cannot be called {name}: a run keeps facts of its own by that name; rename it")
    old = truth(_OLD_PROBE, content.get(_OLD_PROBE, False), error=CardError)
    return (*probes, _OLD_PROBE) if old else probes


def _texts(content: Mapping[str, object], key: str, what: str) -> tuple[str, ...]:
    found = content.get(key, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise CardError(f"{key} must be a list of {what}; got {short(found)}")
    return tuple(found)


def _problem(card: str, folder: Path, common: ProblemSpec) -> ProblemSpec:
    # A path names the same card wherever the study is gone on with.
    return replace(common, card=str((folder / card).resolve()) if card.endswith(".toml") else card)


def _algorithm(row: Mapping[str, object], budget: int) -> tuple[AlgorithmSpec, int]:
    known_keys("an [[algorithms]] table", row, _ALGORITHM_KEYS, error=CardError)
    name = text("an [[algorithms]] table: algorithm", row.get("algorithm"), error=CardError)
    options = row.get("options", {})
    if not isinstance(options, dict):
        raise CardError(f"options of {name} must be a table")
    label = line("label", str(row.get("label", name)), error=CardError)
    spec = AlgorithmSpec(label=label, algorithm=name, options=options)
    return spec, positive("budget", row.get("budget", budget))


# More than any statistic needs; of each seed there is a task in memory.
_MOST_SEEDS = 10_000


def _seeds(value: object) -> tuple[int, ...]:
    if isinstance(value, list):
        return tuple(whole("each of seeds", s, least=0, most=LARGEST, error=CardError) for s in value)
    return tuple(range(1, whole("seeds, a number or a list,", value, least=1, most=_MOST_SEEDS, error=CardError) + 1))


Probe = Callable[["CellProblem", "Task", "RunResult"], Mapping[str, float] | None]
"""(problem, task, result) -> numbers by name, or None where it has nothing to say of a run."""

PROBES: dict[str, Probe] = {}
"""Probes by short name, entered by the packages that bring them; all others go by their import path."""


def find_probe(probe: str) -> Probe:
    """The function that a study names: a short name of ``PROBES``, or an import path "module:function".

    A worker process gets it by that path too, so the module must be importable there.

    Raises:
        UnknownNameError: (a KeyError) There is no such name, module or function.
        SettingError: (a ValueError) The module fails when it is imported.
    """
    if ":" not in probe:
        return PROBES[known_name("probe (one of your own is named as mymodule:function)", probe, PROBES)]
    module, _, name = probe.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UnknownNameError(
            f"the probe {short(probe)} is not found: {error}; name it as module:function, and put the "
            "module's folder on PYTHONPATH"
        ) from None
    except Exception as error:
        raise SettingError(f"the module of the probe {short(probe)} fails on import: {error!r}") from error
    if not callable(found):
        raise UnknownNameError(f"the probe {short(probe)} is no function")
    function: Probe = found
    return function


def ask(name: str, probe: Probe, problem: CellProblem, task: Task, result: RunResult) -> dict[str, float]:
    """A probe's numbers of one run; none where it has nothing to say."""
    try:
        found = probe(problem, task, result)
        return {str(key): float(value) for key, value in (found or {}).items()}
    except Exception as error:
        raise SettingError(
            f"the probe {name} must return numbers by name, or None; on {task.spec.label}, seed {task.seed}, "
            f"of {task.problem.card} it fails: {error!r}"
        ) from error
