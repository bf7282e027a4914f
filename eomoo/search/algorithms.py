"""Algorithms by name, all under equal conditions: for the command line and for studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymoo.core.algorithm import Algorithm

from eomoo.errors import MissingPackageError, SettingError, UnknownNameError
from eomoo.fronts.directions import reference_directions
from eomoo.search.memetic import MemeticSearch
from eomoo.search.operators import CellCrossover, NeighborMutation, cell_operators, check_positive
from eomoo.search.pls import PLS
from eomoo.search.random_search import RandomSearch
from eomoo.search.surrogate_pls import SurrogatePLS

__all__ = [
    "ALGORITHMS",
    "DEFAULT_ALGORITHM",
    "AlgorithmSpec",
    "default_algorithm",
    "make_algorithm",
]

DEFAULT_ALGORITHM = "surrogate-pls"
"""What ``eomoo run`` uses unless told otherwise, with its default settings: what wins the benchmark suite."""

Builder = Callable[[int, dict[str, Any]], Algorithm]

_START = {"init": "random", "n_train": 2000}
_GENETIC = {"pop_size": 50, **_START}


@dataclass(frozen=True, kw_only=True)
class _Entry:
    title: str
    build: Builder
    defaults: Mapping[str, Any]
    constraints: bool = True


@dataclass(frozen=True, kw_only=True)
class AlgorithmSpec:
    """An algorithm with its settings, under a label.

    Attributes:
        label: What tables and figures call it.
        algorithm: Its name among ``ALGORITHMS``.
        options: Settings that differ from its defaults.
    """

    label: str
    algorithm: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entry = _entry(self.algorithm)
        for key in self.options:
            if key not in entry.defaults:
                raise SettingError(
                    f"{self.algorithm} has no option {key!r}; it has {', '.join(entry.defaults) or 'none'}"
                )

    @property
    def settings(self) -> dict[str, Any]:
        """All settings, defaults included."""
        return {**_entry(self.algorithm).defaults, **self.options}

    @property
    def handles_constraints(self) -> bool:
        """Whether the algorithm takes constraints; else it needs ``CellProblem.unconstrained``."""
        return _entry(self.algorithm).constraints

    def build(self, n_obj: int) -> Algorithm:
        """A fresh algorithm for a problem of ``n_obj`` objectives."""
        return _entry(self.algorithm).build(n_obj, self.settings)


def make_algorithm(name: str, n_obj: int, **options: Any) -> Algorithm:
    """A pymoo algorithm by name, such as ``make_algorithm("nsga2", 2, pop_size=100)``."""
    return AlgorithmSpec(label=name, algorithm=name, options=options).build(n_obj)


def default_algorithm() -> Algorithm:
    """A fresh copy of the algorithm that ``eomoo run`` uses, for a problem of any number of objectives."""
    return make_algorithm(DEFAULT_ALGORITHM, 2)


def _entry(name: str) -> _Entry:
    if name not in ALGORITHMS:
        raise UnknownNameError(f"no algorithm is called {name!r}; known are {', '.join(ALGORITHMS)}")
    return ALGORITHMS[name]


def _sampling(settings: Mapping[str, Any]) -> Any:
    from eomoo.search.operators import RandomCellSampling

    if settings["init"] == "random":
        return RandomCellSampling()
    if settings["init"] == "surrogate-pareto":
        from eomoo.search.surrogate_start import SurrogateParetoSampling

        return SurrogateParetoSampling(n_train=check_positive("n_train", settings["n_train"]))
    raise SettingError(f"init must be one of random, surrogate-pareto; got {settings['init']!r}")


def _pls(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    mine = {k: v for k, v in settings.items() if k not in _START}
    return PLS(sampling=_sampling(settings), **mine)


def _surrogate_pls(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    mine = {k: v for k, v in settings.items() if k not in _START}
    return SurrogatePLS(sampling=_sampling(settings), **mine)


def _memetic(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    mine = {k: v for k, v in settings.items() if k not in _START}
    return MemeticSearch(sampling=_sampling(settings), **mine)


def _random(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    return RandomSearch(**settings)


def _operators(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {**cell_operators(), "sampling": _sampling(settings)}


def _genetic(module: str, name: str) -> Builder:
    def build(n_obj: int, settings: dict[str, Any]) -> Algorithm:
        cls = _load(module, name)
        return cls(pop_size=check_positive("pop_size", settings["pop_size"]), **_operators(settings))

    return build


def _nsga3(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    pop_size = check_positive("pop_size", settings["pop_size"])
    cls = _load("nsga3", "NSGA3")
    return cls(ref_dirs=reference_directions(n_obj, pop_size), pop_size=pop_size, **_operators(settings))


def _spea2(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    # pymoo's default survival is one object for all instances, which remembers earlier runs.
    return _load("spea2", "SPEA2")(
        pop_size=check_positive("pop_size", settings["pop_size"]),
        survival=_load("spea2", "SPEA2Survival")(normalize=True),
        **_operators(settings),
    )


def _moead(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    """MOEA/D in the form that proposes a whole generation at once, tens of times as fast."""
    if n_obj == 1:
        raise SettingError("moead divides several objectives among its members; for one objective use nsga2")
    directions = reference_directions(n_obj, check_positive("pop_size", settings["pop_size"]))
    return _load("moead", "ParallelMOEAD")(
        ref_dirs=directions,
        n_neighbors=min(20, len(directions)),
        sampling=_sampling(settings),
        crossover=CellCrossover(prob=1.0),
        mutation=NeighborMutation(),
    )


def _nsga2_integer(n_obj: int, settings: dict[str, Any]) -> Algorithm:
    """NSGA-II with the integer recipe of pymoo's documentation."""
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling

    return _load("nsga2", "NSGA2")(
        pop_size=check_positive("pop_size", settings["pop_size"]),
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )


