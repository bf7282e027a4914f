"""eomoo: networks for satellite images that are accurate, fast and small at once.

A multi-objective optimization toolkit on pymoo. Every public name is listed in ``__all__``; it is
imported when it is first used, so that ``import eomoo`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eomoo.errors import EomooError

if TYPE_CHECKING:
    from eomoo.space import CIFAR10, SO2SAT, Catalogue, Cell, Neighborhood, Skeleton, load_space

__version__ = "0.1.0"

_HOME = {
    "CIFAR10": "eomoo.space",
    "SO2SAT": "eomoo.space",
    "Catalogue": "eomoo.space",
    "Cell": "eomoo.space",
    "Neighborhood": "eomoo.space",
    "Skeleton": "eomoo.space",
    "load_space": "eomoo.space",
}

__all__ = [
    "CIFAR10",
    "SO2SAT",
    "Catalogue",
    "Cell",
    "EomooError",
    "Neighborhood",
    "Skeleton",
    "load_space",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'eomoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
