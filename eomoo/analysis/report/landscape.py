"""The landscape sheet in a report, where one lies in the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eomoo.analysis.report.model import Picture, Section, Table
from eomoo.analysis.report.wording import number
from eomoo.errors import DataError
from eomoo.files import read_bytes

__all__ = ["landscape_sections"]

_MOST_PNG = 1_500_000


def landscape_sections(place: Path) -> Iterator[Section]:
    """A section with the sheet and numbers that ``eomoo landscape`` wrote there; none where it did not."""
    picture, numbers = place / "landscape.png", place / "landscape.json"
    blocks: list[Any] = []
    if picture.is_file():
        alt = "Sheet of the problem's landscape; its numbers are in the table below."
        blocks.append(Picture(title="Landscape sheet", key="landscape", png=_small_png(picture), alt=alt))
    if numbers.is_file():
        try:
            content = json.loads(read_bytes(numbers, max_size=10_000_000))
        except ValueError:
            raise DataError(f"{numbers} is no JSON; write it again with: eomoo landscape --out DIR") from None
        rows = list(_flat(content))[:200]
        blocks.append(
            Table(title="The landscape in numbers", columns=["measure", "value"], rows=rows, key="landscape")
        )
    if blocks:
        yield Section(
            id="landscape", title="The landscape", text=["What kind of problem this is."], blocks=blocks
        )


def _flat(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers and words of nested JSON, each with its path; long lists are left to the file."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{path} / {key}".removeprefix(" / ").replace("_", " "))
    elif isinstance(content, list):
        if all(isinstance(item, dict) and "name" in item for item in content):
            for item in content:
                yield from _flat({k: v for k, v in item.items() if k != "name"}, f"{path} / {item['name']}")
        elif len(content) <= 3 and not any(isinstance(item, dict | list) for item in content):
            yield path, ", ".join(number(v) if isinstance(v, int | float) else str(v) for v in content)
    elif content is not None:
        yield path, content


def _small_png(path: Path) -> bytes:
    """A picture's bytes; a heavy one is made smaller, so that the page stays light."""
    png = read_bytes(path, max_size=50_000_000)
    if len(png) <= _MOST_PNG:
        return png
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(png)) as image:
        image.thumbnail((1800, 2600))
        small = BytesIO()
        image.convert("RGB").quantize(128).save(small, format="PNG", optimize=True)
    return small.getvalue()
