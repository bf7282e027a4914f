"""What every backend offers: raw values of named quantities, by cell index."""

from __future__ import annotations

import math
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import array, short
from eomoo.errors import SettingError, UnknownNameError
from eomoo.fronts import Quantity
from eomoo.models import TrueValues, some_of, true_values_of
from eomoo.space import Skeleton, load_space

Cost: TypeAlias = Literal["free", "cheap", "dear"]
"""What a quantity of a cell costs: nothing, for it is counted; a second; a whole training."""

_FREE = ("params", "macs", "checkpoint_size")
_CHEAP = ("latency", "energy", "memory", "train_time")

_Teller = Callable[[Ints, Sequence[str]], Floats]


def cost_by_name(quantity: str) -> Cost:
    """What a quantity of a usual name costs: parameters nothing, a latency a second, all else a training."""
    if quantity in _FREE:
        return "free"
    return "cheap" if quantity.startswith(_CHEAP) else "dear"


class Backend(ABC):
    """Where values come from: raw, in their own unit and direction.

    Names and indices are checked here. A subclass gives ``_values`` and, where values are not exact,
    ``_deviations``; the rest has defaults.

    Attributes:
        name: What errors call it.
        quantities: What it offers, by name.
        enumerable: Whether the values of all cells can be had at once, without measuring.
        predicts: Whether values are predicted, not measured or counted.
        report: Called with a sentence on what is being done, where that takes long.
        retry_failed: Try again measurements that were given up.
        until: When, by ``time.time()``, no training is begun any more: HoursOverError is raised instead.
        rungs: Lengths of training that dear quantities may be had after, as shares of the full one, ascending;
            the last is 1.
        continues: Whether a longer training goes on from a shorter one, so that only the difference is paid.
        workers: Trainings that may be under way at once.
        repeats: Of how many trainings, by seeds that follow each other, a value is the mean, as far as they are stored.
    """

    name: ClassVar[str]
    quantities: Mapping[str, Quantity]
    enumerable: bool = True
    predicts: bool = False
    report: Callable[[str], None] = staticmethod(lambda text: None)
    retry_failed: bool = False
    until: float = math.inf
    rungs: tuple[float, ...] = (1.0,)
    continues: bool = False
    workers: int = 1
    repeats: int = 1
    _accuracy_of: Mapping[str, str] = {}

    @property
    def skeleton(self) -> Skeleton | None:
        """The network around the cells; None where nothing is known of one."""
        return None

    def known(self, names: Sequence[str]) -> Ints | None:
        """The cells that may be asked for all of these quantities, sorted; None: every cell.

        A cell whose measurement failed is among them, though it has no value.
        """
        return None

    def values(self, indices: ArrayLike, names: Sequence[str]) -> Floats:
        """Values of the named quantities for cells (n,), shape (n, len(names)); NaN where there is none.

        Raises:
            UnknownNameError: (a KeyError) There is no such quantity.
            SettingError: (a ValueError) An index is out of range, or no whole number.
        """
        return self._told(self._values, indices, names)

    def conditions(self, indices: ArrayLike) -> Facts:
        """How networks are trained and timed, and learning curves of cells (n,), as plain data; see ``LiveBackend``."""
        return {}

    def cost(self, quantity: str) -> Cost:
        """What a quantity costs; unless a backend says otherwise, a training."""
        return "dear"

    def effort(self, indices: ArrayLike) -> Floats:
        """What a full training of cells (n,) costs, known before it, by that of a mean cell: (n,)."""
        return np.ones(len(self._checked(indices, ())[0]))

    def at_rung(self, indices: ArrayLike, names: Sequence[str], share: float) -> Floats:
        """As ``values``, after a share of a full training, one of ``rungs``.

        Raises:
            SettingError: (a ValueError) There are no trainings of that length.
        """
        if share not in self.rungs:
            known = ", ".join(f"{rung:.3g}" for rung in self.rungs)
            raise SettingError(f"the {self.name} backend has no training of {share:.3g} of the full one; has {known}")
        return self._told(partial(self._at_rung, share=share), indices, names)

    def worker(self, number: int) -> Backend:
        """What trains for one of several threads, from 0 to ``workers`` - 1, each of which has one of its own."""
        return self

    def repeat(self, indices: ArrayLike) -> None:  # noqa: B027  # most backends look up
        """Have cells (n,) trained until each has ``repeats`` trainings."""

    def time_again(self, indices: ArrayLike) -> None:  # noqa: B027  # most backends look up
        """Time those of the cells (n,) again that something disturbed, now that nothing is trained."""

    def n_trainings(self, indices: ArrayLike) -> Ints:
        """Of how many trainings the values of cells (n,) are means, (n,)."""
        return np.ones(len(self._checked(indices, ())[0]), dtype=np.int64)

    def seed_deviations(self, names: Sequence[str]) -> Floats:
        """Standard deviations (k,) of quantities that another seed of the training makes; NaN where not known."""
        return np.full(len(names), np.nan)

    def related(self, quantity: str, *, least: int, most: int) -> list[tuple[str, dict[int, float]]]:
        """Of trainings that were made otherwise, by what they are in words, values by cell; see ``LiveBackend``."""
        return []

    def recall(self, what: Facts) -> Facts | None:
        """What a search noted under some facts in an earlier run; None where it did not, or nothing is kept."""
        return None

    def note(self, what: Facts, fact: Facts) -> None:  # noqa: B027  # most backends look up
        """Keep a fact for ``recall``, where trainings are kept."""

    def deviations(self, indices: ArrayLike, names: Sequence[str]) -> Floats:
        """Standard deviations of ``values``, same shape; 0 where a value is exact, NaN where none is."""
        return self._asked(self._deviations, indices, names, spread=True) * self._factors(names)

    def expected(self, indices: ArrayLike, names: Sequence[str]) -> Floats:
        """What repeated measurements are expected to tend to.

        It is ``values``, of measured ones without the luck of the best: see ``eomoo.models.TrueValues``.
        """
        return self._told(partial(self._true_values, which=0), indices, names)

    def ignorance(self, indices: ArrayLike, names: Sequence[str]) -> Floats:
        """As ``deviations``, of the values that repeated measurements tend to: noise of a measurement apart."""
        return self._asked(partial(self._true_values, which=1), indices, names) * self._factors(names)

    def joint_draws(self, indices: ArrayLike, names: Sequence[str], n: int, *, seed: int) -> Floats:
        """Joint draws (n, k, len(names)) of what repeated measurements of cells (k,) tend to.

        Their middle and deviation are ``expected`` and ``ignorance``; what is exact is the same in every draw. A
        cell has the same draws in whatever company it is asked for.
        """
        cells, stored = self._checked(indices, names)
        drawn = np.empty((n, len(cells), len(stored)))
        if len(cells) and stored:
            drawn = self._shaped(self._joint_draws(cells, stored, n, seed), drawn.shape)
        return self._in_errors(drawn, names)

    def draw(self, indices: ArrayLike, names: Sequence[str], seed: int, *, share: float = 1.0) -> Floats | None:
        """As ``at_rung``, of one measurement of each cell, drawn by the seed and the cell alone.

        None where single measurements are not known: a draw is then made of value and deviation.
        """
        return None

    def is_measured(self, indices: ArrayLike) -> Bools:
        """Whether what is told of cells (n,) was measured, or can be compared with what was, (n,)."""
        return np.full(len(self._checked(indices, ())[0]), not self.predicts)

    def measured(self, indices: ArrayLike, names: Sequence[str]) -> Floats:
        """What was measured of cells whose ``values`` are predicted, same shape; NaN where nothing is known."""
        return self._told(self._measured, indices, names)

    def marks(self, indices: ArrayLike, names: Sequence[str]) -> NDArray[np.str_]:
        """What lessens the worth of values that were told, (n, len(names)): "" or a few words."""
        cells, _ = self._checked(indices, names)
        return np.full((len(cells), len(names)), "")

    def extrapolates(self, indices: ArrayLike) -> Bools:
        """Whether cells (n,) lie outside what their values were measured on, (n,)."""
        return np.zeros(len(self._checked(indices, ())[0]), dtype=bool)

    def fingerprint(self) -> str:
        """A text that differs where the values may: of other content, or of other settings."""
        return self.name

    def export(self, cells: Sequence[int], folder: str | Path) -> list[Path]:
        """Write what there is of trained networks for these cells into a folder; the files written."""
        return []

    def notes(self) -> list[str]:
        """Sentences for the end of a run on what failed or was disturbed."""
        return []

    def close(self) -> None:  # noqa: B027  # most backends hold nothing
        """Let go of workers, connections and files; what is asked for afterwards opens them again."""

    @abstractmethod
    def _values(self, cells: Ints, names: Sequence[str]) -> Floats:
        """An array of its own with values (n, k) of checked cells and known names, at least one of each."""

    def _at_rung(self, cells: Ints, names: Sequence[str], *, share: float) -> Floats:
        """As ``_values``."""
        return self._values(cells, names)

    def _deviations(self, cells: Ints, names: Sequence[str]) -> Floats:
        """As ``_values``."""
        return np.zeros((len(cells), len(names)))

    def _measured(self, cells: Ints, names: Sequence[str]) -> Floats:
        """As ``_values``."""
        return np.full((len(cells), len(names)), np.nan)

    def _ignorance(self, cells: Ints, names: Sequence[str]) -> Floats:
        """As ``_values``, by what was measured or predicted of each cell alone."""
        return self._deviations(cells, names)

    def _joint_draws(self, cells: Ints, names: Sequence[str], n: int, seed: int) -> Floats:
        """As ``joint_draws``, (n, k, m): here independent ones, since nothing tells what errs together."""
        values, unknown = (tell(cells, names) for tell in self._own())
        columns = [
            self._measurements(name).draws(cells, value, spread, n, seed=[seed, zlib.crc32(name.encode())])
            for name, value, spread in zip(names, values.T, unknown.T, strict=True)
        ]
        return np.stack(columns, axis=2)

    def _at_hand(self, name: str) -> tuple[Ints, Floats, Floats]:
        """Measurements of a stored quantity, each with some error: of some hundreds of cells at most; here none.

        Cells (h,), their values (h,) and ``_ignorance`` (h,).
        """
        return np.arange(0), np.empty(0), np.empty(0)

    def _looked_up(self, cells: Ints, name: str) -> tuple[Ints, Floats, Floats]:
        """As ``_at_hand``, where values of measured cells (n,) can be asked for at any time."""
        some = some_of(cells)
        values, spreads = (tell(some, [name])[:, 0] if len(some) else np.empty(0) for tell in self._own())
        return some, values, spreads

    def _measurements(self, name: str) -> TrueValues:
        """What measurements of a stored quantity tell of true values."""
        return true_values_of(*self._at_hand(name), self.quantities[name])

    def _own(self) -> tuple[_Teller, _Teller]:
        """What tells values and deviations by a cell alone."""
        return partial(self._tells, self._values), partial(self._tells, self._ignorance, spread=True)

    def _true_values(self, cells: Ints, names: Sequence[str], *, which: int) -> Floats:
        """The means (0) or deviations (1) of what is known of true values, as ``_values``."""
        found = self._own()[which](cells, names)
        for k, name in enumerate(names):
            measurements = self._measurements(name)
            if measurements.tell:
                own = [tell(cells, [name])[:, 0] for tell in self._own()]
                found[:, k] = measurements.expected(cells, *own)[which]
        return found

    def _checked(self, indices: ArrayLike, names: Sequence[str]) -> tuple[Ints, list[str]]:
        """The cells (n,), and the names of what they are kept as."""
        for name in names:
            if name not in self.quantities:
                known = ", ".join(self.quantities)
                raise UnknownNameError(f"the {self.name} backend has no quantity {short(name)}; it offers {known}")
        cells = load_space().check_row(indices)
        return cells, [self._accuracy_of.get(name, name) for name in names]

    def _asked(self, tell: _Teller, indices: ArrayLike, names: Sequence[str], *, spread: bool = False) -> Floats:
        cells, stored = self._checked(indices, names)
        if not (len(cells) and stored):
            return np.empty((len(cells), len(stored)))
        return self._tells(tell, cells, stored, spread=spread)

    def _tells(self, tell: _Teller, cells: Ints, names: Sequence[str], *, spread: bool = False) -> Floats:
        # Who sorts what it is given does not sort it for others.
        found = self._shaped(tell(cells.copy(), list(names)), (len(cells), len(names)))
        if spread and (wrong := (found < 0) | np.isinf(found)).any():
            raise SettingError(
                f"the {self.name} backend must tell deviations that are finite and at least 0, or NaN without a value; "
                f"got {short(found[wrong][0])}"
            )
        found[np.isinf(found)] = np.nan
        return found

    def _shaped(self, told: ArrayLike, shape: tuple[int, ...]) -> Floats:
        """What a subclass tells, as an array of its own; NaN where it is masked."""
        who = f"what the {self.name} backend tells"
        if array(who, told).dtype.kind not in "biufO":
            raise SettingError(f"{who} must be numbers; got {short(told)}")
        found = np.array(array(who, told, np.float64))
        if found.shape != shape:
            # NumPy would stretch a single column over all quantities.
            raise SettingError(f"the {self.name} backend must tell values of the shape {shape}; got {found.shape}")
        found[np.ma.getmask(told)] = np.nan
        return found

    def _told(self, tell: _Teller, indices: ArrayLike, names: Sequence[str]) -> Floats:
        return self._in_errors(self._asked(tell, indices, names), names)

    def _factors(self, names: Sequence[str]) -> list[float]:
        """By how much deviations grow where accuracies are asked for as errors."""
        return [100.0 if name in self._accuracy_of else 1.0 for name in names]

    def _in_errors(self, values: Floats, names: Sequence[str]) -> Floats:
        """Values (..., m), in place: accuracies that were asked for as errors turned into per cent of errors."""
        for k, name in enumerate(names):
            if name in self._accuracy_of:
                values[..., k] = 100.0 * (1.0 - values[..., k])
        return values


