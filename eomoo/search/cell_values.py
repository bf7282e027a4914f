"""What is known of cells by index: a card's objectives and limited quantities, as its backends tell them."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import LARGEST, whole
from eomoo.errors import SettingError
from eomoo.fronts import Objective, Objectives, sorted_front
from eomoo.objectives import Backend, Card, Constraint, build_backends
from eomoo.space import SO2SAT, Skeleton, load_space


class _Shared:
    """What a problem shares with its copies and views; when the last of them lets go, the backends are closed.

    Attributes:
        backends: By the card's names of them.
        known: (423624,) bool, which cells' values are there.
        raw: (423624, k) those values; memory is only taken for the pages that are written.
    """

    def __init__(self, backends: Mapping[str, Backend], n_columns: int) -> None:
        n = len(load_space())
        self.backends, self.known, self.raw = backends, np.zeros(n, dtype=bool), np.empty((n, n_columns))
        self._n_holders = 0

    def hold(self, problem: object) -> Callable[[], None]:
        """Count a problem; what is returned, called once or more, or the problem's end, discounts it."""
        self._n_holders += 1
        return weakref.finalize(problem, self._let_go)

    def _let_go(self) -> None:
        self._n_holders -= 1
        if self._n_holders == 0:
            for backend in self.backends.values():
                backend.close()


