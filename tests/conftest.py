"""Fixtures that several folders of tests share."""

import os
import signal
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import synthetic
from landscape_cards import values_of, write_card

import eomoo
from eomoo.data import find
from eomoo.errors import DataNotFoundError
from eomoo.search import uncertainty
from eomoo.search.problem import CellProblem
from eomoo.space import Catalogue

# The suite is of every machine alike, bit for bit, which a GPU's additions in any order are not; benchmarks/gpu.py
# checks a GPU.
os.environ["CUDA_VISIBLE_DEVICES"] = ""

# A shell that starts the suite in the background has it ignore Ctrl-C, and so its children, which are to be
# interrupted by some tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def eo_folder() -> Path:
    """The folder with the six files of the EO HW-NAS table, as published."""
    given = os.environ.get("EOMOO_DATA")
    if not given:
        pytest.skip("needs the EO HW-NAS table: set EOMOO_DATA to the folder that holds eo-hwnas")
    try:
        return find("eo-hwnas", given)
    except DataNotFoundError as error:
        pytest.skip(f"needs the EO HW-NAS table: {error}")


@pytest.fixture(scope="session")
def space() -> Catalogue:
    """All cells."""
    return eomoo.load_space()


@pytest.fixture(scope="session")
def card(tmp_path_factory):
    """Write a card of the synthetic backend (see ``synthetic.card_text``) and return its path."""
    synthetic.register()
    folder = tmp_path_factory.mktemp("cards")
    numbers = count()

    def write(*names, stem=None, text=None, **options) -> Path:
        path = folder / f"{stem or f'card{next(numbers)}'}.toml"
        path.write_text(text if text is not None else synthetic.card_text(*names, **options))
        return path

    return write


@pytest.fixture(scope="session")
def pose(card):
    """The problem of a card of the synthetic backend; keywords beyond the card's go to it."""

    def build(*names, noise=None, constraints=(), **options):
        return eomoo.get_problem(card(*names, **options), noise=noise, constraints=constraints)

    return build


@pytest.fixture(scope="module")
def few_hopeful():
    """Few cells that could be on the true front: to draw the thousands of a new problem takes half a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uncertainty, "_HOPE", 0.2)
        yield


@pytest.fixture(scope="session")
def small_cells(space):
    """All cells of at most 5 vertices, few enough for slow and obvious twins."""
    return np.flatnonzero(space.n_vertices <= 5)


@pytest.fixture(scope="session")
def small_problem(space, small_cells, tmp_path_factory) -> CellProblem:
    columns = values_of(space, small_cells)
    del columns["params"]
    return eomoo.get_problem(write_card(tmp_path_factory.mktemp("small"), small_cells, columns))


@pytest.fixture(scope="session")
def small_card_of_three(space, small_cells, tmp_path_factory):
    return write_card(tmp_path_factory.mktemp("three"), small_cells, values_of(space, small_cells))
