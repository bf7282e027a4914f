"""What pages have their readers type: every command exists, takes these options, and names cards that there are."""

import re
import shlex

import pytest
import typer
from pages import WRITTEN, commands

import eomoo
from eomoo.cli import app
from eomoo.search import ALGORITHMS

# What a parser refuses with, below Exception: in older versions of typer it has another name.
_REFUSED = typer.BadParameter.__mro__[-4]
# Of words in capitals a reader puts something in the place; a number, where one is asked for.
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_|.]*")


def typed(page):
    found = {command for command in commands(page) if command.startswith("eomoo ")}
    # Mentioned without what it is called with, as in "`eomoo measure`", or with what may follow.
    return sorted(command for command in found if len(command.split()) > 1 and "..." not in command)


def parsed(command):
    """The parser that a command comes to, and what it reads of its arguments."""
    parser, words = typer.main.get_command(app), shlex.split(command)[1:]
    while hasattr(parser, "commands") and words:
        assert words[0] in parser.commands, f"there is no command {words[0]}"
        parser, words = parser.commands[words[0]], words[1:]
    pairs = zip(["", *words], words, strict=False)
    given = ["1" if _PLACEHOLDER.fullmatch(word) and before.startswith("--") else word for before, word in pairs]
    return parser, words, given


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_command_of_a_page_is_understood(page):
    for command in typed(page):
        parser, words, given = parsed(command)
        if hasattr(parser, "commands"):
            assert not words or words == ["--help"], f"{page.name}: {command}"
            continue
        known = {name for p in parser.params for name in p.opts}
        for word in words:
            if re.match(r"--?[a-z]", word):
                assert word.partition("=")[0] in known, f"{page.name}: {command}: no option {word}"
        try:
            found = parser.make_context("eomoo", given).params
        except _REFUSED as error:
            # Prose may speak of a command without all that it needs; options are checked above.
            said = error.format_message()
            spoken = said.startswith("Missing") or said.endswith("requires an argument.")
            assert spoken, f"{page.name}: {command}: {said}"
            continue
        # A landscape is also of a table's folder.
        check_names(found if parser.name != "landscape" else {}, f"{page.name}: {command}")


def check_names(found, where):
    """Cards and algorithms are among those that there are."""
    names = [found.get("card"), *(found.get("problems") or "").split(",")]
    for card in filter(None, names):
        if not card.endswith(".toml") and not _PLACEHOLDER.fullmatch(card):
            assert card in eomoo.list_problems(), f"{where}: no card {card}"
    for algorithm in filter(None, [found.get("algorithm"), *(found.get("algorithms") or "").split(",")]):
        assert algorithm in ALGORITHMS, f"{where}: no algorithm {algorithm}"


def test_pages_have_commands_and_a_stale_one_is_noticed(tmp_path):
    assert sum(len(typed(page)) for page in WRITTEN) > 60
    page = tmp_path / "page.md"
    for stale in ("eomoo run --bugdet 3", "eomoo rnu", "eomoo run no-such-card", "eomoo run -a nsga7"):
        page.write_text(f"```bash\n{stale}\n```\n", encoding="utf-8")
        with pytest.raises(AssertionError):
            test_every_command_of_a_page_is_understood(page)
