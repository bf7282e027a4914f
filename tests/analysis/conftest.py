"""A problem on all cells of at most 5 vertices, small enough for slow and obvious twins."""

import hashlib

import numpy as np
import pytest

import eomoo
from eomoo.search.problem import CellProblem


def write_card(folder, cells, columns):
    """A card on a table of cells; each column is minimised."""
    space = eomoo.load_space()
    lines = ["hash," + ",".join(columns)]
    for k, text in enumerate(space.hash(cells)):
        lines.append(",".join([text, *(repr(float(values[k])) for values in columns.values())]))
    (folder / "values.csv").write_text("\n".join(lines) + "\n")
    card = ['title = "All cells of at most 5 vertices"', "", "[backend.table]", 'file = "values.csv"']
    for name in columns:
        card += [
            "",
            "[[objectives]]",
            f'name = "{name}"',
            'unit = ""',
            'direction = "min"',
            'source = "table"',
        ]
    path = folder / "small.toml"
    path.write_text("\n".join(card) + "\n")
    return path


def values_of(space, cells):
    """Two conflicting objectives with ties, and parameters."""
    noise = [int(hashlib.md5(b"%d" % c).hexdigest()[:6], 16) / 16**6 for c in cells.tolist()]
    ops = (space.padded_ops(cells) == 0).sum(axis=1)
    error = np.round(6.0 - ops - 0.4 * space.n_edges[cells] + np.array(noise), 1)
    params = space.params(cells).astype(float)
    return {"error": error, "latency": np.round(np.log(params) + 0.2 * ops, 2), "params": params}


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
