"""A backend with values of every cell by formula, for tests of all that stands on a backend."""

from functools import lru_cache

import numpy as np

from eomoo.fronts import Quantity
from eomoo.objectives import backends
from eomoo.objectives.base import Backend, standard_normal
from eomoo.objectives.table import TableBackend
from eomoo.space import load_space

QUANTITIES = {
    "err": Quantity(title="error", unit="%", direction="min"),
    "lat": Quantity(title="latency", unit="ms", direction="min"),
    "acc": Quantity(title="accuracy", unit="fraction", direction="max"),
    "size": Quantity(title="size", unit="kB", direction="min"),
    "depth": Quantity(title="edges and vertices", unit="", direction="min"),
    "pools": Quantity(title="operations other than pooling", unit="", direction="min"),
    "holes": Quantity(title="error, where training succeeds", unit="%", direction="min"),
    "trap": Quantity(title="error that rises towards its least", unit="%", direction="min"),
}
ANALYTIC_CARD = """
title = "few parameters, many operations"
citation = "nobody"
budget = 60

[[objectives]]
name = "params"
unit = ""
direction = "min"
source = "analytic"

[[objectives]]
name = "macs"
unit = ""
direction = "max"
source = "analytic"
"""
# Drawing the values of every cell with noise takes many seconds; the table has 425.
PREDICTED_CARD = """
title = "predicted, of few cells"
budget = 60

[[objectives]]
name = "val_macro_error"
unit = "%"
direction = "min"
source = "surrogate"

[[objectives]]
name = "lat"
unit = "ms"
direction = "min"
source = "part"
"""
PART = np.arange(0, 423_624, 997)


@lru_cache(maxsize=1)
def all_values():
    """Values of all cells by name: smooth along single steps, with ties in the last but one two."""
    space = load_space()
    everything = np.arange(len(space))
    rng = np.random.default_rng(0)
    ops, adjacency = space.padded_ops(everything), space.structure_adjacency[space.structure]
    interior = np.arange(5) < space.n_vertices[:, None] - 2
    convolutions = ((ops == 0) & interior).sum(axis=1)
    pools = ((ops == 2) & interior).sum(axis=1)
    err = 20.0 - 3.0 * adjacency[:, 0, 6] - 0.5 * convolutions + 0.8 * pools - 0.5 * space.n_vertices
    err = err + 0.3 * rng.random(len(space))
    macs = space.macs(everything)
    return {
        "err": err,
        "lat": np.log(macs) + 0.3 * pools + 0.1 * space.n_edges + 0.05 * rng.random(len(space)),
        "acc": 1.0 - err / 100.0,
        "size": space.params(everything) / 1000.0 + rng.random(len(space)),
        "depth": (space.n_edges + space.n_vertices).astype(float),
        "pools": (space.n_vertices - 2 - pools).astype(float),
        "holes": np.where(everything % 5 == 0, np.nan, err),
        "trap": np.where(convolutions == 5, 0.0, 1.0 + convolutions) + 0.01 * rng.random(len(space)),
    }


@lru_cache(maxsize=1)
def ball():
    """425 cells that are connected by single steps, sorted."""
    space, found = load_space(), {100434: None}
    todo = [100434]
    while len(found) < len(PART):
        near = space.neighbors(todo.pop(0)).tolist()
        todo += [cell for cell in near if cell not in found]
        found.update(dict.fromkeys(near))
    return np.array(sorted(list(found)[: len(PART)]))


class SyntheticBackend(Backend):
    """Every cell; standard deviations are a hundredth of the value. Counts the cells it is asked for."""

    name = "synthetic"
    quantities = QUANTITIES

    def __init__(self):
        self.n_asked = 0
        self.n_closed = 0

    def close(self):
        self.n_closed += 1

    def _values(self, cells, names):
        self.n_asked += len(cells)
        return np.stack([all_values()[name][cells] for name in names], axis=1)

    def _deviations(self, cells, names):
        return np.stack([np.abs(all_values()[name][cells]) / 100.0 for name in names], axis=1)


class LadderBackend(SyntheticBackend):
    """The same, with trainings of a ninth and a half, the shorter the further off."""

    name = "ladder"
    rungs = (1 / 9, 0.5, 1.0)

    def _at_rung(self, cells, names, *, share):
        off = (1.0 - share) * (5.0 + 2.0 * standard_normal(cells, 7))
        return self._values(cells, names) + off[:, None]


def _build(card, settings, quantities):
    return SyntheticBackend()


def _build_table(cells):
    columns = {name: all_values()[name][cells] for name in ("err", "lat", "acc")}
    return TableBackend(cells, columns, {name: QUANTITIES[name] for name in columns})


def register():
    """Make sources known to problem cards: "synthetic" has all cells, "part" 425, "ball" 425 in reach."""
    for name, build in (
        ("synthetic", _build),
        ("ladder", lambda *_: LadderBackend()),
        ("part", lambda *_: _build_table(PART)),
        ("ball", lambda *_: _build_table(ball())),
    ):
        backends.BACKENDS[name] = backends.BackendKind(build=build, settings=frozenset())


def card_text(*names, source="synthetic", reference_point=None, directions=None, budget=None):
    """A card with the named quantities as objectives."""
    lines = [] if reference_point is None else [f"reference_point = {list(reference_point)}"]
    lines += [] if budget is None else [f"budget = {budget}"]
    for name in names:
        direction = (directions or {}).get(name, QUANTITIES[name].direction)
        lines.append(
            f'[[objectives]]\nname = "{name}"\nunit = "{QUANTITIES[name].unit}"\n'
            f'direction = "{direction}"\nsource = "{source}"'
        )
    return "\n".join(lines) + "\n"


def brute_front(F):
    """Positions of the points that no other dominates, by the definition."""
    return [k for k, f in enumerate(F) if not any((g <= f).all() and (g < f).any() for j, g in enumerate(F) if j != k)]
