"""Reports: a run's or a study's stored results as a page that explains itself.

- :mod:`~eomoo.analysis.report.content`: what is said, from the store.
- :mod:`~eomoo.analysis.report.fronts`, :mod:`~eomoo.analysis.report.comparison`,
  :mod:`~eomoo.fronts.knee`: fronts, algorithms compared, knee points.
- :mod:`~eomoo.analysis.report.html`, :mod:`~eomoo.analysis.report.texts`: how it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eomoo.analysis.report.content import report_of
from eomoo.analysis.report.html import to_html
from eomoo.analysis.report.model import Report
from eomoo.analysis.report.texts import to_csv, to_latex, to_markdown
from eomoo.errors import SettingError
from eomoo.files import write_text
from eomoo.fronts.knee import knee_distances, knee_point

__all__ = [
    "FORMATS",
    "knee_distances",
    "knee_point",
    "render_report",
    "report_of",
    "to_csv",
    "to_html",
    "to_latex",
    "to_markdown",
    "write_report",
]

_WRITERS: dict[str, tuple[Callable[[Report], str], str]] = {
    "html": (to_html, "html"),
    "md": (to_markdown, "md"),
    "csv": (to_csv, "csv"),
    "latex": (to_latex, "tex"),
}
FORMATS = tuple(_WRITERS)
"""What a report can be written as."""


def render_report(folder: str | Path, *, format: str = "html") -> str:  # noqa: A002
    """The report of a run's or a study's folder as text in one of ``FORMATS``.

    Raises:
        StoreError: There are no results in the folder, or they are damaged.
        SettingError: (a ValueError) There is no such format.
    """
    return _writer(format)[0](report_of(folder))


def write_report(folder: str | Path, *, out: str | Path | None = None, format: str = "html") -> Path:  # noqa: A002
    """Write the report of a run's or a study's folder, by default as ``report.html`` into that folder.

    Returns:
        The file.

    Raises:
        StoreError: There are no results in the folder, or they are damaged.
        SettingError: (a ValueError) There is no such format.
        DataError: (a ValueError) The file cannot be written.
    """
    ending = _writer(format)[1]
    text = render_report(folder, format=format)
    place = Path(folder)
    path = Path(out) if out is not None else (place if place.is_dir() else place.parent) / f"report.{ending}"
    write_text(path, text)
    return path


def _writer(name: str) -> tuple[Callable[[Report], str], str]:
    if name not in _WRITERS:
        raise SettingError(f"a report is written as {', '.join(FORMATS)}; got {name!r}")
    return _WRITERS[name]
