"""The problems of the benchmark suite: shipped cards, real measurements, landscapes that no feature tells.

What a search sees of a problem with noise is drawn anew at every look; what it chose is scored by expected values.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import graph_values
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from eomoo.errors import DataNotFoundError
from eomoo.fronts import Box
from eomoo.objectives import (
    BACKENDS,
    Backend,
    BackendKind,
    Card,
    CardObjective,
    Constraint,
    Quantity,
    TableBackend,
    list_problems,
)
from eomoo.search import CellProblem, get_problem
from eomoo.space import load_space

_LANDSCAPES: Mapping[str, Callable[[str, int, int], NDArray[np.float64]]] = {
    "network": graph_values.graph_network,
    "hashed": graph_values.hashed_neighbourhoods,
}
# Enough for every problem of the suite.
_MOST_OBJECTIVES = 5
# Beyond the front, in parts of its extent, where a card names no reference point: as is usual.
_MARGIN = 0.1
SAMPLE = "nb101-sample"
_SAMPLE_COLUMNS = {"error": "val_accuracy_108", "traintime": "train_time_108", "params": "params"}


class GraphBackend(Backend):
    """A landscape of ``graph_values``: quantities f1 to f5, standardised, minimised."""

    name = "graphs"

    def __init__(self, kind: str, degree: str, seed: int) -> None:
        names = [f"f{k}" for k in range(1, _MOST_OBJECTIVES + 1)]
        self.quantities = {name: Quantity(title=name, unit="", direction="min") for name in names}
        self._everything = _LANDSCAPES[kind](degree, seed, _MOST_OBJECTIVES)
        self._said = f"{self.name} {kind} {degree} {seed}"

    def fingerprint(self) -> str:
        """Its name and what it is made of."""
        return self._said

    def _values(self, cells, names):
        return self._everything[np.ix_(cells, [int(name[1:]) - 1 for name in names])]


@lru_cache(maxsize=1)
def sample_backend() -> TableBackend:
    """What was really measured of 14,000 cells on CIFAR-10.

    Raises:
        DataNotFoundError: The file is not on this machine.
    """
    path = Path(os.environ.get("EOMOO_DATA", ".")) / SAMPLE / f"{SAMPLE}.csv"
    if not path.is_file():
        raise DataNotFoundError(f"the suite's real values are not here: set EOMOO_DATA to the folder of {SAMPLE}")
    frame = pd.read_csv(path)
    columns = {name: frame[column].to_numpy(dtype=float) for name, column in _SAMPLE_COLUMNS.items()}
    columns["error"] = 100.0 * (1.0 - columns["error"])
    quantities = {name: Quantity(title=name, unit="", direction="min") for name in columns}
    return TableBackend(load_space().find(frame["hash"]), columns, quantities)


def _register(name: str, build: Callable[..., Backend], *settings: str) -> None:
    BACKENDS[name] = BackendKind(build=build, settings=frozenset(settings))


_register("graphs", lambda card, settings, quantities: GraphBackend(**settings), "kind", "degree", "seed")
_register("sample", lambda card, settings, quantities: sample_backend())


def _posed(name: str, source: str, quantities: list[str], **settings: object) -> CellProblem:
    """A problem of these quantities of a source, all minimised."""
    objectives = [
        CardObjective(name=q, title="", unit="", direction="min", source=source, quantity=q) for q in quantities
    ]
    card = Card(
        name=name,
        title=name,
        citation="",
        objectives=tuple(objectives),
        constraints=(),
        reference_point=None,
        budget=500,
        backends={source: settings} if settings else {},
        folder=Path(),
        digest="",
    )
    return CellProblem(card)


def landscape(kind: str, degree: str, n_obj: int, seed: int) -> CellProblem:
    """A problem of ``graph_values``."""
    names = [f"f{k}" for k in range(1, n_obj + 1)]
    return _posed(f"{kind}-{degree}-{n_obj}", "graphs", names, kind=kind, degree=degree, seed=seed)


def limited(problem: CellProblem, quantity: str, share: float) -> CellProblem:
    """The same problem without the share of its cells that are best in a quantity, minimised, of its source."""
    source, cells = problem.card.objectives[0].source, np.arange(len(problem.space))
    if quantity in problem.objective_names:
        values = problem.values(cells)[:, problem.objective_names.index(quantity)]
    else:
        values = problem.backends[source].values(cells, [quantity])[:, 0]
    limit = Constraint(quantity=quantity, source=source, least=float(np.nanquantile(values, share)))
    return CellProblem(problem.card, noise=problem.noise, constraints=[limit])


@dataclass(frozen=True, kw_only=True)
class SuiteProblem:
    """A problem of the suite.

    Attributes:
        name: As in the report.
        block: What its values come from: problems of one block are no independent evidence.
        make: Makes it, without noise.
        noise: Deviation of a look at an objective, in parts of that of all cells' values; or "card": what the
            card says of each cell.
        most: Cells to which it is searched. Where few cells have values, NSGA-II, which breeds outside of them
            too, takes minutes to find 2,000.
    """

    name: str
    block: str
    make: Callable[[], CellProblem]
    noise: float | str = 0.0
    most: int = 20_000

    def deviations(self, problem: CellProblem) -> NDArray[np.float64] | None:
        """(423624, m) deviations of a look at every cell; None without noise."""
        cells = np.arange(len(problem.space))
        if self.noise == "card":
            return problem.deviations(cells)
        spread = float(self.noise) * np.nanstd(problem.values(cells), axis=0)
        return np.tile(spread, (len(cells), 1)) if self.noise else None


def score_box(problem: CellProblem) -> Box:
    """The box in which the hypervolume of choices is measured.

    From the ideal point to the card's reference point, else to a tenth beyond the front. The front of one
    objective is a point: there the box reaches to the median of all values.
    """
    front = problem.objectives_at(problem.pareto_indices())
    if problem.reference_point is not None:
        return Box.up_to(problem.reference_point, front.min(axis=0))
    if problem.n_obj > 1:
        return Box.of(front, margin=_MARGIN)
    everything = problem.objectives_at(np.arange(len(problem.space)))
    return Box(ideal=front.min(axis=0), reference=np.median(everything[np.isfinite(everything)], keepdims=True))


class NoisyProblem(CellProblem):
    """What a search sees of a problem with noise: every look at a cell is a draw, keyed by seed, cell and look."""

    def __init__(self, problem: CellProblem, deviations: NDArray[np.float64], seed: int) -> None:
        self.__dict__.update(vars(problem))
        self._look_deviations, self._look_seed = deviations, seed
        self._n_looks = np.zeros(len(self.space), dtype=np.int64)

    def look(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Raw values (n, columns) of cells (n,), objectives and then what is limited, each look anew."""
        raw = self._all_values(cells)
        look = self._n_looks[cells] + pd.Series(cells).groupby(cells).cumcount().to_numpy()
        np.add.at(self._n_looks, cells, 1)
        for k in range(self.n_obj):
            key = graph_values.mixed(np.uint64(self._look_seed * _MOST_OBJECTIVES + k) + np.zeros(1, dtype=np.uint64))
            bits = graph_values.mixed(graph_values.mixed(key ^ cells.astype(np.uint64)) + look.astype(np.uint64))
            normal = ndtri(((bits >> np.uint64(11)).astype(float) + 0.5) / 2.0**53)
            # A limit on an objective sees what was seen of the objective.
            same = [j for j, column in enumerate(self._columns) if column == self._columns[k]]
            raw[:, same] += (normal * self._look_deviations[cells, k])[:, None]
        return raw

    def _evaluate(self, X, out, *args, **kwargs):
        index, violation = self.space.decode(X)
        if (index < 0).any():
            raise ValueError("a search of the suite evaluated what is no cell")
        raw = self.look(index)
        out["F"] = self._minimised(raw[:, : self.n_obj])
        out["G"], out["index"] = self._constraint_values(raw, violation), index


