"""Pages of reference name all keys of cards, of live settings and of sources."""

import re
import subprocess
import sys

from pages import PAGES

from eomoo.objectives import card
from eomoo.objectives.backends import BACKENDS

# In a process of its own, since other tests add some.
SOURCES = frozenset(
    subprocess.run(
        [sys.executable, "-c", "from eomoo.objectives.backends import BACKENDS; print(*BACKENDS)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()
)  # fmt: skip


def rows(text):
    """The names in the first column of a page's tables."""
    return {name for line in re.findall(r"^\| (`.+?) \|", text, re.M) for name in re.findall(r"`([\w.]+)", line)}


def test_cards_have_the_keys_that_the_page_says():
    page = (PAGES / "reference" / "cards.md").read_text(encoding="utf-8")
    whole, _, live = page.partition("## Live")
    assert rows(live) == BACKENDS["live"].settings
    keys = {key for key in card._CARD_KEYS if f"`{key}`" in whole or f"`[[{key}]]`" in whole or f"`[{key}." in whole}
    assert keys == card._CARD_KEYS
    _, objectives, constraints, sources = re.split(r"^## (?:Objectives|Constraints|Sources)$", whole, flags=re.M)
    assert rows(objectives) == card._OBJECTIVE_KEYS
    assert rows(constraints) == card._CONSTRAINT_KEYS
    assert rows(sources) == SOURCES
    for line in re.findall(r"^\| `\w.*$", sources, re.M):
        source, _, settings = line.strip("|").split("|")
        named = set(re.findall(r"`(\w+)`", settings))
        assert named <= BACKENDS[re.search(r"\w+", source)[0]].settings
