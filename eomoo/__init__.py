"""eomoo: networks for satellite images that are accurate, fast and small at once.

A multi-objective optimization toolkit on pymoo. Every public name is listed in ``__all__``; it is
imported when it is first used, so that ``import eomoo`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eomoo.errors import EomooError
from eomoo.version import __version__

if TYPE_CHECKING:
    from eomoo.api import Run, StudyRun, fit_models, measure, plot_front, run, run_study
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

_NAMES = {
    "eomoo.api": "Run StudyRun fit_models measure plot_front run run_study",
    "eomoo.data.nasbench101": "NASBench101Table",
    "eomoo.live.network": "build_network",
    "eomoo.models": "load_models",
    "eomoo.objectives.card": "list_problems",
    "eomoo.search.algorithms": "default_algorithm",
    "eomoo.search.cost_aware": "CostAwareSearch",
    "eomoo.search.memetic": "MemeticSearch",
    "eomoo.search.operators": "CellCrossover CellDuplicateElimination NeighborMutation RandomCellSampling "
    "cell_operators",
    "eomoo.search.pls": "PLS",
    "eomoo.search.problem": "CellProblem get_problem",
    "eomoo.search.surrogate_pls": "SurrogatePLS",
    "eomoo.search.surrogate_start": "SurrogateParetoSampling",
    "eomoo.search.uncertainty": "front_uncertainty",
    "eomoo.search.walks": "WalkSampling",
    "eomoo.space": "CIFAR10 SO2SAT Catalogue Cell Neighborhood Skeleton load_space",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "CIFAR10", "PLS", "SO2SAT", "Catalogue", "Cell", "CellCrossover", "CellDuplicateElimination", "CellProblem",
    "CostAwareSearch", "EomooError", "MemeticSearch", "NASBench101Table", "NeighborMutation", "Neighborhood",
    "RandomCellSampling", "Run", "Skeleton", "StudyRun", "SurrogatePLS", "SurrogateParetoSampling", "WalkSampling",
    "__version__", "build_network", "cell_operators", "default_algorithm", "fit_models", "front_uncertainty",
    "get_problem", "list_problems", "load_models", "load_space", "measure", "plot_front", "run", "run_study",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'eomoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