def _load(module: str, name: str) -> Any:
    from importlib import import_module
    from importlib.util import find_spec

    if module == "age" and find_spec("numba") is None:
        raise MissingPackageError("AGE-MOEA of pymoo needs the package numba: pip install numba")
    return getattr(import_module(f"pymoo.algorithms.moo.{module}"), name)


_PLS_DEFAULTS = {
    "n_starts": 20,
    "batch_size": 60,
    "n_expand": None,
    "neighborhood": "hamming",
    "archive": "shared",
    "selection": "oldest",
    "exploration": "all",
    "restart": "random",
    **_START,
}

_SURROGATE_PLS_DEFAULTS = {
    "n_starts": 20,
    "batch_size": None,
    "neighborhood": "symmetric",
    "acquisition": "expected",
    "n_candidates": 1000,
    "n_train": 500,
    "features": "structural",
    **_START,
}

_MEMETIC_DEFAULTS = {
    "n_genetic": 500,
    "pop_size": 50,
    "n_starts": 100,
    "n_expand": 3,
    "neighborhood": "symmetric",
    "selection": "oldest",
    "restart": "recombination",
    **_START,
}

ALGORITHMS: Mapping[str, _Entry] = {
    "pls": _Entry(title="Pareto Local Search", build=_pls, defaults=_PLS_DEFAULTS),
    "surrogate-pls": _Entry(
        title="model-guided Pareto Local Search", build=_surrogate_pls, defaults=_SURROGATE_PLS_DEFAULTS
    ),
    "memetic": _Entry(title="NSGA-II, then Pareto Local Search", build=_memetic, defaults=_MEMETIC_DEFAULTS),
    "random": _Entry(title="random search", build=_random, defaults={"batch": 100}),
    "nsga2": _Entry(title="NSGA-II", build=_genetic("nsga2", "NSGA2"), defaults=_GENETIC),
    "nsga3": _Entry(title="NSGA-III", build=_nsga3, defaults=_GENETIC),
    "sms-emoa": _Entry(title="SMS-EMOA", build=_genetic("sms", "SMSEMOA"), defaults=_GENETIC),
    "moead": _Entry(title="MOEA/D", build=_moead, defaults=_GENETIC, constraints=False),
    "spea2": _Entry(title="SPEA2", build=_spea2, defaults=_GENETIC),
    "age-moea": _Entry(title="AGE-MOEA", build=_genetic("age", "AGEMOEA"), defaults=_GENETIC),
    "nsga2-integer": _Entry(
        title="NSGA-II with pymoo's integer operators", build=_nsga2_integer, defaults={"pop_size": 50}
    ),
}
