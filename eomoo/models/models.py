"""Models as a user holds them: fitted or loaded, asked, judged and saved."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from eomoo.models.cell_models import CellModels, Quality
from eomoo.models.model_files import read_models, write_models

if TYPE_CHECKING:
    import pandas as pd


class Models(CellModels):
    """Models of named targets, asked by cell; see :class:`CellModels` for what they hold."""

    def check(self) -> pd.DataFrame:
        """How well cells were predicted that the models had not seen: a row for each target and scheme.

        Columns: target, unit, held_out ("by_walk", "by_cell", "by_operations") and those of ``Quality`` but groups.
        """
        import pandas as pd

        return pd.DataFrame(
            [
                {"target": name, "unit": self.targets[name].unit, "held_out": scheme, **_figures(quality)}
                for name, schemes in self.quality.items()
                for scheme, quality in schemes.items()
            ]
        )

    def save(self, folder: str | Path) -> list[Path]:
        """Write the models to a folder, which a problem card names as ``source = "surrogate:FOLDER"``.

        Returns:
            The files.

        Raises:
            SettingError: A target's name cannot be that of a file.
            DataError: A file cannot be written.
        """
        return write_models(self, folder)


def _figures(quality: Quality) -> dict[str, object]:
    return {name: value for name, value in asdict(quality).items() if name != "groups"}


def load_models(folder: str | Path) -> Models:
    """Read models from a folder, and check that they predict what they predicted when they were written.

    Those that did not come with eomoo are read and asked by another process first: XGBoost can die of a
    file that is not its own.

    Raises:
        DataNotFoundError: A file is missing.
        DataError: A file is damaged or belongs to other models, or this xgboost reads it otherwise.

    Examples:
        >>> from eomoo.models import shipped_folder
        >>> models = eomoo.load_models(shipped_folder())
        >>> "latency" in models.targets
        True
    """
    return Models(**vars(read_models(folder)))
