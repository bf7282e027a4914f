"""Fixtures that several folders of tests share."""

import os
from pathlib import Path

import pytest

import eomoo
from eomoo.data import find
from eomoo.errors import DataNotFoundError
from eomoo.space import Catalogue


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
