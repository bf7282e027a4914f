"""eomoo: networks for satellite images that are accurate, fast and small at once.

A multi-objective optimization toolkit on pymoo. Every public name is listed in ``__all__``; it is
imported when it is first used, so that ``import eomoo`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eomoo.errors import EomooError
from eomoo.version import __version__

if TYPE_CHECKING:
    from eomoo.api import Run, fit_models, measure, run
    from eomoo.data.nasbench101 import NASBench101Table
    from eomoo.live.network import build_network
    from eomoo.models import load_models
    from eomoo.objectives.card import list_problems
    from eomoo.search.algorithms import default_algorithm
    from eomoo.search.cost_aware import CostAwareSearch
    from eomoo.search.memetic import MemeticSearch
    from eomoo.search.operators import (
        CellCrossover,
        CellDuplicateElimination,
        NeighborMutation,
        RandomCellSampling,
        cell_operators,
    )
    from eomoo.search.pls import PLS
    from eomoo.search.problem import CellProblem, get_problem
    from eomoo.search.surrogate_pls import SurrogatePLS
    from eomoo.search.surrogate_start import SurrogateParetoSampling
    from eomoo.search.uncertainty import front_uncertainty
    from eomoo.search.walks import WalkSampling
    from eomoo.space import CIFAR10, SO2SAT, Catalogue, Cell, Neighborhood, Skeleton, load_space

_HOME = {
    "Run": "eomoo.api",
    "fit_models": "eomoo.api",
    "load_models": "eomoo.models",
    "measure": "eomoo.api",
    "run": "eomoo.api",
    "CIFAR10": "eomoo.space",
    "SO2SAT": "eomoo.space",
    "Catalogue": "eomoo.space",
    "Cell": "eomoo.space",
    "Neighborhood": "eomoo.space",
    "Skeleton": "eomoo.space",
    "load_space": "eomoo.space",
    "CellProblem": "eomoo.search.problem",
    "front_uncertainty": "eomoo.search.uncertainty",
    "get_problem": "eomoo.search.problem",
    "list_problems": "eomoo.objectives.card",
    "PLS": "eomoo.search.pls",
    "MemeticSearch": "eomoo.search.memetic",
    "CostAwareSearch": "eomoo.search.cost_aware",
    "SurrogatePLS": "eomoo.search.surrogate_pls",
    "default_algorithm": "eomoo.search.algorithms",
    "CellCrossover": "eomoo.search.operators",
    "CellDuplicateElimination": "eomoo.search.operators",
    "NeighborMutation": "eomoo.search.operators",
    "RandomCellSampling": "eomoo.search.operators",
    "cell_operators": "eomoo.search.operators",
    "SurrogateParetoSampling": "eomoo.search.surrogate_start",
    "WalkSampling": "eomoo.search.walks",
    "build_network": "eomoo.live.network",
    "NASBench101Table": "eomoo.data.nasbench101",
}

__all__ = [
    "CIFAR10", "PLS", "SO2SAT", "Catalogue", "Cell", "CellCrossover", "CellDuplicateElimination", "CellProblem",
    "CostAwareSearch", "EomooError", "MemeticSearch", "NASBench101Table", "NeighborMutation", "Neighborhood",
    "RandomCellSampling", "Run", "Skeleton", "SurrogatePLS", "SurrogateParetoSampling", "WalkSampling", "__version__",
    "build_network", "cell_operators", "default_algorithm", "fit_models", "front_uncertainty", "get_problem",
    "list_problems", "load_models", "load_space", "measure", "run",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'eomoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
