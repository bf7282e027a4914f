"""Links of pages lead to files that the built documentation has: told without building it."""

import re
from itertools import pairwise

from pages import PAGES, ROOT, WRITTEN

# As docs/hooks.py takes them.
_KEPT = ("CHANGELOG.md", "benchmarks/*.md", "benchmarks/tables/*/README.md")
_MADE = "reference/commands.md"
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
_SCRIPT = re.compile(r"\bpython ((?:benchmarks|examples|tests)/\S+\.py)\b")


def shown():
    """Pages by their names in the documentation, and where they lie."""
    kept = {path.relative_to(ROOT).as_posix(): path for pattern in _KEPT for path in ROOT.glob(pattern)}
    return {path.relative_to(PAGES).as_posix(): path for path in PAGES.rglob("*.md")} | kept


def test_every_link_of_a_page_leads_to_a_file_of_the_documentation():
    pages, lost = shown(), []
    for name, path in pages.items():
        for link in _LINK.findall(re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)):
            target = (ROOT / name).parent.joinpath(link).resolve().relative_to(ROOT).as_posix()
            if target not in pages and target != _MADE and not any((at / target).is_file() for at in (PAGES, ROOT)):
                lost.append(f"{name}: {link}")
            elif target.endswith(".md") and target not in pages and target != _MADE:
                lost.append(f"{name}: {link} is no page of the documentation")
    assert not lost


def test_every_script_that_a_page_calls_is_there():
    named = [(page.name, script) for page in WRITTEN for script in _SCRIPT.findall(page.read_text(encoding="utf-8"))]
    assert len(named) > 20
    assert not [(page, script) for page, script in named if not (ROOT / script).is_file()]


def test_tables_and_lists_begin_after_an_empty_line_without_which_they_are_shown_as_text():
    lost = []
    for name, path in shown().items():
        lines = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S).splitlines()
        for before, line in pairwise(lines):
            for begins in (r"\|", r"- |\d+\. "):
                if re.match(begins, line) and before and not re.match(rf"{begins}|  |#", before):
                    lost.append(f"{name}: {line}")
    assert not lost


def test_every_page_is_in_the_navigation_or_led_to_by_another():
    told = (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"^ +- (?:[^:\n]+: )?(\S+\.md)$", told, re.M))
    assert named == {name for name in shown() if not name.startswith("benchmarks/tables/")} | {_MADE}
