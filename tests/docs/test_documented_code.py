"""Tutorials and other pages run from top to bottom: their files, their Python, their commands."""

import shlex
import tomllib

import pytest
from pages import PAGES, blocks

from eomoo import cli

RUN = [page for page in sorted(PAGES.rglob("*.md")) if any(b.language == "python" and b.runs for b in blocks(page))]
# Enough for a front, and quick.
SMALL = {"run": ["--budget", "30"], "study run": ["--budget", "60", "--seeds", "2", "--jobs", "1"]}


def shortened(words):
    """A command with little to do: a search that begins only. A study file says its own budget."""
    for name, options in SMALL.items():
        if " ".join(words).startswith(f"{name} "):
            from_file = any(word.endswith(".toml") for word in words)
            return [*words, *(["--seeds", "2", "--jobs", "1"] if from_file and name != "run" else options)]
    return words


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_a_page_runs_as_it_is_written(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(page):
        if block.language == "toml" and block.title and "/" not in block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
        elif block.runs and block.language == "python":
            exec(compile(block.text, page.name, "exec"), names)
        elif block.runs and block.language == "bash":
            for line in block.text.splitlines():
                call(shortened(shlex.split(line)[1:]), monkeypatch)
        elif block.language == "text" and block.text.startswith("┃"):
            printed = [columns(line) for line in capsys.readouterr().out.splitlines()]
            assert columns(block.text.splitlines()[0]) in printed
    assert list(tmp_path.iterdir()) or capsys.readouterr().out


def columns(line):
    return [title.strip() for title in line.split("┃")]


def call(words, monkeypatch):
    monkeypatch.setattr("sys.argv", ["eomoo", *words])
    code = None
    try:
        cli.main()
    except SystemExit as error:
        code = error.code
    assert not code, words


def test_every_toml_of_a_page_is_one():
    found = [block for page in PAGES.rglob("*.md") for block in blocks(page) if block.language == "toml"]
    assert len(found) > 3
    for block in found:
        tomllib.loads(block.text)
