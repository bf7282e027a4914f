"""A model of a dear quantity from trainings of several lengths and from priors, by one mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eomoo.arrays import Bools, Floats, Ints

# What follows was chosen on the training times of NAS-Bench-101's sample (see benchmarks/live_search.py).
# Squared distances at which cells are half alike, and variances of what features do not tell, in parts of the
# process's own, that are tried.
_LENGTHS = (0.3, 1.0, 3.0, 10.0)
_NOISES = (0.01, 0.03, 0.1, 0.3)
# Variances of a term's weight that are tried, in the same parts; 0 leaves the term out.
_WEIGHTS = (0.0, 0.3, 1.0, 3.0, 10.0)
# Variance of the mean, which is as good as unknown.
_MEAN = 9.0
# The scale's own prior: as good as so many values whose variance is that of the values.
_PRIOR_VALUES = 2.0
# Rounds of coordinate descent: the second hardly ever changes anything.
_SWEEPS = 2
# What a shorter training tells leans to the same sign: its weight is expected at two of its deviations above 0, and
# leaving it out has to be this much likelier, in logarithms.
_LEANING, _DROP = 0.25, 2.0
# Of a weight's logarithm: as good as a prior that falls with its power; a third of it from so many values on.
_SHRINKAGE, _FEW = 0.5, 15


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was measured of a quantity after a length of training.

    Attributes:
        rows: (n,) rows of the cells among those that features are given of; each at most once.
        values: (n,) minimised or raw, finite.
    """

    rows: Ints
    values: Floats


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a process: likeness of cells, variance of what features do not tell, and of each term's weight."""

    length: float
    noise: float
    weights: tuple[float, ...]


