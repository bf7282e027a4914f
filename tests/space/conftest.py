"""The published cells."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="session")
def published(eo_folder):
    """The 450 published rows: id, unique_hash, module_adjacency, module_operations."""
    walks = json.loads((eo_folder / "path_logs.json").read_text())
    rows = [row for walk in walks for row in walk]
    assert len(rows) == 450
    return rows


@pytest.fixture(scope="session")
def sample(space):
    """Cells of every size, up to 40 of each."""
    rng = np.random.default_rng(1)
    parts = []
    for n in range(2, 8):
        cells = np.flatnonzero(space.n_vertices == n)
        parts.append(rng.choice(cells, size=min(40, len(cells)), replace=False))
    return np.concatenate(parts)
