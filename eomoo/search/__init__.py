"""The pymoo side: cells as a problem, operators, starts, searches, and runs of them by name.

- ``problem``: a card's objectives over the cells, minimised.
- ``starts``: given cells in any form.
- ``operators``, ``walks``: sampling, crossover, mutation, duplicates, mating on few cells too; random walks.
- ``surrogate_start``: starts from a predicted front.
- ``cell_search``, ``trace``: what searches share, and random search. ``pls``, with ``strategies``: Pareto Local Search.
- ``surrogate_pls``: guided by a model, with ``candidates`` and ``acquisition``.
- ``cost_aware``: for trainings that are dear, with ``costs`` (what is known beforehand), ``timed`` (on a device),
  ``dear`` (by ``rungs``, short trainings, and ``priors``), ``pool`` and ``gains`` of candidates, and
  ``trainings`` under way.
- ``memetic``: NSGA-II before it.
- ``algorithms``: all by name. ``budget``: distinct cells; ``hours``: wall hours. ``run``: one run.
- ``uncertainty``: what can be said of a front, by joint draws of all cells that could matter. ``suggest``: what to
  measure next.
"""

from eomoo.search.acquisition import expected_improvement
from eomoo.search.algorithms import (
    ALGORITHMS,
    DEFAULT_ALGORITHM,
    AlgorithmSpec,
    default_algorithm,
    default_name,
    make_algorithm,
)
from eomoo.search.budget import BudgetedEvaluator, DistinctCells
from eomoo.search.cell_search import RandomSearch
from eomoo.search.cost_aware import CostAwareSearch
from eomoo.search.costs import Costs
from eomoo.search.hours import Hours
from eomoo.search.memetic import MemeticSearch
from eomoo.search.operators import (
    CellCrossover,
    CellDuplicateElimination,
    NeighborMutation,
    RandomCellSampling,
    cell_operators,
)
from eomoo.search.pls import PLS
from eomoo.search.priors import Prior, open_priors, prior_of_measured
from eomoo.search.problem import CellProblem, get_problem
from eomoo.search.run import Progress, RunResult, run_algorithm
from eomoo.search.starts import CellSampling
from eomoo.search.strategies import Restart, Selection
from eomoo.search.suggest import Suggestion, suggest_cells
from eomoo.search.surrogate_pls import SurrogatePLS
from eomoo.search.surrogate_start import SurrogateParetoSampling
from eomoo.search.trace import Trace
from eomoo.search.uncertainty import front_uncertainty
from eomoo.search.walks import WalkSampling, distinct_walks, random_walks

__all__ = [
    "ALGORITHMS", "DEFAULT_ALGORITHM", "PLS", "AlgorithmSpec", "BudgetedEvaluator", "CellCrossover",
    "CellDuplicateElimination", "CellProblem", "CellSampling", "CostAwareSearch", "Costs", "DistinctCells",
    "Hours", "MemeticSearch", "NeighborMutation", "Prior", "Progress", "RandomCellSampling", "RandomSearch", "Restart",
    "RunResult", "Selection", "Suggestion", "SurrogatePLS", "SurrogateParetoSampling", "Trace", "WalkSampling",
    "cell_operators", "default_algorithm", "default_name", "distinct_walks", "expected_improvement",
    "front_uncertainty", "get_problem", "make_algorithm", "open_priors", "prior_of_measured", "random_walks",
    "run_algorithm", "suggest_cells",
]  # fmt: skip
