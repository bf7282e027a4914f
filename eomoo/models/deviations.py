"""What the deviation of a prediction is made of, and how it is fitted to errors on held-out cells.

The variance of a measurement around its prediction, in parts of the target's, is that of the measurement itself,
and what is not known: of a Gaussian process that knows the nearest cell alone, and by how far the two parts of a
model differ. Both are larger where values are larger or smaller, and the latter for other kinds of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Bools, Floats, Ints, to_digits

TRAITS = ("maxpool", "conv1x1", "vertices", "channels")
"""Features by which a model's errors may differ, beside the predicted value and its square: chosen on the EO
table by the likelihood of errors on held-out walks."""

# A prediction farther from the middle counts as one so far, in deviations: a line must not be followed to the end.
_END = 2.5
# Weights of the prior: a slope is within a third of 0, which the likelihood of some hundred errors outweighs; the
# three variances are within a factor of three of where the search begins.
_PRIOR_SLOPES, _PRIOR_LEVEL = 5.0, 0.5
# Logarithms of variances, in parts of the target's; more than e^5 or less than e^-9 no error asks for.
_LEVEL_BOUNDS, _SLOPE_BOUNDS = (-9.0, 5.0), (-2.0, 2.0)
# Half the inverse variance of the logarithm of a variance that was measured with so many degrees of freedom is a
# quarter of these, 2 / n being the variance.
_PER_FREEDOM = 0.25
# Of repeated measurements that all agree; below it no error asks for more.
_LEAST_NOISE = 1e-4
# Degrees of freedom of Student's t: tails between those of the EO table's latencies and of its accuracies.
_FREEDOM = 8.0
# Share of a normal distribution within two deviations.
_WITHIN_TWO = 0.9545


@dataclass(frozen=True, kw_only=True)
class Clues:
    """What tells how far predictions of k cells may be off.

    Attributes:
        center: (k, m) predictions, in standardised terms.
        alike: (k,) squared likeness of the nearest cell that the process knows.
        gap: (k, m) squared distance of the parts from their mean.
        traits: (k, t) standardised ``TRAITS``, or none (t = 0) of cells whose features are others.
    """

    center: Floats
    alike: Floats
    gap: Floats
    traits: Floats

    def of(self, target: int) -> Clues:
        """Those of one target, m = 1."""
        here = slice(target, target + 1)
        return Clues(center=self.center[:, here], alike=self.alike, gap=self.gap[:, here], traits=self.traits)

    def only(self, rows: Ints | Bools) -> Clues:
        """Those of some cells."""
        parts = {name: values[rows] for name, values in vars(self).items()}
        return Clues(**parts)

    @classmethod
    def joined(cls, several: Sequence[Clues]) -> Clues:
        """Those of several lots of cells, one after the other."""
        return cls(**{name: np.concatenate([getattr(clues, name) for clues in several]) for name in vars(several[0])})


@dataclass(frozen=True, kw_only=True)
class Law:
    """Variances of m targets by the clues, in parts of the targets'.

    Attributes:
        level: (m, 3) variance of a measurement, variance far from all known cells, weight of the gap.
        slopes: (m, 2 + t) of the logarithms, over prediction and its square, and of what is not known over traits.
    """

    level: Floats
    slopes: Floats

    @classmethod
    def of_process(cls, noise: Floats) -> Law:
        """What a process with this noise (m,) says of itself."""
        ones = np.ones(len(noise))
        return cls(level=np.stack((noise, ones, ones), axis=1), slopes=np.zeros((len(noise), 2)))

    def noise(self, center: Floats) -> Floats:
        """Variances (k, m) of a measurement, by standardised predictions (k, m)."""
        ends = np.clip(center, -_END, _END)
        return np.asarray(self.level[:, 0] * np.exp(ends * self.slopes[:, 0] + (ends**2 - 1.0) * self.slopes[:, 1]))

    def variances(self, clues: Clues, *, repeats: Floats | float = 1.0) -> Floats:
        """Variances (k, m) of a measurement, or of the mean of so many (k,), around its prediction."""
        return np.asarray(self.noise(clues.center) / np.reshape(repeats, (-1, 1)) + self.unknown(clues))

    def unknown(self, clues: Clues) -> Floats:
        """Variances (k, m) of what is not known of the expected values."""
        noise, far, weight = self.level.T
        alone = far * (1.0 - clues.alike[:, None] * far / (far + noise))
        growth = np.empty_like(clues.center)
        for k, slopes in enumerate(self.slopes):
            # One after the other, so that the last bit is the same on every machine; a process by itself has two.
            growth[:, k] = sum(s * trait for s, trait in zip(slopes, _factors(clues, k).T, strict=False))
        return np.asarray((alone + weight * clues.gap) * np.exp(growth))


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The variance of a measurement around its cell's mean, pooled over repeated ones, and its degrees of freedom."""

    variance: float
    freedom: int


