"""A cell trained several times, by seeds that follow each other, and what another seed changes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from eomoo.arrays import Ints
from eomoo.live.campaign import Campaign
from eomoo.live.results import trained_value
from eomoo.live.store import Result, without


class Repeats:
    """Full trainings of a campaign's setting by its own seed and those that follow, in its store."""

    def __init__(self, campaign: Campaign, epochs: tuple[int, ...]) -> None:
        self._campaigns, self._epochs = [campaign], epochs
        self._seen: tuple[int, dict[int, list[Result]]] = 0, {}

    def train(self, cells: Sequence[int], n: int) -> None:
        """Have each of the cells trained with n seeds."""
        first = self._campaigns[0]
        for campaign in self._by_seed(n)[1:]:
            campaign.report, campaign.ended, campaign.retry_failed = first.report, first.ended, first.retry_failed
            campaign.trainings(cells, self._epochs)

    def results(self, cell: int, n: int) -> list[Result]:
        """What there is of a cell's trainings with the first n seeds."""
        found = (campaign.stored(cell, self._epochs) for campaign in self._by_seed(n))
        return [result for result in found if result is not None]

    def cells(self) -> Ints:
        """Cells (n,) that the store has a full training of by the first seed, which ended well, ascending."""
        first = self._campaigns[0].seed
        seeds = ((cell, [row["setting"]["seed"] for row in rows]) for cell, rows in sorted(self._repeated().items()))
        return np.array([cell for cell, those in seeds if first in those], dtype=np.int64)

    def seed_deviation(self, name: str) -> float:
        """Standard deviation of an accuracy that another seed makes, pooled over all cells of several trainings.

        These are the store's, and differ in their seed alone; NaN where there is none.
        """
        return self._pooled(name, lambda accuracy: 1.0)

    def seed_share(self, name: str) -> float:
        """As ``seed_deviation``, in parts of what is wrong, in which cells are more alike: see ``room``."""
        return self._pooled(name, lambda accuracy: 1.0 - accuracy)

    def _pooled(self, name: str, scale: Callable[[float], float]) -> float:
        squares = degrees = 0.0
        for rows in self._repeated().values():
            found = (trained_value(row["result"], name) for row in rows)
            values = np.array([value for value in found if math.isfinite(value)])
            unit = scale(float(values.mean())) if len(values) > 1 else 0.0
            if unit:
                squares += float(((values - values.mean()) ** 2).sum()) / unit**2
                degrees += len(values) - 1
        return math.sqrt(squares / degrees) if degrees else math.nan

    def notes(self) -> list[str]:
        """Sentences on trainings with further seeds that failed."""
        return [note for campaign in self._campaigns[1:] for note in campaign.notes()]

    def _by_seed(self, n: int) -> list[Campaign]:
        first = self._campaigns[0]
        self._campaigns += [first.with_seed(first.seed + k) for k in range(len(self._campaigns), n)]
        return self._campaigns[:n]

    def _repeated(self) -> Mapping[int, list[Result]]:
        """The store's rows of trainings of the setting that ended well, by cell; read when there are more."""
        store = self._campaigns[0].store
        n = store.count("training")
        if n != self._seen[0]:
            found: dict[int, list[Result]] = defaultdict(list)
            # Any cell's setting is this one but for the cell.
            mine = without(self._campaigns[0].setting(0, self._epochs), "cell", "seed")
            for row in store.rows("training"):
                if row["status"] == "done" and without(row["setting"], "cell", "seed") == mine:
                    found[row["cell"]].append(row)
            self._seen = n, found
        return self._seen[1]


def mean_value(results: Sequence[tuple[Result | None, str]]) -> float:
    """The mean of a quantity over trainings that ended well, each with the name it has there; NaN without one."""
    values = [value for result, name in results if math.isfinite(value := trained_value(result, name))]
    return float(np.mean(values)) if values else math.nan


def mean_deviation(binomial: Sequence[float], by_seed: float) -> float:
    """Standard deviation of a mean over k trainings.

    It is made of each one's own (k,) as a share of the same images, which more trainings make no smaller, and of what
    another seed makes, which is left out where it is not known (NaN).
    """
    of_images = float(np.mean(binomial))
    return math.hypot(of_images, 0.0 if math.isnan(by_seed) else by_seed / math.sqrt(len(binomial)))
