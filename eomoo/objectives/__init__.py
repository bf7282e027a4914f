"""Objectives: cell indices (n,) -> raw values (n, m), from named backends.

- ``base``: ``Backend``, what every backend offers, and ``Quantity``.
- ``card``: problem cards, the TOML files that name a problem.
- ``backends``: from a card's sources to backends.
- ``analytic``: exact parameters and MACs.
- ``surrogate``: XGBoost models of the EO HW-NAS table.
- ``table``: measured values, the EO table's or those of any file.
- ``nasbench101``: the CIFAR-10 results of every cell, with the noise of their runs.
- ``model_card``: the card that is written beside models.
- ``live``: training and timing on this device; ``live_quantities``: what of them.

A card that says what cannot be is a CardError (a ValueError), which names the key. Of the files behind a backend
one that is missing is a DataNotFoundError (a FileNotFoundError), one that is damaged a DataError (a ValueError).
"""

from eomoo.data.eo_table import EO_QUANTITIES
from eomoo.fronts import Quantity
from eomoo.objectives.analytic import AnalyticBackend
from eomoo.objectives.backends import BACKENDS, BackendKind, build_backends
from eomoo.objectives.base import Backend
from eomoo.objectives.card import Card, CardObjective, Constraint, list_problems, load_card, parse_constraint
from eomoo.objectives.live import OWN_IMAGES, LiveBackend, with_images
from eomoo.objectives.live_quantities import LIVE_QUANTITIES
from eomoo.objectives.model_card import write_card
from eomoo.objectives.nasbench101 import NB101_QUANTITIES, NASBench101Backend
from eomoo.objectives.surrogate import SurrogateBackend
from eomoo.objectives.table import TableBackend

__all__ = [
    "BACKENDS", "EO_QUANTITIES", "LIVE_QUANTITIES", "NB101_QUANTITIES", "OWN_IMAGES", "AnalyticBackend", "Backend",
    "BackendKind", "Card", "CardObjective", "Constraint", "LiveBackend", "NASBench101Backend", "Quantity",
    "SurrogateBackend", "TableBackend", "build_backends", "list_problems", "load_card",
    "parse_constraint", "with_images", "write_card",
]  # fmt: skip
