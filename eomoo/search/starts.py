"""Cells that a search begins from, given in any form: one check for all searches, and a sampling of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pymoo.core.individual import Individual
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.result import Result
from pymoo.core.sampling import Sampling

from eomoo.arrays import Bools, Ints
from eomoo.checks import short
from eomoo.errors import SettingError
from eomoo.space import Cell, load_space
from eomoo.space.cell import N_GENES
from eomoo.space.tables import HIGHEST_GENES

Starts: TypeAlias = Sampling | Population | Individual | Result | Cell | NDArray[Any] | Sequence[Any]
"""Where first cells come from: a ``Sampling`` of pymoo, or cells as ``CellSampling`` takes them."""


class CellSampling(Sampling):
    """Given cells, for the ``sampling`` of any algorithm of pymoo or eomoo.

    Called with ``n_samples``, it gives all of them, however many that are.

    Args:
        cells: Genotypes (n, 26) or one of (26,); indices (n,) or one; a ``Cell`` or several; a Population, Individual
            or Result of pymoo, whose genotypes are taken. A list may mix them. A cell that is given twice is kept once.

    Raises:
        SettingError: (a ValueError) No cell at all, or a row that is none; the text names it. What is no cell
            of the problem is refused when the search begins.

    Example:
        ``NSGA2(pop_size=50, **cell_operators(sampling=[100434, 7]))``
    """

    def __init__(self, cells: Starts) -> None:
        super().__init__()
        self.genotypes = check_starts(cells)

    def _do(self, problem: Problem, n_samples: int, **kwargs: object) -> Ints:
        return check_starts(self.genotypes, domain=getattr(problem, "domain", None))


def as_sampling(given: Starts) -> Sampling:
    """The sampling itself, or one of the cells given."""
    return given if isinstance(given, Sampling) else CellSampling(given)


def check_starts(given: Any, *, domain: Bools | None = None) -> Ints:
    """Genotypes (n, 26) of the distinct cells given (see ``CellSampling``), in their order.

    Args:
        domain: (423624,) bool, the cells of the problem; None for all of them.
    """
    rows = _rows(given)
    if len(rows) == 0:
        raise SettingError("sampling holds no cell to start from")
    genes = np.stack([_genotype(row, k) for k, row in enumerate(rows)])
    index: Ints = load_space().index(genes)
    for k in np.flatnonzero(index < 0)[:1]:
        why = "input and output not connected, or more than 9 edges"
        raise SettingError(f"row {k} of sampling is no cell: {why}; got {genes[k].tolist()}")
    if domain is not None:
        for k in np.flatnonzero(~domain[index])[:1]:
            raise SettingError(f"row {k} of sampling, cell {index[k]}, has no values in this problem")
    return genes[first_places(index)]


def first_places(cells: Ints) -> Ints:
    """Positions of each cell's first appearance, in order."""
    return np.sort(np.unique(cells, return_index=True)[1])


def in_order(cells: Ints) -> Ints:
    """The distinct cells, in the order of their first appearance."""
    return cells[first_places(cells)]


def _rows(given: Any) -> Sequence[Any]:
    """The rows of what is given: genotypes, indices or cells."""
    if isinstance(given, Result):
        given = given.X if given.X is not None else []
    if isinstance(given, Population):
        return [individual.X for individual in given]
    if isinstance(given, Individual | Cell | str) or not hasattr(given, "__iter__"):
        return [given]
    if isinstance(given, np.ndarray) and given.ndim == 0:
        return [given.item()]
    rows = list(given)
    return [rows] if len(rows) == N_GENES and _is_small(rows) else rows


def _is_small(rows: list[Any]) -> bool:
    """Whether 26 rows are the genes of one genotype: so small, they would be no 26 different indices."""
    return all(isinstance(row, int | float | np.number) and row < N_GENES - 1 for row in rows)


def _genotype(row: Any, k: int) -> Ints:
    """The genotype (26,) of a row."""
    space = load_space()
    if isinstance(row, Individual):
        row = row.X
    if isinstance(row, Cell):
        return space.genotype(space.index(row))
    try:
        values = np.asarray(row, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if isinstance(row, bool | str) or not (values == np.floor(values)).all():
        raise SettingError(
            f"row {k} of sampling is neither a genotype of {N_GENES} whole numbers, an index nor a Cell; "
            f"got {short(row)}"
        )
    if values.ndim == 0:
        if not 0 <= values < len(space):
            raise SettingError(f"row {k} of sampling must be an index from 0 to {len(space) - 1:,}; got {short(row)}")
        return space.genotype(int(values))
    if values.shape != (N_GENES,):
        raise SettingError(f"row {k} of sampling must have {N_GENES} genes; it has shape {values.shape}")
    outside = np.flatnonzero((values < 0) | (values > HIGHEST_GENES))
    if len(outside):
        gene = outside[0]
        raise SettingError(
            f"row {k} of sampling: gene {gene} must be from 0 to {HIGHEST_GENES[gene]}; got {values[gene]:g}"
        )
    return values.astype(np.int64)
