"""Wall hours as a budget: a termination for any algorithm, which trainings that have not begun heed too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Real
from time import time

from pymoo.core.algorithm import Algorithm
from pymoo.core.termination import TerminateIfAll, Termination

from eomoo.checks import number, short
from eomoo.errors import SettingError
from eomoo.objectives import Backend

_SECONDS = 3600.0
_LIMITS = {"n_max_evals": "evaluations", "n_max_gen": "generations", "max_time": "seconds"}


class Hours(Termination):
    """Ends a run after so many wall hours, as ``minimize(problem, algorithm, Hours(8))`` or among other criteria.

    Trainings of live cards that have not begun by then are not begun; those that have end as usual, and count.

    Args:
        hours: Above 0, counted from the algorithm's ``setup``.
        spent: Hours that an earlier part of the run took.
        replayed: Distinct cells of that part. While they are gone through again, the clock stands still.

    Raises:
        SettingError: (a ValueError) No number above 0.

    Examples:
        >>> from eomoo.search import Hours
        >>> Hours(0.5).hours
        0.5
    """

    def __init__(self, hours: float, *, spent: float = 0.0, replayed: int = 0) -> None:
        super().__init__()
        self.hours = check_hours(hours)
        self.spent, self.replayed = spent, replayed
        self._began: float | None = None
        self._refused = False

    def until(self, algorithm: Algorithm, n_asked: int = 0) -> float:
        """When they are over, by ``time.time()``; infinite while nothing but the earlier part was asked for."""
        if not self.replayed:
            return float(algorithm.start_time) + _SECONDS * (self.hours - self.spent)
        if self._began is None and getattr(algorithm.evaluator, "n_distinct", math.inf) + n_asked > self.replayed:
            self._began = time()
        return math.inf if self._began is None else self._began + _SECONDS * (self.hours - self.spent)

    def over(self, algorithm: Algorithm) -> bool:
        """Whether they are over."""
        return self._refused or time() >= self.until(algorithm)

    def end(self) -> float:
        """End them now: a training was refused by a clock that is ahead, or that was set back since."""
        self._refused = True
        return 0.0

    def _update(self, algorithm: Algorithm) -> float:
        left = 0.0 if self._refused else self.until(algorithm) - time()
        return max(0.0, 1.0 - left / _SECONDS / self.hours)


def check_hours(hours: float) -> float:
    """The hours; SettingError (a ValueError) unless they are a number above 0."""
    if number("hours", hours) <= 0:
        raise SettingError(f"hours must be above 0; got {hours:g}")
    return float(hours)


def told_by(termination: Termination, tell: Callable[[Termination], float | None]) -> list[float]:
    """What a termination tells, or else those that it is made of; of those that must all be met the last, if known."""
    told = tell(termination)
    if told is not None:
        return [told]
    parts = getattr(termination, "criteria", getattr(termination, "terminations", ()))
    found = [told_by(part, tell) for part in parts]
    if isinstance(termination, TerminateIfAll):
        return [max(map(min, found))] if all(found) else []
    return [limit for limits in found for limit in limits]


def check_termination(termination: Termination) -> None:
    """Raise SettingError (a ValueError) where a number that pymoo's terminations divide by is none above 0."""
    for name, what in _LIMITS.items():
        limit = getattr(termination, name, None)
        if limit is not None and not (isinstance(limit, Real) and float(limit) > 0):
            raise SettingError(f"a termination needs {what} above 0; got {short(limit)}")
    for part in getattr(termination, "criteria", ()):
        check_termination(part)


@contextmanager
def heeding_hours(backends: Iterable[Backend], algorithm: Algorithm | None, n_asked: int) -> Iterator[None]:
    """Let backends begin no training once the hours of an algorithm that asks for n genotypes are over.

    One that was refused, by whatever clock, ends them: its backend's ``until`` is then minus infinity.
    """
    until = math.inf
    if algorithm is not None:
        check_termination(algorithm.termination)
        ends = told_by(algorithm.termination, lambda t: t.until(algorithm, n_asked) if isinstance(t, Hours) else None)
        until = min(ends, default=math.inf)
    for backend in backends:
        backend.until = until
    try:
        yield
    finally:
        if algorithm is not None and any(backend.until == -math.inf for backend in backends):
            told_by(algorithm.termination, lambda t: t.end() if isinstance(t, Hours) else None)
        for backend in backends:
            backend.until = math.inf
