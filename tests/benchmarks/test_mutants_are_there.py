"""Mutants name code and tests that are there, so that none of them stops the others or is killed for nothing."""

import re
import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from mutants import MUTANTS, ROOT, load

ROOMS = sorted(path.stem for path in MUTANTS.glob("*.toml"))


@cache
def text_of(name):
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def is_there(test):
    """Whether a test file is there, and the function that is named in it; its parameters are not looked at."""
    path, _, name = test.partition("::")
    if not name:
        return (ROOT / path).exists()
    return re.search(rf"^def {re.escape(name.partition('[')[0])}\(", text_of(path), re.MULTILINE) is not None


def broken(mutant):
    """Why a mutant cannot be run; "" where it can."""
    n = text_of(mutant.file).count(mutant.old)
    if n != 1:
        return f"{mutant.old!r} stands {n} times in {mutant.file}"
    lost = [test for test in mutant.tests if not is_there(test)]
    if lost or not mutant.tests:
        return f"there is no test {', '.join(lost)}"
    if not mutant.file.endswith(".py"):
        return ""
    try:
        compile(text_of(mutant.file).replace(mutant.old, mutant.new), mutant.file, "exec", dont_inherit=True)
    except SyntaxError as error:
        # Any test would fail.
        return f"the mutant is no Python: {error}"
    return ""


@pytest.mark.parametrize("room", ROOMS)
def test_every_mutant_is_found_once_where_it_says_and_its_tests_are_there(room):
    lost = [f"{mutant.why}: {why}" for mutant in load([room]) if (why := broken(mutant))]
    assert not lost, "\n".join(lost)


def test_no_mutant_is_there_twice():
    every = [(mutant.file, mutant.old, mutant.new, *mutant.tests) for mutant in load([])]
    assert len(every) > 200
    assert len(set(every)) == len(every)