def fit_law(clues: Clues, errors: Floats, *, repeats: Floats | float = 1.0, noise: Noise | None = None) -> Law:
    """The law of one target under which errors (k,) on held-out cells, in its deviations, are likeliest.

    An error is that of the mean of so many repeats (k,). Noise that was measured, in parts of the target's variance,
    is what the first level begins with and is held to.

    The likelihood is that of Student's t, so that a few large errors do not widen all deviations. At last the law is
    scaled: 95 % of the errors are to lie within two deviations.
    """
    from scipy.optimize import minimize

    squares, factors = np.square(errors), _factors(clues, 0)
    n_slopes, gap = factors.shape[1], clues.gap[:, 0]
    start = np.concatenate((np.log(np.array([0.5, 1.0, 1.0]) * max(squares.mean(), 1e-9)), np.zeros(n_slopes)))
    prior = np.array([_PRIOR_LEVEL] * 3 + [_PRIOR_SLOPES] * n_slopes)
    if noise is not None:
        start[0], prior[0] = np.log(max(noise.variance, _LEAST_NOISE)), _PRIOR_LEVEL + _PER_FREEDOM * noise.freedom

    def loss(x: Floats) -> tuple[float, Floats]:
        """Minus the logarithm of likelihood times prior, and its gradient."""
        (level, far, weight), growth = np.exp(x[:3]), np.exp(factors @ x[3:])
        own = level * np.exp(factors[:, :2] @ x[3:5]) / repeats
        known = clues.alike * far / (far + level)
        unknown = (far * (1.0 - known) + weight * gap) * growth
        variance = own + unknown
        scaled = squares / (variance * (_FREEDOM - 2.0))
        steep = 0.5 * (1.0 - (_FREEDOM + 1.0) * scaled / (1.0 + scaled)) / variance
        away = x - start
        by_level = (
            own + level * growth * clues.alike * (far / (far + level)) ** 2,
            far * growth * (1.0 - known * (far + 2.0 * level) / (far + level)),
            weight * gap * growth,
        )
        gradient = np.concatenate(([steep @ g for g in by_level], (steep * unknown) @ factors)) + 2.0 * prior * away
        gradient[3:5] += (steep * own) @ factors[:, :2]
        return float(0.5 * (np.log(variance) + (_FREEDOM + 1.0) * np.log1p(scaled)).sum() + prior @ away**2), gradient

    bounds = [_LEVEL_BOUNDS] * 3 + [_SLOPE_BOUNDS] * n_slopes
    x = minimize(loss, start, method="L-BFGS-B", jac=True, bounds=bounds).x[None]
    found = Law(level=np.exp(x[:, :3]), slopes=x[:, 3:])
    scale = spread(errors / np.sqrt(found.variances(clues, repeats=repeats)[:, 0]))
    # Since the last bits of an optimum depend on the processor.
    return Law(level=to_digits(found.level * scale**2, 3), slopes=to_digits(found.slopes, 3))


def spread(z: Floats) -> float:
    """The factor by which errors in deviations (k,) exceed those of a normal distribution."""
    return float(np.quantile(np.abs(z), _WITHIN_TWO)) / 2.0 or 1.0


def _factors(clues: Clues, k: int) -> Floats:
    """What the slopes are over (n, 2 + t)."""
    center = np.clip(clues.center[:, k], -_END, _END)
    return np.column_stack((center, center**2 - 1.0, clues.traits))
