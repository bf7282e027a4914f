"""A problem on all cells of at most 5 vertices, small enough for slow and obvious twins."""

import numpy as np
import pytest
from landscape_cards import values_of, write_card

import eomoo
from eomoo.search.problem import CellProblem


@pytest.fixture(scope="session")
def small_cells(space):
    return np.flatnonzero(space.n_vertices <= 5)


@pytest.fixture(scope="session")
def small_problem(space, small_cells, tmp_path_factory) -> CellProblem:
    columns = values_of(space, small_cells)
    del columns["params"]
    return eomoo.get_problem(write_card(tmp_path_factory.mktemp("small"), small_cells, columns))


@pytest.fixture(scope="session")
def small_card_of_three(space, small_cells, tmp_path_factory):
    return write_card(tmp_path_factory.mktemp("three"), small_cells, values_of(space, small_cells))
