"""The code blocks of the documentation, of the README and of what else is written for readers."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ROOT / "docs" / "pages"
WRITTEN = [
    *sorted(PAGES.rglob("*.md")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
]
_BLOCK = re.compile(r'(<!-- not run: .+ -->\n)?^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is, and whether it may be run as it stands."""

    language: str
    title: str
    text: str
    runs: bool


def blocks(page):
    """The blocks of a page, in order."""
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(language, title, text, not mark) for mark, language, title, text in found]


def commands(page):
    """What a page has its reader type to call eomoo: from code blocks, and from spans that are whole commands."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        if block.language in ("bash", ""):
            # A command may go on in the next line.
            lines = block.text.replace("\\\n", " ").splitlines()
            yield from (part.strip() for line in lines for part in re.split(r"&&|;", line))
    spans = re.findall(r"`(eomoo [^`]+)`", re.sub(_BLOCK, "", text))
    yield from (" ".join(span.split()) for span in spans)
