"""Algorithms by name, all under equal conditions: for the command line and for studies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from operator import methodcaller
from typing import Any

from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.core.algorithm import Algorithm
from pymoo.core.sampling import Sampling
from pymoo.operators.selection.tournament import TournamentSelection

from eomoo.arrays import Facts
from eomoo.checks import by_name, choice, known_keys, known_name, positive, short
from eomoo.errors import MissingPackageError, SettingError
from eomoo.fronts import reference_directions
from eomoo.objectives import Card
from eomoo.search.cell_search import RandomSearch
from eomoo.search.cost_aware import CostAwareSearch
from eomoo.search.memetic import MemeticSearch
from eomoo.search.operators import (
    CellCrossover,
    CellMating,
    NeighborMutation,
    RandomCellSampling,
    cell_operators,
    less_violating,
)
from eomoo.search.pls import PLS
from eomoo.search.surrogate_pls import SurrogatePLS
from eomoo.search.surrogate_start import SurrogateParetoSampling, fit_as_published
from eomoo.search.walks import WalkSampling

DEFAULT_ALGORITHM = "surrogate-pls"
"""What ``eomoo run`` uses unless told otherwise, with its default settings: what wins the benchmark suite."""
LIVE_ALGORITHM = "cost-aware"
"""What it uses where values need trainings (see benchmarks/live_search.py)."""

# Where the first cells come from, by name: ``n_train`` -> sampling.
_INITS: dict[str, Callable[[int], Sampling]] = {
    "random": lambda n_train: RandomCellSampling(),
    "walks": lambda n_train: WalkSampling(),
    "surrogate-pareto": SurrogateParetoSampling,
    "surrogate-pareto-as-published": partial(SurrogateParetoSampling, model=fit_as_published, features="17x17"),
}
# What a study file cannot hold.
_NOT_SETTINGS = {"sampling", "n_obj", "model"}
# What has starts of its own, of which ``sampling`` would be other ones.
_OWN_STARTS = (RandomSearch, CostAwareSearch)
_OPTIONS = {"priors": "--prior"}
_RENAMED: dict[tuple[object, str], str] = {("random", "batch"): "batch_size"}


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """An algorithm: what makes it, and every setting with its default.

    ``make`` takes the settings as keywords, and ``n_obj`` and ``sampling`` where it has such.
    """

    title: str
    make: Callable[..., Algorithm]
    defaults: Mapping[str, object]
    constraints: bool = True


def _entry(title: str, make: Callable[..., Algorithm], *, constraints: bool = True, **changed: Any) -> _Entry:
    """An entry whose settings are the keywords of ``make``; their defaults too, but for those changed."""
    keywords = [p for p in signature(make).parameters.values() if p.kind is p.KEYWORD_ONLY]
    defaults = {p.name: p.default for p in keywords if p.name not in _NOT_SETTINGS}
    if make not in _OWN_STARTS and any(p.name == "sampling" for p in keywords):
        n_train = signature(SurrogateParetoSampling).parameters["n_train"].default
        changed = {**changed, "init": "random", "n_train": n_train}
    return _Entry(title=title, make=make, defaults={**defaults, **changed}, constraints=constraints)


@dataclass(frozen=True, kw_only=True)
class AlgorithmSpec:
    """An algorithm with its settings, under a label.

    Attributes:
        label: What tables and figures call it.
        algorithm: Its name among ``ALGORITHMS``.
        options: Settings that differ from its defaults.

    Raises:
        UnknownNameError: (a KeyError) No such algorithm.
        SettingError: (a ValueError) A setting that it does not have, or that has no say beside the others.
    """

    label: str
    algorithm: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known_name("algorithm", self.algorithm, ALGORITHMS)
        given = by_name(f"options of {self.algorithm}", self.options)
        options = {_RENAMED.get((self.algorithm, key), key): value for key, value in given.items()}
        try:
            options = json.loads(json.dumps(options, default=methodcaller("tolist")))
        except (TypeError, ValueError, AttributeError):
            raise SettingError(
                f"options of {self.algorithm} are numbers, texts and lists, as in a file; got {short(options)}; an "
                "algorithm with others is run by pymoo's minimize"
            ) from None
        object.__setattr__(self, "options", options)
        defaults = self._entry.defaults
        known_keys(f"options of {self.algorithm}", options, defaults)
        for key, why in _without_say({**defaults, **options}).items():
            # The default itself is what the settings of 0.1.0 held; it says nothing.
            if options.get(key, defaults[key]) != defaults[key]:
                raise SettingError(f"{self.algorithm}: {key} has no say where {why}; leave it out")

    @property
    def settings(self) -> Facts:
        """All settings that have a say, defaults included: given back as options, they make the same run."""
        settings = {**self._entry.defaults, **self.options}
        without = _without_say(settings)
        # As a file has them: JSON knows no tuples.
        return {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items() if k not in without}

    @property
    def handles_constraints(self) -> bool:
        """Whether the algorithm takes constraints; else it needs ``CellProblem.unconstrained``."""
        return self._entry.constraints

    @property
    def _entry(self) -> _Entry:
        return ALGORITHMS[self.algorithm]

    def build(self, n_obj: int) -> Algorithm:
        """A fresh algorithm for a problem of ``n_obj`` objectives.

        Raises:
            SettingError: (a ValueError) A setting of a wrong kind or out of its range.
        """
        settings = self.settings
        keywords = signature(self._entry.make).parameters
        if "init" in settings:
            init = choice("init", settings.pop("init"), tuple(_INITS))
            settings["sampling"] = _INITS[init](settings.pop("n_train", 0))
        if "n_obj" in keywords:
            settings["n_obj"] = n_obj
        return self._entry.make(**settings)


def make_algorithm(name: str, n_obj: int, **options: Any) -> Algorithm:
    """A pymoo algorithm by name, such as ``make_algorithm("nsga2", 2, pop_size=100)``."""
    return AlgorithmSpec(label=name, algorithm=name, options=options).build(n_obj)


def default_name(card: Card) -> str:
    """The name of the algorithm that ``eomoo run`` uses on a card, unless told otherwise."""
    return LIVE_ALGORITHM if card.live else DEFAULT_ALGORITHM


def default_algorithm() -> Algorithm:
    """A fresh copy of the algorithm that ``eomoo run`` uses, for a problem of any number of objectives.

    Examples:
        >>> type(eomoo.default_algorithm()).__name__
        'SurrogatePLS'
    """
    return make_algorithm(DEFAULT_ALGORITHM, 2)


def check_asked(algorithm: str, asked: Mapping[str, object]) -> None:
    """SettingError (a ValueError) where an algorithm lacks a setting that an option of ``eomoo run`` stands for."""
    for setting in asked if algorithm in ALGORITHMS else ():
        takers = [name for name, entry in ALGORITHMS.items() if setting in entry.defaults]
        if algorithm not in takers:
            option = _OPTIONS.get(setting, f"--{setting.replace('_', '-')}")
            raise SettingError(f"{algorithm} has no use for {option}, which is for {', '.join(takers)}; leave it out")


def same_settings(stored: Mapping[str, object], spec: AlgorithmSpec) -> bool:
    """Whether a stored run's settings are a spec's: 0.1.0 kept some by other names, and some without a say."""
    named = {_RENAMED.get((stored.get("algorithm"), key), key): value for key, value in stored.items()}
    said = {key: value for key, value in named.items() if key not in _without_say(named)}
    return said == {"algorithm": spec.algorithm, **spec.settings}


def _without_say(settings: Mapping[str, object]) -> dict[str, str]:
    """The settings that change nothing beside the others, with the reason."""
    found = {}
    if settings.get("init") in ("random", "walks"):
        found["n_train"] = f'init = "{settings["init"]}", which trains nothing'
    if settings.get("n_expand") is not None and "batch_size" in settings:
        found["batch_size"] = "n_expand is given, which makes batches of whatever size"
    return found


# -- genetic algorithms --------------------------------------------------------------------------

_POP_SIZE = 50  # the best of NSGA-II's at 500 cells (see benchmarks/suite.md); 200 is better from 5,000 on


def _genetic(module: str, name: str, **parts: Callable[[], object]) -> Callable[..., Algorithm]:
    def make(*, sampling: Sampling, pop_size: int = _POP_SIZE) -> Algorithm:
        arguments = {**cell_operators(sampling=sampling), **{key: part() for key, part in parts.items()}}
        return _mating_cells(_load(module, name)(pop_size=positive("pop_size", pop_size), **arguments))

    return make


def _nsga3(*, n_obj: int, sampling: Sampling, pop_size: int = _POP_SIZE) -> Algorithm:
    size = positive("pop_size", pop_size)
    directions = reference_directions(n_obj, size)
    operators = cell_operators(sampling=sampling)
    operators["selection"] = TournamentSelection(func_comp=less_violating)
    return _mating_cells(_load("nsga3", "NSGA3")(ref_dirs=directions, pop_size=size, **operators))


def _moead(*, n_obj: int, sampling: Sampling, pop_size: int = _POP_SIZE) -> Algorithm:
    """MOEA/D in the form that proposes a whole generation at once, tens of times as fast."""
    if n_obj == 1:
        raise SettingError("moead divides several objectives among its members; for one objective use nsga2")
    directions = reference_directions(n_obj, positive("pop_size", pop_size))
    operators = {"sampling": sampling, "crossover": CellCrossover(prob=1.0), "mutation": NeighborMutation()}
    near = min(20, len(directions))  # 20 is pymoo's, and that of Zhang, Li, 2007
    return _mating_cells(_load("moead", "ParallelMOEAD")(ref_dirs=directions, n_neighbors=near, **operators))


def _nsga2_integer(*, pop_size: int = _POP_SIZE) -> Algorithm:
    """NSGA-II with the integer recipe of pymoo's documentation, which knows genotypes, not cells."""
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling

    return _load("nsga2", "NSGA2")(
        pop_size=positive("pop_size", pop_size),
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )


