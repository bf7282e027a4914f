"""What a study is: problems x algorithms x seeds, from a file or from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eomoo.checks import positive, short, whole
from eomoo.errors import CardError, EomooError, UnknownNameError
from eomoo.files import read_toml
from eomoo.search.algorithms import AlgorithmSpec

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
        probes: What is asked of every run beside its trace (see ``study.probes``): short names, or import
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
        labels = [spec.label for spec, _ in self.algorithms]
        for what, names in (("label", labels), ("seed", list(self.seeds)), ("problem", list(self.problems)),
                            ("probe", [probe_name(probe) for probe in self.probes])):  # fmt: skip
            if len(set(names)) < len(names):
                raise CardError(f"a study names a {what} twice: {_twice(names)}")

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
    def content(self) -> dict[str, Any]:
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


def parse_study(content: Mapping[str, Any], *, folder: Path | None = None) -> Study:
    """A study from the content of a study file.

    Args:
        content: ``problems``, ``algorithms`` and the optional keys of a study file.
        folder: What paths of cards are relative to; by default the working folder.

    Raises:
        CardError: (a ValueError) The content says something that it cannot; the text names the key.
    """
    _known(content, _KEYS | {_OLD_PROBE}, "the study")
    rows = content.get("algorithms", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CardError("algorithms are written as [[algorithms]] tables")
    names = content.get("problems", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CardError("problems must be a list of card names or paths")
    noise, limits = content.get("noise"), content.get("constraints", [])
    if noise is not None and (isinstance(noise, bool) or not isinstance(noise, int)):
        raise CardError(f"noise is a seed, a whole number; got {noise!r}")
    if not isinstance(limits, list) or not all(isinstance(text, str) for text in limits):
        raise CardError("constraints must be a list of texts such as 'latency<=10'")
    budget = positive("budget", content.get("budget", 1000))
    common = ProblemSpec(card="", noise=noise, constraints=tuple(limits))
    return Study(
        title=str(content.get("title", "")),
        problems=tuple(_problem(name, folder or Path(), common) for name in names),
        algorithms=tuple(_algorithm(row, budget) for row in rows),
        seeds=_seeds(content.get("seeds", 10)),
        probes=_probes(content),
    )


def _probes(content: Mapping[str, Any]) -> tuple[str, ...]:
    probes, old = content.get("probes", []), content.get(_OLD_PROBE, False)
    if not isinstance(probes, list) or not all(isinstance(probe, str) and probe_name(probe) for probe in probes):
        raise CardError(f"probes must be a list of names such as 'mymodule:function'; got {probes!r}")
    if "surrogate" in map(probe_name, probes):
        raise CardError("a probe cannot be called surrogate: what a surrogate start says is stored by that name")
    if not isinstance(old, bool):
        raise CardError(f"{_OLD_PROBE} must be true or false; got {old!r}")
    return (*probes, _OLD_PROBE) if old else tuple(probes)


def _problem(card: str, folder: Path, common: ProblemSpec) -> ProblemSpec:
    # A path names the same card wherever the study is gone on with.
    return replace(common, card=str((folder / card).resolve()) if card.endswith(".toml") else card)


def _algorithm(row: Mapping[str, Any], budget: int) -> tuple[AlgorithmSpec, int]:
    _known(row, _ALGORITHM_KEYS, "an [[algorithms]] table")
    name = row.get("algorithm")
    if not isinstance(name, str):
        raise CardError("an [[algorithms]] table needs a key algorithm")
    options = row.get("options", {})
    if not isinstance(options, dict):
        raise CardError(f"options of {name} must be a table")
    spec = AlgorithmSpec(label=str(row.get("label", name)), algorithm=name, options=options)
    return spec, positive("budget", row.get("budget", budget))


# More than any statistic needs; of each seed there is a task in memory.
_MOST_SEEDS = 10_000
# What the store's column of seeds holds.
_LARGEST_SEED = 2**63 - 1


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return tuple(range(1, whole("seeds", value, most=_MOST_SEEDS, error=CardError) + 1))
    good = isinstance(value, list) and all(
        isinstance(s, int) and not isinstance(s, bool) and 0 <= s <= _LARGEST_SEED for s in value
    )
    if not good:
        raise CardError(f"seeds must be a number of seeds or a list of whole numbers; got {short(value)}")
    return tuple(value)


def _known(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise CardError(f"unknown key {key!r} in {where}; known are {', '.join(sorted(known))}")


def _twice(names: Sequence[Any]) -> Any:
    return next(name for name in names if names.count(name) > 1)
