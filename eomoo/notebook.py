"""What objects show of themselves in a notebook: HTML without colours of its own, for light and dark ones."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, tostring

from eomoo.arrays import Figure
from eomoo.plots import png_of

# Of a table, which is to be looked at and not searched: a DataFrame has the rest.
MOST_ROWS = 10


def element(tag: str, *content: object, **attributes: str) -> Element:
    """An element; content is texts, elements, None, and dicts of further attributes."""
    node = Element(tag, attributes)
    for item in content:
        if item is None:
            continue
        if isinstance(item, dict):
            node.attrib.update(item)
        elif isinstance(item, Element):
            node.append(item)
        elif len(node):
            node[-1].tail = (node[-1].tail or "") + str(item)
        else:
            node.text = (node.text or "") + str(item)
    return node


def table(columns: Sequence[str], rows: Sequence[Iterable[object]]) -> Element:
    """A table's first rows, and how many there are."""
    head = element("thead", element("tr", *(element("th", name) for name in columns)))
    body = [element("tr", *(element("td", value) for value in row)) for row in rows[:MOST_ROWS]]
    more = f"{MOST_ROWS} of {len(rows):,} rows" if len(rows) > MOST_ROWS else ""
    made = element("table", head, element("tbody", *body))
    return element("div", made, element("small", more), style="overflow-x: auto")


def picture(figure: Figure, alt: str) -> Element:
    """A figure as it is drawn, on white, whatever the notebook's colours."""
    source = "data:image/png;base64," + base64.b64encode(png_of(figure)).decode()
    return element("img", src=source, alt=alt, style=f"width: {96 * figure.get_figwidth():.0f}px; max-width: 100%")


def to_html(*content: object) -> str:
    """Elements and texts (a paragraph each) as HTML, in which no text is markup."""
    parts = (part if isinstance(part, Element) else element("p", part) for part in content)
    return tostring(element("div", *parts), encoding="unicode", method="html")