def _mating_cells(algorithm: GeneticAlgorithm) -> GeneticAlgorithm:
    algorithm.mating = CellMating(algorithm.mating, algorithm)
    return algorithm


def _load(module: str, name: str) -> Any:
    from importlib import import_module
    from importlib.util import find_spec

    if module == "age" and find_spec("numba") is None:
        raise MissingPackageError("AGE-MOEA of pymoo needs the package numba: pip install numba")
    return getattr(import_module(f"pymoo.algorithms.moo.{module}"), name)


ALGORITHMS: Mapping[str, _Entry] = {
    # By name a search spends its budget; the class, as published, ends when all is explored.
    "pls": _entry("Pareto Local Search", PLS, restart="random"),
    "surrogate-pls": _entry("model-guided Pareto Local Search", SurrogatePLS),
    "cost-aware": _entry("cost-aware search", CostAwareSearch),
    # The best of some dozen forms on seeds below 1001 of the studies in benchmarks/suite.py.
    "memetic": _entry(
        "NSGA-II, then Pareto Local Search",
        MemeticSearch,
        n_starts=100,
        n_expand=3,
        neighborhood="symmetric",
        selection="oldest",
        restart="recombination",
    ),
    "random": _entry("random search", RandomSearch),
    "nsga2": _entry("NSGA-II", _genetic("nsga2", "NSGA2")),
    "nsga3": _entry("NSGA-III", _nsga3),
    "sms-emoa": _entry("SMS-EMOA", _genetic("sms", "SMSEMOA")),
    "moead": _entry("MOEA/D", _moead, constraints=False),
    # pymoo's default survival is one object for all instances, which remembers earlier runs.
    "spea2": _entry(
        "SPEA2", _genetic("spea2", "SPEA2", survival=lambda: _load("spea2", "SPEA2Survival")(normalize=True))
    ),
    "age-moea": _entry("AGE-MOEA", _genetic("age", "AGEMOEA")),
    "nsga2-integer": _entry("NSGA-II with pymoo's integer operators", _nsga2_integer),
}
