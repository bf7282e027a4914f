"""What a search asks of a model: a fit, and predictions with or without standard deviations."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Floats
from eomoo.errors import SettingError


class Model(Protocol):
    """One model a column, fitted together."""

    def predict(self, features: NDArray[Any], /) -> Floats | tuple[Floats, Floats | None]:
        """Means (n, m) for features (n, d), alone or with standard deviations (n, m) or None."""
        ...


class Fit(Protocol):
    """How a model is fitted."""

    def __call__(self, features: NDArray[Any], Y: Floats, /, *, seed: int) -> Model:
        """A model of values (n, m), minimised, of cells with features (n, d)."""
        ...


def predict(model: Model, features: NDArray[Any], n_columns: int) -> tuple[Floats, Floats | None]:
    """Means (n, m) and standard deviations (n, m), None where the model tells none.

    Raises:
        SettingError: (a ValueError) The model's answer has another shape, or is not finite.
    """
    found = model.predict(features)
    given = found if isinstance(found, tuple) else (found, None)
    mean = np.asarray(given[0], dtype=np.float64)
    std = None if given[1] is None else np.asarray(given[1], dtype=np.float64)
    shape = (len(features), n_columns)
    for what, values in (("mean", mean), ("standard deviation", std)):
        if values is not None and (values.shape != shape or not np.isfinite(values).all()):
            raise SettingError(f"the model's {what} must be finite, of shape {shape}; got shape {values.shape}")
    if std is not None and (std < 0).any():
        raise SettingError("the model's standard deviations must not be negative")
    return mean, std
