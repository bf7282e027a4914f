"""A small measured problem, quick to pose in any process."""

import numpy as np
import pandas as pd
import pytest

from eomoo.study.plan import parse_study

CARD = """
title = "a small table"
reference_point = [60.0, 3e7]

[[objectives]]
name = "error"
unit = "%"
direction = "min"
source = "table"

[[objectives]]
name = "size"
unit = "parameters"
direction = "min"
source = "table"

[backend.table]
file = "table.csv"
"""


@pytest.fixture(scope="session")
def small_card(tmp_path_factory, space):
    """A card of some hundred cells, each a step from another one, with values by formula."""
    folder = tmp_path_factory.mktemp("small")
    cells = np.array([300_000])
    for _ in range(3):
        cells = np.unique(np.concatenate((cells, space.neighbor_lists(cells)[1])))[:600]
    size = space.params(cells)
    error = 50.0 - 2.0 * np.log(size) - space.n_edges[cells] + 3.0 * np.sin(cells)
    pd.DataFrame({"hash": space.hash(cells), "error": error, "size": size}).to_csv(folder / "table.csv", index=False)
    (folder / "small.toml").write_text(CARD)
    return folder / "small.toml"


@pytest.fixture
def small_study(small_card):
    """Make a study of the small card; keywords are keys of a study file."""

    def make(**content):
        base = {
            "title": "small",
            "problems": [str(small_card)],
            "algorithms": [{"algorithm": "pls"}, {"algorithm": "random"}],
            "budget": 60,
            "seeds": 3,
        }
        return parse_study({**base, **content})

    return make
