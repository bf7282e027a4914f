"""What the columns of anybody's table are called here, and the units that their names tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from unicodedata import normalize

from eomoo.checks import listed
from eomoo.errors import DataError

# What stands in brackets behind a column's name, and what no file's name has.
_UNIT, _OTHERS = re.compile(r"\s*[\[(]([^][()]*)[\])]\s*$"), re.compile(r"[^A-Za-z0-9_.-]+")
# What stands over and under letters, as Unicode takes them apart.
_ACCENTS = re.compile(r"[\u0300-\u036f]+")
# Units that end a name, as in latency_ms; others of one letter, and "min", end names that mean something else.
_AT_END = re.compile(r".+_(ms|us|ns|[mukM]J|[mk]?Wh|[mk]W|[kMG]i?B)")


def called_columns(columns: Iterable[object], where: Path) -> dict[str, tuple[str, str]]:
    """Columns' names as files and cards can have them, and the units in brackets: energy, mJ of "energy [mJ]"."""
    texts = [column for column in columns if isinstance(column, str) and not column.startswith("Unnamed: ")]
    whole = [_plain(text) for text in texts]
    bare = [_plain(_UNIT.sub("", text)) for text in texts]
    # Energy in joules beside energy in watt-hours keep their units in their names.
    alone = Counter(bare)
    names = [b if b and alone[b] == 1 else w or text for text, b, w in zip(texts, bare, whole, strict=True)]
    for name in [name for name, n in Counter(names).items() if n > 1]:
        several = [text for text, other in zip(texts, names, strict=True) if other == name]
        raise DataError(f"{where}: the columns {listed(several)} would both be called {name!r}; rename one")
    ends = [_AT_END.fullmatch(name) for name in names]
    units = ["".join(_UNIT.findall(t)).strip() or (end[1] if end else "") for t, end in zip(texts, ends, strict=True)]
    return dict(zip(texts, zip(names, units, strict=True), strict=True))


def _plain(text: str) -> str:
    """The text in letters, digits and "_-.": energie of "énergie", whether its accent is a letter of its own or not."""
    return _OTHERS.sub("_", _ACCENTS.sub("", normalize("NFKD", text))).strip("_")
