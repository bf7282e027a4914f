"""The tables of a result store, and how 0.1.0's become today's; the statements are in the SQL files beside this one."""

from __future__ import annotations

from pathlib import Path

from eomoo.files import Schema


def _statements(name: str) -> tuple[str, ...]:
    text = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
    return tuple(part.strip() for part in text.split(";") if part.strip())


_SECOND_FORMAT = _statements("second_format")
RESULTS = Schema(
    what="result store",
    marker="meta",
    version=2,
    tables=(*_statements("first_format"), *_SECOND_FORMAT),
    upgrades={1: _SECOND_FORMAT},
    views={1: _statements("first_as_second")},
)
