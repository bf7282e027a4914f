"""What the builder of the documentation adds: the command line as its parsers have it, and what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import eomoo
from eomoo.cli import app

ROOT = Path(__file__).resolve().parent.parent
# Pages and pictures that are kept elsewhere, and shown as they are.
KEPT = (
    *("CHANGELOG.md", "benchmarks/*.md", "benchmarks/figures/*.png", "benchmarks/suite/*.png"),
    *("benchmarks/tables/*/README.md", "examples/notebooks/*.ipynb"),
)
COMMANDS, NAMES = "reference/commands.md", "reference/python.md"
# What a browser fetches by itself; a link that a reader may follow is another thing.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b(?=[^>]*stylesheet)[^>]*href=["']?(?:https?:)?//"""
)
# Sphinx's way to name a thing in a docstring, as Markdown leaves it.
_ROLE = re.compile(r":(?:func|class|data):<code>~?(?:\w+\.)*(\w+)</code>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of commands, and the files that are kept elsewhere."""
    files.append(File.generated(config, COMMANDS, content=commands_page()))
    for path in sorted(path for pattern in KEPT for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Add to the page of Python's names those that it does not group."""
    if page.file.src_uri != NAMES:
        return markdown
    shown = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)", markdown, re.M)} | {"__version__"}
    left = [name for name in eomoo.__all__ if name not in shown]
    return "\n\n".join([markdown, *(["## More"] if left else []), *(f"::: eomoo.{name}\n" for name in left)])


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Show names plainly; fail where a page would fetch something from another host, so that all works offline."""
    found = _FETCHED.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} fetches from another host: {found.group()}...")
    return _ROLE.sub(r"<code>\1</code>", output)


def commands_page() -> str:
    """Every command with its arguments and options, as Markdown."""
    parts = ["# Command line\n\nEvery command, as its own `--help` tells it.\n"]
    for name, command in commands_of(typer.main.get_command(app), "eomoo"):
        parts.append(f"## {name}\n\n{_plain(command.help or '')}\n")
        if not hasattr(command, "commands"):
            parts += _usage(name, command)
    return "\n".join(parts)


def commands_of(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """A command and all below it, by the words that call it."""
    yield name, command
    for word, below in getattr(command, "commands", {}).items():
        yield from commands_of(below, f"{name} {word}")


def _usage(name: str, command: Any) -> Iterator[str]:
    context = typer.Context(command, info_name=name)
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    records = [p.get_help_record(context) for p in command.params]
    rows = [f"`{what}` | {_plain(said)}" for what, said in filter(None, records)]
    if rows:
        yield "\n".join(["argument or option | what it says", "---|---", *rows, ""])


def _plain(text: str) -> str:
    """A help text as Markdown that shows it as it is."""
    # Not all of these may have a backslash before them in Markdown, which would be shown then.
    return re.sub(r"(`[^`]*`)|([<>|*_\[\]])", lambda found: found[1] or f"&#{ord(found[2])};", text)
