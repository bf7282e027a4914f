"""Every algorithm on every card: it spends its budget, finds all cells there are, or says why it ended."""

import importlib.util

import numpy as np
import pytest
import synthetic
from synthetic import PART, QUANTITIES, all_values, ball

from eomoo.errors import SettingError
from eomoo.objectives import backends
from eomoo.objectives.table import TableBackend
from eomoo.search.algorithms import ALGORITHMS, AlgorithmSpec
from eomoo.search.run import run_algorithm

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs numba")
NAMES = [pytest.param(n, marks=needs_numba) if n == "age-moea" else n for n in ALGORITHMS]
# So that every test is quick: small populations, few fits of a model.
OPTIONS = {
    "pls": {"n_starts": 10},
    "surrogate-pls": {"batch_size": 25, "n_candidates": 100},
    "cost-aware": {"batch_size": 25, "n_candidates": 100, "related": False},
    "memetic": {"pop_size": 20, "n_genetic": 40},
    "random": {},
    "nsga2-integer": {"pop_size": 10},
}


class Table(TableBackend):
    """Cells with values in some unit; one in five has no "holes"."""

    def __init__(self, cells, unit):
        self.failing = cells[cells % 5 == 0]
        columns = {name: unit * all_values()["err" if name == "holes" else name][cells] for name in QUANTITIES}
        # No share is more than the whole.
        columns = {
            name: values for name, values in columns.items() if unit <= 1 or QUANTITIES[name].unit in ("ms", "kB", "")
        }
        super().__init__(cells, columns, {name: QUANTITIES[name] for name in columns})

    def values(self, indices, names):
        found = super().values(indices, names)
        found[np.ix_(np.isin(indices, self.failing), [name == "holes" for name in names])] = np.nan
        return found


TABLES = {
    "scattered-50": (lambda: PART[:50], 1.0),
    "scattered-200": (lambda: PART[:200], 1.0),
    "connected-50": (lambda: ball()[:50], 1.0),
    "connected-100": (lambda: ball()[:100], 1.0),
    "connected-425": (ball, 1.0),
    "tiny": (lambda: np.arange(0, 423_624, 97), 1e-9),
    "huge": (lambda: np.arange(0, 423_624, 97), 1e12),
}
CARDS = {
    "50 cells": (("err", "lat"), {"source": "scattered-50"}, 70),
    "50 cells in reach": (("err", "lat"), {"source": "connected-50"}, 70),
    "200 cells, fewer asked for": (("err", "lat"), {"source": "scattered-200"}, 100),
    "100 cells, all asked for": (("err", "lat"), {"source": "connected-100"}, 100),
    "425 cells, three objectives": (("err", "lat", "acc"), {"source": "connected-425"}, 70),
    "one objective": (("err",), {}, 70),
    "five objectives": (("err", "lat", "size", "depth", "pools"), {}, 70),
    "ties": (("depth", "pools"), {}, 70),
    "failing": (("holes", "lat"), {}, 70),
    "failing in a table": (("holes", "lat"), {"source": "connected-50"}, 70),
    "one in a hundred feasible": (("err", "lat"), {"constraints": ["lat<=20.04"]}, 70),
    "nothing feasible": (("err", "lat"), {"constraints": ["lat<=1"]}, 70),
    "tiny units": (("err", "lat"), {"source": "tiny", "constraints": ["lat<=2.2e-8"]}, 70),
    "huge units": (("depth", "lat", "size"), {"source": "huge"}, 70),
}


@pytest.fixture(scope="module")
def problems(pose):
    synthetic.register()
    for name, (cells, unit) in TABLES.items():
        backends.BACKENDS[name] = backends.BackendKind(
            build=lambda *_, cells=cells, unit=unit: Table(cells(), unit), settings=frozenset()
        )
    yield {name: pose(*names, **options) for name, (names, options, _) in CARDS.items()}
    for name in TABLES:
        del backends.BACKENDS[name]


@pytest.mark.parametrize("kind", CARDS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # pymoo's SPEA2, of one point
def test_every_algorithm_on_every_card(problems, name, kind):
    problem, budget = problems[kind], CARDS[kind][2]
    spec = AlgorithmSpec(label="x", algorithm=name, options=OPTIONS.get(name, {"pop_size": 10}))
    if (name, problem.n_obj) == ("moead", 1):
        with pytest.raises(SettingError, match="for one objective use nsga2"):
            spec.build(1)
        return
    result = run_algorithm(problem, spec, budget=budget, seed=1)
    n_cells = 423_624 if problem.domain is None else int(problem.domain.sum())
    assert result.complete
    assert len(set(result.cells.tolist())) == len(result.cells)
    if name == "nsga2-integer" and len(result.cells) < min(budget, n_cells):
        assert "nsga2-integer found " in result.ended
        assert "most genotypes that it makes are no cell with values" in result.ended
    else:
        assert len(result.cells) == min(budget, n_cells)
        assert result.ended == ("" if budget <= n_cells else f"all {n_cells} cells of the problem have been evaluated")
    assert bool(result.nearest) == (len(result.front) == 0 < len(result.cells))
    known = np.isfinite(result.values).all(axis=1)
    assert (result.feasible <= known).all()
