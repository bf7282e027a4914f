"""What may be said of two algorithms: the shift between them, its interval, what matters and why, and one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from eomoo.analysis.results import AREA, ProblemResults
from eomoo.arrays import Floats
from eomoo.errors import SettingError
from eomoo.fronts import hypervolume

ALPHA = 0.05
"""Significance, after correction: the usual level."""

WORDS = ("ahead", "behind", "equivalent", "undecided", "too few seeds")
"""What is said of the first of two: "ahead" and "behind": the shift is not zero; "equivalent": it is smaller than
what matters, zero or not; "undecided": neither is shown; "too few seeds": no shift could be, whatever came out."""

# Far below any difference of what is compared, far above the rounding of double precision.
_JUST_BELOW = 1.0 - 1e-9
# Exact signed-rank distributions are quick up to here, as SciPy has it too.
_MOST_EXACT = 50


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two samples compared by the differences of their pairs, first minus second.

    Attributes:
        n: Pairs.
        shift: Hodges and Lehmann's estimate, the median of the pairs' means of two differences; NaN where a
            value is infinite, of which no difference can be taken.
        low, high: Its 95 % interval, inverted from the signed-rank test; NaN for fewer than 6 pairs.
        matters: The smallest difference that matters; NaN where none is known.
        p, p_holm: Wilcoxon's signed-rank test of no shift, two-sided; corrected by ``judge``.
        p_equivalent, p_equivalent_holm: Two one-sided tests of a shift of at least what matters (TOST).
        word: One of ``WORDS``; "" where neither direction is better and the shift is not zero.
    """

    n: int
    shift: float
    low: float
    high: float
    matters: float
    p: float
    p_equivalent: float
    p_holm: float = 1.0
    p_equivalent_holm: float = 1.0
    word: str = ""


def compare(first: ArrayLike, second: ArrayLike, *, matters: float) -> Comparison:
    """Samples (n,) compared pair by pair: the same seed, the same place. What it comes to, ``judge`` says.

    Source: Wilcoxon, Biometrics Bulletin 1(6), 1945; Hodges and Lehmann, Annals of Mathematical Statistics 34(2),
    1963; the interval: Hollander, Wolfe, Chicken, Nonparametric Statistical Methods, 3.3; two one-sided tests:
    Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15(6), 1987. Tests are SciPy's.
    """
    a, b = (np.asarray(values, dtype=np.float64).ravel() for values in (first, second))
    if len(a) != len(b) or len(a) == 0 or np.isnan(a).any() or np.isnan(b).any():
        raise SettingError(f"pairs to be compared need at least one value each, and no NaN; got {len(a)} and {len(b)}")
    if matters <= 0:
        raise SettingError(f"the smallest difference that matters must be positive; got {matters:g}")
    nan = float("nan")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return Comparison(n=len(a), shift=nan, low=nan, high=nan, matters=matters, p=1.0, p_equivalent=1.0)
    d = a - b
    means = np.sort(((d[:, None] + d) / 2.0)[np.triu_indices(len(d))])
    k = _least_outside(len(d), ALPHA / 2.0)
    low, high = (float(means[k]), float(means[-1 - k])) if k >= 0 else (nan, nan)
    # A difference of just what matters, as counts have it, speaks against equivalence: as zero it would have no sign.
    least = _JUST_BELOW * matters
    above = _signed_rank(d + least, "greater") if matters == matters else 1.0
    below = _signed_rank(d - least, "less") if matters == matters else 1.0
    return Comparison(
        n=len(d),
        shift=float(np.median(means)),
        low=low,
        high=high,
        matters=matters,
        p=_signed_rank(d, "two-sided"),
        p_equivalent=max(above, below),
    )