class Process:
    """A Gaussian process of values at some cells, with terms whose weights and signs are learnt.

    Its covariance is ``s (k(x, x') + sum_p w_p m_p(x) m_p(x') + 9)``, k rational quadratic of shape 1; s has
    an inverse gamma prior and is integrated out. A term m_p w_p m_p' is a linear regression on m_p whose weight
    has the variance w_p: a useless prior gets w_p = 0, one that is turned round a negative weight.

    Args:
        distance: (n, n) mean squared differences of the measured cells' standardised features.
        terms: (n, p) the priors at these cells, each standardised.
        values: (n,) at least one.
        leaning: (p,) bool, terms whose weight is expected to be positive.
        shrinkage: Penalty of a weight's logarithm.
        settings: Those of an earlier fit; by default the likeliest of a few, by coordinate descent, with
            the penalty that ``shrinkage`` says.

    Source: Rasmussen, Williams, Gaussian Processes for Machine Learning, 2006, sections 2.7 and 5.4; Kennedy,
    O'Hagan, Biometrika 87(1), 2000, and Le Gratiet, Garnier, Int. J. Uncertainty Quantification 4(5), 2014, where
    the term is what a shorter training tells.
    """

    def __init__(
        self,
        distance: Floats,
        terms: Floats,
        values: Floats,
        *,
        leaning: Bools | None = None,
        shrinkage: float = 0.0,
        settings: Settings | None = None,
    ) -> None:
        self._distance, self._terms = distance, terms
        self._leaning = np.zeros(terms.shape[1], dtype=bool) if leaning is None else leaning
        self._middle, self._unit = float(np.median(values)), float(values.std()) or abs(float(values[0])) or 1.0
        self._values = (values - self._middle) / self._unit
        self.settings = settings or self._likeliest(shrinkage)

    def __call__(self, distance: Floats, terms: Floats) -> tuple[Floats, Floats]:
        """Mean and variance (c,) of new values at cells, given distances (n, c) and terms (c, p)."""
        s = self.settings
        w = self._variances(s)
        cross = 1.0 / (1.0 + distance / s.length) + _MEAN + (self._terms * w) @ terms.T
        # Half of what features do not tell is taken for noise, which is nobody's gain.
        left = 0.5 * s.noise
        own = 1.0 + _MEAN + left + (terms**2 * w).sum(axis=1)
        known = (cross * (self._inverse @ cross)).sum(axis=0)
        mean = cross.T @ (self._inverse @ self._rest(s)) + terms @ self._expected(s)
        variance = self._scale * np.maximum(own - known, left)
        return self._middle + self._unit * mean, self._unit**2 * variance

    @property
    def slopes(self) -> Floats:
        """(p,) posterior means of the terms' weights, in the values' unit for a deviation of the term."""
        s = self.settings
        learnt = self._variances(s) * (self._terms.T @ (self._inverse @ self._rest(s)))
        return np.asarray(self._unit * (self._expected(s) + learnt))

    def _expected(self, s: Settings) -> Floats:
        """(p,) prior means of the terms' weights."""
        return np.asarray(self._leaning * np.sqrt(np.array(s.weights)))

    def _variances(self, s: Settings) -> Floats:
        """(p,) prior variances of the terms' weights."""
        return np.asarray(s.weights) * np.where(self._leaning, _LEANING, 1.0)

    def _rest(self, s: Settings) -> Floats:
        return np.asarray(self._values - self._terms @ self._expected(s))

    @cached_property
    def _inverse(self) -> Floats:
        return np.asarray(np.linalg.inv(self._covariance(self.settings)))

    @cached_property
    def _scale(self) -> float:
        rest = self._rest(self.settings)
        fit = float(rest @ (self._inverse @ rest))
        return (_PRIOR_VALUES + fit) / (_PRIOR_VALUES + len(self._values))

    def _covariance(self, s: Settings) -> Floats:
        likeness = 1.0 / (1.0 + self._distance / s.length) + _MEAN
        likeness += (self._terms * self._variances(s)) @ self._terms.T
        return np.asarray(likeness + s.noise * np.eye(len(likeness)))

    def _likelihood(self, s: Settings) -> float:
        """Logarithm of the marginal likelihood but for a constant, to six digits: BLAS may differ beyond."""
        factor = np.linalg.cholesky(self._covariance(s))
        white = np.linalg.solve(factor, self._rest(s))
        n = len(self._values)
        fit = 0.5 * (_PRIOR_VALUES + n) * np.log(_PRIOR_VALUES + float(white @ white))
        return round(float(-fit - np.log(np.diag(factor)).sum()), 6)

    def _likeliest(self, shrinkage: float) -> Settings:
        tried = [_LENGTHS, _NOISES, *[_WEIGHTS] * self._terms.shape[1]]
        chosen = [1, 1, *[2 if lean else 0 for lean in self._leaning]]

        def penalised(at: Sequence[int]) -> float:
            weights = tuple(_WEIGHTS[k] for k in at[2:])
            settings = Settings(length=_LENGTHS[at[0]], noise=_NOISES[at[1]], weights=weights)
            dropped = int((self._leaning & (np.array(weights) == 0)).sum())
            return self._likelihood(settings) - shrinkage * float(np.log1p(weights).sum()) - _DROP * dropped

        best = penalised(chosen)
        for _ in range(_SWEEPS):
            before = list(chosen)
            for axis in reversed(range(len(chosen))):
                for k in range(len(tried[axis])):
                    other = [*chosen[:axis], k, *chosen[axis + 1 :]]
                    score = penalised(other) if k != chosen[axis] else -np.inf
                    if score > best:
                        best, chosen = score, other
            if chosen == before:
                break
        weights = tuple(_WEIGHTS[k] for k in chosen[2:])
        return Settings(length=_LENGTHS[chosen[0]], noise=_NOISES[chosen[1]], weights=weights)


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What is expected of a quantity after a full training.

    Attributes:
        mean, std: (c,) of a measurement.
        short: (c,) means of the measurements of each rung, in order; None where nothing was measured.
        slopes: (p,) weights of the terms: the priors, then, where there are shorter trainings, what these tell.
        settings: Of the process of each rung, in order; None where nothing was measured.
    """

    mean: Floats
    std: Floats
    short: tuple[Floats | None, ...]
    slopes: Floats
    settings: tuple[Settings | None, ...]


def predict_ladder(
    Z: Floats, observed: Sequence[Observed], priors: Floats, *, settings: Sequence[Settings | None] | None = None
) -> Predicted | None:
    """Predictions of full trainings from all lengths of training; None before the first full one.

    Each length has a process of its own, in which what the shorter one's expects is a term, and so is by how
    much a cell's own short training was off that.

    Args:
        Z: (c, d) standardised features on the grid of ``models``.
        observed: By length of training, the full one last.
        priors: (c, p), of any unit.
        settings: Those of an earlier fit, which are kept.
    """
    if not len(observed[-1].rows):
        return None
    known, variance = np.empty((len(Z), 0)), np.zeros(len(Z))
    own = np.stack([_standard(column) for column in priors.T], axis=1) if priors.shape[1] else known
    chosen: list[Settings | None] = []
    short: list[Floats | None] = []
    for k, here in enumerate(observed):
        n = len(here.rows)
        if not n:
            chosen.append(None)
            short.append(None)
            continue
        terms = np.concatenate((own, known), axis=1)
        distance = _distances(Z[here.rows], Z)
        process = Process(
            distance[:, here.rows],
            terms[here.rows],
            here.values,
            leaning=np.arange(terms.shape[1]) >= own.shape[1],
            shrinkage=_SHRINKAGE if n < _FEW else _SHRINKAGE / 3,
            settings=settings[k] if settings is not None else None,
        )
        chosen.append(process.settings)
        mean, own_variance = process(distance, terms)
        slopes = process.slopes
        short.append(mean)
        if known.shape[1]:
            own_variance += slopes[-2] ** 2 * variance
        unit = float(mean.std()) or 1.0
        off = np.zeros(len(Z))
        off[here.rows] = (here.values - mean[here.rows]) / unit
        known, variance = np.stack((_standard(mean), off), axis=1), own_variance / unit**2
        variance[here.rows] = 0.0
    return Predicted(mean=mean, std=np.sqrt(own_variance), short=tuple(short), slopes=slopes, settings=tuple(chosen))


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / (float(values.std()) or 1.0))


def _distances(known: Floats, Z: Floats) -> Floats:
    """(n, c) mean squared differences of features (n, d) and (c, d), exact on the grid."""
    ratio: Floats = -2.0 * (known @ Z.T)
    ratio += (known * known).sum(axis=1)[:, None]
    ratio += (Z * Z).sum(axis=1)
    ratio /= Z.shape[1]
    return ratio
