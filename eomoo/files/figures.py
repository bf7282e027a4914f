"""Figures as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eomoo.checks import choice
from eomoo.files.files import atomic_path
from eomoo.plots import FORMS, WIDTHS, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# A date in a file would make the same figure another file every time.
_NO_DATE: dict[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


def check_figures(forms: Sequence[str], width: str) -> tuple[str, ...]:
    """The forms that figures are to have, each once; SettingError unless they and the width are known."""
    choice("the width of a figure", width, WIDTHS)
    return tuple(dict.fromkeys(choice("the form of a figure", form, FORMS) for form in forms))


def save_figures(figures: Mapping[str, Figure], folder: str | Path, forms: Sequence[str] = ("png",)) -> list[Path]:
    """Write figures (by name) as ``NAME.FORM``, whole or not at all; the same figure gives the same bytes.

    Raises:
        DataError: (a ValueError) A file cannot be written.
    """
    written = []
    for name, figure in figures.items():
        with look():
            # Laid out once for all forms, else in each of them several times.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            for form in dict.fromkeys(forms):
                written.append(Path(folder) / f"{name}.{form}")
                with atomic_path(written[-1]) as path:
                    figure.savefig(path, format=form, metadata=_NO_DATE.get(form))
    return written
