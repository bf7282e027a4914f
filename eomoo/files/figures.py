"""Figures as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from eomoo.arrays import Figure
from eomoo.checks import choice, several
from eomoo.files.files import atomic_path
from eomoo.plots import FORMS, as_written, inches, look
from eomoo.progress import doing

# A date in a file would make the same figure another file every time; what made it is written where each form has room.
_FACTS: dict[str, tuple[str, dict[str, None]]] = {
    "png": ("Source", {}), "pdf": ("Subject", {"CreationDate": None}), "svg": ("Source", {"Date": None})
}  # fmt: skip


def check_figures(forms: str | Sequence[str] | None, width: str) -> tuple[str, ...]:
    """The forms that figures are to have, each once; SettingError unless they and the width are known."""
    inches(width)
    return tuple(dict.fromkeys(choice("the form of a figure", form, FORMS) for form in several(forms)))


def save_figures(
    figures: Mapping[str, Figure], folder: str | Path, forms: Sequence[str] = ("png",), *, all_of: str = ""
) -> list[Path]:
    """Write figures (by name) as ``NAME.FORM``, all or none, each whole; the same figure gives the same bytes.

    Where they are ``all_of`` something, such as "a run", others of it that eomoo wrote there before, of another name or
    form, are removed; nobody else's.

    Raises:
        DataError: (a ValueError) A file cannot be written.
    """
    written, mark = [], f"eomoo figure of {all_of or 'results'};"
    with ExitStack() as stack:
        for k, (name, figure) in enumerate(figures.items(), 1):
            with look(), doing(f"drawing figure {k} of {len(figures)}"):
                # Laid out once for all forms, else in each of them several times.
                as_written(figure).draw_without_rendering()
                # With eomoo's look that is none, where "none" stands for one that has each form drawn twice.
                figure.set_layout_engine(None)
                for form in dict.fromkeys(forms):
                    written.append(Path(folder) / f"{name}.{form}")
                    path, (named, facts) = stack.enter_context(atomic_path(written[-1])), _FACTS[form]
                    figure.savefig(path, format=form, metadata={**facts, named: mark})
    # What begins with a dot another process may be writing.
    for path in Path(folder).glob("[!.]*") if all_of else ():
        if path.suffix[1:] in FORMS and path not in written and path.is_file() and mark.encode() in path.read_bytes():
            path.unlink()
    return written