class CellValues:
    """Values of cells, in the card's units and directions or as ``F``; limits, the true front, neighbours.

    Attributes:
        card: The card.
        constraints: The card's limits, and those beside them.
        objectives: Names, titles, units, directions and the reference point.
        objective_names, titles, units: (m,) theirs.
        n_obj: m.
        domain: (423624,) bool, the cells that have values; None for all of them.
        reference_point: (m,) in the space of ``F``, or None.
    """

    def __init__(
        self,
        card: Card,
        *,
        noise: int | None = None,
        constraints: Sequence[Constraint] = (),
        options: Mapping[str, object] | None = None,
    ) -> None:
        self.card = card
        self.noise = None if noise is None else whole("noise", noise, least=0, most=LARGEST)
        self.constraints = (*card.constraints, *constraints)
        # NumPy's numbers as plain ones, since a store keeps them.
        self.options = {k: v.item() if isinstance(v, np.generic) else v for k, v in (options or {}).items()}
        self.space = load_space()
        extended = replace(card, constraints=self.constraints)
        self._columns = [(part.source, part.quantity) for part in extended.parts]
        self._shared = _Shared(build_backends(extended, self.options), len(self._columns))
        self._let_go = self._shared.hold(self)
        self.objectives = self._find_objectives()
        self.objective_names, self.titles = self.objectives.names, self.objectives.titles
        self.units = self.objectives.units
        self.n_obj = len(self.objectives)
        self.domain = self._find_domain()
        self.reference_point = self.objectives.reference
        self._front: Ints | None = None

    @property
    def backends(self) -> Mapping[str, Backend]:
        """Where values come from, by the card's names of them; shared with copies and views."""
        return self._shared.backends

    @property
    def enumerable(self) -> bool:
        """Whether all values, predicted or true, can be had at once, so that the front of all cells is known."""
        return all(backend.enumerable for backend in self.backends.values())

    @property
    def predicted(self) -> bool:
        """Whether some values are predicted; else they are measured, or counted."""
        return any(backend.predicts for backend in self.backends.values())

    @property
    def cells(self) -> Ints:
        """All cells (n,) that have values."""
        return np.arange(len(self.space)) if self.domain is None else np.flatnonzero(self.domain)

    @property
    def n_cells(self) -> int:
        """How many cells have values."""
        return len(self.space) if self.domain is None else int(np.count_nonzero(self.domain))

    @property
    def skeleton(self) -> Skeleton:
        """The network around the cells, for counts of parameters: that of its backends, else So2Sat's."""
        found = (backend.skeleton for backend in self.backends.values())
        return next((skeleton for skeleton in found if skeleton is not None), SO2SAT)

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that differ where what the card points to does: tables, models, images."""
        parts = sorted(f"{source} {backend.fingerprint()}" for source, backend in self.backends.items())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def conditions(self, i: ArrayLike) -> Facts:
        """How networks are trained and timed, as its backends tell: see ``Backend.conditions``."""
        return {
            name: fact for b in self.backends.values() for name, fact in b.conditions(self.space.check_row(i)).items()
        }

    def values(self, i: ArrayLike) -> Floats:
        """Raw values of the objectives, in the card's units and directions; NaN where there is none.

        Args:
            i: Indices (n,), or one index.

        Returns:
            (n, m), or (m,) for one index. A cell is computed once.
        """
        return self._all_values(self.space.check(i))[..., : len(self.objectives)]

    def deviations(self, i: ArrayLike) -> Floats:
        """Standard deviations of ``values``, same shape; 0 where a value is exact."""
        cells = self.space.check(i)
        found = self.all_deviations(cells.ravel())[:, : len(self.objectives)]
        return found.reshape(*cells.shape, len(self.objectives))

    def all_deviations(self, i: ArrayLike) -> Floats:
        """As ``deviations``, of the objectives and then of the limited quantities of cells (n,): (n, m + c)."""
        return self._told(i, lambda backend, *asked: backend.deviations(*asked))

    def expected(self, i: ArrayLike) -> Floats:
        """What is expected of the true values (n, m + c) of cells (n,), raw, in the order of ``ignorance``.

        Of measured values, each with some error, the best had luck, which is taken out: see ``Backend.expected``.
        """
        return self._told(i, lambda backend, *asked: backend.expected(*asked))

    def ignorance(self, i: ArrayLike) -> Floats:
        """Standard deviations (n, m + c) of what is not known of cells (n,), noise of a measurement apart.

        Of the objectives, then of the c quantities that the limits are on; 0 where values are exact.
        """
        return self._told(i, lambda backend, *asked: backend.ignorance(*asked))

    def _told(self, i: ArrayLike, tell: Callable[[Backend, Ints, Sequence[str]], Floats]) -> Floats:
        cells = self.space.check_row(i)
        found = np.empty((len(cells), len(self._columns)))
        for source, mine, names in self._by_source():
            found[:, mine] = tell(self.backends[source], cells, names)
        return found

    def joint_draws(self, i: ArrayLike, n: int, *, seed: int) -> Floats:
        """Joint draws (n, k, m + c) of the true values of cells (k,), raw, in the order of ``ignorance``."""
        cells = self.space.check_row(i)
        whole("n", n, least=0)
        whole("seed", seed, least=0, most=LARGEST)
        drawn = np.empty((n, len(cells), len(self._columns)))
        for source, mine, names in self._by_source():
            drawn[:, :, mine] = self.backends[source].joint_draws(cells, names, n, seed=seed)
        return drawn

    def extrapolates(self, i: ArrayLike) -> Bools:
        """Whether cells (n,) lie outside what their values were measured on."""
        indices = self.space.check_row(i)
        return np.asarray(np.any([b.extrapolates(indices) for b in self.backends.values()], axis=0))

    def marks(self, i: ArrayLike) -> NDArray[np.str_]:
        """What lessens the worth of the objectives' values of cells (n,), (n, m): "" or a few words."""
        cells = self.space.check_row(i)
        columns = self._columns[: len(self.objectives)]
        found = [self.backends[source].marks(cells, [quantity])[:, 0] for source, quantity in columns]
        return np.stack(found, axis=1)

    def basis(self, i: ArrayLike) -> list[str]:
        """What the objectives' values of cells (n,) rest on: "measured", "" for predictions, or what lessens them.

        What lessens measured values of limited quantities is told too. Where some predicted objectives were measured
        and others were not, it names them.
        """
        cells = self.space.check_row(i)
        parts = list(zip(self.objectives, self._columns[: len(self.objectives)], strict=True))
        predicted = [part for part in parts if self.backends[part[1][0]].predicts] or parts
        found: list[list[str]] = [[] for _ in cells]
        measured: list[list[str]] = [[] for _ in cells]
        for objective, (source, quantity) in predicted:
            backend = self.backends[source]
            known, marks = backend.is_measured(cells), backend.marks(cells, [quantity])[:, 0].tolist()
            for k in range(len(cells)):
                measured[k] += [objective.title] if known[k] else []
                # What lessens a prediction does not lessen what was measured.
                found[k] += marks[k].split(", ") if marks[k] and not (known[k] and backend.predicts) else []
        asked = {column for _, column in predicted}
        for source, quantity in dict.fromkeys(self._columns):
            # What was measured beside predictions, and what limits are on, is no better than its marks either.
            if (source, quantity) not in asked and not self.backends[source].predicts:
                for k, marks in enumerate(self.backends[source].marks(cells, [quantity])[:, 0].tolist()):
                    found[k] += marks.split(", ") if marks else []
        for k, titles in enumerate(measured):
            word = "measured" if len(titles) == len(predicted) else f"{' and '.join(titles)} measured"
            found[k] = [word, *found[k]] if titles else found[k]
        return [", ".join(dict.fromkeys(marks)) for marks in found]

    def measured_values(self, i: ArrayLike) -> Floats:
        """Values (n, m), raw, that were measured of cells (n,) where those of ``values`` are predicted, else NaN."""
        return self._told(i, lambda backend, *asked: backend.measured(*asked))[:, : len(self.objectives)]

    def objectives_at(self, i: ArrayLike) -> Floats:
        """``F`` of cells (n,), as pymoo minimises it: (n, m), inf where there is no value."""
        return self._minimised(self.values(i))

    def violations_at(self, i: ArrayLike) -> Floats:
        """By how much cells (n,) break the limits, 0 where feasible; told by the unconstrained form too."""
        raw = self._all_values(self.space.check_row(i))
        G = self._constraint_values(raw, np.zeros(len(raw), dtype=np.int64))
        return np.asarray(np.maximum(G, 0.0).sum(axis=1))

    def feasible_cells(self) -> Ints:
        """The cells (n,), ascending, that have all values and keep every limit."""
        cells = self.cells
        return np.asarray(cells[self.violations_at(cells) == 0])

    def limited_values(self, i: ArrayLike) -> Floats:
        """Raw values (n, c) of the quantities that the problem's constraints limit, for cells (n,)."""
        return self._all_values(self.space.check_row(i))[:, len(self.objectives) :]

    def raw(self, F: ArrayLike) -> Floats:
        """Raw values of points (n, m) of the space of ``F``, such as ``pareto_front()``."""
        return self.objectives.raw(F)

    def _minimised(self, raw: Floats) -> Floats:
        F = self.objectives.minimise(raw)
        F[np.isnan(F).any(axis=-1)] = np.inf
        return F

    def _all_values(self, indices: Ints) -> Floats:
        """Raw values of the objectives and then of the constraints' quantities, by index."""
        known, raw = self._shared.known, self._shared.raw
        if not known[indices].all():
            missing = self.space.distinct(indices[~known[indices]]) if indices.ndim else indices[None]
            raw[missing] = self._compute(missing)
            known[missing] = True
        return raw[indices]

    def keep_values(self, i: int, raw: Floats) -> None:
        """Take raw values (m + c,) of a cell that were measured elsewhere, so that nobody measures them again."""
        self._shared.raw[i], self._shared.known[i] = raw, True

    def tell_repeats(self, n: int) -> None:
        """Tell what is trained as the mean of n trainings, as far as they are stored; 1: as a search sees it."""
        for backend in self.backends.values():
            if not backend.enumerable and backend.repeats != n:
                backend.repeats = n
                self._shared.known[:] = False

    def some_values(self, i: ArrayLike, columns: Sequence[int]) -> Floats:
        """Raw values (n, k) of some of the objectives and then the limited quantities; nothing else is asked for."""
        return self._compute(self.space.check_row(i), columns)[:, list(columns)]

    def _compute(self, indices: Ints, columns: Sequence[int] | None = None) -> Floats:
        raw = np.empty((len(indices), len(self._columns)))
        for source, mine, names in self._by_source(columns):
            backend = self.backends[source]
            # A backend with repeated measurements gives one of them rather than a made-up one.
            drawn = None if self.noise is None else backend.draw(indices, names, self.noise)
            raw[:, mine] = backend.values(indices, names) if drawn is None else drawn
            if self.noise is not None and drawn is None:
                raw[:, mine] += self._draws(indices, mine) * backend.deviations(indices, names)
        return raw

    def _by_source(self, columns: Sequence[int] | None = None) -> Iterator[tuple[str, list[int], list[str]]]:
        """Each backend's name with those of the columns that are its own, and their quantities."""
        wanted = range(len(self._columns)) if columns is None else columns
        for source in self.backends:
            mine = [k for k in wanted if self._columns[k][0] == source]
            yield source, mine, [self._columns[k][1] for k in mine]

    def _draws(self, indices: Ints, columns: list[int]) -> Floats:
        """Standard normal numbers, one a cell and column, whatever the order of asking."""
        # A limit on an objective must see the objective's own draw: what counts is the first column.
        first = [self._columns.index(self._columns[k]) for k in columns]
        drawn = [_standard_normal(self.noise or 0, k, len(self.space))[indices] for k in first]
        return np.stack(drawn, axis=1)

    def _constraint_values(self, raw: Floats, violation: Ints) -> Floats:
        missing: Bools = np.asarray(np.isnan(raw).any(axis=1))
        # A valid cell without values is nearer to a feasible one than any invalid genotype.
        validity = np.where(violation > 0, 1.0 + violation, missing)
        excess = [c.excess(raw[:, len(self.objectives) + k]) for k, c in enumerate(self.constraints)]
        limits = np.where(missing[:, None], 1.0, np.column_stack([np.empty((len(raw), 0)), *excess]))
        return np.column_stack((validity, limits))

    def pareto_indices(self) -> Ints:
        """Indices of the Pareto set's cells by the problem's values, predicted or true, by the first objective.

        Cells with equal objective vectors are all in it.

        Raises:
            SettingError: (a ValueError) The values are not known beforehand, as with a live card.
        """
        if not self.enumerable:
            raise SettingError(f"the true front of {self.card.name} is unknown: its values must be measured")
        if self._front is None:
            cells = self.feasible_cells()
            self._front = cells[sorted_front(self.objectives_at(cells))]
        return self._front

    def neighbor_lists(self, indices: Ints, *, kind: str = "hamming") -> tuple[Ints, Ints]:
        """How many neighbours each of the cells (n,) has within the domain, and all of them in a row."""
        return self.space.neighbor_lists(indices, kind=kind, domain=self.domain)

    def random_cells(self, n: int, rng: np.random.Generator) -> Ints:
        """Up to n distinct cells of the domain, uniformly drawn."""
        n = min(whole("n", n, least=0), self.n_cells)
        return np.random.default_rng(rng).choice(self.cells, size=n, replace=False)

    def _find_objectives(self) -> Objectives:
        parts = []
        for o in self.card.objectives:
            title = o.title or self.backends[o.source].quantities[o.quantity].title
            parts.append(Objective(name=o.name, title=title, unit=o.unit, direction=o.direction))
        return Objectives(tuple(parts), self.card.reference_point)

    def _find_domain(self) -> Bools | None:
        domain: Bools | None = None
        for source, backend in self.backends.items():
            known = backend.known([quantity for name, quantity in self._columns if name == source])
            if known is not None:
                mine = np.zeros(len(self.space), dtype=bool)
                mine[self.space.check_row(known)] = True
                domain = mine if domain is None else domain & mine
        if domain is not None and not domain.any():
            raise SettingError(f"{self.card.name}: no cell has values of all its objectives")
        return domain


# Numbers of all cells: a few columns are kept, 3 MB each, which copies in other processes make again.
@lru_cache(maxsize=8)
def _standard_normal(seed: int, column: int, n: int) -> Floats:
    return np.random.default_rng([seed, column]).standard_normal(n)