def errors_of(quantities: Mapping[str, Quantity]) -> dict[str, str]:
    """Names ``NAME_error`` of the errors that stand beside accuracies (fractions), by them the NAME."""
    accuracies = [k for k, q in quantities.items() if q.unit == "fraction" and "accuracy" in q.title]
    return {f"{name}_error": name for name in accuracies if f"{name}_error" not in quantities}


def with_errors(quantities: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """The quantities and, for each accuracy (a fraction), its error ``NAME_error`` in per cent."""
    errors = {
        error: Quantity(title=quantities[name].title.replace("accuracy", "error"), unit="%", direction="min")
        for error, name in errors_of(quantities).items()
    }
    return {**quantities, **errors}


def drawn(cells: Ints, seed: int | Sequence[int], n: int | Ints) -> Ints:
    """A number below n for each cell (k,), by a mixing function of seed and cell, whatever the order.

    Source: SplitMix64, Steele, Lea, Flood, OOPSLA 2014.
    """
    key = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    x = (cells.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) ^ key
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x ^ (x >> np.uint64(31))) % np.asarray(n, dtype=np.uint64), dtype=np.int64)


def standard_normal(cells: Ints, seed: int | Sequence[int]) -> Floats:
    """A standard normal number for each cell (k,), by seed and cell, whatever the order."""
    from scipy.special import ndtri

    steps = 1 << 53
    return ndtri((drawn(cells, seed, steps) + 0.5) / steps)
