"""What may tell something of dear quantities before they are measured: models, tables and runs of other tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.errors import SettingError
from eomoo.models import Models, fit, recipe_for
from eomoo.space import load_space


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Numbers of all cells that may go with a dear quantity; how much and with which sign is learnt.

    Attributes:
        name: What reports call it.
        tell: Cells (n,) -> numbers (n,), finite, of any unit and direction.
    """

    name: str
    tell: Callable[[Ints], Floats]

    def __call__(self, cells: Ints) -> Floats:
        """Its numbers for cells (n,).

        Raises:
            SettingError: (a ValueError) They have another shape, or are not finite.
        """
        found = np.asarray(self.tell(cells), dtype=np.float64)
        if found.shape != cells.shape or not np.isfinite(found).all():
            raise SettingError(f"the prior {self.name} must tell a finite number of each cell; got {found.shape}")
        return found


def priors_of_models(models: Models) -> list[Prior]:
    """A prior for each of the models' targets."""

    def of(k: int) -> Callable[[Ints], Floats]:
        return lambda cells: np.asarray(models.predict(cells)[0][:, k])

    return [Prior(name=name, tell=of(k)) for k, name in enumerate(models.targets)]


def prior_of_measured(name: str, cells: Ints, values: Floats, *, seed: int = 0) -> Prior:
    """A prior of what was measured of some cells (n,), in a table or by an earlier run: a model of these values (n,).

    Raises:
        SettingError: (a ValueError) Fewer than ten values are finite.
    """
    fine = np.isfinite(values)
    space, recipe = load_space(), recipe_for(name, values[fine])
    model = fit(recipe, space.features(cells[fine], recipe.encoding), values[fine][:, None], seed=seed)
    return Prior(name=name, tell=lambda asked: model.predict(space.features(asked, recipe.encoding))[0][:, 0])
