"""What a problem's quantities cost: what is known of all cells beforehand, what is timed, what needs trainings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.errors import SettingError
from eomoo.objectives import Backend
from eomoo.search.problem import CellProblem


class Costs:
    """A problem's objectives and then its limited quantities, by what they cost.

    What is free, or cheap and told of every cell by its backend, is known beforehand; what is cheap and measured is
    timed; all else needs a training.

    Attributes:
        names: (m + c,) the quantities, by their backends' names.
        known: (m + c,) bool, whether a quantity is known beforehand.
        timed, dear: (m + c,) bool, whether it is timed, and whether it needs a training.
        rungs: Lengths of training that the dear ones may be had after, as shares of the full one, ascending to 1.
        measured: Whether trainings are made, and not looked up.
        continues: Whether longer ones go on from shorter ones.
        workers: Trainings that may be under way at once.
    """

    def __init__(self, problem: CellProblem) -> None:
        self._problem = problem
        card = replace(problem.card, constraints=problem.constraints)
        said = {(o.source, o.quantity): o.cost for o in card.objectives if o.cost}
        self._columns = [(problem.backends[part.source], part.quantity) for part in card.parts]
        self.names = tuple(name for _, name in self._columns)
        costs = [said.get((part.source, part.quantity)) for part in card.parts]
        found = [cost or backend.cost(name) for cost, (backend, name) in zip(costs, self._columns, strict=True)]
        pairs = zip(found, self._columns, strict=True)
        self.known: Bools = np.array([c == "free" or (c == "cheap" and b.enumerable) for c, (b, _) in pairs])
        self.timed: Bools = np.array([c == "cheap" for c in found]) & ~self.known
        self.dear: Bools = ~self.known & ~self.timed
        trainers = self._trainers()
        ladders = [set(backend.rungs) for backend in trainers]
        self.rungs = tuple(sorted(set.intersection(*ladders))) if ladders else (1.0,)
        if not (self.rungs and self.rungs[0] > 0 and self.rungs[-1] == 1):
            raise SettingError(f"rungs of backends are shares of a full training above 0, the last 1; got {self.rungs}")
        self.measured = any(not backend.enumerable for backend in trainers)
        self.continues = bool(trainers) and all(backend.continues for backend in trainers)
        self.workers = max((backend.workers for backend in trainers), default=1)
        self._values = np.full((len(problem.space), len(self.known)), np.nan)

    def known_values(self, cells: Ints) -> Floats:
        """Raw values (n, m + c) of cells (n,); NaN where a quantity is timed or needs a training; asked once."""
        columns = np.flatnonzero(self.known)
        new = cells[np.isnan(self._values[cells][:, columns]).any(axis=1)]
        if len(new):
            self._values[new[:, None], columns] = self._problem.some_values(new, columns.tolist())
        return np.asarray(self._values[cells])

    def values_at(self, cells: Ints, share: float, *, worker: int = 0) -> Floats:
        """As ``known_values``, of what needs a training, after that share of one; NaN for what does not."""
        values = np.full((len(cells), len(self.known)), np.nan)
        for trainer in self._trainers():
            mine = [k for k in np.flatnonzero(self.dear) if self._columns[k][0] is trainer]
            names = [self._columns[k][1] for k in mine]
            told, noise = trainer.worker(worker), self._problem.noise
            drawn = None if noise is None else told.draw(cells, names, noise, share=share)
            values[:, mine] = told.at_rung(cells, names, share) if drawn is None else drawn
        return values

    def effort(self, cells: Ints) -> Floats:
        """What a full training of cells (n,) costs, by that of a mean cell."""
        found = [backend.effort(cells) for backend in self._trainers()]
        return np.asarray(np.mean(found, axis=0)) if found else np.ones(len(cells))

    def breaks_known_limits(self, values: Floats) -> Bools:
        """(n,) whether raw values (n, m + c), NaN where unknown, break a limit on what is known."""
        broken = np.zeros(len(values), dtype=bool)
        m = self._problem.n_obj
        for k, limit in enumerate(self._problem.constraints):
            if self.known[m + k]:
                broken |= (limit.excess(values[:, m + k]) > 0).any(axis=1)
        return broken

    def chosen_rungs(self, wanted: tuple[float, ...] | None) -> tuple[float, ...]:
        """The ladder that a search takes: those wanted, that of a card whose trainings are made, or a ninth and all.

        Raises:
            SettingError: (a ValueError) The problem has no trainings of a wanted length.
        """
        if wanted is None and self.measured:
            return self.rungs
        if wanted is None:
            short = min(self.rungs, key=lambda rung: abs(np.log(rung / _NINTH)))
            return (short, 1.0) if short < 1.0 else (1.0,)
        found = []
        for share in wanted:
            nearest = min(self.rungs, key=lambda rung: abs(rung - share))
            if abs(nearest - share) > _SAME * nearest:
                there = ", ".join(f"{rung:.3g}" for rung in self.rungs)
                raise SettingError(
                    f"{self._problem.name()} has no training of {share:g} of a full one; its rungs are {there}"
                )
            found.append(nearest)
        return tuple(sorted({*found, 1.0}))

    def _trainers(self) -> list[Backend]:
        """The backends of what needs a training, each once."""
        return list({id(backend): backend for backend, _ in self._of(self.dear)}.values())

    def _of(self, chosen: Bools) -> list[tuple[Backend, str]]:
        return [column for column, is_chosen in zip(self._columns, chosen, strict=True) if is_chosen]

    @property
    def dear_names(self) -> tuple[str, ...]:
        """The quantities that need a training, each once."""
        return tuple(dict.fromkeys(name for _, name in self._of(self.dear)))

    def related(self, *, least: int, most: int) -> list[tuple[str, str, dict[int, float]]]:
        """What is stored of trainings that were made otherwise: the quantity, what they are, values by cell."""
        asked = {(id(backend), name): backend for backend, name in self._of(self.dear)}
        return [
            (name, *found)
            for (_, name), backend in asked.items()
            for found in backend.related(name, least=least, most=most)
        ]

    def disturbed(self, cells: Ints) -> Bools:
        """(n, k) which of the timed quantities of cells (n,) something disturbed, by their marks."""
        return np.column_stack([backend.marks(cells, [name])[:, 0] != "" for backend, name in self._of(self.timed)])

    @property
    def keeper(self) -> Backend:
        """The backend that keeps what a search notes: one that measures, where there is one."""
        return next((backend for backend, _ in self._columns if not backend.enumerable), self._columns[0][0])


# Of the ladders tried on CIFAR-10 errors of 4, 12, 36 and 108 epochs, 12 and 108 did best.
_NINTH = 1 / 9
# Shares are written to a few digits.
_SAME = 0.02