def _eo(name: str) -> SuiteProblem:
    return SuiteProblem(name=name, block="EO", make=lambda: get_problem(name))


def _graphs(kind: str, degree: str, n_obj: int, seed: int, noise: float = 0.0, limit: str = "") -> SuiteProblem:
    """``limit``: the quantity whose best fifth is forbidden."""

    def make() -> CellProblem:
        problem = landscape(kind, degree, n_obj, seed)
        return limited(problem, limit, 0.2) if limit else problem

    objectives = "1 objective" if n_obj == 1 else f"{n_obj} objectives"
    said = f"{kind}, {degree}, {objectives}" + (f", {limit} limited" if limit else "")
    return SuiteProblem(
        name=said + (f", noise {noise:g}" if noise else ""), block=f"{kind}, {degree}", make=make, noise=noise
    )


def _sample(*quantities: str) -> SuiteProblem:
    name = "-".join((SAMPLE, *quantities))
    return SuiteProblem(name=name, block="CIFAR-10", make=lambda: _posed(name, "sample", list(quantities)), most=500)


PROBLEMS: dict[str, SuiteProblem] = {
    problem.name: problem
    for problem in (
        _eo("eo-macro-latency"),
        _eo("eo-micro-latency"),
        _eo("eo-macro-params"),
        _eo("eo-macro-traintime"),
        _eo("eo-macro-latency-params"),
        _eo("eo-micro-macro-latency"),
        SuiteProblem(
            name="eo-macro-latency, noise", block="EO", make=lambda: get_problem("eo-macro-latency"), noise="card"
        ),
        # Residuals that are part of a cell, which no model can learn: one draw, which is the truth.
        SuiteProblem(
            name="eo-micro-macro-latency, residuals",
            block="EO",
            make=lambda: get_problem("eo-micro-macro-latency", noise=1),
        ),
        SuiteProblem(
            name="eo-macro-latency, residuals, error limited",
            block="EO",
            make=lambda: limited(get_problem("eo-macro-latency", noise=1), "val_macro_error", 0.2),
        ),
        _sample("error", "params"),
        _sample("error", "traintime"),
        *(
            SuiteProblem(name=name, block="CIFAR-10", make=partial(get_problem, name))
            for name in list_problems()
            if name.startswith("nb101s-")
        ),
        _graphs("network", "easy", 2, seed=1),
        _graphs("network", "easy", 2, seed=2, noise=0.3),
        _graphs("network", "middle", 1, seed=3),
        _graphs("network", "middle", 3, seed=4, limit="f4"),
        _graphs("network", "middle", 2, seed=5, noise=1.0),
        _graphs("network", "hard", 2, seed=6, limit="f1"),
        _graphs("network", "hard", 5, seed=7),
        _graphs("hashed", "easy", 2, seed=8),
        _graphs("hashed", "easy", 4, seed=9, limit="f1"),
        _graphs("hashed", "middle", 2, seed=10),
        _graphs("hashed", "middle", 2, seed=11, noise=1.0),
        _graphs("hashed", "hard", 2, seed=12),
    )
}