def judge(found: Sequence[Comparison], larger_is_better: Sequence[bool | None]) -> list[Comparison]:
    """Comparisons made together, with corrected p-values and their words.

    Holm's correction counts comparisons, not tests: of a comparison's two null hypotheses, no shift and one that
    matters, only one can be true (Holm, Scandinavian Journal of Statistics 6(2), 1979; Shaffer, Journal of the
    American Statistical Association 81, 1986). So any of the words is wrong with a probability of at most
    ``ALPHA``. What is equivalent is called so even if the shift is not zero.
    """
    corrected = _corrected(np.array([(c.p, c.p_equivalent) for c in found]).reshape(-1, 2))
    judged = []
    for c, (p, p_equivalent), larger in zip(found, corrected.tolist(), larger_is_better, strict=True):
        if c.n < needed_seeds(len(found)):
            word = "too few seeds"
        elif p_equivalent < ALPHA:
            word = "equivalent"
        elif p >= ALPHA or c.shift == 0:
            word = "undecided"
        else:
            word = "" if larger is None else "ahead" if (c.shift > 0) == larger else "behind"
        judged.append(replace(c, p_holm=p, p_equivalent_holm=p_equivalent, word=word))
    return judged


def needed_seeds(n_comparisons: int) -> int:
    """Pairs below which no shift could be significant among so many comparisons, however large it is."""
    # All differences of one sign: of 2 ** n sets of signs the two most extreme.
    return next(n for n in count(1) if n_comparisons * 2.0 ** (1 - n) < ALPHA)


def _signed_rank(d: Floats, alternative: Literal["two-sided", "less", "greater"]) -> float:
    """p-value of differences (n,), of which those that are zero have no sign."""
    from scipy.stats import wilcoxon

    signed = d[d != 0]
    if len(signed) == 0:
        return 1.0
    method: Literal["exact", "auto"] = "exact" if len(signed) <= _MOST_EXACT else "auto"
    return float(wilcoxon(signed, alternative=alternative, method=method).pvalue)


def _least_outside(n: int, tail: float) -> int:
    """The largest k such that a signed-rank sum of n differences is at most k with probability ``tail``; -1: none."""
    chances = np.ones(1)
    for rank in range(1, n + 1):
        none = np.zeros(rank)
        chances = (np.concatenate((chances, none)) + np.concatenate((none, chances))) / 2.0
    return int(np.searchsorted(np.cumsum(chances), tail, side="right")) - 1


def _corrected(p: Floats) -> Floats:
    """p-values (k, 2), of which only one of a row can belong to a true hypothesis, corrected step by step."""
    corrected, left, largest = np.empty_like(p), np.full(len(p), 2), 0.0
    for place in np.argsort(p, axis=None, kind="stable").tolist():
        largest = max(largest, float(p.flat[place]) * int((left > 0).sum()))
        corrected.flat[place] = min(largest, 1.0)
        left[place // 2] -= 1
    return corrected


# Of a deviation: nobody could tell networks apart whose predicted values differ by so little.
_TENTH = 0.1
# Of the box in which objectives are normalised, so of the whole hypervolume: what moving one objective of a whole
# front by a hundredth of its range changes.
_HUNDREDTH = 0.01
# Of a step between cells: by less, fewer than every second pair of cells is a step nearer or farther.
_HALF = 0.5


def smallest_difference(problem: ProblemResults, indicator: str) -> float:
    """The smallest difference of an indicator that matters on a problem, in its unit; NaN where none is known.

    Of what a probe found under an indicator's name, it is the indicator's, where that is a value of an objective
    or a distance of cells.
    """
    named = [k for k, o in enumerate(problem.objectives) if f"{indicator}_".startswith(f"best_{o.name}_")]
    if named:
        # Of "error" and "error_top5" the longer name is meant.
        return _of_objective(problem, max(named, key=lambda k: len(problem.objectives[k].name)))
    if indicator.startswith(("mean_hamming", "max_hamming", "mean_edit", "max_edit")):
        return _HALF
    if indicator in ("hypervolume_share", AREA):
        return _HUNDREDTH
    if indicator == "hypervolume":
        whole = hypervolume(problem.reference, problem.box) or 1.0
        return _HUNDREDTH * whole
    if indicator in ("igd_plus", "additive_epsilon", "r2"):
        return _HUNDREDTH
    if indicator == "front_size":
        return 1.0
    return float("nan")


def _of_objective(problem: ProblemResults, k: int) -> float:
    known = np.array([deviation[k] for deviation in problem.deviations.values()])
    known = known[known > 0]
    if len(known):
        return _TENTH * float(np.median(known))
    width = float(np.ptp(problem.objectives.raw(np.stack((problem.box.ideal, problem.box.reference)))[:, k]))
    # In a box without width all values are equal, and any difference would matter.
    return _HUNDREDTH * width or np.finfo(float).tiny
