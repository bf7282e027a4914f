"""A report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

from eomoo.analysis.fronts import FrontData, front_json
from eomoo.analysis.tables import Code, Curves, Differences, Facts, Measured, Picture, Report, Section, Table, plain
from eomoo.analysis.wording import value_text
from eomoo.notebook import element as _element
from eomoo.plots import number

_PARTS = "dom pictures words cell axes draws front scatter parallel choose detail curves tables main"
_SCRIPTS = [f"{name}.js" for name in _PARTS.split()]


def to_html(report: Report) -> str:
    """The page: text and tables as HTML, figures as data that the page's scripts draw.

    Texts from the store enter as text of elements and as JSON, never as markup; a content security
    policy allows this page's own script and style and nothing else, from no other place.
    """
    data: list[dict[str, Any]] = []
    script, style, mark = _assets()
    # Everything but the data first: the sections fill it while they are made.
    main = _element(
        "main",
        _header(report),
        *(_section(section, data) for section in report.sections),
        _element("footer", _element("p", f"Made by {report.made}, from stored results. This page is offline.")),
    )
    head = _element(
        "head",
        _element("meta", charset="utf-8"),
        _element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _element("meta", {"http-equiv": "Content-Security-Policy", "content": _policy(script, style)}),
        _element("meta", name="color-scheme", content="light dark"),
        _element("meta", name="generator", content="eomoo"),
        _element("title", f"{report.title} · eomoo"),
        _element("style", style),
    )
    body = _element(
        "body",
        _element("a", "Skip to the content", {"class": "skip", "href": "#top"}),
        _navigation(report, fromstring(mark)),
        main,
        _element("noscript", _element("p", "Figures are drawn by this page's script, which is switched off.")),
        _element("script", _inert(json.dumps(data, allow_nan=False)), type="application/json", id="data"),
        _element("script", script),
    )
    page = tostring(_element("html", head, body, lang="en"), encoding="unicode", method="html")
    # A card may hold lone surrogates, which no file can.
    return "<!DOCTYPE html>\n" + page.encode("utf-8", "replace").decode()


def _inert(text: str) -> str:
    """JSON that cannot end its script element, whatever it holds."""
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


@lru_cache(maxsize=1)
def _assets() -> tuple[str, str, str]:
    """The page's script, its style, and a small cell as a sign, in SVG."""
    folder = files("eomoo.analysis.printing").joinpath("assets")
    script, style, mark = (
        "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
        for names in (_SCRIPTS, ["page.css"], ["mark.svg"])
    )
    return f'(() => {{\n"use strict";\n{script}}})();\n', style, mark


def _policy(script: str, style: str) -> str:
    allowed = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style))
    mine, looks = (f"'sha256-{digest}'" for digest in allowed)
    return (
        f"default-src 'none'; script-src {mine}; style-src {looks}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _whole(text: str) -> str:
    """A sentence in which no line begins with a unit or a deviation, without a terminal's marks around commands."""
    text = re.sub("`(eomoo [^`]*)`", r"\1", text)
    return re.sub(r"(?<=\d) (?=%|±|ms\b)|(?<=±) ", "\N{NO-BREAK SPACE}", text)


def _header(report: Report) -> Element:
    kind = {"class": "tile"}
    tiles = [_element("div", _element("dt", what), _element("dd", value), kind) for value, what in report.tiles]
    return _element(
        "header",
        _element("p", "eomoo report", {"class": "kicker"}),
        _element("h1", report.title),
        *(_element("p", _whole(sentence), {"class": "lead"}) for sentence in report.lead),
        _element("dl", *tiles, {"class": "tiles"}),
        id="top",
    )


def _navigation(report: Report, mark: Element) -> Element:
    links = [
        _element("li", _element("a", section.short or section.title, href=f"#{section.id}"))
        for section in report.sections
        if section.level == 2
    ]
    switch = _element("button", "theme", type="button", id="theme", hidden="hidden")
    return _element(
        "nav",
        _element("a", mark, "eomoo", {"class": "brand", "href": "#top"}),
        _element("ul", *links),
        switch,
        {"aria-label": "Sections"},
    )


def _section(section: Section, data: list[dict[str, Any]]) -> Element:
    listed = section.id == "sources"
    text = [_element("li" if listed else "p", _whole(sentence)) for sentence in section.text]
    return _element(
        "section",
        _element(f"h{section.level}", section.title),
        *([_element("ol", *text, {"class": "sources"})] if listed else text),
        *(_block(block, data) for block in section.blocks),
        {"class": f"level{section.level}"},
        id=section.id,
    )


def _block(block: object, data: list[dict[str, Any]]) -> Element:
    if isinstance(block, FrontData):
        return _drawn({"kind": "front", **front_json(block)}, data)
    if isinstance(block, Curves | Differences):
        content = {"kind": type(block).__name__.lower(), **asdict(block)}
        return _figure(block.title, block.note, _drawn(content, data))
    if isinstance(block, Table):
        return _figure(block.title, block.note, _table(block), long=len(block.rows) > 30)
    if isinstance(block, Picture):
        source = "data:image/png;base64," + base64.b64encode(block.png).decode()
        return _figure(block.title, block.note, _element("img", src=source, alt=block.alt))
    if isinstance(block, Facts):
        rows = [part for name, value in block.rows for part in (_element("dt", name), _element("dd", value))]
        return _element(
            "div", _element("h4", block.title), _element("dl", *rows, {"class": "facts"}), {"class": "panel inline"}
        )
    assert isinstance(block, Code), block
    return _element(
        "div",
        _element("div", _element("code", block.text), {"class": "command"}),
        _element("p", block.note, {"class": "soft"}) if block.note else None,
    )


def _drawn(content: dict[str, Any], data: list[dict[str, Any]]) -> Element:
    data.append(content)
    return _element("div", {"data-block": str(len(data) - 1), "class": content["kind"]})


def _figure(title: str, note: str, content: Element, *, long: bool = False) -> Element:
    if long:
        content = _element("details", _element("summary", "Show the table"), content)
    return _element(
        "figure",
        _element("div", _element("h4", title), {"class": "controls"}),
        content,
        _element("figcaption", note, {"class": "note"}) if note else None,
        {"class": "panel"},
    )


def _table(table: Table) -> Element:
    head = [
        _element("th", title, {"class": "number"} if table.is_numeric(k) else {}, scope="col")
        for k, title in enumerate(table.columns)
    ]
    rows = [
        _element("tr", *(_cell(value, table.is_best(k, value), table.is_numeric(k)) for k, value in enumerate(row)))
        for row in table.rows
    ]
    made = _element(
        "table",
        _element("thead", _element("tr", *head)),
        _element("tbody", *rows),
        {"data-key": table.key, "data-keep": " ".join(map(str, table.keep))},
    )
    return _element("div", made, {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": table.title})


def _cell(value: object, is_best: bool, is_numeric: bool) -> Element:
    bare = plain(value)
    if bare is None:
        return _element("td", value_text(value), {"class": "number"} if is_numeric else {})
    attributes = {"class": "number best" if is_best else "number"}
    if bare == bare:
        attributes["data-value"] = repr(value) if isinstance(value, int) else repr(bare)
    if isinstance(value, Measured):
        attributes |= {"data-low": repr(value.q25), "data-high": repr(value.q75)}
        middle, mark, between = value_text(value).partition(" [")
        return _element("td", middle, _element("span", mark + between, {"class": "soft"}), attributes)
    return _element("td", number(value) if isinstance(value, int | float) else value_text(value), attributes)
