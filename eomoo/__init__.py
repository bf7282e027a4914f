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
    from eomoo.data import NASBench101Table
    from eomoo.live import build_network
    from eomoo.models import load_models
    from eomoo.objectives import list_problems
    from eomoo.search import (
        PLS,
        CellCrossover,
        CellDuplicateElimination,
        CellProblem,
        CostAwareSearch,
        MemeticSearch,
        NeighborMutation,
        RandomCellSampling,
        SurrogateParetoSampling,
        SurrogatePLS,
        WalkSampling,
        cell_operators,
        default_algorithm,
        front_uncertainty,
        get_problem,
    )
    from eomoo.space import CIFAR10, SO2SAT, Catalogue, Cell, Neighborhood, Skeleton, load_space

_NAMES = {
    "eomoo.api": "Run StudyRun fit_models measure plot_front run run_study",
    "eomoo.data": "NASBench101Table",
    "eomoo.live": "build_network",
    "eomoo.models": "load_models",
    "eomoo.objectives": "list_problems",
    "eomoo.search": "CellCrossover CellDuplicateElimination CellProblem CostAwareSearch MemeticSearch NeighborMutation "
    "PLS RandomCellSampling SurrogatePLS SurrogateParetoSampling WalkSampling cell_operators default_algorithm "
    "front_uncertainty get_problem",
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
