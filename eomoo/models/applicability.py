"""What models were fitted to, so that predictions beyond it are told: their applicability domain.

Source of the term: Netzeva et al., Current status of methods for defining the applicability domain of (quantitative)
structure-activity relationships, ATLA 33, 2005.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.space import load_space
from eomoo.space.cell import MAX_VERTICES

OPERATIONS, FAR, VALUE, FAILS = "other operations", "far from all", "beyond the values", "likely to fail"
MARKS = {
    OPERATIONS: "no measured cell has as many vertices and operations of each kind",
    FAR: "no measured cell is near, in the models' terms",
    VALUE: "the predicted value lies outside the range of the measured ones",
    FAILS: "the cell fails with a probability of one half or more",
}
"""What lessens the worth of a prediction, and what that means."""


@dataclass(frozen=True, kw_only=True)
class Applicability:
    """What was measured.

    Attributes:
        operations: (k, 4) distinct numbers of vertices, 3x3 and 1x1 convolutions and max pools of measured cells.
        ranges: Least and largest measured value by target.
        anywhere: Targets whose predictions are as good for other operations, far from all, as for those measured.
    """

    operations: Ints
    ranges: Mapping[str, tuple[float, float]]
    anywhere: frozenset[str] = frozenset()

    @classmethod
    def of(cls, cells: Ints, targets: Mapping[str, Floats], *, anywhere: Iterable[str] = ()) -> Applicability:
        """Of measured cells (n,) and their values (n,) by target, NaN where there is none."""
        ends = {name: (float(np.nanmin(y)), float(np.nanmax(y))) for name, y in targets.items()}
        operations = np.unique(operation_counts(cells), axis=0)
        return cls(operations=operations, ranges=ends, anywhere=frozenset(anywhere))

    def has_operations(self, cells: Ints) -> Bools:
        """Whether a measured cell has as many vertices and operations of each kind as the cells (n,), (n,)."""
        known = np.zeros((MAX_VERTICES + 1,) * 4, dtype=bool)
        known[tuple(self.operations.T)] = True
        return np.asarray(known[tuple(operation_counts(cells).T)])

    def marks(
        self, cells: Ints, values: Mapping[str, Floats], distance: Floats, *, fails: Floats | float = 0.0
    ) -> dict[str, list[str]]:
        """Marks (n,) of predicted values (n,) by target: "" or what is beyond, separated by commas.

        Args:
            cells: (n,).
            values: Predictions (n,) by target.
            distance: (n,) of the nearest measured cell; above 1 it is farther than predictions were checked.
            fails: (n,) probability that a cell fails.
        """
        beyond = {
            FAILS: np.broadcast_to(np.asarray(fails) >= 0.5, len(cells)),
            OPERATIONS: ~self.has_operations(cells),
            FAR: distance > 1.0,
        }
        found = {}
        for name, y in values.items():
            least, largest = self.ranges[name]
            own = {FAILS: beyond[FAILS]} if name in self.anywhere else beyond
            all_marks = {**own, VALUE: (y < least) | (y > largest)}
            found[name] = [", ".join(k for k, is_so in all_marks.items() if is_so[row]) for row in range(len(cells))]
        return found


def operation_counts(cells: Ints) -> Ints:
    """Numbers (n, 4) of vertices, 3x3 convolutions, 1x1 convolutions and max pools of cells (n,)."""
    space = load_space()
    vertices, ops = space.n_vertices[cells].astype(np.int64), space.padded_ops(cells)
    used = np.arange(ops.shape[1]) < vertices[:, None] - 2
    return np.column_stack((vertices, *(((ops == kind) & used).sum(axis=1) for kind in range(3))))


def operation_combinations(cells: Ints) -> Ints:
    """One number (n,), below 4096, for each combination of ``operation_counts``, which are at most 7; there are 56."""
    return operation_counts(cells) @ 8 ** np.arange(4)
